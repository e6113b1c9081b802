//! The rarer expressions as lines, and those that keep a state.

use super::{BASES, FAMILIES, Scope, Words, load, value_of, word_of};
use crate::host::Name;
use crate::host::nft::{
    Boolean, BooleanOp, Checksum, Dynset, DynsetOp, Expression, Extension, Hash, HashKind, Inner, Limit, ObjectKind,
    Operand, PayloadSet, Queues, Register, RtKey, SocketKey, Synproxy, TunnelKey, TunnelMode, XfrmKey,
};
use crate::snapshot::native::words::{self, Cursor, Word};

const CHECKSUMS: Words<Checksum> = &[(Checksum::None, "none"), (Checksum::Inet, "inet"), (Checksum::Sctp, "sctp")];
const EXTENSIONS: Words<Extension> = &[
    (Extension::Ipv6, "ipv6"),
    (Extension::TcpOption, "tcp-option"),
    (Extension::IpOption, "ip-option"),
    (Extension::SctpChunk, "sctp-chunk"),
    (Extension::DccpOption, "dccp-option"),
];
const ROUTES: Words<RtKey> = &[
    (RtKey::ClassId, "classid"),
    (RtKey::NextHop4, "nexthop4"),
    (RtKey::NextHop6, "nexthop6"),
    (RtKey::TcpMss, "tcpmss"),
    (RtKey::Xfrm, "ipsec"),
];
const STATES: Words<XfrmKey> = &[
    (XfrmKey::DestinationIp, "daddr-ip"),
    (XfrmKey::DestinationIp6, "daddr-ip6"),
    (XfrmKey::SourceIp, "saddr-ip"),
    (XfrmKey::SourceIp6, "saddr-ip6"),
    (XfrmKey::RequestId, "reqid"),
    (XfrmKey::Spi, "spi"),
];
const TUNNELS: Words<TunnelKey> = &[(TunnelKey::Path, "path"), (TunnelKey::Id, "id")];
const MODES: Words<TunnelMode> = &[(TunnelMode::None, "any"), (TunnelMode::Rx, "rx"), (TunnelMode::Tx, "tx")];
const BOOLEANS: Words<BooleanOp> = &[(BooleanOp::And, "and"), (BooleanOp::Or, "or"), (BooleanOp::Xor, "xor")];
const CHANGES: Words<DynsetOp> = &[(DynsetOp::Add, "add"), (DynsetOp::Update, "update"), (DynsetOp::Delete, "delete")];

fn flag(word: &str, set: bool) -> String {
    if set { format!(" {word}") } else { String::new() }
}

fn register(word: &str, register: Option<Register>) -> String {
    register.map_or(String::new(), |register| format!(" {word} {}", register.0))
}

/// A family that may be any.
fn family_text(family: Option<crate::host::Family>) -> &'static str {
    family.map_or("any", crate::host::Family::name)
}

fn family(word: &str) -> Option<Option<crate::host::Family>> {
    if word == "any" { Some(None) } else { value_of(FAMILIES, word).map(Some) }
}

