//! What this kernel lacks, and revisions that the tools of today no longer store: made-up bytes in, iptables' text out,
//! and the same match of that text.

use super::*;
use crate::host::{Backend, IpFamily};
use crate::syntax::iptables;

/// A struct of this length, with bytes at some places.
fn at(length: usize, parts: &[(usize, &[u8])]) -> Vec<u8> {
    let mut bytes = vec![0; length];
    parts.iter().for_each(|(at, part)| bytes[*at..at + part.len()].copy_from_slice(part));
    bytes
}

/// What the bytes say as text; text that is read again is the same.
#[track_caller]
fn told(family: Family, name: &str, revision: u8, bytes: &[u8]) -> String {
    let found = decode_match(family, name, revision, bytes, &mut Names::default());
    assert!(!matches!(found, Match::Opaque(_)), "{name} {revision} is not understood");
    let text = iptables::match_text(family, &found);
    assert_eq!(read_again(family, &text), Some(found), "{text}");
    text
}

/// The match that a text is.
fn read_again(family: Family, text: &str) -> Option<Match> {
    let family = if family == Family::Ip6 { IpFamily::V6 } else { IpFamily::V4 };
    let options = iptables::Options { family: Some(family), backend: Backend::IptablesLegacy };
    let dump = iptables::parse(&format!("*filter\n:INPUT ACCEPT [0:0]\n-A INPUT {text}\nCOMMIT\n"), &options);
    dump.ruleset.tables[0].chains[0].rules.first()?.body.matches().next().cloned()
}

#[test]
fn ipvs() {
    let address = [(0, &[10, 0, 0, 1][..]), (16, &[255, 255, 255, 0])];
    let numbers = [(32, &[0, 80][..]), (34, &[6, 2]), (36, &[0, 21])];
    let asked = |inverse: u8, asked: u8| at(40, &[&address[..], &numbers, &[(38, &[inverse, asked])]].concat());
    for (inverse, bits, text) in [
        (0, 0x01, "-m ipvs --ipvs"),
        (1, 0x01, "-m ipvs ! --ipvs"),
        (0, 0x7f, "-m ipvs --vproto 6 --vaddr 10.0.0.1/24 --vport 80 --vdir ORIGINAL --vmethod IPIP --vportctl 21"),
        (
            0x7e,
            0x7f,
            "-m ipvs ! --vproto 6 ! --vaddr 10.0.0.1/24 ! --vport 80 --vdir REPLY ! --vmethod IPIP ! --vportctl 21",
        ),
        (0, 0x09, "-m ipvs --vport 80"),
    ] {
        assert_eq!(told(Family::Ip, "ipvs", 0, &asked(inverse, bits)), text);
    }
    assert!(matches!(a_match("ipvs", 0, &asked(1, 0x03)), Match::Opaque(_)));
}

/// The tools put two blanks before the name.
#[test]
fn accounts() {
    for (revision, length) in [(0, 32 + size_of::<usize>()), (1, 40)] {
        assert_eq!(told(Family::Ip, "nfacct", revision, &at(length, &[(0, b"in")])), "-m nfacct --nfacct-name  in");
    }
    assert_eq!(told(Family::Ip6, "nfacct", 1, &at(40, &[(0, b"a b")])), "-m nfacct --nfacct-name  \"a b\"");
}

#[test]
fn control_groups() {
    let one = 1u32.to_ne_bytes();
    assert_eq!(told(Family::Ip, "cgroup", 0, &at(8, &[(0, &one), (4, &one)])), "-m cgroup ! --cgroup 1");
    assert_eq!(told(Family::Ip, "cgroup", 1, &at(4112, &[(1, &[1]), (4100, &one)])), "-m cgroup --cgroup 1");
    assert_eq!(told(Family::Ip, "cgroup", 2, &at(528, &[(1, &[1, 0, 1]), (4, &one)])), "-m cgroup ! --cgroup 1");
    for (revision, length) in [(1, 4112), (2, 528)] {
        let bytes = at(length, &[(0, &[1, 0, 1]), (4, b"a/b c")]);
        assert_eq!(told(Family::Ip6, "cgroup", revision, &bytes), "-m cgroup ! --path \"a/b c\"");
        assert!(matches!(a_match("cgroup", revision, &at(length, &[])), Match::Opaque(_)));
    }
}

