//! What the tests of this crate share: a journal in a temporary folder, and a disk that can be broken.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use durward_core::{
    CallId, Caller, CallerId, Door, Fingerprint, ManualClock, Proof, RawJson, Revision, RoleName,
    Secret, Target, Tier, ToolName,
};
use uuid::Uuid;

use crate::{
    ChainName, Facts, Journal, JournalSettings, Outcome, ResultFacts, SigningKey,
    disk::{Disk, Folder, Segment},
    folder,
    frame::{Found, Frames},
};

/// Settings for the `serve` chain of a folder, signed with a fixed key.
pub(crate) fn settings(dir: &Path) -> JournalSettings {
    let seed = SigningKey::Seed(Secret::new("5a".repeat(32)));
    JournalSettings::new(dir.join("audit"), ChainName::Serve, seed)
}

/// A journal and the clock that it reads.
pub(crate) fn journal(settings: JournalSettings) -> (Journal, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new());
    (Journal::open(settings, clock.clone()).unwrap(), clock)
}

/// The facts of the `n`th call.
pub(crate) fn facts(n: u64, tier: Tier) -> Facts {
    let fingerprint = Fingerprint::try_from("ab12cd34".to_owned()).unwrap();
    let caller = Caller {
        id: CallerId::of_key(&fingerprint),
        name: "alice".into(),
        roles: [RoleName::new("dev")].into(),
        tenant: None,
        proof: Proof::Key(fingerprint),
        expires: None,
    };
    Facts {
        call: CallId(Uuid::from_u128(u128::from(n))),
        caller: Arc::new(caller),
        door: Door::Http,
        session: None,
        revision: Revision::V2026_07_28,
        client: Some("tests".into()),
        method: "tools/call".into(),
        subject: Target::Tool(ToolName::new("fs.read_file").unwrap()).into(),
        provider: None,
        tier,
        arguments: Some(RawJson::from_static("{\n \"path\": \"a.txt\"}")),
        rule: Some("roles.dev".to_owned()),
    }
}

/// A result of two bytes.
pub(crate) fn done() -> Outcome {
    Outcome::ok(ResultFacts::digest(2, &[b"{}"]))
}

/// Runs a future on a runtime of one thread.
pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}

/// Records one call from its entering to its end.
pub(crate) async fn one_call(journal: &Journal, n: u64, tier: Tier) {
    let mut seat = journal.enter().unwrap();
    seat.intent(facts(n, tier), journal.durability(tier))
        .await
        .unwrap();
    seat.close(done()).await.unwrap();
}

/// The records in a chain's files, parsed.
pub(crate) fn records(chain: &Path) -> Vec<serde_json::Value> {
    let mut all = Vec::new();
    for number in folder::segments(chain).unwrap() {
        let mut frames = Frames::open(&folder::segment(chain, number), 0).unwrap();
        while let Some(found) = frames.next().unwrap() {
            match found {
                Found::Record { record, .. } => all.push(serde_json::from_slice(record).unwrap()),
                other => panic!("{other:?}"),
            }
        }
    }
    all
}

/// The kinds of a chain's records, in order.
pub(crate) fn kinds(chain: &Path) -> Vec<String> {
    records(chain)
        .iter()
        .map(|record| record["kind"].as_str().unwrap().to_owned())
        .collect()
}

/// Puts bytes in the place of a file's. Truncating it first would have some file systems sync it.
pub(crate) fn put(file: &Path, bytes: &[u8]) {
    let file = std::fs::OpenOptions::new().write(true).open(file).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, bytes, 0).unwrap();
    file.set_len(bytes.len() as u64).unwrap();
}

/// A disk that can be full or fail to sync.
pub(crate) struct Breakable {
    inner: Folder,
    plan: Arc<Plan>,
}

/// What a [`Breakable`] does.
#[derive(Default)]
pub(crate) struct Plan {
    /// Writes stop in the middle with ENOSPC.
    pub(crate) full: AtomicBool,
    /// Syncs fail with EIO.
    pub(crate) no_sync: AtomicBool,
    /// Syncs that succeeded.
    pub(crate) syncs: AtomicU64,
    /// Syncs of the folder.
    pub(crate) name_syncs: AtomicU64,
}

impl Breakable {
    pub(crate) fn new(dir: PathBuf) -> (Arc<Self>, Arc<Plan>) {
        let plan = Arc::new(Plan::default());
        (
            Arc::new(Self {
                inner: Folder(dir),
                plan: plan.clone(),
            }),
            plan,
        )
    }
}

impl Disk for Breakable {
    fn open(&self, number: u32) -> io::Result<Arc<dyn Segment>> {
        Ok(Arc::new(BreakableSegment {
            inner: self.inner.open(number)?,
            plan: self.plan.clone(),
        }))
    }

    fn sync_names(&self) -> io::Result<()> {
        self.plan.name_syncs.fetch_add(1, Ordering::SeqCst);
        self.inner.sync_names()
    }
}

struct BreakableSegment {
    inner: Arc<dyn Segment>,
    plan: Arc<Plan>,
}

impl Segment for BreakableSegment {
    fn write(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        if self.plan.full.load(Ordering::SeqCst) {
            self.inner.write(&bytes[..bytes.len() / 2], offset)?;
            return Err(io::Error::from_raw_os_error(28));
        }
        self.inner.write(bytes, offset)
    }

    fn cut(&self, length: u64) -> io::Result<()> {
        self.inner.cut(length)
    }

    fn read(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        self.inner.read(bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        if self.plan.no_sync.load(Ordering::SeqCst) {
            return Err(io::Error::from_raw_os_error(5));
        }
        self.plan.syncs.fetch_add(1, Ordering::SeqCst);
        self.inner.sync()
    }
}
