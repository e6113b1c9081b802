//! The fields of headers and the keys of `meta` and `ct` as operands: where they lie, what type they have.
//!
//! The tables are those of `fields` and `extensions`; what nft has to do to get at a field of some bits is told here
//! (`expr_evaluate_bits`).

use super::kept;
use super::number::{Order, ones};
use super::operand::{Load, Op, Operand, Type};
use super::protocol::{Question, base};
use super::{BITMASK, BOOLEAN, INTEGER, SERVICE, TIME};
use crate::host::nft::{CtKey, MetaKey};
use crate::host::xt::CtDirection;
use crate::syntax::nft::extensions::{Optional, Part};
use crate::syntax::nft::fields::{self, Field, Header, Key};
use crate::syntax::nft::types;
use crate::syntax::nft::values::Kind;

/// nft's type of values that are written like this.
fn kind_of(kind: Kind<'static>, bits: u16) -> Type {
    let number = match kind {
        Kind::Integer | Kind::Hex => INTEGER,
        Kind::Exists => BOOLEAN,
        kind => types::type_number(kind, usize::from(bits).div_ceil(8)).unwrap_or(INTEGER),
    };
    Type { number, kind }
}

/// The same of a field: ports are numbers with a type of their own.
fn kind_of_field(field: &Field) -> Type {
    let kind = kind_of(field.kind, field.bits);
    match field.name.as_bytes() {
        [.., b's' | b'd', b'p', b'o', b'r', b't'] => Type { number: SERVICE, ..kind },
        _ if field.name == "comp flags" => Type { number: BITMASK, ..kind },
        _ => kind,
    }
}

/// A field of a header, `before` bits after where its header begins at its base.
pub(super) fn payload(field: &'static Field, before: u32) -> Operand {
    let place = fields::place(field);
    let known = kept::known(field.header, field.name, place);
    let load = Load::Payload { base: base(field.header), bit: before + u32::from(field.bit), field: Some(known) };
    let kind = kind_of_field(field);
    let mut operand = Operand::load(load, kind, field.bits, Order::Network);
    operand.protocol = names_what_follows(field);
    bits(operand, before + u32::from(field.bit))
}

/// The same where only its type is wanted: without what takes its bits out.
pub(super) fn plain(field: &'static Field) -> Operand {
    let known = kept::known(field.header, field.name, fields::place(field));
    let load = Load::Payload { base: base(field.header), bit: field.bit.into(), field: Some(known) };
    Operand::load(load, kind_of_field(field), field.bits, Order::Network)
}

/// Whether a field tells which protocol, or which message, follows.
fn names_what_follows(field: &Field) -> bool {
    matches!(
        field.name,
        "ether type"
            | "vlan type"
            | "ip protocol"
            | "ip6 nexthdr"
            | "ah nexthdr"
            | "comp nexthdr"
            | "icmp type"
            | "icmpv6 type"
    )
}

/// A field of an extension header or option, or whether it is there.
pub(super) fn optional(optional: &'static Optional, part: Option<&'static Part>) -> Operand {
    let place = part.and_then(|part| optional.fields.iter().position(|field| std::ptr::eq(field, part)));
    let (header, field) = kept_numbers(optional, place.unwrap_or(0));
    let bit = part.map_or(0, |part| part.bit);
    let load =
        Load::Exthdr { within: optional.within, kind: optional.number, bit, present: part.is_none(), header, field };
    match part {
        Some(part) => {
            let kind = kind_of(part.kind, part.bits);
            bits(Operand::load(load, kind, part.bits, Order::Network), bit.into())
        }
        None => Operand::load(load, Type { number: BOOLEAN, kind: Kind::Exists }, 8, Order::Network),
    }
}

/// nft's numbers for an extension header and for a field of an option (`enum exthdr_desc_id`, and the place in its tables).
fn kept_numbers(optional: &Optional, place: usize) -> (u32, u32) {
    use crate::host::nft::Extension;
    let header = match optional.name {
        "hbh" => 1,
        "rt" => 2,
        "rt0" => 3,
        "srh" => 5,
        "frag" => 6,
        "dst" => 7,
        "mh" => 8,
        _ => 0,
    };
    let place = place as u32;
    let field = match optional.within {
        // The first place is no field's.
        Extension::Ipv6 => place + 1,
        Extension::IpOption => match optional.fields.get(place as usize).map(|part| part.name) {
            Some("type") => 1,
            Some("length") => 2,
            Some("value") => 3,
            Some("ptr") => 4,
            _ => 5,
        },
        Extension::TcpOption => match optional.name {
            "tcp option sack1" => place + 4,
            "tcp option sack2" => place + 6,
            "tcp option sack3" => place + 8,
            _ => place,
        },
        Extension::SctpChunk | Extension::DccpOption => place,
    };
    (header, field)
}

