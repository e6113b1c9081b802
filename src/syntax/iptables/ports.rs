//! Matches on the transport header: tcp, udp, icmp, multiport.

use super::option::{Asked, Extension, Opt, Takes, set};
use super::rows;
use super::values::{self, push};
use crate::host::xt::{IcmpType, Match, Multiport, Neg, PortRange, TcpFlags, TcpMatch, UdpMatch, WhichPort};
use crate::host::{Family, IpFamily, Names};

use Takes::{Nothing, One, Two};

pub(super) const TCP: Extension<Match> = Extension {
    name: "tcp",
    family: None,
    options: &[
        ("--dport", One),
        ("--sport", One),
        ("--destination-port", One),
        ("--source-port", One),
        ("--tcp-flags", Two),
        ("--syn", Nothing),
        ("--tcp-option", One),
    ],
    read: tcp,
};

pub(super) const UDP: Extension<Match> = Extension {
    name: "udp",
    family: None,
    options: &[("--dport", One), ("--sport", One), ("--destination-port", One), ("--source-port", One)],
    read: udp,
};

pub(super) const ICMP: Extension<Match> =
    Extension { name: "icmp", family: Some(IpFamily::V4), options: &[("--icmp-type", One)], read: icmp };

pub(super) const ICMP6: Extension<Match> =
    Extension { name: "icmp6", family: Some(IpFamily::V6), options: &[("--icmpv6-type", One)], read: icmp };

pub(super) const MULTIPORT: Extension<Match> = Extension {
    name: "multiport",
    family: None,
    options: &[
        ("--dports", One),
        ("--sports", One),
        ("--ports", One),
        ("--destination-ports", One),
        ("--source-ports", One),
    ],
    read: multiport,
};

const TCP_FLAGS: [(&str, TcpFlags); 6] = [
    ("FIN", TcpFlags::FIN),
    ("SYN", TcpFlags::SYN),
    ("RST", TcpFlags::RST),
    ("PSH", TcpFlags::PSH),
    ("ACK", TcpFlags::ACK),
    ("URG", TcpFlags::URG),
];

fn tcp_flag(name: &str) -> Option<TcpFlags> {
    match name {
        "ALL" => Some(TcpFlags::all()),
        "NONE" => Some(TcpFlags::empty()),
        _ => values::flag(name, &TCP_FLAGS),
    }
}

/// Puts ports into their field; all of them are what no option at all means.
fn take_ports(slot: &mut Option<Neg<PortRange>>, option: &Opt) -> Option<()> {
    let asked = option.neg(values::ports(option.value()?, ':')?);
    set(slot, asked)?;
    *slot = slot.filter(|asked| asked.not || asked.value != PortRange { first: 0, last: u16::MAX });
    Some(())
}

fn tcp(asked: &Asked, _: &mut Names) -> Option<Match> {
    let mut tcp = TcpMatch::default();
    for option in asked.options() {
        match option.name {
            "--sport" | "--source-port" => take_ports(&mut tcp.sport, &option)?,
            "--dport" | "--destination-port" => take_ports(&mut tcp.dport, &option)?,
            "--tcp-flags" => {
                let (mask, comp) = option.two()?;
                let flags = (values::flags(mask, tcp_flag)?, values::flags(comp, tcp_flag)?);
                set(&mut tcp.flags, option.neg(flags))?;
            }
            "--syn" => {
                let asked = TcpFlags::FIN | TcpFlags::SYN | TcpFlags::RST | TcpFlags::ACK;
                set(&mut tcp.flags, Neg { not: option.switch()?.not, value: (asked, TcpFlags::SYN) })?;
            }
            "--tcp-option" => set(&mut tcp.option, option.neg(values::number(option.value()?)?))?,
            _ => return None,
        }
    }
    // No flags that are all unset are asked for by every packet.
    tcp.flags = tcp.flags.filter(|flags| flags.not || flags.value != (TcpFlags::empty(), TcpFlags::empty()));
    Some(Match::Tcp(tcp))
}

fn udp(asked: &Asked, _: &mut Names) -> Option<Match> {
    let mut udp = UdpMatch::default();
    for option in asked.options() {
        match option.name {
            "--sport" | "--source-port" => take_ports(&mut udp.sport, &option)?,
            "--dport" | "--destination-port" => take_ports(&mut udp.dport, &option)?,
            _ => return None,
        }
    }
    Some(Match::Udp(udp))
}

