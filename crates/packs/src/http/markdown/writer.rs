//! Markdown, as it grows.

use super::tags::Element;

/// How deep lists and quotes are shown; below that they look like the last.
const DEEPEST: usize = 12;
/// A link whose text is longer than that was never closed.
const LONGEST_LINK: usize = 400;
/// So many marks may wait for a word, in bytes.
const MOST_MARKS: usize = 32;

/// What stands between what was written and what comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Gap {
    None,
    Space,
    Line,
    Paragraph,
}

/// A link that is open.
struct Open {
    /// Where its text begins.
    at: usize,
    url: String,
}

/// Text, and where in it we are. Nothing here grows with the depth of the page.
pub(super) struct Writer {
    out: String,
    most: usize,
    gap: Gap,
    /// The number of the next item of each list that is open; none in a list of points.
    lists: Vec<Option<u64>>,
    /// Lists that are open below the deepest shown.
    deeper: usize,
    quotes: usize,
    /// An item was begun and nothing of it written yet.
    marker: Option<Option<u64>>,
    link: Option<Open>,
    strong: usize,
    emphasis: usize,
    code: bool,
    preformatted: bool,
    /// The cells of the row that is open.
    cells: usize,
    in_row: bool,
    /// The first row of its table is not over yet.
    is_first_row: bool,
    /// Marks that the next word begins with; where none comes they are not written.
    marks: String,
    /// Nothing was written yet of what is preformatted.
    is_fresh: bool,
}

impl Writer {
    pub(super) fn new(most: usize) -> Self {
        Self {
            out: String::new(),
            most,
            gap: Gap::None,
            lists: Vec::new(),
            deeper: 0,
            quotes: 0,
            marker: None,
            link: None,
            strong: 0,
            emphasis: 0,
            code: false,
            preformatted: false,
            cells: 0,
            in_row: false,
            is_first_row: false,
            marks: String::new(),
            is_fresh: false,
        }
    }

    /// Has it all that it may have?
    pub(super) fn is_full(&self) -> bool {
        self.out.len() > self.most
    }

    /// The text, with what is open closed.
    pub(super) fn finish(mut self) -> String {
        self.end_link();
        self.end_preformatted();
        if self.is_full() {
            self.out.truncate(self.out.floor_char_boundary(self.most));
        }
        self.out.truncate(self.out.trim_end().len());
        self.out
    }

    pub(super) fn text(&mut self, text: &str) {
        if self.preformatted {
            return self.verbatim(text);
        }
        for (place, word) in text.split([' ', '\t', '\n', '\r', '\u{c}']).enumerate() {
            if place > 0 {
                self.gap = self.gap.max(Gap::Space);
            }
            if word.is_empty() {
                continue;
            }
            self.open_line();
            if self.cells > 0 && word.contains('|') {
                self.out.push_str(&word.replace('|', "\\|"));
            } else {
                self.out.push_str(word);
            }
        }
    }

    pub(super) fn start(&mut self, element: Element) {
        match element {
            Element::Block | Element::Title => self.apart(Gap::Paragraph),
            Element::Break if self.preformatted => self.out.push('\n'),
            Element::Line | Element::Break => self.apart(Gap::Line),
            Element::Heading(level) => {
                self.unhead();
                self.apart(Gap::Paragraph);
                self.marks
                    .insert_str(0, &"###### "[6 - usize::from(level)..]);
            }
            Element::Rule => {
                self.apart(Gap::Paragraph);
                self.open_line();
                self.out.push_str("---");
                self.apart(Gap::Paragraph);
            }
            Element::Unordered => self.list(None),
            Element::Item => {
                self.apart(Gap::Line);
                let number = self.lists.last_mut().and_then(Option::as_mut);
                self.marker = Some(number.map(|number| {
                    let this = *number;
                    *number = this.saturating_add(1);
                    this
                }));
            }
            Element::Quote => {
                self.apart(Gap::Paragraph);
                self.quotes += 1;
            }
            Element::Preformatted => self.start_preformatted(),
            Element::Code if !self.preformatted && !self.code => {
                self.mark("`");
                self.code = true;
            }
            Element::Strong if !self.preformatted => {
                self.mark("**");
                self.strong += 1;
            }
            Element::Emphasis if !self.preformatted => {
                self.mark("*");
                self.emphasis += 1;
            }
            Element::Table => {
                self.end_row();
                self.apart(Gap::Paragraph);
                self.is_first_row = true;
            }
            Element::Row => {
                self.end_row();
                self.apart(Gap::Line);
                self.in_row = true;
            }
            Element::Cell => self.cell(),
            _ => {}
        }
    }

