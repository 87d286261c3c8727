//! Plugins behind the gate: what their manifests say is what callers get (X01 to X07, N01).

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use durward_testkit::{House, Pipe, refusal, text};
use serde_json::{Value, json};

use crate::house;

/// Where plugins lie beside the configuration.
const DIR: &str = "config/plugins";

pub(crate) fn mode(path: &Path, bits: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(bits)).expect("a mode");
}

/// Writes a file of a plugin, by a rename as editors do; only its owner may write it.
pub(crate) fn put(house: &House, plugin: &str, file: &str, content: impl AsRef<[u8]>, bits: u32) {
    let folder = house.path(DIR).join(plugin);
    fs::create_dir_all(&folder).expect("a folder");
    for folder in [house.path(DIR), folder.clone()] {
        mode(&folder, 0o755);
    }
    let draft = folder.join(format!(".{file}.new"));
    fs::write(&draft, content).expect("a file");
    mode(&draft, bits);
    fs::rename(&draft, folder.join(file)).expect("the file in place");
}

/// A plugin of one tool of its own name, which a shell script does.
pub(crate) fn scripted(house: &House, name: &str, script: &str, more: &str) {
    put(house, name, "run", format!("#!/bin/sh\n{script}\n"), 0o755);
    manifest(house, name, more);
}

pub(crate) fn manifest(house: &House, name: &str, more: &str) {
    let text = format!(
        "name: {name}\nversion: 1.0.0\nexecutable: run\n{more}\ntools:\n  - name: {name}\n    description: Does it.\n    \
         input_schema: {{ type: object, properties: {{ n: {{ type: integer }} }}, additionalProperties: false }}\n"
    );
    put(house, name, "manifest.yaml", text, 0o644);
}

/// A house whose plugins run without walls, for what has nothing to do with them.
pub(crate) fn open_house(more: &str) -> House {
    let house = house();
    house.configure(&format!("sandbox: {{ mode: off }}\nplugins: {{}}\n{more}"));
    fs::create_dir_all(house.path(DIR)).expect("a folder");
    mode(&house.path(DIR), 0o755);
    house
}

/// Waits until something holds, as long as a busy machine may take.
pub(crate) fn in_time(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..400 {
        if holds() {
            return;
        }
        thread::sleep(Duration::from_millis(50));
    }
    panic!("not within 20 s: {what}");
}

pub(crate) fn listed(pipe: &mut Pipe) -> Vec<String> {
    let list = pipe.modern("tools/list", json!({}));
    let tools = list["result"]["tools"].as_array().expect("tools").iter();
    tools
        .map(|tool| tool["name"].as_str().expect("a name").to_owned())
        .filter(|name| !name.starts_with("fs_"))
        .collect()
}

/// The examples, as people copy them; the one in Rust is built with the tests.
fn examples(house: &House) {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/plugins");
    for (name, files) in [
        ("hash-rust", &["manifest.yaml"][..]),
        ("words-node", &["manifest.yaml", "words.mjs"]),
        (
            "units-python",
            &["manifest.yaml", "handler.py", "durward-plugin.py"],
        ),
    ] {
        for file in files {
            let from = top.join(name).join(file);
            let bits = fs::metadata(&from)
                .expect("an example")
                .permissions()
                .mode()
                & 0o755;
            put(
                house,
                name,
                file,
                fs::read(&from).expect("an example"),
                bits,
            );
        }
    }
    let mut built = PathBuf::from(env!("CARGO_BIN_EXE_durward"));
    built.set_file_name("examples");
    let built = fs::read(built.join("hash_rust")).expect("the example is built");
    put(house, "hash-rust", "hash-rust", built, 0o755);
}

#[test]
fn the_examples_do_what_their_manifests_say() {
    let house = open_house("");
    examples(&house);
    let mut pipe = house.stdio(&[]);
    let names = listed(&mut pipe);
    let wanted = [
        "convert_length",
        "convert_temperature",
        "count_words",
        "sha256",
    ];
    assert_eq!(names, wanted);
    let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    for _ in 0..3 {
        let answer = pipe.call("sha256", json!({"text": "abc"}));
        assert_eq!(
            answer["result"]["structuredContent"],
            json!({"sha256": digest, "bytes": 3})
        );
        assert_eq!(text(&answer), digest);
    }
    let answer = pipe.call("count_words", json!({"text": "one two\nthree"}));
    let counted = json!({"lines": 2, "words": 3, "characters": 13});
    assert_eq!(answer["result"]["structuredContent"], counted, "{answer}");
    let miles = json!({"value": 2, "from": "mi", "to": "m"});
    assert_eq!(text(&pipe.call("convert_length", miles)), "3218.69 m");
    let cold = json!({"value": -1, "from": "K", "to": "C"});
    let answer = pipe.call("convert_temperature", cold);
    assert_eq!(answer["result"]["isError"], true);
    assert!(text(&answer).contains("absolute zero"), "{answer}");
}

