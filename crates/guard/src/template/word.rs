//! One word of a template: a text with places in it.

use super::{Kind, Slot, TemplateFault};

/// One word: what is given to the program as one argument.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) pieces: Vec<Piece>,
    /// Does a `--` stand before it, after which nothing is an option?
    pub(super) is_operand: bool,
}

/// A part of a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    Literal(String),
    /// The place of this number.
    Slot(usize),
}

impl Word {
    pub(super) fn push(&mut self, c: char) {
        match self.pieces.last_mut() {
            Some(Piece::Literal(text)) => text.push(c),
            _ => self.pieces.push(Piece::Literal(c.to_string())),
        }
    }

    /// Its text, where nobody fills a part of it.
    pub(super) fn literal(&self) -> Option<&str> {
        match self.pieces.as_slice() {
            [] => Some(""),
            [Piece::Literal(text)] => Some(text),
            _ => None,
        }
    }

    /// For people, with the names of its places.
    pub(super) fn shown(&self, slots: &[Slot]) -> String {
        let pieces = self.pieces.iter().map(|piece| match piece {
            Piece::Literal(text) => text.clone(),
            Piece::Slot(number) => match slots.get(*number) {
                Some(slot) => format!("{{{}}}", slot.name),
                None => String::new(),
            },
        });
        pieces.collect()
    }

    /// Does the template itself begin it with a dash?
    pub(super) fn begins_with_dash(&self) -> bool {
        matches!(self.pieces.first(), Some(Piece::Literal(text)) if text.starts_with('-'))
    }

    /// Refuses a word in which a caller would choose among a program's options, where none are listed.
    pub(super) fn judge(&self, slots: &[Slot]) -> Result<(), TemplateFault> {
        let of = |number: &usize| slots.get(*number);
        for piece in &self.pieces {
            let Piece::Slot(number) = piece else { continue };
            if let Some(slot) = of(number)
                && matches!(slot.kind, Kind::Flag(_))
                && self.pieces.len() > 1
            {
                return Err(TemplateFault::FlagInWord(slot.name.clone()));
            }
        }
        let mut pieces = self.pieces.iter();
        let (Some(Piece::Literal(text)), Some(Piece::Slot(number))) =
            (pieces.next(), pieces.next())
        else {
            return Ok(());
        };
        match of(number) {
            Some(slot) if text.bytes().all(|b| b == b'-') && slot.kind.is_text() => {
                Err(TemplateFault::ChoosesOption(slot.name.clone()))
            }
            _ => Ok(()),
        }
    }
}
