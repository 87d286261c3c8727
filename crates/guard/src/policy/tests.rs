use durward_core::RoleName;

use super::*;
use crate::GuardError;

fn role(name: &str) -> RoleName {
    RoleName::new(name)
}

fn lines(lines: &[&str]) -> Vec<String> {
    lines.iter().map(|&line| line.to_owned()).collect()
}

fn tool(name: &str, tier: Tier) -> Subject<'_> {
    Subject {
        kind: Kind::Tool,
        name,
        also: &[],
        provider: "fs",
        tier,
    }
}

fn resource(name: &str) -> Subject<'_> {
    Subject {
        kind: Kind::Resource,
        name,
        also: &[],
        provider: "fs",
        tier: Tier::Read,
    }
}

fn policy(combine: Combine, roles: &[(&str, RoleSettings)]) -> Result<Policy, GuardError> {
    let roles = roles
        .iter()
        .map(|(name, settings)| (role(name), settings.clone()))
        .collect();
    Policy::build(PolicySettings { combine, roles })
}

fn allows(allow: &[&str]) -> RoleSettings {
    RoleSettings {
        allow: lines(allow),
        ..RoleSettings::default()
    }
}

fn is_allowed(policy: &Policy, roles: &[&str], subject: &Subject<'_>) -> bool {
    let roles: Vec<_> = roles.iter().map(|name| role(name)).collect();
    matches!(policy.decide(&roles, subject), Decision::Allow { .. })
}

#[test]
fn the_built_in_roles_are_there() {
    let policy = Policy::build(PolicySettings::default()).unwrap();
    let (read, write) = (tool("fs_read", Tier::Read), tool("fs_write", Tier::Operate));
    let delete = tool("fs_delete", Tier::Danger);
    assert!(is_allowed(&policy, &["reader"], &read) && !is_allowed(&policy, &["reader"], &write));
    assert!(is_allowed(&policy, &["developer"], &write));
    assert!(!is_allowed(&policy, &["developer"], &delete));
    assert!(is_allowed(&policy, &["admin"], &write));
    let rule = "role admin: confirm tier:danger".to_owned();
    assert_eq!(
        policy.decide(&[role("admin")], &delete),
        Decision::Confirm { rule }
    );
}

#[test]
fn the_file_redefines_a_built_in_role() {
    let policy = policy(Combine::Union, &[("reader", allows(&["tool:fs_list"]))]).unwrap();
    assert!(!is_allowed(
        &policy,
        &["reader"],
        &tool("fs_read", Tier::Read)
    ));
    assert!(is_allowed(
        &policy,
        &["reader"],
        &tool("fs_list", Tier::Read)
    ));
}

#[test]
fn a_deny_wins_wherever_it_stands() {
    let mut careful = allows(&["*"]);
    careful.deny = lines(&["tool:delete_*"]);
    let roles = [("careful", careful), ("wide", allows(&["*"]))];
    let long = format!("delete_{}", "x".repeat(1_093));
    for combine in [Combine::Union, Combine::Intersect] {
        let policy = policy(combine, &roles).unwrap();
        for order in [["careful", "wide"], ["wide", "careful"]] {
            assert!(!is_allowed(&policy, &order, &tool("delete_x", Tier::Read)));
            assert!(!is_allowed(&policy, &order, &tool(&long, Tier::Read)));
            assert!(is_allowed(&policy, &order, &tool("ns/read", Tier::Read)));
        }
    }
}

#[test]
fn several_roles_unite_or_intersect() {
    let roles = [
        ("a", allows(&["tool:x", "tool:y"])),
        ("b", allows(&["tool:y", "tool:z"])),
    ];
    let union = policy(Combine::Union, &roles).unwrap();
    let intersect = policy(Combine::Intersect, &roles).unwrap();
    for (name, united, intersected) in [("x", true, false), ("y", true, true), ("z", true, false)] {
        let subject = tool(name, Tier::Read);
        assert_eq!(is_allowed(&union, &["a", "b"], &subject), united);
        assert_eq!(is_allowed(&intersect, &["a", "b"], &subject), intersected);
    }
}

