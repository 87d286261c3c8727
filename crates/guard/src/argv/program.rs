//! Programs that run whatever they are told to, by name.

use std::fmt;

/// What a program is, of which nobody can say what it will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Runs what is typed.
    Shell,
    /// Runs a program of its own language, and by it any other.
    Interpreter,
    /// Runs the program that its arguments name.
    Wrapper,
    /// Runs what a file of the project, a package or an image says.
    Builder,
    /// Opens a file for a person, and runs programs for that person.
    Editor,
    /// Becomes another user.
    Privilege,
    /// Talks to any other machine.
    Network,
    /// Deletes, ends or changes what can't be brought back.
    Destroyer,
}

impl Kind {
    /// As in "`bash` is a shell".
    pub fn noun(self) -> &'static str {
        match self {
            Self::Shell => "a shell",
            Self::Interpreter => "an interpreter",
            Self::Wrapper => "a program that runs others",
            Self::Builder => "a program that runs what a project, a package or an image says",
            Self::Editor => "an editor or pager that runs others",
            Self::Privilege => "a way to become another user",
            Self::Network => "a program that talks to any machine",
            Self::Destroyer => "a program that deletes, ends or changes the machine itself",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.noun())
    }
}

const KINDS: &[(Kind, &str)] = &[
    (
        Kind::Shell,
        "sh ash dash bash rbash zsh rzsh ksh rksh mksh lksh oksh pdksh yash fish csh tcsh rc es elvish \
         nu nushell xonsh pwsh powershell osh ysh hush lash sash posh scsh murex cmd git-shell",
    ),
    (
        Kind::Interpreter,
        "python pythonw py pypy ipython bpython jython micropython circuitpython graalpy perl wperl raku \
         ruby irb jruby mruby truffleruby node nodejs deno bun php hhvm lua luajit texlua luatex lualatex \
         tclsh wish jimsh expect awk gawk mawk nawk original-awk goawk r rscript julia octave scilab \
         maxima gnuplot ghci runghc runhaskell ocaml utop sml poly erl escript elixir iex clojure clj \
         groovy groovysh scala kotlin java javaw jshell jrunscript jjs bsh guile racket scheme csi gsi \
         sbcl clisp ecl abcl ccl gforth swipl prolog gprolog dc m4 gdb gdbserver lldb radare2 r2 rizin \
         bpftrace dtrace stap osascript cscript wscript mshta gjs qjs quickjs d8 jsc rhino hy nim \
         mono dotnet wine wasmtime wasmer rexx regina pike tsx ts-node zx coffee \
         psql mysql mariadb sqlite sqlite3 mongo mongosh duckdb usql gs ghostscript pharo squeak blender",
    ),
    (
        Kind::Wrapper,
        "env nice nohup setsid timeout stdbuf ionice chrt taskset flock watch xargs parallel sem time \
         strace ltrace truss perf valgrind script unbuffer entr rlwrap hyperfine chroot fakechroot \
         fakeroot unshare nsenter bwrap bubblewrap firejail systemd-run systemd-nspawn machinectl \
         dbus-run-session dbus-launch xvfb-run start-stop-daemon run-parts setarch linux32 linux64 i386 \
         x86_64 uname26 numactl cgexec prlimit softlimit choom catchsegv proxychains torsocks torify \
         faketime eatmydata dumb-init tini catatonit busybox toybox ld.so ld-linux ld-musl ld-linux-x86-64 \
         ld-linux-aarch64 aa-exec runcon tmux screen dtach abduco zellij byobu at batch crontab cron \
         anacron xdg-open sensible-browser sensible-pager sensible-editor run-mailcap daemonize daemon \
         supervisord chpst runsv envdir setuidgid tsocks qemu direnv mise asdf rtx nvm pyenv rbenv \
         nodenv conda mamba micromamba wsl xterm konsole gnome-terminal fzf sk watchexec nodemon pm2 \
         forever foreman overmind gtester sshpass autossh",
    ),
    (
        Kind::Builder,
        "make gmake bmake mk cmake ctest ninja samu meson scons waf bazel bazelisk buck buck2 pants just \
         task invoke fab rake ant mvn mvnw gradle gradlew sbt lein cargo rustup go npm npx pnpm pnpx \
         yarn yarnpkg bunx corepack pip easy_install pipx poetry pdm uv uvx hatch tox nox pre-commit \
         gem bundle bundler composer pear pecl cpan cpanm luarocks cabal stack opam mix rebar apt \
         apt-get aptitude dpkg rpm dnf microdnf yum zypper pacman apk brew port emerge snap flatpak nix \
         nix-shell nix-build guix puppet ansible ansible-playbook chef-client salt-call terraform tofu \
         pulumi vagrant packer docker docker-compose podman nerdctl ctr crictl kubectl oc helm lxc incus \
         buildah skopeo latexmk gulp grunt webpack vite jest mocha vitest pytest phpunit",
    ),
    (
        Kind::Editor,
        "vi vim nvim gvim view vimdiff rvim rview ex ed red emacs emacsclient nano rnano pico micro joe \
         jed kak hx helix mc mcedit mcview pg most info pinfo tig lazygit gitui ranger nnn lf vifm \
         visudo vipw vigr sudoedit crontab code subl gedit",
    ),
    (
        Kind::Privilege,
        "sudo su doas pkexec runuser run0 sg newgrp setpriv capsh gosu su-exec super calife please ksu \
         passwd chpasswd chsh chfn gpasswd usermod useradd userdel adduser deluser groupadd groupdel",
    ),
    (
        Kind::Network,
        "curl wget aria2c ssh slogin scp sftp rsh rlogin rexec rcp telnet nc ncat netcat socat ftp lftp \
         tftp ncftp mosh sshfs nmap masscan zmap hping rclone http https xh curlie websocat ngrok \
         cloudflared chisel frpc tailscale openvpn wg mail mailx sendmail mutt swaks",
    ),
    (
        Kind::Destroyer,
        "rm srm unlink shred wipe dd mkfs mke2fs mkswap fdisk sfdisk cfdisk gdisk sgdisk parted wipefs \
         blkdiscard kill killall pkill skill xkill reboot shutdown halt poweroff init telinit systemctl \
         service rc-service loginctl mount umount losetup swapon swapoff insmod modprobe rmmod kexec \
         sysctl iptables ip6tables nft ufw setenforce setcap chattr debugfs hdparm format del diskpart",
    ),
];

