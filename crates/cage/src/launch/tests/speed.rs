//! What a start costs, beside one that does nothing else. `benches/spawn` runs it, in a release build and alone.

use std::sync::Arc;

use super::{walled::walls, *};

const ROUNDS: usize = 300;

/// By turns, so that what else the machine does hits each alike; of each the tenth that was fastest, in
/// microseconds.
async fn fastest() -> [f64; 4] {
    let launcher = Launcher::new();
    let plan = |level| {
        let plan = Plan::new(["/bin/true"]);
        match level {
            None => plan,
            Some(level) => plan.walls(Arc::new(walls(level))),
        }
    };
    let plans = [None, Some(Level::Light), Some(Level::Full)].map(plan);
    let mut times = [const { Vec::new() }; 4];
    for _ in 0..ROUNDS {
        let begun = now();
        #[expect(
            clippy::disallowed_methods,
            reason = "what the launcher is compared with"
        )]
        let status = std::process::Command::new("/bin/true").status().unwrap();
        assert!(status.success());
        times[0].push(now() - begun);
        for (plan, times) in plans.iter().zip(&mut times[1..]) {
            let begun = now();
            let mut child = launcher.spawn(plan).await.unwrap();
            assert!(child.exited().await.is_success());
            times.push(now() - begun);
            child.process.gone().await;
        }
    }
    times.map(|mut times| {
        times.sort_by(f64::total_cmp);
        times[times.len() / 10]
    })
}

/// In microseconds.
fn now() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    time.tv_sec as f64 * 1e6 + time.tv_nsec as f64 / 1e3
}

#[tokio::test]
#[ignore = "it measures"]
async fn spawn() {
    let small = fastest().await;
    let heap = std::hint::black_box(vec![1_u8; 1 << 30]);
    let large = fastest().await;
    drop(heap);
    for (name, times) in [("small", small), ("1 GiB", large)] {
        let [bare, open, light, full] = times;
        eprintln!(
            "spawn parent={name:5} bare_us={bare:.0} open_us={open:.0} light_us={light:.0} full_us={full:.0} open={:.2} light={:.2} full={:.2}",
            open / bare,
            light / bare,
            full / bare
        );
    }
}

#[tokio::test]
#[ignore = "it measures"]
async fn kill_a_thousand() {
    let launcher = Launcher::new();
    for level in [None, Some(Level::Light), Some(Level::Full)] {
        let mark = mark();
        let script =
            format!("i=0; while [ $i -lt 1000 ]; do setsid sleep {mark} & i=$((i+1)); done; wait");
        let mut plan = shell(&script);
        if let Some(level) = level {
            let mut walls = walls(level);
            walls.limits.processes = 1100;
            plan = plan.walls(Arc::new(walls));
        }
        let mut child = launcher.spawn(&plan).await.unwrap();
        until_marked(&mark, 1000).await;
        let begun = now();
        child.process.kill();
        child.process.gone().await;
        let took = now() - begun;
        let name = level.map_or("open", Level::name);
        eprintln!(
            "kill level={name} ms={:.2} left={}",
            took / 1e3,
            marked(&mark).len()
        );
    }
}
