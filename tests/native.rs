//! Native tables in a snapshot: every expression comes back as it was, and nothing that is damaged passes for whole.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

use whyport::host::nft::*;
use whyport::host::xt::{self, CtDirection};
use whyport::host::{
    Backend, Base, Body, Chain, ChainId, ChainType, Counters, Family, Handle, Hook, Host, Name, Namespace, Place,
    Policy, Priority, Registration, Rule as AnyRule, RuleId, Table, What,
};
use whyport::report::rules;
use whyport::snapshot;

/// Numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % below
    }

    fn coin(&mut self) -> bool {
        self.roll(2) == 0
    }

    fn number(&mut self) -> u32 {
        [0, 1, 6, 80, 443, 0xffff, u32::MAX, self.roll(1 << 30) as u32][self.roll(8)]
    }

    fn maybe<T>(&mut self, make: impl FnOnce(&mut Dice) -> T) -> Option<T> {
        if self.coin() { Some(make(self)) } else { None }
    }

    fn bytes(&mut self) -> Box<[u8]> {
        (0..[0, 1, 2, 4, 6, 8, 16][self.roll(7)]).map(|_| self.roll(256) as u8).collect()
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.roll(of.len())]
    }

    fn name(&mut self) -> Name {
        self.pick(&[
            "web", "__set0", "a b", "", "\"", "\\", "x\ny", "?7", "#", "[end]", "k=v", "=>", "reg", "ä→", "\u{85}",
            "\t",
        ])
        .into()
    }

    fn register(&mut self) -> Register {
        Register(self.roll(17) as u8)
    }

    fn verdict(&mut self, chains: usize) -> Verdict {
        match self.roll(8) {
            0 => Verdict::Accept,
            1 => Verdict::Drop,
            2 => Verdict::Continue,
            3 => Verdict::Break,
            4 => Verdict::Return,
            5 => Verdict::Jump(ChainRef(self.roll(chains) as u32)),
            6 => Verdict::Goto(ChainRef(self.roll(chains) as u32)),
            _ => Verdict::Queue { queue: self.number() as u16, bypass: self.coin() },
        }
    }

    fn pair(&mut self) -> Option<(Register, Register)> {
        self.maybe(|dice| (dice.register(), dice.register()))
    }

    fn expression(&mut self, chains: usize, kind: usize) -> Expression {
        let (from, to) = (self.register(), self.register());
        match kind {
            0 => Expression::Payload {
                base: self.pick(&[PayloadBase::Link, PayloadBase::Network, PayloadBase::Transport, PayloadBase::Inner]),
                offset: self.number() as u16,
                length: self.number() as u16,
                to,
            },
            1 => Expression::Meta { key: MetaKey(self.roll(40) as u32), to },
            2 => Expression::MetaSet { key: MetaKey(self.roll(40) as u32), from },
            3 => Expression::Ct {
                key: CtKey(self.roll(30) as u32),
                direction: self.maybe(|dice| dice.pick(&[CtDirection::Original, CtDirection::Reply])),
                to,
            },
            4 => Expression::CtSet {
                key: CtKey(self.roll(30) as u32),
                direction: self.maybe(|dice| dice.pick(&[CtDirection::Original, CtDirection::Reply])),
                from,
            },
            5 => Expression::Fib {
                result: self.pick(&[FibResult::Oif, FibResult::OifName, FibResult::AddressType]),
                flags: self.roll(128) as u32,
                to,
            },
            6 => Expression::Immediate { to, data: self.bytes() },
            7 => Expression::Verdict(self.verdict(chains)),
            8 => Expression::Compare {
                from,
                op: self.pick(&[
                    CompareOp::Equal,
                    CompareOp::NotEqual,
                    CompareOp::Less,
                    CompareOp::LessOrEqual,
                    CompareOp::Greater,
                    CompareOp::GreaterOrEqual,
                ]),
                data: self.bytes(),
            },
            9 => Expression::Range { from, not: self.coin(), ends: Box::new((self.bytes(), self.bytes())) },
            10 => Expression::Bitwise { from, to, mask_xor: Box::new((self.bytes(), self.bytes())) },
            11 => Expression::Byteorder {
                from,
                to,
                size: self.pick(&[2, 4, 8]),
                length: self.number() as u8,
                to_network: self.coin(),
            },
            12 => Expression::Lookup {
                set: self.name(),
                from,
                to: self.maybe(|dice| match dice.coin() {
                    true => LookupResult::Verdict,
                    false => LookupResult::Data(dice.register()),
                }),
                not: self.coin(),
            },
            13 => Expression::Counter,
            14 => Expression::Limit(Box::new(Limit {
                rate: self.number().into(),
                unit: self.number().into(),
                burst: self.number(),
                bytes: self.coin(),
                over: self.coin(),
            })),
            15 => Expression::Log(Box::new(Log {
                prefix: self.maybe(Dice::name),
                level: self.maybe(Dice::number),
                flags: self.maybe(Dice::number),
                group: self.maybe(|dice| dice.number() as u16),
                snaplen: self.maybe(Dice::number),
                qthreshold: self.maybe(|dice| dice.number() as u16),
            })),
            16 => Expression::Notrack,
            17 => Expression::Nat(Box::new(Nat {
                destination: self.coin(),
                family: self.pick(&[Family::Ip, Family::Ip6, Family::Inet]),
                addresses: self.pair(),
                ports: self.pair(),
                flags: self.number(),
            })),
            18 => Expression::Masquerade { ports: self.pair(), flags: self.number() },
            19 => Expression::Redirect { ports: self.pair(), flags: self.number() },
            20 => Expression::Reject {
                kind: self.pick(&[RejectKind::Icmp, RejectKind::TcpReset, RejectKind::Icmpx]),
                code: self.number() as u8,
            },
            21 => Expression::Match(Box::new(self.matched())),
            22 => Expression::Target(Box::new(self.target(chains))),
            _ => Expression::Undecoded(Box::new(Undecoded { name: self.name(), data: self.bytes() })),
        }
    }

    fn matched(&mut self) -> xt::Match {
        let mark = xt::Masked { value: 5, mask: 0xff };
        match self.roll(7) {
            0 => xt::Match::Comment(self.pick(&["plain", "a b", "say \"hi\"", "back\\slash", "]"]).into()),
            1 => xt::Match::Mark(xt::Neg { not: self.coin(), value: mark }),
            2 => xt::Match::Multiport(Box::new(xt::Multiport {
                which: xt::WhichPort::Destination,
                not: self.coin(),
                ports: [xt::PortRange::one(80), xt::PortRange { first: 90, last: 99 }].into(),
            })),
            3 => xt::Match::State(xt::Neg { not: self.coin(), value: xt::CtStates::NEW | xt::CtStates::INVALID }),
            4 => {
                xt::Match::Tcp(xt::TcpMatch { dport: Some(xt::Neg::is(xt::PortRange::one(80))), ..Default::default() })
            }
            5 => xt::Match::Addrtype(xt::Addrtype {
                destination: Some(xt::Neg::is(xt::AddressTypes::LOCAL)),
                ..Default::default()
            }),
            _ => xt::Match::Opaque(Box::new(xt::Opaque {
                name: "string".into(),
                words: ["--algo".into(), "bm".into()].into(),
            })),
        }
    }

    fn target(&mut self, chains: usize) -> xt::Target {
        match self.roll(8) {
            0 => xt::Target::Accept,
            1 => xt::Target::Continue,
            2 => xt::Target::Jump(self.roll(chains) as u32),
            3 => xt::Target::Goto(self.roll(chains) as u32),
            4 => xt::Target::Mark(xt::Masked { value: 1, mask: 0xffff_ffff }),
            5 => xt::Target::Log(Box::new(xt::Log { level: 4, prefix: "a b: ".into(), flags: 1 })),
            6 => xt::Target::Masquerade(Box::default()),
            _ => xt::Target::Opaque(Box::new(xt::Opaque {
                name: "TEE".into(),
                words: ["--gateway".into(), "10.0.0.1".into()].into(),
            })),
        }
    }

    fn data(&mut self, chains: usize) -> Option<ElementData> {
        match self.roll(4) {
            0 => None,
            1 => Some(ElementData::Value(self.bytes())),
            2 => Some(ElementData::Verdict(self.verdict(chains))),
            _ => Some(ElementData::Object(self.name())),
        }
    }

    fn set(&mut self, chains: usize) -> Set {
        let elements = (0..self.roll(5)).map(|_| {
            let first = self.bytes();
            let last = if self.coin() { first.clone() } else { self.bytes() };
            Element { first, last, data: self.data(chains), details: None }
        });
        let elements = elements.collect();
        Set {
            name: self.name(),
            flags: SetFlags::from_bits_retain(self.roll(0x800) as u32),
            key_type: self.number(),
            key_length: self.number(),
            data_type: self.maybe(Dice::number),
            data_length: self.number(),
            parts: (0..self.roll(3)).map(|at| at as u32).collect(),
            elements,
            catch_all: self.maybe(|dice| Box::new(CatchAll { data: dice.data(chains), details: None })),
            details: self.details(),
        }
    }

    fn details(&mut self) -> Details {
        Details {
            comment: self.maybe(Dice::name),
            size: self.number(),
            timeout: u64::from(self.number()) << self.roll(30),
            gc_interval: self.number(),
            memory: self.coin(),
            merges: self.coin(),
            objects: self.maybe(|dice| ObjectKind(1 + dice.roll(12) as u32)),
            ..Details::default()
        }
    }

    fn particulars(&mut self) -> Particulars {
        Particulars {
            flags: TableFlags::from_bits_retain(self.roll(0x20) as u32),
            comment: self.maybe(Dice::name),
            untold: (0..self.roll(3)).map(|_| self.name()).collect(),
            ..Particulars::default()
        }
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
                        let kind = dice.roll(24);
                        dice.expression(count, kind)
                    })
                    .collect();
                let body = Body::Nft(Box::new(Rule { expressions, comment: dice.maybe(Dice::name) }));
                rules.push(AnyRule { handle: dice.maybe(|dice| Handle(dice.number().into())), body });
                if dice.coin() {
                    let seen = Counters { packets: dice.number().into(), bytes: u64::MAX };
                    ns.observations.rules.insert(RuleId { chain: id, index: r as u32 }, seen);
                }
            }
            if dice.coin() {
                ns.observations.policies.insert(id, Counters { packets: 1, bytes: 2 });
            }
            table.chains.push(Chain { name, base, rules, details: Default::default() });
        }
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
    for kind in 0..24 {
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
