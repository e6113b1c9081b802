//! Native tables in a snapshot: every expression comes back as it was, and nothing that is damaged passes for whole.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

#[path = "native/dice.rs"]
mod dice;

use dice::Dice;
use whyport::host::nft::*;
use whyport::host::{
    Backend, Base, Body, Chain, ChainId, ChainType, Counters, ElementId, Family, Handle, Hook, Host, Name, Namespace,
    ObjectId, Place, Policy, Priority, Registration, Rule as AnyRule, RuleId, Table, What,
};
use whyport::report::rules;
use whyport::snapshot;

/// How many kinds of expressions there are.
const KINDS: usize = 50;

/// How many expressions the last rule has.
fn count_of(rules: &[AnyRule]) -> u16 {
    match rules.last().map(|rule| &rule.body) {
        Some(Body::Nft(rule)) => rule.expressions.len() as u16,
        _ => 0,
    }
}

/// What elements and objects of a table have come to.
fn observe(dice: &mut Dice, ns: &mut Namespace, t: u32, table: &Table) {
    for (s, set) in table.sets.iter().enumerate() {
        let id = ElementId { table: t, set: s as u32, element: None };
        let each = set.elements.iter().enumerate().map(|(e, element)| (Some(e as u32), element.details.as_deref()));
        for (element, details) in each.chain(set.catch_all.as_ref().map(|all| (None, all.details.as_deref()))) {
            let state = dice.element_state(details);
            ns.observations.elements.extend(state.map(|state| (ElementId { element, ..id }, state)));
        }
    }
    for o in 0..table.particulars.objects.len() {
        let tally = dice.maybe(Dice::tally);
        ns.observations.objects.extend(tally.map(|tally| (ObjectId { table: t, object: o as u32 }, tally)));
    }
}

/// A namespace that was read whole, with native tables.
fn namespace(dice: &mut Dice) -> Namespace {
    let mut ns = Namespace { name: "main".into(), ..Namespace::default() };
    let mut ranks = std::collections::HashMap::new();
    for (t, family) in [Family::Inet, Family::Ip, Family::Ip6].into_iter().enumerate().take(1 + dice.roll(3)) {
        let names: Vec<Name> = ["input", "a b", "?7", "\"", "", "x\u{1}"]
            .iter()
            .take(1 + dice.roll(6))
            .map(|name| (*name).into())
            .collect();
        let count = names.len();
        let mut table = Table {
            family,
            name: dice.pick(&["filter", "my table", "t]"]).into(),
            backend: Backend::Nft,
            chains: Vec::new(),
            sets: (0..dice.roll(4)).map(|_| dice.set(count)).collect(),
            particulars: dice.particulars(),
        };
        for (c, name) in names.into_iter().enumerate() {
            let id = ChainId { table: t as u32, chain: c as u32 };
            let base = dice.maybe(|dice| {
                let (hook, priority) = (dice.pick(&Hook::ALL), Priority(dice.pick(&[0, -300, -150, 17, 100])));
                let rank: &mut u32 = ranks.entry((hook, priority)).or_default();
                let registration = match dice.roll(5) {
                    0 => Registration::Dormant,
                    1 => Registration::Absent,
                    _ => {
                        *rank += 1;
                        Registration::Registered(Place::Known(*rank - 1))
                    }
                };
                let kind = dice.pick(&[ChainType::Filter, ChainType::Nat, ChainType::Route]);
                Base { kind, hook, priority, policy: dice.pick(&[Policy::Accept, Policy::Drop]), registration }
            });
            let mut rules = Vec::new();
            for r in 0..dice.roll(4) {
                let expressions: Box<[Expression]> = (0..dice.roll(6))
                    .map(|_| {
                        let kind = dice.roll(KINDS);
                        dice.expression(count, kind)
                    })
                    .collect();
                let body = Body::Nft(Box::new(Rule { expressions, comment: dice.maybe(Dice::name) }));
                rules.push(AnyRule { handle: dice.maybe(|dice| Handle(dice.number().into())), body });
                for at in 0..count_of(&rules) {
                    if dice.roll(4) == 0 {
                        let rule = RuleId { chain: id, index: r as u32 };
                        let tally = dice.tally();
                        ns.observations.expressions.insert((rule, at), tally);
                    }
                }
                if dice.coin() {
                    let seen = Counters { packets: dice.number().into(), bytes: u64::MAX };
                    ns.observations.rules.insert(RuleId { chain: id, index: r as u32 }, seen);
                }
            }
            if dice.coin() {
                ns.observations.policies.insert(id, Counters { packets: 1, bytes: 2 });
            }
            let details = dice.chain_details();
            table.chains.push(Chain { name, base, rules, details });
        }
        observe(dice, &mut ns, t as u32, &table);
        ns.ruleset.tables.push(table);
    }
    ns
}

