//! What a provider gives back.

use serde::Serialize;

use crate::RawJson;

/// What a provider answers to a call that was let through.
#[derive(Debug, Clone)]
pub enum Answer {
    /// The body of the JSON-RPC `result`: an object, without the envelope of any one revision.
    Result(RawJson),
    /// The same, of durward's own making: it has no `_meta` and no member that only some revisions
    /// have, so that nothing in it need be looked for.
    Own(RawJson),
    /// A JSON-RPC error, as an upstream or a provider words it.
    Error(ProtocolError),
}

impl Answer {
    /// The answer's size on the wire, without the envelope.
    pub fn len(&self) -> usize {
        match self {
            Self::Result(body) | Self::Own(body) => body.len(),
            Self::Error(error) => error.message.len() + error.data.as_ref().map_or(0, RawJson::len),
        }
    }

    /// True where the answer holds nothing at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A JSON-RPC error object (JSON-RPC 2.0, section 5.1).
#[derive(Debug, Clone)]
pub struct ProtocolError {
    /// The number that peers act on.
    pub code: i64,
    /// One sentence for people.
    pub message: String,
    /// What else is known, if anything.
    pub data: Option<RawJson>,
}

/// What a built-in tool hands over: text for a model, structure for a program.
#[derive(Debug, Clone)]
pub struct ToolResult {
    /// What a model reads.
    pub text: String,
    /// What fits the tool's output schema.
    pub structured: RawJson,
    /// The tool ran and failed.
    pub is_error: bool,
}

impl ToolResult {
    /// A success: `structured` is serialised once, here.
    pub fn of<T: Serialize>(text: String, structured: &T) -> Result<Self, serde_json::Error> {
        Ok(Self {
            text,
            structured: RawJson::of(structured)?,
            is_error: false,
        })
    }

    /// The body of a `CallToolResult` (schema.ts of every revision), written in one pass.
    pub fn into_answer(self) -> Result<Answer, serde_json::Error> {
        const ROOM: usize = 128;
        let mut out = Vec::with_capacity(2 * self.text.len() + self.structured.len() + ROOM);
        out.extend_from_slice(br#"{"content":[{"type":"text","text":"#);
        serde_json::to_writer(&mut out, &self.text)?;
        out.extend_from_slice(br#"}],"structuredContent":"#);
        out.extend_from_slice(self.structured.bytes());
        if self.is_error {
            out.extend_from_slice(br#","isError":true"#);
        }
        out.push(b'}');
        Ok(Answer::Own(RawJson::from_scanned(out.into())))
    }

    /// A success whose text is also the member `content` of its structure. It may be long, so it is
    /// escaped once. `rest`, an object, holds the structure's other members.
    pub fn of_content<T: Serialize>(content: &str, rest: &T) -> Result<Answer, serde_json::Error> {
        const ROOM: usize = 128;
        let rest = serde_json::to_vec(rest)?;
        // Escapes are rare; where there are many, the buffer grows once more.
        let mut out = Vec::with_capacity(2 * content.len() + content.len() / 8 + rest.len() + ROOM);
        out.extend_from_slice(br#"{"content":[{"type":"text","text":"#);
        let start = out.len();
        serde_json::to_writer(&mut out, content)?;
        let escaped = start..out.len();
        out.extend_from_slice(br#"}],"structuredContent":{"content":"#);
        out.extend_from_within(escaped);
        match rest.strip_prefix(b"{") {
            Some(b"}") | None => out.push(b'}'),
            Some(members) => {
                out.push(b',');
                out.extend_from_slice(members);
            }
        }
        out.push(b'}');
        Ok(Answer::Own(RawJson::from_scanned(out.into())))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn written(is_error: bool) -> Value {
        let mut result = ToolResult::of("a \"b\"\n\u{1}".to_owned(), &json!({"n": 1})).unwrap();
        result.is_error = is_error;
        match result.into_answer().unwrap() {
            Answer::Own(body) => body.parse().unwrap(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn content_that_is_escaped_once_reads_the_same_in_both_places() {
        for rest in [json!({}), json!({"size": 3})] {
            let text = "a \"b\" ü\n";
            let Answer::Own(body) = ToolResult::of_content(text, &rest).unwrap() else {
                panic!("not our own");
            };
            let body: Value = body.parse().unwrap();
            assert_eq!(body["content"][0]["text"], text);
            assert_eq!(body["structuredContent"]["content"], text);
            assert_eq!(body["structuredContent"]["size"], rest["size"]);
        }
    }

    #[test]
    fn a_tool_s_result_is_text_and_structure() {
        let content = json!([{"type": "text", "text": "a \"b\"\n\u{1}"}]);
        let plain = json!({"content": content, "structuredContent": {"n": 1}});
        assert_eq!(written(false), plain);
        let failed = json!({"content": content, "structuredContent": {"n": 1}, "isError": true});
        assert_eq!(written(true), failed);
    }
}
