//! The ends of a file of lines.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use super::sink::Tail;

/// The longest line that is looked for, in bytes; ours are far shorter.
const LONGEST: u64 = 1 << 20;

/// The first and the last whole line of a file, and what follows that. A line longer than 1 MiB is taken for torn.
pub(super) fn of(file: &File) -> io::Result<Tail> {
    let len = file.metadata()?.len();
    let mut start = vec![0; len.min(LONGEST) as usize];
    file.read_exact_at(&mut start, 0)?;
    start.truncate(memchr::memchr(b'\n', &start).unwrap_or(0));
    let from = len.saturating_sub(LONGEST);
    let mut end = vec![0; (len - from) as usize];
    file.read_exact_at(&mut end, from)?;
    let torn = memchr::memrchr(b'\n', &end).map_or(end.clone(), |at| end.split_off(at + 1));
    if end.last() == Some(&b'\n') {
        end.pop();
    } else {
        end.clear();
    }
    let last = memchr::memrchr(b'\n', &end).map_or(end.clone(), |at| end.split_off(at + 1));
    Ok(Tail { first: start, last, torn, rotated: false })
}

/// The last whole lines of a file, so many at most, within 16 MiB.
pub(super) fn recent(file: &File, lines: usize) -> io::Result<Vec<u8>> {
    const MOST: u64 = 16 << 20;
    let len = file.metadata()?.len();
    let from = len.saturating_sub(MOST);
    let mut end = vec![0; (len - from) as usize];
    file.read_exact_at(&mut end, from)?;
    end.truncate(memchr::memrchr(b'\n', &end).map_or(0, |at| at + 1));
    let before =
        memchr::memrchr_iter(b'\n', &end).nth(lines).or_else(|| memchr::memchr(b'\n', &end).filter(|_| from > 0));
    Ok(before.map_or(end.clone(), |at| end.split_off(at + 1)))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::{Tail, of};

    #[test]
    fn ends() {
        for (text, first, last, torn) in [
            ("", "", "", ""),
            ("one\n", "one", "one", ""),
            ("one\ntwo\n", "one", "two", ""),
            ("one\ntwo\nthr", "one", "two", "thr"),
            ("thr", "", "", "thr"),
            ("one\n\n", "one", "", ""),
        ] {
            let mut file = tempfile::tempfile().expect("a file");
            file.write_all(text.as_bytes()).expect("writes");
            let expected = Tail { first: first.into(), last: last.into(), torn: torn.into(), rotated: false };
            assert_eq!(of(&file).expect("reads"), expected, "{text:?}");
        }
    }
}
