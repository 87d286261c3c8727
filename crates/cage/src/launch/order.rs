//! A plan as it reaches the keeper: in memory of its own (memfd_create(2)), since a datagram holds less
//! than the kernel passes to a program. Its texts end in zero bytes, as execve(2) wants them.

use std::{
    ffi::CStr,
    fs::File,
    io,
    os::fd::OwnedFd,
    os::unix::{ffi::OsStrExt, fs::FileExt},
    path::Path,
};

use rustix::fs::{MemfdFlags, memfd_create};
use zeroize::Zeroizing;

use super::{
    LaunchFault, Plan,
    walls::{Wanted, words},
};

/// The descriptors that go with an order, in this order: stdin, stdout, stderr, the keeper's socket, the
/// working folder, the order itself.
pub(super) const DESCRIPTORS: usize = 6;

/// An order that was received.
pub(super) struct Order(Zeroizing<Vec<u8>>);

/// What it says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Said<'a> {
    pub(super) program: &'a CStr,
    pub(super) argv: Vec<&'a CStr>,
    pub(super) env: Vec<&'a CStr>,
    pub(super) files: Option<u64>,
    /// What it shall be within.
    pub(super) walls: Option<Wanted>,
    /// Whether it shall only be tried: the walls are put up, and nothing is run.
    pub(super) is_trial: bool,
}

/// Writes the order to run this plan by this program.
pub(super) fn write(plan: &Plan, program: &Path) -> Result<OwnedFd, LaunchFault> {
    let folder = plan.folder.as_deref().map(std::path::absolute).transpose();
    let folder = folder.map_err(|error| LaunchFault::System {
        step: "the working folder is not known",
        error,
    })?;
    let bytes = bytes(plan, program, folder.as_deref())?;
    let fault = |error| LaunchFault::System {
        step: "its plan can't be written",
        error,
    };
    let file = memfd_create("durward-order", MemfdFlags::CLOEXEC)
        .map(File::from)
        .map_err(|error| fault(error.into()))?;
    file.write_all_at(&bytes, 0).map_err(fault)?;
    Ok(file.into())
}

/// The numbers of arguments and variables and the limit of files, then the texts.
fn bytes(
    plan: &Plan,
    program: &Path,
    folder: Option<&Path>,
) -> Result<Zeroizing<Vec<u8>>, LaunchFault> {
    let walls = plan.walls.as_deref();
    let walls = walls.map_or_else(Vec::new, |walls| words(walls, folder));
    let mut bytes = Zeroizing::new(Vec::with_capacity(length(plan, program, &walls)));
    let mut put = |parts: &[&[u8]], what| {
        if parts.iter().any(|part| part.contains(&0)) {
            return Err(LaunchFault::ZeroByte(what));
        }
        parts.iter().for_each(|part| bytes.extend_from_slice(part));
        bytes.push(0);
        Ok(())
    };
    for number in [
        Some(plan.argv.len() as u64),
        Some(plan.env.len() as u64),
        plan.files,
        Some(plan.walls.is_some().into()),
        Some(plan.is_trial.into()),
    ] {
        put(
            &[number
                .map(|it| it.to_string())
                .unwrap_or_default()
                .as_bytes()],
            "a number",
        )?;
    }
    put(&[program.as_os_str().as_bytes()], "the program's path")?;
    for argument in &plan.argv {
        put(&[argument.as_bytes()], "an argument")?;
    }
    for (name, value) in &plan.env {
        if name.is_empty() || name.contains('=') {
            return Err(LaunchFault::Variable);
        }
        put(
            &[name.as_bytes(), b"=", value.expose().as_bytes()],
            "a variable",
        )?;
    }
    for word in &walls {
        put(&[word], "a path of its walls")?;
    }
    Ok(bytes)
}

/// At least what it will take: a vector that grew would leave secrets behind.
fn length(plan: &Plan, program: &Path, walls: &[Vec<u8>]) -> usize {
    let argv = plan.argv.iter().map(|text| text.len() + 1).sum::<usize>();
    let env = plan
        .env
        .iter()
        .map(|(name, value)| name.len() + value.expose().len() + 2)
        .sum::<usize>();
    let walls = walls.iter().map(|word| word.len() + 1).sum::<usize>();
    128 + program.as_os_str().len() + argv + env + walls
}

impl Order {
    pub(super) fn read(from: OwnedFd) -> io::Result<Self> {
        let file = File::from(from);
        let length = usize::try_from(file.metadata()?.len()).map_err(io::Error::other)?;
        let mut bytes = Zeroizing::new(vec![0; length]);
        file.read_exact_at(&mut bytes, 0)?;
        Ok(Self(bytes))
    }

    /// What it says; none where it is cut.
    pub(super) fn said(&self) -> Option<Said<'_>> {
        let mut rest: &[u8] = &self.0;
        let mut next = || {
            let text = CStr::from_bytes_until_nul(rest).ok()?;
            rest = &rest[text.count_bytes() + 1..];
            Some(text)
        };
        let mut number = || next()?.to_str().ok().map(|text| text.parse::<u64>().ok());
        let (argv, env, files) = (number()??, number()??, number()?);
        let (has_walls, is_trial) = (number()?? == 1, number()?? == 1);
        Some(Said {
            program: next()?,
            argv: (0..argv).map(|_| next()).collect::<Option<_>>()?,
            env: (0..env).map(|_| next()).collect::<Option<_>>()?,
            files,
            walls: if has_walls {
                Some(Wanted::read(&mut next)?)
            } else {
                None
            },
            is_trial,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_order_says_what_the_plan_says(
            argv in prop::collection::vec("[^\0]{0,40}", 1..8),
            env in prop::collection::vec("[^\0]{0,40}", 0..8),
            files in prop::option::of(any::<u64>()),
        ) {
            let mut plan = Plan::new(argv.clone());
            for (number, value) in env.iter().enumerate() {
                plan = plan.env(format!("V{number}"), value.as_str());
            }
            plan.files = files;
            let order = Order::read(write(&plan, Path::new("/bin/tool")).unwrap()).unwrap();
            let said = order.said().unwrap();
            let text = |texts: &[&CStr]| texts.iter().map(|it| it.to_str().unwrap().to_owned()).collect::<Vec<_>>();
            prop_assert_eq!(said.program, c"/bin/tool");
            prop_assert_eq!(text(&said.argv), argv);
            let expected: Vec<_> = env.iter().enumerate().map(|(number, value)| format!("V{number}={value}")).collect();
            prop_assert_eq!(text(&said.env), expected);
            prop_assert_eq!(said.files, files);
            prop_assert!(order.0.capacity() >= order.0.len());
        }

        #[test]
        fn what_is_cut_is_not_half_read(cut in 0_usize..30) {
            let plan = Plan::new(["tool", "argument"]).env("A", "b");
            let mut whole = bytes(&plan, Path::new("/t"), None).unwrap();
            prop_assume!(cut < whole.len());
            whole.truncate(cut);
            prop_assert!(Order(whole).said().is_none());
        }
    }

    #[test]
    fn zero_bytes_and_nameless_variables_are_refused_without_being_shown() {
        let program = Path::new("/bin/tool");
        let zero = write(&Plan::new(["tool", "hunter2\0"]), program).unwrap_err();
        assert!(matches!(zero, LaunchFault::ZeroByte("an argument")));
        assert!(!zero.to_string().contains("hunter2"));
        for name in ["", "A=B"] {
            let fault = write(&Plan::new(["tool"]).env(name, "x"), program).unwrap_err();
            assert!(matches!(fault, LaunchFault::Variable));
        }
    }
}
