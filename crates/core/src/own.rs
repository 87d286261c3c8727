//! Results of durward's own making: written once, where they leave from.

use std::ops::Range;

use bytes::{BufMut, Bytes, BytesMut};
use serde::Serialize;

use crate::{RawJson, put_quoted, quote::put_escaped};

/// Room in front of a result for the envelope, whose id is known only later.
const FRONT: usize = 512;
/// Room for the words around text and structure, and for the envelope's end.
const WORDS: usize = 128;

/// A `result`, an object that has no `_meta` and no member that only some revisions have, so that
/// nothing in it need be looked for. No line break stands in it.
#[derive(Debug)]
pub struct OwnResult {
    buffer: BytesMut,
    body: Range<usize>,
    structure: Range<usize>,
}

impl OwnResult {
    /// A tool's result (`CallToolResult` of every revision): text for a model, structure for a program.
    pub fn of_tool<T: Serialize>(text: &str, structured: &T) -> Result<Self, serde_json::Error> {
        let mut out = Writing::begin(4 * text.len());
        put_quoted(&mut out.0, text);
        out.structure(|out| serde_json::to_writer(out.writer(), structured))
    }

    /// As [`OwnResult::of_tool`], of one whose text is also the member `content` of its structure. It may
    /// be long, so it is escaped once. `rest`, an object, holds the structure's other members.
    pub fn of_content<T: Serialize>(content: &str, rest: &T) -> Result<Self, serde_json::Error> {
        Self::of_long("", "content", content, rest)
    }

    /// As [`OwnResult::of_content`], of one whose text is `head` and then `content`, which is the member
    /// `name` of its structure.
    pub fn of_long<T: Serialize>(
        head: &str,
        name: &'static str,
        content: &str,
        rest: &T,
    ) -> Result<Self, serde_json::Error> {
        let rest = serde_json::to_vec(rest)?;
        // Escapes are rare; where there are many, the buffer grows once more.
        let room = 2 * content.len() + content.len() / 8 + head.len() + rest.len();
        let mut out = Writing::begin(room);
        out.0.put_u8(b'"');
        put_escaped(&mut out.0, head.as_bytes());
        let start = out.0.len();
        put_escaped(&mut out.0, content.as_bytes());
        let escaped = start..out.0.len();
        out.0.put_u8(b'"');
        out.structure(|out| {
            out.put_u8(b'{');
            put_quoted(out, name);
            out.put_slice(b":\"");
            out.extend_from_within(escaped);
            out.put_u8(b'"');
            match rest.strip_prefix(b"{") {
                Some(b"}") | None => out.put_u8(b'}'),
                Some(members) => {
                    out.put_u8(b',');
                    out.put_slice(members);
                }
            }
            Ok(())
        })
    }

    /// The result.
    pub fn body(&self) -> &[u8] {
        &self.buffer[self.body.clone()]
    }

    /// What it says, once: a tool's `structuredContent`, whose text says no more; the whole of any other.
    pub fn told(&self) -> &[u8] {
        &self.buffer[self.structure.clone()]
    }

    /// The result as a value.
    pub fn to_raw(&self) -> RawJson {
        RawJson::from_scanned(Bytes::copy_from_slice(self.body()))
    }

    /// The result between `head` and `tail`; `first`, members without brackets, come before its own.
    /// What is long is not copied.
    pub fn framed(mut self, head: &[u8], first: &str, tail: u8) -> Bytes {
        let has_members = self.body() != b"{}";
        let comma: &[u8] = if has_members && !first.is_empty() {
            b","
        } else {
            b""
        };
        // The object's own bracket is written again, before `first`.
        let rest = self.body.start + 1;
        let front = [head, b"{", first.as_bytes(), comma];
        let room: usize = front.iter().map(|part| part.len()).sum();
        self.buffer.truncate(self.body.end);
        if let Some(start) = rest.checked_sub(room) {
            let mut at = start;
            for part in front {
                self.buffer[at..at + part.len()].copy_from_slice(part);
                at += part.len();
            }
            self.buffer.put_u8(tail);
            return self.buffer.freeze().slice(start..);
        }
        let mut out = BytesMut::with_capacity(room + self.buffer.len());
        for part in front {
            out.put_slice(part);
        }
        out.put_slice(&self.buffer[rest..]);
        out.put_u8(tail);
        out.freeze()
    }
}

