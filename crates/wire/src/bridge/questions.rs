//! A server's question, as a client of some revision may have it (protocol.md, section 6.3).

use durward_core::{Era, Question, RawJson, Revision};

use crate::{
    edit::{Change, changed},
    encode,
    scan::{elements, members},
};

/// The revision has no words for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoWords;

/// The question in the words of the revision.
///
/// # Errors
/// [`NoWords`]: a choice of several before 2025-11-25, or the use of tools.
pub fn to_client(
    question: Question,
    revision: Revision,
    params: &RawJson,
) -> Result<RawJson, NoWords> {
    match question {
        Question::Elicit if revision.era() == Era::Modern => {
            Ok(changed_if(params, "elicitationId", Change::Drop))
        }
        Question::Elicit if revision < Revision::V2025_11_25 => form(params),
        Question::Sample if revision < Revision::V2025_11_25 => sampling(params),
        Question::Elicit | Question::Sample | Question::Roots => Ok(params.clone()),
    }
}

fn member(object: &RawJson, name: &str) -> Option<RawJson> {
    let found = members(object).into_iter().find(|(key, _)| key == name);
    found.map(|(_, value)| value)
}

/// With the change where there is something to be changed, so that all else stays as it is spelled.
fn changed_if(object: &RawJson, name: &'static str, change: Change<'_>) -> RawJson {
    match member(object, name) {
        Some(_) => changed(object, &[(name, change)]),
        None => object.clone(),
    }
}

/// A form, the one mode that 2025-06-18 has; its fields have one value each.
fn form(params: &RawJson) -> Result<RawJson, NoWords> {
    let params = changed_if(params, "mode", Change::Drop);
    let schema = member(&params, "requestedSchema");
    let fields = schema
        .as_ref()
        .and_then(|schema| member(schema, "properties"));
    let (Some(schema), Some(fields)) = (schema, fields) else {
        return Ok(params);
    };
    let told: Vec<_> = members(&fields)
        .into_iter()
        .map(|(name, field)| Ok((name, told_field(&field)?)))
        .collect::<Result<_, NoWords>>()?;
    if told.iter().all(|(_, field)| field.is_none()) {
        return Ok(params);
    }
    let kept = members(&fields);
    let fields: Vec<_> = told
        .iter()
        .zip(&kept)
        .map(|((name, told), (_, field))| (name.as_ref(), told.as_ref().unwrap_or(field)))
        .collect();
    let fields = encode::object(&fields);
    let schema = changed(&schema, &[("properties", Change::Set(&fields))]);
    Ok(changed(
        &params,
        &[("requestedSchema", Change::Set(&schema))],
    ))
}

/// A field in other words; none where it stays. Choices with titles were `enum` and `enumNames`.
fn told_field(field: &RawJson) -> Result<Option<RawJson>, NoWords> {
    let kind = member(field, "type").and_then(|kind| kind.parse::<String>().ok());
    if kind.as_deref() == Some("array") {
        return Err(NoWords);
    }
    let Some(choices) = member(field, "oneOf") else {
        return Ok(None);
    };
    let choices = elements(&choices);
    let of = |name| choices.iter().map(|choice| member(choice, name)).collect();
    let (values, titles): (Option<Vec<_>>, Option<Vec<_>>) = (of("const"), of("title"));
    let values = array(&values.ok_or(NoWords)?);
    let titles = titles.map(|titles| array(&titles));
    let mut changes = vec![("oneOf", Change::Drop), ("enum", Change::Set(&values))];
    changes.extend(
        titles
            .as_ref()
            .map(|titles| ("enumNames", Change::Set(titles))),
    );
    Ok(Some(changed(field, &changes)))
}

