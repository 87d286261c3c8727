//! Media types (RFC 9110, section 8.3), as far as it matters what they say.

/// A `Content-Type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Media<'a> {
    essence: &'a str,
    parameters: &'a str,
}

impl<'a> Media<'a> {
    pub(super) fn parse(text: &'a str) -> Self {
        let (essence, parameters) = text.split_once(';').unwrap_or((text, ""));
        Self {
            essence: essence.trim(),
            parameters,
        }
    }

    pub(super) fn is_html(&self) -> bool {
        ["text/html", "application/xhtml+xml"]
            .iter()
            .any(|html| self.essence.eq_ignore_ascii_case(html))
    }

    /// `charset`, without its quotes.
    pub(super) fn charset(&self) -> Option<&'a str> {
        self.parameters.split(';').find_map(|parameter| {
            let (name, value) = parameter.split_once('=')?;
            let is_charset = name.trim().eq_ignore_ascii_case("charset");
            is_charset.then(|| value.trim().trim_matches('"'))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_content_type_says() {
        for (text, is_html, charset) in [
            ("text/html", true, None),
            (" Text/HTML ; charset=UTF-8", true, Some("UTF-8")),
            (
                "application/xhtml+xml;a=b; Charset = \"latin1\" ",
                true,
                Some("latin1"),
            ),
            ("text/htmlx; charset=", false, Some("")),
            ("", false, None),
            (";;=;", false, None),
        ] {
            let media = Media::parse(text);
            assert_eq!(
                (media.is_html(), media.charset()),
                (is_html, charset),
                "{text}"
            );
        }
    }
}
