//! Matches on everything else: addresses, devices, owners, sets, comments.

use super::option::{Asked, Extension, Opt, Takes, raise, set};
use super::rows;
use super::values::{self, push};
use super::words::{is_kept, is_plain, push_quoted, push_string, push_word};
use crate::host::xt::{
    AddressTypes, Addrtype, InterfaceLimit, InterfacePattern, Iprange, Match, Neg, Owner, PacketType, Physdev,
    TtlMatch, TtlOp,
};
use crate::host::{Family, IpFamily, Name, Names};

use Takes::{Nothing, One, Text};

pub(super) const COMMENT: Extension<Match> =
    Extension { name: "comment", family: None, options: &[("--comment", Text)], read: comment };

pub(super) const ADDRTYPE: Extension<Match> = Extension {
    name: "addrtype",
    family: None,
    options: &[("--src-type", One), ("--dst-type", One), ("--limit-iface-in", Nothing), ("--limit-iface-out", Nothing)],
    read: addrtype,
};

pub(super) const OWNER: Extension<Match> = Extension {
    name: "owner",
    family: None,
    options: &[("--uid-owner", One), ("--gid-owner", One), ("--socket-exists", Nothing), ("--suppl-groups", Nothing)],
    read: owner,
};

pub(super) const MAC: Extension<Match> =
    Extension { name: "mac", family: None, options: &[("--mac-source", One)], read: mac };

pub(super) const PKTTYPE: Extension<Match> =
    Extension { name: "pkttype", family: None, options: &[("--pkt-type", One)], read: pkttype };

pub(super) const IPRANGE: Extension<Match> =
    Extension { name: "iprange", family: None, options: &[("--src-range", One), ("--dst-range", One)], read: iprange };

pub(super) const LENGTH: Extension<Match> =
    Extension { name: "length", family: None, options: &[("--length", One)], read: length };

pub(super) const TTL: Extension<Match> = Extension {
    name: "ttl",
    family: Some(IpFamily::V4),
    options: &[("--ttl-eq", One), ("--ttl-lt", One), ("--ttl-gt", One), ("--ttl", One)],
    read: ttl,
};

pub(super) const HL: Extension<Match> = Extension {
    name: "hl",
    family: Some(IpFamily::V6),
    options: &[("--hl-eq", One), ("--hl-lt", One), ("--hl-gt", One), ("--hl", One)],
    read: ttl,
};

pub(super) const PHYSDEV: Extension<Match> = Extension {
    name: "physdev",
    family: None,
    options: &[
        ("--physdev-in", One),
        ("--physdev-out", One),
        ("--physdev-is-in", Nothing),
        ("--physdev-is-out", Nothing),
        ("--physdev-is-bridged", Nothing),
    ],
    read: physdev,
};

fn comment(asked: &Asked, names: &mut Names) -> Option<Match> {
    let mut comment = None;
    for option in asked.options() {
        let text = match option.value() {
            Some(one) => names.intern(one),
            None => names.intern(&option.values().collect::<Vec<_>>().join(" ")),
        };
        if option.not {
            return None;
        }
        set(&mut comment, text)?;
    }
    comment.map(Match::Comment)
}

pub(super) fn push_comment(out: &mut String, comment: &str) {
    out.push_str(" -m comment --comment");
    push_string(out, comment);
}

const TYPES: [(&str, AddressTypes); 12] = [
    ("UNSPEC", AddressTypes::UNSPEC),
    ("UNICAST", AddressTypes::UNICAST),
    ("LOCAL", AddressTypes::LOCAL),
    ("BROADCAST", AddressTypes::BROADCAST),
    ("ANYCAST", AddressTypes::ANYCAST),
    ("MULTICAST", AddressTypes::MULTICAST),
    ("BLACKHOLE", AddressTypes::BLACKHOLE),
    ("UNREACHABLE", AddressTypes::UNREACHABLE),
    ("PROHIBIT", AddressTypes::PROHIBIT),
    ("THROW", AddressTypes::THROW),
    ("NAT", AddressTypes::NAT),
    ("XRESOLVE", AddressTypes::XRESOLVE),
];

fn addrtype(asked: &Asked, _: &mut Names) -> Option<Match> {
    let mut addrtype = Addrtype::default();
    let types = |option: &Opt| Some(option.neg(values::flags(option.value()?, |name| values::flag(name, &TYPES))?));
    for option in asked.options() {
        match option.name {
            "--src-type" => set(&mut addrtype.source, types(&option)?)?,
            "--dst-type" => set(&mut addrtype.destination, types(&option)?)?,
            "--limit-iface-in" => {
                option.flag()?;
                set(&mut addrtype.limit, InterfaceLimit::In)?;
            }
            "--limit-iface-out" => {
                option.flag()?;
                set(&mut addrtype.limit, InterfaceLimit::Out)?;
            }
            _ => return None,
        }
    }
    (addrtype.source.is_some() || addrtype.destination.is_some()).then_some(Match::Addrtype(addrtype))
}