/// Rates were counted in 1/10000 s, and names were short.
#[test]
fn old_hashlimit() {
    let four = |number: u32| number.to_ne_bytes();
    let eight = |number: u64| number.to_ne_bytes();
    let first = |mode: u32, cost: u32, burst: u32, expire: u32| {
        let (mode, cost, burst, expire) = (four(mode), four(cost), four(burst), four(expire));
        let parts: [(usize, &[u8]); 7] =
            [(0, b"ssh"), (16, &mode), (20, &cost), (24, &burst), (36, &four(1000)), (40, &expire), (44, &[24, 32])];
        at(56, &parts)
    };
    for (mode, cost, burst, expire, text) in [
        (4, 10_000 / 7, 5, 1000, "--hashlimit-upto 7/sec --hashlimit-burst 5 --hashlimit-mode srcip"),
        (0x14, 36_000_000 / 59, 9, 3_600_000, "--hashlimit-above 59/hour --hashlimit-burst 9 --hashlimit-mode srcip"),
        (0x24, 0xffff_ffff / 65, 3, 60_000, "--hashlimit-upto 1kb/s --hashlimit-burst 3kb --hashlimit-mode srcip"),
        (4, 864_000_000, 5, 86_400_000, "--hashlimit-upto 1/day --hashlimit-burst 5 --hashlimit-mode srcip"),
    ] {
        let expected = format!("-m hashlimit {text} --hashlimit-name ssh --hashlimit-srcmask 24");
        assert_eq!(told(Family::Ip, "hashlimit", 1, &first(mode, cost, burst, expire)), expected);
    }
    let (cost, burst, mode) = (eight(100_000), eight(7), four(1));
    let parts: [(usize, &[u8]); 7] = [
        (0, b"x"),
        (256, &cost),
        (264, &burst),
        (272, &mode),
        (284, &four(1000)),
        (288, &four(1000)),
        (292, &[128, 64]),
    ];
    let expected = "-m hashlimit --hashlimit-upto 10/sec --hashlimit-burst 7 --hashlimit-mode dstip --hashlimit-name x \
        --hashlimit-dstmask 64";
    assert_eq!(told(Family::Ip6, "hashlimit", 2, &at(304, &parts)), expected);
}

#[test]
fn old_sockets_and_programs() {
    assert_eq!(told(Family::Ip, "socket", 0, &[]), "-m socket");
    assert_eq!(told(Family::Ip6, "socket", 1, &at(8, &[(0, &[1])])), "-m socket --transparent");
    assert_eq!(told(Family::Ip6, "socket", 2, &at(8, &[(0, &[3])])), "-m socket --transparent --nowildcard");
    assert!(matches!(a_match("socket", 1, &at(8, &[(0, &[2])])), Match::Opaque(_)));
    let program = at(528, &[(0, &1u16.to_ne_bytes()), (4, &[6, 0, 1, 2]), (8, &9u32.to_ne_bytes())]);
    let expected = format!("-m bpf --bytecode \"1,{} 1 2 9\"", u16::from_ne_bytes([6, 0]));
    assert_eq!(told(Family::Ip, "bpf", 0, &program), expected);
    let pinned = at(528, &[(0, &1u16.to_ne_bytes()), (8, b"/sys/fs/bpf/x")]);
    assert_eq!(told(Family::Ip, "bpf", 1, &pinned), "-m bpf --object-pinned /sys/fs/bpf/x");
}

#[test]
fn old_segment_routing() {
    let asked = 0x0412u16.to_ne_bytes();
    let bytes = at(16, &[(0, &[17, 8, 4, 2]), (4, &7u16.to_ne_bytes()), (6, &asked), (8, &0x10u16.to_ne_bytes())]);
    let expected = "-m srh --srh-hdr-len-eq 8 ! --srh-segs-left-eq 4 --srh-tag 7";
    assert_eq!(told(Family::Ip6, "srh", 0, &bytes), expected);
}

/// What has no words in iptables' language is kept as bytes.
#[test]
fn what_no_option_says() {
    let (one, many) = (1u32.to_ne_bytes(), [0xff; 32]);
    for (name, revision, bytes) in [
        // Chunk types without a name are words in no text, nor are flags of all types.
        ("sctp", 0, at(296, &[(8, &many), (264, &one), (284, &[4])])),
        ("sctp", 0, at(296, &[(284, &[4])])),
        ("dccp", 0, at(16, &[(8, &[4]), (12, &0x0800u16.to_ne_bytes())])),
        ("policy", 0, at(312, &[(304, &3u16.to_ne_bytes())])),
        ("rateest", 0, at(72, &[])),
        ("string", 1, at(160, &[])),
        ("string", 1, at(160, &[(148, &[129])])),
        ("u32", 0, at(1984, &[])),
        ("u32", 0, at(1984, &[(1980, &[12])])),
        ("bpf", 1, at(528, &[(0, &2u16.to_ne_bytes())])),
        ("connlimit", 1, at(32, &[(0, &[255, 0, 255, 0])])),
        ("ecn", 0, at(8, &[(0, &[2])])),
        ("time", 0, at(24, &[(8, &many[..4])])),
        ("rpfilter", 0, at(8, &[(0, &[0x10])])),
        ("osf", 0, at(48, &[(36, &0x10u32.to_ne_bytes())])),
        ("hashlimit", 3, at(312, &[(272, &0x80u32.to_ne_bytes())])),
    ] {
        assert!(matches!(a_match(name, revision, &bytes), Match::Opaque(_)), "{name}");
    }
}

