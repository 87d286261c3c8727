//! The connector against servers that mean harm.

mod bodies;
mod exchanges;
mod fronts;
mod proxies;
mod redirects;
mod server;
mod slow;
mod tls;

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
