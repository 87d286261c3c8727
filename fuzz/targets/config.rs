//! The configuration: any text is taken or refused with a reason that can be shown.
#![no_main]

use std::{fs, path::PathBuf, sync::LazyLock};

use durward::config::{Sources, load, show};

/// In memory where the machine has such a folder: the file is written anew for every try.
static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let memory = PathBuf::from("/dev/shm");
    let base = if memory.is_dir() {
        memory
    } else {
        std::env::temp_dir()
    };
    let folder = base.join(format!("durward-fuzz-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    folder
});

libfuzzer_sys::fuzz_target!(|text: &str| {
    let file = FOLDER.join("durward.yaml");
    fs::write(&file, text).expect("the file");
    let sources = Sources {
        file: Some(file),
        cwd: FOLDER.clone(),
        home: Some(FOLDER.clone()),
        state: Some(FOLDER.join("state")),
        ..Sources::default()
    };
    match load(&sources) {
        Ok(loaded) => assert!(!show(&loaded, true).is_empty()),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
