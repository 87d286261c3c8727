//! Lines, however they are cut.

use proptest::prelude::*;

use super::*;

fn all(frames: &mut LineFrames) -> Vec<Frame> {
    std::iter::from_fn(|| frames.next()).collect()
}

fn line(text: &'static str) -> Frame {
    Frame::Line(Bytes::from_static(text.as_bytes()))
}

#[test]
fn blank_lines_carriage_returns_and_the_first_mark_are_dropped() {
    let mut frames = LineFrames::new(100);
    frames.push("\u{feff}{}\r\n\n \t\r\n[]\n\u{feff}1\nrest".as_bytes());
    assert_eq!(
        all(&mut frames),
        [line("{}"), line("[]"), line("\u{feff}1")]
    );
    frames.push(b"!\n");
    assert_eq!(all(&mut frames), [line("rest!")]);
}

#[test]
fn a_long_line_is_told_once_and_costs_nothing() {
    let mut frames = LineFrames::new(10);
    frames.push(b"0123456789");
    assert_eq!(all(&mut frames), []);
    frames.push(b"a");
    assert_eq!(all(&mut frames), [Frame::TooLong]);
    for _ in 0..1_000 {
        frames.push(&[b'x'; 1_000]);
        assert_eq!(all(&mut frames), []);
        assert!(frames.buffer().is_empty());
    }
    assert!(frames.buffer().capacity() < 10_000);
    frames.push(b"x\nok\n");
    assert_eq!(all(&mut frames), [line("ok")]);
}

#[test]
fn the_limit_leaves_out_mark_and_line_end() {
    let mut frames = LineFrames::new(3);
    for byte in "\u{feff}abc\r\n".as_bytes() {
        frames.push(&[*byte]);
        if *byte != b'\n' {
            assert_eq!(frames.next(), None);
        }
    }
    assert_eq!(frames.next(), Some(line("abc")));
    frames.push(b"abcd\nabc\n");
    assert_eq!(all(&mut frames), [Frame::TooLong, line("abc")]);
}

#[test]
fn a_large_buffer_is_given_back() {
    let mut frames = LineFrames::new(10 << 20);
    frames.push(&vec![b'x'; 5 << 20]);
    assert_eq!(frames.next(), None);
    frames.push(b"\nabc");
    assert!(matches!(frames.next(), Some(Frame::Line(line)) if line.len() == 5 << 20));
    assert!(frames.buffer().capacity() < 1_000);
    frames.push(b"\n");
    assert_eq!(frames.next(), Some(line("abc")));
}

#[test]
fn a_message_is_written_as_one_line() {
    let mut out = BytesMut::new();
    write_line(&mut out, b"{\r\n\"a\":\n1}");
    assert_eq!(&out[..], b"{  \"a\": 1}\n");
}

proptest! {
    #[test]
    fn cuts_do_not_matter(
        bytes in prop::collection::vec(prop::sample::select(&b"ab \r\n\xEF\xBB\xBF"[..]), 0..60),
        step in 1_usize..9,
    ) {
        let mut whole = LineFrames::new(4);
        whole.push(&bytes);
        // The end of a line may come after it is known to be too long, so a last one must end.
        whole.push(b"\n");
        let mut cut = LineFrames::new(4);
        let mut frames = Vec::new();
        for piece in bytes.chunks(step) {
            cut.push(piece);
            frames.extend(all(&mut cut));
        }
        cut.push(b"\n");
        frames.extend(all(&mut cut));
        prop_assert_eq!(all(&mut whole), frames);
    }
}
