//! The table of what can be said of a packet: how `trace` calls it, and what may stand there.

use super::Part;
use crate::explain::fields;
use crate::host::{IpFamily, LinkKind, Namespace, Protocol};
use crate::walk::Field;

/// What can be said of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// Which part of it.
    pub part: Part,
    /// What it is called: its option without dashes, or the name of its field.
    pub name: &'static str,
    /// The option of `trace` for it; `None`: `--with NAME=VALUE`.
    pub option: Option<&'static str>,
    /// What may stand there.
    pub form: &'static str,
}

const fn by(part: Part, name: &'static str, option: &'static str, form: &'static str) -> Row {
    Row { part, name, option: Some(option), form }
}

const fn with(field: Field, name: &'static str, form: &'static str) -> Row {
    Row { part: Part::Field(field), name, option: None, form }
}

/// Everything that can be said, what is said most often first.
pub const ROWS: [Row; 20] = [
    by(Part::Origin, "origin", "--origin", "outside|local|DEV"),
    by(Part::Field(Field::Src), "src", "--src", "ADDR[/LEN]"),
    by(Part::Field(Field::Sport), "sport", "--sport", "N[-LAST]"),
    by(Part::Dst, "dst", "--dst", "ADDR"),
    by(Part::Family, "family", "-4, -6", "4|6"),
    by(Part::Field(Field::TcpFlags), "tcp-flags", "--tcp-flags", "LIST"),
    with(Field::IcmpType, "icmp-type", "N[-LAST]"),
    with(Field::IcmpCode, "icmp-code", "N[-LAST]"),
    by(Part::Field(Field::CtState), "ct", "--ct", "STATE"),
    by(Part::Field(Field::Mark), "mark", "--mark", "N[-LAST]"),
    by(Part::Field(Field::Uid), "uid", "--uid", "N[-LAST]"),
    by(Part::Field(Field::Gid), "gid", "--gid", "N[-LAST]"),
    by(Part::Direction, "direction", "--direction", "original|reply"),
    by(Part::Vrf, "vrf", "--vrf", "NAME"),
    with(Field::Ttl, "ttl", "N[-LAST]"),
    with(Field::Length, "length", "N[-LAST]"),
    with(Field::Tos, "tos", "N[-LAST]"),
    with(Field::Pkttype, "pkttype", "host|broadcast|multicast"),
    with(Field::SrcMac, "src-mac", "MAC"),
    with(Field::Time, "time", "YYYY-MM-DDThh:mm"),
];

impl Row {
    /// Whether packets of this protocol have it.
    pub fn is_of(&self, protocol: Protocol) -> bool {
        match self.part {
            Part::Field(Field::Sport | Field::Dport) => protocol.has_ports(),
            Part::Field(Field::TcpFlags) => protocol == Protocol::TCP,
            Part::Field(Field::IcmpType | Field::IcmpCode) => matches!(protocol, Protocol::ICMP | Protocol::ICMPV6),
            Part::Origin | Part::Dst | Part::Family | Part::Vrf | Part::Direction | Part::Field(_) => true,
        }
    }
}

/// What can be offered where something is said of a part: the words that there are for it, and the names that this host has.
pub fn candidates(ns: &Namespace, part: Part) -> Vec<String> {
    let words: &[&str] = match part {
        Part::Origin => &["outside", "local"],
        Part::Family => &["4", "6"],
        Part::Direction => &["original", "reply"],
        Part::Dst | Part::Vrf => &[],
        Part::Field(field) => return fields::names(field).into_iter().map(str::to_owned).collect(),
    };
    let links = ns.links.iter().filter(|link| match part {
        Part::Origin => true,
        Part::Vrf => matches!(link.kind, LinkKind::Vrf(_)),
        Part::Family | Part::Direction | Part::Dst | Part::Field(_) => false,
    });
    words.iter().map(|word| (*word).to_owned()).chain(links.map(|link| link.name.clone())).collect()
}

/// The family that a word means.
pub(super) fn family(text: &str) -> Option<IpFamily> {
    match text.to_ascii_lowercase().as_str() {
        "4" | "-4" | "ipv4" => Some(IpFamily::V4),
        "6" | "-6" | "ipv6" => Some(IpFamily::V6),
        _ => None,
    }
}
