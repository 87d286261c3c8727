//! The connector against servers that mean harm.

mod bodies;
pub(super) mod coded;
mod exchanges;
mod names;
mod proxies;
mod redirects;
pub(crate) mod server;
mod slow;
pub(crate) mod tls;

use durward_core::Cancel;
use durward_guard::egress::{EgressRules, Method, RequestHeaders, Target};

use super::{Budget, Connector, EgressFault, EgressSettings, Request, Response};
use server::Server;

/// A connector that may reach exactly these origins.
fn reaching(urls: &[&str]) -> Connector {
    Connector::new(settings(urls)).unwrap()
}

fn settings(urls: &[&str]) -> EgressSettings {
    EgressSettings {
        rules: EgressRules {
            written_urls: urls.iter().map(|url| (*url).to_owned()).collect(),
            ..EgressRules::default()
        },
        ..EgressSettings::default()
    }
}

fn request(method: Method, url: &str) -> Request {
    Request {
        method,
        target: Target::parse(url).unwrap(),
        headers: RequestHeaders::new(),
        proof: None,
        body: bytes::Bytes::new(),
    }
}

async fn fetch(connector: &Connector, request: Request) -> Result<Response, EgressFault> {
    let budget = Budget {
        redirects: 3,
        ..Budget::default()
    };
    connector.fetch(request, &budget, &Cancel::new()).await
}

/// Fetches what a server that answers with these bytes, once a connection, has to say.
async fn get(answer: impl Into<Vec<u8>>, budget: &Budget) -> Result<Response, EgressFault> {
    let answer = answer.into();
    let server = Server::start(move |_| vec![server::Step::Send(answer.clone())]).await;
    let connector = reaching(&[&server.url("/")]);
    let request = request(Method::Get, &server.url("/"));
    connector.fetch(request, budget, &Cancel::new()).await
}

/// Runs this test again in a process of its own, where it is `true` that it is alone.
fn is_alone(test: &str, change: impl FnOnce(&mut std::process::Command)) -> bool {
    if std::env::var_os("DURWARD_ALONE").is_some() {
        return true;
    }
    #[expect(clippy::disallowed_methods, reason = "the test runs itself")]
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test]).env("DURWARD_ALONE", "yes");
    change(&mut command);
    let ran = command.output().unwrap();
    let said = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert!(ran.status.success() && said.contains("1 passed"), "{said}");
    false
}
