//! The search itself: a walk that looks into every file it may.

use std::sync::Arc;

use durward_cage::files::{
    Ended, Entry, FileFault, Found, Kind, OpenDir, OpenFile, Step, Visitor, WalkLimits,
};
use durward_core::{Cancel, Notify, Refusal};
use globset::{GlobBuilder, GlobMatcher};
use grep_regex::{RegexMatcher, RegexMatcherBuilder};
use grep_searcher::Searcher;

use super::{
    Args, Findings, Hit,
    cursor::Cursor,
    lines::{self, LineSearch},
};
use crate::fs::{ignores::Ignores, list, places::Place, refuse};

/// How far one call goes; what lies beyond comes with the next.
const LIMITS: WalkLimits = WalkLimits {
    depth: 128,
    entries: 200_000,
};
/// Bytes that a compiled pattern may take.
const PATTERN_SIZE: usize = 10 * 1024 * 1024;
/// How many files lie between two notes of progress.
const PROGRESS: u64 = 256;

/// What is sought.
#[derive(Debug)]
pub(super) struct Wanted {
    pattern: Option<RegexMatcher>,
    name: Option<Name>,
    context: usize,
    limit: usize,
}

/// A glob of names, or with a `/` in it, of paths below the start.
#[derive(Debug)]
struct Name {
    glob: GlobMatcher,
    of_path: bool,
}

impl Wanted {
    pub(super) fn new(args: &Args<'_>) -> Result<Self, Refusal> {
        if args.pattern.is_none() && args.name.is_none() {
            return Err(refuse::argument("", "give `pattern`, `name`, or both"));
        }
        Ok(Self {
            pattern: args
                .pattern
                .as_deref()
                .map(|text| pattern(text, args.ignore_case))
                .transpose()?,
            name: args
                .name
                .as_deref()
                .map(|text| name(text, args.ignore_case))
                .transpose()?,
            context: args.context.min(20),
            limit: args.limit.clamp(1, 2000),
        })
    }
}

fn pattern(text: &str, ignore_case: bool) -> Result<RegexMatcher, Refusal> {
    RegexMatcherBuilder::new()
        .case_insensitive(ignore_case)
        .line_terminator(Some(b'\n'))
        .size_limit(PATTERN_SIZE)
        .dfa_size_limit(PATTERN_SIZE)
        .build(text)
        .map_err(|error| {
            refuse::argument(
                "/pattern",
                format!("`pattern` is no regular expression: {error}"),
            )
        })
}

fn name(text: &str, ignore_case: bool) -> Result<Name, Refusal> {
    let glob = GlobBuilder::new(text)
        .literal_separator(true)
        .case_insensitive(ignore_case)
        .build()
        .map_err(|error| {
            refuse::argument("/name", format!("`name` is no glob: {}", error.kind()))
        })?;
    Ok(Name {
        glob: glob.compile_matcher(),
        of_path: text.contains('/'),
    })
}

/// A search under way.
pub(super) struct Hunt<'a> {
    place: &'a Place,
    wanted: &'a Wanted,
    searcher: Searcher,
    after: Option<Cursor>,
    notify: Option<Arc<dyn Notify>>,
    stop: &'a Cancel,
    ignores: Ignores,
    found: Findings,
    last: Option<Cursor>,
}

impl<'a> Hunt<'a> {
    pub(super) fn new(
        place: &'a Place,
        wanted: &'a Wanted,
        after: Option<Cursor>,
        notify: Option<Arc<dyn Notify>>,
        stop: &'a Cancel,
    ) -> Self {
        let ignores = Ignores::above(place);
        Self {
            place,
            wanted,
            searcher: lines::searcher(wanted.context),
            after,
            notify,
            stop,
            ignores,
            found: Findings::default(),
            last: None,
        }
    }

    pub(super) fn run(mut self) -> Result<Findings, Refusal> {
        let place = self.place;
        let judge = |path: &str| place.area.judge_dir(path);
        let walked = place
            .area
            .root
            .walk(place.rel()?, &judge, LIMITS, &mut self);
        match walked {
            Ok(ended) => self.found.truncated |= ended == Ended::AtLimit,
            // A file, or a path that is shared as a file alone.
            Err(FileFault::NotADirectory | FileFault::NotShared) => self.one_file()?,
            Err(fault) => return Err(place.refuse(&fault)),
        }
        if self.found.truncated {
            self.found.cursor = self.last.as_ref().map(Cursor::spell);
        }
        Ok(self.found)
    }

