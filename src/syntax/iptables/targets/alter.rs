//! Targets that change headers: TCPMSS, TCPOPTSTRIP, CHECKSUM, TTL, HL, DSCP, TOS, ECN, SNPT, DNPT.

use ipnet::{IpNet, Ipv6Net};

use super::super::option::{Asked, Extension, Takes, raise, set};
use super::super::transport;
use super::super::values::{self, push};
use crate::host::xt::{AddressMask, EcnChange, Npt, Target, TcpOptions, TosChange, TtlChange, TtlChangeOp};
use crate::host::{Family, IpFamily, Names};

use Takes::{Nothing, One};

pub(in super::super) static TARGETS: [Extension<Target>; 10] = [
    Extension {
        name: "TCPMSS",
        family: None,
        options: &[("--set-mss", One), ("--clamp-mss-to-pmtu", Nothing)],
        read: tcpmss,
    },
    Extension { name: "TCPOPTSTRIP", family: None, options: &[("--strip-options", One)], read: tcpoptstrip },
    Extension { name: "CHECKSUM", family: None, options: &[("--checksum-fill", Nothing)], read: checksum },
    Extension {
        name: "TTL",
        family: Some(IpFamily::V4),
        options: &[("--ttl-set", One), ("--ttl-inc", One), ("--ttl-dec", One)],
        read: ttl,
    },
    Extension {
        name: "HL",
        family: Some(IpFamily::V6),
        options: &[("--hl-set", One), ("--hl-inc", One), ("--hl-dec", One)],
        read: ttl,
    },
    Extension { name: "DSCP", family: None, options: &[("--set-dscp", One), ("--set-dscp-class", One)], read: dscp },
    Extension {
        name: "TOS",
        family: None,
        options: &[("--set-tos", One), ("--and-tos", One), ("--or-tos", One), ("--xor-tos", One)],
        read: tos,
    },
    Extension {
        name: "ECN",
        family: Some(IpFamily::V4),
        options: &[
            ("--ecn-tcp-remove", Nothing),
            ("--ecn-tcp-ece", One),
            ("--ecn-tcp-cwr", One),
            ("--ecn-ip-ect", One),
        ],
        read: ecn,
    },
    Extension {
        name: "SNPT",
        family: Some(IpFamily::V6),
        options: &[("--src-pfx", One), ("--dst-pfx", One)],
        read: |asked, _| npt(asked, false),
    },
    Extension {
        name: "DNPT",
        family: Some(IpFamily::V6),
        options: &[("--src-pfx", One), ("--dst-pfx", One)],
        read: |asked, _| npt(asked, true),
    },
];

fn tcpmss(asked: &Asked, _: &mut Names) -> Option<Target> {
    /// What the kernel keeps for clamping, and so no size.
    const CLAMP: u16 = u16::MAX;
    let (mut size, mut clamp) = (None, false);
    for option in asked.options() {
        match option.name {
            "--set-mss" => set(&mut size, option.number()?)?,
            _ => {
                option.flag()?;
                raise(&mut clamp)?;
            }
        }
    }
    match (size, clamp) {
        (Some(size), false) if size != CLAMP => Some(Target::Tcpmss(Some(size))),
        (None, true) => Some(Target::Tcpmss(None)),
        _ => None,
    }
}

pub(in super::super) fn push_tcpmss(out: &mut String, size: Option<u16>) {
    match size {
        Some(size) => push(out, format_args!(" -j TCPMSS --set-mss {size}")),
        None => out.push_str(" -j TCPMSS --clamp-mss-to-pmtu"),
    }
}

/// Names of TCP options; the tools print numbers.
const TCP_OPTIONS: [(&str, u8); 6] =
    [("wscale", 3), ("mss", 2), ("sack-permitted", 4), ("sack", 5), ("timestamp", 8), ("md5", 19)];

fn tcpoptstrip(asked: &Asked, _: &mut Names) -> Option<Target> {
    let mut stripped = None;
    for option in asked.options() {
        let mut list = TcpOptions::default();
        for one in option.plain()?.split(',') {
            let known = TCP_OPTIONS.iter().find(|(name, _)| *name == one).map(|(_, number)| *number);
            let number = known.or_else(|| values::number(one)).filter(|number| *number >= 2 && !list.has(*number))?;
            list.add(number);
        }
        set(&mut stripped, list)?;
    }
    Some(Target::Tcpoptstrip(Box::new(stripped.unwrap_or_default())))
}

pub(in super::super) fn push_tcpoptstrip(out: &mut String, options: &TcpOptions) {
    out.push_str(" -j TCPOPTSTRIP");
    for (at, option) in options.iter().enumerate() {
        out.push_str(if at == 0 { " --strip-options " } else { "," });
        push(out, format_args!("{option}"));
    }
}

