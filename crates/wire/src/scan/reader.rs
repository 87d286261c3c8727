//! The byte loop: JSON's grammar (RFC 8259), strictly, without recursion.

use std::{borrow::Cow, ops::Range};

use super::{
    escape,
    keys::{DOUBLE_KEY, Keys},
    opened::{Open, Opened},
    plain::{plain, plain_of_sound},
};

/// Text that is not JSON, and why.
#[derive(Debug)]
pub(super) struct Syntax(pub(super) &'static str);

/// A stretch of the text, in bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    start: u32,
    end: u32,
}

impl Span {
    /// The longest text that spans can point into; one bit is left to [`Keys`].
    pub(super) const MAX: usize = (u32::MAX >> 1) as usize;

    fn new(start: usize, end: usize) -> Self {
        let narrow = |at| u32::try_from(at).unwrap_or(u32::MAX);
        Self {
            start: narrow(start),
            end: narrow(end),
        }
    }

    pub(crate) fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    /// As seen from `start`, which must not lie behind it.
    pub(super) fn from(self, start: usize) -> Self {
        Self::new(self.start as usize - start, self.end as usize - start)
    }

    /// With the quotes around a string.
    pub(super) fn quoted(self) -> Range<usize> {
        self.start as usize - 1..self.end as usize + 1
    }
}

/// A string of the text: what stands between the quotes, and whether it needs unescaping.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Quoted {
    pub(super) span: Span,
    pub(super) escaped: bool,
}

impl Quoted {
    /// The string's value.
    pub(super) fn unescape(self, text: &str) -> Cow<'_, str> {
        let inner = text.get(self.span.range()).unwrap_or_default();
        if self.escaped {
            escape::unescape(inner)
        } else {
            Cow::Borrowed(inner)
        }
    }
}

/// Reads a text from front to back. A [`Syntax`] error ends it; a fault is noted and reading goes
/// on, since the id may still come.
pub(super) struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    depth_limit: usize,
    open: Opened,
    keys: Keys,
    is_sound: bool,
    fault: Option<&'static str>,
}

impl<'a> Reader<'a> {
    /// Judges depth and keys. `text` must be no longer than [`Span::MAX`].
    pub(super) fn judging(text: &'a str, depth_limit: usize) -> Self {
        Self::new(text, depth_limit, Keys::counted())
    }

    /// Takes depth and keys as they are: somebody else judges them.
    pub(super) fn splitting(text: &'a str) -> Self {
        Self::new(text, usize::MAX, Keys::ignored())
    }

    /// Reads what is known to be sound, and of what is not looked into only where it ends.
    pub(super) fn trusting(text: &'a str) -> Self {
        Self {
            is_sound: true,
            ..Self::splitting(text)
        }
    }

    fn new(text: &'a str, depth_limit: usize, keys: Keys) -> Self {
        Self {
            text,
            at: 0,
            depth: 0,
            depth_limit,
            open: Opened::default(),
            keys,
            is_sound: false,
            fault: None,
        }
    }

