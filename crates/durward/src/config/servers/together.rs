//! What the keys of one server say together, and what servers are beside each other.

use durward_core::{RawJson, ServerName};
use durward_guard::{
    GuardError,
    egress::{EgressPolicy, Scheme},
    names::{LONGEST_EXPOSED, Register, exposed_tool},
    oauth::is_metadata_url,
    redact::Redactor,
};

use super::{Auth, Capability, GrantWord, Http, Reach, Server};
use crate::{
    config::{
        Config,
        fault::Fault,
        node::{Map, Node, Place, Value},
        sandbox::{self, Room},
        semantic::place_of,
    },
    egress,
};

/// What only a program has.
const OF_COMMAND: &[&str] = &["command", "env", "cwd", "sandbox"];
/// What only a site has.
const OF_URL: &[&str] = &["url", "transport", "auth", "headers"];
/// Names that durward's own providers go by: `server:fs` can mean only one of them.
const TAKEN: &[&str] = &[
    "bugs",
    "commands",
    "discovery",
    "durward",
    "fs",
    "http",
    "notes",
    "ops",
    "plugins",
    "search",
    "shell",
];
/// Is this a name that durward's own providers go by?
pub(crate) fn is_own_name(name: &str) -> bool {
    TAKEN.contains(&name)
}

/// Refuses, key by key, what no server can be. Afterwards each is a program or a site, or a fault is noted.
pub(in crate::config) fn refuse(root: &mut Node, faults: &mut Vec<Fault>) {
    let Some(Value::Map(servers)) = root.at_mut(&["servers"]).map(|node| &mut node.value) else {
        return;
    };
    for (key, node) in &mut servers.0 {
        if is_own_name(&key.text) {
            let fault = Fault::new(format!(
                "`{}` is durward's own name for something",
                key.text
            ));
            faults.push(fault.place(key.place.clone()).hint(format!(
                "call the server something else, such as `{}-server`",
                key.text
            )));
        }
        if let Value::Map(server) = &mut node.value {
            company(&key.text, &node.place, server, faults);
        }
    }
}

/// A program's keys and a site's don't mix.
fn company(name: &str, place: &Place, server: &Map, faults: &mut Vec<Fault>) {
    let said = |name: &str| {
        let entry = server.entry(name);
        entry.filter(|(_, node)| !matches!(node.value, Value::Null))
    };
    if let Some((args, _)) = said("args") {
        let fault = Fault::new("unknown key `args`").place(args.place.clone());
        faults.push(fault.hint("they stand in the command: `command: [npx, -y, some-server]`"));
    }
    let (other, why) = match (said("command"), said("url")) {
        (Some(_), Some((url, _))) => {
            let fault = Fault::new("a server has a `command` or a `url`, not both");
            faults.push(fault.place(url.place.clone()));
            return;
        }
        (Some(_), None) => (
            OF_URL,
            "belongs to a `url`, and this server has a `command`",
        ),
        (None, Some(_)) => (
            OF_COMMAND,
            "belongs to a `command`, and this server has a `url`",
        ),
        // Under a key that is misspelt it may have one: that is said when the types are read.
        (None, None) if server.0.iter().any(|(key, _)| !is_known(&key.text)) => return,
        (None, None) => {
            let fault = Fault::new(format!("`{name}` has neither a `command` nor a `url`"));
            faults.push(fault.place(place.clone()).hint(
                "say what starts it, such as `command: [npx, -y, some-server]`, or where it is",
            ));
            return;
        }
    };
    for (stray, _) in other.iter().filter_map(|name| said(name)) {
        let fault = Fault::new(format!("`{}` {why}", stray.text)).place(stray.place.clone());
        faults.push(match stray.text.as_str() {
            "transport" => fault.hint("take it out: a command always speaks stdio"),
            "auth" | "headers" => fault.hint("give a program its secrets by `env`"),
            _ => fault,
        });
    }
}

