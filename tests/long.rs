//! Long chains: what comes of a packet is the same as in chains so short that every rule is looked at, and what becomes of
//! all packets is what their outcomes tell.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

#[allow(dead_code, reason = "the ways are told elsewhere")]
mod way;

use whyport::host::{Backend, Host, IpFamily, Protocol};
use whyport::syntax::iptables::{Options, parse};
use whyport::walk::{Condition, FateKind, Field, Op, Origin, Outcome, Query, ValueSet, Values, Walker};

/// xorshift64*: the same rules and packets each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32) as usize % below
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.roll(of.len())]
    }
}

/// So many rules that ask for sources, destinations and ports in every way, and what they do about it.
fn rules(dice: &mut Dice, count: usize) -> Vec<String> {
    let rule = |dice: &mut Dice| {
        let mut text = String::new();
        let not = |dice: &mut Dice| if dice.roll(5) == 0 { "! " } else { "" };
        if dice.roll(3) == 0 {
            text += &format!("{}-s 198.51.100.{}/{} ", not(dice), dice.roll(4), dice.one(&["32", "32", "31"]));
        }
        if dice.roll(4) == 0 {
            text += &format!("{}-d 192.168.1.{}/{} ", not(dice), 2 + dice.roll(2), dice.one(&["32", "32", "24"]));
        }
        let port = 80 + dice.roll(24);
        match dice.roll(8) {
            0..=3 => text += &format!("-p tcp -m tcp {}--dport {port} ", not(dice)),
            4 => text += &format!("-p tcp -m tcp {}--dport {port}:{} ", not(dice), port + dice.roll(9)),
            5 => {
                let (low, high) = (80 + dice.roll(24), port + dice.roll(3));
                text += &format!("-p tcp -m multiport {}--dports {low},{port}:{high} ", not(dice));
            }
            6 => text += &format!("-p udp -m udp --dport {port} "),
            _ => {}
        }
        let target = match text.contains("-p tcp") {
            true => dice.one(&["DROP", "ACCEPT", "REJECT --reject-with tcp-reset", "MARK --set-xmark 0x1/0x1"]),
            false => "MARK --set-xmark 0x2/0x2",
        };
        format!("{text}-j {target}")
    };
    (0..count).map(|_| rule(dice)).collect()
}

/// A host with these rules in one chain of mangle, or in chains of so few that follow one another.
fn host(rules: &[String], at_once: usize) -> Host {
    let mut text = String::from("*mangle\n:PREROUTING ACCEPT\n");
    let parts: Vec<&[String]> = rules.chunks(at_once).collect();
    (0..parts.len()).for_each(|part| text += &format!(":part{part} -\n"));
    (0..parts.len()).for_each(|part| text += &format!("-A PREROUTING -j part{part}\n"));
    for (part, rules) in parts.iter().enumerate() {
        rules.iter().for_each(|rule| text += &format!("-A part{part} {rule}\n"));
    }
    text += "COMMIT\n";
    let dump = parse(&text, &Options { family: Some(IpFamily::V4), backend: Backend::IptablesNft });
    assert!(dump.diagnostics.is_empty(), "{:?}\n{text}", dump.diagnostics.first());
    let mut host = way::host("");
    host.namespaces[0].ruleset = dump.ruleset;
    host.namespaces[0].ruleset.rank_by_listing();
    host
}

/// The same as native rules. Some change the mark before they ask, some ask for two things at once.
fn native_rules(dice: &mut Dice, count: usize) -> Vec<String> {
    let rule = |dice: &mut Dice| {
        let mut text = String::new();
        let not = |dice: &mut Dice| if dice.roll(5) == 0 { "!= " } else { "" };
        if dice.roll(8) == 0 {
            text += &format!("meta mark set {} ", dice.roll(3));
        }
        if dice.roll(3) == 0 {
            text += &format!("ip saddr {}198.51.100.{}{} ", not(dice), dice.roll(4), dice.one(&["", "", "/31"]));
        }
        if dice.roll(4) == 0 {
            text += &format!("ip daddr {}192.168.1.{}{} ", not(dice), 2 + dice.roll(2), dice.one(&["", "", "/24"]));
        }
        let port = 80 + dice.roll(24);
        text += &match dice.roll(10) {
            0..=2 => format!("tcp dport {}{port} ", not(dice)),
            3 => format!("tcp dport {}{port}-{} ", not(dice), port + dice.roll(9)),
            4 => format!("tcp dport {{ {}, {port} }} ", 80 + dice.roll(24)),
            5 => format!("tcp sport {} tcp dport {port} ", 4000 + dice.roll(2)),
            6 => format!("th dport {port} "),
            7 => format!("udp dport {port} "),
            8 => format!("meta mark {} tcp dport {port} ", dice.roll(3)),
            _ => String::new(),
        };
        let verdict = match text.contains("tcp") {
            true => dice.one(&["drop", "accept", "reject with tcp reset", "meta mark set 1"]),
            false => "meta mark set 2",
        };
        format!("{text}{verdict}")
    };
    (0..count).map(|_| rule(dice)).collect()
}

