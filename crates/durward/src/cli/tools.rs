//! `durward tools`: through the same gate as everyone.

use std::sync::Arc;

use bytes::Bytes;
use clap::{Args, Subcommand};
use durward_cage::peer;
use durward_core::{Door, Fingerprint, RoleName};
use durward_gate::{Pipe, Standing};
use durward_ledger::ChainName;
use durward_wire::scan::ScanLimits;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::{
    assembly::{self, Rooms},
    cli::{Common, setup},
    client,
    doors::pipe,
    exit::{Failure, failed},
};

/// What a caller would see, and one call from the shell, through the whole walk.
#[derive(Debug, Args)]
pub(super) struct Tools {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List the tools.
    List {
        /// As this role or the key of this fingerprint sees them.
        #[arg(long = "as", value_name = "ROLE|FINGERPRINT")]
        as_: Option<String>,
    },
    /// Show one definition.
    Show {
        /// The tool.
        name: String,
        /// As this role or the key of this fingerprint sees it.
        #[arg(long = "as", value_name = "ROLE|FINGERPRINT")]
        as_: Option<String>,
    },
    /// Call one tool.
    Call {
        /// The tool.
        name: String,
        /// Its arguments, as a JSON object.
        #[arg(default_value = "{}")]
        arguments: String,
        /// As this role or the key of this fingerprint.
        #[arg(long = "as", value_name = "ROLE|FINGERPRINT")]
        as_: Option<String>,
    },
}

impl Tools {
    pub(super) fn run(self, common: &Common) -> Result<(), Failure> {
        let (loaded, _) = setup::loaded(common, &[])?;
        let rooms = assembly::open(&loaded.config, ChainName::Stdio)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(failed)?;
        runtime.block_on(async { rooms.servers.start() });
        let done = self.with(&rooms, &runtime, common.json);
        runtime.block_on(rooms.servers.stop());
        rooms.close();
        done
    }

    fn with(self, rooms: &Rooms, runtime: &Runtime, as_json: bool) -> Result<(), Failure> {
        let ask = |standing: &Arc<Standing>, method: &str, params: Value| {
            runtime.block_on(ask(rooms, standing, method, params))
        };
        let list = |as_: Option<String>| -> Result<Vec<Value>, Failure> {
            let standing = standing(rooms, as_.as_deref())?;
            let listed = ask(&standing, "tools/list", json!({}))?;
            Ok(listed["tools"].as_array().cloned().unwrap_or_default())
        };
        match self.what {
            What::List { as_ } => {
                for tool in list(as_)? {
                    if as_json {
                        println!("{tool}");
                        continue;
                    }
                    let text = |key: &str| tool[key].as_str().unwrap_or_default().to_owned();
                    println!("{:<24} {}", text("name"), text("title"));
                }
                Ok(())
            }
            What::Show { name, as_ } => {
                let tools = list(as_)?;
                let tool = tools.iter().find(|tool| tool["name"] == name.as_str());
                let tool = tool.ok_or_else(|| Failure::Failed(format!("Unknown tool: {name}")))?;
                println!("{tool:#}");
                Ok(())
            }
            What::Call {
                name,
                arguments,
                as_,
            } => {
                let arguments: Value = serde_json::from_str(&arguments).map_err(|error| {
                    Failure::Usage(format!("the arguments are no JSON: {error}"))
                })?;
                let standing = standing(rooms, as_.as_deref())?;
                let params = json!({"name": name, "arguments": arguments});
                let result = ask(&standing, "tools/call", params)?;
                if as_json {
                    println!("{result}");
                } else {
                    println!(
                        "{}",
                        result["content"][0]["text"].as_str().unwrap_or_default()
                    );
                }
                if result["isError"] == true {
                    return Err(Failure::Failed("the call was refused or failed".to_owned()));
                }
                Ok(())
            }
        }
    }
}

fn standing(rooms: &Rooms, as_: Option<&str>) -> Result<Arc<Standing>, Failure> {
    match as_ {
        None => {
            let uid = peer::current_uid();
            let name = peer::user_name(uid).unwrap_or_else(|| uid.to_string());
            rooms
                .gate
                .stand_by_os_user(uid, &name)
                .ok_or_else(|| Failure::Unusable(format!("the user `{name}` has no role here")))
        }
        Some(text) => match Fingerprint::try_from(text.to_owned()) {
            Ok(fingerprint) => rooms
                .gate
                .stand_for_key(&fingerprint)
                .ok_or_else(|| Failure::Failed(format!("there is no key {fingerprint} in use"))),
            Err(_) => rooms
                .gate
                .stand_for_role(&RoleName::new(text))
                .ok_or_else(|| Failure::Failed(format!("there is no role `{text}`"))),
        },
    }
}

/// One request, self-contained, as a client on a pipe would send it.
async fn ask(
    rooms: &Rooms,
    standing: &Arc<Standing>,
    method: &str,
    params: Value,
) -> Result<Value, Failure> {
    let request = client::request(method, params);
    let (sender, mut outbox) = pipe::outbox();
    let (gate, standing) = (Arc::clone(&rooms.gate), Arc::clone(standing));
    let mut pipe = Pipe::new(gate, standing, Door::Cli, ScanLimits::default(), sender);
    let line = Bytes::from(request.to_string());
    pipe.line(line)
        .await
        .map_err(|_| failed("this caller is no longer let in"))?;
    let answer = outbox.recv().await;
    let answer = answer.ok_or_else(|| failed("no answer came"))?;
    let answer: Value = serde_json::from_slice(&answer.into_bytes()).map_err(failed)?;
    match answer.get("result") {
        Some(result) => Ok(result.clone()),
        None => {
            let message = answer["error"]["message"].as_str().unwrap_or("no result");
            Err(Failure::Failed(message.to_owned()))
        }
    }
}
