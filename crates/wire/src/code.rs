//! Error codes, and the HTTP status that goes with each.

use durward_core::{Era, ProtocolError, RawJson};

/// Not JSON (JSON-RPC 2.0, section 5.1).
pub const PARSE_ERROR: i64 = -32700;
/// JSON, but no message.
pub const INVALID_REQUEST: i64 = -32600;
/// No such method.
pub const METHOD_NOT_FOUND: i64 = -32601;
/// Parameters that don't fit; also an unknown tool, prompt, task or (2026-07-28) resource.
pub const INVALID_PARAMS: i64 = -32602;
/// Our fault.
pub const INTERNAL_ERROR: i64 = -32603;

/// A header is missing, unsound, or says something else than the body (2026-07-28).
pub const HEADER_MISMATCH: i64 = -32020;
/// The request's `clientCapabilities` lack what it needs (2026-07-28).
pub const MISSING_REQUIRED_CLIENT_CAPABILITY: i64 = -32021;
/// A revision that is not served (2026-07-28).
pub const UNSUPPORTED_PROTOCOL_VERSION: i64 = -32022;

/// Resource not found, to 2025-11-25 and earlier.
pub const RESOURCE_NOT_FOUND: i64 = -32002;
/// Open these URLs first, then try again (2025-11-25).
pub const URL_ELICITATION_REQUIRED: i64 = -32042;
/// A person refused the sampling.
pub const SAMPLING_REFUSED: i64 = -1;

/// The HTTP status of an error that the call itself met. Clients of two eras take a 400 without a
/// modern code for a legacy server, so nearly everything is a 200. For what the envelope decides
/// before the call begins, see [`http_status_of_envelope`].
pub fn http_status_of(code: i64, era: Era) -> u16 {
    match (code, era) {
        (PARSE_ERROR | INVALID_REQUEST, _) => 400,
        (METHOD_NOT_FOUND, Era::Modern) => 404,
        (
            HEADER_MISMATCH | MISSING_REQUIRED_CLIENT_CAPABILITY | UNSUPPORTED_PROTOCOL_VERSION,
            Era::Modern,
        ) => 400,
        _ => 200,
    }
}

/// The HTTP status of an error that headers or `_meta` decided, before the method was looked at: a
/// -32602 is a 400 here.
pub fn http_status_of_envelope(code: i64, era: Era) -> u16 {
    if code == INVALID_PARAMS {
        400
    } else {
        http_status_of(code, era)
    }
}

/// An error with a code, a sentence and no data.
pub fn error(code: i64, message: impl Into<String>) -> ProtocolError {
    ProtocolError {
        code,
        message: message.into(),
        data: None,
    }
}

/// An error with data.
pub fn error_with_data(code: i64, message: impl Into<String>, data: RawJson) -> ProtocolError {
    ProtocolError {
        code,
        message: message.into(),
        data: Some(data),
    }
}

/// A -32602.
pub fn invalid_params(message: impl Into<String>) -> ProtocolError {
    error(INVALID_PARAMS, message)
}

/// A -32020.
pub fn header_mismatch(message: impl Into<String>) -> ProtocolError {
    error(HEADER_MISMATCH, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearly_every_error_is_a_200() {
        for (code, modern, legacy) in [
            (PARSE_ERROR, 400, 400),
            (INVALID_REQUEST, 400, 400),
            (METHOD_NOT_FOUND, 404, 200),
            (INVALID_PARAMS, 200, 200),
            (INTERNAL_ERROR, 200, 200),
            (HEADER_MISMATCH, 400, 200),
            (MISSING_REQUIRED_CLIENT_CAPABILITY, 400, 200),
            (UNSUPPORTED_PROTOCOL_VERSION, 400, 200),
            (429, 200, 200),
        ] {
            assert_eq!(http_status_of(code, Era::Modern), modern, "{code}");
            assert_eq!(http_status_of(code, Era::Legacy), legacy, "{code}");
        }
        assert_eq!(http_status_of_envelope(INVALID_PARAMS, Era::Modern), 400);
        assert_eq!(http_status_of_envelope(METHOD_NOT_FOUND, Era::Modern), 404);
    }
}