/// An expression without its brackets, if it is one of those here.
pub(super) fn text(scope: Scope, expression: &Expression) -> Option<String> {
    Some(match expression {
        Expression::Exthdr { within, kind, offset, length, present, to } => {
            let (within, present) = (word_of(EXTENSIONS, within), flag("present", *present));
            format!("exthdr {within} {kind} {offset} {length}{present} => reg {}", to.0)
        }
        Expression::ExthdrSet { within, kind, offset, length, from } => {
            format!("exthdr-set {} {kind} {offset} {length} reg {}", word_of(EXTENSIONS, within), from.0)
        }
        Expression::ExthdrReset { within, kind } => format!("exthdr-reset {} {kind}", word_of(EXTENSIONS, within)),
        Expression::Socket { key, to } => {
            let key = match key {
                SocketKey::Transparent => "transparent".to_owned(),
                SocketKey::Mark => "mark".to_owned(),
                SocketKey::Wildcard => "wildcard".to_owned(),
                SocketKey::Cgroup2(level) => format!("cgroupv2 {level}"),
            };
            format!("socket {key} => reg {}", to.0)
        }
        Expression::Rt { key, to } => format!("rt {} => reg {}", word_of(ROUTES, key), to.0),
        Expression::Osf { ttl, version, to } => format!("osf {ttl}{} => reg {}", flag("version", *version), to.0),
        Expression::Xfrm { key, out, index, to } => {
            let way = if *out { "out" } else { "in" };
            format!("xfrm {} {way} {index} => reg {}", word_of(STATES, key), to.0)
        }
        Expression::Tunnel { key, mode, to } => {
            format!("tunnel {} {} => reg {}", word_of(TUNNELS, key), word_of(MODES, mode), to.0)
        }
        Expression::Inner(inner) => {
            let Inner { kind, flags, header_size, expression } = &**inner;
            format!("inner {kind} {flags} {header_size} : {}", super::text(scope, expression))
        }
        Expression::Numgen { random, modulus, offset, to } => {
            let way = if *random { "random" } else { "inc" };
            format!("numgen {way} mod {modulus} offset {offset} => reg {}", to.0)
        }
        Expression::Hash(hash) => hash_text(hash),
        Expression::Shift { from, to, left, length, bits } => {
            let way = if *left { "left" } else { "right" };
            format!("shift {way} {bits} {length} reg {} => reg {}", from.0, to.0)
        }
        Expression::Boolean(boolean) => {
            let Boolean { op, from, with, to, length } = &**boolean;
            let with = match with {
                Operand::Register(register) => format!("reg {}", register.0),
                Operand::Data(data) => words::hex(data),
            };
            format!("{} {length} reg {} with {with} => reg {}", word_of(BOOLEANS, op), from.0, to.0)
        }
        _ => return changes_text(scope, expression).or_else(|| stateful_text(expression)),
    })
}

fn hash_text(hash: &Hash) -> String {
    let Hash { kind, from, length, modulus, seed, offset, to } = hash;
    let what = match kind {
        HashKind::Jenkins => format!("jhash reg {} {length}", from.0),
        HashKind::Symmetric => "symhash".to_owned(),
    };
    let seed = seed.map_or(String::new(), |seed| format!(" seed {seed}"));
    format!("{what} mod {modulus}{seed} offset {offset} => reg {}", to.0)
}

/// Expressions that do something with the packet or with a set.
fn changes_text(scope: Scope, expression: &Expression) -> Option<String> {
    Some(match expression {
        Expression::PayloadSet(written) => {
            let PayloadSet { from, base, offset, length, checksum, checksum_offset, pseudo_header } = &**written;
            let (base, sum) = (word_of(BASES, base), word_of(CHECKSUMS, checksum));
            let pseudo = flag("pseudo-header", *pseudo_header);
            format!("payload-set {base} {offset} {length} reg {} checksum {sum} {checksum_offset}{pseudo}", from.0)
        }
        Expression::Dynset(dynset) => {
            let Dynset { set, op, key, data, timeout, not, expressions } = &**dynset;
            let (op, set, data) = (word_of(CHANGES, op), words::name(set), register("data", *data));
            let held: String = expressions.iter().map(|held| format!(" + {}", super::text(scope, held))).collect();
            format!("dynset {op} reg {} set {set}{data} timeout {timeout}{}{held}", key.0, flag("not", *not))
        }
        Expression::Object { kind, name } => format!("object {} {}", kind.0, words::name(name)),
        Expression::ObjectMap { set, from } => format!("object-map reg {} set {}", from.0, words::name(set)),
        Expression::Tproxy { family, address, port } => {
            let (address, port) = (register("address", *address), register("port", *port));
            format!("tproxy {}{address}{port}", family_text(*family))
        }
        Expression::Dup { address, device } => {
            format!("dup{}{}", register("address", *address), register("device", *device))
        }
        Expression::Fwd { device, address, family } => {
            format!("fwd {} device {}{}", family_text(*family), device.0, register("address", *address))
        }
        Expression::Queue { to, bypass, fanout } => {
            let to = match to {
                Queues::Range(first, last) => format!("{first} {last}"),
                Queues::Register(register) => format!("reg {}", register.0),
            };
            format!("queue {to}{}{}", flag("bypass", *bypass), flag("fanout", *fanout))
        }
        Expression::Synproxy(synproxy) => synproxy_text(synproxy),
        Expression::FlowOffload { table } => format!("flow-offload {}", words::name(table)),
        _ => return None,
    })
}

