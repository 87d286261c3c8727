//! What processes there are, by `/proc`.

use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};

use crate::servers::raw_upstream;

/// All that have this text in their command line.
pub(crate) fn marked(mark: &str) -> Vec<u32> {
    let has_mark = |pid: &u32| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(mark)
    };
    all().into_iter().filter(has_mark).collect()
}

/// Those below a process that have ended and that nobody has waited for.
pub(crate) fn zombies_below(root: u32) -> Vec<u32> {
    let known: Vec<_> = all().into_iter().filter_map(standing).collect();
    let mut below = BTreeSet::from([root]);
    loop {
        let before = below.len();
        let children = known.iter().filter(|it| below.contains(&it.parent));
        let children: Vec<_> = children.map(|it| it.pid).collect();
        below.extend(children);
        if below.len() == before {
            break;
        }
    }
    let zombies = known
        .iter()
        .filter(|it| below.contains(&it.pid) && it.state == "Z");
    zombies.map(|it| it.pid).collect()
}

/// How many descriptors a process has open.
pub(crate) fn descriptors(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count)
}

/// Kills it, if it is still there.
pub(crate) fn kill(pid: u32) {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let _ = pid.map(|pid| kill_process(pid, Signal::KILL));
}

struct Standing {
    pid: u32,
    state: String,
    parent: u32,
}

fn standing(pid: u32) -> Option<Standing> {
    let line = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = line.rsplit_once(") ")?;
    let mut words = rest.split(' ');
    let state = words.next()?.to_owned();
    let parent = words.next()?.parse().ok()?;
    Some(Standing { pid, state, parent })
}

fn all() -> Vec<u32> {
    let entries = fs::read_dir("/proc").expect("the processes");
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names.filter_map(|name| name.parse().ok()).collect()
}

/// The server of the tests over HTTP. It is killed when dropped.
pub(crate) struct HttpUpstream {
    child: Child,
    pub(crate) url: String,
}

impl HttpUpstream {
    /// On a free port.
    pub(crate) fn start(options: &[&str]) -> Self {
        Self::at("127.0.0.1:0", options)
    }

    /// Where another one was.
    pub(crate) fn again(url: &str, options: &[&str]) -> Self {
        let address = url.trim_start_matches("http://").trim_end_matches("/mcp");
        Self::at(address, options)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a server that durward did not start"
    )]
    fn at(address: &str, options: &[&str]) -> Self {
        let mut command = Command::new(raw_upstream() as PathBuf);
        command.args(options).args(["--http", address]);
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the server");
        let mut url = String::new();
        let output = child.stdout.as_mut().expect("its stdout");
        BufReader::new(output).read_line(&mut url).expect("its URL");
        let url = url.trim().to_owned();
        assert!(url.starts_with("http://"), "it does not listen: {url}");
        Self { child, url }
    }
}

impl Drop for HttpUpstream {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
