//! The methods that are no more than a question to the gate itself, and the making of calls.

use durward_core::ProtocolError;
use durward_wire::code;

pub(crate) mod calls;
pub(crate) mod capabilities;
pub(crate) mod lists;
pub(crate) mod logging;
pub(crate) mod opening;
pub(crate) mod subscribing;

pub(crate) fn invalid(message: impl Into<String>) -> ProtocolError {
    ProtocolError {
        code: code::INVALID_PARAMS,
        message: message.into(),
        data: None,
    }
}

pub(crate) fn unknown_method(method: &str) -> ProtocolError {
    let method: String = method.chars().take(64).collect();
    ProtocolError {
        code: code::METHOD_NOT_FOUND,
        message: format!("Method not found: {method}"),
        data: None,
    }
}
