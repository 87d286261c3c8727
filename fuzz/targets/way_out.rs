//! The proxy of a box: whatever a client says, one that may reach nothing says no, once.
#![no_main]

use std::sync::{
    Arc, LazyLock,
    atomic::{AtomicUsize, Ordering},
};

use durward_cage::{
    egress::{Connector, EgressSettings},
    way_out::{Event, Proxy},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, duplex},
    runtime::{Builder, Runtime},
};

static TOLD: LazyLock<Arc<AtomicUsize>> = LazyLock::new(Arc::default);
static PROXY: LazyLock<Proxy> = LazyLock::new(|| {
    let connector = Connector::new(EgressSettings::default()).expect("a connector");
    Proxy::new("a fuzzer", connector).tell(|event| {
        assert!(matches!(event, Event::Refused { .. } | Event::Unheard));
        TOLD.fetch_add(1, Ordering::Relaxed);
    })
});

thread_local! {
    static RUNTIME: Runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let before = TOLD.load(Ordering::Relaxed);
    let (mut client, server) = duplex(64 << 10);
    let talk = async move {
        let mut answer = Vec::new();
        let _ = client.write_all(bytes).await;
        let _ = client.shutdown().await;
        let _ = client.read_to_end(&mut answer).await;
        answer
    };
    let both = async { tokio::join!(talk, PROXY.serve(server)).0 };
    let answer = RUNTIME.with(|runtime| runtime.block_on(both));
    assert_eq!(TOLD.load(Ordering::Relaxed), before + 1);
    let is_no = match &*answer {
        [] | [5, 0xff] | [5, 0] => true,
        [5, 0, 5, code, rest @ ..] => *code != 0 && rest.len() == 8,
        http => http.starts_with(b"HTTP/1.1 4") || http.starts_with(b"HTTP/1.1 5"),
    };
    assert!(is_no, "{:?}", String::from_utf8_lossy(&answer));
});
