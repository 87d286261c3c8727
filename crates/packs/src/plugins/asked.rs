//! What a plugin is asked, as its contract has it: one object, on one line.

use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use durward_core::{RawJson, put_quoted};
use durward_wire::frame;

/// Room for the words around the arguments.
const WORDS: usize = 160;

/// A call: `{"tool": …, "arguments": …, "timeout_ms": …}`, with an `id` before them for a plugin that stays.
pub(super) fn call(id: Option<u64>, tool: &str, arguments: &RawJson, timeout: Duration) -> Bytes {
    let mut line = BytesMut::with_capacity(WORDS + tool.len() + arguments.len());
    line.put_u8(b'{');
    if let Some(id) = id {
        line.put_slice(format!(r#""id":{id},"#).as_bytes());
    }
    line.put_slice(br#""tool":"#);
    put_quoted(&mut line, tool);
    line.put_slice(br#","arguments":"#);
    let before = line.len();
    frame::write_line(&mut line, arguments.bytes());
    // The line goes on behind them.
    debug_assert!(line.len() > before);
    line.truncate(line.len() - 1);
    let millis = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
    line.put_slice(format!(",\"timeout_ms\":{millis}}}\n").as_bytes());
    line.freeze()
}

/// Nobody waits for the answer of this call any more.
pub(super) fn cancel(id: u64) -> Bytes {
    format!("{{\"id\":{id},\"cancel\":true}}\n").into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_call_is_one_line_whatever_its_arguments_were_spelled_like() {
        let arguments = RawJson::from_static("{ \"a\":\r\n 1.50,\n\"b\":\"x\\ny\"}");
        let line = call(Some(7), "sha256", &arguments, Duration::from_millis(1_500));
        assert_eq!(
            &line[..],
            b"{\"id\":7,\"tool\":\"sha256\",\"arguments\":{ \"a\":   1.50, \"b\":\"x\\ny\"},\"timeout_ms\":1500}\n"
        );
        let line = call(None, "a", &RawJson::empty_object(), Duration::from_secs(1));
        let read: Value = serde_json::from_slice(&line).unwrap();
        assert_eq!(
            read,
            json!({"tool": "a", "arguments": {}, "timeout_ms": 1000})
        );
        assert_eq!(&cancel(9)[..], b"{\"id\":9,\"cancel\":true}\n");
    }

    proptest! {
        #[test]
        fn what_is_asked_is_what_was_meant(text in ".*", id: u64) {
            let arguments = json!({"text": text, "n": [1, null, {}]});
            let raw = RawJson::of(&arguments).unwrap();
            let line = call(Some(id), "a", &raw, Duration::from_secs(1));
            prop_assert_eq!(line.iter().filter(|b| **b == b'\n').count(), 1);
            let read: Value = serde_json::from_slice(&line).unwrap();
            prop_assert_eq!(&read["arguments"], &arguments);
            prop_assert_eq!(read["id"].as_u64(), Some(id));
        }
    }
}
