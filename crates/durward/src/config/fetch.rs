//! Running what prints a secret. No sentence here has its value, nor anything else that was printed.

use std::{io, thread, time::Duration};

use durward_cage::launch::{Exit, LaunchFault, Launcher, Plan};
use thiserror::Error;
use tokio::io::{AsyncReadExt, copy, sink};
use zeroize::Zeroizing;

use super::{Sources, unseal::LONGEST};

/// For how long a program may look for the secret.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// All that it knows of durward's environment: where things are, never what is secret.
const KNOWS: [&str; 17] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TZ",
    "TMPDIR",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_CACHE_HOME",
    "XDG_STATE_HOME",
    "XDG_RUNTIME_DIR",
    "DBUS_SESSION_BUS_ADDRESS",
    "GNUPGHOME",
    "PASSWORD_STORE_DIR",
];

/// Why there is no secret.
#[derive(Debug, Error)]
pub(super) enum FetchFault {
    #[error(transparent)]
    Launch(#[from] LaunchFault),
    #[error(
        "`{program}` did not end within {seconds} s; if it waits for a passphrase, give it one before: nobody can \
         be asked here"
    )]
    Slow { program: String, seconds: u64 },
    #[error(
        "`{program}` ended with {exit}; run it yourself to see why, for what it says may hold secrets and is not \
         shown here"
    )]
    Failed { program: String, exit: Exit },
    #[error("`{0}` printed more than {LONGEST} bytes")]
    Long(String),
    #[error("what `{0}` printed is not UTF-8 text")]
    NotText(String),
    #[error("what `{program}` prints can't be read: {error}")]
    Io { program: String, error: io::Error },
}

/// What the program prints, without the line break at its end.
pub(super) fn fetch(
    argv: &[String],
    sources: &Sources,
    patience: Duration,
) -> Result<String, FetchFault> {
    let known = KNOWS
        .into_iter()
        .filter_map(|name| Some((name, sources.var(name)?)));
    let plan = known.fold(
        Plan::new(argv).folder(&sources.cwd),
        |plan, (name, value)| plan.env(name, value),
    );
    let program = argv.first().map_or("", String::as_str);
    let io = |error| FetchFault::Io {
        program: program.to_owned(),
        error,
    };
    let work = || {
        // The configuration is read within runtimes and without; this one is nobody else's.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(io)?;
        runtime.block_on(async {
            match tokio::time::timeout(patience, printed(plan, program)).await {
                Ok(printed) => printed,
                Err(_) => Err(FetchFault::Slow {
                    program: program.to_owned(),
                    seconds: patience.as_secs(),
                }),
            }
        })
    };
    thread::scope(|scope| scope.spawn(work).join())
        .unwrap_or_else(|_| Err(io(io::ErrorKind::Other.into())))
}

async fn printed(plan: Plan, program: &str) -> Result<String, FetchFault> {
    let launcher = Launcher::new();
    let mut child = launcher.spawn(&plan).await?;
    drop(child.stdin);
    // Longer than what is accepted, for a vector that grew would leave secrets behind.
    let mut text = Zeroizing::new(Vec::with_capacity(LONGEST as usize + 64));
    let (stdout, stderr) = (&mut child.stdout, &mut child.stderr);
    let io = |error| FetchFault::Io {
        program: program.to_owned(),
        error,
    };
    let read = async {
        stdout
            .take(LONGEST + 1)
            .read_to_end(&mut text)
            .await
            .map_err(io)?;
        if text.len() as u64 > LONGEST {
            return Err(FetchFault::Long(program.to_owned()));
        }
        Ok(())
    };
    // Read, or the program would wait; and thrown away.
    let away = async { copy(stderr, &mut sink()).await.map_err(io) };
    let exited = async { Ok(child.process.exited().await) };
    let ((), _, exit) = tokio::try_join!(read, away, exited)?;
    if !exit.is_success() {
        return Err(FetchFault::Failed {
            program: program.to_owned(),
            exit,
        });
    }
    let text = std::str::from_utf8(&text).map_err(|_| FetchFault::NotText(program.to_owned()))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fetched(script: &str) -> Result<String, FetchFault> {
        let argv = ["sh", "-c", script].map(str::to_owned).to_vec();
        let sources = Sources {
            cwd: "/".into(),
            home: Some("/home/ann".into()),
            env: [
                ("PATH", "/usr/bin:/bin"),
                ("TOKEN", "hunter2"),
                ("LD_X", "y"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec(),
            ..Sources::default()
        };
        fetch(&argv, &sources, Duration::from_secs(2))
    }

    #[test]
    fn what_it_prints_is_the_secret_but_for_the_line_break() {
        assert_eq!(
            fetched("echo ' hunter2 '; echo noise >&2").unwrap(),
            " hunter2 "
        );
        assert_eq!(fetched("printf 'a\\nb\\r\\n\\n'").unwrap(), "a\nb");
        let long = fetched("head -c 65536 /dev/zero | tr '\\0' x").unwrap();
        assert_eq!(long.len(), 65536);
    }

    #[test]
    fn it_knows_where_things_are_and_no_secret() {
        let env = fetched("env | grep -v '^_=\\|^SHLVL=\\|^PWD=' | sort").unwrap();
        assert_eq!(env, "HOME=/home/ann\nPATH=/usr/bin:/bin");
    }

    #[test]
    fn why_there_is_none_is_said_without_what_was_printed() {
        let fault = |script: &str| {
            let fault = fetched(script).unwrap_err();
            assert!(!fault.to_string().contains("hunter2"), "{fault}");
            fault
        };
        let failed = fault("echo hunter2; echo hunter2 >&2; exit 3");
        assert!(
            failed.to_string().contains("`sh` ended with exit code 3"),
            "{failed}"
        );
        assert!(matches!(
            fault("kill -9 $$"),
            FetchFault::Failed {
                exit: Exit::Signal(9),
                ..
            }
        ));
        assert!(matches!(fault("yes hunter2"), FetchFault::Long(_)));
        assert!(matches!(
            fault("printf '\\377hunter2'"),
            FetchFault::NotText(_)
        ));
        assert!(matches!(fault("yes hunter2 >&2"), FetchFault::Slow { .. }));
        assert!(matches!(
            fault("exec >&-; sleep 60"),
            FetchFault::Slow { .. }
        ));
        let none = ["no-such-program".to_owned()];
        let fault = fetch(
            &none,
            &Sources {
                cwd: "/".into(),
                ..Sources::default()
            },
            PATIENCE,
        );
        assert!(matches!(
            fault,
            Err(FetchFault::Launch(LaunchFault::NotInPath(_)))
        ));
    }

    #[test]
    fn what_it_leaves_running_holds_nothing_up() {
        assert_eq!(
            fetched("setsid sleep 60 & echo hunter2").unwrap(),
            "hunter2"
        );
    }
}
