//! Redirects: each hop is judged from the start, and nothing goes along that was meant for another.

use durward_testkit::{Asked, Pipe, Site, refusal, say, text};
use serde_json::{Value, json};

use crate::web::{body, configured, fetch, reaching, word};

/// A site that redirects `/STATUS/TARGET…` there, and else says what it was asked.
fn redirecting() -> Site {
    Site::serving(|asked, stream| {
        let mut parts = asked.target[1..].splitn(2, '/');
        let (status, to) = (parts.next().unwrap_or_default(), parts.next());
        match (status.parse::<u16>(), to) {
            (Ok(_), Some(to)) => say(stream, &format!("{status} Moved"), &[("Location", to)], ""),
            _ => say(
                stream,
                "200 OK",
                &[],
                format!("{} {}", asked.method, asked.target),
            ),
        }
    })
}

fn ask(pipe: &mut Pipe, url: &str, mut arguments: Value) -> Value {
    arguments["url"] = url.into();
    pipe.call("http_fetch", arguments)
}

fn last(site: &Site) -> Asked {
    site.asked().pop().expect("it was asked")
}

#[test]
fn h19_a_redirect_leads_nowhere_that_could_not_be_asked_for() {
    let (site, canary) = (redirecting(), Site::saying("canary"));
    let house = reaching(&[&site], "hosts: [api.example.com]");
    let mut pipe = house.stdio(&[]);
    let port = canary.port();
    for (to, decided) in [
        (
            "https://example.org/".to_owned(),
            "redirect_host_not_allowed",
        ),
        (
            "http://example.org:81/".to_owned(),
            "redirect_host_not_allowed",
        ),
        (canary.url("/"), "private_ip_blocked"),
        (format!("//127.0.0.1:{port}/"), "private_ip_blocked"),
        (format!("http://2130706433:{port}/"), "private_ip_blocked"),
        (
            format!("http://[::ffff:127.0.0.1]:{port}/"),
            "private_ip_blocked",
        ),
        (
            "http://169.254.169.254/latest/meta-data/".to_owned(),
            "private_ip_blocked",
        ),
        ("file:///etc/passwd".to_owned(), "unsupported_protocol"),
        ("gopher://127.0.0.1/".to_owned(), "unsupported_protocol"),
        (
            format!("http://u:p@127.0.0.1:{}/", site.port()),
            "invalid_redirect",
        ),
        ("http://[".to_owned(), "invalid_redirect"),
    ] {
        for status in [301, 302, 303, 307, 308] {
            let refused = fetch(&mut pipe, &site.url(&format!("/{status}/{to}")));
            assert_eq!(word(&refused), decided, "{status} to {to}");
            assert!(!text(&refused).contains("127.0.0.1"), "{refused}");
        }
    }
    assert_eq!(canary.connections(), 0);
}

#[test]
fn what_only_looks_like_a_redirect_is_an_answer() {
    let canary = Site::saying("canary");
    let to = canary.url("/");
    let site = Site::serving(move |asked, stream| {
        let refresh = format!("<meta http-equiv=refresh content='0;url={to}'>there");
        match asked.target.as_str() {
            "/refresh" => {
                let headers = [("Refresh", to.as_str()), ("Content-Type", "text/html")];
                say(stream, "200 OK", &headers, refresh);
            }
            "/created" => say(stream, "201 Created", &[("Location", &to)], "made"),
            "/choices" => say(
                stream,
                "300 Multiple Choices",
                &[("Location", &to)],
                "choose",
            ),
            _ => say(stream, "304 Not Modified", &[], ""),
        }
    });
    let house = reaching(&[&site], "");
    let mut pipe = house.stdio(&[]);
    for (path, status, said) in [
        ("/refresh", 200, "there"),
        ("/created", 201, "made"),
        ("/choices", 300, "choose"),
        ("/same", 304, ""),
    ] {
        let answer = fetch(&mut pipe, &site.url(path));
        let found = &answer["result"]["structuredContent"];
        assert_eq!(
            (&found["status"], &found["body"]),
            (&json!(status), &json!(said))
        );
    }
    assert_eq!(canary.connections(), 0);
}

