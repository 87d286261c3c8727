//! Other MCP servers.

use durward_core::Tier;

use super::*;

const TOKEN: (&str, &str) = ("TOKEN", "hunter2");

fn with_token(text: &str) -> Result<Loaded, ConfigError> {
    load_text(text, |given| {
        given.env.push((TOKEN.0.to_owned(), TOKEN.1.to_owned()));
    })
}

/// What `servers:` of this text says of the server `a`.
fn server(entry: &str) -> Server {
    let text =
        format!("version: 1\nsecrets: {{ t: {{ env: TOKEN }} }}\nservers: {{ a: {entry} }}\n");
    let loaded = with_token(&text).unwrap_or_else(|error| panic!("{error}"));
    loaded.config.servers["a"].clone()
}

fn program(server: &Server) -> &Program {
    match &server.reach {
        Reach::Program(program) => program,
        Reach::Http(_) => panic!("{server:?}"),
    }
}

fn http(server: &Server) -> &Http {
    match &server.reach {
        Reach::Http(http) => http,
        Reach::Program(_) => panic!("{server:?}"),
    }
}

const EVERY_KEY: &str = "version: 1
secrets: { t: { env: TOKEN } }
inspect: { sampling: { allow: true } }
servers:
  github:
    command: [npx, -y, \"@modelcontextprotocol/server-github\"]
    env: { GITHUB_TOKEN: \"${secret:t}\", PORT: 8080, DEBUG: true, HOST: \"${HOME}\" }
    cwd: ~/work
    sandbox: host
    tools: { allow: [\"*\"], deny: [\"delete_*\"], rename: { list: find_all }, tier: { \"get_*\": read, \"*\": operate } }
    capabilities: [tools, sampling]
    limits: { calls: 300/min, burst: 10, concurrency: 4 }
    instances: per_session
    era: legacy
    extensions: [com.example/charts]
    line: 1MiB
    timeout: 60s
    connect: eager
  crm:
    url: https://crm.example.com/mcp?tenant=7
    transport: sse
    auth: { bearer: \"${secret:t}\" }
    headers: { X-Org: acme, X-Api-Key: \"k-${secret:t}\" }
";

#[test]
fn a_server_that_may_not_ask_what_its_capabilities_name_is_warned_of() {
    let text = EVERY_KEY.replace("allow: true", "allow: false");
    let warnings = with_token(&text).unwrap().warnings;
    let said: Vec<_> = warnings.iter().map(|it| it.message.as_str()).collect();
    assert_eq!(said, ["`github` may not use clients' models all the same"]);
}

#[test]
fn every_key_is_read() {
    let loaded = with_token(EVERY_KEY).unwrap();
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
    let github = &loaded.config.servers["github"];
    let run = program(github);
    assert_eq!(run.command.program(), "npx");
    assert_eq!(run.command.as_slice().len(), 3);
    let env: Vec<_> = run
        .env
        .iter()
        .map(|(key, value)| (key.as_str(), value.expose()))
        .collect();
    let expected = [
        ("DEBUG", "true"),
        ("GITHUB_TOKEN", "hunter2"),
        ("HOST", "/home/ann"),
        ("PORT", "8080"),
    ];
    assert_eq!(env, expected);
    assert_eq!(
        run.cwd.as_deref(),
        Some(std::path::Path::new("/home/ann/work"))
    );
    assert_eq!(run.sandbox, Some(ItemSandbox::Room(Room::Host)));
    assert_eq!(
        github.capabilities,
        [Capability::Tools, Capability::Sampling]
    );
    assert_eq!(github.instances, Instances::PerSession);
    assert_eq!(
        (github.era, github.connect),
        (EraPin::Legacy, Connect::Eager)
    );
    assert_eq!(github.line.bytes(), 1 << 20);
    assert_eq!(github.timeout.unwrap().duration().as_secs(), 60);
    assert_eq!(github.limits.calls.unwrap().to_string(), "300/min");
    assert_eq!(github.limits.concurrency.unwrap().get(), 4);
    assert_eq!(github.extensions[0].as_str(), "com.example/charts");
    let tiers: Vec<_> = github
        .tools
        .tier
        .iter()
        .map(|(glob, tier)| (glob.as_str(), Tier::from(*tier)))
        .collect();
    assert_eq!(tiers, [("*", Tier::Operate), ("get_*", Tier::Read)]);
    let (own, given) = github.tools.rename.iter().next().unwrap();
    assert_eq!((own.as_str(), given.name().as_str()), ("list", "find_all"));
    let site = http(&loaded.config.servers["crm"]);
    assert_eq!(site.url.to_string(), "https://crm.example.com/mcp?tenant=7");
    assert_eq!(site.transport, Transport::Sse);
    let Some(Auth::Bearer(token)) = &site.auth else {
        panic!()
    };
    assert!(token.secret().is(b"hunter2"));
    let headers: Vec<_> = site
        .headers
        .iter()
        .map(|(key, value)| (key.as_str(), value.expose()))
        .collect();
    assert_eq!(headers, [("x-api-key", "k-hunter2"), ("x-org", "acme")]);
}

#[test]
fn little_has_to_be_said() {
    let a = server("{ command: [server] }");
    assert_eq!(a.tools, ServerTools::default());
    assert_eq!(a.tools.allow[0].as_str(), "*");
    assert_eq!(a.capabilities, Capability::USUAL);
    assert_eq!(
        (a.instances, a.era, a.connect),
        (Instances::Shared, EraPin::Auto, Connect::Lazy)
    );
    assert_eq!((a.line.bytes(), a.timeout), (16 << 20, None));
    let run = program(&a);
    assert!(run.env.is_empty() && run.cwd.is_none() && run.sandbox.is_none());
    let b = server("{ url: \"http://localhost:9000/mcp\" }");
    assert_eq!(http(&b).transport, Transport::Auto);
    assert!(http(&b).auth.is_none() && http(&b).headers.is_empty());
}

#[test]
fn servers_are_shown_as_a_file_that_says_the_same_but_its_secrets() {
    let first = with_token(EVERY_KEY).unwrap();
    let shown = show(&first, false);
    assert!(shown.contains("GITHUB_TOKEN: \"(secret)\"") && shown.contains("x-org: acme"));
    assert!(!format!("{first:?}{shown}{}", show(&first, true)).contains("hunter2"));
    // A place that wants a secret takes no word for it.
    let again = shown.replace("bearer: \"(secret)\"", "bearer: \"${secret:t}\"");
    let second = with_token(&again).unwrap_or_else(|error| panic!("{shown}\n{error}"));
    assert_eq!(first.digest, second.digest);
}

#[test]
fn two_servers_are_the_same_only_with_the_same_secrets() {
    let of = |token: &str| {
        let text = "version: 1\nsecrets: { t: { env: TOKEN } }\nservers: { a: { command: [x], env: { T: \"${secret:t}\" } } }\n";
        let loaded = load_text(text, |given| {
            given.env.push(("TOKEN".to_owned(), token.to_owned()))
        });
        loaded.unwrap().config.servers["a"].clone()
    };
    assert_eq!(of("one"), of("one"));
    assert_ne!(of("one"), of("two"));
}

#[test]
fn what_came_from_outside_is_not_shown() {
    let loaded =
        with_token("version: 1\nservers: { a: { command: [x], env: { A: \"${TOKEN}\" } } }\n")
            .unwrap();
    assert_eq!(
        program(&loaded.config.servers["a"])
            .env
            .values()
            .next()
            .unwrap()
            .expose(),
        "hunter2"
    );
    let sources = Sources {
        set: vec![
            "servers.a.url=https://a.example/mcp".to_owned(),
            "servers.a.headers.x-key=hunter2".to_owned(),
        ],
        ..machine()
    };
    for loaded in [loaded, load(&sources).unwrap()] {
        assert!(
            !format!("{loaded:?}{}{}", show(&loaded, false), show(&loaded, true))
                .contains("hunter2")
        );
    }
}

#[test]
fn a_url_is_reached_by_its_own_server_and_by_nobody_else() {
    let text = "version: 1\negress: { hosts: [api.example.com] }\nservers:\n  a: { url: \"http://127.0.0.1:9000/mcp\" }\n  b: { url: \"https://b.example/mcp\" }\n";
    let loaded = load_text(text, |_| {}).unwrap();
    let config = &loaded.config;
    assert!(
        crate::egress::settings(config)
            .rules
            .written_urls
            .is_empty()
    );
    let own = crate::egress::for_server(config, http(&config.servers["a"])).rules;
    assert_eq!(own.written_urls, ["http://127.0.0.1:9000/mcp"]);
    assert_eq!(own.hosts, ["api.example.com"]);
}

#[test]
fn messages_about_servers() {
    let cases = [
        "a: {}",
        "a:",
        "a: here",
        "a: { command: npx, args: [-y] }",
        "a: { command: npx }",
        "a: { command: [] }",
        "a: { command: [\"\"] }",
        "a: { comand: [npx] }",
        "a: { command: [x], url: \"https://a.example/mcp\" }",
        "a: { command: [x], transport: http }",
        "a: { command: [x], headers: { a: b } }",
        "a: { url: \"https://a.example/mcp\", env: { A: b } }",
        "a: { url: \"https://a.example/mcp\", sandbox: host }",
        "a: { url: a.example }",
        "a: { url: \"ftp://a.example\" }",
        "a: { url: \"https://a.example:22/mcp\" }",
        "a: { url: \"https://a.example/mcp\", transport: stdio }",
        "a: { url: \"https://a.example/mcp\", auth: { oauth: { scopes: [] } } }",
        "a: { url: \"https://a.example/mcp\", auth: { exchange: { audience: x } } }",
        "a: { url: \"https://a.example/mcp\", auth: { bearer: hunter2 } }",
        "a: { url: \"https://a.example/mcp\", auth: { barer: x } }",
        "a: { url: \"https://a.example/mcp\", headers: { Host: x } }",
        "a: { url: \"https://a.example/mcp\", headers: { Mcp-Method: x } }",
        "a: { url: \"https://a.example/mcp\", headers: { \"a b\": x } }",
        "a: { url: \"https://a.example/mcp\", headers: { a: \"b\\nc: d\" } }",
        "a: { url: \"https://a.example/mcp\", headers: { X-A: b, x-a: c } }",
        "a: { command: [x], env: { \"A=B\": x } }",
        "a: { command: [x], env: { A: [x] } }",
        "a: { command: [x], env: { A: \"${secret:nope}\" } }",
        "a: { command: [x, \"${secret:nope}\"] }",
        "a: { command: [x], sandbox: hots }",
        "a: { command: [x], sandbox: [box] }",
        "a: { command: [x], sandbox: { netwrok: none } }",
        "a: { command: [x], sandbox: { network: all } }",
        "a: { command: [x], sandbox: { network: egress, egress: { hosts: [10.0.0.1] } } }",
        "a: { command: [x], sandbox: { network: none, egress: { hosts: [a.example] } } }",
        "a: { command: [x], sandbox: { room: host, network: none } }",
        "a: { command: [x], sandbox: { write: [../*] } }",
        "a: { command: [x], tools: { tier: { a: write } } }",
        "a: { command: [x], tools: { allow: [\"\"] } }",
        "a: { command: [x], tools: { rename: { a: \"b c\" } } }",
        "a: { command: [x], tools: { rename: { a: c, b: c } } }",
        "a: { command: [x], tools: { rename: { a: b.c } } }",
        "a: { command: [x], tools: { rename: { a: x23456789_123456789_123456789_123456789_123456789_123456789_12 } } }",
        "{ crm1: { command: [x] }, crml: { command: [x] } }",
        "a: { command: [x], capabilities: [tool] }",
        "a: { command: [x], limits: { rate: 1/s } }",
        "a: { command: [x], instances: per-caller }",
        "a: { command: [x], era: 2025 }",
        "a: { command: [x], extensions: [charts] }",
        "a: { command: [x], timeout: 0s }",
        "a: { command: [x], connect: now }",
        "GitHub: { command: [x] }",
        "git_hub: { command: [x] }",
        "fs: { command: [x] }",
    ];
    let shown = cases.map(|entry| {
        let text = format!("version: 1\nservers:\n  {entry}\n");
        let told = match load_text(&text, |_| {}) {
            Ok(_) => "nothing is wrong".to_owned(),
            Err(error) => error.to_string(),
        };
        let told: String = told
            .lines()
            .map(|line| format!("{}\n", line.trim_end()))
            .collect();
        assert!(!told.contains("hunter2"), "{told}");
        format!("=====\n{entry}\n-----\n{told}")
    });
    snapshot("messages_about_servers", &shown.concat());
}

#[test]
fn warnings_about_servers() {
    let text = "version: 1
secrets: { t: { env: TOKEN } }
egress: { dns: { allow: [\"*\"] } }
servers:
  bare: { command: [x] }
  meant: { command: [x], sandbox: host }
  own: { command: [x], sandbox: { room: box, network: egress, egress: { hosts: [a.example] }, limits: { memory: 1GiB } } }
  open: { command: [x], sandbox: host, env: { API_TOKEN: hunter3, GREETING: hello } }
  clear: { url: \"http://crm.example.com/mcp\", auth: { bearer: \"${secret:t}\" } }
  near: { url: \"http://localhost:9000/mcp\", auth: { bearer: \"${secret:t}\" } }
";
    let loaded = with_token(text).unwrap();
    let told = loaded
        .warnings
        .iter()
        .map(|warning| format!("{warning}\n"))
        .collect::<String>();
    assert!(!told.contains("hunter"), "{told}");
    snapshot("warnings_about_servers", &told);
}

#[test]
fn a_name_that_may_not_be_looked_up_is_no_server() {
    let text = "version: 1\negress: { dns: { allow: [\"*.example.com\"] } }\nservers:\n  a: { url: \"https://b.example/\" }\n";
    let error = load_text(text, |_| {}).unwrap_err().to_string();
    assert!(
        error.contains("`egress.dns`") && error.contains(":4:"),
        "{error}"
    );
}
