//! Sets of 20,000 elements: read from the kernel where a packet asks for them, counted otherwise, and the answer is the
//! same. The kernel itself is asked what it does with each packet.
//!
//! Needs root and nft. Everything is in network namespaces of the tests' threads, and is gone with them.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use nix::sched::{CloneFlags, unshare};
use serde_json::Value;
use socket2::{Domain, Socket, Type};
use whyport::host::nft::{Count, Set};
use whyport::host::{Host, IpFamily, Protocol, SetId, Unread, What};
use whyport::kernel::{self, Places, Progress};
use whyport::snapshot;
use whyport::walk::{Field, Origin, Query, ValueSet, Walk, walk};

const ELEMENTS: u32 = 20_000;

/// A kind of set: its port, its name, what it is declared as, one of its elements, and the rule that asks it.
type Kind = (u16, &'static str, &'static str, fn(u32) -> String, &'static str);

/// Sources in 127/8: those that are asked for one by one are even.
fn source(number: u32) -> Ipv4Addr {
    Ipv4Addr::from((127 << 24) + (1 << 16) + 2 * number)
}

const KINDS: [Kind; 5] = [
    (
        8001,
        "one_by_one",
        "set one_by_one { type ipv4_addr;",
        |n| source(n).to_string(),
        "ip saddr @one_by_one jump refuse",
    ),
    (
        8002,
        "in_ranges",
        "set in_ranges { type ipv4_addr; flags interval;",
        // From one to two of four addresses.
        |n| format!("{}-{}", source(2 * n), Ipv4Addr::from(u32::from(source(2 * n)) + n % 2)),
        "ip saddr != @in_ranges jump refuse",
    ),
    (
        8003,
        "marks",
        "map marks { type ipv4_addr : mark;",
        |n| format!("{} : {}", source(n), n % 3),
        "meta mark set ip saddr map @marks meta mark 1 jump refuse",
    ),
    (
        8004,
        "verdicts",
        "map verdicts { type ipv4_addr : verdict;",
        |n| format!("{} : {}", source(n), ["accept", "goto refuse", "continue"][n as usize % 3]),
        "ip saddr vmap @verdicts",
    ),
    (
        8005,
        "with_ports",
        "set with_ports { type ipv4_addr . inet_service;",
        |n| format!("{} . {}", source(n), 8004 + n % 3),
        "ip saddr . tcp dport @with_ports jump refuse",
    ),
];

/// A port that no rule asks a set about.
const PLAIN: u16 = 8010;

/// Runs a test in a network namespace of its own, with lo up and these rules.
fn apart(test: impl FnOnce() + Send + 'static) {
    let inside = || {
        unshare(CloneFlags::CLONE_NEWNET).expect("a network namespace: run these tests as root");
        assert!(Command::new("ip").args(["link", "set", "lo", "up"]).status().unwrap().success());
        nft(&rules());
        test();
    };
    if let Err(panic) = std::thread::spawn(inside).join() {
        std::panic::resume_unwind(panic);
    }
}

fn nft(text: &str) {
    let mut child = Command::new("nft").args(["-f", "-"]).stdin(Stdio::piped()).spawn().expect("nft");
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
}

fn rules() -> String {
    let mut text = String::from("table ip t {\n");
    let mut asks = String::new();
    for (port, _, declared, element, rule) in KINDS {
        let elements: Vec<String> = (0..ELEMENTS).map(element).collect();
        let _ = writeln!(text, "{declared} elements = {{ {} }}; }}", elements.join(", "));
        let _ = writeln!(asks, "tcp dport {port} {rule}");
    }
    let input = "chain input { type filter hook input priority filter; policy accept;";
    let _ = write!(text, "chain refuse {{ reject with tcp reset; }}\n{input}\n{asks}}}\n}}\n");
    text
}

fn places() -> Places<'static> {
    Places { proc: Path::new("/proc"), modules: Path::new("/lib/modules") }
}

/// Whether the kernel lets a connection from this address to this port of localhost be made.
fn connects(src: Ipv4Addr, port: u16) -> bool {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::V4(SocketAddrV4::new(src, 0)).into()).unwrap();
    socket.connect(&SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, port)).into()).is_ok()
}

fn query(src: Option<Ipv4Addr>, port: u16) -> Query {
    let mut query = Query::new(0, Origin::Local, IpFamily::V4, Protocol::TCP);
    query.set_address(Field::Dst, Ipv4Addr::LOCALHOST.into());
    query.set(Field::Dport, ValueSet::one(u128::from(port)));
    query.set(Field::Sport, ValueSet::one(40_000));
    if let Some(src) = src {
        query.set_address(Field::Src, src.into());
    }
    query
}

