//! Outcomes are apart, and cover everything: packets drawn from all that a query describes fall in just one each, as a plain
//! reading of the conditions says, and go its way when they are walked as they are, to its end.
//!
//! Rulesets of every shape that the kernel's judge draws. No kernel is asked. `WHYPORT_SEEDS` and `WHYPORT_FIRST` say how many
//! rulesets are drawn, and the first seed.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

#[path = "judge/aim.rs"]
mod aim;
#[path = "judge/docker.rs"]
mod docker;
#[path = "judge/kube.rs"]
mod kube;
#[path = "judge/named.rs"]
mod named;
#[path = "judge/native.rs"]
mod native;
#[allow(dead_code, reason = "what it sends is of no use here")]
#[path = "judge/packet.rs"]
mod packet;
#[allow(dead_code, reason = "there are no bridges here")]
#[path = "judge/places.rs"]
mod places;
#[allow(dead_code, reason = "what it sends is of no use here")]
#[path = "judge/random.rs"]
mod random;
#[allow(dead_code, reason = "no sets are loaded here")]
#[path = "judge/sets.rs"]
mod sets;
#[allow(dead_code, reason = "other ways to ask are of no use here")]
mod way;

use std::net::IpAddr;

use whyport::host::xt::CtStates;
use whyport::host::{Host, IpFamily, Protocol};
use whyport::snapshot;
use whyport::walk::query::{address, number};
use whyport::walk::{Assumed, Condition, FateKind, Field, Op, Origin, Outcome, Query, Step, ValueSet, Values, Walker};

use aim::Aim;
use random::Lot;

/// The host of the tests with the addresses of which rules by lot speak.
fn host(lot: &mut Lot) -> (String, Host) {
    let place = &places::ROUTER4;
    let all = lot.once_in(2);
    let tables = match lot.below(4) {
        0 => random::ruleset(lot, place, &sets::Sets::default(), false),
        1 => kube::ruleset(lot, place, all),
        2 => docker::ruleset(lot, place, all),
        _ => String::new(),
    };
    let native = if tables.is_empty() || lot.once_in(4) { native::ruleset(lot, place, false) } else { String::new() };
    let text = way::HOST
        .replace("192.168.1.", "198.51.100.")
        .replace("10.0.0.", "10.9.0.")
        .replace("br0", "eth1")
        .replace("198.51.100.2\"", "198.51.100.1\"")
        .replace("gateway\":\"198.51.100.1\"", "gateway\":\"198.51.100.2\"")
        .replace("RULES", &tables)
        .replace("[nft list ruleset]\n", &format!("[nft list ruleset]\n{native}\n"));
    let strict = if lot.once_in(4) { text.replace("eth0.rp_filter = 0", "eth0.rp_filter = 1") } else { text };
    (format!("{tables}\n{native}"), snapshot::parse(&strict).host)
}

/// What a packet of the query has in each field that the query leaves open.
type Full = Vec<(Field, u128)>;

/// A packet by lot with a few fields given, others given in part, and the rest open.
fn query(lot: &mut Lot, aim: &Aim) -> Query {
    let origin = ["eth0", "eth1"].get(lot.below(3)).map(|device| Origin::Device((*device).to_owned()));
    let origin = origin.unwrap_or(Origin::Local);
    let made_here = origin == Origin::Local;
    let protocol = [Protocol::TCP, Protocol::TCP, Protocol::UDP, Protocol::ICMP][lot.below(4)];
    let mut query = Query::new(0, origin, IpFamily::V4, protocol);
    let own = if made_here {
        ["198.51.100.1", "10.9.0.1", "127.0.0.1"]
    } else {
        ["198.51.100.1", "10.9.0.1", "198.51.100.1"]
    };
    let dst: IpAddr = match aim.address(lot) {
        Some(aimed) if lot.once_in(3) => aimed.parse().unwrap(),
        _ => lot.of(&own).parse().unwrap(),
    };
    query.set_address(Field::Dst, dst);
    if made_here {
        query.set_address(Field::Src, "198.51.100.1".parse().unwrap());
    } else if lot.once_in(3) {
        query.set(
            Field::Src,
            ValueSet::range(number("10.9.0.0".parse().unwrap()), number("10.9.0.255".parse().unwrap())),
        );
    }
    if protocol.has_ports() {
        if let Some(port) = aim.port(lot).filter(|_| !lot.once_in(4)) {
            query.set(Field::Dport, ValueSet::one(port.into()));
        }
        if !lot.once_in(3) {
            query.set(Field::Sport, ValueSet::one(40_000));
        }
    }
    if lot.once_in(2) {
        query.set(Field::Mark, ValueSet::range(0, 0x3ff));
    }
    if lot.once_in(3) {
        query.fields.remove(&Field::TcpFlags);
        query.fields.remove(&Field::IcmpType);
    }
    if lot.once_in(2) {
        query.set(Field::Ttl, ValueSet::one(64));
    }
    query.set(Field::Time, ValueSet::one(1_764_460_800 + 3600 * lot.below(200) as u128));
    query.limit = 2000;
    query
}