fn push_port(out: &mut String, option: &str, port: &Option<Neg<PortRange>>) {
    if let Some(port) = port {
        values::push_not(out, port);
        push(out, format_args!(" {option} "));
        values::push_range(out, port.value.first, port.value.last, ':');
    }
}

pub(super) fn push_tcp(out: &mut String, tcp: &TcpMatch) {
    out.push_str(" -m tcp");
    push_port(out, "--sport", &tcp.sport);
    push_port(out, "--dport", &tcp.dport);
    if let Some(option) = &tcp.option {
        values::push_not(out, option);
        push(out, format_args!(" --tcp-option {}", option.value));
    }
    if let Some(flags) = &tcp.flags {
        values::push_not(out, flags);
        out.push_str(" --tcp-flags");
        for set in [flags.value.0, flags.value.1] {
            out.push(' ');
            if set.is_empty() {
                out.push_str("NONE");
            } else {
                values::push_flags(out, set, &TCP_FLAGS);
            }
        }
    }
}

pub(super) fn push_udp(out: &mut String, udp: &UdpMatch) {
    out.push_str(" -m udp");
    push_port(out, "--sport", &udp.sport);
    push_port(out, "--dport", &udp.dport);
}

/// Names that people write for types and codes of ICMP (`iptables -p icmp -h`); the tools print numbers.
#[rustfmt::skip]
const ICMP_NAMES: [(&str, u8, Option<u8>); 40] = [
    ("any", 255, None),
    ("echo-reply", 0, None),
    ("pong", 0, None),
    ("destination-unreachable", 3, None),
    ("network-unreachable", 3, Some(0)),
    ("host-unreachable", 3, Some(1)),
    ("protocol-unreachable", 3, Some(2)),
    ("port-unreachable", 3, Some(3)),
    ("fragmentation-needed", 3, Some(4)),
    ("source-route-failed", 3, Some(5)),
    ("network-unknown", 3, Some(6)),
    ("host-unknown", 3, Some(7)),
    ("network-prohibited", 3, Some(9)),
    ("host-prohibited", 3, Some(10)),
    ("TOS-network-unreachable", 3, Some(11)),
    ("TOS-host-unreachable", 3, Some(12)),
    ("communication-prohibited", 3, Some(13)),
    ("host-precedence-violation", 3, Some(14)),
    ("precedence-cutoff", 3, Some(15)),
    ("source-quench", 4, None),
    ("redirect", 5, None),
    ("network-redirect", 5, Some(0)),
    ("host-redirect", 5, Some(1)),
    ("TOS-network-redirect", 5, Some(2)),
    ("TOS-host-redirect", 5, Some(3)),
    ("echo-request", 8, None),
    ("ping", 8, None),
    ("router-advertisement", 9, None),
    ("router-solicitation", 10, None),
    ("time-exceeded", 11, None),
    ("ttl-exceeded", 11, None),
    ("ttl-zero-during-transit", 11, Some(0)),
    ("ttl-zero-during-reassembly", 11, Some(1)),
    ("parameter-problem", 12, None),
    ("ip-header-bad", 12, Some(0)),
    ("required-option-missing", 12, Some(1)),
    ("timestamp-request", 13, None),
    ("timestamp-reply", 14, None),
    ("address-mask-request", 17, None),
    ("address-mask-reply", 18, None),
];