    pub(super) fn end(&mut self, element: Element) {
        match element {
            Element::Block | Element::Title => self.apart(Gap::Paragraph),
            Element::Heading(_) => {
                self.unhead();
                self.apart(Gap::Paragraph);
            }
            Element::Line | Element::Item => self.apart(Gap::Line),
            Element::Link => self.end_link(),
            Element::Ordered | Element::Unordered => self.end_list(),
            Element::Quote => {
                self.apart(Gap::Paragraph);
                self.quotes = self.quotes.saturating_sub(1);
            }
            Element::Preformatted => self.end_preformatted(),
            Element::Code if self.code => {
                self.code = false;
                self.end_mark("`");
            }
            Element::Strong if self.strong > 0 => {
                self.strong -= 1;
                self.end_mark("**");
            }
            Element::Emphasis if self.emphasis > 0 => {
                self.emphasis -= 1;
                self.end_mark("*");
            }
            Element::Row => self.end_row(),
            Element::Table => {
                self.end_row();
                self.is_first_row = false;
                self.apart(Gap::Paragraph);
            }
            _ => {}
        }
    }

    pub(super) fn link(&mut self, url: Option<String>) {
        self.end_link();
        if let Some(url) = url.filter(|_| !self.preformatted) {
            self.mark("[");
            let at = self.out.len();
            self.link = Some(Open { at, url });
        }
    }

    fn end_link(&mut self) {
        let Some(link) = self.link.take() else { return };
        if self.marks.contains('[') {
            // Nothing to read in it.
            self.marks.retain(|mark| mark != '[');
            return;
        }
        self.out.push_str("](");
        self.out.push_str(&link.url);
        self.out.push(')');
    }

    /// An image that says what it shows.
    pub(super) fn image(&mut self, alt: Option<&str>, url: Option<String>) {
        let alt = alt.unwrap_or_default().trim();
        if alt.is_empty() || self.preformatted {
            return;
        }
        let within_link = self.link.is_some();
        match url.filter(|_| !within_link) {
            Some(url) => {
                self.mark("![");
                self.text(alt);
                self.out.push_str("](");
                self.out.push_str(&url);
                self.out.push(')');
            }
            None => self.text(alt),
        }
    }

    pub(super) fn list(&mut self, first: Option<u64>) {
        self.apart(if self.lists.is_empty() {
            Gap::Paragraph
        } else {
            Gap::Line
        });
        if self.lists.len() < DEEPEST {
            self.lists.push(first);
        } else {
            self.deeper += 1;
        }
    }

    fn end_list(&mut self) {
        if self.deeper > 0 {
            self.deeper -= 1;
        } else {
            self.lists.pop();
        }
        self.marker = None;
        self.apart(if self.lists.is_empty() {
            Gap::Paragraph
        } else {
            Gap::Line
        });
    }

    fn start_preformatted(&mut self) {
        if self.preformatted {
            return;
        }
        self.end_link();
        self.apart(Gap::Paragraph);
        self.open_line();
        self.out.push_str("```\n");
        self.preformatted = true;
        self.is_fresh = true;
    }

