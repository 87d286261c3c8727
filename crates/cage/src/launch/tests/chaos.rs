//! Everybody may be killed at any time.

use super::*;

/// Numbers that look like chance and are the same in every run (xorshift64).
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

/// Kills a process, where it is there.
fn strike(pid: u32, signal: Signal) {
    let _ = kill_process(Pid::from_raw(pid.cast_signed()).unwrap(), signal);
}

/// Its keeper, and nobody else who may have inherited it by now.
fn keeper(program: u32) -> Option<u32> {
    let keeper = parent(program)?;
    let name = fs::read_to_string(format!("/proc/{keeper}/comm")).ok()?;
    (name == "durward-keeper\n").then_some(keeper)
}

/// One who ignores SIGTERM, with a daemon.
fn stubborn(mark: &str) -> Plan {
    shell(&format!(
        "sleep {mark} & setsid sh -c 'setsid sleep {mark} & exit' & trap '' TERM; while :; do sleep 0.01; done"
    ))
}

#[tokio::test]
async fn nobody_is_left_whoever_is_killed() {
    let rounds =
        std::env::var("DURWARD_KILLS").map_or(200, |text| text.parse::<u32>().unwrap() * 50);
    let (launcher, mark, mut chance) = (Launcher::new(), mark(), Chance(88_172_645_463_325_252));
    let mut running: Vec<Child> = Vec::new();
    for _ in 0..rounds {
        match launcher.spawn(&stubborn(&mark)).await {
            Ok(child) => running.push(child),
            Err(fault) => assert!(fault.started(), "{fault}"),
        }
        while running.len() as u64 > chance.below(12) {
            let chosen = usize::try_from(chance.below(running.len() as u64)).unwrap();
            end(running.swap_remove(chosen), &launcher, &mut chance).await;
        }
    }
    drop(running);
    until_marked(&mark, 0).await;
}

async fn end(mut child: Child, launcher: &Launcher, chance: &mut Chance) {
    let keeper = keeper(child.id());
    match chance.below(60) {
        0..20 => drop(child),
        20..30 => {
            strike(child.id(), Signal::KILL);
            child.process.gone().await;
        }
        30..40 => {
            if let Some(keeper) = keeper {
                strike(keeper, Signal::KILL);
            }
            child.process.gone().await;
        }
        40..55 => {
            child.stop(Duration::from_millis(chance.below(8))).await;
        }
        55..58 => {
            strike(child.id(), Signal::STOP);
            drop(child);
        }
        _ => {
            // Time for what a killed keeper kept: two walls that fall at once are no walls.
            sleep(Duration::from_millis(50)).await;
            if let Some(spawner) = launcher.spawner() {
                strike(spawner, Signal::KILL);
            }
            child.process.gone().await;
        }
    }
}