/// The same for ICMPv6 (`ip6tables -p icmpv6 -h`).
#[rustfmt::skip]
const ICMP6_NAMES: [(&str, u8, Option<u8>); 32] = [
    ("destination-unreachable", 1, None),
    ("no-route", 1, Some(0)),
    ("communication-prohibited", 1, Some(1)),
    ("beyond-scope", 1, Some(2)),
    ("address-unreachable", 1, Some(3)),
    ("port-unreachable", 1, Some(4)),
    ("failed-policy", 1, Some(5)),
    ("reject-route", 1, Some(6)),
    ("packet-too-big", 2, None),
    ("time-exceeded", 3, None),
    ("ttl-exceeded", 3, None),
    ("ttl-zero-during-transit", 3, Some(0)),
    ("ttl-zero-during-reassembly", 3, Some(1)),
    ("parameter-problem", 4, None),
    ("bad-header", 4, Some(0)),
    ("unknown-header-type", 4, Some(1)),
    ("unknown-option", 4, Some(2)),
    ("echo-request", 128, None),
    ("ping", 128, None),
    ("echo-reply", 129, None),
    ("pong", 129, None),
    ("mld-listener-query", 130, None),
    ("mld-listener-report", 131, None),
    ("mld-listener-done", 132, None),
    ("mld-listener-reduction", 132, None),
    ("router-solicitation", 133, None),
    ("router-advertisement", 134, None),
    ("neighbour-solicitation", 135, None),
    ("neighbor-solicitation", 135, None),
    ("neighbour-advertisement", 136, None),
    ("neighbor-advertisement", 136, None),
    ("redirect", 137, None),
];

fn icmp_type(text: &str, family: IpFamily) -> Option<IcmpType> {
    let names: &[_] = if family == IpFamily::V4 { &ICMP_NAMES } else { &ICMP6_NAMES };
    let begins = |name: &str| name.get(..text.len()).is_some_and(|start| start.eq_ignore_ascii_case(text));
    let mut known = names.iter().filter(|(name, ..)| begins(name));
    let whole = names.iter().find(|(name, ..)| name.eq_ignore_ascii_case(text));
    if let Some((_, kind, code)) = whole.or_else(|| known.next().filter(|_| known.next().is_none())) {
        return Some(IcmpType { kind: *kind, codes: code.map_or((0, 255), |code| (code, code)) });
    }
    let (kind, code) = match text.split_once('/') {
        Some((kind, codes)) => (kind, Some(rows::span(codes, u8::MAX)?)),
        None => (text, None),
    };
    Some(IcmpType { kind: values::number(kind)?, codes: code.unwrap_or((0, 255)) })
}

fn icmp(asked: &Asked, _: &mut Names) -> Option<Match> {
    let mut kind = None;
    for option in asked.options() {
        set(&mut kind, option.neg(icmp_type(option.value()?, option.family)?))?;
    }
    match (kind, asked.family) {
        (Some(kind), _) => Some(Match::Icmp(kind)),
        // libipt_icmp begins with "any"; libip6t_icmp6 insists on a type.
        (None, IpFamily::V4) => Some(Match::Icmp(Neg::is(IcmpType { kind: 255, codes: (0, 255) }))),
        (None, IpFamily::V6) => None,
    }
}

pub(super) fn push_icmp(out: &mut String, family: Family, icmp: &Neg<IcmpType>) {
    let six = family == Family::Ip6;
    out.push_str(if six { " -m icmp6" } else { " -m icmp" });
    values::push_not(out, icmp);
    out.push_str(if six { " --icmpv6-type " } else { " --icmp-type " });
    let IcmpType { kind, codes } = icmp.value;
    if kind == 255 && !six {
        out.push_str("any");
        return;
    }
    push(out, format_args!("{kind}"));
    if codes != (0, 255) {
        push(out, format_args!("/{}", codes.0));
    }
}

fn multiport(asked: &Asked, _: &mut Names) -> Option<Match> {
    let mut all = None;
    for option in asked.options() {
        let which = match option.name {
            "--sports" | "--source-ports" => WhichPort::Source,
            "--dports" | "--destination-ports" => WhichPort::Destination,
            "--ports" => WhichPort::Either,
            _ => return None,
        };
        let ports = option.value()?.split(',').map(|one| values::ports(one, ':')).collect::<Option<_>>()?;
        set(&mut all, Multiport { which, not: option.not, ports })?;
    }
    all.map(|all| Match::Multiport(Box::new(all)))
}

pub(super) fn push_multiport(out: &mut String, multiport: &Multiport) {
    out.push_str(" -m multiport");
    if multiport.not {
        out.push_str(" !");
    }
    out.push_str(match multiport.which {
        WhichPort::Source => " --sports",
        WhichPort::Destination => " --dports",
        WhichPort::Either => " --ports",
    });
    for (at, range) in multiport.ports.iter().enumerate() {
        out.push(if at == 0 { ' ' } else { ',' });
        values::push_range(out, range.first, range.last, ':');
    }
}
