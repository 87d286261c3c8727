//! Names that lie, and lists of what others tried, in a network of a test's own: not one packet goes astray.

use durward_testkit::Network;
use tokio::io::duplex;

use super::*;

#[test]
fn nothing_that_a_box_asks_for_leads_inside() {
    let test = "way_out::tests::names::nothing_that_a_box_asks_for_leads_inside";
    Network::run(test, |network| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(every_target(network));
    });
}

/// What the proxy says, by a pipe that puts nothing on the wire.
async fn ask(proxy: &Proxy, asked: &[u8]) -> Vec<u8> {
    let (mut client, server) = duplex(64 << 10);
    let talk = async move {
        let mut answer = Vec::new();
        let _ = client.write_all(asked).await;
        let _ = client.read_to_end(&mut answer).await;
        answer
    };
    tokio::join!(proxy.serve(server), talk).1
}

/// By every way: what was told of each.
async fn every_way(proxy: &Proxy, told: &Mutex<Vec<String>>, host: &str, port: u16) -> Vec<String> {
    let get = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";
    let connect = format!("CONNECT {host}:{port} HTTP/1.1\r\n\r\n{get}").into_bytes();
    let request = format!("GET http://{host}:{port}/ HTTP/1.1\r\n\r\n").into_bytes();
    let mut socks = vec![5, 1, 0, 5, 1, 0, 3];
    socks.push(u8::try_from(host.len()).unwrap_or(255));
    socks.extend(host.bytes().take(255));
    socks.extend(port.to_be_bytes());
    socks.extend(get.bytes());
    for asked in [connect, request, socks] {
        ask(proxy, &asked).await;
    }
    std::mem::take(&mut *told.lock().unwrap())
}

async fn every_target(network: &Network) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let proxy = proxy(reaching(&[]), &told);
    // What is honest is reached: else the rest would say nothing.
    for host in ["good.example", "six.example", "9.9.9.9", "[2620:fe::9]"] {
        let told = every_way(&proxy, &told, host, 80).await;
        let opened = told.iter().filter(|line| line.contains(" opened ")).count();
        assert_eq!(opened, 3, "{host}: {told:?}");
    }
    assert_eq!(network.reached(), 12);
    for host in [
        "private.example",
        "mixed.example",
        "families.example",
        "chain8.private.example",
        "mapped.example",
        "nat64.example",
        "own.example",
        "neighbour.example",
        "localhost",
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f.1",
        "017700000001",
        "0",
        "10.0.0.1",
        "169.254.169.254",
        "0xA9FEA9FE",
        "[::1]",
        "[::]",
        "[::ffff:10.0.0.1]",
        "[::ffff:a9fe:a9fe]",
        "[64:ff9b::a9fe:a9fe]",
        "[fd00:ec2::254]",
        "9.9.7.1",
        "good.example\0.private.example",
        "private.example\0.good.example",
        "private.example/.good.example",
        "good.example@private.example",
        "private%2eexample",
    ] {
        let told = every_way(&proxy, &told, host, 80).await;
        let refused = told.iter().filter(|line| line.contains(" refused")).count();
        assert_eq!(refused, 3, "{host:?}: {told:?}");
    }
    assert_eq!(network.reached(), 12);
    // Names that change their mind at every question.
    for number in 0..60 {
        let host = format!("flip.n{number}.example");
        every_way(&proxy, &told, &host, 80).await;
    }
    for line in corpus() {
        let target = format!("GET {line} HTTP/1.1\r\n\r\n");
        ask(&proxy, target.as_bytes()).await;
        let rest = line.split_once("://").map_or(&*line, |(_, rest)| rest);
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        every_way(&proxy, &told, host, 80).await;
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        every_way(&proxy, &told, name, 80).await;
    }
}

/// Hostile URLs that others collected, where they are.
fn corpus() -> Vec<String> {
    let Some(folder) = std::env::var_os("DURWARD_CORPORA") else {
        return Vec::new();
    };
    let file = std::path::Path::new(&folder).join("ssrf/patt_ssrf_urls_raw.txt");
    let text = std::fs::read_to_string(file).unwrap();
    text.lines().map(str::to_owned).collect()
}
