//! Texts of sets, as ipset prints them, as people write them, and as they paste them.

use super::*;
use crate::host::ipset::Key;
use crate::syntax::DiagnosticKind;

fn told(dump: &Dump) -> Vec<(usize, DiagnosticKind)> {
    dump.diagnostics.iter().map(|found| (found.line, found.kind)).collect()
}

/// Reads a text without a complaint, and prints it again.
fn printed(text: &str) -> String {
    let dump = parse(text);
    assert_eq!(dump.diagnostics, [], "{text}");
    let whole = parse(&print(&dump.sets, &dump.seen, Form::Whole));
    assert_eq!((&whole.sets, &whole.seen), (&dump.sets, &dump.seen), "{text}");
    print(&dump.sets, &dump.seen, Form::Tool)
}

const SAVED: &str = "create a hash:ip,port family inet hashsize 1024 maxelem 65536 timeout 60 counters comment bucketsize 12 \
                     initval 0x00001234\n\
                     add a 10.0.0.1,tcp:80 timeout 7 packets 1 bytes 2 comment \"say 'hi'\"\n\
                     add a 10.0.0.1,icmp:echo-request timeout 0 packets 0 bytes 0\n\
                     create l list:set size 8\n\
                     add l a\n";

#[test]
fn what_was_printed_is_printed_again() {
    assert_eq!(printed(SAVED), SAVED);
    assert_eq!(printed(""), "");
}

/// Each oddity is told once, and costs nothing else.
#[test]
fn pasted_texts_are_read() {
    let windows = SAVED.replace('\n', "\r\n");
    assert_eq!(printed(&windows), SAVED);
    assert_eq!(printed(&format!("\u{feff}{SAVED}\n\nCOMMIT\n# comment\n")), SAVED);
    assert_eq!(printed(SAVED.trim_end()), SAVED);
    let damaged = DiagnosticKind::Damaged;
    for (text, found) in [
        (format!("root@host:~# ipset save\n{SAVED}root@host:~# \n"), vec![(1, damaged), (7, damaged)]),
        (format!("{SAVED}Does this help? add me to the list\n"), vec![(6, damaged)]),
        (format!("{SAVED}add a 10.0.0"), vec![(6, damaged)]),
        (format!("{SAVED}add a 10.0.0.9,tcp:80 comment \"cut o"), vec![(6, damaged)]),
        (format!("{SAVED}create cut"), vec![(6, damaged)]),
        (format!("{SAVED}add nobody 10.0.0.1\nadd\n"), vec![(6, damaged), (7, damaged)]),
        (format!("{SAVED}create a hash:net\nadd a 10.0.0.1,tcp:80\n"), vec![(6, damaged), (7, damaged)]),
        (format!("{SAVED}add a 10.0.0.1,6:0x50\nadd l a\n"), vec![(6, damaged), (7, damaged)]),
        (format!("{SAVED}add l b before c\n"), vec![(6, damaged)]),
    ] {
        let dump = parse(&text);
        assert_eq!(told(&dump), found, "{text}\n{:?}", dump.diagnostics);
        assert_eq!(print(&dump.sets, &dump.seen, Form::Tool), SAVED, "{text}");
    }
}

#[test]
fn people_write_less_and_differently() {
    for (written, saved) in [
        ("create a iphash\nadd a 010.0.0.1", None),
        (
            "create a iphash -4 --hashsize 0x40\nadd a 10.0.0.1",
            Some("create a hash:ip family inet hashsize 64\nadd a 10.0.0.1\n"),
        ),
        (
            "ipset create a hash:ip,port counters\nipset -exist add a 10.0.0.1,http bytes 0x10\nipset add a 10.0.0.1,58:0/1",
            Some(
                "create a hash:ip,port family inet counters\nadd a 10.0.0.1,tcp:80 packets 0 bytes 16\nadd a \
                 10.0.0.1,ipv6-icmp:0/1 packets 0 bytes 0\n",
            ),
        ),
        ("create a hash:net\nadd a 10.1.2.3/8", Some("create a hash:net family inet\nadd a 10.0.0.0/8\n")),
        (
            "create a hash:ip,port\nadd a 10.0.0.1-10.0.0.9,udp:80-90",
            Some("create a hash:ip,port family inet\nadd a 10.0.0.1-10.0.0.9,udp:80-90\n"),
        ),
        (
            "create a bitmap:ip range 10.0.0.0/30 timeout 5\nadd a 10.0.0.1",
            Some("create a bitmap:ip range 10.0.0.0-10.0.0.3 timeout 5\nadd a 10.0.0.1 timeout 5\n"),
        ),
        ("create a portmap from 1 to 100\nadd a udp:7", Some("create a bitmap:port range 1-100\nadd a 7\n")),
        (
            "create a hash:ip netmask 16\nadd a 10.1.2.3",
            Some("create a hash:ip family inet netmask 16\nadd a 10.1.0.0\n"),
        ),
        (
            "create a hash:ip,mark markmask 0xff\nadd a 10.0.0.1,0x1234",
            Some("create a hash:ip,mark family inet markmask 0x000000ff\nadd a 10.0.0.1,0x00000034\n"),
        ),
        (
            "create l list:set\nadd l a\nadd l b before a\nadd l c after b\n",
            Some("create l list:set\nadd l b\nadd l c\nadd l a\n"),
        ),
        ("create 'x hash:ip\nadd \"'x\" 10.0.0.1", Some("create 'x hash:ip family inet\nadd 'x 10.0.0.1\n")),
        (
            "create a b hash:ip\nadd a b 10.0.0.1\ncreate a hash:ip\nadd a 10.0.0.2",
            Some("create a b hash:ip family inet\nadd a b 10.0.0.1\ncreate a hash:ip family inet\nadd a 10.0.0.2\n"),
        ),
    ] {
        match saved {
            Some(saved) => assert_eq!(printed(written), saved),
            None => assert_eq!(parse(written).diagnostics.len(), 1, "{written}"),
        }
    }
}