pub(in crate::snapshot::native) fn synproxy_text(synproxy: &Synproxy) -> String {
    let Synproxy { mss, window_scale, flags } = synproxy;
    format!("synproxy {mss} {window_scale} {flags}")
}

pub(in crate::snapshot::native) fn synproxy(cursor: &mut Cursor) -> Option<Synproxy> {
    Some(Synproxy { mss: cursor.number()?, window_scale: cursor.number()?, flags: cursor.number()? })
}

/// `limit 5 per 1 burst 5 packets`.
pub(in crate::snapshot::native) fn limit_text(limit: &Limit) -> String {
    let Limit { rate, unit, burst, bytes, over } = *limit;
    let what = if bytes { "bytes" } else { "packets" };
    format!("limit {rate} per {unit} burst {burst} {what}{}", flag("over", over))
}

/// What follows the word `limit`.
pub(in crate::snapshot::native) fn limit(cursor: &mut Cursor) -> Option<Limit> {
    let rate = cursor.number()?;
    let unit = cursor.skip("per").then(|| cursor.number())??;
    let burst = cursor.skip("burst").then(|| cursor.number())??;
    let bytes = match cursor.text()? {
        "bytes" => true,
        "packets" => false,
        _ => return None,
    };
    Some(Limit { rate, unit, burst, bytes, over: cursor.skip("over") })
}

/// Expressions that elements of sets may hold.
fn stateful_text(expression: &Expression) -> Option<String> {
    Some(match expression {
        Expression::Counter => "counter".to_owned(),
        Expression::Last => "last".to_owned(),
        Expression::Limit(limit) => limit_text(limit),
        Expression::Connlimit { count, over } => format!("connlimit {count}{}", flag("over", *over)),
        Expression::Quota { bytes, over } => format!("quota {bytes}{}", flag("over", *over)),
        _ => return None,
    })
}

/// The first words of what is read here.
const NAMES: [&str; 29] = [
    "exthdr",
    "exthdr-set",
    "exthdr-reset",
    "socket",
    "rt",
    "osf",
    "xfrm",
    "tunnel",
    "inner",
    "numgen",
    "jhash",
    "symhash",
    "shift",
    "and",
    "or",
    "xor",
    "payload-set",
    "dynset",
    "object",
    "object-map",
    "tproxy",
    "dup",
    "fwd",
    "queue",
    "flow-offload",
    "synproxy",
    "connlimit",
    "quota",
    "last",
];

/// Whether an expression that begins with this word is read here.
pub(super) fn knows(name: &str) -> bool {
    NAMES.contains(&name)
}

