//! What is read of sets against what `ipset save` says of them, each in a network namespace of its own.
//!
//! The types that not every kernel has (hash:mac, hash:ip,mac, hash:ip,mark, hash:net,net, hash:net,port,net) are built here
//! as bytes.

mod random;
mod rules;

use std::sync::atomic::{AtomicBool, Ordering};

use super::super::netlink::frame;
use super::*;
use crate::kernel::tests::{apart, damaged, run};
use crate::syntax::ipset::{self as text, Dump, Form};

/// What the kernel has and what the tool says of it, at one moment: time that goes by shows in timeouts.
fn told() -> (Sets, String) {
    for _ in 0..20 {
        let before = read(&Answers::default()).expect("ipset");
        let saved = run(&["ipset", "save"], "");
        let after = read(&Answers::default()).expect("ipset");
        if (&before.sets, &before.seen) == (&after.sets, &after.seen) {
            return (before, saved);
        }
    }
    panic!("the sets change all the time");
}

/// Takes out what the tool does not tell: revisions, and `forceadd`.
fn as_told(sets: &mut [IpSet], seen: &mut [Seen]) {
    sets.iter_mut().for_each(|set| set.options.forceadd = false);
    seen.iter_mut().for_each(|seen| seen.revision = None);
}

/// Holds what is read against what is saved: the same text, and the same sets.
fn judge() -> Sets {
    let (mut read, saved) = told();
    assert!(!read.torn, "each set has as many elements as it says");
    let printed = text::print(&read.sets, &read.seen, Form::Tool);
    for (ours, theirs) in printed.lines().zip(saved.lines()) {
        assert_eq!(ours, theirs);
    }
    assert_eq!(printed, saved);
    let whole = text::print(&read.sets, &read.seen, Form::Whole);
    let again = text::parse(&whole);
    assert_eq!(again.diagnostics, [], "{whole}");
    assert_eq!((&again.sets, &again.seen), (&read.sets, &read.seen), "{whole}");
    as_told(&mut read.sets, &mut read.seen);
    let Dump { sets, seen, diagnostics } = text::parse(&saved);
    assert_eq!(diagnostics, [], "{saved}");
    for (ours, theirs) in read.sets.iter().zip(&sets) {
        assert_eq!(ours, theirs);
    }
    assert_eq!((&read.sets, &read.seen), (&sets, &seen));
    read
}