pub(super) fn push_addrtype(out: &mut String, addrtype: &Addrtype) {
    out.push_str(" -m addrtype");
    for (option, types) in [("--src-type", &addrtype.source), ("--dst-type", &addrtype.destination)] {
        if let Some(types) = types {
            values::push_not(out, types);
            push(out, format_args!(" {option} "));
            values::push_flags(out, types.value, &TYPES);
        }
    }
    match addrtype.limit {
        Some(InterfaceLimit::In) => out.push_str(" --limit-iface-in"),
        Some(InterfaceLimit::Out) => out.push_str(" --limit-iface-out"),
        None => {}
    }
}

fn owner(asked: &Asked, _: &mut Names) -> Option<Match> {
    let mut owner = Owner::default();
    // Who is called what is known to the host alone; this one is called so everywhere.
    let ids = |option: &Opt| match option.value()? {
        "root" => Some(option.neg((0, 0))),
        ids => {
            let sign = if ids.contains(':') { ':' } else { '-' };
            Some(option.neg(values::range(ids, sign, 0, u32::MAX)?))
        }
    };
    for option in asked.options() {
        match option.name {
            "--uid-owner" => set(&mut owner.uid, ids(&option)?)?,
            "--gid-owner" => set(&mut owner.gid, ids(&option)?)?,
            "--socket-exists" => set(&mut owner.socket_exists, option.switch()?)?,
            "--suppl-groups" => {
                option.flag()?;
                raise(&mut owner.suppl_groups)?;
            }
            _ => return None,
        }
    }
    (owner != Owner::default()).then(|| Match::Owner(Box::new(owner)))
}

pub(super) fn push_owner(out: &mut String, owner: &Owner) {
    out.push_str(" -m owner");
    push_switch(out, "--socket-exists", &owner.socket_exists);
    for (option, ids) in [("--uid-owner", &owner.uid), ("--gid-owner", &owner.gid)] {
        if let Some(ids) = ids {
            values::push_not(out, ids);
            push(out, format_args!(" {option} "));
            values::push_range(out, ids.value.0, ids.value.1, '-');
        }
    }
    if owner.suppl_groups {
        out.push_str(" --suppl-groups");
    }
}

fn push_switch(out: &mut String, option: &str, switch: &Option<Neg<()>>) {
    if let Some(switch) = switch {
        values::push_not(out, switch);
        push(out, format_args!(" {option}"));
    }
}

fn mac(asked: &Asked, _: &mut Names) -> Option<Match> {
    let mut found = None;
    for option in asked.options() {
        set(&mut found, option.neg(values::mac(option.value()?)?))?;
    }
    found.map(Match::Mac)
}

fn pkttype(asked: &Asked, _: &mut Names) -> Option<Match> {
    let mut found = None;
    for option in asked.options() {
        let kind = match option.value()?.to_ascii_lowercase().as_str() {
            "unicast" | "host" => PacketType::Host,
            "broadcast" => PacketType::Broadcast,
            "multicast" => PacketType::Multicast,
            "otherhost" => PacketType::OtherHost,
            _ => return None,
        };
        set(&mut found, option.neg(kind))?;
    }
    found.map(Match::Pkttype)
}

pub(super) fn push_pkttype(out: &mut String, kind: &Neg<PacketType>) {
    out.push_str(" -m pkttype");
    values::push_not(out, kind);
    out.push_str(match kind.value {
        PacketType::Host => " --pkt-type unicast",
        PacketType::Broadcast => " --pkt-type broadcast",
        PacketType::Multicast => " --pkt-type multicast",
        PacketType::OtherHost => " --pkt-type otherhost",
    });
}

fn iprange(asked: &Asked, _: &mut Names) -> Option<Match> {
    let mut range = Iprange::default();
    for option in asked.options() {
        match option.name {
            "--src-range" => set(&mut range.source, option.address_range()?)?,
            "--dst-range" => set(&mut range.destination, option.address_range()?)?,
            _ => return None,
        }
    }
    (range != Iprange::default()).then(|| Match::Iprange(Box::new(range)))
}

pub(super) fn push_iprange(out: &mut String, range: &Iprange) {
    out.push_str(" -m iprange");
    for (option, side) in [("--src-range", &range.source), ("--dst-range", &range.destination)] {
        if let Some(side) = side {
            values::push_not(out, side);
            push(out, format_args!(" {option} "));
            values::push_address(out, side.value.0);
            out.push('-');
            values::push_address(out, side.value.1);
        }
    }
}

fn length(asked: &Asked, _: &mut Names) -> Option<Match> {
    let mut found = None;
    for option in asked.options() {
        set(&mut found, option.neg(rows::span(option.value()?, u16::MAX)?))?;
    }
    found.map(Match::Length)
}