/// The sets of the only namespace that a walk asks for.
fn wanted(walk: &Walk) -> Vec<SetId> {
    walk.needs.iter().map(|(_, set)| *set).collect()
}

/// The walk once every set is read that it asks for, and the names of those sets.
fn known(host: &Host, query: &Query) -> (Walk, Vec<String>) {
    let ruleset = &host.namespaces[0].ruleset;
    let mut names = Vec::new();
    loop {
        let walk = walk(host, query);
        if walk.needs.is_empty() {
            return (walk, names);
        }
        let progress = Arc::new(Progress::default());
        assert!(walk.outcomes.iter().any(|outcome| !outcome.is_certain()), "it asks, so it does not know");
        assert!(kernel::read_sets(&places(), None, ruleset, &wanted(&walk), &progress).unwrap(), "nothing changed");
        let read = |id: &SetId| ruleset.tables[id.table as usize].sets[id.set as usize].name.to_string();
        names.extend(wanted(&walk).iter().map(read));
        assert!(progress.reached().elements >= (ELEMENTS as usize) * walk.needs.len());
    }
}

fn told(walk: &Walk) -> String {
    format!("{:?}", walk.outcomes)
}

#[test]
fn a_packet_asks_for_the_sets_that_it_meets_and_for_no_others() {
    apart(|| {
        let progress = Arc::new(Progress::default());
        let counting = || kernel::read_counting(&places(), None, &progress).unwrap();
        let whole = kernel::read(&places(), None, &Arc::default()).unwrap();
        let host = counting();
        let sets = &host.namespaces[0].ruleset.tables[0].sets;
        for set in sets {
            let counted = set.counted.as_ref().expect("a count alone");
            assert!(
                matches!(counted.count, Count::Exactly(ELEMENTS) | Count::MoreThan(Set::MANY)),
                "{:?}",
                counted.count
            );
            assert!(set.elements.is_empty() && set.contents().is_none());
        }
        for (_, name, ..) in KINDS {
            let set = whole.namespaces[0].ruleset.tables[0].set(name).expect("the set");
            assert_eq!((set.elements.len() as u32, &set.counted), (ELEMENTS, &None));
        }
        let (_, asked) = known(&host, &query(None, PLAIN));
        assert!(asked.is_empty(), "{asked:?}");
        for (port, name, ..) in KINDS {
            let host = counting();
            for src in [None, Some(source(7)), Some(source(ELEMENTS + 7))] {
                let (walk, asked) = known(&host, &query(src, port));
                assert!(asked.iter().all(|asked| asked == name) && asked.len() < 2, "{port} asked for {asked:?}");
                assert_eq!(told(&walk), told(&self::walk(&whole, &query(src, port))), "{port} from {src:?}");
            }
            let read = host.namespaces[0].ruleset.tables[0].sets.iter().filter(|set| set.contents().is_some());
            assert_eq!(
                read.map(|set| &*set.name).collect::<Vec<_>>(),
                [name],
                "it is read once, and the others are not"
            );
        }
    });
}

#[test]
fn the_kernel_does_what_is_told_of_packets_that_hit_and_packets_that_miss() {
    apart(|| {
        let _listening = KINDS.map(|(port, ..)| TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).unwrap());
        let host = kernel::read_counting(&places(), None, &Arc::default()).unwrap();
        let (mut made, mut refused) = (0, 0);
        for (port, name, ..) in KINDS {
            let edges = [0, 1, 2, 3, 4, 5, ELEMENTS - 1, ELEMENTS, 2 * ELEMENTS - 2, 2 * ELEMENTS];
            for first in edges.into_iter().map(|number| u32::from(source(number))) {
                for src in [first, first + 1].map(Ipv4Addr::from) {
                    let (walk, _) = known(&host, &query(Some(src), port));
                    let [outcome] = &walk.outcomes[..] else { panic!("{name} from {src}: {:?}", walk.outcomes) };
                    assert!(outcome.is_certain());
                    let connects = connects(src, port);
                    assert_eq!(outcome.fate.kind.name() == "delivered", connects, "{name} from {src}");
                    *if connects { &mut made } else { &mut refused } += 1;
                }
            }
        }
        assert!(made > 20 && refused > 20, "{made} made, {refused} refused");
    });
}

