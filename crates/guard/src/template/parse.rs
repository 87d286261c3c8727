//! From the text of a template to its words: once, and nobody cuts them again.
//!
//! Words end at blanks. `'…'` and `"…"` keep blanks in a word, `\` takes the next character as it is, and
//! in double quotes only `"` and `\`. Placeholders stand anywhere but in the program; `{{` and `}}` are
//! braces. Nothing else means anything: `|`, `;`, `$`, `*` and `~` are characters.

use super::{
    Kind, Slot, Template, TemplateFault,
    placeholder::{self, Placeholder},
    program,
    word::{Piece, Word},
};

/// The longest template, in bytes.
const LONGEST: usize = 16 * 1024;
const MOST_WORDS: usize = 256;
const MOST_SLOTS: usize = 64;

/// What a shell takes for more than a word, where it stands alone and without quotes.
const OPERATORS: [&str; 13] = [
    "|", "||", "&", "&&", ";", ">", ">>", "<", "<<", "<<<", "2>&1", "2>", "|&",
];

/// What a shell takes for more where a word begins with it.
const BEGINNINGS: [&str; 5] = ["$", "~", ">", "<", "2>"];

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, TemplateFault> {
        if text.len() > LONGEST {
            return Err(TemplateFault::TooLong(LONGEST));
        }
        let mut reading = Reading::default();
        reading.read(text)?;
        let Reading {
            words,
            slots,
            doubts,
            ..
        } = reading;
        let mut words = words.into_iter();
        let first = words.next().ok_or(TemplateFault::Empty)?;
        let program = first.literal().ok_or(TemplateFault::SlotInProgram)?;
        program::judge(program)?;
        let mut arguments: Vec<Word> = words.collect();
        let mut is_operand = false;
        for word in &mut arguments {
            word.is_operand = is_operand;
            is_operand |= word.literal() == Some("--");
        }
        Ok(Self {
            program: program.to_owned(),
            arguments,
            slots,
            doubts,
        })
    }
}

#[derive(Default)]
struct Reading {
    words: Vec<Word>,
    slots: Vec<Slot>,
    doubts: Vec<String>,
    /// The word that is being read.
    word: Option<Word>,
    /// Was a quote or a backslash in it?
    quoted: bool,
}

impl Reading {
    fn read(&mut self, text: &str) -> Result<(), TemplateFault> {
        let mut rest = text;
        let mut quote = None;
        while let Some(c) = rest.chars().next() {
            let after = &rest[c.len_utf8()..];
            rest = match (c, quote) {
                ('{', _) => self.brace(after)?,
                ('}', _) => {
                    let after = after.strip_prefix('}').ok_or(TemplateFault::LoneBrace)?;
                    self.push('}');
                    after
                }
                (c, Some(open)) if c == open => {
                    quote = None;
                    after
                }
                ('\\', Some('"')) if after.starts_with(['"', '\\']) => self.taken(after)?,
                ('\\', None) => {
                    self.quoted = true;
                    self.taken(after)?
                }
                (c, Some(_)) => self.plain(c, after)?,
                ('\'' | '"', None) => {
                    quote = Some(c);
                    self.quoted = true;
                    // An empty one is an argument, too.
                    self.word.get_or_insert_default();
                    after
                }
                (' ' | '\t' | '\n' | '\r', None) => {
                    self.end_word()?;
                    after
                }
                (c, None) => self.plain(c, after)?,
            };
        }
        match quote {
            Some(open) => Err(TemplateFault::OpenQuote(open)),
            None => self.end_word(),
        }
    }

    fn push(&mut self, c: char) {
        self.word.get_or_insert_default().push(c);
    }

    /// A character that means itself.
    fn plain<'t>(&mut self, c: char, after: &'t str) -> Result<&'t str, TemplateFault> {
        if c.is_control() {
            return Err(TemplateFault::Control(c));
        }
        self.push(c);
        Ok(after)
    }

    /// The next character, as it is.
    fn taken<'t>(&mut self, after: &'t str) -> Result<&'t str, TemplateFault> {
        let c = after.chars().next().ok_or(TemplateFault::LastBackslash)?;
        self.plain(c, &after[c.len_utf8()..])
    }

    /// A placeholder, or a brace that means itself.
    fn brace<'t>(&mut self, after: &'t str) -> Result<&'t str, TemplateFault> {
        if let Some(after) = after.strip_prefix('{') {
            self.push('{');
            return Ok(after);
        }
        let Placeholder { slot, rest } = placeholder::read(after)?;
        if self.slots.iter().any(|known| known.name == slot.name) {
            return Err(TemplateFault::Twice(slot.name));
        }
        if self.slots.len() == MOST_SLOTS {
            return Err(TemplateFault::TooManySlots(MOST_SLOTS));
        }
        let word = self.word.get_or_insert_default();
        word.pieces.push(Piece::Slot(self.slots.len()));
        self.slots.push(slot);
        Ok(rest)
    }

    fn end_word(&mut self) -> Result<(), TemplateFault> {
        let quoted = std::mem::take(&mut self.quoted);
        let Some(word) = self.word.take() else {
            return Ok(());
        };
        if self.words.len() == MOST_WORDS {
            return Err(TemplateFault::TooManyWords(MOST_WORDS));
        }
        if !quoted && is_doubted(&word) {
            self.doubts.push(format!(
                "no shell reads a template: `{}` is given to the program as it stands; put it in quotes where that is \
                 meant",
                word.shown(&self.slots)
            ));
        }
        self.words.push(word);
        Ok(())
    }
}

/// Would a shell make something else of it than a word?
fn is_doubted(word: &Word) -> bool {
    let literals = || {
        word.pieces.iter().filter_map(|piece| match piece {
            Piece::Literal(text) => Some(text.as_str()),
            Piece::Slot(_) => None,
        })
    };
    let begins = |text: &str| BEGINNINGS.iter().any(|it| text.starts_with(it));
    word.literal().is_some_and(|text| OPERATORS.contains(&text))
        || matches!(word.pieces.first(), Some(Piece::Literal(text)) if begins(text))
        || matches!(word.pieces.last(), Some(Piece::Literal(text)) if text.ends_with(';'))
        || literals().any(|text| text.contains(['*', '`']))
}

impl Slot {
    /// A place of which nothing is said.
    pub(super) fn strict(name: String) -> Self {
        Self::new(name, Kind::Strict)
    }
}
