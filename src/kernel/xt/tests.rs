//! Bytes in, matches and targets out. What whole rules come to is judged with the tables that they stand in.

mod targets;

mod rare;

use super::*;
use crate::host::Name;
use crate::host::xt::{
    AddressMask, AddressTypes, Addrtype, Conntrack, CtStates, Masked, Multiport, Nat, Neg, Nfqueue, PortRange,
    Statistic, TcpFlags, TcpMatch, WhichPort,
};

const FAMILIES: [Family; 6] = [Family::Ip, Family::Ip6, Family::Inet, Family::Arp, Family::Bridge, Family::Netdev];

fn a_match(name: &str, revision: u8, bytes: &[u8]) -> Match {
    decode_match(Family::Ip, name, revision, bytes, &mut Names::default())
}

fn a_target(name: &str, revision: u8, bytes: &[u8]) -> Target {
    decode_target(Family::Ip, name, revision, bytes, &mut Names::default())
}

/// Numbers one after the other, padded to a length.
fn bytes(parts: &[&[u8]], length: usize) -> Vec<u8> {
    let mut bytes = parts.concat();
    bytes.resize(length, 0);
    bytes
}

fn two(numbers: &[u16]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_ne_bytes()).collect()
}

fn four(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_ne_bytes()).collect()
}

