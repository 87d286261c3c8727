//! `plugins`: tools in any language, and the manifests by which they say what they are.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
};

use durward_core::Secret;
use durward_guard::redact::Redactor;
use durward_packs::plugins::Manifest;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Config,
    fault::Fault,
    node::{Node, Value},
    origin::TextId,
    reader::Reader,
    sandbox::{self, ItemSandbox, Room},
    secrets::PerhapsSecret,
    semantic::place_of,
    servers::{self, EnvKey},
    text::{is_name, text_type},
    units::Unfit,
    yaml,
};

/// Plugins: tools in any language, each in a folder with a `manifest.yaml`. None is looked at unless this section
/// is there; `plugins: {}` is enough.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Plugins {
    /// The folder of all plugins; `plugins`, unless said. A relative path begins at the folder of the file that
    /// says it, so that no working folder brings plugins of its own.
    pub dir: PathBuf,
    /// What single plugins may beside what `sandbox` allows all, by name: `box`, `home`, `host`, or keys such as
    /// `{ network: egress, write: [/srv/out] }`.
    #[schemars(with = "BTreeMap<String, ItemSandbox>")]
    pub grants: BTreeMap<PluginKey, ItemSandbox>,
    /// Variables that single plugins are given, by name, such as `{ weather: { API_KEY: "${secret:weather}" } }`.
    #[schemars(with = "BTreeMap<String, BTreeMap<String, PerhapsSecret>>")]
    pub env: BTreeMap<PluginKey, BTreeMap<EnvKey, PerhapsSecret>>,
}

impl Default for Plugins {
    fn default() -> Self {
        Self {
            dir: "plugins".into(),
            grants: BTreeMap::new(),
            env: BTreeMap::new(),
        }
    }
}

impl Plugins {
    /// The names that something is said of.
    pub fn named(&self) -> impl Iterator<Item = &str> {
        let names = self.grants.keys().chain(self.env.keys());
        names.map(|key| key.0.as_str())
    }

    /// The folder as links lead to it, for those who must not write to it; it need not be there.
    pub fn real_dir(&self) -> PathBuf {
        for above in self.dir.ancestors() {
            let (Ok(real), Ok(rest)) = (above.canonicalize(), self.dir.strip_prefix(above)) else {
                continue;
            };
            return real.join(rest);
        }
        self.dir.clone()
    }
}

/// A plugin's name, which is its folder's.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PluginKey(String);

impl FromStr for PluginKey {
    type Err = Unfit;

    fn from_str(text: &str) -> Result<Self, Unfit> {
        match is_name(text, 63) {
            true => Ok(Self(text.to_owned())),
            false => Err(Unfit::new(
                text,
                "a plugin's name: a letter a-z, then up to 62 of a-z, 0-9, `-` and `_`",
            )),
        }
    }
}

impl fmt::Display for PluginKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::borrow::Borrow<str> for PluginKey {
    fn borrow(&self) -> &str {
        &self.0
    }
}

text_type!(
    PluginKey,
    "a plugin's name, such as `hash`",
    "^[a-z][a-z0-9_-]{0,62}$"
);