fn host(dice: &mut Dice) -> Host {
    let mut host = Host { namespaces: vec![namespace(dice)], ..Host::default() };
    let any = |chain: &Chain| {
        matches!(chain.base, Some(Base { registration: Registration::Registered(_) | Registration::Dormant, .. }))
    };
    // With chains that are all absent there is nothing to say that the order of the others would be known.
    for chain in host.namespaces[0].ruleset.tables.iter_mut().flat_map(|table| &mut table.chains) {
        if !any(chain) {
            chain.base = None;
        }
    }
    host
}

/// Every expression comes back.
#[test]
fn every_expression_has_its_form() {
    let mut dice = Dice(1);
    for kind in 0..KINDS {
        for _ in 0..200 {
            let chain = |name: &str, rules| Chain { name: name.into(), base: None, rules, details: Default::default() };
            let expressions: Box<[Expression]> = [dice.expression(2, kind)].into();
            let body = Body::Nft(Box::new(Rule { expressions, comment: None }));
            let table = Table {
                family: Family::Inet,
                name: "t".into(),
                backend: Backend::Nft,
                chains: vec![chain("one", vec![AnyRule { handle: None, body }]), chain("two words", Vec::new())],
                sets: Vec::new(),
                particulars: Particulars::default(),
            };
            let mut ns = Namespace { name: "main".into(), ..Namespace::default() };
            ns.ruleset.tables.push(table);
            let printed = snapshot::print(&Host { namespaces: vec![ns.clone()], ..Host::default() });
            let again = snapshot::parse(&printed);
            assert_eq!(again.diagnostics, [], "{printed}");
            assert_eq!(again.host.viewed().ruleset, ns.ruleset, "{printed}");
        }
    }
}

#[test]
fn hosts_come_back() {
    let mut dice = Dice(2);
    for _ in 0..1_000 {
        let host = host(&mut dice);
        let printed = snapshot::print(&host);
        let again = snapshot::parse(&printed);
        assert_eq!(again.diagnostics, [], "{printed}");
        assert_eq!(again.host, host, "{printed}");
    }
}

/// Whatever a recording says, its tables are listed, each thing in lines of its own.
#[test]
fn hosts_are_listed() {
    let mut dice = Dice(6);
    for _ in 0..1_000 {
        let host = host(&mut dice);
        for ns in &host.namespaces {
            let text = rules::one(ns, rules::Kind::Nft, rules::Told::default()).unwrap_or_default();
            let native = ns.ruleset.tables.iter().filter(|table| table.backend == Backend::Nft);
            assert_eq!(text.lines().filter(|line| line.starts_with("table ")).count(), native.count(), "{text}");
            assert!(!text.contains(|sign: char| sign.is_control() && !"\n\t".contains(sign)), "{text:?}");
            whyport::report::rules_json(ns);
        }
    }
}

const SMALL: &str = "\
# whyport snapshot 1
[host]
[namespace main]
[iptables-nft-save]
[ip6tables-nft-save]
[nf_tables]
table inet filter
set ports flags=constant key-type=13 key-length=2
  element 0050
  element 01bb-01bf