fn is_of(field: Field, query: &Query) -> bool {
    match field {
        Field::Sport | Field::Dport => query.protocol.has_ports(),
        Field::TcpFlags => query.protocol == Protocol::TCP,
        Field::IcmpType | Field::IcmpCode => query.protocol == Protocol::ICMP,
        Field::Uid | Field::Gid => query.origin == Origin::Local,
        Field::SrcMac => query.origin != Origin::Local,
        // What follows from the others.
        Field::Iif | Field::CtState | Field::Pkttype | Field::Time => false,
        Field::Src | Field::Dst | Field::Mark | Field::Ttl | Field::Length | Field::Tos => true,
    }
}

/// A packet of the query: often one at which a condition of some outcome begins or ends.
fn draw(lot: &mut Lot, query: &Query, outcomes: &[Outcome]) -> Full {
    let open = Field::ALL.into_iter().filter(|field| is_of(*field, query) && query.known(*field).is_none());
    open.map(|field| {
        let named = outcomes.iter().flat_map(|outcome| outcome.when.iter().flatten()).filter(|one| one.field == field);
        let edges: Vec<u128> = named.flat_map(|one| one.values.iter()).flat_map(edges).collect();
        let values = query.values(field);
        let (first, last) = values.ranges()[lot.below(values.ranges().len())];
        let (least, most) = match field {
            // A time to live that no rule asks for is taken to be long enough. No packet is shorter than its headers.
            Field::Ttl => (first.max(2), last),
            Field::Length => (first.max(40), last),
            _ => (first, last),
        };
        let any = least + lot.wide() % (most - least + 1);
        let edge = (!edges.is_empty()).then(|| edges[lot.below(edges.len())]);
        let near = edge.map(|edge| match lot.below(4) {
            0 => edge.saturating_add(1),
            1 => edge.saturating_sub(1),
            _ => edge,
        });
        let value = near.filter(|near| values.contains(*near) && *near >= least && !lot.once_in(4));
        (field, value.unwrap_or(any))
    })
    .collect()
}

fn edges(values: &Values) -> Vec<u128> {
    match values {
        Values::Net(net) => vec![number(net.network()), number(net.broadcast())],
        Values::Addresses(first, last) => vec![number(*first), number(*last)],
        Values::Range(first, last) => vec![u128::from(*first), u128::from(*last)],
        Values::Set(_, held) => held.ranges().iter().flat_map(|(first, last)| [*first, *last]).collect(),
        Values::Name(_) => Vec::new(),
    }
}

/// Whether a condition holds for a packet, read as it stands.
fn holds(condition: &Condition, query: &Query, packet: &Full) -> bool {
    let drawn = packet.iter().find(|(field, _)| *field == condition.field).map(|(_, value)| *value);
    let Some(value) = drawn.or_else(|| query.known(condition.field)) else {
        panic!("{condition:?} asks for something that no packet here has of its own")
    };
    let is_in = condition.values.iter().any(|values| match values {
        Values::Net(net) => net.contains(&address(query.family, value)),
        Values::Addresses(first, last) => {
            *first <= address(query.family, value) && address(query.family, value) <= *last
        }
        Values::Range(first, last) => (u128::from(*first)..=u128::from(*last)).contains(&value),
        Values::Set(_, held) => held.contains(value),
        Values::Name(name) => {
            CtStates::from_name(&name.to_uppercase()).is_some_and(|state| u128::from(state.bits()) == value)
        }
    });
    is_in == (condition.op != Op::NotIn)
}

fn is_about(outcome: &Outcome, query: &Query, packet: &Full) -> bool {
    let all = |all: &Vec<Condition>| all.iter().all(|condition| holds(condition, query, packet));
    outcome.when.is_empty() || outcome.when.iter().any(all)
}

/// Whether one packet may go either way: something that was assumed to be so in one is not in the other.
fn excludes(a: &Outcome, b: &Outcome) -> bool {
    let other = |one: &whyport::walk::Assumption| {
        b.assumed.iter().any(|also| also.namespace == one.namespace && also.what == one.what && also.holds != one.holds)
    };
    let devices = |outcome: &Outcome| outcome.assumed.iter().any(|one| matches!(one.what, Assumed::LeavesBy(_)));
    a.assumed.iter().any(other) || devices(a) && devices(b)
}

/// Whether the steps of one packet are those of an outcome with many, of which some meet rules that others do not.
fn goes(way: &Outcome, one: &Outcome) -> bool {
    let is_same = |a: &Step, b: &Step| {
        (a.pass, a.hook, a.at, a.depth, a.base, a.verdict.name())
            == (b.pass, b.hook, b.at, b.depth, b.base, b.verdict.name())
    };
    let mut steps = one.steps().peekable();
    for step in way.steps() {
        match steps.peek() {
            Some(next) if is_same(step, next) => _ = steps.next(),
            _ if step.sometimes => {}
            _ => return false,
        }
    }
    steps.next().is_none()
}

