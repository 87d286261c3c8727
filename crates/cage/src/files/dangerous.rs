//! Folders that no root should be.

use std::{
    os::{fd::AsFd, unix::fs::MetadataExt},
    path::Path,
};

use rustix::fs::fstatfs;

use super::NodeId;

/// File systems that are windows into the kernel (linux/magic.h): procfs, sysfs, debugfs, tracefs,
/// securityfs, cgroup and cgroup2.
const KERNEL_WINDOWS: [u32; 7] = [
    0x0000_9fa0,
    0x6265_6572,
    0x6462_6720,
    0x7472_6163,
    0x7363_6673,
    0x0027_e0eb,
    0x6367_7270,
];

/// True for `/`, for `/proc`, `/sys` and `/dev` and what lies below them, under whatever name.
/// `/dev/shm` is memory like any other.
pub(super) fn is_dangerous(root: &Path) -> bool {
    if root.starts_with("/dev/shm") && root != Path::new("/dev/shm") {
        return false;
    }
    let nodes = |paths: &[&str]| -> Vec<NodeId> {
        paths
            .iter()
            .filter_map(|path| node_of(Path::new(path)))
            .collect()
    };
    let below = nodes(&["/proc", "/sys", "/dev"]);
    let itself = nodes(&["/"]);
    node_of(root).is_some_and(|node| itself.contains(&node))
        || root
            .ancestors()
            .filter_map(node_of)
            .any(|node| below.contains(&node))
}

/// True where the descriptor's file system is a window into the kernel.
pub(super) fn is_kernel_window(fd: impl AsFd) -> bool {
    // The field's width differs between architectures; the numbers fit 32 bits.
    fstatfs(fd).is_ok_and(|fs| KERNEL_WINDOWS.contains(&(fs.f_type as u32)))
}

/// Which directory a path names now.
pub(super) fn node_of(path: &Path) -> Option<NodeId> {
    let meta = std::fs::metadata(path).ok()?;
    Some(NodeId {
        dev: meta.dev(),
        ino: meta.ino(),
    })
}

/// True where the folder is a user's home.
pub(super) fn is_home(root: &Path) -> bool {
    let ours = std::env::var_os("HOME").is_some_and(|home| Path::new(&home) == root);
    ours || crate::peer::homes().iter().any(|home| home == root)
}