#[test]
fn typed_matches() {
    let port = |first, last| Some(Neg::is(PortRange { first, last }));
    let tcp = bytes(&[&two(&[0, 65535, 80, 90]), &[0, 0x12, 0x02, 0x04]], 16);
    let flags = Some(Neg::not((TcpFlags::SYN | TcpFlags::ACK, TcpFlags::SYN)));
    assert_eq!(a_match("tcp", 0, &tcp), Match::Tcp(TcpMatch { dport: port(80, 90), flags, ..TcpMatch::default() }));

    let mut ranges = vec![0; 16];
    (ranges[1], ranges[15]) = (1, 1);
    let ports = two(&[80, 8000, 8100, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let multiport = bytes(&[&[1, 3], &ports, &ranges], 48);
    let found = [PortRange::one(80), PortRange { first: 8000, last: 8100 }];
    let expected = Multiport { which: WhichPort::Destination, not: true, ports: found.into() };
    assert_eq!(a_match("multiport", 1, &multiport), Match::Multiport(Box::new(expected)));

    let local = bytes(&[&two(&[0, 1 << 2]), &four(&[0x02])], 8);
    let destination = Some(Neg::not(AddressTypes::LOCAL));
    assert_eq!(a_match("addrtype", 1, &local), Match::Addrtype(Addrtype { destination, ..Addrtype::default() }));

    let nth = bytes(&[&two(&[1, 0]), &four(&[2, 1])], 24);
    assert_eq!(a_match("statistic", 0, &nth), Match::Statistic(Statistic::Nth(Neg::is((3, 1)))));
    assert_eq!(
        a_match("mark", 1, &bytes(&[&four(&[5, 7]), &[1]], 16)),
        Match::Mark(Neg::not(Masked { value: 5, mask: 7 }))
    );
}

/// The struct of old tools, whose bits are not all those of `conntrack`.
#[test]
fn state_of_its_own() {
    let established = CtStates::ESTABLISHED | CtStates::RELATED | CtStates::UNTRACKED;
    assert_eq!(a_match("state", 0, &bytes(&[&four(&[0x46])], 8)), Match::State(Neg::is(established)));
    let all_but_new = CtStates::INVALID | established;
    assert_eq!(a_match("state", 0, &bytes(&[&four(&[!0x08])], 8)), Match::State(Neg::is(all_but_new)));
}

/// The older structs say less, and in another byte order.
#[test]
fn old_revisions() {
    let addresses = [&[10, 1, 2, 3][..], &[0; 12], &[255, 0, 0, 0], &[0; 12], &[0; 96]].concat();
    let flags = two(&[1 | 1 << 2 | 1 << 8, 1 << 8]);
    let first = bytes(&[&addresses, &four(&[0, 0]), &two(&[0]), &[0, 80, 0, 0, 0, 0, 0, 0], &flags, &[0x08, 0]], 152);
    let Match::Conntrack(found) = a_match("conntrack", 1, &first) else { panic!("not understood") };
    let expected = Conntrack {
        state: Some(Neg::is(CtStates::NEW)),
        orig_src: Some(Neg::is(AddressMask::Net("10.1.2.3/8".parse().unwrap()))),
        orig_sport: Some(Neg::not(PortRange::one(80))),
        ..Conntrack::default()
    };
    assert_eq!(*found, expected);
    let second = bytes(&[&first[..150], &two(&[0x08, 0])], 160);
    assert_eq!(a_match("conntrack", 2, &second), Match::Conntrack(found.clone()));
    let third = bytes(&[&first[..138], &two(&[80, 0, 0, 0]), &flags, &two(&[0x08, 0, 80, 0, 0, 0])], 168);
    assert_eq!(a_match("conntrack", 3, &third), Match::Conntrack(found));

    let recent = bytes(&[&four(&[60, 0]), &[1, 0], b"ssh"], 212);
    let with_mask = bytes(&[&recent, &[255; 4]], 232);
    let Match::Recent(found) = a_match("recent", 0, &bytes(&[&recent], 216)) else { panic!("not understood") };
    assert_eq!((&*found.name, found.seconds, found.hitcount, found.mask), ("ssh", Some(60), None, None));
    assert_eq!(a_match("recent", 1, &with_mask), Match::Recent(found));

    let local = bytes(&[&two(&[0, 4]), &four(&[0, 1])], 16);
    let destination = Some(Neg::not(AddressTypes::LOCAL));
    assert_eq!(a_match("addrtype", 0, &local), Match::Addrtype(Addrtype { destination, ..Addrtype::default() }));
    let ports = Multiport { which: WhichPort::Source, not: false, ports: [1, 2].map(PortRange::one).into() };
    assert_eq!(a_match("multiport", 0, &bytes(&[&[0, 2], &two(&[1, 2])], 32)), Match::Multiport(Box::new(ports)));
}

#[test]
fn typed_targets() {
    let to = bytes(&[&four(&[3]), &[10, 42, 0, 2], &[0; 12], &[10, 42, 0, 2], &[0; 12], &[0, 80, 0, 80]], 48);
    let address = "10.42.0.2".parse().unwrap();
    let expected = Nat { addresses: Some((address, address)), ports: Some(PortRange::one(80)), ..Nat::default() };
    assert_eq!(a_target("DNAT", 2, &to), Target::Dnat(Box::new(expected)));
    assert_eq!(a_target("DNAT", 1, &to[..40]), Target::Dnat(Box::new(expected)));
    let compat = bytes(&[&four(&[1, 3]), &[10, 42, 0, 2], &[10, 42, 0, 2], &[0, 80, 0, 80]], 24);
    assert_eq!(a_target("DNAT", 0, &compat), Target::Dnat(Box::new(expected)));
    assert_eq!(a_target("SNAT", 0, &compat), Target::Snat(Box::new(expected)));
    assert_eq!(a_target("SNAT", 1, &to[..40]), Target::Snat(Box::new(expected)));
    assert_eq!(a_target("SNAT", 2, &to), Target::Snat(Box::new(expected)));
    assert_eq!(a_target("NOTRACK", 0, &[]), Target::Notrack { own_name: true });
    let queues = Nfqueue { first: 1, last: 4, bypass: true, cpu_fanout: false };
    assert_eq!(a_target("NFQUEUE", 3, &bytes(&[&two(&[1, 4, 1])], 8)), Target::Nfqueue(queues));
    assert_eq!(a_target("NFQUEUE", 2, &bytes(&[&two(&[1, 4, 1])], 8)), Target::Nfqueue(queues));
    let plain = Nfqueue { bypass: false, ..queues };
    assert_eq!(a_target("NFQUEUE", 1, &bytes(&[&two(&[1, 4])], 8)), Target::Nfqueue(plain));
    assert_eq!(a_target("NFQUEUE", 0, &bytes(&[&two(&[1])], 8)), Target::Nfqueue(Nfqueue { last: 1, ..plain }));
}

/// Whatever is not understood keeps its name, revision and bytes.
#[test]
fn what_is_not_understood_is_kept() {
    let words = |words: &[Name], name: &str| format!("{name} {}", words.join(" "));
    for (name, revision, bytes, expected) in [
        ("new", 3, &[1, 0xab][..], "new --revision 3 --bytes 01ab"),
        ("tcp", 9, &[0; 2], "tcp --revision 9 --bytes 0000"),
        ("tcp", 0, &[0; 3], "tcp --revision 0 --bytes 000000"),
        ("ttl", 0, &[9, 0, 0, 0], "ttl --revision 0 --bytes 09000000"),
        ("hl", 0, &[0, 0], "hl --revision 0 --bytes 0000"),
        ("new", 1, &[], "new --revision 1 --bytes "),
        ("nosuch", 0, &[], "nosuch "),
    ] {
        let Match::Opaque(opaque) = a_match(name, revision, bytes) else { panic!("{name} is understood") };
        assert_eq!(words(&opaque.words, &opaque.name), expected);
        let Target::Opaque(opaque) = a_target(name, revision, bytes) else { panic!("{name} is understood") };
        assert_eq!(words(&opaque.words, &opaque.name), expected);
    }
    // Flags of tomorrow are no flags of today.
    for (name, revision, bytes) in [
        ("tcp", 0, bytes(&[&two(&[0, 65535, 0, 65535]), &[0, 0, 0, 0x10]], 16)),
        ("tcp", 0, bytes(&[&two(&[0, 65535, 0, 65535]), &[0, 0x40, 0]], 16)),
        ("udp", 0, bytes(&[&two(&[9, 8, 0, 65535])], 16)),
        ("addrtype", 1, bytes(&[&two(&[0, 4]), &four(&[0x10])], 8)),
        ("addrtype", 1, bytes(&[&two(&[0, 4]), &four(&[0x0c])], 8)),
        ("limit", 0, vec![0; 40]),
        ("recent", 1, vec![0; 232]),
        ("conntrack", 3, vec![0; 168]),
        ("conntrack", 3, bytes(&[&[0; 146], &two(&[0x4000])], 168)),
        ("owner", 1, vec![0; 24]),
        ("multiport", 1, bytes(&[&[1, 16]], 48)),
    ] {
        assert!(matches!(a_match(name, revision, &bytes), Match::Opaque(_)), "{name}");
    }
    for (name, revision, bytes) in [
        ("DNAT", 1, bytes(&[&four(&[0x20])], 40)),
        ("MASQUERADE", 0, bytes(&[&four(&[1, 1])], 24)),
        ("REJECT", 0, bytes(&[&four(&[4])], 8)),
        ("LOG", 0, bytes(&[&[8, 0]], 32)),
        ("CT", 2, bytes(&[&two(&[0x20])], 72)),
        ("CT", 2, bytes(&[&two(&[2, 5])], 72)),
        ("CT", 2, bytes(&[&two(&[0, 0]), &four(&[1 << 10])], 72)),
        ("CONNMARK", 2, bytes(&[&four(&[0, 1, 1]), &[2, 4, 1]], 16)),
        ("CONNMARK", 2, bytes(&[&four(&[0, 1, 1]), &[0, 33, 1]], 16)),
        ("MARK", 1, bytes(&[&four(&[5, 0]), &[3]], 16)),
        ("TTL", 0, bytes(&[&[3, 1]], 8)),
        ("DSCP", 0, bytes(&[&[64]], 8)),
        ("CHECKSUM", 0, bytes(&[&[3]], 8)),
        ("TCPOPTSTRIP", 0, bytes(&[&[1]], 32)),
        ("ECN", 0, bytes(&[&[0x11, 4]], 8)),
        ("ECN", 0, bytes(&[&[2, 0]], 8)),
        ("SECMARK", 1, bytes(&[&[2]], 264)),
        ("CONNSECMARK", 0, bytes(&[&[3]], 8)),
        ("HMARK", 0, bytes(&[&[0; 40], &four(&[1 << 13])], 64)),
        ("HMARK", 0, bytes(&[&[0; 32], &four(&[1, 0, 1 << 10, 0, 0, 1])], 64)),
        ("HMARK", 0, bytes(&[&[0xf0, 0x0f], &[0; 38], &four(&[1])], 64)),
        ("NFLOG", 0, bytes(&[&four(&[1, 0, 2])], 80)),
        ("AUDIT", 0, bytes(&[&[3]], 8)),
        ("IDLETIMER", 1, bytes(&[&[0; 32], &[1, 0]], 48)),
        ("IDLETIMER", 1, bytes(&[&[0; 32], &[0, 2]], 48)),
        ("LED", 0, bytes(&[b"other-x"], 40)),
        ("RATEEST", 0, bytes(&[&[b'x'; 1], &[0; 15], &[4, 1]], 32)),
        ("RATEEST", 0, bytes(&[&[b'x'; 1], &[0; 15], &[0, 31]], 32)),
        ("SYNPROXY", 0, bytes(&[&[0x20]], 8)),
        ("CLUSTERIP", 0, bytes(&[&four(&[2])], 64)),
        ("CLUSTERIP", 0, bytes(&[&four(&[1]), &[0; 6], &two(&[2, 2, 1, 2])], 64)),
        ("ULOG", 0, bytes(&[&four(&[3])], 56)),
        ("NFQUEUE", 3, bytes(&[&two(&[1, 0, 0])], 8)),
    ] {
        assert!(matches!(a_target(name, revision, &bytes), Target::Opaque(_)), "{name}");
    }
}

/// Tables of both families do not tell how long an address is.
#[test]
fn addresses_have_a_family() {
    let mut names = Names::default();
    let range = bytes(&[&[0; 64], &[1]], 72);
    for family in FAMILIES {
        let known = matches!(decode_match(family, "iprange", 1, &range, &mut names), Match::Iprange(_));
        assert_eq!(known, matches!(family, Family::Ip | Family::Ip6), "{family}");
    }
}

/// Every name with every revision that has a row or might have one, in every family, with bytes of all lengths: nothing
/// panics, and what is not typed keeps its bytes.
#[test]
fn no_bytes_do_harm() {
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    };
    let matches = MATCHES.iter().flat_map(|rows| sizes(rows));
    let known: Vec<_> = matches.chain(TARGETS.iter().flat_map(|rows| sizes(rows))).collect();
    let mut names = Names::default();
    for round in 0..100 {
        for (name, size) in &known {
            let length = if round % 3 == 0 { random() as usize % 300 } else { *size };
            // Few bits, so that flags are often ones that are known.
            let thin = random() % 4;
            let byte = |random: &mut dyn FnMut() -> u64| (0..thin).fold(0xff, |byte, _| byte & random() as u8);
            let bytes: Vec<u8> = (0..length).map(|_| byte(&mut random)).collect();
            for (family, revision) in FAMILIES.iter().flat_map(|family| (0..5).map(move |revision| (*family, revision)))
            {
                let kept = opaque(name, revision, &bytes, &mut names);
                if let Match::Opaque(found) = decode_match(family, name, revision, &bytes, &mut names) {
                    assert_eq!(found, kept);
                }
                if let Target::Opaque(found) = decode_target(family, name, revision, &bytes, &mut names) {
                    assert_eq!(found, kept);
                }
            }
        }
    }
}

fn sizes<T>(rows: &'static [Row<T>]) -> impl Iterator<Item = (&'static str, usize)> {
    rows.iter().map(|row| (row.name, row.size))
}