fn ends(way: &Outcome, one: &Outcome) -> bool {
    let (a, b) = (&way.fate, &one.fate);
    let known = |a: Option<IpAddr>, b: Option<IpAddr>| a.is_none() || a == b;
    a.kind == b.kind
        && a.by.as_ref().map(|step| step.at) == b.by.as_ref().map(|step| step.at)
        && (a.reason == b.reason || a.kind == FateKind::Martian)
        && known(a.endpoints.src, b.endpoints.src)
        && known(a.endpoints.dst, b.endpoints.dst)
        && (a.endpoints.dport.is_none() || a.endpoints.dport == b.endpoints.dport)
        && (a.oif.is_none() || a.oif == b.oif)
}

/// What is wrong with the outcomes of a query for one packet of it.
fn check(walker: &Walker<'_>, query: &Query, outcomes: &[Outcome], packet: &Full) -> Result<(), String> {
    let mut about: Vec<&Outcome> = outcomes.iter().filter(|outcome| is_about(outcome, query, packet)).collect();
    // The conditions of the others do not leave out the sources that routing refuses.
    let is_refused = |outcome: &&&Outcome| outcome.fate.kind == FateKind::Martian;
    let refused: Vec<&Outcome> = about.iter().filter(is_refused).copied().collect();
    about.retain(|one| is_refused(&one) || refused.iter().all(|other| excludes(one, other)));
    if about.is_empty() {
        return Err("no outcome is about it".to_owned());
    }
    for (at, a) in about.iter().enumerate() {
        if let Some(b) = about[at + 1..].iter().find(|b| !excludes(a, b)) {
            return Err(format!("two outcomes are about it: {}\nand\n{}", told(a), told(b)));
        }
    }
    let mut full = query.clone();
    packet.iter().for_each(|(field, value)| full.set(*field, ValueSet::one(*value)));
    let walk = walker.walk(&full);
    // What rules make of an open mark has no form where they flip bits of it, and is assumed.
    let is_open = query.known(Field::Mark).is_none();
    if let [one] = &walk.outcomes[..]
        && one.is_certain()
        && !is_open
        && !(about.len() == 1 && about[0].is_certain())
        && !about.iter().all(|way| goes(way, one))
    {
        return Err(format!(
            "what it does is certain: {}\nand not\n{}",
            told(one),
            about.iter().map(|way| told(way)).collect::<String>()
        ));
    }
    // Refused sources are told as one, whatever each of them met, and whatever it was turned to before.
    let fits = |way: &Outcome, one: &Outcome| match (way.fate.kind, one.fate.kind) {
        (FateKind::Martian, FateKind::Martian) => true,
        _ => ends(way, one) && goes(way, one),
    };
    for one in &walk.outcomes {
        if !about.iter().any(|way| fits(way, one)) {
            return Err(format!(
                "it goes another way: {}\nthan\n{}",
                told(one),
                about.iter().map(|way| told(way)).collect::<String>()
            ));
        }
    }
    for way in about.iter().filter(|way| !is_open || way.is_certain()) {
        if !walk.outcomes.iter().any(|one| fits(way, one)) {
            return Err(format!(
                "it never goes this way: {}\nbut\n{}",
                told(way),
                walk.outcomes.iter().map(told).collect::<String>()
            ));
        }
    }
    Ok(())
}

fn told(outcome: &Outcome) -> String {
    let steps: Vec<String> = outcome
        .steps()
        .map(|step| {
            format!(
                "  {} {:?} {}{}",
                step.hook,
                step.at,
                step.verdict.name(),
                if step.sometimes { " sometimes" } else { "" }
            )
        })
        .collect();
    format!("when {:?}\nassumed {:?}\n{}\n{:?}\n", outcome.when, outcome.assumed, steps.join("\n"), outcome.fate)
}

fn setting(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// Seeds that found something: refused sources that two chains met in either order were told twice.
const FOUND: [u64; 1] = [100_818];

#[test]
fn packets_drawn_from_all_fall_in_exactly_one_outcome_and_go_its_way() {
    let (first, seeds) = (setting("WHYPORT_FIRST", 0), setting("WHYPORT_SEEDS", 150));
    let (mut drawn, mut several, mut wrong) = (0, 0, Vec::new());
    for seed in (first..first + seeds).chain(FOUND) {
        let mut lot = Lot::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let (text, host) = host(&mut lot);
        let aim = Aim::at(&[&text], false);
        let walker = Walker::new(&host, 0);
        for _ in 0..4 {
            let asked = query(&mut lot, &aim);
            let walk = walker.walk(&asked);
            if walk.unexplored > 0 {
                continue;
            }
            several += usize::from(walk.outcomes.len() > 1);
            for _ in 0..12 {
                let packet = draw(&mut lot, &asked, &walk.outcomes);
                drawn += 1;
                if let Err(what) = check(&walker, &asked, &walk.outcomes, &packet) {
                    wrong.push(format!("seed {seed}: {packet:?} of {asked:?}: {what}\n{text}"));
                    break;
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {drawn} packets; the first:\n{}", wrong.len(), wrong[0]);
    assert!(
        drawn as u64 > seeds * 24 && several as u64 > seeds,
        "{drawn} packets of {several} queries with several outcomes"
    );
}