/// Endings under which the same program is installed beside itself.
const ENDINGS: [&str; 10] = [
    "-static", "-suid", "-rs", "-dbg", "-cgi", "-fpm", "-legacy", "-minimal", "-real", "-wrapped",
];

/// Machines with whose name a cross tool begins, as in `x86_64-linux-gnu-gdb`.
const MACHINES: [&str; 9] = [
    "x86_64",
    "i386",
    "i486",
    "i586",
    "i686",
    "aarch64",
    "arm",
    "riscv64",
    "powerpc64le",
];

/// Programs that are many: which one they are depends on the name that they are called by.
const MANY: [&str; 3] = ["busybox", "toybox", "coreutils"];

/// Is a file of this name whatever program it is called as? Then the other name says what it is.
pub fn is_many(file: &str) -> bool {
    MANY.iter().any(|many| file.starts_with(many))
}

/// What a program of this name is, whatever version and spelling it has.
pub fn kind(name: &str) -> Option<Kind> {
    names(name).find_map(|name| {
        let listed = |(_, list): &&(Kind, &str)| list.split_ascii_whitespace().any(|it| it == name);
        KINDS.iter().find(listed).map(|(kind, _)| *kind)
    })
}

/// The names under which a program of this name may be known: `Python3.11` is `python` too.
pub fn names(name: &str) -> impl Iterator<Item = String> {
    let whole = name.to_ascii_lowercase();
    let whole = whole.strip_suffix(".exe").unwrap_or(&whole).to_owned();
    let mut all = vec![whole];
    let mut at = 0;
    // Each is looked at in turn, and may lead to more.
    while let Some(name) = all.get(at) {
        let mut shorter = Vec::with_capacity(4);
        shorter.extend(ENDINGS.iter().find_map(|end| name.strip_suffix(end)));
        shorter.extend(name.split_once('.').map(|(stem, _)| stem));
        let digit = name.find(|c: char| c.is_ascii_digit());
        // A single letter is no name's stem: `7z` and `b2sum` are not `z` and `b`.
        shorter.extend(digit.filter(|at| *at > 1).map(|at| &name[..at]));
        if MACHINES.iter().any(|machine| name.starts_with(machine)) {
            shorter.extend(name.match_indices('-').map(|(at, _)| &name[at + 1..]));
        }
        let shorter = shorter
            .into_iter()
            .map(|it| it.trim_end_matches(['-', '_', '.']));
        let new: Vec<_> = shorter
            .filter(|it| !it.is_empty() && !all.iter().any(|known| known == it))
            .map(str::to_owned)
            .collect();
        all.extend(new);
        at += 1;
    }
    all.into_iter()
}

/// Can this be the name of a program in a folder of `PATH`, and nothing else: no path, no option?
pub fn is_basename(name: &str) -> bool {
    let fit = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '+' | '@' | '[');
    !name.is_empty()
        && name.len() <= 255
        && !name.starts_with('-')
        && !matches!(name, "." | "..")
        && name.chars().all(fit)
}
