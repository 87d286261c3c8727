//! What is wrong, where, and what would be right: with the file, the line, the line itself and a hint.

use std::{fmt, ops::Range};

use annotate_snippets::{Annotation, AnnotationKind, Level, Renderer, Snippet};
use thiserror::Error;

use super::{
    fault::Fault,
    origin::{Source, Texts},
};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The configuration can't be used.
    Error,
    /// It can, but should not stay so.
    Warning,
}

/// One thing wrong with a configuration, and where.
#[derive(Debug, Clone)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub hint: Option<String>,
    excerpt: Option<Box<Excerpt>>,
}

/// One line of a text, and the part of it that is meant.
#[derive(Debug, Clone)]
struct Excerpt {
    name: String,
    number: usize,
    line: String,
    part: Range<usize>,
}

impl Diagnostic {
    /// An error that is in no text.
    pub(super) fn error(message: impl Into<String>) -> Self {
        Self::new(Severity::Error, message.into())
    }

    /// A warning about no text.
    pub(super) fn warning(message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, message.into())
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// With the line that the fault is in.
    pub(super) fn of(fault: Fault, severity: Severity, texts: &Texts) -> Self {
        let excerpt = fault.place.and_then(|place| {
            let (source, text) = texts.get(place.text)?;
            Some(Box::new(Excerpt::new(source, text, place.span)))
        });
        Self {
            hint: fault.hint,
            excerpt,
            ..Self::new(severity, fault.message)
        }
    }

    fn new(severity: Severity, message: String) -> Self {
        Self {
            severity,
            message,
            hint: None,
            excerpt: None,
        }
    }

    /// The line in its file, from 1, if it is in one.
    pub fn line(&self) -> Option<usize> {
        self.excerpt.as_ref().map(|excerpt| excerpt.number)
    }

    /// As people read it, with terminal colours or without.
    pub fn render(&self, color: bool) -> String {
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let message = clean(&self.message);
        let excerpt = self.excerpt.iter().map(|excerpt| excerpt.snippet());
        let mut group = level.primary_title(message.as_str()).elements(excerpt);
        let hint = self.hint.as_deref().map(clean);
        if let Some(hint) = &hint {
            group = group.element(Level::HELP.message(hint.as_str()));
        }
        let renderer = if color {
            Renderer::styled()
        } else {
            Renderer::plain()
        };
        renderer.render(&[group])
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl Excerpt {
    /// The first line of the span, and what of the span is on it.
    fn new(source: &Source, text: &str, span: Range<usize>) -> Self {
        let at = text.floor_char_boundary(span.start);
        let end = text.floor_char_boundary(span.end).max(at);
        let start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
        let line = text[start..].lines().next().unwrap_or_default();
        let part = (at - start).min(line.len())..(end - start).min(line.len());
        Self {
            name: called(source),
            number: 1 + text[..start].matches('\n').count(),
            line: shown(source, line, &part),
            part,
        }
    }

    fn snippet(&self) -> Snippet<'_, Annotation<'_>> {
        Snippet::source(self.line.as_str())
            .line_start(self.number)
            .path(self.name.as_str())
            .annotation(AnnotationKind::Primary.span(self.part.clone()))
    }
}

fn called(source: &Source) -> String {
    match source {
        Source::File(path) => path.display().to_string(),
        Source::Env(_) => "environment".to_owned(),
        Source::Set => "--set".to_owned(),
        Source::Command => "--command".to_owned(),
    }
}

/// An override whose key is wrong is shown without its value: it may be a secret that went astray.
fn shown(source: &Source, line: &str, part: &Range<usize>) -> String {
    let outside = matches!(source, Source::Env(_) | Source::Set);
    match line.split_at_checked(part.end) {
        Some((key, value)) if outside && value.starts_with('=') => format!("{key}=…"),
        _ => line.to_owned(),
    }
}

/// Without characters that a terminal would obey.
fn clean(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

/// A configuration that can't be used: all that was found wrong with it, at least one thing.
#[derive(Debug, Clone, Error)]
#[error("{}", self.render(false))]
pub struct ConfigError(pub(super) Vec<Diagnostic>);

impl ConfigError {
    /// What is wrong.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.0
    }

    /// As people read it, with terminal colours or without.
    pub fn render(&self, color: bool) -> String {
        self.0
            .iter()
            .map(|diagnostic| diagnostic.render(color))
            .collect::<Vec<_>>()
            .join("\n\n")
    }
}

impl From<Diagnostic> for ConfigError {
    fn from(diagnostic: Diagnostic) -> Self {
        Self(vec![diagnostic])
    }
}
