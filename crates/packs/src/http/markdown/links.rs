//! Where links lead: made absolute, so that a reader can follow them.

use url::Url;

/// A longer URL is left out; so is a base that would make many links long.
const LONGEST: usize = 2048;

/// What links are relative to.
pub(super) struct Links {
    base: Option<Url>,
    /// The page said so itself; only the first word counts.
    said: bool,
}

impl Links {
    pub(super) fn new(base: &str) -> Self {
        let base = Some(base).filter(|base| base.len() <= LONGEST);
        Self {
            base: base.and_then(|base| Url::parse(base).ok()),
            said: false,
        }
    }

    /// `<base href>`.
    pub(super) fn base(&mut self, href: Option<&str>) {
        if self.said {
            return;
        }
        if let Some(url) = href.and_then(|href| self.url(href)) {
            self.base = Some(url);
            self.said = true;
        }
    }

    /// The URL that a link leads to; `None` where it leads nowhere that can be fetched.
    pub(super) fn resolve(&self, href: Option<&str>) -> Option<String> {
        let href = href.map(str::trim).filter(|href| !href.starts_with('#'))?;
        self.url(href).map(String::from)
    }

    fn url(&self, href: &str) -> Option<Url> {
        if href.is_empty() || href.len() > LONGEST {
            return None;
        }
        let url = match &self.base {
            Some(base) => base.join(href).ok()?,
            None => Url::parse(href).ok()?,
        };
        let leads = matches!(url.scheme(), "http" | "https" | "mailto");
        (leads && url.as_str().len() <= LONGEST).then_some(url)
    }
}
