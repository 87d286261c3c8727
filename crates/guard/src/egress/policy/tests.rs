//! The rows of the acceptance list that can be judged without a packet.

use EgressFault::{
    DnsDisabled, EmptyAnswer, HostNotAllowed, NameBlocked, NameNotAllowed, PortNotAllowed,
    PrivateIpBlocked,
};
use proptest::prelude::*;

use super::{super::Network, *};

fn words(entries: &[&str]) -> Vec<String> {
    entries.iter().map(|entry| (*entry).to_owned()).collect()
}

fn policy(hosts: &[&str], networks: &[&str], written: &[&str]) -> EgressPolicy {
    EgressPolicy::build(&EgressRules {
        hosts: words(hosts),
        networks: words(networks),
        written_urls: words(written),
        ..EgressRules::default()
    })
    .unwrap()
}

fn judge(policy: &EgressPolicy, url: &str) -> Result<(), EgressFault> {
    let target = Target::parse(url)?;
    policy.judge_target(&target)?;
    policy.judge_lookup(&target)
}

fn judge_answers(policy: &EgressPolicy, url: &str, answers: &[&str]) -> Result<(), EgressFault> {
    let own = OwnAddresses {
        addresses: vec!["51.15.1.2".parse().unwrap(), "10.9.9.9".parse().unwrap()],
        on_link: vec![Network::parse("51.15.1.0/24").unwrap()],
        listeners: vec![
            "0.0.0.0:8787".parse().unwrap(),
            "127.0.0.1:9090".parse().unwrap(),
        ],
    };
    let answers: Vec<IpAddr> = answers.iter().map(|a| a.parse().unwrap()).collect();
    policy.judge_addresses(&Target::parse(url).unwrap(), &answers, &own)
}

#[test]
fn nothing_is_allowed_until_said() {
    let policy = policy(&[], &[], &[]);
    for url in [
        "https://api.x.com/",
        "http://127.0.0.1/",
        "http://8.8.8.8/",
        "http://localhost/",
    ] {
        assert_eq!(judge(&policy, url), Err(HostNotAllowed), "{url}");
    }
}

#[test]
fn a_host_is_itself_and_nothing_that_looks_like_it() {
    let policy = policy(&["api.x.com"], &[], &[]);
    for url in [
        "https://api.x.com/",
        "http://API.X.COM/",
        "https://api.x.com./a",
    ] {
        assert_eq!(judge(&policy, url), Ok(()), "{url}");
    }
    for url in [
        "https://notapi.x.com/",
        "https://api.x.com.evil.com/",
        "https://x.com/",
        "http://8.8.8.8/",
    ] {
        assert_eq!(judge(&policy, url), Err(HostNotAllowed), "{url}");
    }
    assert_eq!(
        judge(&policy, "https://api.x.com:8443/"),
        Err(PortNotAllowed)
    );
    assert!(judge(&policy, "http://api.x.com@127.0.0.1/").is_err());
    assert_eq!(
        judge(&policy, r"http://127.0.0.1\@api.x.com/"),
        Err(PrivateIpBlocked)
    );
}

#[test]
fn a_star_is_for_names_below_and_not_for_the_apex() {
    let policy = policy(&["*.x.com"], &[], &[]);
    assert_eq!(judge(&policy, "https://a.x.com/"), Ok(()));
    assert_eq!(judge(&policy, "https://a.b.x.com/"), Ok(()));
    for url in ["https://x.com/", "https://ax.com/"] {
        assert_eq!(judge(&policy, url), Err(HostNotAllowed), "{url}");
    }
}

