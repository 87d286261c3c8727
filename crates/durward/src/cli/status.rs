//! `durward status`

use clap::Args;

use crate::{
    cli::{Common, setup},
    client,
    exit::{Failure, failed},
    status::{Inside, Report, ServerState, ServerStatus, URI, WallsStatus},
};

/// So many of a server's last lines are shown where it does not serve.
const LAST_WORDS: usize = 5;

/// How the running daemon stands: its version, its walls, the servers behind it, breakers and sessions. Exit code 1
/// where none answers.
#[derive(Debug, Args)]
pub(super) struct Status {}

impl Status {
    pub(super) fn run(self, common: &Common) -> Result<(), Failure> {
        let socket = setup::socket(common)?;
        let read = client::ask(&socket, "resources/read", serde_json::json!({"uri": URI}));
        let read = read.map_err(failed)?;
        let text = read["contents"][0]["text"].as_str().unwrap_or_default();
        if common.json {
            println!("{text}");
            return Ok(());
        }
        let report: Report = serde_json::from_str(text)
            .map_err(|error| Failure::Failed(format!("the status can't be read: {error}")))?;
        print!("{}", shown(&report));
        Ok(())
    }
}

/// For people, on a terminal that obeys nothing of what servers wrote.
fn shown(report: &Report) -> String {
    let mut text = format!("durward {}, up since {}", report.version, report.started);
    let Some(inside) = &report.inside else {
        return text + "\n";
    };
    let sessions = match inside.sessions {
        1 => "1 session".to_owned(),
        many => format!("{many} sessions"),
    };
    text.push_str(&format!(", process {}, {sessions}\n", inside.pid));
    if let Some(why) = &inside.config.refused {
        text.push_str("the configuration was changed and is wrong, the old one holds:\n");
        let lines = why.lines().map(|line| format!("  {}\n", plain(line)));
        text.extend(lines);
    }
    walls(&inside.walls, &mut text);
    servers(inside, &mut text);
    plugins(inside, &mut text);
    for breaker in &inside.breakers {
        let state = breaker.state.replace('_', "-");
        let seconds = breaker.retry_after_ms.div_ceil(1_000);
        let line = format!("breaker {} is {state}, tried in {seconds} s", breaker.tool);
        text.push_str(&format!("{}\n", plain(&line)));
    }
    text
}

/// What the machine holds, and what runs in what; servers say so in their own table.
fn walls(walls: &WallsStatus, text: &mut String) {
    let level = match &walls.level {
        Some(level) => format!("level {level}"),
        None => "none asked for".to_owned(),
    };
    let line = format!("walls: {level}, sandbox.mode {}", walls.mode);
    text.push_str(&format!("{}\n", plain(&line)));
    let lacks = walls.lacks.iter();
    text.extend(lacks.map(|lack| format!("  lacks: {}\n", plain(lack))));
    let others: Vec<_> = walls.items.iter().filter(|it| !it.is_server()).collect();
    if others.is_empty() {
        return;
    }
    let mut rows = vec![["item", "sandbox"].map(str::to_owned)];
    rows.extend(others.iter().map(|it| {
        let held = format!("{}, {}", it.sandbox, it.level);
        [plain(&it.item), plain(&held)]
    }));
    text.extend(aligned(&rows));
}

fn servers(inside: &Inside, text: &mut String) {
    if inside.servers.is_empty() {
        return;
    }
    let mut rows = vec![
        [
            "server",
            "transport",
            "speaks",
            "walls",
            "state",
            "restarts",
            "breaker",
        ]
        .map(str::to_owned),
    ];
    rows.extend(inside.servers.iter().map(|server| row(server, inside)));
    for (at, line) in aligned(&rows).enumerate() {
        text.push_str(&line);
        if let Some(server) = at.checked_sub(1).and_then(|at| inside.servers.get(at)) {
            words(server, text);
        }
    }
}

