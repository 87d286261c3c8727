//! What a browser is sent out with, and what it may come back with (RFC 6749 section 4.1, RFC 7636, RFC
//! 8707, RFC 9207).

use durward_core::{Clock, Secret};
use url::{Url, form_urlencoded};

use super::{
    AuthorizationServer, OAuthFault, Scopes, Verifier,
    fault::plain,
    pkce::{METHOD, unguessable},
};

/// One attempt of a person to agree: what was asked, of whom, and what proves that an answer is to it.
#[derive(Debug)]
pub struct Authorization {
    url: String,
    state: Secret,
    verifier: Verifier,
    issuer: String,
    must_name_itself: bool,
}

/// What the browser came back with.
#[derive(Debug)]
pub enum Answered {
    /// A code for the token endpoint.
    Code(Secret),
    /// No, and why.
    Refused(OAuthFault),
}

impl Authorization {
    /// A new attempt.
    ///
    /// # Errors
    /// [`OAuthFault::NoPkce`], or there is no place where a person could agree.
    pub fn new(
        server: &AuthorizationServer,
        client_id: &str,
        redirect: &str,
        resource: &str,
        scopes: &Scopes,
        clock: &dyn Clock,
    ) -> Result<Self, OAuthFault> {
        if !server.takes_pkce {
            return Err(OAuthFault::NoPkce);
        }
        let nowhere = OAuthFault::NoEndpoint("authorization_endpoint");
        let endpoint = server.authorize.as_ref().ok_or(nowhere.clone())?;
        let (state, verifier) = (Secret::new(unguessable(clock)), Verifier::new(clock));
        let mut url = Url::parse(endpoint.as_str()).map_err(|_| nowhere)?;
        let mut query = url.query_pairs_mut();
        query
            .append_pair("response_type", "code")
            .append_pair("client_id", client_id)
            .append_pair("redirect_uri", redirect)
            .append_pair("state", state.expose())
            .append_pair("code_challenge", &verifier.challenge())
            .append_pair("code_challenge_method", METHOD)
            .append_pair("resource", resource);
        if !scopes.is_empty() {
            query.append_pair("scope", &scopes.to_string());
        }
        drop(query);
        Ok(Self {
            url: url.into(),
            state,
            verifier,
            issuer: server.issuer.as_str().to_owned(),
            must_name_itself: server.names_itself,
        })
    }

    /// Where the browser goes.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What the token endpoint is to see beside the code.
    pub fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// Judges the query that a browser came back with: whether it is to this attempt, then who it comes from,
    /// and only then what it says.
    ///
    /// # Errors
    /// [`OAuthFault::OtherState`] where it is to another attempt: this one goes on. [`OAuthFault::OtherSender`]
    /// and [`OAuthFault::NoAnswer`] end it.
    pub fn judge(&self, query: &str) -> Result<Answered, OAuthFault> {
        let only = |name: &str| {
            let mut all = form_urlencoded::parse(query.as_bytes()).filter(|(key, _)| key == name);
            match (all.next(), all.next()) {
                (Some(_), Some(_)) => Err(OAuthFault::NoAnswer("it says something twice")),
                (first, _) => Ok(first.map(|(_, value)| value.into_owned())),
            }
        };
        // Whoever does not know the state ends nothing, however it is said.
        let state = only("state").ok().flatten().ok_or(OAuthFault::OtherState)?;
        if !self.state.is(state.as_bytes()) {
            return Err(OAuthFault::OtherState);
        }
        match only("iss")? {
            Some(issuer) if issuer != self.issuer => return Err(OAuthFault::OtherSender),
            None if self.must_name_itself => return Err(OAuthFault::OtherSender),
            Some(_) | None => {}
        }
        match (only("error")?, only("code")?) {
            (Some(error), _) => {
                let sentence = match only("error_description")? {
                    Some(why) => format!("{}: {}", plain(&error), plain(&why)),
                    None => plain(&error),
                };
                Ok(Answered::Refused(OAuthFault::Refused(sentence)))
            }
            (None, Some(code)) if !code.is_empty() => Ok(Answered::Code(Secret::new(code))),
            _ => Err(OAuthFault::NoAnswer("it has neither a code nor an error")),
        }
    }
}

#[cfg(test)]
mod tests {
    use durward_core::ManualClock;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::oauth::{Ground, Issuer};