impl From<RawJson> for OwnResult {
    /// Takes a result that is not a tool's: an object of our own.
    fn from(raw: RawJson) -> Self {
        let mut buffer = BytesMut::with_capacity(FRONT + raw.len() + 1);
        buffer.resize(FRONT, 0);
        buffer.put_slice(raw.bytes());
        let body = FRONT..buffer.len();
        Self {
            buffer,
            structure: body.clone(),
            body,
        }
    }
}

/// A tool's result, up to its text.
struct Writing(BytesMut);

impl Writing {
    fn begin(room: usize) -> Self {
        let mut out = BytesMut::with_capacity(FRONT + WORDS + room);
        out.resize(FRONT, 0);
        out.put_slice(br#"{"content":[{"type":"text","text":"#);
        Self(out)
    }

    fn structure(
        mut self,
        write: impl FnOnce(&mut BytesMut) -> Result<(), serde_json::Error>,
    ) -> Result<OwnResult, serde_json::Error> {
        self.0.put_slice(br#"}],"structuredContent":"#);
        let start = self.0.len();
        write(&mut self.0)?;
        let structure = start..self.0.len();
        self.0.put_u8(b'}');
        Ok(OwnResult {
            body: FRONT..self.0.len(),
            buffer: self.0,
            structure,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(bytes: &[u8]) -> Value {
        serde_json::from_slice(bytes).unwrap()
    }

    #[test]
    fn content_that_is_escaped_once_reads_the_same_in_both_places() {
        for rest in [json!({}), json!({"size": 3})] {
            let text = "a \"b\" ü\n".repeat(40);
            let result = OwnResult::of_content(&text, &rest).unwrap();
            let body = read(result.body());
            assert_eq!(body["content"][0]["text"], text);
            assert_eq!(body["structuredContent"]["content"], text);
            assert_eq!(body["structuredContent"]["size"], rest["size"]);
            assert_eq!(body["structuredContent"], read(result.told()));
        }
    }

    #[test]
    fn a_long_text_may_have_a_head() {
        let result =
            OwnResult::of_long("200 \"ok\"\n\n", "body", "a \"b\"\n", &json!({"n": 1})).unwrap();
        let body = read(result.body());
        assert_eq!(body["content"][0]["text"], "200 \"ok\"\n\na \"b\"\n");
        assert_eq!(
            body["structuredContent"],
            json!({"body": "a \"b\"\n", "n": 1})
        );
    }

    #[test]
    fn a_tool_s_result_is_text_and_structure() {
        let result = OwnResult::of_tool("a \"b\"\n\u{1}", &json!({"n": 1})).unwrap();
        let content = json!([{"type": "text", "text": "a \"b\"\n\u{1}"}]);
        let plain = json!({"content": content, "structuredContent": {"n": 1}});
        assert_eq!(read(result.body()), plain);
        assert_eq!(result.told(), br#"{"n":1}"#);
        assert_eq!(read(result.to_raw().bytes()), plain);
    }

    #[test]
    fn it_is_framed_in_place_or_anew() {
        for id in ["1".to_owned(), format!("\"{}\"", "i".repeat(FRONT))] {
            for (raw, first) in [
                ("{}", ""),
                ("{}", "\"a\":1"),
                ("{\"b\":2}", ""),
                ("{\"b\":2}", "\"a\":1"),
            ] {
                let head = format!("{{\"id\":{id},\"result\":");
                let own = OwnResult::from(RawJson::from_scanned(raw.to_owned().into()));
                let message = read(&own.framed(head.as_bytes(), first, b'}'));
                let result = &message["result"];
                assert_eq!(message["id"], read(id.as_bytes()));
                assert_eq!(result.get("a").is_some(), !first.is_empty());
                assert_eq!(result.get("b").is_some(), raw != "{}");
            }
        }
    }
}
