//! Extension headers, options and chunks as the printer meets them: a place within one, or whether it is there.

use super::extensions::{OPTIONAL, Optional};
use super::fields::Header;
use super::registers::Operand;
use super::values::Kind;
use crate::host::nft::{Extension, PayloadBase};

/// What nft has names for in such a header; several, where its type decides what it is.
fn known(within: Extension, number: u8) -> impl Iterator<Item = &'static Optional> {
    OPTIONAL.iter().filter(move |known| known.within == within && known.number == number)
}

/// The words before a header that has no name.
fn words(within: Extension) -> &'static str {
    match within {
        Extension::Ipv6 => "exthdr ",
        Extension::TcpOption => "tcp option ",
        Extension::IpOption => "ip option ",
        Extension::SctpChunk => "sctp chunk ",
        Extension::DccpOption => "dccp option ",
    }
}

/// A header as a whole: what is asked for where only its presence is.
pub(super) fn header(within: Extension, number: u8) -> String {
    match known(within, number).next() {
        Some(known) if within == Extension::Ipv6 => format!("exthdr {}", known.name),
        Some(known) => known.name.to_owned(),
        None => format!("{}{number}", words(within)),
    }
}

/// A field by its place, and how its values are written.
pub(super) fn field(within: Extension, number: u8, bit: u16, bits: u16) -> Option<(String, Kind<'static>)> {
    known(within, number).find_map(|known| {
        let field = known.fields.iter().find(|field| field.bit == bit && field.bits == bits)?;
        Some((format!("{} {}", known.name, field.name), field.kind))
    })
}

/// Bits that are no field with a name.
pub(super) fn place(within: Extension, number: u8, bit: u16, bits: u16) -> String {
    format!("{}@{number},{bit},{bits}", words(within))
}

/// The header that has to be there for it: what asks for that goes without saying.
pub(super) fn owner(within: Extension) -> (PayloadBase, Header) {
    match within {
        Extension::Ipv6 => (PayloadBase::Network, Header::Ip6),
        Extension::IpOption => (PayloadBase::Network, Header::Ip),
        Extension::TcpOption => (PayloadBase::Transport, Header::Tcp),
        Extension::SctpChunk => (PayloadBase::Transport, Header::Sctp),
        Extension::DccpOption => (PayloadBase::Transport, Header::Dccp),
    }
}

/// What a load gives: a field, or whether the header is there.
pub(super) fn operand(within: Extension, kind: u8, offset: u8, length: u8, present: bool) -> Operand {
    Operand::Extension { within, kind, offset, length, present }
}
