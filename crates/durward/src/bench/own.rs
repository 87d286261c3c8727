//! A gate of our own under load, and the bare hop under the same.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    path::Path,
    sync::{Arc, mpsc},
    time::Duration,
};

use durward_core::Cancel;
use durward_ledger::ChainName;
use rustix::time::{ClockId, clock_gettime};

use super::{Load, LoadError, Measured, hop, run};
use crate::{
    assembly,
    config::{Sources, load},
    doors::http::{Access, HttpDoor, HttpLimits, HttpSettings},
    exit::Failure,
};

/// One thing under load.
pub(crate) struct Side {
    /// What the generator saw.
    pub(crate) measured: Measured,
    /// CPU time of the thread under test.
    pub(crate) cpu: Duration,
}

impl Side {
    /// Microseconds of CPU a call.
    pub(crate) fn cpu_a_call(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / (self.measured.calls.max(1) as f64)
    }
}

/// Both sides, under the same load.
pub(crate) struct Compared {
    /// A hop that judges nothing.
    pub(crate) hop: Side,
    /// The whole walk of `fs_stat`.
    pub(crate) walk: Side,
}

/// Loads both for `time` with so many connections. `folder` is for files and state; it is the caller's
/// to remove.
pub(crate) fn compare(
    folder: &Path,
    connections: usize,
    time: Duration,
) -> Result<Compared, Failure> {
    let failed = |error: LoadError| Failure::Failed(error.to_string());
    let echo = Server::start(|listener| async move { hop::echo(listener).await })?;
    let upstream = echo.address;
    let bare = Server::start(move |listener| hop::hop(listener, upstream))?;
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"text":"the quick brown fox jumps over the lazy dog"}}}"#;
    let hop = bare
        .load(request(bare.address, "", body), "result", connections, time)
        .map_err(failed)?;
    let walk = walk(folder, connections, time)?;
    Ok(Compared { hop, walk })
}

fn walk(folder: &Path, connections: usize, time: Duration) -> Result<Side, Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::Failed(error.to_string());
    let (root, state) = (folder.join("root"), folder.join("state"));
    durward_store::folder::make_private(&root).map_err(|error| failed(&error))?;
    durward_store::folder::write_private(&root.join("a.txt"), b"hello\n")
        .map_err(|error| failed(&error))?;
    let sources = Sources {
        set: vec![
            format!("files.root={}", root.display()),
            "limits.calls=1000000000/s".to_owned(),
            "limits.concurrency=1000000".to_owned(),
        ],
        state: Some(state),
        cwd: folder.to_owned(),
        ..Sources::default()
    };
    let loaded = load(&sources)?;
    let rooms = assembly::open(&loaded.config, ChainName::Serve)?;
    let key = crate::first_key::secret(&loaded.config, rooms.clock.as_ref())
        .map_err(|error| failed(&error))?;
    let planned = rooms.planned(&loaded.config)?;
    rooms
        .gate
        .reload(rooms.house(&loaded.config, &planned)?)
        .map_err(|error| failed(&error))?;
    let (gate, stop) = (Arc::clone(&rooms.gate), Cancel::new());
    let (ended, limits) = (stop.clone(), &loaded.config.listen.limits);
    let limits = HttpLimits {
        body: limits.body.as_usize(),
        depth: 128,
        connections: connections + 1,
        header_timeout: limits.header_timeout.duration(),
        idle_timeout: limits.idle_timeout.duration(),
    };
    let server = Server::start(move |listener| async move {
        let port = listener.local_addr().map_or(0, |address| address.port());
        let access = Access::new(port, None, &[], &[]);
        let settings = HttpSettings {
            paths: vec!["/mcp".to_owned()],
            access,
            limits,
        };
        Arc::new(HttpDoor::new(gate, settings, stop.clone(), stop))
            .run(listener)
            .await;
    })?;
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"fs_stat","arguments":{"path":"a.txt"},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}"#;
    let headers = format!(
        "authorization: Bearer {}\r\nmcp-protocol-version: 2026-07-28\r\nmcp-method: tools/call\r\nmcp-name: fs_stat\r\n",
        key.expose()
    );
    let side = server
        .load(
            request(server.address, &headers, body),
            "\"size\":6",
            connections,
            time,
        )
        .map_err(|error| failed(&error))?;
    ended.cancel();
    rooms.close();
    Ok(side)
}

/// A request as the clients send it.
fn request(address: SocketAddr, headers: &str, body: &str) -> Vec<u8> {
    format!(
        "POST /mcp HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\naccept: application/json, \
         text/event-stream\r\n{headers}content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// A thread that serves, and tells how much CPU it used.
struct Server {
    address: SocketAddr,
    ask: mpsc::Sender<mpsc::Sender<Duration>>,
}

impl Server {
    fn start<F>(
        serve: impl FnOnce(tokio::net::TcpListener) -> F + Send + 'static,
    ) -> Result<Self, Failure>
    where
        F: Future<Output = ()>,
    {
        let failed = |error: io::Error| Failure::Failed(error.to_string());
        let listener = TcpListener::bind("127.0.0.1:0").map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(failed)?;
        let (ask, asked) = mpsc::channel::<mpsc::Sender<Duration>>();
        let work = move || {
            runtime.block_on(async {
                let Ok(listener) = tokio::net::TcpListener::from_std(listener) else {
                    return;
                };
                let answer = async {
                    loop {
                        match asked.try_recv() {
                            // Whoever asked may have given up.
                            Ok(to) => drop(to.send(thread_cpu())),
                            Err(mpsc::TryRecvError::Empty) => {}
                            Err(mpsc::TryRecvError::Disconnected) => return,
                        }
                        tokio::time::sleep(Duration::from_millis(5)).await;
                    }
                };
                tokio::select! {
                    () = serve(listener) => {}
                    () = answer => {}
                }
            });
        };
        std::thread::Builder::new()
            .name("under-test".to_owned())
            .spawn(work)
            .map_err(failed)?;
        Ok(Self { address, ask })
    }

    fn cpu(&self) -> Duration {
        let (to, from) = mpsc::channel();
        let asked = self.ask.send(to).is_ok();
        asked
            .then(|| from.recv().ok())
            .flatten()
            .unwrap_or_default()
    }

    fn load(
        &self,
        request: Vec<u8>,
        expect: &'static str,
        connections: usize,
        time: Duration,
    ) -> Result<Side, LoadError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let mut load = Load {
            address: self.address,
            requests: vec![request],
            expect,
            connections,
            time: time / 5,
        };
        // Caches, connections and branch predictors warm up first.
        runtime.block_on(run(&load))?;
        load.time = time;
        let before = self.cpu();
        let measured = runtime.block_on(run(&load))?;
        Ok(Side {
            measured,
            cpu: self.cpu().saturating_sub(before),
        })
    }
}

fn thread_cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let nanos = u32::try_from(time.tv_nsec).unwrap_or_default();
    Duration::new(u64::try_from(time.tv_sec).unwrap_or_default(), nanos)
}
