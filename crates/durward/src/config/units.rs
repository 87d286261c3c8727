//! Sizes and lengths of time, as people write them.

use std::{fmt, str::FromStr, time::Duration};

use thiserror::Error;

use super::text::text_type;

/// A text that is not what its key wants.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{text}` is not {what}")]
pub struct Unfit {
    text: String,
    what: &'static str,
}

impl Unfit {
    /// `text` was found where `what` is wanted.
    pub(super) fn new(text: &str, what: &'static str) -> Self {
        Self {
            text: text.chars().take(80).collect(),
            what,
        }
    }
}

const SIZES: [(&str, u64); 9] = [
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
    ("KB", 1_000),
    ("B", 1),
    ("", 1),
];

const PERIODS: [(&str, u64); 5] = [
    ("ms", 1),
    ("s", 1_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];

/// A number of bytes, at least one: `16MiB` (binary), `1MB` (decimal), or a plain number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(u64);

impl Size {
    /// So many times 1024 × 1024 bytes; none is taken as one.
    pub(super) const fn mebibytes(count: u32) -> Self {
        Self(if count == 0 {
            1 << 20
        } else {
            (count as u64) << 20
        })
    }

    /// So many times 1024 bytes; none is taken as one.
    pub(super) const fn kibibytes(count: u32) -> Self {
        Self(if count == 0 {
            1 << 10
        } else {
            (count as u64) << 10
        })
    }

    /// The bytes.
    pub fn bytes(self) -> u64 {
        self.0
    }

    /// The bytes, as an index; at most what this machine can address.
    pub fn as_usize(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl FromStr for Size {
    type Err = Unfit;

    fn from_str(text: &str) -> Result<Self, Unfit> {
        counted(text, &SIZES)
            .filter(|bytes| *bytes > 0)
            .map(Self)
            .ok_or_else(|| {
                Unfit::new(
                    text,
                    "a size, such as `16MiB`, `64KiB`, `1MB` or a number of bytes",
                )
            })
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match SIZES[..3]
            .iter()
            .find(|(_, factor)| self.0.is_multiple_of(*factor))
        {
            Some((unit, factor)) => write!(f, "{}{unit}", self.0 / factor),
            None => write!(f, "{}", self.0),
        }
    }
}

text_type!(
    Size,
    "a size, such as `16MiB`",
    r"^[0-9]+ ?(B|kB|KB|MB|GB|KiB|MiB|GiB)?$",
    number
);

/// A length of time, to the millisecond: `100ms`, `30s`, `5m`, `1h`, `1d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Period(u64);

impl Period {
    /// So many seconds.
    pub(super) const fn seconds(count: u32) -> Self {
        Self(count as u64 * 1_000)
    }

    /// So many milliseconds.
    pub(super) const fn millis(count: u32) -> Self {
        Self(count as u64)
    }

    /// As the standard library's.
    pub fn duration(self) -> Duration {
        Duration::from_millis(self.0)
    }
}

impl FromStr for Period {
    type Err = Unfit;

    fn from_str(text: &str) -> Result<Self, Unfit> {
        counted(text, &PERIODS).map(Self).ok_or_else(|| {
            Unfit::new(
                text,
                "a length of time, such as `100ms`, `30s`, `5m`, `1h` or `1d`",
            )
        })
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fits = |(_, factor): &&(&str, u64)| self.0 > 0 && self.0.is_multiple_of(*factor);
        match PERIODS.iter().rev().find(fits) {
            Some((unit, factor)) => write!(f, "{}{unit}", self.0 / factor),
            None => write!(f, "{}ms", self.0),
        }
    }
}

text_type!(
    Period,
    "a length of time, such as `30s`",
    r"^[0-9]+ ?(ms|s|m|h|d)$"
);

/// A whole number and one of the units, or nothing where it does not fit 64 bits.
fn counted(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let (_, factor) = units
        .iter()
        .find(|(name, _)| *name == unit.trim_start_matches(' '))?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

/// What environment variables and `--set` may say for a boolean.
pub(super) fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Some(true),
        "0" | "false" | "no" | "off" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sizes_are_read() {
        for (text, bytes) in [
            ("1", 1),
            ("16MiB", 16 << 20),
            ("1MB", 1_000_000),
            ("64 KiB", 65_536),
            ("2GiB", 2 << 30),
        ] {
            assert_eq!(text.parse::<Size>().map(Size::bytes), Ok(bytes), "{text}");
        }
        for text in [
            "",
            "0",
            "0MiB",
            "-1",
            "1.5MiB",
            "MiB",
            "1mib",
            "99999999999GiB",
            "1 MiB ",
        ] {
            assert!(text.parse::<Size>().is_err(), "{text}");
        }
    }

    #[test]
    fn periods_are_read() {
        for (text, millis) in [
            ("100ms", 100),
            ("30s", 30_000),
            ("10m", 600_000),
            ("1h", 3_600_000),
            ("1d", 86_400_000),
        ] {
            assert_eq!(
                text.parse::<Period>().map(Period::duration),
                Ok(Duration::from_millis(millis)),
                "{text}"
            );
        }
        for text in [
            "",
            "30",
            "s",
            "1.5s",
            "30 sec",
            "-1s",
            "99999999999999999999d",
        ] {
            assert!(text.parse::<Period>().is_err(), "{text}");
        }
    }

    #[test]
    fn booleans_have_many_spellings() {
        assert_eq!(["1", "TRUE", "yes", "On"].map(boolean), [Some(true); 4]);
        assert_eq!(["0", "False", "no", "OFF"].map(boolean), [Some(false); 4]);
        assert_eq!(boolean("maybe"), None);
    }

    proptest! {
        #[test]
        fn sizes_survive_being_written(bytes in 1_u64..) {
            prop_assert_eq!(Size(bytes).to_string().parse(), Ok(Size(bytes)));
        }

        #[test]
        fn periods_survive_being_written(millis: u64) {
            prop_assert_eq!(Period(millis).to_string().parse(), Ok(Period(millis)));
        }

        #[test]
        fn nothing_panics(text: String) {
            let _ = (text.parse::<Size>(), text.parse::<Period>());
        }
    }
}
