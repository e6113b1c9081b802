//! The rarer statements: what writes into packets and sets, sends packets elsewhere, or uses objects.

use super::{
    Expression, Family, Held, Operand, Reader, Register, Role, effects, exthdr, fields, loads, relation, values,
};
use crate::host::nft::{
    BooleanOp, Dynset, DynsetOp, Hash, HashKind, Inner, ObjectKind, Operand as With, PayloadSet, Queues, SetFlags,
};
use crate::syntax::nft::terms::{Side, side, with_mask};
use crate::syntax::nft::values::Kind;

/// A statement: what it is for, its words, and the expressions that made what it uses.
type Said = (Role, String, Vec<u16>);

impl Reader<'_> {
    /// Reads an expression; `None`: it loads something, and says nothing yet.
    pub(super) fn more(&mut self, expression: &Expression, at: u16) -> Option<Said> {
        Some(match expression {
            Expression::Hash(hash) => {
                self.hash(hash, at);
                return None;
            }
            Expression::Boolean(boolean) => {
                let sign = match boolean.op {
                    BooleanOp::And => "&",
                    BooleanOp::Or => "|",
                    BooleanOp::Xor => "^",
                };
                let length = usize::from(boolean.length);
                let mut held = self.registers.take(boolean.from, length);
                let with = match &boolean.with {
                    With::Register(register) => self.registers.take(*register, length),
                    With::Data(data) => Held { operand: Operand::Constant(data.clone()), ..Held::default() },
                };
                held.parts.extend(with.parts);
                held.parts.push(at);
                held.operand = Operand::Combined { of: Box::new((held.operand, with.operand)), sign };
                held.length = boolean.length.into();
                self.registers.put(boolean.to, held);
                return None;
            }
            Expression::Inner(inner) => {
                self.inner(inner, at);
                return None;
            }
            Expression::PayloadSet(written) => self.payload_set(written),
            Expression::ExthdrSet { within, kind, offset, length, from } => {
                let operand = exthdr::operand(*within, *kind, *offset, *length, false);
                let side = side(&self.context, &operand);
                let held = self.registers.take(*from, usize::from(*length));
                let value = self.value(&held.operand, Kind::Integer, false);
                (Role::Does, format!("{} set {value}", side.text()), held.parts)
            }
            Expression::ExthdrReset { within, kind } => {
                (Role::Does, format!("reset {}", exthdr::header(*within, *kind)), Vec::new())
            }
            Expression::Dynset(dynset) => self.dynset(dynset),
            Expression::Object { kind, name } => {
                (Role::Does, format!("{} \"{name}\"", object_words(*kind)), Vec::new())
            }
            Expression::ObjectMap { set, from } => {
                let known = self.scope().set(set);
                let held = self.registers.take(*from, known.map_or(0, |set| set.key_length as usize));
                let kind = known.and_then(|set| set.details.objects).unwrap_or(ObjectKind(0));
                let side = side(&self.context, &held.operand);
                self.uses(&side);
                let map = relation::map(self.scope(), &side, set);
                (Role::Does, format!("{} {map}", object_words(kind)), held.parts)
            }
            Expression::Synproxy(synproxy) => (Role::Decides, effects::synproxy(synproxy), Vec::new()),
            Expression::FlowOffload { table } => (Role::Does, format!("flow add @{table}"), Vec::new()),
            other => return self.sends(other),
        })
    }

    /// Statements that send the packet or a copy of it elsewhere.
    fn sends(&mut self, expression: &Expression) -> Option<Said> {
        Some(match expression {
            Expression::Tproxy { family, address, port } => self.tproxy(*family, *address, *port),
            Expression::Dup { address, device } => {
                let mut parts = Vec::new();
                let length = if self.table.family == Family::Ip6 { 16 } else { 4 };
                let address = address.map(|register| self.one(register, length, Kind::Address, false, &mut parts));
                let device = device.map(|register| self.device(register, &mut parts));
                let text = match (address, device) {
                    (Some(address), Some(device)) => format!("dup to {address} device {device}"),
                    (Some(to), None) | (None, Some(to)) => format!("dup to {to}"),
                    (None, None) => "dup".to_owned(),
                };
                (Role::Does, text, parts)
            }
            Expression::Fwd { device, address, family } => {
                let mut parts = Vec::new();
                let device = self.device(*device, &mut parts);
                let text = match address {
                    Some(register) => {
                        let length = if *family == Some(Family::Ip6) { 16 } else { 4 };
                        let address = self.one(*register, length, Kind::Address, false, &mut parts);
                        let family = family.map_or("unknown", Family::name);
                        format!("fwd {family} to {address} device {device}")
                    }
                    None => format!("fwd to {device}"),
                };
                (Role::Decides, text, parts)
            }
            Expression::Queue { to, bypass, fanout } => {
                let flags: Vec<&str> = [(*bypass, "bypass"), (*fanout, "fanout")]
                    .iter()
                    .filter(|(set, _)| *set)
                    .map(|(_, word)| *word)
                    .collect();
                let flags = if flags.is_empty() { String::new() } else { format!(" flags {}", flags.join(",")) };
                let mut parts = Vec::new();
                let to = match to {
                    Queues::Range(first, last) if first == last => first.to_string(),
                    Queues::Range(first, last) => format!("{first}-{last}"),
                    Queues::Register(register) => self.one(*register, 4, Kind::Integer, true, &mut parts),
                };
                (Role::Decides, format!("queue{flags} to {to}"), parts)
            }
            _ => return None,
        })
    }

    /// `tproxy ip to 127.0.0.1:8080`.
    fn tproxy(&mut self, family: Option<Family>, address: Option<Register>, port: Option<Register>) -> Said {
        let mut parts = Vec::new();
        let word = match family {
            Some(family) if self.table.family == Family::Inet => format!(" {family}"),
            _ => String::new(),
        };
        let wide = family == Some(Family::Ip6);
        let address = address.map(|register| {
            let address = self.one(register, if wide { 16 } else { 4 }, Kind::Address, false, &mut parts);
            if wide { format!("[{address}]") } else { address }
        });
        self.keeps = true;
        let port = port.map(|register| self.one(register, 2, Kind::Integer, false, &mut parts));
        self.keeps = false;
        let port = port.map_or(String::new(), |port| format!(":{port}"));
        (Role::Decides, format!("tproxy{word} to {}{port}", address.unwrap_or_default()), parts)
    }

    /// What is in one register, where a value is wanted.
    fn one(&mut self, register: Register, length: usize, kind: Kind, host: bool, parts: &mut Vec<u16>) -> String {
        let held = self.registers.take(register, length);
        parts.extend(held.parts);
        self.value(&held.operand, kind, host)
    }

    /// A device by its index.
    fn device(&mut self, register: Register, parts: &mut Vec<u16>) -> String {
        let kind = Kind::Device.on(self.context.links);
        self.one(register, 4, kind, true, parts)
    }

    fn hash(&mut self, hash: &Hash, at: u16) {
        let Hash { kind, from, length, modulus, seed, offset, to } = hash;
        let (what, mut parts) = match kind {
            HashKind::Symmetric => ("symhash".to_owned(), Vec::new()),
            HashKind::Jenkins => {
                let held = self.registers.take(*from, usize::from(*length));
                let side = side(&self.context, &held.operand);
                self.uses(&side);
                (format!("jhash {}", with_mask(&side)), held.parts)
            }
        };
        parts.push(at);
        let operand = Operand::Loaded(loads::hash(&what, *modulus, *seed, *offset));
        self.registers.put(*to, Held { operand, length: 4, parts });
    }

    /// A load from within a tunnel: nft 1.0.6 has no words for it.
    fn inner(&mut self, inner: &Inner, at: u16) {
        let (to, length, what) = match &inner.expression {
            Expression::Payload { base, offset, length, to } => {
                let place =
                    format!("@{},{},{}", fields::base_name(*base), u32::from(*offset) * 8, u32::from(*length) * 8);
                (*to, *length, place)
            }
            Expression::Meta { key, to } => (*to, fields::meta(*key).bytes.max(4), fields::meta(*key).text),
            _ => return,
        };
        let tunnel = match inner.kind {
            1 => "vxlan".to_owned(),
            2 => "geneve".to_owned(),
            kind => format!("[inner {kind}]"),
        };
        let operand = Operand::Unknown(format!("{tunnel} {what}"));
        self.registers.put(to, Held { operand, length, parts: vec![at] });
    }

    /// `ip daddr set 10.0.0.1`; bits that are kept are written back with the others.
    fn payload_set(&mut self, written: &PayloadSet) -> Said {
        let PayloadSet { from, base, offset, length, .. } = written;
        let held = self.registers.take(*from, usize::from(*length));
        let place = Operand::Payload { base: *base, offset: *offset, length: *length };
        if let Operand::Masked { of, mask, xor } = &held.operand
            && **of == place
        {
            let changed: Box<[u8]> = mask.iter().map(|byte| !byte).collect();
            let within = Operand::Masked {
                of: Box::new(place.clone()),
                xor: vec![0; changed.len()].into(),
                mask: changed.clone(),
            };
            let side = side(&self.context, &within);
            if let (Some(term), None) = (side.only(), &side.mask) {
                self.uses(&side);
                let value = values::value(term.kind, &term.slice(xor), false);
                return (Role::Does, format!("{} set {value}", term.text), held.parts);
            }
        }
        let side = side(&self.context, &place);
        self.uses(&side);
        let (name, kind) = match side.only() {
            Some(term) => (term.text.clone(), term.kind),
            None => (raw(&place, &side), Kind::Hex),
        };
        let value = self.value(&held.operand, kind, false);
        (Role::Does, format!("{name} set {value}"), held.parts)
    }

    /// `add @s { ip saddr timeout 1m limit rate 5/second }`.
    fn dynset(&mut self, dynset: &Dynset) -> Said {
        let Dynset { set, op, key, data, timeout, not, expressions } = dynset;
        let op = match op {
            DynsetOp::Add => "add",
            DynsetOp::Update => "update",
            DynsetOp::Delete => "delete",
        };
        let known = self.scope().set(set);
        let held = self.registers.take(*key, known.map_or(0, |set| set.key_length as usize));
        let mut parts = held.parts;
        let kinds = known.map(|set| relation::kinds(self.scope(), set.key_type)).unwrap_or_default();
        let key = match held.operand {
            Operand::Concatenation(key) => key,
            one => vec![one],
        };
        let mut key_parts = Vec::new();
        for (at, part) in key.iter().enumerate() {
            key_parts.push(match (part, kinds.get(at)) {
                (Operand::Constant(data), Some((kind, host))) => values::value(*kind, data, *host),
                _ => {
                    let side = side(&self.context, part);
                    self.uses(&side);
                    with_mask(&side)
                }
            });
        }
        let mut text = key_parts.join(" . ");
        if *timeout > 0 {
            text.push_str(&format!(" timeout {}", values::time((*timeout).into())));
        }
        for held in expressions {
            text.push(' ');
            text.push_str(&effects::stateful(held, None));
        }
        if let Some(data) = data {
            let (number, length) = known.map_or((0, 4), |set| (set.data_type.unwrap_or(0), set.data_length as usize));
            let kinds = relation::kinds(self.scope(), number);
            let (kind, host) = if let [one] = kinds[..] { one } else { (Kind::Hex, false) };
            text.push_str(" : ");
            text.push_str(&self.one(*data, length, kind, host, &mut parts));
        }
        let not = if *not { "!= " } else { "" };
        // A set that only this rule has: what nft calls a meter.
        if let Some(known) = known.filter(|set| set.flags.contains(SetFlags::ANONYMOUS) && !expressions.is_empty()) {
            return (Role::Does, format!("meter {not}{set} size {} {{ {text} }}", known.details.size), parts);
        }
        (Role::Does, format!("{op} {not}@{set} {{ {text} }}"), parts)
    }
}

/// The words before an object's name.
fn object_words(kind: ObjectKind) -> String {
    match kind {
        ObjectKind::CT_HELPER => "ct helper set".to_owned(),
        ObjectKind::CT_TIMEOUT => "ct timeout set".to_owned(),
        ObjectKind::CT_EXPECTATION => "ct expectation set".to_owned(),
        ObjectKind::SECMARK => "meta secmark set".to_owned(),
        kind => match crate::syntax::nft::objects::object_name(kind) {
            Some(name) => format!("{name} name"),
            None => format!("[object {}] name", kind.0),
        },
    }
}

/// A place that is no one field.
fn raw(place: &Operand, side: &Side) -> String {
    match place {
        Operand::Payload { base, offset, length } => {
            format!("@{},{},{}", fields::base_name(*base), u32::from(*offset) * 8, u32::from(*length) * 8)
        }
        _ => side.text(),
    }
}
