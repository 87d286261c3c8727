//! Clients of both eras in front of servers of both eras, each by a pipe and by HTTP: what the tests of the
//! bridge share. A server says what a script has it say (`examples/scripted_upstream`).

mod client;

use std::{
    fs,
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use durward_testkit::{Daemon, House, initialize_with, notification};
use serde_json::{Value, json};

use crate::{house, servers_faults::ROOM};
use client::Way;
pub(crate) use client::{Client, spelled};

/// How long a busy machine may take.
pub(crate) const SOON: Duration = Duration::from_secs(20);
pub(crate) const SUBSCRIPTION: &str = "io.modelcontextprotocol/subscriptionId";
/// What the servers may offer and ask.
const ALL: &str = "[tools, resources, prompts, completions, logging, sampling, elicitation, roots]";

/// Which era, by which transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kind {
    pub(crate) is_modern: bool,
    pub(crate) is_pipe: bool,
}

pub(crate) const KINDS: [Kind; 4] = [
    Kind {
        is_modern: false,
        is_pipe: true,
    },
    Kind {
        is_modern: false,
        is_pipe: false,
    },
    Kind {
        is_modern: true,
        is_pipe: true,
    },
    Kind {
        is_modern: true,
        is_pipe: false,
    },
];

impl Kind {
    /// The server of this kind.
    pub(crate) fn name(self) -> &'static str {
        match (self.is_modern, self.is_pipe) {
            (false, true) => "lp",
            (false, false) => "lh",
            (true, true) => "mp",
            (true, false) => "mh",
        }
    }
}

/// The program of the scripts.
pub(crate) fn scripted_upstream() -> PathBuf {
    let mut path = PathBuf::from(env!("CARGO_BIN_EXE_durward"));
    path.set_file_name("examples");
    path.join("scripted_upstream")
}

/// A server over HTTP that the test started. It is killed when dropped.
pub(crate) struct Away {
    child: Child,
    pub(crate) url: String,
}

impl Away {
    #[expect(
        clippy::disallowed_methods,
        reason = "a server that durward did not start"
    )]
    pub(crate) fn start(script: &PathBuf, record: &PathBuf) -> Self {
        let mut command = Command::new(scripted_upstream());
        command
            .arg(script)
            .arg(record)
            .args(["--http", "127.0.0.1:0"]);
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the server");
        let mut url = String::new();
        let output = child.stdout.as_mut().expect("its stdout");
        BufReader::new(output).read_line(&mut url).expect("its URL");
        let url = url.trim().to_owned();
        assert!(url.starts_with("http://"), "it does not listen: {url}");
        Self { child, url }
    }
}

impl Drop for Away {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A house with a server of each kind, all with one script.
pub(crate) struct Stage {
    pub(crate) house: House,
    /// Another caller's.
    pub(crate) other_key: String,
    daemon: Daemon,
    _away: Vec<Away>,
}

impl Stage {
    /// Servers that have these answers.
    pub(crate) fn answering(answers: Value) -> Self {
        Self::playing(json!({"answers": answers}), "")
    }

    /// Servers with this script, of which the era is said here; `more` is YAML beside the servers.
    pub(crate) fn playing(script: Value, more: &str) -> Self {
        let house = house();
        let (mut away, mut sections) = (Vec::new(), String::new());
        for kind in KINDS {
            let name = kind.name();
            let mut script = script.clone();
            script["era"] = json!(if kind.is_modern { "modern" } else { "legacy" });
            let path = house.path(&format!("{name}.json"));
            fs::write(&path, script.to_string()).expect("the script");
            let record = house.path(&format!("{name}.record"));
            let how = if kind.is_pipe {
                format!(
                    "command: [{:?}, {path:?}, {record:?}], sandbox: host",
                    scripted_upstream()
                )
            } else {
                let server = Away::start(&path, &record);
                let how = format!("url: \"{}\"", server.url);
                away.push(server);
                how
            };
            sections.push_str(&format!("  {name}: {{ {how}, capabilities: {ALL} }}\n"));
        }
        let room = if more.contains("limits:") { "" } else { ROOM };
        house.configure(&format!("servers:\n{sections}{room}{more}"));
        let [key, other_key] = [(); 2].map(|()| house.key("developer"));
        let daemon = house.serve(&[]).with_key(key);
        Self {
            house,
            other_key,
            daemon,
            _away: away,
        }
    }

    /// The durward that serves HTTP.
    pub(crate) fn daemon(&self) -> &Daemon {
        &self.daemon
    }

    /// Ends durward and starts it again, with the same callers and a new record.
    pub(crate) fn restart(&mut self) {
        self.daemon.signal(rustix::process::Signal::TERM);
        assert_eq!(self.daemon.wait(SOON), Some(0));
        for kind in KINDS {
            let record = self.house.path(&format!("{}.record", kind.name()));
            fs::OpenOptions::new()
                .write(true)
                .truncate(true)
                .open(record)
                .expect("the record");
        }
        let key = self.daemon.key.clone();
        self.daemon = self.house.serve(&[]).with_key(key);
    }

    /// Each client in front of each server.
    pub(crate) fn each(&self, each: impl FnMut(&mut Client<'_>, Kind)) {
        self.each_as("2025-11-25", &json!({}), each);
    }

    /// The same with clients of this legacy revision and these capabilities.
    pub(crate) fn each_as(
        &self,
        revision: &str,
        capabilities: &Value,
        mut each: impl FnMut(&mut Client<'_>, Kind),
    ) {
        for kind in KINDS {
            let mut client = self.client(kind, revision, capabilities.clone());
            for server in KINDS {
                each(&mut client, server);
            }
        }
    }

    /// A client.
    pub(crate) fn client(&self, kind: Kind, revision: &str, capabilities: Value) -> Client<'_> {
        let way = match (kind.is_pipe, kind.is_modern) {
            (true, is_modern) => {
                let mut pipe = self.house.stdio(&[]);
                if !is_modern {
                    pipe.send(&initialize_with(revision, capabilities.clone()));
                    pipe.message();
                    pipe.send(&notification("notifications/initialized", json!({})));
                }
                Way::Pipe(Box::new(pipe))
            }
            (false, true) => Way::Posts(&self.daemon),
            (false, false) => {
                let session = self.daemon.session_with(revision, capabilities.clone());
                Way::Session(&self.daemon, session)
            }
        };
        Client::new(kind, capabilities, way)
    }

    /// What another legacy client hears at its opening.
    pub(crate) fn opening(&self, is_pipe: bool) -> Value {
        let message = initialize_with("2025-11-25", json!({}));
        if is_pipe {
            let mut pipe = self.house.stdio(&[]);
            pipe.send(&message);
            return pipe.message();
        }
        self.daemon
            .ask(&self.daemon.post(message.to_string()))
            .json()
    }

    /// All that the server of this kind got, oldest first.
    pub(crate) fn record(&self, server: Kind) -> Vec<Value> {
        let record = self.house.path(&format!("{}.record", server.name()));
        let lines = fs::read_to_string(record).unwrap_or_default();
        let lines = lines
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok());
        lines.collect()
    }

    /// The messages of this method that the server of this kind got.
    pub(crate) fn got(&self, server: Kind, method: &str) -> Vec<Value> {
        let lines = self.record(server).into_iter();
        let messages = lines.map(|line| line["message"].clone());
        messages
            .filter(|message| message["method"] == method)
            .collect()
    }
}