#[test]
fn any_public_host_is_not_any_host() {
    let policy = policy(&["*"], &[], &[]);
    for url in [
        "https://a.com/",
        "http://8.8.8.8/",
        "https://[2606:4700::1]/",
    ] {
        assert_eq!(judge(&policy, url), Ok(()), "{url}");
    }
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::7f00:1]",
        "0.0.0.0",
        "169.254.169.254",
        "[fd00:ec2::254]",
        "[64:ff9b::a9fe:a9fe]",
        "[2002:a9fe:a9fe::]",
    ] {
        assert_eq!(
            judge(&policy, &format!("http://{host}/")),
            Err(PrivateIpBlocked),
            "{host}"
        );
    }
    for host in [
        "localhost",
        "a.localhost",
        "metadata.google.internal",
        "printer.local",
        "metadata",
        "instance-data",
        "foo",
    ] {
        assert_eq!(
            judge(&policy, &format!("http://{host}/")),
            Err(NameBlocked),
            "{host}"
        );
    }
    assert_eq!(judge(&policy, "http://a.com:8080/"), Err(PortNotAllowed));
    assert_eq!(judge(&policy, "http://8.8.8.8:8080/"), Err(PortNotAllowed));
}

#[test]
fn a_network_is_named_with_its_ports() {
    let policy = policy(&[], &["192.168.5.0/24", "10.0.0.0/8:443"], &[]);
    assert_eq!(judge(&policy, "http://192.168.5.7/"), Ok(()));
    assert_eq!(judge(&policy, "http://192.168.5.7:8080/"), Ok(()));
    assert_eq!(judge(&policy, "http://192.168.6.1/"), Err(PrivateIpBlocked));
    assert_eq!(
        judge(&policy, "http://192.168.5.7:22/"),
        Err(PortNotAllowed)
    );
    assert_eq!(judge(&policy, "https://10.1.1.1/"), Ok(()));
    assert_eq!(judge(&policy, "http://10.1.1.1/"), Err(PrivateIpBlocked));
}

#[test]
fn one_private_answer_refuses_the_name() {
    let policy = policy(&["*.x.com"], &[], &[]);
    let judge = |answers: &[&str]| judge_answers(&policy, "https://a.x.com/", answers);
    assert_eq!(judge(&["8.8.8.8", "2606:4700::1"]), Ok(()));
    for answers in [
        &["10.0.0.1"][..],
        &["8.8.8.8", "127.0.0.1"],
        &["169.254.169.254", "8.8.8.8"],
        &["8.8.8.8", "::ffff:10.0.0.1"],
        // Our own address, and a neighbour's.
        &["51.15.1.2"],
        &["51.15.1.77"],
    ] {
        assert_eq!(judge(answers), Err(PrivateIpBlocked), "{answers:?}");
    }
    assert_eq!(judge(&[]), Err(EmptyAnswer));
    assert_eq!(judge(&["51.15.2.1"]), Ok(()));
}

#[test]
fn a_name_may_answer_with_a_network_that_is_named() {
    let policy = policy(&["git.corp.com"], &["10.0.0.0/8", "51.15.1.2"], &[]);
    let judge = |answers: &[&str]| judge_answers(&policy, "https://git.corp.com/", answers);
    assert_eq!(judge(&["10.1.2.3", "8.8.8.8", "51.15.1.2"]), Ok(()));
    assert_eq!(judge(&["10.1.2.3", "192.168.1.1"]), Err(PrivateIpBlocked));
}

#[test]
fn our_own_listeners_are_never_reached() {
    let policy = policy(
        &["a.com:8787"],
        &["0.0.0.0/0", "::/0"],
        &["http://127.0.0.1:8787/", "http://localhost:9090/"],
    );
    let judge = |url: &str, answer: &str| judge_answers(&policy, url, &[answer]);
    for (url, answer) in [
        ("http://127.0.0.1:8787/", "127.0.0.1"),
        ("http://127.0.0.2:8787/", "127.0.0.2"),
        ("http://10.9.9.9:8787/", "10.9.9.9"),
        ("http://a.com:8787/", "51.15.1.2"),
        ("http://0.0.0.0:8787/", "0.0.0.0"),
        ("http://[::1]:8787/", "::1"),
        ("http://[::ffff:127.0.0.1]:8787/", "::ffff:127.0.0.1"),
        ("http://localhost:9090/", "127.0.0.1"),
    ] {
        assert_eq!(judge(url, answer), Err(PrivateIpBlocked), "{url}");
    }
    assert_eq!(judge("http://127.0.0.2:9090/", "127.0.0.2"), Ok(()));
    assert_eq!(judge("http://127.0.0.1:8788/", "127.0.0.1"), Ok(()));
}