    pub(super) fn text(&self) -> &'a str {
        self.text
    }

    /// The first thing that makes the message invalid though it is JSON.
    pub(super) fn fault(&self) -> Option<&'static str> {
        self.fault
    }

    pub(super) fn note(&mut self, fault: &'static str) {
        self.fault.get_or_insert(fault);
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    pub(super) fn blanks(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    /// Nothing but blanks may follow.
    pub(super) fn end(&mut self) -> Result<(), Syntax> {
        self.blanks();
        if self.at == self.text.len() {
            Ok(())
        } else {
            Err(Syntax("bytes follow the message"))
        }
    }

    /// Reads an object at `{`; `member` reads each value.
    pub(super) fn object(
        &mut self,
        mut member: impl FnMut(&mut Self, Quoted) -> Result<(), Syntax>,
    ) -> Result<Span, Syntax> {
        let start = self.at;
        self.enter(Open::Object);
        self.blanks();
        if self.peek() != Some(b'}') {
            loop {
                let key = self.key()?;
                member(self, key)?;
                if !self.goes_on(Open::Object)? {
                    break;
                }
            }
        }
        self.leave(Open::Object);
        Ok(Span::new(start, self.at))
    }

    /// Reads an array at `[`; `element` reads each value.
    pub(super) fn array(
        &mut self,
        mut element: impl FnMut(&mut Self) -> Result<(), Syntax>,
    ) -> Result<(), Syntax> {
        self.enter(Open::Array);
        self.blanks();
        if self.peek() != Some(b']') {
            loop {
                element(self)?;
                if !self.goes_on(Open::Array)? {
                    break;
                }
            }
        }
        self.leave(Open::Array);
        Ok(())
    }

    /// Reads any value, which starts here.
    pub(super) fn value(&mut self) -> Result<Span, Syntax> {
        let start = self.at;
        if self.is_sound {
            self.pass()?;
        } else {
            self.open = Opened::default();
            while !self.step()? {}
        }
        Ok(Span::new(start, self.at))
    }

    /// Goes past a value of a sound text.
    fn pass(&mut self) -> Result<(), Syntax> {
        let mut depth = 0_usize;
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.string()?;
                }
                Some(b'{' | b'[') => {
                    self.at += 1;
                    depth += 1;
                }
                Some(b'}' | b']') => {
                    self.at += 1;
                    depth = depth.saturating_sub(1);
                }
                Some(_) => self.at += length_until(self.rest(), |byte| !is_of_word(byte)),
                None => return Err(Syntax(CUT_OFF)),
            }
            if depth == 0 {
                return Ok(());
            }
            self.at += length_until(self.rest(), is_turn);
        }
    }

    fn rest(&self) -> &'a [u8] {
        &self.text.as_bytes()[self.at..]
    }

    /// Reads a scalar or goes one level in, then as many out as end here. True once all is read.
    fn step(&mut self) -> Result<bool, Syntax> {
        match self.peek() {
            Some(b'{') => {
                self.push(Open::Object);
                if self.peek() != Some(b'}') {
                    self.key()?;
                    return Ok(false);
                }
                self.pop(Open::Object);
            }
            Some(b'[') => {
                self.push(Open::Array);
                if self.peek() != Some(b']') {
                    return Ok(false);
                }
                self.pop(Open::Array);
            }
            _ => self.scalar()?,
        }
        while let Some(top) = self.open.innermost() {
            if self.goes_on(top)? {
                if top == Open::Object {
                    self.key()?;
                }
                return Ok(false);
            }
            self.pop(top);
        }
        Ok(true)
    }

    fn push(&mut self, kind: Open) {
        self.open.push(kind);
        self.enter(kind);
        self.blanks();
    }

    fn pop(&mut self, kind: Open) {
        self.open.pop();
        self.leave(kind);
    }

    fn enter(&mut self, kind: Open) {
        self.at += 1;
        self.depth += 1;
        if self.depth > self.depth_limit {
            self.note("the message is nested too deeply");
        } else if kind == Open::Object {
            self.keys.open();
        }
    }

    fn leave(&mut self, kind: Open) {
        self.at += 1;
        let counted = self.depth <= self.depth_limit && kind == Open::Object;
        if counted && self.keys.close(self.text.as_bytes()) {
            self.note(DOUBLE_KEY);
        }
        self.depth -= 1;
    }

    /// After a value: does another follow, or does the end?
    fn goes_on(&mut self, inside: Open) -> Result<bool, Syntax> {
        self.blanks();
        match (self.peek(), inside) {
            (Some(b','), _) => {
                self.at += 1;
                self.blanks();
                Ok(true)
            }
            (Some(b'}'), Open::Object) | (Some(b']'), Open::Array) => Ok(false),
            (None, _) => Err(Syntax(CUT_OFF)),
            _ => Err(Syntax("a comma or a closing bracket is missing")),
        }
    }

    /// Reads a key and its colon, and stops where the value starts.
    fn key(&mut self) -> Result<Quoted, Syntax> {
        let key = self.string()?;
        if self.depth <= self.depth_limit
            && let Some(fault) = self.keys.add(self.text, key)
        {
            self.note(fault);
        }
        self.blanks();
        match self.peek() {
            Some(b':') => self.at += 1,
            None => return Err(Syntax(CUT_OFF)),
            _ => return Err(Syntax("a colon is missing after a key")),
        }
        self.blanks();
        Ok(key)
    }

    fn scalar(&mut self) -> Result<(), Syntax> {
        match self.peek() {
            Some(b'"') => self.string().map(drop),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true"),
            Some(b'f') => self.word("false"),
            Some(b'n') => self.word("null"),
            Some(_) => Err(Syntax("a value is missing")),
            None => Err(Syntax(CUT_OFF)),
        }
    }

    fn word(&mut self, word: &'static str) -> Result<(), Syntax> {
        if self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            self.at += word.len();
            Ok(())
        } else {
            Err(Syntax("a word is neither `true`, `false` nor `null`"))
        }
    }

    pub(super) fn string(&mut self) -> Result<Quoted, Syntax> {
        if self.peek() != Some(b'"') {
            return Err(Syntax(if self.peek().is_none() {
                CUT_OFF
            } else {
                "a key must be a string"
            }));
        }
        self.at += 1;
        let start = self.at;
        let mut escaped = false;
        loop {
            self.at += match self.is_sound {
                true => plain_of_sound(self.rest()),
                false => plain(self.rest()),
            };
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    let Some((_, length)) = escape::read(&self.text.as_bytes()[self.at..]) else {
                        return Err(Syntax("an escape in a string is unsound"));
                    };
                    self.at += length;
                }
                Some(_) => return Err(Syntax("a string holds a raw control byte")),
                None => return Err(Syntax(CUT_OFF)),
            }
        }
        let span = Span::new(start, self.at);
        self.at += 1;
        Ok(Quoted { span, escaped })
    }

    fn number(&mut self) -> Result<(), Syntax> {
        self.skip_if(|byte| byte == b'-');
        if !self.skip_if(|byte| byte == b'0') {
            self.digits()?;
        }
        if self.skip_if(|byte| byte == b'.') {
            self.digits()?;
        }
        if self.skip_if(|byte| matches!(byte, b'e' | b'E')) {
            self.skip_if(|byte| matches!(byte, b'+' | b'-'));
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), Syntax> {
        let start = self.at;
        while self.skip_if(|byte| byte.is_ascii_digit()) {}
        if self.at == start {
            Err(Syntax("a number lacks a digit"))
        } else {
            Ok(())
        }
    }

    fn skip_if(&mut self, test: impl Fn(u8) -> bool) -> bool {
        let fits = self.peek().is_some_and(test);
        self.at += usize::from(fits);
        fits
    }
}

fn length_until(text: &[u8], end: impl Fn(u8) -> bool) -> usize {
    let at = text.iter().position(|byte| end(*byte));
    at.unwrap_or(text.len())
}

/// Of a number, `true`, `false` or `null`.
fn is_of_word(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'z' | b'E' | b'+' | b'-' | b'.')
}

/// Where a string, an object or an array begins or ends.
fn is_turn(byte: u8) -> bool {
    matches!(byte, b'"' | b'{' | b'}' | b'[' | b']')
}

const CUT_OFF: &str = "the message ends too early";
