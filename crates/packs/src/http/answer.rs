//! The result of `http_fetch`: a line about the answer and its body, for a model and for a program.

use std::collections::BTreeMap;

use durward_cage::egress::Response;
use durward_core::{Answer, OwnResult, Refusal, RefusalCode};
use serde::Serialize;

use super::{
    arguments::invalid,
    content::{Content, Encoding},
    page::Range,
};

/// What the result says beside `body`.
#[derive(Debug, Serialize)]
struct About<'a> {
    status: u16,
    url: &'a str,
    headers: BTreeMap<&'a str, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_type: Option<&'a str>,
    encoding: Encoding,
    truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Range>,
    redirects: u8,
}

/// Writes the part of the content that is asked for.
pub(super) fn write(
    response: &Response,
    mut content: Content,
    range: Range,
) -> Result<Answer, Refusal> {
    let Some(page) = range.of(&content.text) else {
        let most = content.text.chars().count();
        let reason = format!("the text ends before `offset`: it has {most} characters");
        return Err(invalid("/range/offset", reason));
    };
    let about = About {
        status: response.status,
        url: response.target.as_str(),
        headers: headers(response),
        content_type: response.header("content-type"),
        encoding: content.encoding,
        truncated: content.cut || page.next.is_some(),
        next: page.next,
        redirects: response.redirects,
    };
    let head = head(&about, &content);
    let mut text = std::mem::take(&mut content.text);
    text.truncate(page.end);
    text.drain(..page.start);
    OwnResult::of_long(&head, "body", text, &about)
        .map(Answer::Own)
        .map_err(|_| Refusal::new(RefusalCode::Internal, "the answer could not be written"))
}

/// The headers, those of one name joined (RFC 9110, section 5.3).
fn headers(response: &Response) -> BTreeMap<&str, String> {
    let mut headers: BTreeMap<&str, String> = BTreeMap::new();
    for (name, value) in &response.headers {
        let joined = headers.entry(name).or_default();
        if !joined.is_empty() {
            joined.push_str(", ");
        }
        joined.push_str(value);
    }
    headers
}

/// As in `200, text/html as Markdown, https://example.com/`, and how to go on.
fn head(about: &About<'_>, content: &Content) -> String {
    let mut head = about.status.to_string();
    if let Some(kind) = about.content_type {
        head.extend([", ", kind]);
    }
    match (content.encoding, content.is_markdown) {
        (Encoding::Base64, _) => head.push_str(" as base64"),
        (Encoding::Utf8, true) => head.push_str(" as Markdown"),
        (Encoding::Utf8, false) => {}
    }
    head.extend([", ", about.url]);
    if let Some(location) = about.headers.get("location") {
        head.extend(["\nlocation: ", location]);
    }
    match about.next {
        Some(next) => {
            head.push_str(&format!(
                "\na part; go on with `range` {{\"offset\": {}}}",
                next.offset
            ));
        }
        None if about.truncated => head.push_str("\ncut: the rest is over the limit"),
        None => {}
    }
    head.push_str("\n\n");
    head
}