/// The first indented block of a page that begins so.
fn block(page: &str, begin: &str) -> String {
    let lines = page
        .lines()
        .skip_while(|line| line.strip_prefix("    ") != Some(begin));
    let lines = lines.map_while(|line| match line.is_empty() {
        true => Some(""),
        false => line.strip_prefix("    "),
    });
    let text = lines.collect::<Vec<_>>().join("\n");
    assert!(
        !text.is_empty(),
        "the page has no block that begins with {begin}"
    );
    text + "\n"
}

#[test]
fn the_page_s_own_plugin_works_as_it_is_written() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/src/plugins.md");
    let page = fs::read_to_string(page).expect("the page");
    let house = open_house("");
    put(
        &house,
        "greet",
        "manifest.yaml",
        block(&page, "name: greet"),
        0o644,
    );
    put(
        &house,
        "greet",
        "greet.py",
        block(&page, "#!/usr/bin/env python3"),
        0o755,
    );
    let call = block(&page, "durward check");
    let call = call.trim_end().lines().last().expect("a call");
    assert_eq!(call, r#"durward tools call greet '{"who": "Ann"}'"#);
    let ran = house
        .run(&["tools", "call", "greet", r#"{"who": "Ann"}"#])
        .ok();
    assert!(ran.stdout.contains("Hello Ann"), "{ran:?}");
}

#[test]
fn the_shim_makes_the_manifest_that_is_shipped() {
    let house = house();
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/plugins/units-python");
    let folder = house.path("units-python");
    fs::create_dir(&folder).expect("a folder");
    for file in ["handler.py", "durward-plugin.py"] {
        fs::copy(top.join(file), folder.join(file)).expect("a copy");
    }
    #[expect(clippy::disallowed_methods, reason = "a test starts what it tests")]
    let made = std::process::Command::new("python3")
        .args([
            "-B",
            "durward-plugin.py",
            "manifest",
            "handler.py",
            "--tier",
            "read",
        ])
        .current_dir(&folder)
        .output()
        .expect("python3 runs");
    let kept = fs::read_to_string(top.join("manifest.yaml")).expect("the manifest");
    assert_eq!(String::from_utf8_lossy(&made.stdout), kept, "{made:?}");
}

/// As its own folder had it, with the module that it imports not installed.
#[test]
fn a_class_written_for_a_predecessor_runs_behind_the_shim() {
    let house = open_house("");
    let handler = "\
import subprocess
from mcp_secure_server.plugins.base import PluginBase, ToolDefinition, ToolResult

class Plugin(PluginBase):
    @property
    def name(self): return 'greeter'
    @property
    def version(self): return '2.0'
    def get_tools(self):
        schema = {'type': 'object', 'properties': {'who': {'type': 'string'}}, 'required': ['who']}
        return [ToolDefinition(name='greet', description='Greets.', input_schema=schema)]
    def execute(self, tool_name, arguments):
        print('to nobody')
        subprocess.run(['sh', '-c', 'cat; echo to nobody either'])
        if arguments['who'] == 'nobody': return None
        return ToolResult(content=[{'type': 'text', 'text': 'Hello ' + arguments['who']}], is_error=tool_name != 'greet')
";
    let shim = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../examples/plugins/units-python/durward-plugin.py");
    put(&house, "greeter", "handler.py", handler, 0o644);
    put(
        &house,
        "greeter",
        "durward-plugin.py",
        fs::read(shim).expect("the shim"),
        0o755,
    );
    #[expect(clippy::disallowed_methods, reason = "a test starts what it tests")]
    let made = std::process::Command::new("python3")
        .args(["-B", "durward-plugin.py", "manifest", "handler.py"])
        .current_dir(house.path(DIR).join("greeter"))
        .output()
        .expect("python3 runs");
    assert!(made.status.success(), "{made:?}");
    put(&house, "greeter", "manifest.yaml", made.stdout, 0o644);
    let mut pipe = house.stdio(&[]);
    let answer = pipe.call("greet", json!({"who": "Ann"}));
    assert_eq!(text(&answer), "Hello Ann", "{answer}");
    assert_eq!(answer["result"]["isError"], false);
    let answer = pipe.call("greet", json!({"who": "nobody"}));
    assert_eq!(text(&answer), "", "{answer}");
}

#[test]
fn programs_that_know_the_contract_alone_work() {
    let house = open_house("");
    let node = "#!/usr/bin/env node
let text = '';
process.stdin.on('data', (part) => { text += part; });
process.stdin.on('end', () => {
  const call = JSON.parse(text);
  console.log(JSON.stringify({ content: [{ type: 'text', text: call.tool + ' ' + JSON.stringify(call.arguments) }], isError: false }, null, 2));
});
";
    scripted(&house, "node", "", "");
    put(&house, "node", "run", node, 0o755);
    let rust = "fn main() { let mut t = String::new(); std::io::Read::read_to_string(&mut std::io::stdin(), &mut t).unwrap(); \
                print!(\"{{\\\"content\\\":[{{\\\"type\\\":\\\"text\\\",\\\"text\\\":\\\"{} bytes\\\"}}],\\\"isError\\\":true}}\", t.trim_end().len()); }";
    fs::write(house.path("main.rs"), rust).expect("a source");
    #[expect(clippy::disallowed_methods, reason = "a test builds what it starts")]
    let built = std::process::Command::new("rustc")
        .args(["--edition", "2024", "-o"])
        .args([house.path("built"), house.path("main.rs")])
        .output()
        .expect("rustc runs");
    assert!(built.status.success(), "{built:?}");
    scripted(&house, "rust", "", "");
    put(
        &house,
        "rust",
        "run",
        fs::read(house.path("built")).expect("a program"),
        0o755,
    );
    let mut pipe = house.stdio(&[]);
    let answer = pipe.call("node", json!({"n": 7}));
    assert_eq!(text(&answer), r#"node {"n":7}"#, "{answer}");
    assert_eq!(answer["result"]["isError"], false);
    let answer = pipe.call("rust", json!({}));
    assert_eq!(answer["result"]["isError"], true, "{answer}");
    assert!(text(&answer).ends_with(" bytes"), "{answer}");
}

#[test]
fn arguments_that_do_not_fit_start_nothing() {
    let house = open_house("");
    let mark = house.path("mark");
    for (name, more) in [("once", ""), ("stays", "mode: persistent")] {
        scripted(&house, name, &format!("touch {}", mark.display()), more);
    }
    let mut pipe = house.stdio(&[]);
    for name in ["once", "stays"] {
        for arguments in [json!({"n": "x"}), json!({"m": 1}), json!({"n": 1.5})] {
            let answer = pipe.call(name, arguments);
            assert_eq!(refusal(&answer), "invalid_arguments", "{answer}");
        }
    }
    assert!(!mark.exists());
    assert!(pipe.call("once", json!({"n": 1}))["result"]["isError"] == true);
    assert!(mark.exists(), "with arguments that fit it is started");
}

#[test]
fn what_a_plugin_says_of_its_tools_is_listed() {
    let house = open_house("");
    put(&house, "all", "run", "#!/bin/sh\n", 0o755);
    let manifest = "\
name: all
version: 3
executable: run
tools:
  - name: look
    title: Look up
    description: Looks.
    tier: read
    inputSchema: { type: object }
    output_schema: { type: object, properties: { a: { type: integer } } }
    annotations: { openWorldHint: true }
  - name: wipe
    description: Wipes.
    tier: danger
    input_schema: {}
";
    put(&house, "all", "manifest.yaml", manifest, 0o644);
    let mut pipe = house.stdio(&[]);
    let list = pipe.modern("tools/list", json!({}));
    let all = list["result"]["tools"].as_array().expect("tools");
    let look = all
        .iter()
        .find(|it| it["name"] == "look")
        .expect("the tool");
    assert_eq!(look["title"], "Look up");
    assert_eq!(look["outputSchema"]["properties"]["a"]["type"], "integer");
    let hints = json!({"readOnlyHint": true, "destructiveHint": false, "idempotentHint": true, "openWorldHint": true});
    assert_eq!(look["annotations"], hints);
    assert_eq!(look["_meta"]["dev.durward/tier"], "read");
    // Whoever runs durward is a developer, who may not do harm.
    assert!(!all.iter().any(|it| it["name"] == "wipe"));
    let ran = house.run(&["check", "--json"]).ok();
    let rows = ran.lines();
    let wipe = rows
        .iter()
        .find(|row| row["tool"] == "wipe")
        .expect("a row");
    assert_eq!(
        (&wipe["tier"], &wipe["roles"]),
        (&json!("danger"), &json!(["admin"]))
    );
    let row = rows
        .iter()
        .find(|row| row["plugin"]["name"] == "all")
        .expect("a row");
    assert_eq!(row["plugin"]["version"], "3", "{row}");
    house.configure("sandbox: { mode: off }\nplugins: {}\nroles: { developer: { allow: [\"*\"], deny: [\"server:plugins\"] } }\n");
    assert_eq!(listed(&mut house.stdio(&[])), [""; 0]);
}

#[test]
fn a_bad_plugin_is_told_of_and_a_good_one_is_not_harmed() {
    let house = open_house("");
    let good = r#"printf '{"content":"good"}'"#;
    scripted(&house, "good", good, "");
    scripted(&house, "open", good, "");
    mode(&house.path(DIR).join("open/run"), 0o777);
    scripted(&house, "gone", good, "");
    fs::remove_file(house.path(DIR).join("gone/run")).expect("a file");
    scripted(&house, "out", good, "");
    fs::remove_file(house.path(DIR).join("out/run")).expect("a file");
    std::os::unix::fs::symlink("/bin/true", house.path(DIR).join("out/run")).expect("a link");
    put(
        &house,
        "odd",
        "manifest.yaml",
        "name: odd\nversion: 1\nexecutabel: run\ntools: []\n",
        0o644,
    );
    let ran = house.run(&["check"]);
    assert_eq!(ran.code, 3, "{ran:#?}");
    for told in [
        "the plugin `open` is refused: everyone on this machine may change `run`",
        "the plugin `gone` is refused: `run`: there is no such file",
        "the plugin `out` is refused: `run`: it lies outside the plugin's folder",
        "line 3: unknown key `executabel`; did you mean `executable`?",
        "4 plugins are refused",
    ] {
        assert!(ran.stderr.contains(told), "{told}: {ran:#?}");
    }
    let daemon = house.serve(&[]);
    let status = house.run(&["status", "--json"]).ok().json();
    let states: Vec<_> = status["plugins"]
        .as_array()
        .expect("plugins")
        .iter()
        .map(|it| (it["name"].as_str().unwrap(), it["state"].as_str().unwrap()))
        .collect();
    let wanted = [
        ("gone", "refused"),
        ("good", "ready"),
        ("odd", "refused"),
        ("open", "refused"),
        ("out", "refused"),
    ];
    assert_eq!(states, wanted);
    let shown = house.run(&["status"]).ok().stdout;
    assert!(shown.contains("refused: `run`: it lies outside"), "{shown}");
    drop(daemon);
    let mut pipe = house.stdio(&[]);
    assert_eq!(listed(&mut pipe), ["good"]);
    assert_eq!(text(&pipe.call("good", json!({}))), "good");
}

#[test]
fn two_tools_of_one_name_are_a_fault_of_the_configuration() {
    let house = open_house("");
    scripted(&house, "one", "true", "");
    scripted(&house, "two", "true", "");
    let taken = "name: two\nversion: 1\nexecutable: run\ntools: [{ name: TOOL, description: d, input_schema: {} }]\n";
    for (tool, told) in [
        (
            "one",
            "the tools `one` of `one` and `one` of `two` are the same; rename one of them",
        ),
        ("One", "differ only in case"),
        (
            "fs_read",
            "the built-in tool `fs_read` and `fs_read` of the plugin `two` are the same; rename one of them",
        ),
    ] {
        put(
            &house,
            "two",
            "manifest.yaml",
            taken.replace("TOOL", tool),
            0o644,
        );
        for command in [&["check"][..], &["serve", "--listen", "off"]] {
            let ran = house.run(command);
            assert!(
                ran.code == 3 && ran.stderr.contains(told),
                "{command:?} {tool}: {ran:#?}"
            );
        }
    }
}

#[test]
fn without_the_section_no_plugin_is_looked_at() {
    let house = house();
    // Neither in the folder of the configuration nor in the working folder, which may be a stranger's.
    scripted(&house, "own", "true", "");
    fs::create_dir_all(house.root().join("plugins")).expect("a folder");
    assert_eq!(listed(&mut house.stdio(&[])), [""; 0]);
    house.configure("packs: { fs: { enabled: true } }\n");
    assert_eq!(listed(&mut house.stdio(&[])), [""; 0]);
    house.configure("plugins:\n");
    let ran = house.run(&["check"]);
    assert!(
        ran.code == 0 && ran.stderr.contains("`plugins` says nothing"),
        "{ran:#?}"
    );
    // The section's folder begins at its file, wherever durward runs.
    let stranger = house.root().join("plugins/stranger");
    fs::create_dir_all(&stranger).expect("a folder");
    fs::write(stranger.join("run"), "#!/bin/sh\n").expect("a program");
    house.configure("sandbox: { mode: off }\nplugins: {}\n");
    assert_eq!(listed(&mut house.stdio(&[])), ["own"]);
}

#[test]
fn what_is_said_of_a_plugin_that_is_not_there_is_told() {
    let house = house();
    house.configure("sandbox: { mode: off }\nplugins: { grants: { hsah: { network: none } } }\n");
    let ran = house.run(&["check"]).ok();
    assert!(ran.stderr.contains("the folder of plugins"), "{ran:#?}");
    scripted(&house, "hash", "true", "");
    let ran = house.run(&["check"]).ok();
    assert!(
        ran.stderr
            .contains("the plugin `hsah`, and there is no such plugin"),
        "{ran:#?}"
    );
    for (said, told) in [
        ("{ hash: { netwrok: none } }", "did you mean `network`?"),
        ("{ hash: boxx }", "did you mean `box`?"),
        ("{ Hash: box }", "a plugin's name"),
        (
            "{ hash: { room: host, network: none } }",
            "would say nothing",
        ),
    ] {
        house.configure(&format!("plugins: {{ grants: {said} }}\n"));
        let ran = house.run(&["check"]);
        assert!(
            ran.code == 3 && ran.stderr.contains(told),
            "{said}: {ran:#?}"
        );
    }
}

#[test]
fn callers_can_not_write_plugins() {
    let house = house();
    // The folder of plugins lies in what is shared, by mistake.
    house.configure(&format!(
        "sandbox: {{ mode: off }}\nfiles: {{ root: {}, write: [\"**\"] }}\nplugins: {{ dir: plugins }}\n",
        house.path("config").display()
    ));
    let mut pipe = house.stdio(&[]);
    for path in ["plugins/evil/manifest.yaml", "plugins/evil/run"] {
        let answer = pipe.call("fs_write", json!({"path": path, "content": "x"}));
        assert_eq!(refusal(&answer), "denylist_hit", "{answer}");
    }
    let answer = pipe.call("fs_write", json!({"path": "other/run", "content": "x"}));
    assert_eq!(answer["result"]["isError"], Value::Null, "{answer}");
}

#[test]
fn a_plugin_is_given_what_it_is_granted_and_nothing_else() {
    let house = house();
    house.configure(
        "sandbox: { mode: off }\nsecrets: { key: { env: PLUGIN_SECRET } }\nplugins:\n  env: { env: { API_KEY: \"${secret:key}\", PLAIN: a } }\n  \
         grants: { env: { env: [EXTRA] } }\n",
    );
    let script = r#"env | sort | sed 's/=.*//' | tr '\n' ' ' | { read -r names; printf '{"content":"%s %s"}' "$names" "$API_KEY"; }"#;
    scripted(&house, "env", script, "");
    let mut command = house.command(&["stdio"]);
    command
        .env("PLUGIN_SECRET", "hunter2-of-the-plugin")
        .env("EXTRA", "x")
        .env("OTHER_SECRET", "x")
        .env("LD_PRELOAD", "");
    let mut pipe = Pipe::of(command);
    let answer = pipe.call("env", json!({}));
    assert_eq!(
        text(&answer),
        "API_KEY EXTRA PATH PLAIN PWD hunter2-of-the-plugin",
        "{answer}"
    );
    let trail = house.bytes_below(&house.state());
    assert!(
        !trail.windows(8).any(|it| it == b"hunter2-"),
        "no secret is recorded"
    );
}
