//! Memory that only a start needed.

use std::fs;

/// Gives back the memory that holds code and constants until they are needed again; what is needed no more
/// stays away. They are shared with the page cache and read from there, so nothing is written for it. Of
/// use to a small program that lives in a large one and waits most of the time.
pub fn give_back_code() {
    // Where the system does not say what there is, all stays as it is.
    let maps = fs::read_to_string("/proc/self/maps").unwrap_or_default();
    for (start, end) in maps.lines().filter_map(unchanged) {
        let address = std::ptr::with_exposed_provenance_mut(start);
        // SAFETY: the range holds what a file holds, and is not writable: its code, or its first part, with
        // the header and constants. Neither is ever changed: there is no JIT and no text relocation, and
        // what the loader relocates lies further on. So what is read again is what was there (madvise(2),
        // MADV_DONTNEED, of a mapped file). A program that runs can't be written to (ETXTBSY), and one that is
        // replaced keeps its old file for as long as it is mapped.
        #[expect(unsafe_code, reason = "there is no safe way to say it")]
        let refused = unsafe { libc::madvise(address, end - start, libc::MADV_DONTNEED) };
        if refused != 0 {
            return;
        }
    }
}

/// The range of a line of `/proc/PID/maps` that is as the file has it: code, or what comes first
/// (proc_pid_maps(5)).
fn unchanged(line: &str) -> Option<(usize, usize)> {
    let mut fields = line.split_ascii_whitespace();
    let (range, rights, offset) = (fields.next()?, fields.next()?, fields.next()?);
    let is_of_file = fields.nth(2).is_some_and(|path| path.starts_with('/'));
    let is_first = offset.bytes().all(|digit| digit == b'0');
    let is_unchanged = rights == "r-xp" || rights == "r--p" && is_first;
    if !is_of_file || !is_unchanged {
        return None;
    }
    let (start, end) = range.split_once('-')?;
    let number = |hex| usize::from_str_radix(hex, 16).ok();
    Some((number(start)?, number(end)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_as_the_file_has_it_is_given_back() {
        for line in [
            "55d0c0a0-55d0c0b0 r-xp 00001000 fe:00 77 /usr/bin/durward",
            "55d0c0a0-55d0c0b0 r--p 00000000 fe:00 77 /usr/bin/durward",
        ] {
            assert_eq!(unchanged(line), Some((0x55d0_c0a0, 0x55d0_c0b0)));
        }
        for other in [
            "55d0c0a0-55d0c0b0 r--p 00001000 fe:00 77 /usr/bin/durward",
            "55d0c0a0-55d0c0b0 rw-p 00000000 fe:00 77 /usr/bin/durward",
            "55d0c0a0-55d0c0b0 r-xp 00000000 00:00 0 [vdso]",
            "55d0c0a0-55d0c0b0 r-xp 00000000 00:00 0",
            "",
        ] {
            assert_eq!(unchanged(other), None, "{other}");
        }
    }

    #[test]
    fn what_was_given_back_runs() {
        for _ in 0..3 {
            give_back_code();
            assert_eq!(format!("{:?}", [1.5, 2.5]), "[1.5, 2.5]");
        }
    }
}