#[test]
fn what_changed_since_is_not_taken_for_what_was() {
    apart(|| {
        let host = kernel::read_counting(&places(), None, &Arc::default()).unwrap();
        let asking = walk(&host, &query(None, 8001));
        nft(&format!("add element ip t one_by_one {{ {} }}", source(ELEMENTS)));
        let ruleset = &host.namespaces[0].ruleset;
        assert!(!kernel::read_sets(&places(), None, ruleset, &wanted(&asking), &Arc::default()).unwrap());
        let still = walk(&host, &query(None, 8001));
        assert_eq!(still.needs, asking.needs, "it is still unread");
        assert_eq!(unread(&still.unread), ["another reading"]);
    });
}

/// What it would take to know what large sets hold.
fn unread(unread: &[(usize, Unread)]) -> Vec<&str> {
    unread.iter().filter(|(_, unread)| unread.what == What::Elements).map(|(_, unread)| &*unread.needs).collect()
}

#[test]
fn a_set_that_could_not_be_read_is_told_to_be_unread_until_it_is() {
    apart(|| {
        let host = kernel::read_counting(&places(), None, &Arc::default()).unwrap();
        let ruleset = &host.namespaces[0].ruleset;
        let asking = walk(&host, &query(None, 8001));
        let stopped = Arc::new(Progress::default());
        stopped.cancel();
        assert!(kernel::read_sets(&places(), None, ruleset, &wanted(&asking), &stopped).is_err());
        let answer = walk(&host, &query(None, 8001));
        assert_eq!(unread(&answer.unread), ["another try: the reading was stopped"]);
        assert!(answer.outcomes.iter().all(|outcome| !outcome.is_certain()));
        assert!(unread(&walk(&host, &query(None, PLAIN)).unread).is_empty(), "it asks no set");
        assert!(
            kernel::read_sets(&places(), Some("no such namespace"), ruleset, &wanted(&asking), &Arc::default())
                .is_err()
        );
        let (known, _) = known(&host, &query(None, 8001));
        assert!(unread(&known.unread).is_empty() && known.outcomes.iter().all(|outcome| outcome.is_certain()));
    });
}

/// What the built program prints.
fn printed(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_whyport")).args(arguments).stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && !said.contains("elements"), "{arguments:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn every_command_says_of_the_live_host_what_it_says_of_a_record() {
    apart(|| {
        let _listening = [8001, 8005, PLAIN].map(|port| TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).unwrap());
        let folder = std::env::temp_dir().join(format!("whyport-huge-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let place = |name: &str| folder.join(name).to_str().unwrap().to_owned();
        let record = place("host.txt");
        printed(&["record", &record]);
        let recorded = snapshot::parse(&std::fs::read_to_string(&record).unwrap()).host;
        let tables = recorded.namespaces.iter().flat_map(|ns| &ns.ruleset.tables);
        let sets = tables.filter_map(|table| table.set("with_ports"));
        assert!(sets.map(|set| set.elements.len() as u32).any(|count| count == ELEMENTS), "a record has everything");
        let both = |arguments: &[&str]| {
            let live = printed(arguments);
            assert_eq!(live, printed(&[arguments, &["--snapshot", &record]].concat()), "{arguments:?}");
            live
        };
        let mut fates = Vec::new();
        for (port, ..) in KINDS {
            for src in [source(1), source(ELEMENTS)] {
                let port = port.to_string();
                let text = both(&["trace", &port, "--origin", "local", "--src", &src.to_string(), "--json"]);
                let json: Value = serde_json::from_str(&text).unwrap();
                assert_eq!(json["outcomes"][0]["certain"], true, "{port} from {src}");
                fates.push(json["outcomes"][0]["fate"]["kind"].as_str().unwrap().to_owned());
            }
        }
        assert!(
            fates.iter().any(|fate| fate == "rejected") && fates.iter().any(|fate| fate == "delivered"),
            "{fates:?}"
        );
        both(&["trace", "8001", "--origin", "local", "--src", "127.0.0.0/8"]);
        both(&["ports", "--json"]);
        both(&["rules"]);
        let screen = |source: &[&str]| {
            let picture = place("screen.txt");
            printed(&[&["shot", "tcp/8005", "-o", &picture, "--keys", "<Right><Tab><Down>"], source].concat());
            let text = std::fs::read_to_string(&picture).unwrap();
            // The first line says where the host comes from, the last one whether it can be read again.
            let lines: Vec<_> = text.lines().map(str::to_owned).collect();
            lines[1..lines.len() - 1].to_vec()
        };
        let live = screen(&[]);
        assert!(live.iter().any(|line| line.contains("8005")), "{live:#?}");
        assert_eq!(live, screen(&["--snapshot", &record]));
        std::fs::remove_dir_all(&folder).unwrap();
    });
}
