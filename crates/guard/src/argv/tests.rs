//! What people collected of programs that run others, and what must go on working.

use proptest::prelude::*;

use super::*;

fn at(line: &str) -> Option<usize> {
    let mut words = line.split('␣').map(str::to_owned);
    let program = words.next().unwrap();
    hazard(&program, &words.collect::<Vec<_>>()).map(|hazard| hazard.at)
}

#[test]
fn a_program_is_known_under_every_version_and_spelling() {
    for (name, expected) in [
        ("bash", Kind::Shell),
        ("BASH", Kind::Shell),
        ("bash.exe", Kind::Shell),
        ("bash-static", Kind::Shell),
        ("ksh93", Kind::Shell),
        ("python3", Kind::Interpreter),
        ("python3.11", Kind::Interpreter),
        ("Python3.13t", Kind::Interpreter),
        ("python3.11-dbg", Kind::Interpreter),
        ("perl5.36-x86_64-linux-gnu", Kind::Interpreter),
        ("x86_64-linux-gnu-python3.11", Kind::Interpreter),
        ("lua5.4", Kind::Interpreter),
        ("php8.2", Kind::Interpreter),
        ("mawk", Kind::Interpreter),
        ("R", Kind::Interpreter),
        ("vim.basic", Kind::Editor),
        ("vi", Kind::Editor),
        ("busybox", Kind::Wrapper),
        ("ssh-agent", Kind::Wrapper),
        ("rpmquery", Kind::Interpreter),
        ("lynx", Kind::Network),
        ("busybox.static", Kind::Wrapper),
        ("nohup", Kind::Wrapper),
        ("ld-linux-x86-64.so.2", Kind::Wrapper),
        ("npx", Kind::Builder),
        ("make", Kind::Builder),
        ("sudo-rs", Kind::Privilege),
        ("nc.openbsd", Kind::Network),
        ("curl", Kind::Network),
        ("mkfs.ext4", Kind::Destroyer),
        ("rm", Kind::Destroyer),
    ] {
        assert_eq!(kind(name), Some(expected), "{name}");
    }
    for name in [
        "git",
        "ls",
        "rg",
        "cat",
        "grep",
        "md5sum",
        "sha256sum",
        "base64",
        "b2sum",
        "7z",
        "jq",
        "sed",
        "find",
        "tar",
        "sort",
        "[",
        "deploy.sh",
        "node_exporter",
        "printf",
        "echo",
        "printenv",
        "",
    ] {
        assert_eq!(kind(name), None, "{name}");
    }
}

#[test]
fn a_name_is_no_path_and_no_option() {
    for name in ["ls", "g++", "[", "vim.basic", "é"] {
        assert!(is_basename(name), "{name}");
    }
    for name in [
        "", ".", "..", "/bin/ls", r"..\ls", "./x", "-x", "a b", "a\0", "a\n", "ls;id", "$(id)",
    ] {
        assert!(!is_basename(name), "{name}");
    }
}

