//! mcp-secure-exec (<https://github.com/timasoft/mcp-secure-exec>, 0.1): options or `MCP_EXEC_*`
//! variables; commands as `name|"template"`, with `;` between them.

use durward_core::ToolName;
use durward_guard::{
    argv,
    template::{self, Template, definitions, with_types_of_names},
};

use super::{
    desk::{Desk, line},
    doors::{Door, Kept, of_a_client},
    draft::Value,
    given::{Given, Setting},
};
use crate::config::Audit;

const ROLE: &str = "secure-exec";

/// Long and short options, the variable that says the same, and whether a value follows.
const OPTIONS: [(&str, &str, &str, bool); 20] = [
    ("--cmd", "-c", "COMMANDS", true),
    ("--blacklist", "-B", "DANGEROUS", true),
    ("--allow-dangerous", "-D", "ALLOW_DANGEROUS", false),
    ("--no-validate-paths", "", "NO_VALIDATE_PATHS", false),
    (
        "--allow-missing-binaries",
        "",
        "ALLOW_MISSING_BINARIES",
        false,
    ),
    ("--base-path", "", "BASE_PATH", true),
    ("--sensitive-keys", "", "SENSITIVE_KEYS", true),
    ("--cmd-timeout", "", "CMD_TIMEOUT_SECS", true),
    ("--log-level", "", "LOG_LEVEL", true),
    ("--dry-run", "-d", "DRY_RUN", false),
    ("--transport", "-t", "TRANSPORT", true),
    ("--bind", "-b", "BIND", true),
    ("--auth-token", "", "AUTH_TOKEN", true),
    ("--stateful", "-s", "STATEFUL", false),
    ("--rate-limit-rps", "", "RATE_LIMIT_RPS", true),
    ("--rate-limit-burst", "", "RATE_LIMIT_BURST", true),
    ("--max-concurrent", "", "MAX_CONCURRENT", true),
    ("--circuit-threshold", "", "CIRCUIT_THRESHOLD", true),
    ("--circuit-timeout", "", "CIRCUIT_TIMEOUT_SECS", true),
    ("--help", "-h", "", false),
];

pub(super) fn account(desk: &mut Desk<'_>) {
    let (settings, strange) = settings(desk.given);
    let told = Told(&settings);
    let client = of_a_client(desk.given).map(|(host, port)| format!("{host}:{port}"));
    let transport = told.value("MCP_EXEC_TRANSPORT");
    let http = transport == Some("streamable-http") || (transport.is_none() && client.is_some());
    let bind = told
        .value("MCP_EXEC_BIND")
        .or(client.as_deref())
        .unwrap_or("127.0.0.1:3344");
    let (host, port) = bind.rsplit_once(':').unwrap_or((bind, "3344"));
    let door = Door {
        host: host.trim_matches(['[', ']']),
        port,
        public_url: None,
    };
    let kept = http.then(|| door.open(desk));
    for setting in &settings {
        if told.holds(setting) {
            variable(desk, &told, setting, kept);
        } else {
            desk.otherwise(setting, "said again elsewhere, which holds");
        }
    }
    for (at, word) in strange {
        desk.no_equal(&line(&at, &word), "no option of mcp-secure-exec");
    }
    for remote in &desk.given.remotes {
        desk.otherwise(
            &line(&remote.at, "url"),
            "the client's address works on: `/` and `/mcp` are served",
        );
        if let Some(key) = &remote.bearer {
            desk.accept(&line(&remote.at, "Authorization"), ROLE, key, ROLE);
        }
    }
    for mount in &desk.given.mounts {
        desk.not_its(&line(&mount.at, "volumes"), "the container's own");
    }
    unsaid(desk, &told, http);
}

/// What was told, options and variables alike.
struct Told<'a>(&'a [Setting]);

impl Told<'_> {
    /// The last of a name holds, but commands of one source add up.
    fn holds(&self, setting: &Setting) -> bool {
        let last = self.0.iter().rfind(|it| it.name == setting.name);
        last.is_some_and(|last| match setting.name.as_str() {
            "MCP_EXEC_COMMANDS" => last.source == setting.source,
            _ => std::ptr::eq(last, setting),
        })
    }

    fn value(&self, name: &str) -> Option<&str> {
        self.setting(name).map(|it| it.value.trim())
    }

    fn setting(&self, name: &str) -> Option<&Setting> {
        self.0.iter().rfind(|it| it.name == name)
    }

    fn is_on(&self, name: &str) -> bool {
        self.setting(name).is_some_and(Setting::is_on)
    }
}

