//! Bytes of every revision: those that this machine's tools do not make are built here.

use super::*;
use crate::host::{Backend, Table};
use crate::kernel::tests::damaged;
use crate::kernel::xt::{Around, decode_match, decode_target};
use crate::syntax::iptables;

fn sets() -> SetNames {
    SetNames::new(vec![(7, "pairs".into()), (3, "block list".into())])
}

fn table(family: Family) -> Table {
    Table {
        family,
        name: "filter".into(),
        backend: Backend::IptablesLegacy,
        chains: Vec::new(),
        sets: Vec::new(),
        particulars: Default::default(),
    }
}

fn matched(family: Family, revision: u8, bytes: &[u8]) -> String {
    let sets = sets();
    let found = decode_match(Around { family, sets: &sets }, "set", revision, bytes, &mut Names::default());
    iptables::match_text(family, &found)
}

fn targeted(family: Family, revision: u8, bytes: &[u8]) -> String {
    let sets = sets();
    let found = decode_target(Around { family, sets: &sets }, "SET", revision, bytes, &mut Names::default());
    iptables::target_text(&table(family), &found)
}

fn info0(number: u16, flags: &[u32]) -> Vec<u8> {
    let mut bytes = [number.to_ne_bytes(), [0; 2]].concat();
    bytes.extend(flags.iter().flat_map(|flags| flags.to_ne_bytes()));
    bytes.resize(INFO0 - 4, 0);
    // What the kernel makes of it: dimensions and flags of the next revision.
    bytes.extend([flags.len() as u8, 2, 0, 0]);
    bytes
}

fn info1(number: u16, dimensions: u8, flags: u8) -> Vec<u8> {
    [&number.to_ne_bytes()[..], &[dimensions, flags]].concat()
}

fn match3(info: &[u8], packets: (u8, u64), bytes: (u8, u64), flags: u32) -> Vec<u8> {
    let mut all = info.to_vec();
    for (op, value) in [packets, bytes] {
        all.resize(all.len().next_multiple_of(WIDE), 0);
        all.push(op);
        all.resize(all.len() + WIDE - 1, 0xee);
        all.extend(value.to_ne_bytes());
    }
    all.extend(flags.to_ne_bytes());
    all.resize(all.len().next_multiple_of(WIDE), 0);
    all
}

fn match4(info: &[u8], packets: (u8, u64), bytes: (u8, u64), flags: u32) -> Vec<u8> {
    let mut all = [info, &[0; 4]].concat();
    for (op, value) in [packets, bytes] {
        all.extend(value.to_ne_bytes());
        all.push(op);
        all.resize(all.len() + 7, 0xee);
    }
    all.extend(flags.to_ne_bytes());
    all.resize(all.len() + 4, 0);
    all
}

#[test]
fn matches_of_every_revision() {
    let (both, one) = (info1(7, 2, 0b0000_0101), info1(3, 1, 0b10));
    let count = |op, value| (op, value);
    for (revision, bytes, text) in [
        (0, info0(7, &[SOURCE0 | INVERSE0, DESTINATION0]), "-m set ! --match-set pairs src,dst"),
        (1, both.clone(), "-m set ! --match-set pairs dst,src"),
        (2, info1(3, 1, 0x80), "-m set --match-set \"block list\" dst --return-nomatch"),
        (
            3,
            match3(&one, count(2, 5), count(4, u64::MAX - 1), 0x98),
            "-m set --match-set \"block list\" src --return-nomatch ! --update-counters ! --update-subcounters ! \
             --packets-eq 5 --bytes-gt 18446744073709551614",
        ),
        (
            4,
            match4(&both, count(1, 0), count(3, 9), 0),
            "-m set ! --match-set pairs dst,src --packets-eq 0 --bytes-lt 9",
        ),
        (
            4,
            match4(&one, count(0, 0), count(0, 0), 0x10),
            "-m set --match-set \"block list\" src ! --update-subcounters",
        ),
    ] {
        assert_eq!(matched(Family::Ip, revision, &bytes), text, "{revision}");
    }
    assert!(matched(Family::Ip6, 0, &info0(7, &[SOURCE0])).contains("--bytes"), "revision 0 is IPv4's");
}

#[test]
fn targets_of_every_revision() {
    let (add, del, none) = (info1(7, 2, 0b100), info1(3, 1, 0b10), info1(NO_SET, 0, 0));
    let words = |words: [u32; 2]| words.iter().flat_map(|word| word.to_ne_bytes()).collect::<Vec<_>>();
    let empty = info0(NO_SET, &[]);
    for (revision, parts, text) in [
        (0, vec![info0(7, &[DESTINATION0, SOURCE0]), empty], "-j SET --add-set pairs dst,src"),
        (1, vec![none.clone(), del.clone()], "-j SET --del-set \"block list\" src"),
        (
            2,
            vec![add.clone(), del.clone(), words([1, 60])],
            "-j SET --add-set pairs dst,src --exist --timeout 60 --del-set \"block list\" src",
        ),
        (
            3,
            vec![none.clone(), none, add, words([0x500, u32::MAX])],
            "-j SET --map-set pairs dst,src --map-mark --map-queue",
        ),
    ] {
        assert_eq!(targeted(Family::Ip, revision, &parts.concat()), text, "{revision}");
    }
}

/// What has no name, or a flag that is not known, is kept as bytes.
#[test]
fn what_is_not_known_keeps_its_bytes() {
    for (revision, bytes) in [
        (1, info1(8, 1, 0)),
        (1, info1(7, 7, 0)),
        (1, info1(7, 0, 0)),
        (4, match4(&info1(7, 1, 0), (5, 0), (0, 0), 0)),
        (4, match4(&info1(7, 1, 0), (0, 0), (0, 0), 0x40)),
        (0, info0(7, &[])),
    ] {
        let text = matched(Family::Ip, revision, &bytes);
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let own = if revision == 0 { "--revision 0".to_owned() } else { format!("--revision {revision}") };
        assert_eq!(text, format!("-m set {own} --bytes {hex}"));
    }
}

#[test]
fn no_bytes_are_too_odd() {
    let sets = sets();
    let one = info1(7, 2, 0b110);
    let samples = [
        info0(7, &[SOURCE0, DESTINATION0]),
        [info0(7, &[SOURCE0]), info0(3, &[DESTINATION0])].concat(),
        one.clone(),
        match3(&one, (1, 2), (3, 4), 8),
        match4(&one, (1, 2), (3, 4), 8),
        [&one[..], &one, &one, &[0; 8]].concat(),
    ];
    let (mut typed, mut opaque) = (0, 0);
    damaged(&samples, 20_000, |bytes| {
        for revision in 0..=5 {
            let around = Around { family: Family::Ip, sets: &sets };
            let mut names = Names::default();
            for is_opaque in [
                matches!(decode_match(around, "set", revision, bytes, &mut names), Match::Opaque(_)),
                matches!(decode_target(around, "SET", revision, bytes, &mut names), Target::Opaque(_)),
            ] {
                *if is_opaque { &mut opaque } else { &mut typed } += 1;
            }
        }
    });
    assert!(typed > 1000 && opaque > 1000, "{typed} {opaque}");
}