/// Every type that this machine's kernel has, every option, elements of each kind.
const EVERYTHING: &str = r#"create bi bitmap:ip range 10.0.0.0/24 timeout 1000 counters comment skbinfo
add bi 10.0.0.5 comment "hello 'w' $x" skbmark 0x10/0xff skbprio 1:ab skbqueue 7 packets 5 bytes 10
add bi 10.0.0.9 comment x\y timeout 5000
add bi 10.0.0.10-10.0.0.12 skbmark 0x7
add bi 10.0.0.13 timeout 0
create bin bitmap:ip range 10.0.0.0/16 netmask 24
add bin 10.0.3.7
create bm bitmap:ip,mac range 10.0.0.0/24 comment timeout 600
add bm 10.0.0.5,aa:bb:cc:dd:ee:01
add bm 10.0.0.6,AA:b:0:0:0:0 comment "with a mac"
create bme bitmap:ip,mac range 10.0.0.0-10.0.0.9
add bme 10.0.0.7
create bp bitmap:port range 0-1024 counters skbinfo
add bp 80 skbprio ffff:fffe
add bp tcp:90-92 packets 18446744073709551614 bytes 7
create hi hash:ip forceadd bucketsize 8 initval 0x1234 hashsize 64 maxelem 10
add hi 1.2.3.4
create hin hash:ip netmask 24 timeout 0
add hin 1.2.3.4 timeout 2147483
add hin 2.2.3.4
create hib hash:ip bitmask 255.0.255.0 counters
add hib 1.2.3.4
create hi6 hash:ip family inet6 netmask 64
add hi6 fe80::1:2:3
create hi7 hash:ip family inet6 comment
add hi7 ::ffff:1.2.3.4 comment "ä b"
add hi7 ::1.2.3.4
add hi7 ::5
add hi7 1:0:0:2::3
create hib6 hash:ip family inet6 bitmask ffff:0:ffff::
add hib6 1:2:3:4::
create hn hash:net counters comment forceadd skbinfo timeout 800
add hn 1.2.3.0/24 nomatch comment "but these" timeout 77
add hn 0.0.0.0/1 skbqueue 65535
add hn 1.2.3.4
create hn6 hash:net family inet6
add hn6 2001:db8::/32
add hn6 2001:db8:1::/48 nomatch
create hip hash:ip,port bitmask 255.255.0.0
add hip 1.2.3.4,80
add hip 1.2.3.4,udp:53
add hip 1.2.3.4,icmp:ping
add hip 1.2.3.4,icmp:7/3
add hip 1.2.3.4,gre:0
add hip 1.2.3.4,sctp:99
add hip 1.2.3.4,udplite:99
add hip 1.2.3.4,200:0
add hip 1.2.3.4,253:0
create hip6 hash:ip,port family inet6 netmask 64 counters
add hip6 2001:db8::1,icmpv6:ping
add hip6 2001:db8::1,icmpv6:55/1
add hip6 2001:db8::1,tcp:0
create hnp hash:net,port comment
add hnp 1.2.3.0/24,tcp:80-82 comment "a  b"
add hnp 1.2.3.0/25,udp:80 nomatch
create hnp6 hash:net,port family inet6
add hnp6 2001:db8::/32,sctp:65535
create hipi hash:ip,port,ip
add hipi 1.2.3.4,80,5.6.7.8
create hipi6 hash:ip,port,ip family inet6 timeout 900 comment
add hipi6 2001:db8::1,80,2001:db8::2 comment "both"
create hipn hash:ip,port,net counters
add hipn 1.2.3.4,80,5.6.7.0/24
add hipn 1.2.3.4,udp:80,5.6.7.8 nomatch
create hipn6 hash:ip,port,net family inet6
add hipn6 2001:db8::1,icmpv6:1/0,2001:db8::/32
create hni hash:net,iface
add hni 1.2.3.0/24,eth0
add hni 1.2.3.0/24,physdev:eth1 nomatch
add hni 1.2.4.0/24,eth wildcard
add hni 0.0.0.0/0,lo
create hni6 hash:net,iface family inet6 comment skbinfo
add hni6 2001:db8::/32,a.b-c:d comment "odd names" skbmark 0xffffffff/0x1
create ls list:set size 16 timeout 60 counters comment skbinfo
add ls hi
add ls hn before hi comment "first"
add ls hn6 after hi timeout 500
create lo list:set
create o"dd hash:ip
create "a b" hash:ip
add "a b" 1.2.3.4
create "a b c" hash:net,iface
add "a b c" 1.2.3.4,eth0
create $5 hash:ip
add lo "a b"
"#;

/// Loads lines; those with names that `ipset restore` would not take are given word by word.
fn load(lines: &str) {
    let (odd, plain): (Vec<&str>, Vec<&str>) = lines.lines().partition(|line| line.contains("o\"dd"));
    run(&["ipset", "restore"], &plain.join("\n"));
    for line in odd {
        let words: Vec<&str> = line.split(' ').collect();
        run(&[&["ipset"], &words[..]].concat(), "");
    }
}

#[test]
fn sets_of_every_type_with_every_option() {
    apart(|| {
        load(EVERYTHING);
        let read = judge();
        assert!(read.sets.len() > 25, "{}", read.sets.len());
        assert!(read.sets.iter().all(|set| set.untold.is_empty()), "{:?}", read.sets);
        let (read, _) = told();
        let forced = read.sets.iter().filter(|set| set.options.forceadd).count();
        assert_eq!(forced, 2);
        assert!(read.seen.iter().all(|seen| seen.revision.is_some()));
    });
}

