//! From the members of a message's object to a message (JSON-RPC 2.0, sections 4 and 5).

use bytestring::ByteString;

use super::{
    Malformed, Message, Method, Notification, Params, Request, RequestId, Response,
    ResponseOutcome,
    reader::{Quoted, Reader, Span, Syntax},
    slice,
};

/// What the members of a message's object are found to be.
#[derive(Default)]
struct Envelope {
    version: bool,
    id: Id,
    method: Option<Found<Quoted>>,
    params: Option<Found<Params>>,
    result: Option<Span>,
    error: Option<Span>,
}

#[derive(Default)]
enum Id {
    #[default]
    Absent,
    Sound(RequestId),
    Unsound,
}

/// A member that is there, of the type that it should have or not.
enum Found<T> {
    Sound(T),
    Mistyped,
}

/// Reads the object at which the reader stands, to the end of the text.
pub(super) fn read(body: &ByteString, mut reader: Reader<'_>) -> Result<Message, Malformed> {
    let mut envelope = Envelope::default();
    reader.object(|reader, key| envelope.member(body, reader, key))?;
    reader.end()?;
    if let Some(fault) = reader.fault() {
        return Err(Malformed::invalid(fault).with_id(envelope.id.sound()));
    }
    envelope.into_message(body, reader.text())
}

impl Envelope {
    fn member(
        &mut self,
        body: &ByteString,
        reader: &mut Reader<'_>,
        key: Quoted,
    ) -> Result<(), Syntax> {
        match key.unescape(reader.text()).as_ref() {
            "jsonrpc" => {
                let span = reader.value()?;
                self.version = body[span.range()] == *r#""2.0""#;
            }
            "id" => {
                let span = reader.value()?;
                self.id = self.id.read(body, span);
            }
            "method" => self.method = Some(method(reader)?),
            "params" => self.params = Some(params(body, reader)?),
            "result" => self.result = Some(reader.value()?),
            "error" => self.error = Some(reader.value()?),
            _ => {
                reader.value()?;
            }
        }
        Ok(())
    }

    fn into_message(self, body: &ByteString, text: &str) -> Result<Message, Malformed> {
        let invalid = |reason| Malformed::invalid(reason).with_id(self.id.sound());
        if !self.version {
            return Err(invalid("`jsonrpc` must be \"2.0\""));
        }
        if matches!(self.id, Id::Unsound) {
            return Err(invalid(
                "`id` must be a string of at most 256 bytes or an integer",
            ));
        }
        let method = match self.method {
            None => return response(body, &self),
            Some(Found::Mistyped) => return Err(invalid("`method` must be a string")),
            Some(Found::Sound(method)) => method,
        };
        let Some(method) = method_name(body, text, method) else {
            return Err(invalid("`method` holds a NUL"));
        };
        let params = match self.params {
            None => Params::default(),
            Some(Found::Mistyped) => return Err(invalid("`params` must be an object")),
            Some(Found::Sound(params)) => params,
        };
        Ok(match self.id.sound() {
            Some(id) => Message::Request(Request { id, method, params }),
            None => Message::Notification(Notification { method, params }),
        })
    }
}

impl Id {
    fn sound(&self) -> Option<RequestId> {
        match self {
            Self::Sound(id) => Some(id.clone()),
            Self::Absent | Self::Unsound => None,
        }
    }

    /// A second id makes both unsound: nobody knows which one counts.
    fn read(&self, body: &ByteString, span: Span) -> Self {
        let id = RequestId::try_from(slice(body, span));
        match (self, id) {
            (Self::Absent, Ok(id)) => Self::Sound(id),
            _ => Self::Unsound,
        }
    }
}

fn method(reader: &mut Reader<'_>) -> Result<Found<Quoted>, Syntax> {
    if reader.peek() == Some(b'"') {
        return reader.string().map(Found::Sound);
    }
    reader.value().map(|_| Found::Mistyped)
}

fn params(body: &ByteString, reader: &mut Reader<'_>) -> Result<Found<Params>, Syntax> {
    if reader.peek() == Some(b'{') {
        return Params::read(body, reader).map(Found::Sound);
    }
    reader.value().map(|_| Found::Mistyped)
}

/// The unescaped name; `None` if it holds a NUL.
fn method_name(body: &ByteString, text: &str, method: Quoted) -> Option<Method> {
    if !method.escaped {
        return Some(Method::new(body.slice_ref(&body[method.span.range()])));
    }
    let name = method.unescape(text).into_owned();
    (!name.contains('\0')).then(|| Method::new(name.into()))
}

fn response(body: &ByteString, envelope: &Envelope) -> Result<Message, Malformed> {
    let invalid = |reason| Malformed::invalid(reason).with_id(envelope.id.sound());
    let outcome = match (envelope.result, envelope.error) {
        (Some(result), None) => ResponseOutcome::Result(slice(body, result)),
        (None, Some(error)) if body[error.range()].starts_with('{') => {
            ResponseOutcome::Error(slice(body, error))
        }
        (None, Some(_)) => return Err(invalid("`error` must be an object")),
        (Some(_), Some(_)) => return Err(invalid("a response has `result` or `error`, not both")),
        (None, None) => return Err(invalid("`method` is missing")),
    };
    match envelope.id.sound() {
        Some(id) => Ok(Message::Response(Response { id, outcome })),
        None => Err(invalid("a response must have an `id`")),
    }
}