    fn server(more: &serde_json::Value) -> AuthorizationServer {
        let mut document = json!({
            "issuer": "https://as.example",
            "authorization_endpoint": "https://as.example/authorize?tenant=a%20b",
            "token_endpoint": "https://as.example/token",
            "code_challenge_methods_supported": ["S256"],
        });
        for (key, value) in more.as_object().unwrap() {
            document[key] = value.clone();
        }
        let issuer = Issuer::parse(Ground::Elsewhere, "https://as.example").unwrap();
        let body = document.to_string();
        AuthorizationServer::read(Ground::Elsewhere, &issuer, false, body.as_bytes()).unwrap()
    }

    fn attempt(more: &serde_json::Value) -> Authorization {
        Authorization::new(
            &server(more),
            "me & you",
            "http://127.0.0.1:7/callback",
            "https://x.example/mcp",
            &Scopes::parse("a b"),
            &ManualClock::new(),
        )
        .unwrap()
    }

    #[test]
    fn a_browser_is_sent_out_with_all_that_binds_the_answer() {
        let attempt = attempt(&json!({}));
        let url = Url::parse(attempt.url()).unwrap();
        let pairs: std::collections::BTreeMap<_, _> = url.query_pairs().into_owned().collect();
        assert_eq!(url.path(), "/authorize");
        for (key, value) in [
            ("tenant", "a b"),
            ("response_type", "code"),
            ("client_id", "me & you"),
            ("redirect_uri", "http://127.0.0.1:7/callback"),
            ("resource", "https://x.example/mcp"),
            ("scope", "a b"),
            ("code_challenge_method", "S256"),
        ] {
            assert_eq!(pairs[key], value, "{key}");
        }
        assert_eq!(pairs["code_challenge"], attempt.verifier().challenge());
        assert!(pairs["state"].len() == 43 && pairs["state"] == attempt.state.expose());
    }

    #[test]
    fn without_pkce_nobody_is_sent_out() {
        let without = server(&json!({"code_challenge_methods_supported": ["plain"]}));
        let asked = Authorization::new(
            &without,
            "a",
            "http://127.0.0.1:7/",
            "https://x.example",
            &Scopes::default(),
            &ManualClock::new(),
        );
        assert!(matches!(asked, Err(OAuthFault::NoPkce)));
    }

    #[test]
    fn who_answers_is_judged_before_what_is_said() {
        let own = "https%3A%2F%2Fas.example";
        // What the metadata says, the `iss` of the answer, and whether it is taken.
        for (advertised, iss, taken) in [
            (true, Some(own), true),
            (true, None, false),
            (true, Some("https%3A%2F%2Fas.example%2F"), false),
            (false, None, true),
            (false, Some(own), true),
            (false, Some("https%3A%2F%2Fevil.example"), false),
            (false, Some("https%3A%2F%2FAS.example"), false),
            (false, Some("https%3A%2F%2Fas.example:443"), false),
            (false, Some(""), false),
        ] {
            let more = json!({"authorization_response_iss_parameter_supported": advertised});
            let attempt = attempt(&more);
            for said in ["code=c", "error=access_denied"] {
                let iss = iss.map_or(String::new(), |iss| format!("&iss={iss}"));
                let query = format!("{said}&state={}{iss}", attempt.state.expose());
                match attempt.judge(&query) {
                    Ok(Answered::Code(code)) => {
                        assert!(taken && said == "code=c" && code.expose() == "c", "{query}");
                    }
                    Ok(Answered::Refused(_)) => assert!(taken && said != "code=c", "{query}"),
                    Err(fault) => assert!(!taken && fault == OAuthFault::OtherSender, "{query}"),
                }
            }
        }
    }

    #[test]
    fn an_answer_to_another_attempt_or_in_two_voices_is_none() {
        let attempt = attempt(&json!({}));
        let state = attempt.state.expose();
        let twice = format!("code=c&state={state}&state=x");
        for query in ["", "code=c", "code=c&state=", "code=c&state=x", &twice] {
            let judged = attempt.judge(query);
            assert!(matches!(judged, Err(OAuthFault::OtherState)), "{query}");
        }
        for query in [
            format!("state={state}"),
            format!("state={state}&code="),
            format!("state={state}&code=c&code=d"),
            format!("state={state}&code=c&iss=https://as.example&iss=https://evil.example"),
        ] {
            let judged = attempt.judge(&query);
            assert!(matches!(judged, Err(OAuthFault::NoAnswer(_))), "{query}");
        }
    }

    proptest! {
        /// Without the state nothing is taken, whatever it says.
        #[test]
        fn nothing_is_taken_without_the_state(query in "[a-z=&%0-9]{0,80}") {
            let taken = attempt(&json!({})).judge(&query);
            prop_assert!(taken.is_err());
        }
    }
}