#[test]
fn a_written_url_permits_exactly_its_origin() {
    let policy = policy(
        &[],
        &[],
        &[
            "http://127.0.0.1:8080/x",
            "http://localhost:3000/",
            "http://nas/",
            "https://api.y.com/v1",
        ],
    );
    for (url, answer) in [
        ("http://127.0.0.1:8080/other", "127.0.0.1"),
        ("http://localhost:3000/", "127.0.0.1"),
        ("http://localhost:3000/", "::1"),
        ("http://nas/", "192.168.1.5"),
        ("https://api.y.com/", "8.8.8.8"),
    ] {
        assert_eq!(judge(&policy, url), Ok(()), "{url}");
        assert_eq!(judge_answers(&policy, url, &[answer]), Ok(()), "{url}");
    }
    for url in [
        "https://127.0.0.1:8080/",
        "http://127.0.0.1:8081/",
        "http://127.0.0.2:8080/",
        "http://localhost/",
        "http://nas:81/",
        "http://api.y.com/",
        "https://api.y.com:444/",
    ] {
        assert!(judge(&policy, url).is_err(), "{url}");
    }
    for (url, answer) in [
        ("https://api.y.com/", "192.168.1.5"),
        ("http://localhost:3000/", "192.168.1.5"),
        ("http://nas/", "169.254.169.254"),
        ("http://127.0.0.1:8080/", "127.0.0.2"),
    ] {
        assert_eq!(
            judge_answers(&policy, url, &[answer]),
            Err(PrivateIpBlocked),
            "{url} {answer}"
        );
    }
}

#[test]
fn this_machine_is_reached_where_that_is_said_and_by_its_own_names_alone() {
    let policy = EgressPolicy::build(&EgressRules {
        this_machine: true,
        ..EgressRules::default()
    })
    .unwrap();
    for url in [
        "http://127.0.0.1:8080/",
        "https://[::1]/",
        "http://localhost:1/",
    ] {
        assert_eq!(judge(&policy, url), Ok(()), "{url}");
        let answer = if url.contains("[::1]") {
            "::1"
        } else {
            "127.0.0.1"
        };
        assert_eq!(judge_answers(&policy, url, &[answer]), Ok(()), "{url}");
    }
    let elsewhere = judge_answers(&policy, "http://localhost:1/", &["10.0.0.1"]);
    assert_eq!(elsewhere, Err(PrivateIpBlocked));
    let ours = judge_answers(&policy, "http://127.0.0.1:9090/", &["127.0.0.1"]);
    assert_eq!(ours, Err(PrivateIpBlocked));
    for url in ["http://10.0.0.1/", "http://api.x.com/", "http://8.8.8.8/"] {
        assert!(judge(&policy, url).is_err(), "{url}");
    }
}

#[test]
fn lookups_can_be_off_or_for_some_names() {
    let rules = EgressRules {
        hosts: words(&["*"]),
        dns_allow: words(&["*.x.com"]),
        ..EgressRules::default()
    };
    let some = EgressPolicy::build(&rules).unwrap();
    assert_eq!(judge(&some, "https://a.x.com/"), Ok(()));
    assert_eq!(judge(&some, "https://a.y.com/"), Err(NameNotAllowed));
    assert_eq!(judge(&some, "https://8.8.8.8/"), Ok(()));
    let off = EgressPolicy::build(&EgressRules {
        dns_enabled: false,
        ..rules
    })
    .unwrap();
    assert_eq!(judge(&off, "https://a.x.com/"), Err(DnsDisabled));
    assert_eq!(judge(&off, "https://8.8.8.8/"), Ok(()));
}