#[test]
fn unknown_roles_and_no_roles_grant_nothing() {
    for combine in [Combine::Union, Combine::Intersect] {
        let policy = policy(combine, &[]).unwrap();
        let subject = tool("fs_read", Tier::Read);
        assert!(!policy.knows(&role("root")));
        assert!(!is_allowed(&policy, &["root"], &subject));
        assert!(!is_allowed(&policy, &[], &subject));
        let with_reader = is_allowed(&policy, &["reader", "root"], &subject);
        assert_eq!(with_reader, combine == Combine::Union);
    }
}

#[test]
fn a_role_inherits_lines_and_limits() {
    let mut base = allows(&["tier:read"]);
    base.deny = lines(&["tool:secret_*"]);
    base.limits.calls = Some("60/min".parse().unwrap());
    let mut heir = allows(&["tier:operate"]);
    heir.inherit = vec![role("base")];
    heir.limits.calls = Some("600/min".parse().unwrap());
    heir.limits.concurrency = Some(3);
    let policy = policy(Combine::Union, &[("base", base), ("heir", heir)]).unwrap();
    assert!(is_allowed(&policy, &["heir"], &tool("fs_read", Tier::Read)));
    assert!(!is_allowed(
        &policy,
        &["heir"],
        &tool("secret_read", Tier::Read)
    ));
    let bounds = policy.limits_for(&[role("heir")]);
    assert_eq!(bounds.quota.unwrap().burst(), 60);
    assert_eq!(bounds.concurrency, Some(3));
    assert_eq!(policy.limits_for(&[role("reader")]), Bounds::default());
}

#[test]
fn a_role_may_inherit_two_that_share_a_base() {
    let mut left = allows(&["tool:l"]);
    left.inherit = vec![role("reader")];
    let mut right = allows(&["tool:r"]);
    right.inherit = vec![role("reader")];
    let top = RoleSettings {
        inherit: vec![role("l"), role("r")],
        ..RoleSettings::default()
    };
    let policy = policy(Combine::Union, &[("l", left), ("r", right), ("top", top)]).unwrap();
    assert!(is_allowed(&policy, &["top"], &tool("r", Tier::Danger)));
    assert!(is_allowed(&policy, &["top"], &tool("fs_read", Tier::Read)));
}

#[test]
fn what_is_wrong_is_named() {
    let heir = |of: &str| RoleSettings {
        inherit: vec![role(of)],
        ..RoleSettings::default()
    };
    let said =
        |roles: &[(&str, RoleSettings)]| policy(Combine::Union, roles).unwrap_err().to_string();
    assert_eq!(
        said(&[("ops", heir("nobody"))]),
        "role `ops` inherits `nobody`, and there is no such role"
    );
    let circle = said(&[("a", heir("b")), ("b", heir("c")), ("c", heir("a"))]);
    assert_eq!(circle, "role `a` inherits itself: a → b → c → a");
    assert_eq!(said(&[("a", heir("a"))]), "role `a` inherits itself: a → a");
    let selector = said(&[("a", allows(&["tier:red"]))]);
    assert!(
        selector.starts_with("role `a`, `allow`: `tier:red` is not a selector"),
        "{selector}"
    );
}

#[test]
fn a_denied_resource_can_not_be_spelled_otherwise() {
    let mut reader = allows(&["tier:read"]);
    reader.deny = lines(&["resource:file:///etc/**"]);
    let policy = policy(Combine::Union, &[("r", reader)]).unwrap();
    for uri in [
        "file:///etc/ssl/private/key",
        "file:///srv/../etc/passwd",
        "file:///srv/%2e%2e/etc/passwd",
        "file:///srv/%252e%252e/etc/passwd",
        "file:///srv/..\\etc/passwd",
        "FILE:///etc/passwd",
        "file:////etc/passwd",
        "file://user@localhost/etc/passwd",
        "file:///etc/pass\0wd",
        "file:///etc/pass%00wd",
    ] {
        assert!(!is_allowed(&policy, &["r"], &resource(uri)), "{uri}");
    }
    assert!(is_allowed(
        &policy,
        &["r"],
        &resource("file:///srv/etc/passwd")
    ));
}

