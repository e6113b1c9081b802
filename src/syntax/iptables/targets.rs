//! Targets with a typed form: words ⇄ [`Target`]. The rarer ones have files of their own.

pub(super) mod alter;
pub(super) mod label;
pub(super) mod note;
pub(super) mod steer;

use std::net::IpAddr;

use std::sync::LazyLock;

use super::option::{Asked, Extension, Known, Opt, Takes, raise, set};
use super::values::{self, push};
use super::words::push_string;
use crate::host::xt::{Connmark, ConnmarkOp, Log, Masked, Nat, Nfqueue, PortRange, RejectWith, Target};
use crate::host::{Family, IpFamily, Names};

use Takes::{Nothing, One, Text};

const NAT_OPTIONS: [(&str, Takes); 3] = [("--random", Nothing), ("--random-fully", Nothing), ("--persistent", Nothing)];

/// Every target that has options and a typed form.
pub(super) static TARGETS: [&[Extension<Target>]; 5] =
    [&COMMON, &steer::TARGETS, &alter::TARGETS, &label::TARGETS, &note::TARGETS];

/// The target of this name and family.
pub(super) fn find(name: &str, family: IpFamily) -> Option<&'static Extension<Target>> {
    static KNOWN: LazyLock<Known<Target>> = LazyLock::new(|| Known::of(&TARGETS));
    KNOWN.find(name, family)
}

static COMMON: [Extension<Target>; 11] = [
    super::sets::TARGET,
    Extension {
        name: "DNAT",
        family: None,
        options: &[("--to-destination", One), NAT_OPTIONS[0], NAT_OPTIONS[1], NAT_OPTIONS[2]],
        read: |asked, _| nat(asked).map(Target::Dnat),
    },
    Extension {
        name: "MARK",
        family: None,
        options: &[
            ("--set-xmark", One),
            ("--set-mark", One),
            ("--and-mark", One),
            ("--or-mark", One),
            ("--xor-mark", One),
        ],
        read: mark,
    },
    Extension {
        name: "MASQUERADE",
        family: None,
        options: &[("--to-ports", One), NAT_OPTIONS[0], NAT_OPTIONS[1]],
        read: |asked, _| nat(asked).map(Target::Masquerade),
    },
    Extension { name: "REJECT", family: None, options: &[("--reject-with", One)], read: reject },
    Extension {
        name: "LOG",
        family: None,
        options: &[
            ("--log-prefix", Text),
            ("--log-level", One),
            ("--log-tcp-sequence", Nothing),
            ("--log-tcp-options", Nothing),
            ("--log-ip-options", Nothing),
            ("--log-uid", Nothing),
            ("--log-macdecode", Nothing),
        ],
        read: log,
    },
    Extension {
        name: "SNAT",
        family: None,
        options: &[("--to-source", One), NAT_OPTIONS[0], NAT_OPTIONS[1], NAT_OPTIONS[2]],
        read: |asked, _| nat(asked).filter(|nat| nat.base_port.is_none()).map(Target::Snat),
    },
    Extension {
        name: "REDIRECT",
        family: None,
        options: &[("--to-ports", One), NAT_OPTIONS[0]],
        read: |asked, _| nat(asked).map(Target::Redirect),
    },
    Extension {
        name: "CONNMARK",
        family: None,
        options: &[
            ("--set-xmark", One),
            ("--set-mark", One),
            ("--and-mark", One),
            ("--or-mark", One),
            ("--xor-mark", One),
            ("--save-mark", Nothing),
            ("--restore-mark", Nothing),
            ("--nfmask", One),
            ("--ctmask", One),
            ("--mask", One),
            ("--left-shift-mark", One),
            ("--right-shift-mark", One),
        ],
        read: connmark,
    },
    Extension { name: "NETMAP", family: None, options: &[("--to", One)], read: netmap },
    Extension {
        name: "NFQUEUE",
        family: None,
        options: &[
            ("--queue-num", One),
            ("--queue-balance", One),
            ("--queue-bypass", Nothing),
            ("--queue-cpu-fanout", Nothing),
        ],
        read: nfqueue,
    },
];