/// A comment that names nothing is a comment all the same.
#[test]
fn an_empty_word_is_kept() {
    for text in ["# not understood:\ncreate a hash:ip\n", "# not understood: \u{1}x \ncreate a hash:ip\n"] {
        let dump = parse(text);
        assert_eq!(dump.sets[0].untold.len(), 1, "{text}");
        let whole = print(&dump.sets, &dump.seen, Form::Whole);
        let again = parse(&whole);
        assert_eq!(print(&again.sets, &again.seen, Form::Whole), whole, "{text}");
    }
}

/// What is not known is told once, kept, and printed for those who look.
#[test]
fn what_is_not_known_is_kept() {
    let dump = parse(
        "create a hash:ip colour red\nadd a 10.0.0.1 shape round\nadd a 10.0.0.2 shape round\ncreate b hash:frob size 3\nadd b x,y",
    );
    let unknown = DiagnosticKind::Unknown;
    assert_eq!(told(&dump), [(1, unknown), (2, unknown), (4, unknown)], "{:?}", dump.diagnostics);
    let untold: Vec<&str> = dump.sets[0].untold.iter().map(|what| &**what).collect();
    assert_eq!(untold, ["colour red", "shape round"]);
    assert_eq!(dump.sets[1].elements[0].key, Key::Other("x,y".into()));
    let whole = print(&dump.sets, &dump.seen, Form::Whole);
    assert_eq!(parse(&whole).sets, dump.sets, "{whole}");
    // Words of which nothing is to be seen.
    let dump = parse("create a hash:ip \"\" \"\"\nadd a 10.0.0.1 \"\" \"\u{feff}\"\n");
    let whole = print(&dump.sets, &dump.seen, Form::Whole);
    assert!(whole.contains("# not understood:"), "{whole}");
    assert_eq!(parse(&whole).sets, dump.sets, "{whole}");
}

/// Names and comments that would not stay on their line come back from a recording.
#[test]
fn a_recording_keeps_odd_names() {
    let mut dump = parse("create a hash:ip forceadd comment\nadd a 10.0.0.1 comment x\n");
    dump.seen[0].revision = Some(6);
    for odd in ["two\nlines", "a\"b", "tab\tbed", "$x", " ", "back\\slash", "\u{7f}"] {
        dump.sets[0].name = odd.into();
        let extras = dump.sets[0].elements[0].extras.as_mut().unwrap();
        extras.comment = Some(odd.into());
        let whole = print(&dump.sets, &dump.seen, Form::Whole);
        assert_eq!(whole.lines().count(), 3, "{whole}");
        let again = parse(&whole);
        assert_eq!(again.diagnostics, [], "{whole}");
        assert_eq!((again.sets, again.seen), (dump.sets.clone(), dump.seen.clone()), "{whole}");
    }
}

/// Hands over texts like these, some cut, some with other signs in them. The same each time.
fn damaged(samples: &[Vec<u8>], rounds: u32, mut each: impl FnMut(&[u8])) {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below.max(1) as u64) as usize
    };
    for _ in 0..rounds {
        let mut bytes = samples[random(samples.len())].clone();
        for _ in 0..random(5) {
            let at = random(bytes.len());
            bytes[at] = b" \"\\$-/:,.0a\n{}!\x07"[random(16)];
        }
        bytes.truncate(if random(3) == 0 { random(bytes.len() + 1) } else { bytes.len() });
        each(&bytes);
    }
}

/// Whatever comes, it ends soon, nothing panics, and what was read and recorded is read again as it is.
#[test]
fn no_text_is_too_odd() {
    let mut samples: Vec<Vec<u8>> = SAVED.lines().map(|line| line.as_bytes().to_vec()).collect();
    samples.push(SAVED.as_bytes().to_vec());
    samples.push(
        b"create s hash:net,iface\nadd s 10.0.0.0/8,physdev:a wildcard nomatch skbmark 1/2 skbprio 1:2\n".to_vec(),
    );
    samples.push(b"create $\"a\\u{41}\" hash:ip\nadd $\"a\\\\\" 1.2.3.4-1.2.3.5 timeout\nadd \" \" \"\n".to_vec());
    let mut sets = 0;
    damaged(&samples, 30_000, |bytes| {
        let dump = parse(&String::from_utf8_lossy(bytes));
        sets += dump.sets.len();
        let whole = print(&dump.sets, &dump.seen, Form::Whole);
        let again = parse(&whole);
        assert_eq!(again.sets, dump.sets, "{whole}");
    });
    assert!(sets > 1000, "{sets}");
    // Much of the same takes no more than its share.
    let mut long = "create l list:set\nadd l x0\n".to_owned();
    (1..30_000).for_each(|n| long += &format!("add l x{n} before x0\nadd l x0\n"));
    let before = std::time::Instant::now();
    assert!(parse(&long).diagnostics.len() > 29_000);
    assert!(before.elapsed().as_secs() < 20);
}