/// Variables, then options, which beat them; and words that are neither.
fn settings(given: &Given) -> (Vec<Setting>, Vec<(String, String)>) {
    let mut settings = given.variables.clone();
    let mut strange = Vec::new();
    for (number, command) in given.commands.iter().enumerate() {
        let mut words = command.words.iter();
        while let Some(word) = words.next() {
            let (option, joined) = match word.split_once('=') {
                Some((option, value)) if option.starts_with("--") => (option, Some(value)),
                _ => (word.as_str(), None),
            };
            let known = OPTIONS.iter().find(|(long, short, ..)| {
                option == *long || (option == *short && !short.is_empty())
            });
            let Some((long, _, name, takes)) = known else {
                strange.push((command.at.clone(), word.clone()));
                continue;
            };
            let value = match (takes, joined) {
                (_, Some(value)) => value.to_owned(),
                (true, None) => words.next().cloned().unwrap_or_default(),
                (false, None) => "true".to_owned(),
            };
            settings.push(Setting {
                at: command.at.clone(),
                label: (*long).to_owned(),
                name: format!("MCP_EXEC_{name}"),
                value,
                source: given.sources + 1 + number,
                folder: command.folder.clone(),
            });
        }
    }
    (settings, strange)
}

fn variable(desk: &mut Desk<'_>, told: &Told<'_>, setting: &Setting, kept: Option<Kept>) {
    let value = setting.value.trim();
    let number = value.parse::<u32>().ok().filter(|number| *number > 0);
    match setting.name.strip_prefix("MCP_EXEC_").unwrap_or_default() {
        "COMMANDS" => commands(desk, told, setting),
        "DANGEROUS" => desk.no_equal(
            setting,
            "no list of forbidden programs of your own: a command names its program, and shells, interpreters \
             and the like need `dangerous: true`",
        ),
        "ALLOW_DANGEROUS" if setting.is_on() => {
            desk.taken(setting, &["commands", "*", "dangerous"]);
        }
        "ALLOW_MISSING_BINARIES" if setting.is_on() => {
            desk.taken(setting, &["commands", "*", "missing"]);
        }
        "NO_VALIDATE_PATHS" if setting.is_on() => {
            desk.no_equal(setting, "paths are always judged");
        }
        "ALLOW_DANGEROUS" | "ALLOW_MISSING_BINARIES" | "NO_VALIDATE_PATHS" => {
            desk.otherwise(setting, "off, as it is unless said");
        }
        "BASE_PATH" => desk.take(setting, &["files", "root"], Value::Reference(setting.path())),
        "SENSITIVE_KEYS" => {
            let mut names = Audit::default().redact_names;
            names.extend(setting.items().map(str::to_lowercase));
            let mut seen = std::collections::BTreeSet::new();
            names.retain(|name| seen.insert(name.clone()));
            desk.take(setting, &["audit", "redact_names"], Value::texts(names));
        }
        "AUTH_TOKEN" if value.is_empty() => desk.otherwise(setting, "empty: nothing is said"),
        "AUTH_TOKEN" => desk.accept(setting, ROLE, value, ROLE),
        "LOG_LEVEL" => desk.take(setting, &["telemetry", "log"], Value::text(value)),
        "DRY_RUN" => desk.otherwise(setting, "that is `durward check`"),
        "TRANSPORT" => match kept {
            Some(_) => desk.otherwise(setting, "that is `durward serve`"),
            None => desk.otherwise(setting, "that is `durward stdio`"),
        },
        "BIND" => match kept {
            Some(Kept::Same) => desk.taken(setting, &["listen", "http"]),
            Some(Kept::Moved(why)) => desk.taken_otherwise(setting, &["listen", "http"], why),
            None => desk.otherwise(setting, "of no use on stdio, there as here"),
        },
        "STATEFUL" => {
            let stateless = Value::word(!setting.is_on());
            desk.take(setting, &["listen", "stateless"], stateless);
        }
        "CMD_TIMEOUT_SECS" => {
            counted(desk, setting, &["limits", "timeout"], number.map(|it| format!("{it}s")));
        }
        "RATE_LIMIT_RPS" => {
            counted(desk, setting, &["limits", "total"], number.map(|it| format!("{it}/s")));
        }
        "RATE_LIMIT_BURST" => counted(desk, setting, &["limits", "burst"], number),
        "MAX_CONCURRENT" => match number {
            Some(number) => {
                let path = ["limits", "concurrency"];
                desk.draft.set(&path, Value::word(number));
                desk.taken_otherwise(setting, &path, "for each caller, not for all together");
            }
            None => desk.no_equal(setting, "no number above 0"),
        },
        "CIRCUIT_THRESHOLD" => {
            let path = ["limits", "breaker", "faults"];
            counted(desk, setting, &path, number.map(|it| it.min(1000)));
        }
        "CIRCUIT_TIMEOUT_SECS" => {
            let path = ["limits", "breaker", "cool_down"];
            counted(desk, setting, &path, number.map(|it| format!("{it}s")));
        }
        _ => desk.not_its(setting, "no setting of mcp-secure-exec"),
    }
}

