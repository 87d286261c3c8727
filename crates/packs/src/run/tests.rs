//! Runs of real programs.

use std::{
    fs,
    sync::{Arc, Mutex},
};

use durward_core::{LogLevel, Notify, RawJson, RefusalCode};
use durward_testkit::call;
use serde_json::Value;

use super::*;

/// What must happen, happens long before this.
const DEADLINE: Duration = Duration::from_secs(20);

fn shell(script: &str) -> Run {
    Run {
        plan: Plan::new(["sh", "-c", script]).env("PATH", "/usr/bin:/bin"),
        stdin: None,
        timeout: DEADLINE,
        output: 64 * 1024,
    }
}

async fn ran(run: Run) -> Ran {
    run.run(&Launcher::new(), &call("shell_exec", "{}"))
        .await
        .unwrap()
}

fn body(ran: Ran) -> Value {
    let result = ran.result().unwrap();
    serde_json::from_slice(result.to_raw().bytes()).unwrap()
}

/// The processes with this word among their arguments.
fn marked(mark: &str) -> usize {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let lines = processes.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    lines
        .filter(|line| {
            line.split(|byte| *byte == 0)
                .any(|it| it == mark.as_bytes())
        })
        .count()
}

#[tokio::test]
async fn both_outputs_and_the_exit_code_come_back() {
    let ran = ran(shell("cat; echo err >&2; exit 3")).await;
    assert_eq!((ran.exit_code, ran.signal), (Some(3), None));
    assert_eq!(ran.stderr, b"err\n");
    assert!(!ran.timed_out && !ran.is_success());
    let body = body(ran);
    assert_eq!(body["isError"], true);
    assert_eq!(body["structuredContent"]["exit_code"], 3);
    let text = body["content"][0]["text"].as_str().unwrap();
    assert!(text.starts_with("exit code 3, "), "{text}");
    assert!(
        text.ends_with("stderr:\nerr\n\nnothing on stdout"),
        "{text}"
    );
}

#[tokio::test]
async fn stdin_is_written_and_closed_and_need_not_be_read() {
    let stdin = Bytes::from(vec![b'x'; 300_000]);
    let counted = Run {
        stdin: Some(stdin.clone()),
        ..shell("wc -c")
    };
    assert_eq!(ran(counted).await.stdout, b"300000\n");
    let ignored = Run {
        stdin: Some(stdin),
        ..shell("echo done")
    };
    let ran = ran(ignored).await;
    assert_eq!(
        (ran.stdout.as_slice(), ran.exit_code),
        (&b"done\n"[..], Some(0))
    );
}

#[tokio::test]
async fn who_is_given_nothing_to_read_is_given_no_pipe() {
    let script = "cat; readlink /proc/self/fd/0";
    assert_eq!(ran(shell(script)).await.stdout, b"/dev/null\n");
    let empty = Run {
        stdin: Some(Bytes::new()),
        ..shell(script)
    };
    assert!(ran(empty).await.stdout.starts_with(b"pipe:"));
}

#[tokio::test]
async fn what_prints_without_end_is_ended_at_the_cap() {
    for (script, cut) in [("yes", (true, false)), ("yes >&2", (false, true))] {
        let ran = ran(shell(script)).await;
        assert_eq!((ran.stdout_truncated, ran.stderr_truncated), cut);
        assert_eq!(ran.stdout.len() + ran.stderr.len(), 64 * 1024);
        assert!(
            ran.exit_code.is_none() && !ran.timed_out,
            "{:?}",
            ran.signal
        );
        assert!(ran.duration < DEADLINE);
    }
}

#[tokio::test]
async fn as_much_as_is_kept_is_not_too_much() {
    let ran = ran(shell("head -c 65536 /dev/zero")).await;
    assert_eq!((ran.stdout.len(), ran.stdout_truncated), (64 * 1024, false));
    assert!(ran.is_success());
}

#[tokio::test]
async fn a_time_out_ends_the_tree_and_keeps_what_was_printed() {
    // Its own session, its parent gone, the pipe held open.
    let mark = format!("{}1", std::process::id() + 200_000);
    let script = format!(
        "echo begun; setsid sleep {mark} & setsid sh -c 'setsid sleep {mark} & sleep {mark}' & wait"
    );
    let run = Run {
        timeout: Duration::from_millis(300),
        ..shell(&script)
    };
    let ran = ran(run).await;
    assert!(ran.timed_out);
    assert_eq!(ran.stdout, b"begun\n");
    assert_eq!(marked(&mark), 0);
    assert!(ran.duration >= Duration::from_millis(300) && ran.duration < DEADLINE);
}

#[tokio::test]
async fn the_call_s_own_time_bounds_the_run() {
    let mut call = call("shell_exec", "{}");
    call.timeout = Duration::from_millis(400);
    let ran = shell("sleep 60").run(&Launcher::new(), &call).await;
    assert!(ran.unwrap().timed_out);
    assert_eq!(call.held.level(), Some("none"));
}

