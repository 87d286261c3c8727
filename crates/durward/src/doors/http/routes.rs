//! Which path leads where, and the checks that come before any body is read.

use durward_wire::http1::{Head, HttpMethod, accept};

use super::{HttpSettings, answer::Answer};

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route {
    /// `/healthz`: alive.
    Health,
    /// `/readyz`: able to serve.
    Ready,
    /// The MCP endpoint.
    Mcp(McpMethod),
    /// A browser asks whether it may.
    Preflight,
}

/// What may be done at the MCP endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum McpMethod {
    Post,
    Get,
    Delete,
}

/// Finds the route, or says what is wrong: first Host and Origin, then path, method, content type
/// and `Accept` (MCP 2026-07-28, basic/transports/streamable-http).
pub(super) fn find(head: &Head, settings: &HttpSettings) -> Result<Route, Answer> {
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
    if !settings.paths.contains(&head.path) {
        return Err(Answer::refusal(404, "There is nothing here."));
    }
    mcp(head)
}

fn probe(head: &Head, route: Route) -> Result<Route, Answer> {
    match head.method {
        HttpMethod::Get | HttpMethod::Head => Ok(route),
        _ => Err(not_allowed("GET, HEAD")),
    }
}

fn mcp(head: &Head) -> Result<Route, Answer> {
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
            Ok(Route::Mcp(McpMethod::Post))
        }
        HttpMethod::Get => Ok(Route::Mcp(McpMethod::Get)),
        HttpMethod::Delete => Ok(Route::Mcp(McpMethod::Delete)),
        HttpMethod::Options if head.headers.get("origin").is_some() => Ok(Route::Preflight),
        _ => Err(not_allowed("POST, GET, DELETE")),
    }
}

/// 405.
pub(super) fn not_allowed(allow: &'static str) -> Answer {
    Answer::refusal(405, "This method is not allowed here.").with("allow", allow)
}
