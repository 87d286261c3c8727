//! What a start and an end within walls cost, as JSON of microseconds: beside a bare posix_spawn(3), with a heap
//! of 1 GiB as well, and for a thousand descendants in sessions of their own. `benches/run` prints it.

use std::{error::Error, fs, sync::Arc, time::Duration};

use durward_cage::launch::{self, Launcher, Level, Limits, Network, Plan, Walls};
use tokio::{io::AsyncReadExt, time::sleep};

const ROUNDS: usize = 500;
const DESCENDANTS: u64 = 1000;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    if launch::is_launcher() {
        launch::run_launcher();
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let launcher = Launcher::new();
    let [bare, light, full] = runtime.block_on(starts(&launcher))?;
    let heap = std::hint::black_box(vec![1_u8; 1 << 30]);
    let [_, light_1g, full_1g] = runtime.block_on(starts(&launcher))?;
    drop(heap);
    let light_kill = runtime.block_on(end(&launcher, Level::Light))?;
    let full_kill = runtime.block_on(end(&launcher, Level::Full))?;
    let json = format!(
        "{{\"bare\":{bare:.1},\"light\":{light:.1},\"full\":{full:.1},\"light_1g\":{light_1g:.1},\"full_1g\":{full_1g:.1},\
         \"light_kill\":{light_kill:.1},\"full_kill\":{full_kill:.1}}}\n"
    );
    rustix::io::write(rustix::stdio::stdout(), json.as_bytes())?;
    Ok(())
}

fn walls(level: Level) -> Walls {
    Walls {
        level,
        read: ["/usr", "/bin", "/lib", "/lib64"].map(Into::into).to_vec(),
        write: Vec::new(),
        hide: Vec::new(),
        deny_write: Vec::new(),
        network: Network::None,
        limits: Limits {
            memory: 512 << 20,
            cpu: Duration::from_secs(30),
            processes: DESCENDANTS + 100,
            files: 256,
            file_size: None,
        },
    }
}

/// In microseconds.
fn now() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    time.tv_sec as f64 * 1e6 + time.tv_nsec as f64 / 1e3
}

/// From a start of `/bin/true` to its end, the median of each: bare, at light, at full. By turns, so that what
/// else the machine does hits each alike.
async fn starts(launcher: &Launcher) -> Result<[f64; 3]> {
    let plans = [Level::Light, Level::Full]
        .map(|level| Plan::new(["/bin/true"]).walls(Arc::new(walls(level))));
    let mut times = [const { Vec::new() }; 3];
    for _ in 0..ROUNDS {
        let begun = now();
        #[expect(
            clippy::disallowed_methods,
            reason = "what the launcher is compared with"
        )]
        let status = std::process::Command::new("/bin/true").status()?;
        times[0].push(now() - begun);
        assert!(status.success());
        for (plan, times) in plans.iter().zip(&mut times[1..]) {
            let begun = now();
            let mut child = launcher.spawn(plan).await?;
            let exit = child.exited().await;
            times.push(now() - begun);
            assert!(exit.is_success(), "{exit}");
            child.process.gone().await;
        }
    }
    Ok(times.map(|mut times| {
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    }))
}

/// From a kill to the end of the last descendant, the median of five.
async fn end(launcher: &Launcher, level: Level) -> Result<f64> {
    let mut times = Vec::new();
    for _ in 0..5 {
        let mark = format!("{}", 1_000_000 + std::process::id());
        let script = format!(
            "i=0; while [ $i -lt {DESCENDANTS} ]; do setsid sleep {mark} & i=$((i+1)); done; echo; wait"
        );
        let plan = Plan::new(["sh", "-c", &script])
            .env("PATH", "/usr/bin:/bin")
            .walls(Arc::new(walls(level)));
        let mut child = launcher.spawn(&plan).await?;
        child.stdout.read_u8().await?;
        while marked(&mark) < DESCENDANTS {
            sleep(Duration::from_millis(20)).await;
        }
        let begun = now();
        child.process.kill();
        child.process.gone().await;
        times.push(now() - begun);
        assert_eq!(marked(&mark), 0);
    }
    times.sort_by(f64::total_cmp);
    Ok(times[times.len() / 2])
}

/// How many processes have this word among their arguments.
fn marked(mark: &str) -> u64 {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let lines = processes.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    let fit = lines.filter(|line| {
        line.split(|byte| *byte == 0)
            .any(|it| it == mark.as_bytes())
    });
    fit.count() as u64
}
