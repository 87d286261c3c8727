//! `http_fetch`: one exchange, and what is made of its answer.

use std::time::Duration;

use durward_cage::egress::{Budget, Connector};
use durward_core::{Answer, Call, Refusal, RefusalCode};

use super::{
    HttpSettings, answer,
    arguments::Args,
    content::{self, Content, Source},
};
use crate::work;

/// Up to so many bytes are converted where the call is served: handing over costs more.
const INLINE: usize = 8 * 1024;
/// What takes longer to convert was made to.
const CONVERSION: Duration = Duration::from_secs(3);

pub(super) async fn run(
    connector: &Connector,
    settings: &HttpSettings,
    call: &Call,
) -> Result<Answer, Refusal> {
    let args = Args::read(call)?;
    let request = args.request()?;
    let most = settings.redirects;
    let budget = Budget {
        total: args.timeout(),
        body: settings.max_body,
        redirects: args.max_redirects.map_or(most, |asked| asked.min(most)),
        ..Budget::default()
    };
    let mut response = connector
        .fetch(request, &budget, &call.cancel)
        .await
        .map_err(|fault| fault.refusal())?;
    let source = Source {
        body: std::mem::take(&mut response.body).into(),
        content_type: response.header("content-type").map(Box::from),
        base: response.target.as_str().into(),
        cut: response.truncated,
        most: settings.max_body,
    };
    let format = args.format.settled(settings.markdown, &source);
    let content = convert(call, source, format).await?;
    answer::write(&response, content, args.range)
}

async fn convert(call: &Call, source: Source, format: content::Shape) -> Result<Content, Refusal> {
    if source.body.len() <= INLINE {
        return content::convert(source, format, &call.cancel);
    }
    let work = work::off_thread(call, move |stop| content::convert(source, format, stop));
    match tokio::time::timeout(CONVERSION, work).await {
        Ok(content) => content,
        Err(_) => Err(Refusal::new(
            RefusalCode::TooLarge,
            "this page takes too long to turn into text; ask for `format` text",
        )
        .detail("conversion_timeout")),
    }
}