#[test]
fn a_wrong_entry_is_named() {
    let error = |rules: EgressRules| EgressPolicy::build(&rules).unwrap_err().to_string();
    let none = EgressRules::default;
    for entry in [
        "",
        "https://a.com",
        "a.com/",
        "*.",
        "a.*.com",
        "*a.com",
        "10.0.0.1",
        "a.com:0",
        "a.com:99999",
        "a.com:",
        "a b",
        "u@a.com",
        "*.*.com",
        "**",
    ] {
        let error = error(EgressRules {
            hosts: words(&["ok.com", entry]),
            ..none()
        });
        assert!(error.contains(&format!("`{entry}` in `hosts`")), "{error}");
    }
    for (rules, part) in [
        (
            EgressRules {
                networks: words(&["10.0.0.1/8"]),
                ..none()
            },
            "`10.0.0.1/8` in `networks`",
        ),
        (
            EgressRules {
                networks: words(&["10.0.0.0/8:22"]),
                ..none()
            },
            "`block_ports` blocks",
        ),
        (
            EgressRules {
                hosts: words(&["a.com:25"]),
                ..none()
            },
            "`a.com:25` in `hosts`",
        ),
        (
            EgressRules {
                dns_allow: words(&["a.com:53"]),
                ..none()
            },
            "`a.com:53` in `dns.allow`",
        ),
        (
            EgressRules {
                written_urls: words(&["http://a.com:22/"]),
                ..none()
            },
            "`block_ports` blocks",
        ),
        (
            EgressRules {
                written_urls: words(&["ftp://a.com/"]),
                ..none()
            },
            "`ftp://a.com/` in `url`",
        ),
    ] {
        let error = error(rules);
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn a_name_in_the_letters_of_its_people_is_its_a_label() {
    let policy = policy(&["*.Bücher.example"], &[], &[]);
    assert_eq!(judge(&policy, "https://a.xn--bcher-kva.example/"), Ok(()));
    assert_eq!(judge(&policy, "https://a.bücher.example/"), Ok(()));
}

/// Hostile URLs that others collected: none that is private is let through to anywhere.
#[test]
fn of_the_corpus_no_private_address_is_public() {
    let Some(folder) = std::env::var_os("DURWARD_CORPORA") else {
        return;
    };
    let file = std::path::Path::new(&folder).join("ssrf/patt_ssrf_urls_raw.txt");
    let text = std::fs::read_to_string(file).unwrap();
    let policy = policy(&["*"], &[], &[]);
    let (mut passed, mut blocked) = (Vec::new(), 0);
    for line in text.lines() {
        match judge(&policy, line) {
            Ok(()) => passed.push(line),
            Err(PrivateIpBlocked | NameBlocked) => blocked += 1,
            Err(_) => {}
        }
    }
    assert!(blocked >= 90, "{blocked}");
    // What is left is public by its address, or for the resolver's answers to decide.
    for line in &passed {
        if let Host::Address(address) = Target::parse(line).unwrap().host() {
            assert_eq!(address.to_string(), "1.1.1.1", "{line}");
        }
    }
    assert!(passed.len() <= 40, "{passed:?}");
}

proptest! {
    #[test]
    fn any_entry_and_any_url_are_judged(entry in "\\PC{0,30}", url in "\\PC{0,40}") {
        for rules in [
            EgressRules { hosts: vec![entry.clone()], ..EgressRules::default() },
            EgressRules { networks: vec![entry.clone()], ..EgressRules::default() },
        ] {
            if let Ok(policy) = EgressPolicy::build(&rules) {
                let _ = judge(&policy, &url);
            }
        }
    }

    /// However it is written, an address of a private range is never let through.
    #[test]
    fn no_spelling_of_a_private_address_passes(last in 0u32..1 << 24, form in 0usize..5) {
        let number = 10 << 24 | last;
        let [a, b, c, d] = number.to_be_bytes();
        let host = match form {
            0 => format!("{number}"),
            1 => format!("0x{number:x}"),
            2 => format!("{a}.{}", last),
            3 => format!("0{a:o}.0x{b:x}.{c}.{d}"),
            _ => format!("[::ffff:{a}.{b}.{c}.{d}]"),
        };
        prop_assert_eq!(judge(&policy(&["*"], &[], &[]), &format!("http://{host}/")), Err(PrivateIpBlocked));
    }
}