/// What the text says of what `ipset restore` was given is what the kernel makes of it, in whatever order it lists it.
#[test]
fn what_people_write_is_what_the_kernel_makes_of_it() {
    apart(|| {
        load(EVERYTHING);
        let (mut read, _) = told();
        let mut written = text::parse(EVERYTHING);
        assert_eq!(written.diagnostics, []);
        for set in &mut read.sets {
            let at = written.sets.iter().position(|known| known.name == set.name).expect("a set of this name");
            let theirs = &mut written.sets[at];
            let ranges =
                theirs.elements.iter().any(|element| matches!(element.key, crate::host::ipset::Key::Ranges(_)));
            if set.kind != SetType::ListSet {
                for elements in [&mut set.elements, &mut theirs.elements] {
                    elements.sort_by_cached_key(text::element_text);
                }
            }
            assert_eq!(
                (&set.kind, &set.options.family, &set.options.range),
                (&theirs.kind, &theirs.options.family, &theirs.options.range)
            );
            if !ranges {
                assert_eq!(set.elements, theirs.elements, "{}", set.name);
            }
        }
    });
}

#[test]
fn there_may_be_no_sets() {
    apart(|| assert_eq!(judge().sets, []));
}

#[test]
fn thousands_of_elements_come_whole() {
    apart(|| {
        let mut lines = "create big hash:ip,port counters comment\n".to_owned();
        for n in 0..20_000u32 {
            lines += &format!("add big 10.{}.{}.1,{} comment \"number {n}\"\n", n % 200, n / 200, 1 + n % 60_000);
        }
        run(&["ipset", "restore"], &lines);
        assert_eq!(judge().sets[0].elements.len(), 20_000);
    });
}

/// The numbers are those by which rules know the sets, whichever way they are asked.
#[test]
fn numbers_are_asked_both_ways() {
    apart(|| {
        run(
            &["ipset", "restore"],
            "create a hash:ip\ncreate b list:set\ncreate c hash:net\ndestroy a\ncreate d hash:ip\n",
        );
        let read = read(&Answers::default()).expect("ipset");
        let names: Vec<Name> = read.sets.iter().map(|set| set.name.clone()).collect();
        assert_eq!(names.len(), 3);
        let asked = SetNames::new(number::all(names.iter().cloned()));
        assert_eq!(asked, read.names);
        assert_ne!(asked, SetNames::none());
    });
}

fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    push_attribute(&mut bytes, kind, value);
    bytes
}

fn nested(kind: u16, parts: &[Vec<u8>]) -> Vec<u8> {
    attribute(kind | 1 << 15, &parts.concat())
}

/// A number as ipset sends most of them.
fn big(kind: u16, value: &[u8]) -> Vec<u8> {
    attribute(kind | NETWORK_ORDER, value)
}

fn ipv4(kind: u16, address: [u8; 4]) -> Vec<u8> {
    nested(kind, &[big(1, &address)])
}

fn ipv6(kind: u16, address: [u8; 16]) -> Vec<u8> {
    nested(kind, &[big(2, &address)])
}

fn message(kind: u16, parts: &[Vec<u8>]) -> Vec<u8> {
    let body = [vec![2, 0, 0, 0], attribute(ATTR_PROTOCOL, &[NEWEST]), parts.concat()].concat();
    let mut framed = Vec::new();
    frame(&mut framed, kind, 0, 0, &body);
    framed
}

/// A set as the kernel dumps it.
fn dumped(name: &str, kind: &str, family: u8, options: &[Vec<u8>], elements: &[Vec<Vec<u8>>]) -> Vec<u8> {
    let elements: Vec<Vec<u8>> = elements.iter().map(|parts| nested(ATTR_DATA, parts)).collect();
    message(
        LIST,
        &[
            attribute(ATTR_NAME, &[name.as_bytes(), &[0]].concat()),
            attribute(ATTR_TYPE, &[kind.as_bytes(), &[0]].concat()),
            attribute(ATTR_FAMILY, &[family]),
            attribute(ATTR_REVISION, &[1]),
            big(ATTR_INDEX, &[0, 3]),
            nested(ATTR_DATA, options),
            nested(ATTR_ELEMENTS, &elements),
        ],
    )
}

fn recorded(messages: &[Vec<u8>]) -> Sets {
    let all = [&[message(PROTOCOL, &[])], messages].concat().concat();
    read(&Answers::Recorded(all.into())).expect("sets")
}

