//! Bodies in chunks (RFC 9112, section 7.1).

use bytes::{Buf, BytesMut};

/// Hexadecimal digits of a chunk's size at most.
const DIGITS_MAX: usize = 16;
/// Bytes of one chunk's extensions at most; they are ignored.
const EXTENSIONS_MAX: usize = 256;
/// Bytes of all trailers at most; they are dropped.
const TRAILERS_MAX: usize = 8 * 1024;

/// How far a body has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// All that was there is taken, up to an unfinished line; read more.
    NeedMore,
    /// The body has ended. What is left of the input belongs to the next request.
    Done,
}

/// Why a body is refused. The connection must be closed after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChunkError {
    /// Not chunks, or not exactly as the RFC spells them.
    #[error("the chunked body is malformed")]
    Malformed,
    /// More than the limit.
    #[error("the body is too large")]
    TooLarge,
}

impl ChunkError {
    /// The HTTP status to answer with.
    pub fn status(self) -> u16 {
        match self {
            Self::Malformed => 400,
            Self::TooLarge => 413,
        }
    }
}

/// Takes chunks apart as they come.
#[derive(Debug, Default)]
pub struct ChunkedDecoder {
    state: State,
}

#[derive(Debug, Default, Clone, Copy)]
enum State {
    /// Before a chunk's size.
    #[default]
    Size,
    /// Within a chunk, which has so many bytes left.
    Data(usize),
    /// Before the line end after a chunk.
    DataEnd,
    /// After the last chunk, with so many bytes of trailers dropped.
    Trailers(usize),
    Done,
}

impl ChunkedDecoder {
    /// One that waits for the first chunk.
    pub fn new() -> Self {
        Self::default()
    }

    /// Moves what is complete from `input` to `out`, which may hold `limit` bytes.
    ///
    /// # Errors
    /// [`ChunkError`]; a chunk that would pass the limit is refused before it is read.
    pub fn decode(
        &mut self,
        input: &mut BytesMut,
        out: &mut BytesMut,
        limit: usize,
    ) -> Result<Progress, ChunkError> {
        loop {
            let next = match self.state {
                State::Size => size(input, limit.saturating_sub(out.len()))?,
                State::Data(left) => data(input, out, left),
                State::DataEnd => data_end(input)?,
                State::Trailers(dropped) => trailer(input, dropped)?,
                State::Done => return Ok(Progress::Done),
            };
            let Some(next) = next else {
                return Ok(Progress::NeedMore);
            };
            self.state = next;
        }
    }
}

fn size(input: &mut BytesMut, room: usize) -> Result<Option<State>, ChunkError> {
    let Some(line) = line(input, DIGITS_MAX + EXTENSIONS_MAX)? else {
        return Ok(None);
    };
    let end = line
        .iter()
        .position(|byte| *byte == b';')
        .unwrap_or(line.len());
    let (digits, extensions) = line.split_at(end);
    let sound = (1..=DIGITS_MAX).contains(&digits.len()) && extensions.len() <= EXTENSIONS_MAX;
    let digit = |sum: u64, byte: &u8| {
        let digit = char::from(*byte)
            .to_digit(16)
            .ok_or(ChunkError::Malformed)?;
        Ok(sum << 4 | u64::from(digit))
    };
    if !sound {
        return Err(ChunkError::Malformed);
    }
    match digits.iter().try_fold(0, digit)? {
        0 => Ok(Some(State::Trailers(0))),
        size => match usize::try_from(size) {
            Ok(size) if size <= room => Ok(Some(State::Data(size))),
            _ => Err(ChunkError::TooLarge),
        },
    }
}

fn data(input: &mut BytesMut, out: &mut BytesMut, left: usize) -> Option<State> {
    let taken = left.min(input.len());
    out.extend_from_slice(&input[..taken]);
    input.advance(taken);
    match left - taken {
        0 => Some(State::DataEnd),
        _ if taken == 0 => None,
        left => Some(State::Data(left)),
    }
}

fn data_end(input: &mut BytesMut) -> Result<Option<State>, ChunkError> {
    match input.get(..2) {
        Some(b"\r\n") => {
            input.advance(2);
            Ok(Some(State::Size))
        }
        None if input.is_empty() || input[0] == b'\r' => Ok(None),
        _ => Err(ChunkError::Malformed),
    }
}

fn trailer(input: &mut BytesMut, dropped: usize) -> Result<Option<State>, ChunkError> {
    let Some(line) = line(input, TRAILERS_MAX.saturating_sub(dropped))? else {
        return Ok(None);
    };
    if line.is_empty() {
        return Ok(Some(State::Done));
    }
    if matches!(memchr::memchr(b':', &line), None | Some(0)) {
        return Err(ChunkError::Malformed);
    }
    Ok(Some(State::Trailers(dropped + line.len() + 2)))
}

/// Takes a line of at most `max` bytes that ends with CR LF and holds no control byte but tab.
fn line(input: &mut BytesMut, max: usize) -> Result<Option<BytesMut>, ChunkError> {
    let Some(end) = memchr::memchr(b'\n', input) else {
        let full = input.len() > max + 1;
        return if full {
            Err(ChunkError::Malformed)
        } else {
            Ok(None)
        };
    };
    let mut line = input.split_to(end + 1);
    let sound = line.ends_with(b"\r\n") && end <= max + 1;
    line.truncate(end.saturating_sub(1));
    if !sound
        || line
            .iter()
            .any(|byte| byte.is_ascii_control() && *byte != b'\t')
    {
        return Err(ChunkError::Malformed);
    }
    Ok(Some(line))
}
