//! How a client of HTTP is told no: by a sentence, and by the word of the rule where even those who show
//! nothing but the status line show it.

use durward_core::RefusalCode;
use durward_guard::egress::EgressFault;
use durward_wire::http1::HeadError;

/// The answer to a connection that was refused, or could not be made.
pub(super) fn fault(fault: EgressFault) -> Vec<u8> {
    let status = match fault.code() {
        RefusalCode::InvalidArguments => 400,
        RefusalCode::Timeout => 504,
        _ if fault.is_judgement() => 403,
        _ => 502,
    };
    answer(status, fault.word(), &fault.to_string())
}

/// The answer to what is not HTTP.
pub(super) fn malformed(error: HeadError) -> Vec<u8> {
    answer(error.status(), "malformed_request", &error.to_string())
}

fn answer(status: u16, word: &str, sentence: &str) -> Vec<u8> {
    let phrase = match status {
        403 => "Forbidden",
        502 => "Bad Gateway",
        504 => "Gateway Timeout",
        _ => "Bad Request",
    };
    let text = format!("{word}: {sentence}\n");
    let length = text.len();
    format!(
        "HTTP/1.1 {status} {phrase}: {word}\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n{text}"
    )
    .into_bytes()
}
