//! URLs and the entries that allow them: what passes is public, in one spelling, and stays so.
#![no_main]

use std::sync::LazyLock;

use durward_guard::egress::{
    AddressClass, EgressPolicy, EgressRules, Host, RequestHeaders, Target, classify,
};

static ANY: LazyLock<EgressPolicy> =
    LazyLock::new(|| EgressPolicy::build(&hosts("*")).expect("a policy"));

fn hosts(entry: &str) -> EgressRules {
    EgressRules {
        hosts: vec![entry.to_owned()],
        ..EgressRules::default()
    }
}

libfuzzer_sys::fuzz_target!(|text: &str| {
    for target in [Target::parse(text), Target::tunnel(text, 443)] {
        let Ok(target) = target else { continue };
        assert_eq!(
            Target::parse(target.as_str()).as_ref(),
            Ok(&target),
            "parsed twice"
        );
        if ANY.judge_target(&target).is_ok()
            && let Host::Address(address) = target.host()
        {
            assert_eq!(classify(*address), AddressClass::Global, "{text:?}");
        }
        if let Ok(next) = target.join(text) {
            let _ = ANY.judge_target(&next);
        }
    }
    let _ = EgressPolicy::build(&hosts(text));
    let _ = EgressPolicy::build(&EgressRules {
        networks: vec![text.to_owned()],
        ..EgressRules::default()
    });
    if let Some((name, value)) = text.split_once(':') {
        let mut headers = RequestHeaders::new();
        if headers.set(name, value).is_ok() {
            assert!(!value.contains(['\r', '\n', '\0']));
        }
    }
});
