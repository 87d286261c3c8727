//! A run that ends at any of its steps, and the next one.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use super::*;
use crate::{
    config::{Config, Sources},
    init::{Answers, Planner, Wish, Workshop},
};

const CURSOR: &str = r#"{"mcpServers": {"a": {"command": "a", "env": {"TOKEN": "hush"}}}}"#;
const CODEX: &str = "[mcp_servers.b]\ncommand = \"b\"\n";

/// A home with two clients.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        for (path, text) in [(".cursor/mcp.json", CURSOR), (".codex/config.toml", CODEX)] {
            let path = place.home().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        }
        place
    }

    fn home(&self) -> PathBuf {
        self.0.path().join("home")
    }

    fn state(&self) -> PathBuf {
        self.0.path().join("state")
    }

    fn shelf(&self) -> Shelf {
        Shelf::of(&self.state())
    }

    fn plan(&self) -> Plan {
        self.plan_with(&Answers::new())
    }

    fn plan_with(&self, answers: &Answers) -> Plan {
        let sources = Sources {
            cwd: self.home(),
            home: Some(self.home()),
            ..Sources::default()
        };
        let planner = Planner {
            wish: &Wish {
                program: "/bin/durward".into(),
                ..Wish::default()
            },
            sources: &sources,
            config: &Config::default(),
            gate: &self.home().join(".config/durward/durward.yaml"),
            answers,
        };
        planner.plan().unwrap()
    }

    /// Every file of the home, with its permissions.
    fn files(&self) -> BTreeMap<PathBuf, (Vec<u8>, u32)> {
        fn walk(folder: &Path, files: &mut BTreeMap<PathBuf, (Vec<u8>, u32)>) {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    // A folder that init made has to go, too.
                    files.insert(path.clone(), (Vec::new(), 0));
                    walk(&path, files);
                } else {
                    let mode = fs::metadata(&path).unwrap().permissions().mode();
                    files.insert(path.clone(), (fs::read(&path).unwrap(), mode));
                }
            }
        }
        let mut files = BTreeMap::new();
        walk(&self.home(), &mut files);
        files
    }

    /// What a run leaves that ended after this many files were staged, or staged and put in place.
    fn ended(&self, staged: usize, put: Option<usize>) -> usize {
        let (shelf, plan) = (self.shelf(), self.plan());
        let steps = steps(&plan, 1).unwrap();
        disk::make_folders(shelf.folder()).unwrap();
        keep(&shelf, &steps).unwrap();
        let mut journal = Journal::default();
        journal.runs.push(Run {
            number: 1,
            phase: match put {
                None => Phase::Staging,
                Some(_) => Phase::Doing,
            },
            folders: missing(&steps),
            changes: steps.iter().map(|step| step.change.clone()).collect(),
        });
        shelf.write(&journal).unwrap();
        stage(&steps[..staged]).unwrap();
        for step in &steps[..put.unwrap_or(0)] {
            disk::commit(&step.change.target).unwrap();
        }
        steps.len()
    }

    fn recovered(&self) {
        let mut workshop = Workshop::open(&self.state()).unwrap();
        workshop.recover().unwrap();
    }
}

#[test]
fn a_run_that_ended_at_any_step_is_put_back() {
    let steps = {
        let place = Place::new();
        place.ended(0, None)
    };
    // A secret, durward's file, two clients.
    assert_eq!(steps, 4);
    let ends = (0..=steps).map(|staged| (staged, None));
    let ends = ends.chain((0..=steps).map(|put| (steps, Some(put))));
    for (staged, put) in ends {
        for undone in [false, true] {
            let place = Place::new();
            let before = place.files();
            place.ended(staged, put);
            if undone {
                Workshop::open(&place.state()).unwrap().undo().unwrap();
            } else {
                place.recovered();
            }
            assert_eq!(place.files(), before, "{staged} staged, {put:?} put");
            assert!(place.shelf().read().unwrap().runs.is_empty());
            place.recovered();
            assert_eq!(place.files(), before, "again");
        }
    }
}

#[test]
fn undoing_that_ended_at_any_step_goes_on() {
    for ended in 0..=4 {
        for waits in [false, true] {
            let place = Place::new();
            let before = place.files();
            place.ended(4, Some(4));
            let shelf = place.shelf();
            let mut journal = shelf.read().unwrap();
            journal.runs[0].phase = Phase::Undoing;
            shelf.write(&journal).unwrap();
            let changes = journal.runs[0].changes.iter().rev();
            for (at, change) in changes.enumerate() {
                let old = change.before.as_ref().map(|before| {
                    let kept = fs::read(shelf.backup(&before.backup)).unwrap();
                    (kept, before.mode)
                });
                match old {
                    Some((kept, mode)) if at < ended || (at == ended && waits) => {
                        disk::stage(&change.target, &kept, mode).unwrap();
                        if at < ended {
                            disk::commit(&change.target).unwrap();
                        }
                    }
                    None if at < ended => disk::remove(&change.target).unwrap(),
                    _ => {}
                }
            }
            place.recovered();
            assert_eq!(place.files(), before, "{ended} undone, {waits}");
        }
    }
}

#[test]
fn a_file_that_was_never_reached_is_the_persons() {
    let place = Place::new();
    place.ended(4, Some(2));
    let codex = place.home().join(".codex/config.toml");
    fs::write(&codex, "model = \"x\"\n").unwrap();
    let mut workshop = Workshop::open(&place.state()).unwrap();
    let told = workshop.undo().unwrap();
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!(fs::read_to_string(&codex).unwrap(), "model = \"x\"\n");
    assert!(!place.home().join(".config").exists());
}

#[test]
fn what_was_written_after_the_plan_stops_it() {
    let place = Place::new();
    let plan = place.plan();
    let cursor = place.home().join(".cursor/mcp.json");
    fs::write(&cursor, "{}").unwrap();
    let before = place.files();
    let mut workshop = Workshop::open(&place.state()).unwrap();
    let why = workshop.carry_out(&plan).unwrap_err();
    assert!(why.contains("meanwhile"), "{why}");
    assert_eq!(place.files(), before);
}

#[test]
fn what_the_person_said_to_one_file_is_said_to_no_other() {
    let place = Place::new();
    let text = r#"{"inputs": [{"id": "key", "type": "promptString", "password": true}],
        "servers": {"s": {"command": "s", "env": {"KEY": "${input:key}"}}}}"#;
    let paths = [".config/Code/User/mcp.json", ".vscode/mcp.json"];
    let [user, project] = paths.map(|path| place.home().join(path));
    for path in [&user, &project] {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let asked = place.plan().inputs;
    let asked: Vec<_> = asked.into_iter().map(|input| input.path).collect();
    assert_eq!(asked, [user.clone(), project]);
    let key = (user.clone(), "key".to_owned());
    let plan = place.plan_with(&[(key, Some("hush".to_owned()))].into());
    let changed = plan.files.iter().filter(|file| !file.edits.is_empty());
    let changed: Vec<_> = changed.map(|file| &file.found.path).collect();
    assert!(
        changed.contains(&&user) && changed.len() == 3,
        "{changed:?}"
    );
    assert_eq!(
        plan.secrets.iter().filter(|it| it.name == "s-key").count(),
        1
    );
}