    fn end_preformatted(&mut self) {
        if !self.preformatted {
            return;
        }
        self.preformatted = false;
        if !self.out.ends_with('\n') {
            self.out.push('\n');
        }
        self.out.push_str("```");
        self.apart(Gap::Paragraph);
    }

    fn verbatim(&mut self, text: &str) {
        // The first line break after `<pre>` is not part of it (HTML, section 13.1.2.5).
        let text = match std::mem::take(&mut self.is_fresh) {
            true => text.strip_prefix('\n').unwrap_or(text),
            false => text,
        };
        self.out.push_str(text);
    }

    fn cell(&mut self) {
        if !self.in_row {
            self.apart(Gap::Line);
            self.in_row = true;
        }
        self.end_link();
        if self.cells > 0 {
            self.out.push_str(" |");
            self.gap = Gap::Space;
        } else {
            self.open_line();
        }
        self.cells += 1;
    }

    fn end_row(&mut self) {
        self.end_link();
        let cells = std::mem::take(&mut self.cells);
        if !self.in_row {
            return;
        }
        self.in_row = false;
        self.gap = Gap::Line;
        // One cell alone is no table, but a way to place things.
        if cells > 1 && std::mem::take(&mut self.is_first_row) {
            self.open_line();
            self.out.push_str("---");
            for _ in 1..cells {
                self.out.push_str(" | ---");
            }
            self.gap = Gap::Line;
        }
    }

    /// Begins what does not stand on the line of what was before; in a cell and a link there is but one.
    fn apart(&mut self, gap: Gap) {
        if self.preformatted {
            if !self.out.ends_with('\n') {
                self.out.push('\n');
            }
            return;
        }
        if self
            .link
            .as_ref()
            .is_some_and(|link| self.out.len() - link.at > LONGEST_LINK)
        {
            self.end_link();
        }
        let one_line = self.cells > 0 || self.link.is_some();
        self.gap = self.gap.max(if one_line { Gap::Space } else { gap });
    }

    /// Begins the next word with this.
    fn mark(&mut self, mark: &str) {
        // Where there are that many, another says nothing.
        if self.marks.len() < MOST_MARKS {
            self.marks.push_str(mark);
        }
    }

    /// Closes a mark, or forgets it where no word came after it.
    fn end_mark(&mut self, mark: &str) {
        if self.preformatted {
            return;
        }
        match self.marks.strip_suffix(mark) {
            Some(others) => self.marks.truncate(others.len()),
            None => self.out.push_str(mark),
        }
    }

    /// Forgets a heading that no word came after.
    fn unhead(&mut self) {
        if self.marks.starts_with('#') {
            self.marks.clear();
        }
    }

    /// Writes what stands between, and what the line begins with.
    fn open_line(&mut self) {
        let gap = std::mem::replace(&mut self.gap, Gap::None);
        let quote = "> ".repeat(self.quotes.min(DEEPEST));
        let is_first = self.out.is_empty();
        match gap {
            Gap::Space if !is_first => self.out.push(' '),
            Gap::Line | Gap::Paragraph if !is_first => {
                self.out.push('\n');
                if gap == Gap::Paragraph {
                    self.out.push_str(quote.trim_end());
                    self.out.push('\n');
                }
                self.begin_line(&quote);
            }
            _ if is_first => self.begin_line(&quote),
            _ => {}
        }
        self.out.push_str(&self.marks);
        self.marks.clear();
    }

    fn begin_line(&mut self, quote: &str) {
        self.out.push_str(quote);
        let marker = self.marker.take();
        let outer = self
            .lists
            .len()
            .saturating_sub(usize::from(marker.is_some()));
        for list in &self.lists[..outer] {
            self.out.push_str(if list.is_some() { "   " } else { "  " });
        }
        match marker {
            Some(Some(number)) => self.out.push_str(&format!("{number}. ")),
            Some(None) => self.out.push_str("- "),
            None => {}
        }
    }
}