#[tokio::test]
async fn whoever_gives_up_leaves_nothing() {
    let mark = format!("{}2", std::process::id() + 200_000);
    let launcher = Launcher::new();
    let call = call("shell_exec", "{}");
    let run = shell(&format!("setsid sleep {mark} & sleep {mark}"));
    let begun = async {
        while marked(&mark) < 2 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::select! {
        ran = run.run(&launcher, &call) => panic!("{ran:?}"),
        () = begun => {}
    }
    let gone = async {
        while marked(&mark) > 0 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    assert!(timeout(DEADLINE, gone).await.is_ok());
}

#[tokio::test]
async fn what_can_t_be_shown_is_shown_as_well_as_it_can_and_said() {
    let lossy = ran(shell(r"printf 'a\377b'; printf 'c\300' >&2")).await;
    let lossy = body(lossy);
    assert_eq!(lossy["structuredContent"]["stdout"], "a\u{FFFD}b");
    assert_eq!(lossy["structuredContent"]["stderr"], "c\u{FFFD}");
    let text = lossy["content"][0]["text"].as_str().unwrap();
    assert!(text.contains("stdout is not UTF-8"), "{text}");
    assert!(text.contains("stderr is not UTF-8"), "{text}");

    // A character that the cap has cut is no such fault.
    let cut = Run {
        output: 3,
        ..shell("printf 'aüü'")
    };
    let cut = body(ran(cut).await);
    assert_eq!(cut["structuredContent"]["stdout"], "aü");
    assert_eq!(cut["structuredContent"]["stdout_truncated"], true);
    let text = cut["content"][0]["text"].as_str().unwrap();
    assert!(
        !text.contains("UTF-8") && text.contains("cut at 3 bytes"),
        "{text}"
    );
}

#[tokio::test]
async fn the_longer_output_comes_last_and_both_are_whole() {
    for (out, err) in [(3, 200_000), (200_000, 3), (100_000, 200_000), (0, 200_000)] {
        let script = format!(
            "head -c {out} /dev/zero | tr '\\0' o; head -c {err} /dev/zero | tr '\\0' e >&2"
        );
        let run = Run {
            output: 1 << 20,
            ..shell(&script)
        };
        let body = body(ran(run).await);
        let whole = &body["structuredContent"];
        assert_eq!(whole["stdout"], "o".repeat(out), "{out} {err}");
        assert_eq!(whole["stderr"], "e".repeat(err), "{out} {err}");
        let text = body["content"][0]["text"].as_str().unwrap();
        let last = if err > out { "e" } else { "o" };
        assert!(text.ends_with(&last.repeat(out.max(err))), "{out} {err}");
        assert_eq!(text.contains("the end of stdout"), out == 100_000);
        assert_eq!(text.contains("nothing on stdout"), out == 0);
    }
}

#[tokio::test]
async fn what_is_not_there_is_said_without_a_path() {
    let plan = Plan::new(["/opt/hunter2/no-such-program"]);
    let run = Run { plan, ..shell("") };
    let refusal = run
        .run(&Launcher::new(), &call("shell_exec", "{}"))
        .await
        .unwrap_err();
    assert_eq!(refusal.code, RefusalCode::NotFound);
    assert_eq!(refusal.detail, Some("program_missing"));
    assert!(!refusal.reason.contains("hunter2"));
}

#[derive(Default)]
struct Told(Mutex<Vec<(u64, String)>>);

impl Notify for Told {
    fn progress(&self, done: u64, _total: Option<u64>, message: Option<&str>) {
        let told = (done, message.unwrap_or_default().to_owned());
        self.0.lock().unwrap().push(told);
    }

    fn log(&self, _: LogLevel, _: &str, _: RawJson) {}

    fn relay_progress(&self, _: &RawJson) {}

    fn relay_log(&self, _: LogLevel, _: RawJson) {}
}

#[tokio::test]
async fn lines_are_told_while_it_runs_to_those_who_want_it() {
    for wants in [true, false] {
        let told = Arc::new(Told::default());
        let mut call = call("shell_exec", "{}");
        call.notify = Some(Arc::clone(&told) as Arc<dyn Notify>);
        call.wants_progress = wants;
        // The second line is held back for a moment, and told although nothing follows.
        let run = shell("echo one; echo two; printf half; sleep 1; echo; yes | head -c 50000");
        let ran = run.run(&Launcher::new(), &call).await.unwrap();
        assert!(ran.is_success());
        let told = told.0.lock().unwrap();
        assert_eq!(told.is_empty(), !wants);
        if wants {
            let all: Vec<_> = told.iter().flat_map(|(_, text)| text.lines()).collect();
            assert_eq!(all[..2], ["one", "two"]);
            assert!(
                told.windows(2).all(|pair| pair[0].0 < pair[1].0),
                "{told:?}"
            );
            assert!(told.iter().all(|(_, text)| text.len() <= 2048));
        }
    }
}