/// Elements that come and go while they are listed, as fast as ipset can.
#[test]
fn a_set_that_changes_meanwhile_is_torn() {
    apart(|| {
        let element = |n: u32| format!("big 10.{}.{}.{}\n", n >> 16, n >> 8 & 255, n & 255);
        let mut lines = "create big hash:ip hashsize 65536\n".to_owned();
        (0..30_000).for_each(|n| lines += &format!("add {}", element(n)));
        run(&["ipset", "restore"], &lines);
        assert!(!read(&Answers::default()).expect("ipset").torn, "nothing changes yet");
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let changes = std::thread::spawn(move || {
            let turn = |verb: &str| (0..30_000).map(|n| format!("{verb} {}", element(n))).collect::<String>();
            let both = turn("del") + &turn("add");
            while !told.load(Ordering::Relaxed) {
                run(&["ipset", "restore"], &both);
            }
        });
        let torn = (0..200).any(|_| read(&Answers::default()).expect("ipset").torn);
        stop.store(true, Ordering::Relaxed);
        changes.join().expect("changes");
        assert!(torn, "it never was");
        let after = read(&Answers::default()).expect("ipset");
        assert_eq!((after.torn, after.sets[0].elements.len()), (false, 30_000));
    });
}

/// A set says first how many elements it has.
#[test]
fn a_set_that_has_another_number_of_elements_than_it_said_is_torn() {
    let set = |said: u32, options: &[Vec<u8>]| {
        let options = [vec![big(24, &said.to_be_bytes())], options.to_vec()].concat();
        let element = |last: u8| vec![ipv4(1, [192, 0, 2, last])];
        recorded(&[dumped("s", "hash:ip", 2, &options, &[element(1), element(2)])])
    };
    assert!(!set(2, &[]).torn);
    for said in [1, 3] {
        let read = set(said, &[]);
        assert!(read.torn, "{said}");
        assert_eq!(read.sets[0].elements.len(), 2, "what there is is shown");
    }
    assert!(!set(3, &[big(6, &600u32.to_be_bytes())]).torn, "one of them may have timed out");
}

/// One set of each type that not every kernel has, with what ipset would say of it.
fn built() -> Vec<(Vec<u8>, &'static str)> {
    let size = || vec![big(18, &1024u32.to_be_bytes()), big(19, &65536u32.to_be_bytes())];
    let with = |more: &[Vec<u8>]| [size(), more.to_vec()].concat();
    let mac = attribute(17, &[0xaa, 0xb, 0, 0, 0, 1]);
    let (net, other) = (ipv4(1, [10, 0, 0, 0]), ipv4(20, [192, 0, 2, 1]));
    let port = || vec![big(4, &[0, 80]), attribute(7, &[6])];
    let long: [u8; 16] = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    vec![
        (
            dumped(
                "m",
                "hash:mac",
                0,
                &with(&[big(8, &0x18u32.to_be_bytes())]),
                &[vec![
                    mac.clone(),
                    big(24, &9u64.to_be_bytes()),
                    big(25, &3u64.to_be_bytes()),
                    attribute(26, b"mine\0"),
                ]],
            ),
            "create m hash:mac hashsize 1024 maxelem 65536 counters comment\n\
             add m AA:0B:00:00:00:01 packets 3 bytes 9 comment \"mine\"\n",
        ),
        (
            dumped(
                "im",
                "hash:ip,mac",
                10,
                &with(&[big(6, &60u32.to_be_bytes())]),
                &[vec![ipv6(1, long), mac, big(6, &7u32.to_be_bytes())]],
            ),
            "create im hash:ip,mac family inet6 hashsize 1024 maxelem 65536 timeout 60\n\
             add im 2001:db8::1,AA:0B:00:00:00:01 timeout 7\n",
        ),
        (
            // The mask comes in the order of the machine.
            dumped(
                "k",
                "hash:ip,mark",
                2,
                &with(&[attribute(11, &0xff00u32.to_ne_bytes())]),
                &[vec![net.clone(), big(10, &0x1200u32.to_be_bytes())]],
            ),
            "create k hash:ip,mark family inet markmask 0x0000ff00 hashsize 1024 maxelem 65536\n\
             add k 10.0.0.0,0x00001200\n",
        ),
        (
            dumped(
                "nn",
                "hash:net,net",
                2,
                &with(&[attribute(21, &[12]), attribute(20, &[24])]),
                &[vec![
                    net.clone(),
                    attribute(3, &[8]),
                    other.clone(),
                    attribute(21, &[32]),
                    big(8, &4u32.to_be_bytes()),
                ]],
            ),
            "create nn hash:net,net family inet hashsize 1024 maxelem 65536 bucketsize 12 netmask 24\n\
             add nn 10.0.0.0/8,192.0.2.1 nomatch\n",
        ),
        (
            dumped(
                "npn",
                "hash:net,port,net",
                2,
                &size(),
                &[[vec![net, attribute(3, &[8]), other, attribute(21, &[31])], port()].concat()],
            ),
            "create npn hash:net,port,net family inet hashsize 1024 maxelem 65536\n\
             add npn 10.0.0.0/8,tcp:80,192.0.2.1/31\n",
        ),
    ]
}

