//! A plugin that stays.

use super::*;

/// Answers each call by its own number, after what `before` does to it; `$id` is the call's, `$n` counts.
fn script(before: &str) -> String {
    format!(
        r#"n=0
while read -r line; do
  n=$((n + 1)); id=${{line#*:}}; id=${{id%%[,\}}]*}}
  case $line in *'"cancel":true'*) echo "told $id" >&2; continue;; esac
  {before}
  printf '{{"id":%s,"content":"%s %s"}}\n' "$id" $$ $n
done"#
    )
}

fn stays(desk: &Desk, before: &str, more: Value) -> Plugins {
    let mut all = json!({"mode": "persistent"});
    for (key, value) in more.as_object().unwrap() {
        all[key] = value.clone();
    }
    desk.plugin("own", &script(before), all);
    desk.look()
}

fn pid(said: &str) -> &str {
    said.split(' ').next().unwrap()
}

#[tokio::test]
async fn one_process_answers_many_calls_and_ends_with_the_last_who_could_ask() {
    let desk = Desk::new();
    let plugins = stays(&desk, "", json!({}));
    assert_eq!(only(&plugins).state, PluginState::Ready);
    let first = said(&plugins, "own").await;
    for number in 2..100 {
        assert_eq!(
            said(&plugins, "own").await,
            format!("{} {number}", pid(&first))
        );
    }
    let standing = only(&plugins);
    assert_eq!(
        (standing.state, standing.restarts, standing.junk),
        (PluginState::Running, 0, 0)
    );
    drop(plugins);
    eventually("it ends", || !runs(pid(&first))).await;
}

#[tokio::test]
async fn many_callers_each_get_their_own_answer() {
    for at_once in [1, 8] {
        let desk = Desk::new();
        desk.plugin(
            "own",
            // Each answer is what was asked; a concurrent one would answer in any order.
            r#"while read -r line; do id=${line#*:}; id=${id%%,*}; printf '{"id":%s,"content":"x","structuredContent":%s}\n' "$id" "$line"; done"#,
            json!({"mode": "persistent", "concurrency": at_once}),
        );
        let plugins = desk.look();
        let calls = (0..100).map(|number| {
            let plugins = &plugins;
            async move {
                let arguments = format!(r#"{{"n":{number}}}"#);
                let answer = ask(plugins, "own", &arguments, DEADLINE).await.unwrap();
                assert_eq!(answer["structuredContent"]["arguments"]["n"], number);
            }
        });
        let mut all: Vec<_> = calls.map(Box::pin).collect();
        std::future::poll_fn(|context| {
            all.retain_mut(|call| call.as_mut().poll(context).is_pending());
            match all.is_empty() {
                true => std::task::Poll::Ready(()),
                false => std::task::Poll::Pending,
            }
        })
        .await;
    }
}

#[tokio::test]
async fn a_serial_one_has_one_call_and_a_concurrent_one_several() {
    // It says at each line how many it has that it has not answered: all are answered once enough came.
    for (at_once, wanted) in [(1, 1), (3, 3)] {
        let desk = Desk::new();
        let script = format!(
            r#"have=0; ids=
while read -r line; do
  id=${{line#*:}}; id=${{id%%,*}}; ids="$ids $id"; have=$((have + 1))
  if [ $have -ge {wanted} ]; then
    for each in $ids; do printf '{{"id":%s,"content":"%s"}}\n' $each $have; done
    have=0; ids=
  fi
done"#
        );
        desk.plugin(
            "own",
            &script,
            json!({"mode": "persistent", "concurrency": at_once}),
        );
        let plugins = desk.look();
        let (a, b, c) = tokio::join!(
            said(&plugins, "own"),
            said(&plugins, "own"),
            said(&plugins, "own")
        );
        assert_eq!(
            [a, b, c],
            [wanted.to_string(), wanted.to_string(), wanted.to_string()]
        );
    }
}

#[tokio::test]
async fn junk_is_counted_and_skipped_and_too_much_of_it_ends_it() {
    let desk = Desk::new();
    let plugins = stays(
        &desk,
        r#"echo debug; echo '{"id":99999,"content":"stray"}'; echo '[1]'; echo oops >&2"#,
        json!({}),
    );
    let first = said(&plugins, "own").await;
    // Never so many in a row that it is ended.
    for _ in 0..20 {
        assert_eq!(pid(&said(&plugins, "own").await), pid(&first));
    }
    let standing = only(&plugins);
    assert_eq!((standing.junk, standing.restarts), (63, 0));
    assert!(standing.stderr.starts_with("oops\n"), "{standing:?}");

    let desk = Desk::new();
    let flood = "[ -e calm ] || { touch calm; while :; do echo debug; done; }";
    let plugins = stays(&desk, flood, json!({}));
    let refusal = refused(&plugins, "own").await;
    assert_eq!(refusal.detail, Some("plugin_died"), "{refusal:?}");
    said(&plugins, "own").await;
    let standing = only(&plugins);
    assert_eq!((standing.junk, standing.restarts), (32, 1));
    assert!(standing.error.unwrap().contains("32 lines in a row"));
}

#[tokio::test]
async fn who_waits_when_it_dies_is_told_at_once_and_the_next_call_starts_it_again() {
    let desk = Desk::new();
    let plugins = stays(
        &desk,
        "[ -e calm ] || { touch calm; echo 'no such module' >&2; exit 7; }",
        json!({"concurrency": 4}),
    );
    let refusal = refused(&plugins, "own").await;
    assert_eq!(
        (refusal.code, refusal.detail),
        (RefusalCode::Unavailable, Some("plugin_died"))
    );
    assert!(refusal.reason.contains("exit code 7"), "{refusal:?}");
    said(&plugins, "own").await;
    let standing = only(&plugins);
    assert_eq!(
        (standing.restarts, standing.stderr.as_str()),
        (1, "no such module\n")
    );
    assert_eq!(standing.error.as_deref(), Some("it ended with exit code 7"));
}

#[tokio::test]
async fn what_keeps_dying_is_left_alone_for_longer_and_longer() {
    let desk = Desk::new();
    let plugins = stays(&desk, "exit 1", json!({}));
    let mut resting = None;
    for _ in 0..8 {
        let refusal = refused(&plugins, "own").await;
        if refusal.detail == Some("plugin_resting") {
            resting = Some(refusal);
            break;
        }
        assert_eq!(refusal.detail, Some("plugin_died"), "{refusal:?}");
    }
    let resting = resting.expect("it is left alone in the end");
    assert!(
        resting.retry_after.unwrap() > Duration::from_secs(1),
        "{resting:?}"
    );
    assert!(resting.reason.contains("not carried out"));
}

#[tokio::test]
async fn one_that_ends_in_order_is_started_again_without_a_pause() {
    let desk = Desk::new();
    desk.plugin(
        "own",
        r#"read -r line; id=${line#*:}; printf '{"id":%s,"content":"%s"}\n' "${id%%,*}" $$"#,
        json!({"mode": "persistent"}),
    );
    let plugins = desk.look();
    let mut before = said(&plugins, "own").await;
    for _ in 0..3 {
        eventually("it ends", || !runs(&before)).await;
        let now = said(&plugins, "own").await;
        assert_ne!(now, before);
        before = now;
    }
    assert_eq!(only(&plugins).error, None);
}

#[tokio::test]
async fn one_that_hangs_is_told_to_stop_and_then_ended() {
    let desk = Desk::new();
    let plugins = stays(
        &desk,
        "[ -e calm ] || { touch calm; sleep 60; }",
        json!({"timeout": "300ms"}),
    );
    let refusal = refused(&plugins, "own").await;
    assert_eq!(refusal.code, RefusalCode::Timeout, "{refusal:?}");
    // The next one waits for its end, and for the next one's beginning.
    let answered = async { while ask(&plugins, "own", "{}", DEADLINE).await.is_err() {} };
    assert!(tokio::time::timeout(DEADLINE, answered).await.is_ok());
    let standing = only(&plugins);
    assert_eq!(standing.restarts, 1);
    assert!(standing.error.unwrap().contains("told to stop"));
}

#[tokio::test]
async fn one_that_answers_what_was_given_up_lives_on() {
    let desk = Desk::new();
    // It is slow, but it says something within its time.
    let plugins = stays(&desk, "sleep 0.5", json!({"timeout": "200ms"}));
    for _ in 0..3 {
        assert_eq!(refused(&plugins, "own").await.code, RefusalCode::Timeout);
        tokio::time::sleep(Duration::from_millis(600)).await;
    }
    let standing = only(&plugins);
    assert_eq!(
        (standing.restarts, standing.state),
        (0, PluginState::Running)
    );
    assert_eq!(standing.stderr.matches("told ").count(), 3, "{standing:?}");
}

#[tokio::test]
async fn a_call_that_is_given_up_in_the_queue_never_reaches_it() {
    let desk = Desk::new();
    let plugins = stays(&desk, "sleep 0.3", json!({}));
    let first = said(&plugins, "own").await;
    let waiting = async {
        let mut call = Box::pin(ask(&plugins, "own", "{}", DEADLINE));
        let second = ask(&plugins, "own", "{}", DEADLINE);
        tokio::select! {
            biased;
            it = &mut call => panic!("{it:?}"),
            it = second => panic!("{it:?}"),
            () = tokio::time::sleep(Duration::from_millis(50)) => {}
        }
        call.await
    };
    let answer = waiting.await.unwrap();
    let text = answer["content"][0]["text"].as_str().unwrap();
    assert_eq!(text, format!("{} 2", pid(&first)));
    assert!(!only(&plugins).stderr.contains("told"));
}

#[tokio::test]
async fn a_line_that_is_too_long_is_told_to_the_one_who_waits() {
    let desk = Desk::new();
    let long = r#"[ -e calm ] || { touch calm; printf '{"id":%s,"content":"' "$id"; yes | tr -d '\n' | head -c 100000; echo '"}'; }"#;
    let plugins = stays(&desk, long, json!({}));
    let refusal = refused(&plugins, "own").await;
    assert_eq!(
        (refusal.code, refusal.detail),
        (RefusalCode::TooLarge, Some("plugin_output"))
    );
    said(&plugins, "own").await;
}

#[tokio::test]
async fn one_that_reads_nothing_holds_up_its_own_callers_alone() {
    let desk = Desk::new();
    desk.plugin(
        "deaf",
        "exec sleep 60",
        json!({"mode": "persistent", "timeout": "400ms"}),
    );
    let plugins = desk.look();
    // More than a pipe holds.
    let long = format!(r#"{{"text":"{}"}}"#, "x".repeat(1 << 20));
    let refusal = ask(&plugins, "deaf", &long, DEADLINE).await.unwrap_err();
    assert_eq!(refusal.code, RefusalCode::Timeout);
}

#[tokio::test]
async fn a_queue_that_is_full_refuses_at_once() {
    let desk = Desk::new();
    desk.plugin("deaf", "exec sleep 60", json!({"mode": "persistent"}));
    let plugins = desk.look();
    let mut calls: Vec<_> = (0..400)
        .map(|_| Box::pin(ask(&plugins, "deaf", "{}", DEADLINE)))
        .collect();
    let mut busy = 0;
    std::future::poll_fn(|context| {
        calls.retain_mut(|call| match call.as_mut().poll(context) {
            std::task::Poll::Ready(Err(refusal)) => {
                assert_eq!(refusal.detail, Some("plugin_busy"), "{refusal:?}");
                busy += 1;
                false
            }
            std::task::Poll::Ready(Ok(answer)) => panic!("{answer}"),
            std::task::Poll::Pending => true,
        });
        std::task::Poll::Ready(())
    })
    .await;
    assert_eq!(busy, 400 - 256);
}
