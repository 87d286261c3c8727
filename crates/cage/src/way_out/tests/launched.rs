//! Boxes as the launcher makes them, around real programs.

use std::time::Duration;

use durward_testkit::Network as Around;

use super::*;
use crate::launch::{Launcher, Level, Limits, Network, Plan, Walls};

#[test]
fn a_program_in_a_box_reaches_what_its_rules_permit() {
    let test = "way_out::tests::launched::a_program_in_a_box_reaches_what_its_rules_permit";
    Around::run(test, |around| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(every_room(around));
    });
}

fn walls(read: &[&str], network: Network) -> Walls {
    Walls {
        level: Level::Full,
        read: read.iter().map(Into::into).collect(),
        write: Vec::new(),
        hide: Vec::new(),
        deny_write: Vec::new(),
        network,
        limits: Limits {
            memory: 512 << 20,
            cpu: Duration::from_secs(30),
            processes: 64,
            files: 256,
            file_size: None,
        },
    }
}

/// What a script prints in these walls.
async fn said(launcher: &Launcher, walls: Walls, is_told: bool, script: &str) -> String {
    let mut plan = Plan::new(["sh", "-c", script])
        .env("PATH", "/usr/bin:/bin")
        .walls(Arc::new(walls));
    for (name, value) in VARIABLES.iter().filter(|_| is_told) {
        plan = plan.env(*name, *value);
    }
    let mut child = launcher.spawn(&plan).await.unwrap();
    let mut text = String::new();
    child.stdout.read_to_string(&mut text).await.unwrap();
    child.process.gone().await;
    text
}

async fn every_room(around: &Around) {
    let launcher = Launcher::new();
    let host = launcher.host().await.unwrap();
    assert_eq!(host.level, Level::Full, "{:?}", host.lacks);
    let told = Arc::default();
    let mut settings = EgressSettings::default();
    settings.rules.hosts = ["good.example", "private.example"]
        .map(str::to_owned)
        .into();
    let connector = Connector::new(settings).unwrap();
    let proxy = Arc::new(proxy(connector, &told));
    let script = "for url in good.example private.example other.example 9.9.9.9 127.0.0.1 169.254.169.254; do \
                    echo $url $(curl -s -m9 http://$url/); \
                  done 2>&1";
    // What `NO_PROXY` names is the box's own.
    let by_proxy = "good.example hi\n\
        private.example private_ip_blocked: this host has a private or reserved address and may not be reached\n\
        other.example host_not_allowed: this host is not one that may be reached; `egress.hosts` of the configuration lists those\n\
        9.9.9.9 host_not_allowed: this host is not one that may be reached; `egress.hosts` of the configuration lists those\n\
        127.0.0.1\n\
        169.254.169.254 private_ip_blocked: this host has a private or reserved address and may not be reached\n";
    let by_name = "good.example hi\n\
        private.example private_ip_blocked: this host has a private or reserved address and may not be reached\n\
        other.example\n9.9.9.9\n127.0.0.1\n169.254.169.254\n";
    let nothing =
        "good.example\nprivate.example\nother.example\n9.9.9.9\n127.0.0.1\n169.254.169.254\n";
    for read in [&["/usr", "/bin", "/lib", "/lib64"][..], &["/"]] {
        for (is_told, expected) in [(true, by_proxy), (false, by_name)] {
            let walls = walls(read, Network::Egress(proxy.clone()));
            let text = said(&launcher, walls, is_told, script).await;
            assert_eq!(text, expected, "{read:?}");
            let alone = self::walls(read, Network::None);
            let text = said(&launcher, alone, is_told, script).await;
            assert_eq!(text, nothing, "{read:?}");
        }
    }
    assert_eq!(around.reached(), 4);
    let told: Vec<_> = std::mem::take(&mut *told.lock().unwrap());
    let count = |word: &str| told.iter().filter(|line| line.contains(word)).count();
    assert_eq!(count(" opened "), count(" closed "), "{told:?}");
}
