//! `durward keys`

use clap::{Args, Subcommand};
use durward_core::{Clock, Fingerprint, RoleName, Secret, SystemClock, Tenant, Wall};
use durward_store::keys::{KeyFile, KeyRecord, KeyRequest};
use serde_json::json;

use crate::{
    assembly,
    cli::{Common, setup},
    config::{Config, Period},
    exit::{Failure, failed},
};

/// API keys: shown once, stored as digests.
#[derive(Debug, Args)]
pub(super) struct Keys {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Make a key and show it, this once.
    New {
        /// A role that it has; may be said again.
        #[arg(long = "role", required = true)]
        roles: Vec<String>,
        /// What people call it.
        #[arg(long, default_value = "")]
        label: String,
        /// The organisation that it belongs to.
        #[arg(long)]
        tenant: Option<String>,
        /// How long it works, such as `90d`; for ever unless said.
        #[arg(long, value_name = "PERIOD")]
        expires: Option<Period>,
    },
    /// List all keys by fingerprint.
    List,
    /// Replace a key by a new one of the same roles; the old one works for a while longer.
    Rotate {
        /// The key's fingerprint: eight hexadecimal digits.
        fingerprint: String,
        /// How long the old one still works.
        #[arg(long, default_value = "1h", value_name = "PERIOD")]
        grace: Period,
    },
    /// End a key now.
    Revoke {
        /// The key's fingerprint: eight hexadecimal digits.
        fingerprint: String,
    },
}

impl Keys {
    pub(super) fn run(self, common: &Common) -> Result<(), Failure> {
        let (loaded, _) = setup::loaded(common, &[])?;
        let config = &loaded.config;
        let (file, clock) = (KeyFile::new(&config.identity.keys.file), SystemClock::new());
        match self.what {
            What::New {
                roles,
                label,
                tenant,
                expires,
            } => {
                let request = KeyRequest {
                    label,
                    roles: known(&roles, config)?,
                    tenant: tenant.map(|tenant| Tenant(tenant.into())),
                    expires: expires.map(|period| clock.wall().after(period.duration())),
                };
                let (secret, record) = file.add(&clock, request).map_err(failed)?;
                made(&secret, &record, common.json);
            }
            What::List => list(&file.load().map_err(failed)?, common.json, clock.wall()),
            What::Rotate { fingerprint, grace } => {
                let old = parsed(fingerprint)?;
                let (secret, record) = file
                    .rotate(&clock, &old, grace.duration())
                    .map_err(failed)?;
                made(&secret, &record, common.json);
            }
            What::Revoke { fingerprint } => {
                let record = file.revoke(&clock, &parsed(fingerprint)?).map_err(failed)?;
                if common.json {
                    println!("{}", json!({"revoked": record.fingerprint}));
                } else {
                    println!("revoked: {}", record.fingerprint);
                }
            }
        }
        Ok(())
    }
}

fn parsed(fingerprint: String) -> Result<Fingerprint, Failure> {
    Fingerprint::try_from(fingerprint).map_err(|why| Failure::Usage(why.to_owned()))
}

/// The roles, each of which the configuration must know: a key of an unknown role could do nothing,
/// and its owner would not know why.
fn known(roles: &[String], config: &Config) -> Result<Vec<RoleName>, Failure> {
    let policy = assembly::policy(config).map_err(|error| Failure::Unusable(error.to_string()))?;
    let roles: Vec<_> = roles.iter().map(|role| RoleName::new(role)).collect();
    if let Some(unknown) = roles.iter().find(|role| !policy.knows(role)) {
        let all: Vec<_> = policy
            .roles()
            .iter()
            .map(|role| format!("`{role}`"))
            .collect();
        return Err(Failure::Usage(format!(
            "there is no role `{unknown}`; the roles are {}",
            all.join(", ")
        )));
    }
    Ok(roles)
}

fn made(secret: &Secret, record: &KeyRecord, as_json: bool) {
    if as_json {
        let expires = record.expires.map(Wall::to_rfc3339);
        println!(
            "{}",
            json!({
                "key": secret.expose(),
                "fingerprint": record.fingerprint,
                "roles": record.roles,
                "expires": expires,
            })
        );
        return;
    }
    eprintln!(
        "The key, shown this once (fingerprint {}):",
        record.fingerprint
    );
    println!("{}", secret.expose());
}

fn list(records: &[KeyRecord], as_json: bool, now: Wall) {
    for record in records {
        let state = state(record, now);
        if as_json {
            println!(
                "{}",
                json!({
                    "fingerprint": record.fingerprint,
                    "label": record.label,
                    "roles": record.roles,
                    "tenant": record.tenant,
                    "created": record.created.to_rfc3339(),
                    "expires": record.expires.map(Wall::to_rfc3339),
                    "replaced_by": record.replaced_by,
                    "state": state,
                })
            );
            continue;
        }
        let roles: Vec<_> = record.roles.iter().map(RoleName::as_str).collect();
        println!(
            "{}  {state:9}  {}  {}",
            record.fingerprint,
            roles.join(","),
            record.label
        );
    }
}

fn state(record: &KeyRecord, now: Wall) -> &'static str {
    let ended = record.ends().is_some_and(|end| end <= now);
    match () {
        () if record.revoked.is_some() => "revoked",
        () if ended && record.replaced_by.is_some() => "replaced",
        () if ended => "expired",
        () if record.replaced_by.is_some() => "grace",
        () => "active",
    }
}