/// Names of what REJECT answers with; where there are several, the tools print the first.
const REJECT4: [(&str, RejectWith); 16] = [
    ("icmp-net-unreachable", RejectWith::NetUnreachable),
    ("icmp-host-unreachable", RejectWith::HostUnreachable),
    ("icmp-proto-unreachable", RejectWith::ProtoUnreachable),
    ("icmp-port-unreachable", RejectWith::PortUnreachable),
    ("icmp-net-prohibited", RejectWith::NetProhibited),
    ("icmp-host-prohibited", RejectWith::HostProhibited),
    ("tcp-reset", RejectWith::TcpReset),
    ("icmp-admin-prohibited", RejectWith::AdminProhibited),
    ("net-unreach", RejectWith::NetUnreachable),
    ("host-unreach", RejectWith::HostUnreachable),
    ("proto-unreach", RejectWith::ProtoUnreachable),
    ("port-unreach", RejectWith::PortUnreachable),
    ("net-prohib", RejectWith::NetProhibited),
    ("host-prohib", RejectWith::HostProhibited),
    ("tcp-rst", RejectWith::TcpReset),
    ("admin-prohib", RejectWith::AdminProhibited),
];

/// The same for IPv6.
const REJECT6: [(&str, RejectWith); 14] = [
    ("icmp6-no-route", RejectWith::NetUnreachable),
    ("icmp6-adm-prohibited", RejectWith::AdminProhibited),
    ("icmp6-addr-unreachable", RejectWith::AddressUnreachable),
    ("icmp6-port-unreachable", RejectWith::PortUnreachable),
    ("tcp-reset", RejectWith::TcpReset),
    ("icmp6-policy-fail", RejectWith::PolicyFail),
    ("icmp6-reject-route", RejectWith::RejectRoute),
    ("no-route", RejectWith::NetUnreachable),
    ("adm-prohibited", RejectWith::AdminProhibited),
    ("addr-unreach", RejectWith::AddressUnreachable),
    ("port-unreach", RejectWith::PortUnreachable),
    ("policy-fail", RejectWith::PolicyFail),
    ("reject-route", RejectWith::RejectRoute),
    ("tcp-rst", RejectWith::TcpReset),
];

fn reject_names(family: IpFamily) -> &'static [(&'static str, RejectWith)] {
    match family {
        IpFamily::V4 => &REJECT4,
        IpFamily::V6 => &REJECT6,
    }
}

fn reject(asked: &Asked, _: &mut Names) -> Option<Target> {
    let mut with = None;
    for option in asked.options() {
        set(&mut with, values::flag(option.plain()?, reject_names(asked.family))?)?;
    }
    Some(Target::Reject(with.unwrap_or(RejectWith::PortUnreachable)))
}

pub(super) fn push_reject(out: &mut String, family: Family, with: RejectWith) {
    let names = reject_names(super::ip_family(family));
    // What only the other family has cannot come from text, but may from a made-up ruleset.
    let name = names.iter().chain(&REJECT4).chain(&REJECT6).find(|(_, known)| *known == with);
    out.push_str(" -j REJECT");
    if let Some((name, _)) = name {
        push(out, format_args!(" --reject-with {name}"));
    }
}

/// syslog's names of the levels, by number.
const LEVELS: [(&str, u8); 10] = [
    ("emerg", 0),
    ("alert", 1),
    ("crit", 2),
    ("error", 3),
    ("err", 3),
    ("warning", 4),
    ("warn", 4),
    ("notice", 5),
    ("info", 6),
    ("debug", 7),
];

/// The flags of LOG, in the order in which they are printed.
const LOG_FLAGS: [(&str, u8); 5] = [
    ("--log-tcp-sequence", 0x01),
    ("--log-tcp-options", 0x02),
    ("--log-ip-options", 0x04),
    ("--log-uid", 0x08),
    ("--log-macdecode", 0x20),
];

fn log(asked: &Asked, names: &mut Names) -> Option<Target> {
    let (mut level, mut prefix, mut flags) = (None, None, 0);
    for option in asked.options() {
        match option.name {
            "--log-level" => {
                let given = option.plain()?;
                let number = values::number(given).filter(|level| *level < 8);
                set(&mut level, number.or_else(|| values::flag(given, &LEVELS))?)?;
            }
            "--log-prefix" if !option.not => {
                set(&mut prefix, option.values().collect::<Vec<_>>().join(" "))?;
            }
            name => {
                option.flag()?;
                let flag = values::flag(name, &LOG_FLAGS)?;
                if flags & flag != 0 {
                    return None;
                }
                flags |= flag;
            }
        }
    }
    let prefix = names.intern(&prefix.unwrap_or_default());
    Some(Target::Log(Box::new(Log { level: level.unwrap_or(4), prefix, flags })))
}

pub(super) fn push_log(out: &mut String, log: &Log) {
    out.push_str(" -j LOG");
    if !log.prefix.is_empty() {
        out.push_str(" --log-prefix");
        push_string(out, &log.prefix);
    }
    if log.level != 4 {
        push(out, format_args!(" --log-level {}", log.level));
    }
    for (option, flag) in LOG_FLAGS {
        if log.flags & flag != 0 {
            push(out, format_args!(" {option}"));
        }
    }
}

