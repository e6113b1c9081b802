//! What became of each rule: held exactly where the walk says so, and failed for something that does not hold.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

#[path = "judge/native.rs"]
mod native;
#[allow(dead_code, reason = "what it sends is of no use here")]
#[path = "judge/packet.rs"]
mod packet;
#[allow(dead_code, reason = "what it sends is of no use here")]
#[path = "judge/random.rs"]
mod random;
#[allow(dead_code, reason = "other ways to ask are of no use here")]
mod way;

use whyport::host::{Host, IpFamily, Protocol, RuleId};
use whyport::snapshot;
use whyport::walk::why::{Account, Spot, visited};
use whyport::walk::{FateKind, Field, Origin, Outcome, Query, StepAt, ValueSet, Verdict, Walk, Walker};

use random::Lot;

/// Where native rules stand in a host's text.
const NATIVE: &str = "[nft list ruleset]";

/// A packet by lot, with some of its fields open.
fn query(lot: &mut Lot) -> Query {
    let packet = random::packet(lot, false, 1);
    let origin = match &packet.device {
        Some(device) => Origin::Device(device.replace("eth1", "br0")),
        None => Origin::Local,
    };
    let protocol = match packet.protocol {
        packet::Protocol::Tcp => Protocol::TCP,
        packet::Protocol::Udp => Protocol::UDP,
        packet::Protocol::Icmp => Protocol::ICMP,
    };
    let mut query = Query::new(0, origin, IpFamily::V4, protocol);
    let own = ["192.168.1.2", "10.0.0.1", "10.0.0.9"][lot.below(3)];
    query.set_address(Field::Dst, own.parse().unwrap());
    if let Some(src) = packet.src.filter(|_| !lot.once_in(3)) {
        query.set_address(Field::Src, src.ip());
    }
    if protocol != Protocol::ICMP {
        query.set(Field::Dport, ValueSet::one(packet.dst.port().into()));
        if !lot.once_in(3) {
            query.set(Field::Sport, ValueSet::one(40_000));
        }
    }
    query.set(Field::Mark, ValueSet::one(packet.mark.into()));
    query
}

/// Whether every account of an outcome is what its steps say.
fn check(host: &Host, walker: &Walker<'_>, walk: &Walk, outcome: &Outcome) -> Result<(usize, usize), String> {
    let ruleset = |namespace: usize| &host.namespaces[namespace].ruleset;
    let (mut held, mut failed) = (Vec::new(), 0);
    for visit in visited(outcome) {
        let rules = ruleset(visit.namespace).chain(visit.rule.chain).rules.len() as u32;
        for index in 0..rules {
            let spot = Spot { rule: RuleId { index, ..visit.rule }, ..visit.clone() };
            let accounts = walker.accounts(walk, outcome, &spot);
            let wrong = |what: &str| Err(format!("{what}: {spot:?} {accounts:?}"));
            for account in &accounts {
                match account {
                    Account::Held { checks, .. } if checks.iter().any(|check| check.holds != Some(true)) => {
                        return wrong("held with something that does not");
                    }
                    Account::Failed(check) if check.holds != Some(false) => return wrong("failed for nothing"),
                    Account::Held { .. } | Account::Depends(_) | Account::Failed(_) | Account::Unreached(_) => {}
                }
            }
            match &accounts[..] {
                [] => return wrong("nothing is known"),
                [Account::Held { verdict, .. }] => held.push((spot.pass, spot.hook, spot.rule, Some(*verdict))),
                [Account::Depends(_)] => held.push((spot.pass, spot.hook, spot.rule, None)),
                all if is_split(all) => held.push((spot.pass, spot.hook, spot.rule, None)),
                all if all.iter().all(|account| matches!(account, Account::Failed(_))) => failed += 1,
                all if all.iter().all(|account| matches!(account, Account::Unreached(_))) => {}
                _ => return wrong("held and did not"),
            }
        }
    }
    let rules = outcome.steps().filter_map(|step| match step.at {
        StepAt::Rule(rule) => Some((step.pass, step.hook, rule, Some(step.verdict).filter(|_| !step.sometimes))),
        StepAt::End(_) => None,
    });
    let mut left = held.clone();
    for step in rules {
        match left.iter().position(|one| *one == step) {
            Some(at) => left.swap_remove(at),
            None => return Err(format!("{step:?} is in the steps, and these held: {held:?}")),
        };
    }
    if left.is_empty() { Ok((held.len(), failed)) } else { Err(format!("held, and in no step: {left:?}")) }
}

/// Whether a rule without effect held for some classes of an outcome and not for others.
fn is_split(all: &[Account]) -> bool {
    let mut idle = all.iter().map(|account| match account {
        Account::Held { verdict, .. } => *verdict == Verdict::Continue,
        Account::Depends(_) | Account::Failed(_) => true,
        Account::Unreached(_) => false,
    });
    idle.all(|idle| idle) && !all.iter().all(|account| matches!(account, Account::Failed(_)))
}

/// Accounts of rulesets by lot; how many rules held, and how many failed.
fn play(rounds: u64, host: impl Fn(&mut Lot) -> (String, Host)) -> (usize, usize) {
    let mut sum = (0, 0);
    for seed in 0..rounds {
        let mut lot = Lot::new(seed);
        let (text, host) = host(&mut lot);
        let walker = Walker::new(&host, 0);
        for _ in 0..6 {
            let query = query(&mut lot);
            let walk = walker.walk(&query);
            // Refused sources are told as one, whatever each of them met.
            for outcome in walk.outcomes.iter().filter(|outcome| outcome.fate.kind != FateKind::Martian) {
                match check(&host, &walker, &walk, outcome) {
                    Ok((held, failed)) => sum = (sum.0 + held, sum.1 + failed),
                    Err(wrong) => panic!("seed {seed}, {query:?}: {wrong}\n{outcome:?}\n{text}"),
                }
            }
        }
    }
    sum
}

#[test]
fn rules_of_iptables_held_exactly_where_the_steps_say_so() {
    let (held, failed) = play(300, |lot| {
        let text = random::ruleset(lot, false, false);
        let host = way::host(&text);
        (text, host)
    });
    assert!(held > 1000 && failed > 1000, "{held} {failed}");
}

#[test]
fn native_rules_held_exactly_where_the_steps_say_so() {
    let (held, failed) = play(300, |lot| {
        let text = native::ruleset(lot, false);
        let host = snapshot::parse(&way::HOST.replace("RULES", "").replace(NATIVE, &format!("{NATIVE}\n{text}"))).host;
        (text, host)
    });
    assert!(held > 1000 && failed > 1000, "{held} {failed}");
}