/// Reads a manifest: YAML, as the configuration is, without its variables and secrets.
///
/// # Errors
/// What is wrong, with its line, and what would be right.
pub(crate) fn read_manifest(text: &str) -> Result<Manifest, String> {
    let told = |fault: Fault| {
        let line = |at: usize| 1 + text.bytes().take(at).filter(|b| *b == b'\n').count();
        let place = fault.place.as_ref();
        let place = place.map(|it| format!("line {}: ", line(it.span.start)));
        let hint = fault.hint.as_ref().map(|hint| format!("; {hint}"));
        format!(
            "{}{}{}",
            place.unwrap_or_default(),
            fault.message,
            hint.unwrap_or_default()
        )
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let node = yaml::parse(text, TextId::DEFAULTS).map_err(told)?;
    let node = node.ok_or_else(|| "it is empty".to_owned())?;
    // Nothing is sealed in it, for `${…}` is text there.
    let no_secret = |_: &str| Err::<Secret, _>(Fault::new("a manifest has no secrets"));
    Manifest::deserialize(Reader::new(&node, &no_secret)).map_err(told)
}

/// Makes the folder absolute: it begins at the folder of the file, or where there is none in the working one.
pub(super) fn settle(config: &mut Config, cwd: &Path) {
    let base = config.own_file.as_deref().and_then(Path::parent);
    let base = base.unwrap_or(cwd).to_owned();
    if let Some(plugins) = &mut config.plugins {
        plugins.dir = base.join(&plugins.dir);
    }
}

/// Adds what is wrong with the section, and what should not stay so.
pub(super) fn check(
    config: &Config,
    root: &Node,
    faults: &mut Vec<Fault>,
    warnings: &mut Vec<Fault>,
) {
    let Some(plugins) = &config.plugins else {
        let said = place_of(root, &["plugins"]);
        if said.text != TextId::DEFAULTS {
            let fault = Fault::new("`plugins` says nothing, so no plugin is looked at").place(said);
            warnings.push(fault.hint("write `plugins: {}`, or take it out"));
        }
        return;
    };
    for (key, said) in &plugins.grants {
        let path = ["plugins", "grants", key.0.as_str()];
        sandbox::check(Some(said), Room::Box, &path, root, faults);
    }
    let looks = Redactor::new(&config.audit.redact_names).ok();
    for (key, env) in &plugins.env {
        let path = ["plugins", "env", key.0.as_str()];
        for (name, _) in env.iter().filter(|(_, it)| it.expose().contains('\0')) {
            let fault = Fault::new(format!("the variable `{name}` can't hold a NUL"));
            faults.push(fault.place(place_of(root, &path)));
        }
        servers::open_secrets(looks.as_ref(), &path, root, warnings);
    }
    if let Some(Value::Scalar(text, _)) = root.at(&["plugins", "dir"]).map(|it| &it.value)
        && text.is_empty()
    {
        let fault = Fault::new("`plugins.dir` is empty");
        faults.push(fault.place(place_of(root, &["plugins", "dir"])));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_manifest_is_read_and_what_is_wrong_is_told_with_its_line() {
        let whole = "\
name: hash
version: 1.10
executable: hash.py # beside this file
mode: persistent
concurrency: 4
timeout: 5
tools:
  - name: sha256
    description: Digests a text.
    input_schema:
      type: object
      properties: { text: { type: string, maxLength: 100, default: ~ } }
      required: [text]
    tier: read
    annotations: { idempotentHint: true }
";
        let manifest = read_manifest(whole).unwrap();
        let schema = manifest.tools[0].input_schema.to_string();
        assert!(schema.contains(r#""maxLength":100"#), "{schema}");
        assert_eq!(manifest.concurrency.map(u32::from), Some(4));
        for (from, to, told) in [
            (
                "tools:",
                "tols:",
                "line 7: unknown key `tols`; did you mean `tools`?",
            ),
            (
                "tier: read",
                "tier: raed",
                "line 14: unknown word `raed`; did you mean `read`?",
            ),
            (
                "executable:",
                "# executable:",
                "`executable` is missing here",
            ),
            (
                "timeout: 5",
                "timeout: soon",
                "line 6: expected a length of time",
            ),
            ("timeout: 5", "timeout: [", "line"),
            ("name: hash", "name: ${secret:x}", ""),
        ] {
            let broken = whole.replacen(from, to, 1);
            match read_manifest(&broken) {
                Ok(manifest) => assert_eq!(manifest.name, "${secret:x}"),
                Err(error) => assert!(error.contains(told) && !told.is_empty(), "{told}: {error}"),
            }
        }
        assert_eq!(read_manifest("").unwrap_err(), "it is empty");
    }

    #[test]
    fn the_folder_is_known_by_its_real_name_though_it_is_not_there() {
        let place = tempfile::tempdir().unwrap();
        let real = place.path().canonicalize().unwrap();
        std::os::unix::fs::symlink(&real, real.join("link")).unwrap();
        let plugins = Plugins {
            dir: real.join("link/none/plugins"),
            ..Plugins::default()
        };
        assert_eq!(plugins.real_dir(), real.join("none/plugins"));
    }

    proptest! {
        #[test]
        fn no_manifest_is_too_much(text in "[a-z:\\- \\[\\]{}~&*!#|>'\"\n0-9.]{0,200}") {
            let _ = read_manifest(&text);
        }
    }
}