/// The operation that an option of MARK and CONNMARK stands for: `(mark & !mask) ^ value`.
fn set_mark(option: &Opt) -> Option<Masked> {
    let given = option.plain()?;
    Some(match option.name {
        "--set-xmark" => values::masked(given)?,
        "--set-mark" => {
            let Masked { value, mask } = values::masked(given)?;
            Masked { value, mask: value | mask }
        }
        "--and-mark" => Masked { value: 0, mask: !values::number::<u32>(given)? },
        "--or-mark" => {
            let value = values::number(given)?;
            Masked { value, mask: value }
        }
        "--xor-mark" => Masked { value: values::number(given)?, mask: 0 },
        _ => return None,
    })
}

fn mark(asked: &Asked, _: &mut Names) -> Option<Target> {
    let mut mark = None;
    for option in asked.options() {
        set(&mut mark, set_mark(&option)?)?;
    }
    mark.map(Target::Mark)
}

pub(super) fn push_xmark(out: &mut String, mark: Masked) {
    push(out, format_args!(" --set-xmark 0x{:x}/0x{:x}", mark.value, mark.mask));
}

/// By how many bits a mark is shifted.
fn bits(option: &Opt) -> Option<i8> {
    option.number::<u8>().filter(|bits| *bits <= 32).map(|bits| bits as i8)
}

fn connmark(asked: &Asked, _: &mut Names) -> Option<Target> {
    enum Way {
        Set(Masked),
        Save,
        Restore,
    }
    let (mut way, mut nfmask, mut ctmask, mut shift) = (None, None, None, 0);
    for option in asked.options() {
        match option.name {
            "--save-mark" | "--restore-mark" => {
                option.flag()?;
                set(&mut way, if option.name == "--save-mark" { Way::Save } else { Way::Restore })?;
            }
            "--nfmask" => set(&mut nfmask, option.number()?)?,
            "--ctmask" => set(&mut ctmask, option.number()?)?,
            "--mask" => {
                set(&mut nfmask, option.number()?)?;
                set(&mut ctmask, option.number()?)?;
            }
            // The last one counts.
            "--left-shift-mark" => shift = bits(&option)?,
            "--right-shift-mark" => shift = -bits(&option)?,
            _ => set(&mut way, Way::Set(set_mark(&option)?))?,
        }
    }
    let masked = nfmask.is_some() || ctmask.is_some();
    let (nfmask, ctmask) = (nfmask.unwrap_or(u32::MAX), ctmask.unwrap_or(u32::MAX));
    let op = match way? {
        Way::Set(_) if masked => return None,
        Way::Set(mark) => ConnmarkOp::Set(mark),
        Way::Save => ConnmarkOp::Save { nfmask, ctmask },
        Way::Restore => ConnmarkOp::Restore { nfmask, ctmask },
    };
    Some(Target::Connmark(Box::new(Connmark { op, shift })))
}

pub(super) fn push_connmark(out: &mut String, connmark: &Connmark) {
    out.push_str(" -j CONNMARK");
    let mut masks = |way: &str, nfmask: u32, ctmask: u32| {
        push(out, format_args!(" {way} --nfmask 0x{nfmask:x} --ctmask 0x{ctmask:x}"));
    };
    match connmark.op {
        ConnmarkOp::Set(mark) => push_xmark(out, mark),
        ConnmarkOp::Save { nfmask, ctmask } => masks("--save-mark", nfmask, ctmask),
        ConnmarkOp::Restore { nfmask, ctmask } => masks("--restore-mark", nfmask, ctmask),
    }
    match connmark.shift {
        0 => {}
        shift @ 1.. => push(out, format_args!(" --left-shift-mark {shift}")),
        shift => push(out, format_args!(" --right-shift-mark {}", shift.unsigned_abs())),
    }
}

fn nat(asked: &Asked) -> Option<Box<Nat>> {
    let mut nat = Nat::default();
    let mut there = None;
    for option in asked.options() {
        match option.name {
            "--to-destination" | "--to-source" => {
                set(&mut there, ())?;
                translation(&mut nat, option.plain()?, asked.family)?;
            }
            "--to-ports" => set(&mut nat.ports, values::ports(option.plain()?, '-')?)?,
            flag => {
                option.flag()?;
                raise(match flag {
                    "--random" => &mut nat.random,
                    "--random-fully" => &mut nat.random_fully,
                    "--persistent" => &mut nat.persistent,
                    _ => return None,
                })?;
            }
        }
    }
    Some(Box::new(nat))
}