#[test]
fn an_allowed_resource_can_not_lead_elsewhere() {
    let policy = policy(
        Combine::Union,
        &[("r", allows(&["resource:file:///srv/**"]))],
    )
    .unwrap();
    assert!(is_allowed(&policy, &["r"], &resource("file:///srv/a%20b")));
    assert!(!is_allowed(
        &policy,
        &["r"],
        &resource("file:///srv/../etc/passwd")
    ));
}

#[test]
fn explaining_goes_rule_by_rule() {
    let mut heir = allows(&["tool:fs_*"]);
    heir.inherit = vec![role("reader")];
    heir.deny = lines(&["server:fs"]);
    let policy = policy(Combine::Union, &[("heir", heir)]).unwrap();
    assert_eq!(
        policy.explain(&[role("heir"), role("ghost")], &tool("fs_read", Tier::Read)),
        [
            "role heir: deny server:fs matches",
            "role heir: allow tool:fs_* matches",
            "role reader: allow tier:read matches, inherited by heir",
            "role ghost: unknown, grants nothing",
            "denied: role heir: deny server:fs",
        ]
    );
    assert_eq!(
        policy.explain(&[role("reader")], &tool("x", Tier::Danger)),
        ["role reader: no line matches", "denied: no role allows it"]
    );
}

#[test]
fn every_true_name_of_a_resource_counts() {
    let also = ["file:///srv/docs/a".to_owned()];
    let named = Subject {
        also: &also,
        ..resource("file:///a")
    };
    for (allow, deny, allowed) in [
        ("resource:file:///srv/docs/**", "prompt:x", true),
        ("resource:file:///*", "prompt:x", true),
        ("resource:file:///*", "resource:file:///srv/**", false),
        ("resource:file:///b", "prompt:x", false),
    ] {
        let mut settings = allows(&[allow]);
        settings.deny = lines(&[deny]);
        let policy = policy(Combine::Union, &[("r", settings)]).unwrap();
        assert_eq!(
            is_allowed(&policy, &["r"], &named),
            allowed,
            "{allow} {deny}"
        );
    }
}

#[test]
fn a_prefix_is_in_reach_where_something_below_it_could_be() {
    for (allow, deny, combine, reach) in [
        ("tier:read", "prompt:x", Combine::Union, true),
        ("tool:*", "prompt:x", Combine::Union, false),
        ("resource:file:///docs/**", "prompt:x", Combine::Union, true),
        ("resource:file:///doc*", "prompt:x", Combine::Union, true),
        ("resource:note:**", "prompt:x", Combine::Union, false),
        ("*", "resource:file:///secret/**", Combine::Union, true),
        ("*", "resource:**", Combine::Union, false),
        ("*", "resource:file://**", Combine::Union, false),
        ("*", "resource:f*:///srv/**", Combine::Union, false),
        ("*", "resource:*:///srv/*", Combine::Union, true),
        ("*", "server:fs", Combine::Union, false),
        ("*", "resource:file:///srv/**", Combine::Union, false),
        ("*", "prompt:x", Combine::Intersect, false),
    ] {
        let mut settings = allows(&[allow]);
        settings.deny = lines(&[deny]);
        let policy = policy(combine, &[("r", settings), ("tools", allows(&["tool:*"]))]).unwrap();
        let roles = [role("r"), role("tools")];
        let also = ["file:///srv/shared/".to_owned()];
        let files = Subject {
            also: &also,
            ..resource("file:///")
        };
        assert_eq!(policy.may_reach(&roles, &files), reach, "{allow} {deny}");
    }
}