fn checksum(asked: &Asked, _: &mut Names) -> Option<Target> {
    let mut fill = None;
    for option in asked.options() {
        set(&mut fill, option.flag()?)?;
    }
    fill.map(|()| Target::Checksum)
}

fn ttl(asked: &Asked, _: &mut Names) -> Option<Target> {
    let mut change = None;
    for option in asked.options() {
        let op = match option.name {
            "--ttl-set" | "--hl-set" => TtlChangeOp::Set,
            "--ttl-inc" | "--hl-inc" => TtlChangeOp::Increment,
            _ => TtlChangeOp::Decrement,
        };
        set(&mut change, TtlChange { op, value: option.number()? })?;
    }
    change.map(Target::Ttl)
}

pub(in super::super) fn push_ttl(out: &mut String, family: Family, change: TtlChange) {
    let (target, option) = if family == Family::Ip6 { ("HL", "hl") } else { ("TTL", "ttl") };
    let op = match change.op {
        TtlChangeOp::Set => "set",
        TtlChangeOp::Increment => "inc",
        TtlChangeOp::Decrement => "dec",
    };
    push(out, format_args!(" -j {target} --{option}-{op} {}", change.value));
}

fn dscp(asked: &Asked, _: &mut Names) -> Option<Target> {
    let mut code = None;
    for option in asked.options() {
        match option.name {
            "--set-dscp" => set(&mut code, option.number().filter(|code| *code < 64)?)?,
            _ => set(&mut code, transport::dscp_class(option.plain()?)?)?,
        }
    }
    code.map(Target::Dscp)
}

fn set_tos(text: &str) -> Option<TosChange> {
    transport::tos_value(text).map(|(value, mask)| TosChange { value, mask })
}

fn tos(asked: &Asked, _: &mut Names) -> Option<Target> {
    let mut change = None;
    for option in asked.options() {
        let made = match option.name {
            "--set-tos" => set_tos(option.plain()?)?,
            "--and-tos" => TosChange { value: 0, mask: !option.number::<u8>()? },
            "--or-tos" => TosChange { value: option.number()?, mask: option.number()? },
            _ => TosChange { value: option.number()?, mask: 0 },
        };
        set(&mut change, made)?;
    }
    change.map(Target::Tos)
}

fn ecn(asked: &Asked, _: &mut Names) -> Option<Target> {
    let mut change = EcnChange::default();
    let bit = |number: u8| if number < 2 { Some(number == 1) } else { None };
    for option in asked.options() {
        match option.name {
            // It takes the place of whatever came before.
            "--ecn-tcp-remove" => {
                option.flag()?;
                change = EcnChange { ece: Some(false), cwr: Some(false), ect: None };
            }
            "--ecn-tcp-ece" => set(&mut change.ece, bit(option.number()?)?)?,
            "--ecn-tcp-cwr" => set(&mut change.cwr, bit(option.number()?)?)?,
            _ => set(&mut change.ect, option.number().filter(|ect| *ect < 4)?)?,
        }
    }
    (change != EcnChange::default()).then_some(Target::Ecn(change))
}

pub(in super::super) fn push_ecn(out: &mut String, change: EcnChange) {
    out.push_str(" -j ECN");
    if change == (EcnChange { ece: Some(false), cwr: Some(false), ect: None }) {
        out.push_str(" --ecn-tcp-remove");
        return;
    }
    let numbers = [("ece", change.ece.map(u8::from)), ("cwr", change.cwr.map(u8::from))];
    for (bit, number) in numbers {
        if let Some(number) = number {
            push(out, format_args!(" --ecn-tcp-{bit} {number}"));
        }
    }
    if let Some(ect) = change.ect {
        push(out, format_args!(" --ecn-ip-ect {ect}"));
    }
}

fn npt(asked: &Asked, destination: bool) -> Option<Target> {
    let (mut from, mut to) = (None, None);
    for option in asked.options() {
        let AddressMask::Net(IpNet::V6(net)) = values::address_mask(option.plain()?, asked.family)? else {
            return None;
        };
        set(if option.name == "--src-pfx" { &mut from } else { &mut to }, net)?;
    }
    // The tools leave out a prefix of no length, even where both are that.
    let (from, to) = (from.unwrap_or_default(), to.unwrap_or_default());
    Some(Target::Npt(Box::new(Npt { destination, from, to })))
}

pub(in super::super) fn push_npt(out: &mut String, npt: &Npt) {
    out.push_str(if npt.destination { " -j DNPT" } else { " -j SNPT" });
    let nothing = Ipv6Net::default();
    for (option, net) in [("--src-pfx", npt.from), ("--dst-pfx", npt.to)] {
        if net != nothing {
            push(out, format_args!(" {option} "));
            values::push_address_mask(out, &AddressMask::Net(IpNet::V6(net)), false);
        }
    }
}
