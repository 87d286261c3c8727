//! The matching lines of one file.

use std::io::{self, Read};

use durward_cage::files::{FileReader, OpenFile};
use durward_core::Cancel;
use grep_matcher::Matcher;
use grep_regex::RegexMatcher;
use grep_searcher::{
    BinaryDetection, Searcher, SearcherBuilder, Sink, SinkContext, SinkContextKind, SinkMatch,
};

use super::Hit;

/// Of a line no more characters than this are shown.
const LONGEST_LINE: usize = 500;
/// How much of a long line is shown before the match.
const LEAD: usize = 100;
/// A file with a line longer than this is searched no further.
const HEAP: usize = 8 * 1024 * 1024;

/// What searches file after file, with so many lines around a match.
pub(super) fn searcher(context: usize) -> Searcher {
    SearcherBuilder::new()
        .line_number(true)
        .before_context(context)
        .after_context(context)
        .binary_detection(BinaryDetection::quit(0))
        .heap_limit(Some(HEAP))
        .build()
}

/// A search of one file.
pub(super) struct LineSearch<'a> {
    pub(super) pattern: &'a RegexMatcher,
    /// How the file is called in matches.
    pub(super) path: &'a str,
    /// Matches up to this line were given already.
    pub(super) after: u64,
    /// How many matches are still wanted; at least that one more exists is noticed.
    pub(super) room: usize,
    pub(super) stop: &'a Cancel,
}

/// What a file gave.
#[derive(Debug, Default)]
pub(super) struct Lines {
    pub(super) hits: Vec<Hit>,
    /// There are matches beyond those.
    pub(super) more: bool,
}

impl LineSearch<'_> {
    pub(super) fn run(&self, searcher: &mut Searcher, file: &OpenFile) -> Lines {
        let mut sink = Collector {
            search: self,
            before: Vec::new(),
            lines: Lines::default(),
        };
        // A file that fails half-way has given what it could.
        let _ = searcher.search_reader(
            self.pattern,
            Stoppable {
                file: file.reader(),
                stop: self.stop,
            },
            &mut sink,
        );
        sink.lines
    }
}

/// Reads until the work is to stop.
struct Stoppable<'a> {
    file: FileReader<'a>,
    stop: &'a Cancel,
}

impl Read for Stoppable<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.stop.is_cancelled() {
            return Err(io::Error::other("stopped"));
        }
        self.file.read(buffer)
    }
}

struct Collector<'a> {
    search: &'a LineSearch<'a>,
    before: Vec<String>,
    lines: Lines,
}

impl Sink for Collector<'_> {
    type Error = io::Error;

    fn matched(&mut self, _: &Searcher, found: &SinkMatch<'_>) -> io::Result<bool> {
        let before = std::mem::take(&mut self.before);
        let number = found.line_number().unwrap_or(0);
        if self.search.stop.is_cancelled() {
            return Ok(false);
        }
        if number <= self.search.after {
            return Ok(true);
        }
        if self.lines.hits.len() == self.search.room {
            self.lines.more = true;
            return Ok(false);
        }
        let line = found.bytes();
        let start = self
            .search
            .pattern
            .find(line)
            .ok()
            .flatten()
            .map_or(0, |span| span.start());
        let column = String::from_utf8_lossy(&line[..start]).chars().count();
        self.lines.hits.push(Hit {
            path: self.search.path.to_owned(),
            line: Some(number),
            column: Some(column as u64 + 1),
            text: Some(shown(line, column)),
            before,
            after: Vec::new(),
        });
        Ok(true)
    }

    fn context(&mut self, _: &Searcher, context: &SinkContext<'_>) -> io::Result<bool> {
        let line = shown(context.bytes(), 0);
        match (context.kind(), self.lines.hits.last_mut()) {
            (SinkContextKind::After, Some(hit)) => hit.after.push(line),
            // After a match that was given in an earlier answer.
            (SinkContextKind::After, None) => {}
            _ => self.before.push(line),
        }
        Ok(true)
    }
}

/// A line as it is shown: from a little before `column` on, if it is long.
fn shown(line: &[u8], column: usize) -> String {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let text = String::from_utf8_lossy(line);
    let skipped = if column + LEAD > LONGEST_LINE {
        column - LEAD
    } else {
        0
    };
    let mut chars = text.chars().skip(skipped);
    let mut shown = String::from(if skipped > 0 { "…" } else { "" });
    shown.extend(chars.by_ref().take(LONGEST_LINE));
    if chars.next().is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_cut_around_the_match() {
        assert_eq!(shown(b"short\r\n", 2), "short");
        let long = format!("{}match{}", "a".repeat(1000), "b".repeat(1000));
        let text = shown(long.as_bytes(), 1000);
        assert!(text.starts_with("…aaa") && text.ends_with("b…") && text.contains("match"));
        assert_eq!(text.chars().count(), LONGEST_LINE + 2);
        assert_eq!(shown("ü".repeat(500).as_bytes(), 0).chars().count(), 500);
    }
}