pub(super) fn push_length(out: &mut String, length: &Neg<(u16, u16)>) {
    out.push_str(" -m length");
    values::push_not(out, length);
    out.push_str(" --length ");
    values::push_range(out, length.value.0, length.value.1, ':');
}

fn ttl(asked: &Asked, _: &mut Names) -> Option<Match> {
    let mut found = None;
    for option in asked.options() {
        let op = match (option.name, option.not) {
            ("--ttl-eq" | "--ttl" | "--hl-eq" | "--hl", false) => TtlOp::Equal,
            ("--ttl-eq" | "--ttl" | "--hl-eq" | "--hl", true) => TtlOp::NotEqual,
            ("--ttl-lt" | "--hl-lt", false) => TtlOp::Less,
            ("--ttl-gt" | "--hl-gt", false) => TtlOp::Greater,
            _ => return None,
        };
        set(&mut found, TtlMatch { op, value: values::number(option.value()?)? })?;
    }
    found.map(Match::Ttl)
}

pub(super) fn push_ttl(out: &mut String, family: Family, ttl: &TtlMatch) {
    let name = if family == Family::Ip6 { "hl" } else { "ttl" };
    let (not, op) = match ttl.op {
        TtlOp::Equal => ("", "eq"),
        TtlOp::NotEqual => (" !", "eq"),
        TtlOp::Less => ("", "lt"),
        TtlOp::Greater => ("", "gt"),
    };
    push(out, format_args!(" -m {name}{not} --{name}-{op} {}", ttl.value));
}

fn physdev(asked: &Asked, names: &mut Names) -> Option<Match> {
    let mut dev = Physdev::default();
    for option in asked.options() {
        match option.name {
            "--physdev-in" => set(&mut dev.input, option.neg(values::interface(option.value()?, names)))?,
            "--physdev-out" => set(&mut dev.output, option.neg(values::interface(option.value()?, names)))?,
            "--physdev-is-in" => set(&mut dev.is_in, option.switch()?)?,
            "--physdev-is-out" => set(&mut dev.is_out, option.switch()?)?,
            "--physdev-is-bridged" => set(&mut dev.is_bridged, option.switch()?)?,
            _ => return None,
        }
    }
    (dev != Physdev::default()).then(|| Match::Physdev(Box::new(dev)))
}

pub(super) fn push_physdev(out: &mut String, dev: &Physdev) {
    out.push_str(" -m physdev");
    push_switch(out, "--physdev-is-in", &dev.is_in);
    push_device(out, "--physdev-in", &dev.input);
    push_switch(out, "--physdev-is-out", &dev.is_out);
    push_device(out, "--physdev-out", &dev.output);
    push_switch(out, "--physdev-is-bridged", &dev.is_bridged);
}

fn push_device(out: &mut String, option: &str, device: &Option<Neg<InterfacePattern>>) {
    if let Some(device) = device {
        values::push_not(out, device);
        push(out, format_args!(" {option}"));
        push_interface(out, &device.value);
    }
}

/// Appends a blank and an interface pattern.
pub(super) fn push_interface(out: &mut String, pattern: &InterfacePattern) {
    let InterfacePattern { name, prefix } = pattern;
    if *prefix {
        push_word(out, &format!("{name}+"));
    } else {
        push_word(out, name);
    }
}

/// How the tools print the value of an option of an extension that has no typed form here.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Quotes {
    /// Always in quotes.
    Always,
    /// As `xtables_save_string` does.
    WhereNeeded,
}

/// Options whose value is a text: it may look like anything.
const TEXTS: [(&str, Quotes); 9] = [
    ("--string", Quotes::Always),
    ("--hex-string", Quotes::Always),
    ("--u32", Quotes::Always),
    ("--bytecode", Quotes::Always),
    ("--nflog-prefix", Quotes::WhereNeeded),
    ("--ulog-prefix", Quotes::WhereNeeded),
    ("--helper", Quotes::WhereNeeded),
    ("--led-trigger-id", Quotes::WhereNeeded),
    ("--path", Quotes::WhereNeeded),
];

fn quotes(option: &str) -> Option<Quotes> {
    TEXTS.iter().find(|(known, _)| *known == option).map(|(_, quotes)| *quotes)
}

/// Whether what follows this option is a text, and no option, however it looks.
pub(super) fn is_text(option: &str) -> bool {
    quotes(option).is_some()
}

/// Appends an extension's words as they came.
pub(super) fn push_words(out: &mut String, words: &[Name]) {
    let mut before = None;
    for word in words {
        match before {
            Some(Quotes::Always) => {
                out.push(' ');
                push_quoted(out, word);
            }
            Some(Quotes::WhereNeeded) => push_string(out, word),
            None if &**word == "!" => out.push_str(" !"),
            None if is_kept(word) => push(out, format_args!(" {word}")),
            None if word.starts_with("--") && is_plain(word) => push(out, format_args!(" {word}")),
            None => push_word(out, word),
        }
        before = if before.is_some() { None } else { quotes(word) };
    }
}