#[test]
fn types_that_this_kernel_may_lack() {
    for (bytes, saved) in built() {
        let read = recorded(&[bytes]);
        assert_eq!(text::print(&read.sets, &read.seen, Form::Tool), saved);
        assert_eq!(read.sets[0].untold, []);
        let written = text::parse(saved);
        assert_eq!(written.diagnostics, []);
        // A text says nothing of what it does not print; an address keeps the bits that the kernel told.
        assert_eq!(written.sets[0].options, read.sets[0].options);
        if !saved.contains("/31") && !saved.contains("netmask") {
            assert_eq!(written.sets, read.sets);
        }
    }
}

/// Types and attributes that are not known are told, and come back from a recording.
#[test]
fn what_is_not_known_is_kept() {
    let odd = [
        dumped("o", "hash:ip,color", 2, &[big(8, &0x408u32.to_be_bytes())], &[vec![attribute(77, b"red")]]),
        dumped(
            "p",
            "hash:ip",
            2,
            &[attribute(40, &[1])],
            &[vec![ipv4(1, [1, 2, 3, 4]), attribute(31, &[1])], vec![big(4, &[0, 80])]],
        ),
    ];
    let read = recorded(&odd);
    let untold: Vec<Vec<&str>> = read.sets.iter().map(|set| set.untold.iter().map(|what| &**what).collect()).collect();
    assert_eq!(
        untold,
        [
            vec!["option 8 of 4 bytes", "the type hash:ip,color", "attribute 77 of 1 elements", "1 elements"],
            vec!["option 40 of 1 bytes", "attribute 31 of 1 elements", "1 elements"]
        ]
    );
    let whole = text::print(&read.sets, &read.seen, Form::Whole);
    let again = text::parse(&whole);
    assert_eq!((&again.sets, &again.seen), (&read.sets, &read.seen), "{whole}");
}

/// Whatever comes, it ends, nothing panics, and what is printed for a recording is read again as it is.
#[test]
fn no_bytes_are_too_odd() {
    apart(|| {
        load(EVERYTHING);
        let mut samples: Vec<Vec<u8>> = built().into_iter().map(|(bytes, _)| bytes).collect();
        let mut channel = Answers::default().open(NETLINK_NETFILTER).expect("a channel");
        let keep = |message: Message<'_>| {
            let mut framed = Vec::new();
            frame(&mut framed, message.kind, 0, 0, message.body);
            samples.push(framed);
        };
        channel.dump(LIST, &request(NEWEST), keep).expect("a dump");
        assert!(samples.len() > 30);
        let mut elements = 0;
        damaged(&samples, 20_000, |bytes| {
            let mut reader = Reader::default();
            let body = bytes.get(16..).unwrap_or_default();
            reader.take(&Message { kind: LIST, body });
            reader.take(&Message { kind: LIST, body });
            reader.finish();
            elements += reader.sets.iter().map(|set| set.elements.len()).sum::<usize>();
            let whole = text::print(&reader.sets, &reader.seen, Form::Whole);
            let again = text::parse(&whole);
            let printed = text::print(&again.sets, &again.seen, Form::Whole);
            assert_eq!(text::parse(&printed).sets, again.sets, "{whole:?}");
        });
        assert!(elements > 10_000, "{elements}");
    });
}