/// A message had one block of content before 2025-11-25.
fn sampling(params: &RawJson) -> Result<RawJson, NoWords> {
    let Some(messages) = member(params, "messages") else {
        return Ok(params.clone());
    };
    let (mut told, mut is_changed) = (Vec::new(), false);
    for message in elements(&messages) {
        let content = member(&message, "content");
        let blocks = match &content {
            Some(content) if content.as_str().starts_with('[') => {
                is_changed = true;
                elements(content)
            }
            Some(content) => vec![content.clone()],
            None => Vec::new(),
        };
        let is_of_tools = |block: &RawJson| {
            let kind = member(block, "type").and_then(|kind| kind.parse::<String>().ok());
            matches!(kind.as_deref(), Some("tool_use" | "tool_result"))
        };
        if blocks.iter().any(is_of_tools) {
            return Err(NoWords);
        }
        told.extend(
            blocks
                .iter()
                .map(|block| changed(&message, &[("content", Change::Set(block))])),
        );
    }
    if !is_changed {
        return Ok(params.clone());
    }
    Ok(changed(params, &[("messages", Change::Set(&array(&told)))]))
}

fn array(items: &[RawJson]) -> RawJson {
    let text: Vec<_> = items.iter().map(RawJson::as_str).collect();
    RawJson::from_scanned(format!("[{}]", text.join(",")).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(question: Question, revision: Revision, params: &'static str) -> String {
        match to_client(question, revision, &RawJson::from_static(params)) {
            Ok(told) => told.as_str().to_owned(),
            Err(NoWords) => "no words".to_owned(),
        }
    }

    #[test]
    fn what_a_revision_has_stays_as_it_is_spelled() {
        for (question, params) in [
            (
                Question::Elicit,
                r#"{ "mode":"form", "requestedSchema":{"properties":{"a":{"type":"array"}}}}"#,
            ),
            (
                Question::Sample,
                r#"{ "messages":[{"role":"user","content":[ ]}]}"#,
            ),
            (Question::Roots, "{ }"),
        ] {
            assert_eq!(told(question, Revision::V2025_11_25, params), params);
        }
        let plain =
            r#"{ "message":"m","requestedSchema":{"properties":{"a":{"type":"number", "x":1.0}}}}"#;
        assert_eq!(told(Question::Elicit, Revision::V2025_06_18, plain), plain);
    }

    #[test]
    fn a_modern_question_has_no_id_of_its_own() {
        let params = r#"{"mode":"url","elicitationId":"e","url":"https://a"}"#;
        assert_eq!(
            told(Question::Elicit, Revision::V2026_07_28, params),
            r#"{"mode":"url","url":"https://a"}"#
        );
    }

    #[test]
    fn a_form_of_2025_06_18_has_no_mode_and_titles_beside_its_choices() {
        let params = r#"{"mode":"form","message":"m","requestedSchema":{"type":"object","properties":{"n":{"type":"number"},"c":{"type":"string","oneOf":[{"const":"a","title":"A"},{"const":"b","title":"B"}],"default":"a"}}}}"#;
        assert_eq!(
            told(Question::Elicit, Revision::V2025_06_18, params),
            r#"{"message":"m","requestedSchema":{"type":"object","properties":{"n":{"type":"number"},"c":{"type":"string","default":"a","enum":["a","b"],"enumNames":["A","B"]}}}}"#
        );
        let several =
            r#"{"requestedSchema":{"properties":{"a":{"type":"array","items":{"enum":["x"]}}}}}"#;
        assert_eq!(
            told(Question::Elicit, Revision::V2025_06_18, several),
            "no words"
        );
    }

    #[test]
    fn blocks_of_content_are_messages_of_one_role() {
        let params = r#"{"messages":[{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},{"role":"assistant","content":{"type":"text","text":"c"}}],"maxTokens":5}"#;
        assert_eq!(
            told(Question::Sample, Revision::V2025_06_18, params),
            r#"{"messages":[{"role":"user","content":{"type":"text","text":"a"}},{"role":"user","content":{"type":"text","text":"b"}},{"role":"assistant","content":{"type":"text","text":"c"}}],"maxTokens":5}"#
        );
        let tools = r#"{"messages":[{"role":"user","content":[{"type":"tool_result"}]}]}"#;
        assert_eq!(
            told(Question::Sample, Revision::V2025_06_18, tools),
            "no words"
        );
    }
}