#[test]
fn what_would_run_another_program_is_found() {
    for (line, expected) in [
        ("git␣-c␣alias.x=!id␣x", 0),
        ("git␣-calias.x=!id␣x", 0),
        ("git␣-C␣sub␣--config-env=core.pager=X␣log", 2),
        ("git␣--exec-path=/tmp/x␣status", 0),
        ("git␣-p␣log", 0),
        ("git␣clone␣-u␣id␣x", 1),
        ("git␣clone␣-qc␣core.fsmonitor=id␣x", 1),
        ("git␣clone␣--config=core.pager=id␣x", 1),
        ("git␣clone␣ext::sh -c id", 1),
        ("git␣fetch␣--upload-pack=id", 1),
        ("git␣fetch␣--upl␣id", 1),
        ("git␣ls-remote␣--exec=id␣.", 1),
        ("git␣push␣--receive-pack␣id", 1),
        ("git␣rebase␣-ix␣id", 1),
        ("git␣rebase␣--exec␣id", 1),
        ("git␣grep␣-O␣x", 1),
        ("git␣grep␣--open-files-in-pager=id␣x", 1),
        ("git␣bisect␣run␣id", 1),
        ("git␣submodule␣foreach␣id", 1),
        ("git␣difftool␣-x␣id", 0),
        ("git␣config␣alias.x␣!id", 0),
        ("git␣config␣user.name␣--get", 0),
        ("git␣remote-ext␣x␣id", 0),
        (
            "tar␣cf␣a.tar␣--checkpoint=1␣--checkpoint-action=exec=id␣x",
            3,
        ),
        ("tar␣cf␣a.tar␣--checkpoint-act␣exec=id␣x", 2),
        ("tar␣-xf␣a.tar␣--to-com=id", 2),
        ("tar␣-cI␣id␣-f␣a.tar␣x", 0),
        ("tar␣cIf␣id␣a.tar␣x", 0),
        ("tar␣--use-compress-program␣id␣-cf␣a␣x", 0),
        ("tar␣-c␣-F␣id␣-L1␣-f␣a␣x", 1),
        ("tar␣-f␣--␣--checkpoint-action=exec=id", 2),
        ("find␣.␣-exec␣id␣;", 1),
        ("find␣.␣-name␣x␣-okdir␣id␣;", 3),
        ("find␣.␣-delete", 1),
        ("find␣.␣-fprintf␣x␣y", 1),
        ("fd␣x␣-x␣id", 1),
        ("fdfind␣-HX␣id", 0),
        ("fd␣--exec-batch␣id", 0),
        ("rg␣--pre␣sh␣x", 0),
        ("rg␣--pre=sh␣x", 0),
        ("rg␣--hostname-bin=id␣x", 0),
        ("sort␣--compress-program=sh␣x", 0),
        ("sort␣--compress-prog␣sh␣x", 0),
        ("sort␣--comp␣sh␣x", 0),
        ("split␣--filter=id␣x", 0),
        ("zip␣-T␣-TT␣id␣a␣b", 0),
        ("zip␣-rTT␣id␣a␣b", 0),
        ("zip␣--unzip-command=id␣a␣b", 0),
        ("rsync␣-e␣sh␣a␣b", 0),
        ("rsync␣-ave␣sh␣a␣b", 0),
        ("rsync␣--rsh=sh␣a␣b", 0),
        ("ssh␣-oProxyCommand=id␣x", 0),
        ("ssh␣-vo␣ProxyCommand=id␣x", 0),
        ("less␣+!id␣x", 0),
        ("man␣-P␣id␣x", 0),
        ("man␣--pager=id␣x", 0),
        ("man␣--html=id␣x", 0),
        ("groff␣-Tps␣-U␣x", 1),
        ("hg␣--config␣alias.x=!id␣x", 0),
        ("svn␣diff␣--diff-cmd␣id", 1),
        ("tcpdump␣-z␣id␣-w␣x", 0),
        ("gcc␣-wrapper␣id␣x.c", 0),
        ("pdflatex␣--shell-escape␣x", 0),
        ("openssl␣engine␣x", 0),
        ("Git-2.40␣-c␣x=y", 0),
        ("x86_64-linux-gnu-gcc-12␣-wrapper␣id", 0),
        ("sed␣-e␣1e id␣x", 1),
        ("sed␣e␣x", 0),
        ("sed␣s/a/id/e␣x", 0),
        ("sed␣-n␣s/a/b/gw out␣x", 1),
        ("sed␣w out␣x", 0),
        ("sed␣p;$!{e id\n}␣x", 0),
        ("sed␣# a\\\ne id␣x", 0),
        ("sed␣:a e id␣x", 0),
        ("sed␣--expression=e id␣x", 0),
        ("sed␣--expr␣e id␣x", 1),
        ("sed␣-nee id␣x", 0),
        ("sed␣-f␣script␣x", 0),
        ("sed␣-l␣p␣e id", 2),
        ("sed␣--line-length␣p␣e id", 2),
        ("sed␣--␣e id␣x", 1),
    ] {
        assert_eq!(at(line), Some(expected), "{line}");
    }
}

#[test]
fn what_people_do_every_day_is_not_refused() {
    for line in [
        "git␣status",
        "git␣-C␣sub␣log␣--oneline␣-5␣-p",
        "git␣commit␣-m␣x; id␣-a",
        "git␣commit␣-c␣HEAD",
        "git␣switch␣-c␣new",
        "git␣push␣-u␣origin␣main",
        "git␣add␣-u",
        "git␣grep␣-n␣-e␣Open",
        "git␣grep␣-e-O",
        "git␣config␣--get␣user.name",
        "git␣config␣--list",
        "git␣clone␣-b␣uc␣https://example.com/x",
        "git␣diff␣--exit-code",
        "git␣ls-files␣--exclude=x",
        "git␣rebase␣main",
        "git",
        "git␣--version",
        "tar␣czf␣a.tar.gz␣x",
        "tar␣-tvf␣a.tar",
        "tar␣--file=a.tar␣--list␣--checkpoint=10",
        "tar␣xf␣a.tar␣-C␣If",
        "find␣.␣-name␣*.rs␣-print0",
        "fd␣-e␣xX␣-t␣f␣x",
        "fd␣--exclude␣x",
        "rg␣--pretty␣-n␣--pre-glob␣*.pdf␣x",
        "rg␣$(id)␣-e␣; id",
        "sort␣-rn␣--check␣x",
        "rsync␣-av␣a␣b",
        "zip␣-r␣a.zip␣b",
        "less␣-N␣-R␣x",
        "man␣-k␣x",
        "curl␣-sSL␣--proto␣=https␣https://example.com",
        "gcc␣-O2␣-o␣x␣x.c",
        "ls␣-la",
        "cat␣--␣-exec",
        "sed␣s/e/w/g␣x",
        "sed␣-n␣1,20p␣x",
        "sed␣-n␣-e␣/^a/,/^b/p␣-e␣$=␣x",
        "sed␣-E␣s#(a|b)#[\\1]#gi;s/x/y/␣x",
        "sed␣2d;/e/!d␣x",
        "sed␣-i␣s/a/b/␣e",
        "sed␣-ie␣s/a/b/␣x",
        "sed␣:a;N;$!ba;s/\\n/ /g␣x",
        "sed␣/x/a e id␣y",
        "sed␣y/abc/xyz/␣x",
        "sed␣1~2!s/\\//w/␣x",
        "sed␣--sandbox␣e␣x",
    ] {
        assert_eq!(at(line), None, "{line}");
    }
}