/// The keys that a server can have.
fn is_known(key: &str) -> bool {
    let common = [
        "tools",
        "capabilities",
        "limits",
        "instances",
        "era",
        "extensions",
        "line",
        "timeout",
        "connect",
    ];
    OF_COMMAND.contains(&key) || OF_URL.contains(&key) || common.contains(&key)
}

/// Adds what is wrong with the servers as a whole, and what should not stay so.
pub(in crate::config) fn check(
    config: &Config,
    root: &Node,
    faults: &mut Vec<Fault>,
    warnings: &mut Vec<Fault>,
) {
    let looks = Redactor::new(&config.audit.redact_names).ok();
    twins(config, root, faults);
    for (key, server) in &config.servers {
        let name = key.name().as_str();
        if server
            .timeout
            .is_some_and(|period| period.duration().is_zero())
        {
            let fault = Fault::new("a call needs some time");
            faults.push(fault.place(place_of(root, &["servers", name, "timeout"])));
        }
        renames(key.name(), server, root, faults);
        if server.capabilities.contains(&Capability::Sampling) && !config.inspect.sampling.allow {
            let fault = Fault::new(format!("`{name}` may not use clients' models all the same"));
            let place = place_of(root, &["servers", name, "capabilities"]);
            let hint = "write `inspect: { sampling: { allow: true } }` where that is meant";
            warnings.push(fault.place(place).hint(hint));
        }
        match &server.reach {
            Reach::Program(program) => {
                let path = ["servers", name, "sandbox"];
                let said = program.sandbox.as_ref();
                sandbox::check(said, Room::Home, &path, root, faults);
            }
            Reach::Http(http) => {
                reachable(config, name, http, root, faults, warnings);
                headers(name, http, root, faults);
                oauth(name, http, root, faults);
            }
        }
        for list in ["env", "headers"] {
            open_secrets(looks.as_ref(), &["servers", name, list], root, warnings);
        }
    }
}

/// Two servers that people would take for each other.
fn twins(config: &Config, root: &Node, faults: &mut Vec<Fault>) {
    let mut names = Register::new();
    for key in config.servers.keys() {
        let name = key.name().as_str();
        let Err(collision) = names.take(name) else {
            continue;
        };
        let fault = Fault::new(format!("the servers {collision}")).hint("rename one of them");
        faults.push(match root.at(&["servers"]).map(|node| &node.value) {
            Some(Value::Map(map)) => match map.entry(name) {
                Some((key, _)) => fault.place(key.place.clone()),
                None => fault,
            },
            _ => fault,
        });
    }
}

/// A new name is there to be used as it is, and for one tool alone.
fn renames(server: &ServerName, entry: &Server, root: &Node, faults: &mut Vec<Fault>) {
    let rename = &entry.tools.rename;
    for (own, given) in rename {
        let twin = rename
            .iter()
            .find(|(other, taken)| *other < own && *taken == given);
        let whole = format!("{server}__{given}");
        let fits = exposed_tool(server, given.name().as_str()).is_ok_and(|it| it.as_str() == whole);
        let fault = match twin {
            Some((other, _)) => {
                Fault::new(format!("`{other}` and `{own}` would both be `{given}`"))
            }
            None if !fits => Fault::new(format!(
                "models accept no `{whole}`: at most {LONGEST_EXPOSED} letters, digits, `_` and `-`"
            )),
            None => continue,
        };
        let path = ["servers", server.as_str(), "tools", "rename", own.as_str()];
        faults.push(fault.place(place_of(root, &path)));
    }
}

/// What is written may be reached, unless another key of the file keeps it in.
fn reachable(
    config: &Config,
    name: &str,
    http: &Http,
    root: &Node,
    faults: &mut Vec<Fault>,
    warnings: &mut Vec<Fault>,
) {
    let place = place_of(root, &["servers", name, "url"]);
    let settings = egress::for_server(config, http);
    let target = http.url.target();
    let why = match EgressPolicy::build(&settings.rules) {
        Err(GuardError::Egress {
            list: "url", why, ..
        }) => Some(format!("`egress`: {why}")),
        // What else is wrong with the section is said of the section.
        Err(_) => None,
        Ok(_) if settings.proxy.is_some() => None,
        Ok(policy) => policy
            .judge_lookup(target)
            .is_err()
            .then(|| "`egress.dns` keeps its name from being looked up".to_owned()),
    };
    if let Some(why) = why {
        let fault = Fault::new(format!("`{}` can't be reached: {why}", http.url));
        faults.push(fault.place(place));
        return;
    }
    let has_token = matches!(http.auth, Some(Auth::Bearer(_)));
    if has_token && target.scheme() == Scheme::Http && !target.host().is_this_machine() {
        let fault = Fault::new("the token crosses the network where all can read it");
        warnings.push(
            fault
                .place(place)
                .hint("write `https://`, if the server speaks it"),
        );
    }
}

