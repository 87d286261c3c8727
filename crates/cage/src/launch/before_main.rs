//! How a test binary becomes the spawner: its main is the harness's, so it has to be done before that.

#![cfg(any(test, feature = "launcher-in-tests"))]

/// Functions of this section run before `main` (System V ABI, "Initialization and Termination Functions").
#[expect(unsafe_code, reason = "to name a section")]
// SAFETY: the section holds pointers to functions of this very type, and this is one.
#[unsafe(link_section = ".init_array")]
#[used]
static HOOK: extern "C" fn() = hook;

extern "C" fn hook() {
    // Cargo keeps test binaries in `deps`; the program itself has to do it in its main.
    let harness = || {
        std::fs::read_link("/proc/self/exe")
            .is_ok_and(|path| path.parent().is_some_and(|folder| folder.ends_with("deps")))
    };
    let named = std::fs::read("/proc/self/cmdline")
        .is_ok_and(|line| line.split(|byte| *byte == 0).next() == Some(super::NAME.as_bytes()));
    if named && harness() {
        super::run_launcher();
    }
}
