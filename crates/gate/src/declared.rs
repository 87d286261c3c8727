//! What a client says that it can be asked (schema.ts, `ClientCapabilities`).

use durward_core::{AskFault, Client, Question, RawJson, Revision};
use serde::{Deserialize, de::IgnoredAny};

/// What a client can be asked, and in which ways.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Declared {
    form: bool,
    url: bool,
    sampling: bool,
    sampling_tools: bool,
    roots: bool,
}

#[derive(Deserialize)]
struct Capabilities {
    elicitation: Option<Elicitation>,
    sampling: Option<Sampling>,
    roots: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Elicitation {
    form: Option<IgnoredAny>,
    url: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Sampling {
    tools: Option<IgnoredAny>,
}

impl Declared {
    /// What this client says, as far as its revision has it. What can't be read is not declared.
    pub(crate) fn by(client: &Client) -> Self {
        // Most clients declare nothing of the kind.
        if client.capabilities.as_str() == "{}" {
            return Self::default();
        }
        let Ok(said) = client.capabilities.parse::<Capabilities>() else {
            return Self::default();
        };
        let since = |first: Revision| client.revision >= first;
        let elicitation = said.elicitation.filter(|_| since(Revision::V2025_06_18));
        let has_url = |it: &Elicitation| it.url.is_some() && since(Revision::V2025_11_25);
        Self {
            // `elicitation: {}` means forms, the only mode that there was.
            form: elicitation
                .as_ref()
                .is_some_and(|it| it.form.is_some() || it.url.is_none()),
            url: elicitation.as_ref().is_some_and(has_url),
            sampling: said.sampling.is_some(),
            sampling_tools: since(Revision::V2025_11_25)
                && said.sampling.is_some_and(|it| it.tools.is_some()),
            roots: said.roots.is_some(),
        }
    }

    /// Can it be asked anything at all?
    pub(crate) fn any(self) -> bool {
        self != Self::default()
    }

    /// Can it be asked this, in this way?
    pub(crate) fn check(self, question: Question, params: &RawJson) -> Result<(), AskFault> {
        #[derive(Deserialize)]
        struct Asked {
            mode: Option<String>,
            tools: Option<IgnoredAny>,
            #[serde(rename = "toolChoice")]
            tool_choice: Option<IgnoredAny>,
        }
        let asked = || params.parse::<Asked>().ok();
        let (declared, in_this_way) = match question {
            Question::Roots => (self.roots, self.roots),
            Question::Sample => {
                let plain =
                    || asked().is_some_and(|it| it.tools.is_none() && it.tool_choice.is_none());
                (self.sampling, self.sampling_tools || plain())
            }
            Question::Elicit => {
                let mode = asked().map(|it| it.mode.unwrap_or_else(|| "form".to_owned()));
                let has = match mode.as_deref() {
                    Some("form") => self.form,
                    Some("url") => self.url,
                    _ => false,
                };
                (self.form || self.url, has)
            }
        };
        match (declared, in_this_way) {
            (false, _) => Err(AskFault::Undeclared),
            (true, false) => Err(AskFault::ModeUndeclared),
            (true, true) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(
        capabilities: &'static str,
        revision: Revision,
        question: Question,
        params: &'static str,
    ) -> &'static str {
        let client = Client::new(revision, RawJson::from_static(capabilities), None);
        match Declared::by(&client).check(question, &RawJson::from_static(params)) {
            Ok(()) => "ok",
            Err(AskFault::Undeclared) => "undeclared",
            Err(AskFault::ModeUndeclared) => "mode",
            Err(_) => "else",
        }
    }

    #[test]
    fn a_client_is_asked_only_what_it_declared_and_its_revision_has() {
        use Revision as R;
        let (form, url) = ("{}", r#"{"mode":"url"}"#);
        let both = r#"{"elicitation":{"form":{},"url":{}}}"#;
        for (capabilities, revision, question, params, expected) in [
            ("{}", R::V2026_07_28, Question::Elicit, form, "undeclared"),
            ("[]", R::V2026_07_28, Question::Roots, "{}", "undeclared"),
            (
                r#"{"elicitation":{}}"#,
                R::V2026_07_28,
                Question::Elicit,
                form,
                "ok",
            ),
            (
                r#"{"elicitation":{}}"#,
                R::V2026_07_28,
                Question::Elicit,
                url,
                "mode",
            ),
            (
                r#"{"elicitation":{"url":{}}}"#,
                R::V2025_11_25,
                Question::Elicit,
                form,
                "mode",
            ),
            (both, R::V2025_11_25, Question::Elicit, url, "ok"),
            (both, R::V2025_06_18, Question::Elicit, url, "mode"),
            (
                both,
                R::V2025_06_18,
                Question::Elicit,
                r#"{"mode":"form"}"#,
                "ok",
            ),
            (both, R::V2025_03_26, Question::Elicit, form, "undeclared"),
            (
                both,
                R::V2025_11_25,
                Question::Elicit,
                r#"{"mode":"other"}"#,
                "mode",
            ),
            (
                r#"{"sampling":{}}"#,
                R::V2024_11_05,
                Question::Sample,
                "{}",
                "ok",
            ),
            (
                r#"{"sampling":{}}"#,
                R::V2025_11_25,
                Question::Sample,
                r#"{"tools":[]}"#,
                "mode",
            ),
            (
                r#"{"sampling":{"tools":{}}}"#,
                R::V2025_11_25,
                Question::Sample,
                r#"{"tools":[]}"#,
                "ok",
            ),
            (
                r#"{"sampling":{"tools":{}}}"#,
                R::V2025_06_18,
                Question::Sample,
                r#"{"tools":[]}"#,
                "mode",
            ),
            (
                r#"{"roots":{}}"#,
                R::V2024_11_05,
                Question::Roots,
                "{}",
                "ok",
            ),
            (
                r#"{"sampling":{}}"#,
                R::V2026_07_28,
                Question::Roots,
                "{}",
                "undeclared",
            ),
        ] {
            let got = word(capabilities, revision, question, params);
            assert_eq!(
                got, expected,
                "{capabilities} {revision} {question:?} {params}"
            );
        }
    }
}
