//! Options of common programs that run other programs: what people who collect such things found, as facts.

use super::{
    Hazard,
    getopt::{has_short, in_group, is_long},
};

/// Why an option is refused, in most cases.
const RUNS: &str = "runs another program";

/// What is refused of a program's arguments.
#[derive(Clone, Copy)]
pub(super) struct Rules {
    programs: &'static [&'static str],
    /// Long options, without dashes, in all their short forms.
    long: &'static [&'static str],
    /// Harmless long options with which one of those begins.
    others: &'static [&'static str],
    /// Letters.
    short: &'static str,
    /// Letters that take a value, which may stand behind them in the same word.
    valued: &'static str,
    /// The first word may be letters without a dash.
    bare: bool,
    /// Whole words, up to an `=`.
    words: &'static [&'static str],
    /// Words that begin so.
    begins: &'static [&'static str],
    why: &'static str,
}

/// Nothing is refused; the rules are said against this.
const NOTHING: Rules = Rules {
    programs: &[],
    long: &[],
    others: &[],
    short: "",
    valued: "",
    bare: false,
    words: &[],
    begins: &[],
    why: RUNS,
};

const RULES: &[Rules] = &[
    Rules {
        programs: &["tar", "gtar", "bsdtar"],
        // A list of files may hold options as well.
        long: &[
            "checkpoint-action",
            "to-command",
            "use-compress-program",
            "info-script",
            "new-volume-script",
            "rsh-command",
            "rmt-command",
            "files-from",
        ],
        others: &["checkpoint", "file"],
        short: "IFT",
        valued: "bCfgHKLNVX",
        bare: true,
        ..NOTHING
    },
    Rules {
        programs: &["find", "gfind", "bfs"],
        words: &["-exec", "-execdir", "-ok", "-okdir"],
        ..NOTHING
    },
    Rules {
        programs: &["find", "gfind", "bfs"],
        words: &["-delete", "-fprintf", "-fprint", "-fprint0", "-fls"],
        why: "deletes or writes files",
        ..NOTHING
    },
    Rules {
        programs: &["fd", "fdfind"],
        long: &["exec", "exec-batch"],
        short: "xX",
        valued: "dtecEjSoC",
        ..NOTHING
    },
    Rules {
        programs: &["rg", "ripgrep"],
        long: &["pre", "hostname-bin"],
        ..NOTHING
    },
    Rules {
        programs: &["rga"],
        long: &["pre", "hostname-bin", "rga-config-file", "rga-adapters"],
        ..NOTHING
    },
    Rules {
        programs: &["ag", "ack", "bat", "batcat", "delta", "ugrep", "ug"],
        long: &["pager", "ackrc", "filter", "config", "config-file", "view"],
        ..NOTHING
    },
    Rules {
        programs: &["sort", "gsort"],
        long: &["compress-program"],
        ..NOTHING
    },
    Rules {
        programs: &["split", "gsplit"],
        long: &["filter"],
        ..NOTHING
    },
    Rules {
        programs: &["install", "ginstall"],
        long: &["strip-program"],
        others: &["strip"],
        ..NOTHING
    },
    Rules {
        programs: &["zip"],
        long: &["unzip-command"],
        short: "T",
        ..NOTHING
    },
    Rules {
        programs: &["rsync"],
        long: &["rsh", "rsync-path", "remote-option", "daemon", "config"],
        short: "eM",
        valued: "BfT",
        ..NOTHING
    },
    Rules {
        programs: &["cpio"],
        long: &["rsh-command"],
        ..NOTHING
    },
    Rules {
        programs: &["patch", "gpatch"],
        long: &["ed"],
        short: "e",
        valued: "BdDFgioprVxYz",
        ..NOTHING
    },
    Rules {
        programs: &["ssh", "scp", "sftp", "slogin"],
        short: "oFSDJI",
        valued: "bBcEeiLlmOpQRWwP",
        why: "chooses settings or a program by which another program runs",
        ..NOTHING
    },
    Rules {
        programs: &["ssh-keygen", "ssh-add", "ssh-agent"],
        short: "DsP",
        why: "loads a library or runs another program",
        ..NOTHING
    },
    Rules {
        programs: &["less", "more", "most"],
        long: &["lesskey-file", "lesskey-src", "lesskey-content", "log-file"],
        short: "koO",
        valued: "bhjpPtTxyz",
        begins: &["+"],
        why: "is a command or settings of the pager, which runs other programs",
        ..NOTHING
    },
    Rules {
        programs: &["man"],
        long: &["pager", "html", "config-file", "preprocessor"],
        short: "PHCp",
        valued: "eLmMrRsSET",
        ..NOTHING
    },
    Rules {
        programs: &["groff", "troff", "nroff", "pic"],
        short: "U",
        valued: "dfFILmMnoPrTwWK",
        why: "lets the text run other programs",
        ..NOTHING
    },
    Rules {
        programs: &["hg"],
        long: &["config", "debugger", "config-file"],
        words: &["serve", "debugshell"],
        why: "sets what hg runs",
        ..NOTHING
    },
    Rules {
        programs: &["svn"],
        long: &[
            "diff-cmd",
            "diff3-cmd",
            "editor-cmd",
            "merge-cmd",
            "config-option",
            "config-dir",
        ],
        others: &["diff"],
        ..NOTHING
    },
    Rules {
        programs: &["wget"],
        long: &["use-askpass", "execute", "config"],
        short: "e",
        valued: "aAiBoODtTwQUIXlPR",
        ..NOTHING
    },
    Rules {
        programs: &["curl"],
        long: &["config", "engine"],
        short: "K",
        valued: "AbcCdDeEFhHmoPQrtTuUwxXyYz",
        why: "reads options from a file or loads a library",
        ..NOTHING
    },
    Rules {
        programs: &["tcpdump"],
        short: "zZ",
        valued: "BcCEFGijmMQrsTVwWy",
        ..NOTHING
    },
    Rules {
        programs: &[
            "gcc", "g++", "cc", "c++", "cpp", "clang", "clang++", "gfortran", "tcc",
        ],
        words: &["-wrapper", "--wrapper", "-run"],
        begins: &[
            "-fplugin",
            "-specs",
            "--specs",
            "-B",
            "@",
            "-fuse-ld",
            "-Xclang",
            "-load",
            "-fpass-plugin",
        ],
        why: "chooses a program or a library that the compiler runs",
        ..NOTHING
    },
    Rules {
        programs: &[
            "nm", "ar", "ranlib", "ld", "gold", "strip", "objdump", "objcopy",
        ],
        long: &["plugin"],
        words: &["-plugin"],
        begins: &["@"],
        why: "loads a library",
        ..NOTHING
    },
    Rules {
        programs: &[
            "tex", "latex", "pdftex", "pdflatex", "xetex", "xelatex", "etex", "ptex", "uplatex",
        ],
        begins: &[
            "-shell-escape",
            "--shell-escape",
            "-shell-restricted",
            "--shell-restricted",
            "-enable-write18",
            "--enable-write18",
            "-cnf-line",
            "--cnf-line",
        ],
        ..NOTHING
    },
    Rules {
        programs: &["pandoc"],
        long: &[
            "filter",
            "lua-filter",
            "pdf-engine",
            "pdf-engine-opt",
            "defaults",
        ],
        short: "FLd",
        valued: "frtwoVMTH",
        ..NOTHING
    },
    Rules {
        programs: &["gpg"],
        long: &[
            "photo-viewer",
            "exec-path",
            "agent-program",
            "dirmngr-program",
            "keyboxd-program",
            "options",
            "load-extension",
            "keyserver-options",
            "homedir",
        ],
        ..NOTHING
    },
    Rules {
        programs: &["openssl"],
        words: &["engine"],
        begins: &[
            "-engine",
            "-provider",
            "--engine",
            "--provider",
            "-config",
            "--config",
        ],
        why: "loads a library",
        ..NOTHING
    },
    Rules {
        programs: &["ip", "tc", "bridge"],
        words: &["netns", "-b", "-batch", "--batch", "vrf"],
        ..NOTHING
    },
    Rules {
        programs: &["exiftool"],
        words: &["-if", "-config", "-@", "-execute", "-use"],
        why: "runs Perl",
        ..NOTHING
    },
    Rules {
        programs: &["gh", "glab"],
        words: &["alias", "extension", "ext", "config", "codespace", "cs"],
        why: "sets or runs what is run later",
        ..NOTHING
    },
    Rules {
        programs: &["ctags", "uctags", "universal-ctags"],
        long: &["options", "options-maybe"],
        why: "reads options from a file",
        ..NOTHING
    },
    Rules {
        programs: &["journalctl", "busctl", "networkctl"],
        long: &["pager"],
        why: "runs a pager",
        ..NOTHING
    },
];

