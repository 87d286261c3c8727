//! Paths and URIs: what passes as relative can't climb, and a deny list sees through spelling.
#![no_main]

use std::sync::LazyLock;

use durward_guard::{
    path::{DenyList, Lexical, lexical},
    uri,
};

static DENIED: LazyLock<DenyList> =
    LazyLock::new(|| DenyList::build(true, &["notes/private/**".to_owned()]).expect("a deny list"));

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Ok(Lexical::Relative(path)) = lexical(text) {
        let path = path.as_str();
        assert!(!path.starts_with('/') && !path.contains('\0'));
        assert!(path.is_empty() || path.split('/').all(|part| !["", ".", ".."].contains(&part)));
        let shouted = path.to_ascii_uppercase();
        assert_eq!(
            DENIED.hit(path).is_some(),
            DENIED.hit(&shouted).is_some(),
            "{path:?}"
        );
        assert!(DENIED.hit(&format!(".ssh/{path}")).is_some());
    }
    if let Some(Ok(path)) = uri::file_path(text) {
        assert!(path.starts_with('/') && !path.contains('\0') && !path.contains("//"));
        assert!(!path.split('/').any(|part| [".", ".."].contains(&part)));
        let again = format!("file://{}", uri::encoded_path(&path));
        assert_eq!(uri::file_path(&again), Some(Ok(path)), "read back");
    }
    if let Some(normal) = uri::normal(text) {
        assert_eq!(
            uri::normal(&normal).as_deref(),
            Some(normal.as_str()),
            "normal twice"
        );
    }
});
