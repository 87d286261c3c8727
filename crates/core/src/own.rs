//! Results of durward's own making: written once, where they leave from.

use std::ops::Range;

use bytes::{BufMut, Bytes};
use serde::Serialize;

use crate::{
    Body, RawJson, put_quoted,
    quote::{escape_behind, put_escaped},
};

/// Room in front of a result for the envelope, whose id is known only later.
const FRONT: usize = 512;
/// Room for the words around text and structure, and for the envelope's end.
const WORDS: usize = 128;
/// A text of so many bytes is kept once, and said again when it leaves: a copy would cost more than the
/// pieces do.
const LONG: usize = 64 * 1024;

/// A `result`, an object that has no `_meta` and no member that only some revisions have, so that
/// nothing in it need be looked for. No line break stands in it.
#[derive(Debug)]
pub struct OwnResult {
    buffer: Vec<u8>,
    body: Range<usize>,
    structure: Range<usize>,
    /// What is said again at `at`, in the structure; nothing where all stands in the buffer.
    again: Range<usize>,
    at: usize,
    ran_out_of_time: bool,
}

impl OwnResult {
    /// A tool's result (`CallToolResult` of every revision): text for a model, structure for a program.
    pub fn of_tool<T: Serialize>(text: &str, structured: &T) -> Result<Self, serde_json::Error> {
        let mut out = Writing::begin(4 * text.len());
        put_quoted(&mut out.buffer, text);
        out.structure(|out| serde_json::to_writer(&mut out.buffer, structured))
    }

    /// As [`OwnResult::of_tool`], of one whose text is also the member `content` of its structure. It may
    /// be long, so it is escaped once. `rest`, an object, holds the structure's other members.
    pub fn of_content<T: Serialize>(content: String, rest: &T) -> Result<Self, serde_json::Error> {
        Self::of_long("", "content", content, rest)
    }

    /// As [`OwnResult::of_content`], of one whose text is `head` and then `content`, which is the member
    /// `name` of its structure.
    pub fn of_long<T: Serialize>(
        head: &str,
        name: &'static str,
        content: String,
        rest: &T,
    ) -> Result<Self, serde_json::Error> {
        let rest = serde_json::to_vec(rest)?;
        let after = name.len() + rest.len();
        let is_long = content.len() >= LONG;
        // Escapes are rare; where there are many, the buffer grows once more.
        let room = match is_long {
            true => 2 * head.len(),
            false => 2 * content.len() + content.len() / 8 + head.len() + after,
        };
        let mut out = Writing::begin(room);
        out.buffer.put_u8(b'"');
        put_escaped(&mut out.buffer, head.as_bytes());
        let start = out.buffer.len();
        if is_long {
            let front = std::mem::replace(&mut out.buffer, content.into_bytes());
            escape_behind(&mut out.buffer, &front, WORDS + after);
        } else {
            put_escaped(&mut out.buffer, content.as_bytes());
        }
        let escaped = start..out.buffer.len();
        out.buffer.put_u8(b'"');
        out.structure(|out| {
            out.buffer.put_u8(b'{');
            put_quoted(&mut out.buffer, name);
            out.buffer.put_slice(b":\"");
            if is_long {
                (out.again, out.at) = (escaped, out.buffer.len());
            } else {
                out.buffer.extend_from_within(escaped);
            }
            out.buffer.put_u8(b'"');
            match rest.strip_prefix(b"{") {
                Some(b"}") | None => out.buffer.put_u8(b'}'),
                Some(members) => {
                    out.buffer.put_u8(b',');
                    out.buffer.put_slice(members);
                }
            }
            Ok(())
        })
    }