fn plugins(inside: &Inside, text: &mut String) {
    let notes = inside.plugin_notes.iter();
    text.extend(notes.map(|note| format!("note: {}\n", plain(note))));
    if inside.plugins.is_empty() {
        return;
    }
    let mut rows =
        vec![["plugin", "version", "mode", "state", "restarts", "tools"].map(str::to_owned)];
    rows.extend(inside.plugins.iter().map(|plugin| {
        let or_dash = |text: &Option<String>| plain(text.as_deref().unwrap_or("-"));
        [
            plain(&plugin.name),
            or_dash(&plugin.version),
            or_dash(&plugin.mode),
            plain(&plugin.state),
            plugin.restarts.to_string(),
            plugin.tools.len().to_string(),
        ]
    }));
    for (at, line) in aligned(&rows).enumerate() {
        text.push_str(&line);
        let Some(plugin) = at.checked_sub(1).and_then(|at| inside.plugins.get(at)) else {
            continue;
        };
        let what = if plugin.is_refused() {
            "refused"
        } else {
            "last error"
        };
        let error = plugin.error.iter();
        text.extend(error.map(|error| format!("  {what}: {}\n", plain(error))));
        if plugin.junk > 0 {
            let junk = plugin.junk;
            text.push_str(&format!("  lines that were no answers: {junk}\n"));
        }
        if plugin.error.is_some() {
            last_words(&plugin.stderr, text);
        }
    }
}

/// Rows as lines, each column as wide as its widest cell.
fn aligned<const N: usize>(rows: &[[String; N]]) -> impl Iterator<Item = String> {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: [usize; N] = std::array::from_fn(|column| width(column).unwrap_or(0));
    rows.iter().map(move |row| {
        let cells = row
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:<width$}"));
        let line = cells.collect::<Vec<_>>().join("  ");
        format!("{}\n", line.trim_end())
    })
}

/// The end of what something wrote on its standard error.
fn last_words(stderr: &[String], text: &mut String) {
    let old = stderr.len().saturating_sub(LAST_WORDS);
    let said = stderr[old..].iter();
    text.extend(said.map(|line| format!("  | {}\n", plain(line))));
}

fn row(server: &ServerStatus, inside: &Inside) -> [String; 7] {
    let or_dash = |text: &Option<String>| plain(text.as_deref().unwrap_or("-"));
    let own = format!("{}__", server.name);
    let open = inside
        .breakers
        .iter()
        .filter(|breaker| breaker.tool.starts_with(&own))
        .count();
    [
        plain(&server.name),
        or_dash(&server.transport),
        or_dash(&server.revision),
        match (&server.room, &server.level) {
            (Some(room), Some(level)) if room == "home" || room == "box" => {
                plain(&format!("{room}, {level}"))
            }
            (room, _) => or_dash(room),
        },
        server.state.as_str().to_owned(),
        server.restarts.to_string(),
        match open {
            0 => "closed".to_owned(),
            1 => "1 tool".to_owned(),
            many => format!("{many} tools"),
        },
    ]
}

/// What went wrong, and what the server itself said before, where it does not serve.
fn words(server: &ServerStatus, text: &mut String) {
    let notes = server
        .notes
        .iter()
        .map(|note| format!("  note: {}", plain(note)));
    let error = server
        .error
        .iter()
        .map(|error| format!("  last error: {}", plain(error)));
    for line in notes.chain(error) {
        text.push_str(&line);
        text.push('\n');
    }
    if server.state == ServerState::Waiting {
        last_words(&server.stderr, text);
    }
}

