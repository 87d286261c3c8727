//! The log. It goes to stderr or a file: stdout is the protocol's.

use std::{io::IsTerminal, path::Path, sync::Arc};

use durward_store::log_file::LogFile;
use tracing_subscriber::{EnvFilter, fmt};

use crate::{
    config::{LogFormat, Telemetry},
    exit::Failure,
};

/// Starts logging as configured, with no stderr to log to: into `file`, unless the configuration names one.
pub(crate) fn start_without_stderr(settings: &Telemetry, file: &Path) -> Result<(), Failure> {
    let settings = Telemetry {
        file: settings.file.clone().or_else(|| Some(file.to_owned())),
        ..settings.clone()
    };
    start(&settings)
}

/// Starts logging as configured.
pub(crate) fn start(settings: &Telemetry) -> Result<(), Failure> {
    let filter = EnvFilter::new(settings.log.as_str());
    let log = fmt::Subscriber::builder()
        .with_env_filter(filter)
        .with_target(false);
    let set = match (&settings.file, settings.format) {
        (Some(path), format) => {
            let file = LogFile::at(path).map_err(|error| {
                Failure::Unusable(format!(
                    "the log `{}` can't be written: {error}",
                    path.display()
                ))
            })?;
            let log = log.with_ansi(false).with_writer(Arc::new(file));
            match format {
                LogFormat::Text => log.try_init(),
                LogFormat::Json => log.json().try_init(),
            }
        }
        (None, LogFormat::Text) => {
            let log = log.with_ansi(std::io::stderr().is_terminal());
            log.with_writer(std::io::stderr).try_init()
        }
        (None, LogFormat::Json) => log.with_writer(std::io::stderr).json().try_init(),
    };
    set.map_err(|error| Failure::Failed(error.to_string()))
}
