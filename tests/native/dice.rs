//! Native tables that look random and are the same each time.

use whyport::host::nft::*;
use whyport::host::xt::{self, CtDirection};
use whyport::host::{Counters, ElementState, Family, Handle, Hook, Name, Priority, Protocol, Tally};

/// Numbers that look random and are the same each time.
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % below
    }

    pub fn coin(&mut self) -> bool {
        self.roll(2) == 0
    }

    pub fn number(&mut self) -> u32 {
        [0, 1, 6, 80, 443, 0xffff, u32::MAX, self.roll(1 << 30) as u32][self.roll(8)]
    }

    pub fn maybe<T>(&mut self, make: impl FnOnce(&mut Dice) -> T) -> Option<T> {
        if self.coin() { Some(make(self)) } else { None }
    }

    pub fn bytes(&mut self) -> Box<[u8]> {
        (0..[0, 1, 2, 4, 6, 8, 16][self.roll(7)]).map(|_| self.roll(256) as u8).collect()
    }

    pub fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.roll(of.len())]
    }

    pub fn name(&mut self) -> Name {
        self.pick(&[
            "web", "__set0", "a b", "", "\"", "\\", "x\ny", "?7", "#", "[end]", "k=v", "=>", "reg", "ä→", "\u{85}",
            "\t",
        ])
        .into()
    }

    pub fn register(&mut self) -> Register {
        Register(self.roll(17) as u8)
    }

    pub fn verdict(&mut self, chains: usize) -> Verdict {
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

    pub fn pair(&mut self) -> Option<(Register, Register)> {
        self.maybe(|dice| (dice.register(), dice.register()))
    }

    pub fn expression(&mut self, chains: usize, kind: usize) -> Expression {
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
            23 => Expression::Undecoded(Box::new(Undecoded { name: self.name(), data: self.bytes() })),
            kind => self.rarer(kind),
        }
    }

    pub fn rarer(&mut self, kind: usize) -> Expression {
        let (from, to) = (self.register(), self.register());
        let within = self.pick(&[
            Extension::Ipv6,
            Extension::TcpOption,
            Extension::IpOption,
            Extension::SctpChunk,
            Extension::DccpOption,
        ]);
        let (small, offset, length) = (self.roll(256) as u8, self.roll(256) as u8, self.roll(256) as u8);
        let family = self.maybe(|dice| dice.pick(&[Family::Ip, Family::Ip6]));
        let (address, device) = (self.maybe(Dice::register), self.maybe(Dice::register));
        match kind {
            24 => Expression::PayloadSet(Box::new(PayloadSet {
                from,
                base: self.pick(&[PayloadBase::Network, PayloadBase::Tunnel]),
                offset: self.number() as u16,
                length: self.number() as u16,
                checksum: self.pick(&[Checksum::None, Checksum::Inet, Checksum::Sctp]),
                checksum_offset: self.number() as u16,
                pseudo_header: self.coin(),
            })),
            25 => Expression::Exthdr { within, kind: small, offset, length, present: self.coin(), to },
            26 => Expression::ExthdrSet { within, kind: small, offset, length, from },
            27 => Expression::ExthdrReset { within, kind: small },
            28 => Expression::Socket {
                key: self.pick(&[
                    SocketKey::Transparent,
                    SocketKey::Mark,
                    SocketKey::Wildcard,
                    SocketKey::Cgroup2(small),
                ]),
                to,
            },
            29 => Expression::Rt {
                key: self.pick(&[RtKey::ClassId, RtKey::NextHop4, RtKey::NextHop6, RtKey::TcpMss, RtKey::Xfrm]),
                to,
            },
            30 => Expression::Osf { ttl: small, version: self.coin(), to },
            31 => Expression::Xfrm {
                key: self.pick(&[XfrmKey::DestinationIp, XfrmKey::SourceIp6, XfrmKey::RequestId, XfrmKey::Spi]),
                out: self.coin(),
                index: small,
                to,
            },
            32 => Expression::Tunnel {
                key: self.pick(&[TunnelKey::Path, TunnelKey::Id]),
                mode: self.pick(&[TunnelMode::None, TunnelMode::Rx, TunnelMode::Tx]),
                to,
            },
            33 => {
                let kind = self.roll(2);
                let expression = self.expression(1, kind);
                let (kind, flags, header_size) = (self.number(), self.number(), self.number());
                Expression::Inner(Box::new(Inner { kind, flags, header_size, expression }))
            }
            34 => Expression::Numgen { random: self.coin(), modulus: self.number(), offset: self.number(), to },
            35 => {
                let jenkins = self.coin();
                Expression::Hash(Box::new(Hash {
                    kind: if jenkins { HashKind::Jenkins } else { HashKind::Symmetric },
                    from: if jenkins { from } else { Register(0) },
                    length: if jenkins { length } else { 0 },
                    modulus: self.number(),
                    seed: self.maybe(Dice::number),
                    offset: self.number(),
                    to,
                }))
            }
            36 => Expression::Shift { from, to, left: self.coin(), length, bits: self.number() },
            37 => Expression::Boolean(Box::new(Boolean {
                op: self.pick(&[BooleanOp::And, BooleanOp::Or, BooleanOp::Xor]),
                from,
                with: if self.coin() { Operand::Register(to) } else { Operand::Data(self.bytes()) },
                to,
                length,
            })),
            38 => Expression::Dynset(Box::new(Dynset {
                set: self.name(),
                op: self.pick(&[DynsetOp::Add, DynsetOp::Update, DynsetOp::Delete]),
                key: from,
                data: address,
                timeout: self.number().into(),
                not: self.coin(),
                expressions: self.held(),
            })),
            39 => Expression::Connlimit { count: self.number(), over: self.coin() },
            40 => Expression::Quota { bytes: u64::from(self.number()) << self.roll(30), over: self.coin() },
            41 => Expression::Last,
            42 => Expression::Object { kind: ObjectKind(self.number()), name: self.name() },
            43 => Expression::ObjectMap { set: self.name(), from },
            44 => Expression::Tproxy { family, address, port: device },
            45 => Expression::Dup { address, device },
            46 => Expression::Fwd { device: from, address, family },
            47 => Expression::Queue {
                to: if self.coin() { Queues::Range(3, self.number() as u16) } else { Queues::Register(from) },
                bypass: self.coin(),
                fanout: self.coin(),
            },
            48 => Expression::Synproxy(self.synproxy()),
            _ => Expression::FlowOffload { table: self.name() },
        }
    }

    pub fn synproxy(&mut self) -> Synproxy {
        Synproxy { mss: self.number() as u16, window_scale: self.roll(256) as u8, flags: self.number() }
    }

    /// What elements hold.
    pub fn held(&mut self) -> Box<[Expression]> {
        let each = (0..self.roll(3)).map(|_| {
            let kind = self.pick(&[13, 14, 23, 39, 40, 41]);
            self.expression(1, kind)
        });
        each.collect()
    }

    pub fn tally(&mut self) -> Tally {
        match self.roll(4) {
            0 => Tally::Counter(Counters { packets: self.number().into(), bytes: u64::MAX }),
            1 => Tally::Consumed(self.number().into()),
            2 => Tally::Last(None),
            _ => Tally::Last(Some(self.number().into())),
        }
    }

    pub fn object(&mut self) -> Object {
        let (family, protocol) = (self.pick(&[Family::Ip, Family::Inet]), Protocol(self.roll(256) as u8));
        let ends = [("10.0.0.1", "10.0.0.2"), ("fe80::1", "::")];
        let ends = ends.map(|(from, to)| (from.parse().unwrap(), to.parse().unwrap()));
        let body = match self.roll(10) {
            0 => ObjectBody::Counter,
            1 => ObjectBody::Quota { bytes: self.number().into(), over: self.coin() },
            2 => ObjectBody::CtHelper(CtHelper { helper: self.name(), family, protocol }),
            3 => ObjectBody::Limit(Limit { rate: 5, unit: 60, burst: self.number(), bytes: self.coin(), over: true }),
            4 => ObjectBody::Tunnel(Box::new(Tunnel {
                id: self.number(),
                addresses: self.maybe(|dice| dice.pick(&ends)),
                flow_label: self.number(),
                flags: self.number(),
                tos: 3,
                ttl: self.roll(256) as u8,
                sport: self.number() as u16,
                dport: 4789,
                options: match self.roll(5) {
                    0 => TunnelOptions::None,
                    1 => TunnelOptions::Vxlan { gbp: self.number() },
                    2 => TunnelOptions::Erspan1 { index: self.number() },
                    3 => TunnelOptions::Erspan2 { hardware: 7, direction: 1 },
                    _ => TunnelOptions::Geneve([Geneve { class: 258, kind: 1, data: self.bytes() }].into()),
                },
            })),
            5 => ObjectBody::CtTimeout(CtTimeout { family, protocol, seconds: [(1, 5), (2, self.number())].into() }),
            6 => ObjectBody::Secmark { context: self.name() },
            7 => ObjectBody::CtExpectation(CtExpectation {
                family,
                protocol,
                dport: 21,
                timeout: self.number(),
                size: self.roll(256) as u8,
            }),
            8 => ObjectBody::Synproxy(self.synproxy()),
            _ => ObjectBody::Undecoded(ObjectKind(self.number()), self.bytes()),
        };
        let handle = self.maybe(|dice| Handle(dice.number().into()));
        Object { name: self.name(), handle, comment: self.maybe(Dice::name), body }
    }

    pub fn devices(&mut self) -> Box<[xt::InterfacePattern]> {
        (0..self.roll(3)).map(|_| xt::InterfacePattern { name: self.name(), prefix: self.coin() }).collect()
    }

    pub fn flowtable(&mut self) -> Flowtable {
        Flowtable {
            name: self.name(),
            handle: self.maybe(|dice| Handle(dice.number().into())),
            hook: self.pick(&[Hook::Ingress, Hook::Egress]),
            priority: Priority(self.number() as i32),
            devices: self.devices(),
            flags: self.number(),
        }
    }

    pub fn chain_details(&mut self) -> ChainDetails {
        ChainDetails {
            handle: self.maybe(|dice| Handle(dice.number().into())),
            comment: self.maybe(Dice::name),
            devices: self.devices(),
            flags: ChainFlags::from_bits_retain(self.roll(16) as u32 & !1),
        }
    }

    pub fn element_details(&mut self) -> Option<Box<ElementDetails>> {
        let details = self.maybe(|dice| ElementDetails {
            comment: dice.maybe(Dice::name),
            timeout: dice.maybe(|dice| dice.number().into()),
            expressions: dice.held(),
        });
        details.filter(|details| *details != ElementDetails::default()).map(Box::new)
    }

    pub fn element_state(&mut self, details: Option<&ElementDetails>) -> Option<ElementState> {
        let held = details.map_or(0, |details| details.expressions.len());
        let tallies = (0..held).map(|_| self.maybe(Dice::tally)).collect();
        let state = ElementState { expires: self.maybe(|dice| dice.number().into()), tallies };
        Some(state).filter(|state| state.expires.is_some() || state.tallies.iter().any(Option::is_some))
    }

    pub fn type_of(&mut self) -> Option<Box<Typeof>> {
        self.maybe(|dice| Box::new(Typeof { expression: dice.number(), data: dice.bytes() }))
    }

    pub fn matched(&mut self) -> xt::Match {
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
                name: "odd".into(),
                words: ["--algo".into(), "bm".into()].into(),
            })),
        }
    }

    pub fn target(&mut self, chains: usize) -> xt::Target {
        match self.roll(8) {
            0 => xt::Target::Accept,
            1 => xt::Target::Continue,
            2 => xt::Target::Jump(self.roll(chains) as u32),
            3 => xt::Target::Goto(self.roll(chains) as u32),
            4 => xt::Target::Mark(xt::Masked { value: 1, mask: 0xffff_ffff }),
            5 => xt::Target::Log(Box::new(xt::Log { level: 4, prefix: "a b: ".into(), flags: 1 })),
            6 => xt::Target::Masquerade(Box::default()),
            _ => xt::Target::Opaque(Box::new(xt::Opaque {
                name: "ODD".into(),
                words: ["--gateway".into(), "10.0.0.1".into()].into(),
            })),
        }
    }

    pub fn data(&mut self, chains: usize) -> Option<ElementData> {
        match self.roll(4) {
            0 => None,
            1 => Some(ElementData::Value(self.bytes())),
            2 => Some(ElementData::Verdict(self.verdict(chains))),
            _ => Some(ElementData::Object(self.name())),
        }
    }

    pub fn set(&mut self, chains: usize) -> Set {
        let elements = (0..self.roll(5)).map(|_| {
            let first = self.bytes();
            let last = if self.coin() { first.clone() } else { self.bytes() };
            Element { first: first.into(), last: last.into(), data: self.data(chains), details: self.element_details() }
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
            catch_all: self
                .maybe(|dice| Box::new(CatchAll { data: dice.data(chains), details: dice.element_details() })),
            counted: None,
            details: self.details(),
        }
    }

    pub fn details(&mut self) -> Details {
        Details {
            comment: self.maybe(Dice::name),
            size: self.number(),
            timeout: u64::from(self.number()) << self.roll(30),
            gc_interval: self.number(),
            memory: self.coin(),
            merges: self.coin(),
            objects: self.maybe(|dice| ObjectKind(1 + dice.roll(12) as u32)),
            handle: self.maybe(|dice| Handle(dice.number().into())),
            key_order: self.maybe(|dice| dice.pick(&[ByteOrder::Invalid, ByteOrder::Host, ByteOrder::Network])),
            data_order: self.maybe(|dice| dice.pick(&[ByteOrder::Host, ByteOrder::Network])),
            data_interval: self.coin(),
            key_typeof: self.type_of(),
            data_typeof: self.type_of(),
            expressions: self.held(),
        }
    }

    pub fn particulars(&mut self) -> Particulars {
        Particulars {
            flags: TableFlags::from_bits_retain(self.roll(0x20) as u32),
            comment: self.maybe(Dice::name),
            untold: (0..self.roll(3)).map(|_| self.name()).collect(),
            handle: self.maybe(|dice| Handle(dice.number().into())),
            owner: self.maybe(Dice::number),
            objects: (0..self.roll(3)).map(|_| self.object()).collect(),
            flowtables: (0..self.roll(2)).map(|_| self.flowtable()).collect(),
        }
    }
}
