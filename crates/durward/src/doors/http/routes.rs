//! Which path leads where, and the checks that come before any body is read.

use durward_core::ServerName;
use durward_gate::Endpoint;
use durward_wire::http1::{Head, HttpMethod, accept};

use super::{HttpSettings, answer::Answer};

/// What a request is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Route {
    /// `/healthz`: alive.
    Health,
    /// `/readyz`: able to serve.
    Ready,
    /// An MCP endpoint.
    Mcp(McpMethod, Endpoint),
    /// A browser asks whether it may.
    Preflight,
}

/// What may be done at an MCP endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum McpMethod {
    Post,
    Get,
    Delete,
}

/// Finds the route, or says what is wrong: first Host and Origin, then path, method, content type
/// and `Accept` (MCP 2026-07-28, basic/transports/streamable-http). `serves`: is there such an endpoint?
pub(super) fn find(
    head: &Head,
    settings: &HttpSettings,
    serves: impl Fn(&Endpoint) -> bool,
) -> Result<Route, Answer> {
    // Load balancers probe by address; these tell nothing but status and version.
    match head.path.as_str() {
        "/healthz" | "/health" => return probe(head, Route::Health),
        "/readyz" => return probe(head, Route::Ready),
        _ => {}
    }
    if !settings.access.allows_host(&head.host) {
        return Err(Answer::refusal(403, "This host is not served here."));
    }
    match head.headers.only("origin") {
        Ok(None) => {}
        Ok(Some(origin)) if settings.access.allows_origin(origin) => {}
        _ => {
            return Err(Answer::refusal(
                403,
                "This origin may not call this server.",
            ));
        }
    }
    match endpoint(&settings.paths, &head.path).filter(serves) {
        Some(endpoint) => mcp(head, endpoint),
        None => Err(Answer::refusal(404, "There is nothing here.")),
    }
}

/// The endpoint of a path: where MCP is served, all servers together; below it, one by its name.
fn endpoint(paths: &[String], path: &str) -> Option<Endpoint> {
    if paths.iter().any(|mount| mount == path) {
        return Some(Endpoint::Merged);
    }
    let below = |mount: &String| {
        let rest = path.strip_prefix(mount.trim_end_matches('/'))?;
        ServerName::new(rest.strip_prefix('/')?).ok()
    };
    paths.iter().find_map(below).map(Endpoint::Server)
}

fn probe(head: &Head, route: Route) -> Result<Route, Answer> {
    match head.method {
        HttpMethod::Get | HttpMethod::Head => Ok(route),
        _ => Err(not_allowed("GET, HEAD")),
    }
}

fn mcp(head: &Head, endpoint: Endpoint) -> Result<Route, Answer> {
    match head.method {
        HttpMethod::Post => {
            let content_type = head.headers.only("content-type").ok().flatten();
            if !content_type.is_some_and(accept::content_type_is_json) {
                return Err(Answer::refusal(
                    415,
                    "Content-Type must be application/json.",
                ));
            }
            let takes = |media_type| accept::accepts(&head.headers, media_type);
            if !(takes("application/json") && takes("text/event-stream")) {
                return Err(Answer::refusal(
                    406,
                    "Accept must have both application/json and text/event-stream.",
                ));
            }
            Ok(Route::Mcp(McpMethod::Post, endpoint))
        }
        HttpMethod::Get => Ok(Route::Mcp(McpMethod::Get, endpoint)),
        HttpMethod::Delete => Ok(Route::Mcp(McpMethod::Delete, endpoint)),
        HttpMethod::Options if head.headers.get("origin").is_some() => Ok(Route::Preflight),
        _ => Err(not_allowed("POST, GET, DELETE")),
    }
}

/// 405.
pub(super) fn not_allowed(allow: &'static str) -> Answer {
    Answer::refusal(405, "This method is not allowed here.").with("allow", allow)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_s_endpoint_lies_below_each_path() {
        let paths = ["/mcp".to_owned(), "/".to_owned()];
        let crm = || Some(Endpoint::Server(ServerName::new("crm").unwrap()));
        for (path, expected) in [
            ("/mcp", Some(Endpoint::Merged)),
            ("/", Some(Endpoint::Merged)),
            ("/mcp/crm", crm()),
            ("/crm", crm()),
            ("/mcp/", None),
            ("/mcp/crm/", None),
            ("/mcp/crm/x", None),
            ("/mcp/CRM", None),
            ("/mcp//crm", None),
            ("/mcp/..", None),
            ("/mcp/cr%6d", None),
        ] {
            assert_eq!(endpoint(&paths, path), expected, "{path}");
        }
        assert_eq!(endpoint(&paths[..1], "/crm"), None);
    }
}