fn plain(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use durward_cage::launch::Level;

    use crate::status::{BreakerStatus, ItemStatus, PluginStatus};

    use super::*;

    fn server(name: &str, state: ServerState) -> ServerStatus {
        ServerStatus {
            name: name.to_owned(),
            transport: None,
            era: None,
            revision: None,
            room: None,
            level: None,
            state,
            restarts: 0,
            error: None,
            stderr: Vec::new(),
            notes: Vec::new(),
        }
    }

    fn plugin(name: &str, state: &str) -> PluginStatus {
        PluginStatus {
            name: name.to_owned(),
            state: state.to_owned(),
            version: None,
            mode: None,
            tools: vec!["tool".to_owned()],
            sha256: None,
            level: None,
            restarts: 0,
            junk: 0,
            error: None,
            stderr: Vec::new(),
        }
    }

    #[test]
    fn people_see_what_is_wrong_and_what_the_server_said_before() {
        let report = Report {
            version: "1.2.3".to_owned(),
            started: "2026-11-21T17:00:00Z".to_owned(),
            inside: Some(Inside {
                pid: 7,
                sessions: 1,
                config: crate::status::ConfigStatus::default(),
                walls: WallsStatus {
                    level: Some("light".to_owned()),
                    lacks: vec!["no namespaces; allow them".to_owned()],
                    mode: "best_effort".to_owned(),
                    items: vec![
                        ItemStatus::new("packs.shell", "box", Level::Light),
                        ItemStatus::new("commands.up", "host", Level::None),
                        ItemStatus::new("servers.my-long-name", "home", Level::Light),
                    ],
                },
                servers: vec![
                    ServerStatus {
                        transport: Some("http".to_owned()),
                        era: Some("modern".to_owned()),
                        revision: Some("2026-07-28".to_owned()),
                        stderr: vec!["not shown: it serves".to_owned()],
                        ..server("crm", ServerState::Ready)
                    },
                    ServerStatus {
                        transport: Some("stdio".to_owned()),
                        room: Some("home".to_owned()),
                        level: Some("full".to_owned()),
                        restarts: 3,
                        error: Some("it ended with code 1".to_owned()),
                        stderr: (0..9).map(|at| format!("\u{1b}[31mline {at}")).collect(),
                        notes: vec!["its questions need `instances: per_caller`".to_owned()],
                        ..server("my-long-name", ServerState::Waiting)
                    },
                    server("new", ServerState::Idle),
                ],
                plugins: vec![
                    PluginStatus {
                        version: Some("1.0".to_owned()),
                        mode: Some("persistent".to_owned()),
                        restarts: 2,
                        junk: 7,
                        error: Some("it ended with exit code 1".to_owned()),
                        stderr: vec!["Traceback".to_owned()],
                        ..plugin("hash", "running")
                    },
                    PluginStatus {
                        error: Some("it has no `manifest.yaml`".to_owned()),
                        ..plugin("odd", "refused")
                    },
                ],
                plugin_notes: vec!["there is no such plugin".to_owned()],
                breakers: vec![BreakerStatus {
                    tool: "my-long-name__find".to_owned(),
                    state: "half_open".to_owned(),
                    retry_after_ms: 12_001,
                }],
            }),
        };
        let expected = "\
durward 1.2.3, up since 2026-11-21T17:00:00Z, process 7, 1 session
walls: level light, sandbox.mode best_effort
  lacks: no namespaces; allow them
item         sandbox
packs.shell  box, light
commands.up  host, none
server        transport  speaks      walls       state    restarts  breaker
crm           http       2026-07-28  -           ready    0         closed
my-long-name  stdio      -           home, full  waiting  3         1 tool
  note: its questions need `instances: per_caller`
  last error: it ended with code 1
  | \u{fffd}[31mline 4
  | \u{fffd}[31mline 5
  | \u{fffd}[31mline 6
  | \u{fffd}[31mline 7
  | \u{fffd}[31mline 8
new           -          -           -           idle     0         closed
note: there is no such plugin
plugin  version  mode        state    restarts  tools
hash    1.0      persistent  running  2         1
  last error: it ended with exit code 1
  lines that were no answers: 7
  | Traceback
odd     -        -           refused  0         1
  refused: it has no `manifest.yaml`
breaker my-long-name__find is half-open, tried in 13 s
";
        assert_eq!(shown(&report), expected);
    }

    #[test]
    fn others_see_that_it_is_up() {
        let report = Report {
            version: "1.2.3".to_owned(),
            started: "2026-11-21T17:00:00Z".to_owned(),
            inside: None,
        };
        assert_eq!(
            shown(&report),
            "durward 1.2.3, up since 2026-11-21T17:00:00Z\n"
        );
    }
}
