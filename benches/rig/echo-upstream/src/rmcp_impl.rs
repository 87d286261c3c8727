//! The upstream on the official SDK.
use std::{sync::Arc, time::Duration};

use rmcp::{
    ErrorData, RoleServer, ServerHandler, ServiceExt,
    model::*,
    service::RequestContext,
    transport::streamable_http_server::{
        StreamableHttpServerConfig, StreamableHttpService, session::local::LocalSessionManager,
    },
};

use crate::Args;

#[derive(Clone)]
struct Upstream {
    tools: Arc<Vec<Tool>>,
}

impl Upstream {
    fn new(args: &Args) -> anyhow::Result<Self> {
        let tools = crate::tool_list(args)
            .into_iter()
            .map(serde_json::from_value)
            .collect::<Result<Vec<Tool>, _>>()?;
        Ok(Self {
            tools: Arc::new(tools),
        })
    }
}

impl ServerHandler for Upstream {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build()).with_server_info(
            Implementation::new("echo-upstream", env!("CARGO_PKG_VERSION")),
        )
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        self.tools.iter().find(|t| t.name == name).cloned()
    }

    async fn list_tools(
        &self,
        _req: Option<PaginatedRequestParams>,
        _cx: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(self.tools.as_ref().clone()))
    }

    async fn call_tool(
        &self,
        req: CallToolRequestParams,
        _cx: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let mut args = req.arguments.unwrap_or_default();
        let int = |k: &str| args.get(k).and_then(|v| v.as_u64()).unwrap_or(0);
        let text = match req.name.as_ref() {
            "sleep_ms" => {
                let ms = int("ms").min(60_000);
                tokio::time::sleep(Duration::from_millis(ms)).await;
                format!("slept {ms}")
            }
            "blob" => crate::blob(int("kib").min(64 * 1024) as usize),
            name if name == "echo" || name.contains("tool_") => match args.remove("text") {
                Some(serde_json::Value::String(s)) => s,
                _ => return Err(ErrorData::invalid_params("text is required", None)),
            },
            other => {
                return Err(ErrorData::invalid_params(
                    format!("unknown tool {other}"),
                    None,
                ));
            }
        };
        Ok(CallToolResult::success(vec![ContentBlock::text(text)]).into())
    }
}

pub async fn stdio(args: Args) -> anyhow::Result<()> {
    let service = Upstream::new(&args)?
        .serve((tokio::io::stdin(), tokio::io::stdout()))
        .await?;
    service.waiting().await?;
    Ok(())
}

pub async fn http(args: Args) -> anyhow::Result<()> {
    let upstream = Upstream::new(&args)?;
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(!args.no_session)
        .with_json_response(args.json)
        .with_max_request_body_bytes(args.max_body)
        .with_sse_keep_alive(None);
    let service: StreamableHttpService<Upstream, LocalSessionManager> =
        StreamableHttpService::new(move || Ok(upstream.clone()), Default::default(), config);
    let router = axum::Router::new().nest_service("/mcp", service);
    let listener = tokio::net::TcpListener::bind(&args.http).await?;
    let listener = axum::serve::ListenerExt::tap_io(listener, |tcp| {
        let _ = tcp.set_nodelay(true);
    });
    axum::serve(listener, router).await?;
    Ok(())
}
