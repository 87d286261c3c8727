//! What the pack offers: name, schemas and what a model should know.

use durward_core::{Annotations, NameError, Raise, RawJson, Shown, Tier, Tool, ToolName, ToolText};

/// Whoever may read may ask; to change something elsewhere takes more.
const RAISES: &[Raise] = &[Raise {
    argument: "method",
    unless: &["GET", "HEAD"],
    to: Tier::Operate,
}];

const ARGUMENTS: &[(&str, &str)] = &[
    ("uri", "url"),
    ("link", "url"),
    ("http_method", "method"),
    ("verb", "method"),
    ("data", "body"),
    ("payload", "body"),
    ("bodyEncoding", "body_encoding"),
    ("output_format", "format"),
    ("timeoutMs", "timeout_ms"),
    ("maxRedirects", "max_redirects"),
];

/// `http_fetch`.
pub(super) fn fetch() -> Result<Tool, NameError> {
    Ok(Tool {
        name: ToolName::new("http_fetch")?,
        aliases: vec![ToolName::new("http.fetch")?],
        shown: Shown::Own(ToolText {
            title: "Fetch a URL".to_owned(),
            description: "Fetches a URL of a host that may be reached (`durward://guide` lists them). \
                      HTML comes as Markdown unless `format` asks for its source, other text as it \
                      is, anything else as base64. A status such as 404 is an answer, not a failure. \
                      A long text is read in parts: `range` takes `offset` and `limit` in \
                      characters, and `next` is the range to go on with; each part fetches the same \
                      URL again. Cookies and credentials can't be sent."
            .to_owned(),
            annotations: Annotations {
                read_only_hint: false,
                destructive_hint: true,
                idempotent_hint: false,
                open_world_hint: true,
            },
        }),
        tier: Tier::Read,
        raises: RAISES,
        input_schema: RawJson::from_static(include_str!("schemas/fetch.input.json")),
        output_schema: Some(RawJson::from_static(include_str!(
            "schemas/fetch.output.json"
        ))),
        argument_aliases: ARGUMENTS,
    })
}