/// The rules of a program of this name.
pub(super) fn of(name: &str) -> Option<Of<'_>> {
    let any = RULES.iter().any(|rules| rules.programs.contains(&name));
    any.then_some(Of(name))
}

/// All rules of one program.
pub(super) struct Of<'a>(&'a str);

impl Of<'_> {
    /// The first argument that one of them refuses.
    pub(super) fn hazard(&self, args: &[String]) -> Option<Hazard> {
        let rules = RULES
            .iter()
            .filter(|rules| rules.programs.contains(&self.0));
        rules
            .filter_map(|rules| rules.hazard(args))
            .min_by_key(|hazard| hazard.at)
    }
}

impl Rules {
    /// Values and what stands behind `--` are looked at as well: which words are options depends on those
    /// before them, and each version reads them in its own way.
    fn hazard(&self, args: &[String]) -> Option<Hazard> {
        let refused = |(at, word): (usize, &String)| {
            let name = word.split('=').next().unwrap_or_default();
            self.words.contains(&name)
                || self.begins.iter().any(|begin| word.starts_with(begin))
                || is_long(word, self.long, self.others)
                || has_short(word, self.short, self.valued)
                || (self.bare
                    && at == 0
                    && !word.starts_with('-')
                    && in_group(word, self.short, ""))
        };
        let at = args.iter().enumerate().position(refused)?;
        Some(Hazard { at, why: self.why })
    }
}
