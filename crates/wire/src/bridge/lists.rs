//! A page of an upstream's list.

use std::time::Duration;

use durward_core::RawJson;
use thiserror::Error;

use crate::scan::{elements, members};

/// One page of `tools/list` and its like: each item as it was spelled.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// The items, in the upstream's order.
    pub items: Vec<RawJson>,
    /// The cursor of the next page.
    pub next: Option<RawJson>,
    /// How long it may be kept (`ttlMs`).
    pub ttl: Option<Duration>,
}

/// An answer that is no page of the list that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the answer has no list `{member}`")]
pub struct NotAList {
    member: &'static str,
}

/// Reads a page; `member` is where its items are.
///
/// # Errors
/// If they are not there.
pub fn page(result: &RawJson, member: &'static str) -> Result<Page, NotAList> {
    let mut page = Page::default();
    let mut found = false;
    for (key, value) in members(result) {
        match key.as_ref() {
            "nextCursor" if value.as_str() != "null" => page.next = Some(value),
            "ttlMs" => page.ttl = value.parse().ok().map(Duration::from_millis),
            key if key == member && value.as_str().starts_with('[') => {
                page.items = elements(&value);
                found = true;
            }
            _ => {}
        }
    }
    found.then_some(page).ok_or(NotAList { member })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_read_and_its_items_stay_as_spelled() {
        let result = RawJson::from_static(
            r#"{"tools":[ {"name" : "a"}, {"name":"b","x":1.0}],"nextCursor":"n","ttlMs":300,"cacheScope":"public"}"#,
        );
        let page = page(&result, "tools").unwrap();
        let items: Vec<_> = page.items.iter().map(RawJson::as_str).collect();
        assert_eq!(items, [r#"{"name" : "a"}"#, r#"{"name":"b","x":1.0}"#]);
        assert_eq!(page.next.unwrap().as_str(), "\"n\"");
        assert_eq!(page.ttl, Some(Duration::from_millis(300)));
        for bad in ["{}", "[]", r#"{"tools":{}}"#] {
            assert!(
                super::page(&RawJson::from_static(bad), "tools").is_err(),
                "{bad}"
            );
        }
    }
}