/// Reads what [`text`] writes, after its first word.
pub(super) fn parse(scope: Scope, name: &str, cursor: &mut Cursor) -> Option<Expression> {
    Some(match name {
        "exthdr" => {
            let (within, kind) = (value_of(EXTENSIONS, cursor.text()?)?, cursor.number()?);
            let (offset, length) = (cursor.number()?, cursor.number()?);
            Expression::Exthdr { within, kind, offset, length, present: cursor.skip("present"), to: cursor.to()? }
        }
        "exthdr-set" => {
            let (within, kind) = (value_of(EXTENSIONS, cursor.text()?)?, cursor.number()?);
            let (offset, length) = (cursor.number()?, cursor.number()?);
            Expression::ExthdrSet { within, kind, offset, length, from: cursor.register()? }
        }
        "exthdr-reset" => {
            Expression::ExthdrReset { within: value_of(EXTENSIONS, cursor.text()?)?, kind: cursor.number()? }
        }
        "socket" => Expression::Socket { key: socket(cursor)?, to: cursor.to()? },
        "rt" => Expression::Rt { key: value_of(ROUTES, cursor.text()?)?, to: cursor.to()? },
        "osf" => Expression::Osf { ttl: cursor.number()?, version: cursor.skip("version"), to: cursor.to()? },
        "xfrm" => {
            let key = value_of(STATES, cursor.text()?)?;
            let out = either(cursor, "out", "in")?;
            Expression::Xfrm { key, out, index: cursor.number()?, to: cursor.to()? }
        }
        "tunnel" => Expression::Tunnel {
            key: value_of(TUNNELS, cursor.text()?)?,
            mode: value_of(MODES, cursor.text()?)?,
            to: cursor.to()?,
        },
        "inner" => {
            let (kind, flags, header_size) = (cursor.number()?, cursor.number()?, cursor.number()?);
            let name = cursor.skip(":").then(|| cursor.text())??;
            // What is within holds nothing else.
            let expression = matches!(name, "payload" | "meta").then(|| load(scope, name, cursor))??;
            Expression::Inner(Box::new(Inner { kind, flags, header_size, expression }))
        }
        "numgen" => {
            let random = either(cursor, "random", "inc")?;
            let modulus = cursor.skip("mod").then(|| cursor.number())??;
            let offset = cursor.skip("offset").then(|| cursor.number())??;
            Expression::Numgen { random, modulus, offset, to: cursor.to()? }
        }
        "jhash" | "symhash" => Expression::Hash(Box::new(hash(name, cursor)?)),
        "shift" => {
            let left = either(cursor, "left", "right")?;
            let (bits, length) = (cursor.number()?, cursor.number()?);
            Expression::Shift { from: cursor.register()?, to: cursor.to()?, left, length, bits }
        }
        "and" | "or" | "xor" => {
            let (op, length, from) = (value_of(BOOLEANS, name)?, cursor.number()?, cursor.register()?);
            cursor.skip("with").then_some(())?;
            let with = match cursor.skip("reg") {
                true => Operand::Register(Register(cursor.number()?)),
                false => Operand::Data(cursor.bytes()?),
            };
            Expression::Boolean(Box::new(Boolean { op, from, with, to: cursor.to()?, length }))
        }
        _ => return changes(scope, name, cursor),
    })
}

fn socket(cursor: &mut Cursor) -> Option<SocketKey> {
    Some(match cursor.text()? {
        "transparent" => SocketKey::Transparent,
        "mark" => SocketKey::Mark,
        "wildcard" => SocketKey::Wildcard,
        "cgroupv2" => SocketKey::Cgroup2(cursor.number()?),
        _ => return None,
    })
}

/// One of two words: whether it is the first.
fn either(cursor: &mut Cursor, first: &str, second: &str) -> Option<bool> {
    let word = cursor.text()?;
    (word == first || word == second).then_some(word == first)
}

/// `address 4`, where it is there; the outer `None`: it cannot be read.
fn named(cursor: &mut Cursor, word: &str) -> Option<Option<Register>> {
    if cursor.skip(word) { cursor.number().map(|number| Some(Register(number))) } else { Some(None) }
}

fn hash(name: &str, cursor: &mut Cursor) -> Option<Hash> {
    let (kind, from, length) = match name {
        "jhash" => (HashKind::Jenkins, cursor.register()?, cursor.number()?),
        _ => (HashKind::Symmetric, Register(0), 0),
    };
    let modulus = cursor.skip("mod").then(|| cursor.number())??;
    let seed = if cursor.skip("seed") { Some(cursor.number()?) } else { None };
    let offset = cursor.skip("offset").then(|| cursor.number())??;
    Some(Hash { kind, from, length, modulus, seed, offset, to: cursor.to()? })
}