/// A login that could only fail.
fn oauth(name: &str, http: &Http, root: &Node, faults: &mut Vec<Fault>) {
    let Some(Auth::OAuth(oauth)) = &http.auth else {
        return;
    };
    let mut note = |path: &[&str], sentence: &str, hint: &str| {
        let path: Vec<_> = ["servers", name].iter().chain(path).copied().collect();
        faults.push(Fault::new(sentence).place(place_of(root, &path)).hint(hint));
    };
    let target = http.url.target();
    if target.scheme() == Scheme::Http && !target.host().is_this_machine() {
        note(
            &["url"],
            "OAuth is for https alone, but for a server on this machine",
            "write `https://`",
        );
    }
    let own = ["auth", "oauth"];
    let is_url = oauth.client_id.as_deref().is_some_and(is_metadata_url);
    match (&oauth.client_id, &oauth.client_secret, oauth.grant) {
        (None, Some(_), _) => note(
            &[&own[..], &["client_secret"]].concat(),
            "a `client_secret` belongs to a `client_id`",
            "write the `client_id` that it was given with",
        ),
        (Some(_), Some(_), _) if is_url => note(
            &[&own[..], &["client_secret"]].concat(),
            "a `client_id` that is a URL has no `client_secret`",
            "take one of the two out",
        ),
        (Some(_), Some(_), _) | (_, None, GrantWord::AuthorizationCode) => {}
        (_, None, GrantWord::ClientCredentials) => note(
            &[&own[..], &["grant"]].concat(),
            "durward can't log in by itself without a `client_id` and a `client_secret`",
            "add them, or leave `grant` out and run `durward auth login`",
        ),
    }
}

/// Their names don't care for case, and one of two would be dropped in silence.
fn headers(name: &str, http: &Http, root: &Node, faults: &mut Vec<Fault>) {
    let path = ["servers", name, "headers"];
    let written = root.at(&path).map(|node| &node.value);
    if matches!(written, Some(Value::Map(map)) if map.0.len() != http.headers.len()) {
        let fault = Fault::new("a header is there twice, in two spellings");
        faults.push(fault.place(place_of(root, &path)));
    }
    if http.auth.is_some()
        && http
            .headers
            .keys()
            .any(|key| key.as_str() == "authorization")
    {
        let fault = Fault::new("`auth` and the header `authorization` say the same twice");
        faults.push(fault.place(place_of(root, &path)));
    }
}

/// What looks like a secret and stands in the file itself.
pub(in crate::config) fn open_secrets(
    looks: Option<&Redactor>,
    path: &[&str],
    root: &Node,
    warnings: &mut Vec<Fault>,
) {
    let (Some(looks), Some(Value::Map(map))) = (looks, root.at(path).map(|node| &node.value))
    else {
        return;
    };
    for (key, node) in &map.0 {
        let Value::Scalar(text, style) = &node.value else {
            continue;
        };
        if style.is_outside() || text.is_empty() {
            continue;
        }
        let said = RawJson::of(&serde_json::json!({ &*key.text: text }));
        if said.is_ok_and(|said| looks.redact(&said).as_str() != said.as_str()) {
            let fault = Fault::new(format!(
                "`{}` looks like a secret that stands in the file",
                key.text
            ));
            warnings.push(
                fault
                    .place(key.place.clone())
                    .hint("name it under `secrets:` and write `${secret:name}`"),
            );
        }
    }
}