#[test]
fn h21_method_and_body_go_along_as_the_status_says() {
    let site = redirecting();
    let house = reaching(&[&site], "");
    let mut pipe = house.stdio(&[]);
    for (status, sent, arrives) in [
        (301, "POST", "GET"),
        (302, "POST", "GET"),
        (303, "POST", "GET"),
        (303, "PUT", "GET"),
        (307, "POST", "POST"),
        (308, "POST", "POST"),
        (307, "PUT", "PUT"),
        (301, "HEAD", "HEAD"),
        (303, "HEAD", "HEAD"),
    ] {
        let url = site.url(&format!("/{status}//end"));
        let mut arguments = json!({"method": sent});
        if sent != "HEAD" {
            arguments["body"] = "payload".into();
            arguments["headers"] = json!({"Content-Type": "text/x-thing"});
        }
        let answer = ask(&mut pipe, &url, arguments);
        assert_eq!(refusal(&answer), "", "{status} {sent}: {answer}");
        let asked = last(&site);
        assert_eq!(
            (asked.method.as_str(), asked.target.as_str()),
            (arrives, "/end")
        );
        let kept = arrives != "GET" && arrives != "HEAD";
        assert_eq!(
            asked.body,
            if kept { &b"payload"[..] } else { b"" },
            "{status} {sent}"
        );
        assert_eq!(
            asked.header("content-type").is_some(),
            kept,
            "{status} {sent}"
        );
    }
}

#[test]
fn h20_headers_of_one_origin_do_not_reach_another() {
    let (site, other) = (redirecting(), redirecting());
    let house = reaching(&[&site, &other], "");
    let mut pipe = house.stdio(&[]);
    let headers = json!({"X-Api-Key": "k", "X-Request-Id": "r", "Accept": "text/plain"});
    for (to, at, kept) in [
        ("/end".to_owned(), &site, true),
        (other.url("/end"), &other, false),
    ] {
        let url = site.url(&format!("/307/{to}"));
        let answer = ask(&mut pipe, &url, json!({"headers": headers}));
        assert_eq!(body(&answer), "GET /end");
        let asked = last(at);
        assert_eq!(asked.header("x-api-key").is_some(), kept, "{asked:?}");
        assert_eq!(asked.header("x-request-id").is_some(), kept, "{asked:?}");
        assert_eq!(asked.header("accept"), Some("text/plain"));
        assert_eq!(asked.header("referer"), None);
    }
}

#[test]
fn h22_h23_a_chain_ends_where_it_ends_or_is_too_long() {
    let site = Site::serving(|asked, stream| match asked.target.as_str() {
        "/a/hop" => say(stream, "302 Found", &[("Location", "/b/hop2")], ""),
        "/b/hop2" => say(stream, "302 Found", &[("Location", "final")], ""),
        "/loop" => say(stream, "302 Found", &[("Location", "/loop")], ""),
        target => match target[1..].parse::<u32>() {
            Ok(0) | Err(_) => say(stream, "200 OK", &[], "end"),
            Ok(left) => {
                let next = format!("/{}", left - 1);
                say(stream, "302 Found", &[("Location", &next)], "");
            }
        },
    });
    let house = reaching(&[&site], "");
    let mut pipe = house.stdio(&[]);
    let answer = fetch(&mut pipe, &site.url("/a/hop"));
    let found = &answer["result"]["structuredContent"];
    assert_eq!(
        (&found["url"], &found["redirects"]),
        (&json!(site.url("/b/final")), &json!(2))
    );
    assert_eq!(body(&fetch(&mut pipe, &site.url("/3"))), "end");
    for path in ["/4", "/loop"] {
        assert_eq!(
            word(&fetch(&mut pipe, &site.url(path))),
            "too_many_redirects",
            "{path}"
        );
    }
    // Fewer may be asked for, and not more; with none the redirect is the answer.
    let few = ask(&mut pipe, &site.url("/2"), json!({"max_redirects": 1}));
    assert_eq!(word(&few), "too_many_redirects");
    let more = ask(&mut pipe, &site.url("/4"), json!({"max_redirects": 5}));
    assert_eq!(word(&more), "too_many_redirects");
    let none = ask(&mut pipe, &site.url("/2"), json!({"max_redirects": 0}));
    assert_eq!(none["result"]["structuredContent"]["status"], 302);
    assert_eq!(
        none["result"]["structuredContent"]["headers"]["location"],
        "/1"
    );
    assert!(text(&none).contains("location: /1"));
}

#[test]
fn no_redirect_is_followed_where_the_configuration_says_so() {
    let site = redirecting();
    let house = configured(&format!("networks: [\"127.0.0.1/32:{}\"]", site.port()));
    let mut pipe = house.stdio(&["--set", "packs.http.redirects=0"]);
    let answer = fetch(&mut pipe, &site.url("/302//end"));
    assert_eq!(answer["result"]["structuredContent"]["status"], 302);
    assert_eq!(site.asked().len(), 1);
}