fn native_host(rules: &[String], at_once: usize) -> Host {
    let parts: Vec<&[String]> = rules.chunks(at_once).collect();
    let mut text = String::from("table inet t {\n");
    for (part, rules) in parts.iter().enumerate() {
        text += &format!("\tchain part{part} {{\n");
        rules.iter().for_each(|rule| text += &format!("\t\t{rule}\n"));
        text += "\t}\n";
    }
    text += "\tchain c {\n\t\ttype filter hook prerouting priority mangle; policy accept;\n";
    (0..parts.len()).for_each(|part| text += &format!("\t\tjump part{part}\n"));
    text += "\t}\n}\n";
    let mut host = way::host("");
    let dump = whyport::syntax::nft::parse(&text, &host.namespaces[0].links);
    assert!(dump.diagnostics.is_empty(), "{:?}\n{text}", dump.diagnostics.first());
    host.namespaces[0].ruleset = dump.ruleset;
    host.namespaces[0].ruleset.rank_by_listing();
    host
}

/// How rules are made, and a host of them.
type Made = (fn(&mut Dice, usize) -> Vec<String>, fn(&[String], usize) -> Host);

const MADE: [Made; 2] = [(rules, host), (native_rules, native_host)];

fn query(ports: ValueSet) -> Query {
    let mut query = Query::new(0, Origin::Device("eth0".to_owned()), IpFamily::V4, Protocol::TCP);
    query.set_address(Field::Dst, "192.168.1.2".parse().unwrap());
    query.set(Field::Sport, ValueSet::one(4000));
    query.set(Field::Dport, ports);
    query.set(Field::Src, ValueSet::range(0xc633_6400, 0xc633_6403));
    query.limit = 100_000;
    query
}

fn holds(condition: &Condition, value: u128) -> bool {
    let inside = condition.values.iter().any(|values| match values {
        Values::Net(net) => {
            let std::net::IpAddr::V4(addr) = std::net::Ipv4Addr::from(value as u32).into() else { return false };
            net.contains(&std::net::IpAddr::V4(addr))
        }
        Values::Addresses(first, last) => {
            let addr = std::net::IpAddr::V4((value as u32).into());
            *first <= addr && addr <= *last
        }
        Values::Range(first, last) => (u128::from(*first)..=u128::from(*last)).contains(&value),
        Values::Set(_, values) => values.contains(value),
        Values::Name(_) => true,
    });
    inside == (condition.op != Op::NotIn)
}

/// What the outcomes say of one packet: there is just one for it.
fn of_packet(outcomes: &[Outcome], src: u128, port: u128) -> (FateKind, usize) {
    let about = |conditions: &Vec<Condition>| {
        conditions.iter().all(|condition| match condition.field {
            Field::Src => holds(condition, src),
            Field::Dport => holds(condition, port),
            _ => true,
        })
    };
    let mut found = outcomes.iter().filter(|outcome| outcome.when.is_empty() || outcome.when.iter().any(about));
    let one = found.next().unwrap_or_else(|| panic!("no outcome for {src:x} to {port}"));
    assert!(found.next().is_none(), "two outcomes for {src:x} to {port}");
    let marks = one.steps().filter(|step| step.verdict == whyport::walk::Verdict::Continue && !step.sometimes).count();
    (one.fate.kind, marks)
}

#[test]
fn long_chains_do_what_short_ones_do() {
    for (seed, (rules, host)) in (1..=40).flat_map(|seed| MADE.map(|made| (seed, made))) {
        let mut dice = Dice(seed * 0x9e37_79b9);
        let rules = rules(&mut dice, 90);
        let (long, short) = (host(&rules, 90), host(&rules, 20));
        let (long, short) = (Walker::new(&long, 0), Walker::new(&short, 0));
        let query = query(ValueSet::range(78, 115));
        let (one, other) = (long.walk(&query), short.walk(&query));
        assert_eq!((one.unexplored, other.unexplored), (0, 0));
        for src in 0xc633_6400..=0xc633_6403 {
            for port in 78..=115 {
                let said = [&one, &other].map(|walk| of_packet(&walk.outcomes, src, port));
                assert_eq!(said[0], said[1], "seed {seed}: {src:x} to {port}\n{}", rules.join("\n"));
            }
        }
    }
}

#[test]
fn what_becomes_of_all_packets_is_what_their_outcomes_tell() {
    for (seed, (rules, host)) in (1..=40).flat_map(|seed| MADE.map(|made| (seed, made))) {
        let mut dice = Dice(seed * 0x9e37_79b9);
        let host = host(&rules(&mut dice, 90), 90);
        let walker = Walker::new(&host, 0);
        let query = query(ValueSet::range(78, 115));
        let outcomes = walker.walk(&query).outcomes;
        let endings = walker.endings(&query, &|_| false).all;
        for port in 78..=115 {
            let mut told: Vec<FateKind> =
                (0xc633_6400..=0xc633_6403).map(|src| of_packet(&outcomes, src, port).0).collect();
            let about = endings.iter().filter(|ending| ending.dport.contains(port));
            let mut ended: Vec<FateKind> = about.map(|ending| ending.kind).collect();
            for kinds in [&mut told, &mut ended] {
                kinds.sort_by_key(|kind| format!("{kind:?}"));
                kinds.dedup();
            }
            assert_eq!(told, ended, "seed {seed}: port {port}");
        }
    }
}