/// `address[-address][:port[-port[/base]]]`; IPv6 addresses stand in brackets where ports follow.
fn translation(nat: &mut Nat, text: &str, family: IpFamily) -> Option<()> {
    let (addresses, ports) = match (family, text.strip_prefix('[')) {
        (IpFamily::V6, Some(rest)) => {
            let (addresses, after) = rest.split_once(']')?;
            (addresses, if after.is_empty() { None } else { Some(after.strip_prefix(':')?) })
        }
        // An IPv6 address without brackets has no port; what begins with one colon is a port alone.
        (IpFamily::V6, None) => match text.strip_prefix(':') {
            Some(ports) if !ports.contains(':') => ("", Some(ports)),
            _ => (text, None),
        },
        (IpFamily::V4, _) => match text.split_once(':') {
            Some((addresses, ports)) => (addresses, Some(ports)),
            None => (text, None),
        },
    };
    if !addresses.is_empty() {
        nat.addresses = Some(values::address_range(addresses, family)?);
    }
    if let Some(ports) = ports {
        let (range, base) = match ports.split_once('/') {
            Some((range, base)) => (range, Some(values::service_port(base)?)),
            None => (ports, None),
        };
        nat.ports = Some(values::ports(range, '-').filter(|_| !range.is_empty())?);
        nat.base_port = base;
    }
    (nat.addresses.is_some() || nat.ports.is_some()).then_some(())
}

pub(super) fn push_nat(out: &mut String, name: &str, option: &str, nat: &Nat) {
    push(out, format_args!(" -j {name}"));
    if nat.addresses.is_some() || nat.ports.is_some() {
        push(out, format_args!(" {option} "));
    }
    if let Some((first, last)) = nat.addresses {
        let brackets = matches!(first, IpAddr::V6(_)) && nat.ports.is_some();
        out.push_str(if brackets { "[" } else { "" });
        values::push_address(out, first);
        if first != last {
            out.push('-');
            values::push_address(out, last);
        }
        out.push_str(if brackets { "]" } else { "" });
    }
    if let Some(PortRange { first, last }) = nat.ports {
        // MASQUERADE and REDIRECT have ports alone, without the colon.
        out.push_str(if option == "--to-ports" { "" } else { ":" });
        values::push_range(out, first, last, '-');
    }
    if let Some(base) = nat.base_port {
        push(out, format_args!("/{base}"));
    }
    for (option, there) in
        [("--random", nat.random), ("--random-fully", nat.random_fully), ("--persistent", nat.persistent)]
    {
        if there {
            push(out, format_args!(" {option}"));
        }
    }
}

fn netmap(asked: &Asked, _: &mut Names) -> Option<Target> {
    let mut to = None;
    for option in asked.options() {
        match values::address_mask(option.plain()?, asked.family)? {
            crate::host::xt::AddressMask::Net(net) => set(&mut to, net)?,
            crate::host::xt::AddressMask::Bits(_) => return None,
        }
    }
    to.map(|net| Target::Netmap(Box::new(net)))
}

fn nfqueue(asked: &Asked, _: &mut Names) -> Option<Target> {
    let (mut queues, mut bypass, mut cpu_fanout) = (None, false, false);
    for option in asked.options() {
        match option.name {
            "--queue-num" => {
                let one = option.number()?;
                set(&mut queues, (one, one))?;
            }
            "--queue-balance" => set(&mut queues, values::range(option.plain()?, ':', 0, u16::MAX)?)?,
            "--queue-bypass" => {
                option.flag()?;
                raise(&mut bypass)?;
            }
            "--queue-cpu-fanout" => {
                option.flag()?;
                raise(&mut cpu_fanout)?;
            }
            _ => return None,
        }
    }
    let (first, last) = queues.unwrap_or((0, 0));
    Some(Target::Nfqueue(Nfqueue { first, last, bypass, cpu_fanout }))
}

pub(super) fn push_nfqueue(out: &mut String, queue: &Nfqueue) {
    out.push_str(" -j NFQUEUE");
    if queue.first == queue.last {
        push(out, format_args!(" --queue-num {}", queue.first));
    } else {
        push(out, format_args!(" --queue-balance {}:{}", queue.first, queue.last));
    }
    for (option, there) in [("--queue-bypass", queue.bypass), ("--queue-cpu-fanout", queue.cpu_fanout)] {
        if there {
            push(out, format_args!(" {option}"));
        }
    }
}
