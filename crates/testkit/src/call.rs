//! A call that nobody made, for tests of providers.

use std::{sync::Arc, time::Duration};

use durward_core::{
    Arguments, Call, CallId, Caller, CallerId, Cancel, Client, Door, Held, Monotonic, Naming,
    Operation, Proof, RawJson, Revision, Target, ToolName,
};
use uuid::Uuid;

/// A call of `tool` with `arguments`, the text of a JSON object, by the user of number 1000.
///
/// # Panics
/// The name or the arguments can't be.
pub fn call(tool: &str, arguments: &str) -> Call {
    let arguments: &serde_json::value::RawValue =
        serde_json::from_str(arguments).expect("arguments are JSON");
    let caller = Caller {
        id: CallerId::of_os_user(1000),
        name: "tester".into(),
        roles: [].into(),
        tenant: None,
        proof: Proof::OsUser { uid: 1000 },
        expires: None,
    };
    let client = Client::new(Revision::V2026_07_28, RawJson::empty_object(), None);
    Call {
        id: CallId(Uuid::nil()),
        caller: Arc::new(caller),
        client: Arc::new(client),
        door: Door::Cli,
        session: None,
        operation: Operation::CallTool,
        target: Target::Tool(ToolName::new(tool).expect("a tool's name")),
        arguments: Arguments::new(RawJson::from_raw(arguments)),
        params: RawJson::empty_object(),
        naming: Naming::Merged,
        meta: None,
        started: Monotonic(0),
        timeout: Duration::from_secs(30),
        cancel: Cancel::new(),
        notify: None,
        level: None,
        wants_progress: false,
        ask: None,
        resumed: None,
        task: None,
        narrowed: None,
        held: Held::default(),
    }
}
