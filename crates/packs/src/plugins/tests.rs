//! Plugins as programs in folders.

mod loading;
mod per_call;
mod persistent;

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf, time::Duration};

use durward_core::Target;
use durward_testkit::call;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;

/// What must happen, happens long before this.
const DEADLINE: Duration = Duration::from_secs(20);

/// A folder of plugins.
struct Desk {
    dir: TempDir,
    launcher: Launcher,
}

impl Desk {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        mode(dir.path(), 0o755);
        Self {
            dir,
            launcher: Launcher::new(),
        }
    }

    fn path(&self, relative: &str) -> PathBuf {
        self.dir.path().join(relative)
    }

    /// Writes a file with its folders, which everyone may read.
    fn write(&self, relative: &str, content: &str, bits: u32) {
        let path = self.path(relative);
        let folder = path.parent().unwrap();
        fs::create_dir_all(folder).unwrap();
        mode(folder, 0o755);
        fs::write(&path, content).unwrap();
        mode(&path, bits);
    }

    /// A plugin of one tool of its own name, which this script does.
    fn plugin(&self, name: &str, script: &str, more: Value) {
        self.write(
            &format!("{name}/run"),
            &format!("#!/bin/sh\n{script}\n"),
            0o755,
        );
        self.manifest(name, more);
    }

    fn manifest(&self, name: &str, more: Value) {
        let tool = json!({"name": name, "description": "d", "input_schema": {"type": "object"}});
        let mut manifest =
            json!({"name": name, "version": "1", "executable": "run", "tools": [tool]});
        for (key, value) in more.as_object().unwrap() {
            manifest[key] = value.clone();
        }
        self.write(
            &format!("{name}/manifest.yaml"),
            &manifest.to_string(),
            0o644,
        );
    }

    fn look_again(&self, before: Option<&Plugins>) -> Result<Plugins, PacksError> {
        let furnish = |_: &str, _: &Path, plan: Plan| {
            Ok(Room {
                word: "off",
                plan: plan.env("PATH", "/usr/bin:/bin"),
                output: 64 * 1024,
                reaches_out: false,
            })
        };
        let settings = PluginsSettings {
            dir: self.dir.path().to_owned(),
            read: |text| serde_json::from_str(text).map_err(|error| error.to_string()),
            furnish: &furnish,
            launcher: self.launcher.clone(),
        };
        Plugins::look(&settings, before)
    }

    fn look(&self) -> Plugins {
        self.look_again(None).unwrap()
    }
}

fn mode(path: &Path, bits: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(bits)).unwrap();
}

/// Calls a tool, which has so much time.
async fn ask(
    plugins: &Plugins,
    tool: &str,
    arguments: &str,
    time: Duration,
) -> Result<Value, Refusal> {
    let mut call = call("none", arguments);
    call.target = Target::Tool(ToolName::new(tool).unwrap());
    call.timeout = time;
    match plugins.call(&call).await? {
        Answer::Own(result) => Ok(serde_json::from_slice(result.to_raw().bytes()).unwrap()),
        other => panic!("{other:?}"),
    }
}

async fn said(plugins: &Plugins, tool: &str) -> String {
    let answer = ask(plugins, tool, "{}", DEADLINE).await.unwrap();
    answer["content"][0]["text"].as_str().unwrap().to_owned()
}

async fn refused(plugins: &Plugins, tool: &str) -> Refusal {
    ask(plugins, tool, "{}", DEADLINE).await.unwrap_err()
}

fn only(plugins: &Plugins) -> PluginStanding {
    let mut all = plugins.standing();
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let wait = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let done = tokio::time::timeout(DEADLINE, wait).await;
    assert!(done.is_ok(), "not in time: {what}");
}

/// Is there a process of this number?
fn runs(pid: &str) -> bool {
    Path::new("/proc").join(pid).exists()
}