/// Matches of which the text says less than the bytes: rates, probabilities and ranges of codes.
const ROUNDED: [&str; 6] = ["icmp", "icmp6", "limit", "hashlimit", "rateest", "statistic"];

/// What no option says is kept as bytes: bursts of nothing, of too much, and rates in intervals that are no whole number.
#[test]
fn hashlimits_that_no_words_say_are_kept() {
    let limit = |mode: u32, cost: u64, burst: u64| {
        let (mode, cost, burst) = (mode.to_ne_bytes(), cost.to_ne_bytes(), burst.to_ne_bytes());
        let second = [&60_000u32.to_ne_bytes()[..], &1u32.to_ne_bytes()].concat();
        at(312, &[(0, b"--x"), (256, &cost), (264, &burst), (272, &mode), (292, &second), (300, &[32, 32])])
    };
    const BYTES: u32 = 0x20;
    const RATE_MATCH: u32 = 0x40;
    for (mode, cost, burst, has_words) in [
        (0, 1_000_000, 1, true),
        (0, 1_000_000, 0, false),
        (0, 1_000_000, 1_000_000, true),
        (0, 1_000_000, 1_000_001, false),
        (0, 61_016_000, 5, false),
        (0, 1_000_000 * 3600 / 59, 5, true),
        (0, 0, 5, false),
        (BYTES, 65_535, u32::MAX.into(), true),
        (BYTES, 5, u32::MAX.into(), false),
        (BYTES, u64::from(u32::MAX) / 2561 + 1, 5, false),
        (BYTES, 5, 1 << 32, false),
        (RATE_MATCH, 1_000_000 / 17, 5, true),
        (RATE_MATCH, 59_624, 5, false),
        (RATE_MATCH, 2_000_000, 5, false),
    ] {
        let found = a_match("hashlimit", 3, &limit(mode, cost, burst));
        let is_kept = matches!(found, Match::Opaque(_));
        assert_eq!(is_kept, !has_words, "{mode:x} {cost} {burst}: {found:?}");
    }
}

/// Flags of chunks that have no letter are kept as bytes.
#[test]
fn flags_of_chunks_have_letters_or_are_kept() {
    let asked = [(284, &4u32.to_ne_bytes()[..]), (264, &1u32.to_ne_bytes()), (280, &1u32.to_ne_bytes())];
    let chunk = |mask: u8| at(292, &[&asked[..], &[(8, &1u32.to_ne_bytes()[..]), (268, &[0, 2, mask])]].concat());
    assert_eq!(told(Family::Ip, "sctp", 0, &chunk(0x06)), "-m sctp --chunk-types any DATA:uB");
    assert!(matches!(a_match("sctp", 0, &chunk(0xf0)), Match::Opaque(_)));
}

/// A rule is a line of a dump: what would break it is kept as bytes, but for a comment, which decides nothing.
#[test]
fn no_text_breaks_its_line() {
    assert!(matches!(a_match("helper", 0, &at(40, &[(4, b"ftp\nx")])), Match::Opaque(_)));
    assert!(matches!(
        a_match("physdev", 0, &at(72, &[(0, b"a\nb"), (16, &[255; 4]), (64, &[0, 1])])),
        Match::Opaque(_)
    ));
    assert_eq!(told(Family::Ip, "comment", 0, &at(256, &[(0, b"two\nlines")])), "-m comment --comment \"two lines\"");
}

/// Whatever bytes have a typed form, their text is read as the same, and comes out the same again.
#[test]
fn text_says_what_bytes_said() {
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    };
    let mut names = Names::default();
    let (mut typed, mut wrong) = (0, Vec::new());
    for row in MATCHES.iter().flat_map(|rows| rows.iter()) {
        for round in 0..160 {
            let family = if round % 2 == 0 { Family::Ip } else { Family::Ip6 };
            // Few bits, or few bytes, so that flags are often ones that are known.
            let (thin, few) = (random() % 5, random() % 30 + 1);
            let byte = |random: &mut dyn FnMut() -> u64| {
                if random().is_multiple_of(few) { (0..thin).fold(0xff, |byte, _| byte & random() as u8) } else { 0 }
            };
            let bytes: Vec<u8> = (0..row.size).map(|_| byte(&mut random)).collect();
            let found = decode_match(family, row.name, row.revision, &bytes, &mut names);
            if matches!(found, Match::Opaque(_)) {
                continue;
            }
            let text = iptables::match_text(family, &found);
            if text.contains(['\n', '\r']) {
                continue;
            }
            typed += 1;
            let again = read_again(family, &text);
            let same = again.as_ref().is_some_and(|again| iptables::match_text(family, again) == text);
            let equal = again.as_ref() == Some(&found) || ROUNDED.contains(&row.name);
            if !same || !equal {
                wrong.push(format!("{text}: {found:?}, not {again:?}"));
            }
        }
    }
    assert!(typed > 2000, "{typed}");
    assert!(wrong.is_empty(), "{} of {typed}: {:#?}", wrong.len(), &wrong[..wrong.len().min(20)]);
}