chain input type=filter hook=input priority=0 policy=drop
# tcp dport @ports jump web
rule handle=5 packets=1 bytes=60 comment=\"a \\\"b\\\"\"
  [ meta l4proto => reg 0 ]
  [ cmp eq reg 0 06 ]
  [ payload transport 2 2 => reg 0 ]
  [ lookup reg 0 set ports ]
  [ verdict jump web ]
chain web
[hooks]
order: known
input 0 inet filter input nft
[end]
";

#[test]
fn a_section_reads_as_its_text_says() {
    let recording = snapshot::parse(SMALL);
    assert_eq!(recording.diagnostics, []);
    let ns = recording.host.viewed();
    assert!(ns.is_read(What::NfTables) && ns.is_read(What::Hooks));
    let table = &ns.ruleset.tables[0];
    assert_eq!(table.sets[0].elements.len(), 2);
    let Body::Nft(rule) = &table.chains[0].rules[0].body else { unreachable!() };
    assert_eq!(rule.comment.as_deref(), Some("a \"b\""));
    let text = whyport::syntax::nft::rule_text(table, rule);
    assert_eq!(text, "tcp dport @ports jump web comment \"a \"b\"\"");
    let base = table.chains[0].base.as_ref().unwrap();
    assert_eq!(base.registration, Registration::Registered(Place::Known(0)));
    let printed = snapshot::print(&recording.host);
    assert!(printed.contains("\n# tcp dport @ports jump web"), "{printed}");
    assert_eq!(snapshot::parse(&printed).host, recording.host);
}

/// A damaged line costs itself, is told once, and makes the tables count as unread.
#[test]
fn damage_is_told_once() {
    for (from, to) in [
        ("table inet filter", "table inet"),
        ("key-type=13", "key-type=x"),
        ("element 0050", "element 00500"),
        ("element 0050", "element 0050 = jump nowhere"),
        ("policy=drop", "policy=perhaps"),
        ("policy=drop", "policy=drop colour=red"),
        ("handle=5", "handle=five"),
        ("packets=1 ", ""),
        ("[ cmp eq reg 0 06 ]", "[ cmp eq reg 0 6 ]"),
        ("[ cmp eq reg 0 06 ]", "[ cmp eq reg 0 06 07 ]"),
        ("[ cmp eq reg 0 06 ]", "[ cmp eq reg 0 06"),
        ("[ verdict jump web ]", "[ verdict jump nowhere ]"),
        ("chain web", "chains web"),
        ("comment=\"a ", "comment=\"a \" \""),
    ] {
        let text = SMALL.replacen(from, to, 1);
        assert_ne!(text, SMALL);
        let recording = snapshot::parse(&text);
        let in_section: Vec<_> = recording.diagnostics.iter().filter(|bad| bad.line < 21).collect();
        let more = if from == "chain web" { 2 } else { 1 };
        assert_eq!(in_section.len(), more, "{to}: {:?}", recording.diagnostics);
        assert!(!recording.host.viewed().is_read(What::NfTables), "{to}");
    }
}

/// Whatever is done to the text of hosts, it is read, and what was read is written and read again.
#[test]
fn nothing_makes_it_fail() {
    let mut dice = Dice(3);
    for _ in 0..1_500 {
        let host = host(&mut dice);
        let mut text: Vec<char> = snapshot::print(&host).chars().collect();
        for _ in 0..1 + dice.roll(8) {
            let at = dice.roll(text.len());
            match dice.roll(4) {
                0 => drop(text.remove(at)),
                1 => text.insert(at, dice.pick(&['"', '\\', ' ', '\n', '[', ']', '=', '0', 'x', '-', '*', '?'])),
                2 => text.truncate(text.len() - dice.roll(text.len() / 8 + 1)),
                _ => {
                    let end = (at + dice.roll(60)).min(text.len());
                    let piece = text[at..end].to_vec();
                    let to = dice.roll(text.len());
                    text.splice(to..to, piece);
                }
            }
        }
        let text: String = text.into_iter().collect();
        let once = snapshot::print(&snapshot::parse(&text).host);
        let again = snapshot::print(&snapshot::parse(&once).host);
        assert_eq!(again, once);
    }
}