    /// `path` is a file: it alone is searched, ignored by git or not.
    fn one_file(&mut self) -> Result<(), Refusal> {
        let place = self.place;
        let file = place
            .area
            .root
            .open_file(place.rel()?, &|path| place.area.judge_file(path))
            .map_err(|fault| place.refuse(&fault))?;
        let path = place.path();
        let is_past = self.after.as_ref().is_some_and(|after| after.is_past(path));
        let name = path.rsplit('/').next().unwrap_or(path);
        let is_wanted = self
            .wanted
            .name
            .as_ref()
            .is_none_or(|wanted| wanted.glob.is_match(name) || wanted.glob.is_match(path));
        if is_wanted && !is_past {
            match &self.wanted.pattern {
                None => self.take_file(path),
                Some(pattern) => self.look_into(path, &file, pattern),
            };
        }
        Ok(())
    }

    fn has_name(&self, path: &str, entry: &Entry) -> bool {
        self.wanted.name.as_ref().is_none_or(|name| {
            let below = path.strip_prefix(self.place.path()).unwrap_or(path);
            match name.of_path {
                true => name.glob.is_match(below.trim_start_matches('/')),
                false => entry.utf8().is_some_and(|entry| name.glob.is_match(entry)),
            }
        })
    }

    /// The file as a whole is a match.
    fn take_file(&mut self, path: &str) -> Step {
        self.found.files_searched += 1;
        self.tell();
        if self.found.matches.len() == self.wanted.limit {
            self.found.truncated = true;
            return Step::Stop;
        }
        self.found.matches.push(Hit {
            path: self.place.spell(path),
            ..Hit::default()
        });
        self.last = Some(Cursor::after_file(path));
        Step::On
    }

    fn look_into(&mut self, path: &str, file: &OpenFile, pattern: &RegexMatcher) -> Step {
        let spelled = self.place.spell(path);
        let search = LineSearch {
            pattern,
            path: &spelled,
            after: self.after.as_ref().map_or(0, |after| after.line_of(path)),
            room: self.wanted.limit - self.found.matches.len(),
            stop: self.stop,
        };
        let lines = search.run(&mut self.searcher, file);
        self.found.files_searched += 1;
        self.tell();
        let last_line = lines.hits.last().and_then(|hit| hit.line);
        self.found.matches.extend(lines.hits);
        if !lines.more {
            self.last = Some(Cursor::after_file(path));
            return Step::On;
        }
        if let Some(line) = last_line {
            self.last = Some(Cursor {
                line,
                path: path.to_owned(),
            });
        }
        self.found.truncated = true;
        Step::Stop
    }

    fn tell(&self) {
        let count = self.found.files_searched;
        if let Some(notify) = self
            .notify
            .as_ref()
            .filter(|_| count.is_multiple_of(PROGRESS))
        {
            notify.progress(count, None, Some(&format!("{count} files searched")));
        }
    }
}

impl Visitor for Hunt<'_> {
    fn enter(&mut self, dir: &OpenDir) -> Result<(), FileFault> {
        self.ignores.enter(dir);
        Ok(())
    }

    fn keeps(&mut self, dir: &OpenDir, path: &str, entry: &Entry) -> bool {
        if self.after.as_ref().is_some_and(|after| after.is_past(path)) {
            return false;
        }
        let is_dir = entry.kind() == Kind::Directory;
        let wanted = is_dir || (entry.kind() == Kind::File && self.has_name(path, entry));
        wanted && !self.ignores.hides(path, is_dir) && list::is_shown(&self.place.area, dir, entry)
    }

    fn visit(&mut self, found: &Found<'_>) -> Step {
        if found.entry.kind() == Kind::Directory {
            return Step::On;
        }
        match &self.wanted.pattern {
            None => self.take_file(found.path),
            // A file that can't be opened, or is none any more, has no lines.
            Some(pattern) => match found.dir.open_file(found.entry) {
                Ok(file) => self.look_into(found.path, &file, pattern),
                Err(_) => Step::On,
            },
        }
    }

    fn leave(&mut self) {
        self.ignores.leave();
    }

    fn is_cancelled(&self) -> bool {
        self.stop.is_cancelled()
    }
}