/// Reads what [`changes_text`] and [`stateful_text`] write.
fn changes(scope: Scope, name: &str, cursor: &mut Cursor) -> Option<Expression> {
    Some(match name {
        "payload-set" => {
            let base = value_of(BASES, cursor.text()?)?;
            let (offset, length, from) = (cursor.number()?, cursor.number()?, cursor.register()?);
            let checksum = cursor.skip("checksum").then(|| value_of(CHECKSUMS, cursor.text()?))??;
            let checksum_offset = cursor.number()?;
            let pseudo_header = cursor.skip("pseudo-header");
            let written = PayloadSet { from, base, offset, length, checksum, checksum_offset, pseudo_header };
            Expression::PayloadSet(Box::new(written))
        }
        "dynset" => Expression::Dynset(Box::new(dynset(scope, cursor)?)),
        "object" => Expression::Object { kind: ObjectKind(cursor.number()?), name: cursor.name()? },
        "object-map" => {
            let from = cursor.register()?;
            Expression::ObjectMap { set: cursor.skip("set").then(|| cursor.name())??, from }
        }
        "tproxy" => Expression::Tproxy {
            family: family(cursor.text()?)?,
            address: named(cursor, "address")?,
            port: named(cursor, "port")?,
        },
        "dup" => Expression::Dup { address: named(cursor, "address")?, device: named(cursor, "device")? },
        "fwd" => {
            let family = family(cursor.text()?)?;
            Expression::Fwd { device: named(cursor, "device")??, address: named(cursor, "address")?, family }
        }
        "queue" => {
            let to = match cursor.skip("reg") {
                true => Queues::Register(Register(cursor.number()?)),
                false => Queues::Range(cursor.number()?, cursor.number()?),
            };
            Expression::Queue { to, bypass: cursor.skip("bypass"), fanout: cursor.skip("fanout") }
        }
        "flow-offload" => Expression::FlowOffload { table: cursor.name()? },
        "synproxy" => Expression::Synproxy(synproxy(cursor)?),
        _ => return stateful(name, cursor),
    })
}

/// Reads what [`stateful_text`] writes.
pub(in crate::snapshot::native) fn stateful(name: &str, cursor: &mut Cursor) -> Option<Expression> {
    Some(match name {
        "counter" => Expression::Counter,
        "last" => Expression::Last,
        "limit" => Expression::Limit(Box::new(limit(cursor)?)),
        "connlimit" => Expression::Connlimit { count: cursor.number()?, over: cursor.skip("over") },
        "quota" => Expression::Quota { bytes: cursor.number()?, over: cursor.skip("over") },
        _ => return None,
    })
}

fn dynset(scope: Scope, cursor: &mut Cursor) -> Option<Dynset> {
    let (op, key) = (value_of(CHANGES, cursor.text()?)?, cursor.register()?);
    let set: Name = cursor.skip("set").then(|| cursor.name())??;
    let data = named(cursor, "data")?;
    let timeout = cursor.skip("timeout").then(|| cursor.number())??;
    let not = cursor.skip("not");
    let mut expressions = Vec::new();
    let is_plus = |word: &Word| word.text == "+" && !word.quoted;
    let mut rest = cursor.all().split(is_plus);
    rest.next().filter(|before| before.is_empty())?;
    for held in rest {
        let mut cursor = Cursor::new(held);
        let name = cursor.text()?;
        let expression = match name {
            "undecoded" => load(scope, name, &mut cursor)?,
            name => stateful(name, &mut cursor)?,
        };
        cursor.is_empty().then_some(())?;
        expressions.push(expression);
    }
    Some(Dynset { set, op, key, data, timeout, not, expressions: expressions.into() })
}