    /// The result of a tool that failed at what it was asked (`isError`).
    #[must_use]
    pub fn failed(mut self) -> Self {
        // Behind the structure, in place of the object's own bracket.
        self.buffer.truncate(self.body.end - 1);
        self.buffer.put_slice(br#","isError":true}"#);
        self.body.end = self.buffer.len();
        self
    }

    /// The result of a tool whose program did not end within the time that the configuration gives it, whatever
    /// its caller wants: it failed at being carried out.
    #[must_use]
    pub fn out_of_time(mut self) -> Self {
        self.ran_out_of_time = true;
        self
    }

    /// Was that so?
    pub fn ran_out_of_time(&self) -> bool {
        self.ran_out_of_time
    }

    /// How long the result is.
    pub fn size(&self) -> usize {
        self.body.len() + self.again.len()
    }

    /// What it says, once, in pieces: a tool's `structuredContent`, whose text says no more; the whole of
    /// any other.
    pub fn told(&self) -> [&[u8]; 3] {
        self.pieces(&self.structure)
    }

    /// The result as a value.
    pub fn to_raw(&self) -> RawJson {
        RawJson::from_joined(self.pieces(&self.body).concat())
    }

    fn pieces(&self, of: &Range<usize>) -> [&[u8]; 3] {
        [of.start..self.at, self.again.clone(), self.at..of.end].map(|piece| &self.buffer[piece])
    }

    /// The result between `head` and `tail`; `first`, members without brackets, come before its own.
    /// What is long is not copied.
    pub fn framed(mut self, head: &[u8], first: &str, tail: u8) -> Body {
        let has_members = self.buffer[self.body.clone()] != *b"{}";
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
        self.buffer.put_u8(tail);
        let bytes = if let Some(start) = rest.checked_sub(room) {
            let mut at = start;
            for part in front {
                self.buffer[at..at + part.len()].copy_from_slice(part);
                at += part.len();
            }
            Bytes::from(self.buffer).slice(start..)
        } else {
            [&front.concat()[..], &self.buffer[rest..]].concat().into()
        };
        if self.again.is_empty() {
            return bytes.into();
        }
        let moved = |place: usize| place - rest + room;
        let again = moved(self.again.start)..moved(self.again.end);
        Body::repeating(bytes, again, moved(self.at))
    }
}

impl From<RawJson> for OwnResult {
    /// Takes a result that is not a tool's: an object of our own.
    fn from(raw: RawJson) -> Self {
        let mut buffer = Vec::with_capacity(FRONT + raw.len() + 1);
        buffer.resize(FRONT, 0);
        buffer.put_slice(raw.bytes());
        let body = FRONT..buffer.len();
        Self {
            structure: body.clone(),
            again: 0..0,
            at: body.end,
            buffer,
            body,
            ran_out_of_time: false,
        }
    }
}

/// A tool's result, as it grows.
struct Writing {
    buffer: Vec<u8>,
    again: Range<usize>,
    at: usize,
}

impl Writing {
    /// Up to its text.
    fn begin(room: usize) -> Self {
        let mut buffer = Vec::with_capacity(FRONT + WORDS + room);
        buffer.resize(FRONT, 0);
        buffer.put_slice(br#"{"content":[{"type":"text","text":"#);
        Self {
            buffer,
            again: 0..0,
            at: FRONT,
        }
    }

    /// What comes after its text.
    fn structure(
        mut self,
        write: impl FnOnce(&mut Self) -> Result<(), serde_json::Error>,
    ) -> Result<OwnResult, serde_json::Error> {
        self.buffer.put_slice(br#"}],"structuredContent":"#);
        let start = self.buffer.len();
        self.at = start;
        write(&mut self)?;
        let structure = start..self.buffer.len();
        self.buffer.put_u8(b'}');
        Ok(OwnResult {
            body: FRONT..self.buffer.len(),
            buffer: self.buffer,
            structure,
            ran_out_of_time: false,
            again: self.again,
            at: self.at,
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
            for times in [40, LONG] {
                let text = "a \"b\" ü\n".repeat(times);
                let result = OwnResult::of_content(text.clone(), &rest).unwrap();
                let body = read(result.to_raw().bytes());
                assert_eq!(result.to_raw().len(), result.size());
                assert_eq!(body["content"][0]["text"], text);
                assert_eq!(body["structuredContent"]["content"], text);
                assert_eq!(body["structuredContent"]["size"], rest["size"]);
                assert_eq!(body["structuredContent"], read(&result.told().concat()));
            }
        }
    }

    #[test]
    fn a_long_text_may_have_a_head() {
        for times in [1, LONG] {
            let text = "a \"b\"\n".repeat(times);
            let head = "200 \"ok\"\n\n";
            let result = OwnResult::of_long(head, "body", text.clone(), &json!({"n": 1})).unwrap();
            let body = read(result.to_raw().bytes());
            assert_eq!(body["content"][0]["text"], format!("{head}{text}"));
            assert_eq!(body["structuredContent"], json!({"body": text, "n": 1}));
        }
    }

    #[test]
    fn a_tool_s_result_is_text_and_structure() {
        let result = OwnResult::of_tool("a \"b\"\n\u{1}", &json!({"n": 1})).unwrap();
        let content = json!([{"type": "text", "text": "a \"b\"\n\u{1}"}]);
        let plain = json!({"content": content, "structuredContent": {"n": 1}});
        assert_eq!(result.told().concat(), br#"{"n":1}"#);
        assert_eq!(read(result.to_raw().bytes()), plain);
    }

    #[test]
    fn a_failure_is_flagged_behind_all_that_it_says() {
        for times in [1, LONG] {
            let text = "a \"b\"\n".repeat(times);
            let result =
                OwnResult::of_long("head", "stdout", text.clone(), &json!({"n": 1})).unwrap();
            let result = result.failed();
            let body = read(result.to_raw().bytes());
            assert_eq!(body["isError"], true);
            assert_eq!(body["structuredContent"], json!({"stdout": text, "n": 1}));
            assert_eq!(body["structuredContent"], read(&result.told().concat()));
            assert_eq!(result.to_raw().len(), result.size());
            let framed = read(&result.framed(b"{\"result\":", "\"a\":1", b'}').into_bytes());
            assert_eq!(framed["result"]["isError"], true);
            assert_eq!(framed["result"]["structuredContent"]["stdout"], text);
        }
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
                let own = OwnResult::from(RawJson::from_scanned(raw.into()));
                let message = read(&own.framed(head.as_bytes(), first, b'}').into_bytes());
                let result = &message["result"];
                assert_eq!(message["id"], read(id.as_bytes()));
                assert_eq!(result.get("a").is_some(), !first.is_empty());
                assert_eq!(result.get("b").is_some(), raw != "{}");
            }
        }
    }

    #[test]
    fn a_long_text_is_said_again_without_a_copy() {
        let text = "line \"one\"\n".repeat(LONG);
        for id in ["1".to_owned(), format!("\"{}\"", "i".repeat(FRONT))] {
            let own = OwnResult::of_content(text.clone(), &json!({"n": 1})).unwrap();
            let plain = read(own.to_raw().bytes());
            let head = format!("{{\"id\":{id},\"result\":");
            let body = own.framed(head.as_bytes(), "\"a\":1", b'}');
            assert!(
                body.parts()
                    .nth(1)
                    .is_some_and(|part| part.len() > text.len())
            );
            let length = body.len();
            let bytes = body.into_bytes();
            let message = read(&bytes);
            assert_eq!(bytes.len(), length);
            assert_eq!(message["id"], read(id.as_bytes()));
            assert_eq!(message["result"]["a"], 1);
            for member in ["content", "structuredContent"] {
                assert_eq!(message["result"][member], plain[member]);
            }
        }
    }
}