fn counted(desk: &mut Desk<'_>, setting: &Setting, path: &[&str], value: Option<impl ToString>) {
    match value {
        Some(value) => desk.take(setting, path, Value::word(value)),
        None => desk.no_equal(setting, "no number above 0"),
    }
}

/// Each command is a tool of the same name.
fn commands(desk: &mut Desk<'_>, told: &Told<'_>, setting: &Setting) {
    for definition in definitions(&setting.value) {
        let (name, template) = match definition {
            Ok(defined) => defined,
            Err(fault) => {
                desk.no_equal(setting, &fault.to_string());
                continue;
            }
        };
        let from = line(&setting.at, &format!("command `{name}`"));
        let run = with_types_of_names(&template);
        let read = Template::parse(&run).and_then(|it| it.refine(std::iter::empty()));
        let read = match (read, ToolName::new(&name)) {
            (Ok(read), Ok(_)) => read,
            (Err(fault), _) => {
                desk.no_equal(&from, &fault.to_string());
                continue;
            }
            (_, Err(fault)) => {
                desk.no_equal(&from, &fault.to_string());
                continue;
            }
        };
        let program = read.program();
        let danger = argv::kind(program.rsplit('/').next().unwrap_or(program));
        let mut keys = vec![("run".to_owned(), Value::text(run))];
        if danger.is_some() || told.is_on("MCP_EXEC_ALLOW_DANGEROUS") {
            keys.push(("dangerous".to_owned(), Value::word(true)));
        }
        if told.is_on("MCP_EXEC_ALLOW_MISSING_BINARIES") {
            keys.push(("missing".to_owned(), Value::text("warn")));
        }
        let path = ["commands", &name];
        desk.draft.set(&path, Value::Map(keys));
        match said_of(&read, danger) {
            Some(how) => desk.taken_otherwise(&from, &path, &how),
            None => desk.taken(&from, &path),
        }
    }
}

/// What is other than it was there.
fn said_of(template: &Template, danger: Option<argv::Kind>) -> Option<String> {
    let mut said = Vec::new();
    if let Some(kind) = danger {
        let program = template.program();
        said.push(format!(
            "`{program}` is {kind}, so `dangerous: true` is said"
        ));
    }
    for slot in template.slots() {
        if let template::Kind::Flag(flags) = slot.kind() {
            let name = slot.name();
            said.push(format!(
                "`{name}` takes {} until `params.{name}.enum` lists others",
                flags.join(", ")
            ));
        }
    }
    (!said.is_empty()).then(|| said.join("; "))
}

/// What holds there though nobody says it.
fn unsaid(desk: &mut Desk<'_>, told: &Told<'_>, http: bool) {
    if desk.given.is_empty() {
        return;
    }
    desk.unsaid(
        "no file tools",
        &["packs", "fs", "enabled"],
        Value::word(false),
    );
    if !http {
        desk.unsaid("stdio alone", &["listen", "http"], Value::text("off"));
        return;
    }
    if told.value("MCP_EXEC_BIND").is_none() && desk.given.remotes.is_empty() {
        desk.taken(&line("their default", "MCP_EXEC_BIND"), &["listen", "http"]);
    }
    let paths = Value::texts(["/mcp", "/"]);
    desk.unsaid("served at every path", &["listen", "paths"], paths);
    if told.value("MCP_EXEC_STATEFUL").is_none() {
        desk.unsaid(
            "MCP_EXEC_STATEFUL",
            &["listen", "stateless"],
            Value::word(true),
        );
    }
    if desk.draft.get(&["identity", "keys", "accept"]).is_some() {
        let allow = Value::texts(["tier:read", "tier:operate"]);
        desk.unsaid("all of its commands", &["roles", ROLE, "allow"], allow);
    } else {
        desk.otherwise(
            &line("their default", "no MCP_EXEC_AUTH_TOKEN"),
            "nothing is anonymous here: `durward keys new --role developer` makes a key",
        );
    }
}