/// A key of `meta`.
pub(super) fn meta(key: MetaKey) -> Option<Operand> {
    let known = fields::meta_entry(key)?;
    let mut operand = keyed(known, Load::Meta(key));
    operand.protocol = matches!(key, MetaKey::IIFTYPE | MetaKey::NFPROTO | MetaKey::L4PROTO | MetaKey::PROTOCOL);
    match key {
        MetaKey::SKUID => operand.kind.number = 24,
        MetaKey::SKGID => operand.kind.number = 25,
        MetaKey::TIME_NS => operand.kind.number = super::DATE,
        MetaKey::TIME_HOUR => operand.kind.number = super::HOUR,
        MetaKey::TIME_DAY => operand.kind.number = 45,
        MetaKey::NFTRACE => operand.bits = 1,
        // It has no order of bytes: nft turns nothing around.
        MetaKey::RANDOM => operand.order = Order::Network,
        MetaKey::L4PROTO => operand.order = Order::Host,
        _ => {}
    }
    Some(operand)
}

/// A key of `ct`; the addresses of the older form have as many bits as the family has.
pub(super) fn ct(key: CtKey, direction: Option<CtDirection>, address_bits: u16) -> Option<Operand> {
    let known = fields::ct_entry(key)?;
    let mut operand = keyed(known, Load::Ct(key, direction));
    operand.protocol = matches!(key, CtKey::L3PROTOCOL | CtKey::PROTOCOL);
    if operand.bits == 0 {
        operand.bits = address_bits;
        operand.kind = kind_of(Kind::Address, address_bits);
    }
    match key {
        CtKey::HELPER => operand.kind.number = 5,
        CtKey::EXPIRATION => operand.kind.number = TIME,
        CtKey::PROTO_SRC | CtKey::PROTO_DST => operand.kind.number = SERVICE,
        CtKey::EVENTMASK => operand.kind.number = 40,
        CtKey::LABELS => (operand.kind.number, operand.order) = (super::LABEL, Order::Host),
        _ => {}
    }
    Some(operand)
}

fn keyed(known: &'static Key, load: Load) -> Operand {
    let order = match (known.kind, known.host) {
        (Kind::Name, _) => Order::Text,
        (_, true) => Order::Host,
        (_, false) => Order::Network,
    };
    let bits = known.bytes * 8;
    Operand::load(load, kind_of(known.kind, bits), bits, order)
}

/// What a question asks, and the number that it asks for.
pub(super) fn asked(question: Question) -> (Operand, u128) {
    let of_meta = |key: MetaKey, number: u128| (meta(key), number);
    let of_field = |header: Header, before: u32, name: &str, number: u128| {
        let field = fields::fields(header, None).find(|field| field.name.ends_with(name));
        (field.map(|field| payload(field, before)), number)
    };
    let (operand, number) = match question {
        Question::Ethernet => of_meta(MetaKey::IIFTYPE, 1),
        Question::Family(number) => of_meta(MetaKey::NFPROTO, number.into()),
        Question::MetaProtocol(number) => of_meta(MetaKey::PROTOCOL, number.into()),
        Question::Transport(number) => of_meta(MetaKey::L4PROTO, number.into()),
        Question::LinkType { header, before, number } => of_field(header, before, " type", number.into()),
        Question::NextHeader(header, number) => of_field(header, 0, " nexthdr", number.into()),
    };
    let nothing =
        || Operand::load(Load::Meta(MetaKey::LEN), Type { number: INTEGER, kind: Kind::Integer }, 32, Order::Host);
    (operand.unwrap_or_else(nothing), number)
}

/// A load of whole bytes, from which the field's bits are taken.
pub(super) fn bits(mut operand: Operand, bit: u32) -> Operand {
    let (offset, count) = ((bit % 8) as u16, operand.bits);
    if offset == 0 && count % 8 == 0 {
        return operand;
    }
    // How many bits follow the field in its last byte.
    let whole = count.next_multiple_of(8);
    let mut more = 0;
    let mut shift = i32::from(whole) - i32::from(offset + count);
    while shift < 0 {
        shift += 8;
        more += 8;
    }
    let shift = shift as u16;
    operand.bits = count + more;
    operand.protocol = false;
    let masked = ones(count) << shift;
    let mut operand = operand.apply(Op::And, masked);
    operand.bits = count + shift;
    if shift > 0 { operand.shift(false, shift.into()) } else { operand }
}
