//! How long a request's body is (RFC 9112, section 6.3).

use super::{Headers, error::HeadError};

/// How the end of the body is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyFraming {
    /// There is no body.
    None,
    /// It has so many bytes.
    Length(u64),
    /// It comes in chunks.
    Chunked,
}

impl BodyFraming {
    pub(super) fn of(headers: &Headers, minor: u8) -> Result<Self, HeadError> {
        let length = headers
            .only("content-length")
            .map_err(|_| HeadError::ContentLength)?;
        let mut encodings = headers.all("transfer-encoding");
        let Some(encoding) = encodings.next() else {
            return length.map_or(Ok(Self::None), |digits| number(digits).map(Self::Length));
        };
        if length.is_some() {
            return Err(HeadError::TwoFramings);
        }
        if minor == 0 {
            return Err(HeadError::OldTransferEncoding);
        }
        if encodings.next().is_some() || !encoding.eq_ignore_ascii_case(b"chunked") {
            return Err(HeadError::TransferEncoding);
        }
        Ok(Self::Chunked)
    }
}

fn number(digits: &[u8]) -> Result<u64, HeadError> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(HeadError::ContentLength);
    }
    let add = |sum: u64, digit: &u8| sum.checked_mul(10)?.checked_add(u64::from(digit - b'0'));
    digits
        .iter()
        .try_fold(0, add)
        .ok_or(HeadError::BodyTooLarge)
}