/// Words as they stand in command lines, and pieces of them.
fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~]{0,12}",
        ".{0,8}",
        "-{1,2}[a-zA-Z-]{0,16}(=[ -~]{0,8})?",
        prop::sample::select(vec![
            "-c",
            "--",
            "-",
            "-exec",
            "--checkpoint-action=exec=id",
            "--pre",
            "-T",
            "e",
            "w x",
            "clone",
            "config",
            "s/a/b/",
            "-e",
            "-f",
            "-I",
            "ext::x",
        ])
        .prop_map(str::to_owned),
    ]
}

/// Every program that has rules.
fn program() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "git", "sed", "tar", "find", "fd", "rg", "sort", "zip", "rsync", "ssh", "less", "man",
        "gcc", "openssl", "ls", "curl",
    ])
}

proptest! {
    #[test]
    fn whatever_comes_is_judged_and_the_finding_is_an_argument(
        program in program(),
        args in prop::collection::vec(word(), 0..8),
    ) {
        if let Some(hazard) = hazard(program, &args) {
            prop_assert!(hazard.at < args.len());
        }
        kind(&args.concat());
    }

    /// Whatever stands around it, and however far getopt_long lets it be shortened.
    #[test]
    fn a_refused_option_is_refused_anywhere(
        before in prop::collection::vec("[a-z./]{1,8}", 0..4),
        after in prop::collection::vec(word(), 0..4),
        (program, option, least) in prop::sample::select(vec![
            ("tar", "--checkpoint-action", 13),
            ("tar", "--to-command", 7),
            ("tar", "--use-compress-program", 5),
            ("sort", "--compress-program", 4),
            ("split", "--filter", 4),
            ("rsync", "--rsync-path", 5),
        ]),
        cut in 0_usize..24,
        joined in any::<bool>(),
    ) {
        let length = (least + cut).min(option.len());
        let mut word = option[..length].to_owned();
        prop_assume!(word != "--checkpoint");
        if joined {
            word.push_str("=sh");
        }
        let mut args = before;
        let place = args.len();
        args.push(word);
        args.extend(after);
        let found = hazard(program, &args);
        prop_assert!(found.is_some_and(|found| found.at <= place), "{found:?}");
    }

    /// A value that is no option and no script is nobody's business: no shell reads it.
    #[test]
    fn plain_values_pass(value in "[a-zA-Z0-9_./ ;|&$()`<>*?!\"']{1,40}") {
        prop_assume!(!value.contains("ext::"));
        let args = [value];
        for program in ["ls", "rg", "sort", "cat", "fd"] {
            prop_assert_eq!(hazard(program, &args), None);
        }
    }

    /// What begins a script of sed's that runs something is found behind any plain one.
    #[test]
    fn a_command_of_sed_that_runs_something_is_found(
        plain in prop::collection::vec(prop::sample::select(vec![
            "p", "1d", "s/a/b/g", "/x/,$!p", "y/a/b/", "{p}", ":a", "ba", "# c\\", "a text", "$=", "1~2n",
        ]), 0..5),
        bad in prop::sample::select(vec!["e id", "1e", "s/a/b/e", "s,a,b,gw x", "$w x", "{e}", "W x"]),
    ) {
        let mut script: String = plain.iter().flat_map(|it| [*it, "\n"]).collect();
        script.push_str(bad);
        prop_assert!(hazard("sed", &[script.clone()]).is_some(), "{script}");
        prop_assert!(hazard("sed", &["-n".to_owned(), "-e".to_owned(), script]).is_some());
    }
}
