//! Matches on what is counted and kept of flows and packets: connbytes, connlabel, connlimit, cluster, helper, quota,
//! nfacct, rateest, ipvs.

use super::option::{Asked, Extension, Opt, Takes, raise, set};
use super::rows::{HOST_MASK, Kind, LONG, NOTHING, PORT, TEXT, rows, single};
use super::values::{self, push};
use super::words::{push_string, push_word};
use crate::host::xt::{
    Cluster, Connbytes, ConnbytesMode, Connlabel, Connlimit, CtDirection, Ipvs, IpvsMethod, Match, Neg, Rare,
    RateestMatch, RateestOp,
};
use crate::host::{Names, Protocol};

use Takes::{Nothing, One};

fn rare(found: Rare) -> Option<Match> {
    Some(Match::Rare(Box::new(found)))
}

pub(super) const CONNBYTES: Extension<Match> = Extension {
    name: "connbytes",
    family: None,
    options: &[("--connbytes", One), ("--connbytes-mode", One), ("--connbytes-dir", One)],
    read: connbytes,
};

const CONNBYTES_MODES: [(&str, ConnbytesMode); 3] =
    [("packets", ConnbytesMode::Packets), ("bytes", ConnbytesMode::Bytes), ("avgpkt", ConnbytesMode::Average)];
const CONNBYTES_DIRECTIONS: [(&str, Option<CtDirection>); 3] =
    [("original", Some(CtDirection::Original)), ("reply", Some(CtDirection::Reply)), ("both", None)];

/// The value of a name in a table.
fn known<T: Copy>(text: &str, names: &[(&str, T)]) -> Option<T> {
    names.iter().find(|(name, _)| *name == text).map(|(_, value)| *value)
}

/// The name of a value in a table that has them all.
fn name_of<T: Copy + PartialEq>(value: T, names: &[(&'static str, T)]) -> &'static str {
    names.iter().find(|(_, known)| *known == value).map_or("", |(name, _)| name)
}

fn connbytes(asked: &Asked, _: &mut Names) -> Option<Match> {
    let (mut range, mut mode, mut direction) = (None, None, None);
    for option in asked.options() {
        match option.name {
            "--connbytes" => {
                let text = option.value()?;
                let text = if text.contains(':') { text.to_owned() } else { format!("{text}:") };
                let (first, last) = values::range(&text, ':', 0, u64::MAX)?;
                // A range of one number is turned around by nothing that the kernel's struct can hold.
                set(&mut range, Neg { not: option.not && first != last, value: (first, last) })?;
            }
            "--connbytes-mode" => set(&mut mode, known(option.plain()?, &CONNBYTES_MODES)?)?,
            _ => set(&mut direction, known(option.plain()?, &CONNBYTES_DIRECTIONS)?)?,
        }
    }
    rare(Rare::Connbytes(Connbytes { range: range?, mode: mode?, direction: direction? }))
}

pub(super) fn push_connbytes(out: &mut String, bytes: &Connbytes) {
    values::push_not(out, &bytes.range);
    let (first, last) = bytes.range.value;
    push(out, format_args!(" --connbytes {first}"));
    if last < u64::MAX {
        push(out, format_args!(":{last}"));
    }
    let mode = name_of(bytes.mode, &CONNBYTES_MODES);
    let direction = name_of(bytes.direction, &CONNBYTES_DIRECTIONS);
    push(out, format_args!(" --connbytes-mode {mode} --connbytes-dir {direction}"));
}

pub(super) const CONNLABEL: Extension<Match> =
    Extension { name: "connlabel", family: None, options: &[("--label", One), ("--set", Nothing)], read: connlabel };

fn connlabel(asked: &Asked, _: &mut Names) -> Option<Match> {
    let (mut label, mut set_it) = (None, false);
    for option in asked.options() {
        match option.name {
            "--label" => set(&mut label, option.neg(values::number(option.value()?)?))?,
            _ => {
                option.flag()?;
                raise(&mut set_it)?;
            }
        }
    }
    rare(Rare::Connlabel(Connlabel { label: label?, set: set_it }))
}

pub(super) fn push_connlabel(out: &mut String, label: &Connlabel) {
    values::push_not(out, &label.label);
    push(out, format_args!(" --label \"{}\"", label.label.value));
    if label.set {
        out.push_str(" --set");
    }
}

pub(super) const CONNLIMIT: Extension<Match> = Extension {
    name: "connlimit",
    family: None,
    options: &[
        ("--connlimit-upto", One),
        ("--connlimit-above", One),
        ("--connlimit-mask", One),
        ("--connlimit-saddr", Nothing),
        ("--connlimit-daddr", Nothing),
    ],
    read: connlimit,
};

fn connlimit(asked: &Asked, _: &mut Names) -> Option<Match> {
    let (mut limit, mut prefix, mut side) = (None, None, None);
    for option in asked.options() {
        match option.name {
            "--connlimit-upto" => set(&mut limit, (option.not, values::number(option.value()?)?))?,
            "--connlimit-above" => set(&mut limit, (!option.not, values::number(option.value()?)?))?,
            "--connlimit-mask" => {
                set(&mut prefix, values::prefix_length(option.plain()?, asked.family)?)?;
            }
            name => {
                option.flag()?;
                set(&mut side, name == "--connlimit-daddr")?;
            }
        }
    }
    let (above, limit) = limit?;
    let prefix = prefix.unwrap_or(asked.family.bits());
    rare(Rare::Connlimit(Connlimit { above, limit, prefix, destination: side.unwrap_or(false) }))
}

pub(super) fn push_connlimit(out: &mut String, limit: &Connlimit) {
    let which = if limit.above { "above" } else { "upto" };
    let side = if limit.destination { "daddr" } else { "saddr" };
    push(out, format_args!(" --connlimit-{which} {} --connlimit-mask {}", limit.limit, limit.prefix));
    push(out, format_args!(" --connlimit-{side}"));
}

pub(super) const CLUSTER: Extension<Match> = Extension {
    name: "cluster",
    family: None,
    options: &[
        ("--cluster-local-nodemask", One),
        ("--cluster-local-node", One),
        ("--cluster-total-nodes", One),
        ("--cluster-hash-seed", One),
    ],
    read: cluster,
};

fn cluster(asked: &Asked, _: &mut Names) -> Option<Match> {
    let (mut nodes, mut total, mut seed) = (None, None, None);
    for option in asked.options() {
        match option.name {
            "--cluster-local-nodemask" => set(&mut nodes, option.neg(values::number(option.value()?)?))?,
            "--cluster-local-node" => {
                let node = values::number::<u32>(option.value()?).filter(|node| (1..=32).contains(node))?;
                set(&mut nodes, option.neg(1 << (node - 1)))?;
            }
            "--cluster-total-nodes" => set(&mut total, option.number()?)?,
            _ => set(&mut seed, option.number()?)?,
        }
    }
    rare(Rare::Cluster(Cluster { nodes: nodes?, total: total?, seed: seed? }))
}

pub(super) fn push_cluster(out: &mut String, cluster: &Cluster) {
    values::push_not(out, &cluster.nodes);
    push(out, format_args!(" --cluster-local-nodemask 0x{:08x}", cluster.nodes.value));
    push(out, format_args!(" --cluster-total-nodes {} --cluster-hash-seed 0x{:08x}", cluster.total, cluster.seed));
}

single!(HELPER, "helper", None, Helper, TEXT, "--helper");
single!(QUOTA, "quota", None, Quota, LONG, "--quota");

pub(super) const NFACCT: Extension<Match> =
    Extension { name: "nfacct", family: None, options: &[("--nfacct-name", Takes::Any)], read: nfacct };

fn nfacct(asked: &Asked, names: &mut Names) -> Option<Match> {
    let mut name = None;
    for option in asked.options() {
        set(&mut name, names.intern(option.plain()?))?;
    }
    rare(Rare::Nfacct(name?))
}

/// The tools put two blanks before the name.
pub(super) fn push_nfacct(out: &mut String, name: &str) {
    out.push_str(" --nfacct-name ");
    push_string(out, name);
}

pub(super) const RATEEST: Extension<Match> = Extension {
    name: "rateest",
    family: None,
    options: &[
        ("--rateest-delta", Nothing),
        ("--rateest", One),
        ("--rateest1", One),
        ("--rateest2", One),
        ("--rateest-bps1", Takes::Optional),
        ("--rateest-bps2", Takes::Optional),
        ("--rateest-bps", Takes::Optional),
        ("--rateest-pps1", Takes::Optional),
        ("--rateest-pps2", Takes::Optional),
        ("--rateest-pps", Takes::Optional),
        ("--rateest-lt", Nothing),
        ("--rateest-gt", Nothing),
        ("--rateest-eq", Nothing),
    ],
    read: rateest,
};

const RATEEST_OPS: [(&str, RateestOp); 3] =
    [("--rateest-eq", RateestOp::Equal), ("--rateest-lt", RateestOp::Less), ("--rateest-gt", RateestOp::Greater)];

/// Units of a rate in bits a second.
const RATE_UNITS: [(&str, f64); 18] = [
    ("bit", 1.0),
    ("Kibit", 1024.0),
    ("kbit", 1000.0),
    ("Mibit", 1024.0 * 1024.0),
    ("mbit", 1e6),
    ("Gibit", 1024.0 * 1024.0 * 1024.0),
    ("gbit", 1e9),
    ("Tibit", 1024.0 * 1024.0 * 1024.0 * 1024.0),
    ("tbit", 1e12),
    ("Bps", 8.0),
    ("KiBps", 8.0 * 1024.0),
    ("KBps", 8000.0),
    ("MiBps", 8.0 * 1024.0 * 1024.0),
    ("MBps", 8e6),
    ("GiBps", 8.0 * 1024.0 * 1024.0 * 1024.0),
    ("GBps", 8e9),
    ("TiBps", 8.0 * 1024.0 * 1024.0 * 1024.0 * 1024.0),
    ("TBps", 8e12),
];

/// A rate in bytes a second, as `8kbit` or as bits without a unit.
fn bytes_rate(text: &str) -> Option<u32> {
    let end = text.bytes().position(|sign| sign.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let scale = if unit.is_empty() { 1.0 } else { values::flag(unit, &RATE_UNITS)? };
    let rate = number.parse::<f64>().ok()? * scale / 8.0;
    (0.0..=f64::from(u32::MAX)).contains(&rate).then_some(rate as u32)
}

/// One kind of rate: the first's and the second's.
#[derive(Default)]
struct Rates {
    first: Option<u32>,
    second: Option<u32>,
}

impl Rates {
    fn take(&mut self, option: &Opt, read: fn(&str) -> Option<u32>) -> Option<()> {
        let rate = match option.values().next() {
            _ if option.not => return None,
            Some(text) => read(text)?,
            None => 0,
        };
        set(if option.name.ends_with('1') { &mut self.first } else { &mut self.second }, rate)
    }

    fn both(&self) -> Option<(u32, u32)> {
        (self.first.is_some() || self.second.is_some()).then(|| (self.first.unwrap_or(0), self.second.unwrap_or(0)))
    }
}

fn rateest(asked: &Asked, names: &mut Names) -> Option<Match> {
    let (mut first, mut second, mut op, mut delta) = (None, None, None, false);
    let (mut bytes, mut packets) = (Rates::default(), Rates::default());
    for option in asked.options() {
        match option.name {
            "--rateest-delta" => {
                option.flag()?;
                raise(&mut delta)?;
            }
            "--rateest" | "--rateest1" => set(&mut first, names.intern(option.plain()?))?,
            "--rateest2" => set(&mut second, names.intern(option.plain()?))?,
            name if name.starts_with("--rateest-b") => bytes.take(&option, bytes_rate)?,
            name if name.starts_with("--rateest-p") => packets.take(&option, values::number)?,
            name => {
                let asked = Neg { not: option.switch()?.not, value: known(name, &RATEEST_OPS)? };
                // The tools print it for bytes and once more for packets.
                if op.replace(asked).is_some_and(|before| before != asked) {
                    return None;
                }
            }
        }
    }
    let (bytes, packets) = (bytes.both(), packets.both());
    rare(Rare::Rateest(RateestMatch { delta, first: first?, second, op: op?, bytes, packets }))
}

pub(super) fn push_rateest(out: &mut String, rateest: &RateestMatch) {
    if rateest.delta {
        out.push_str(" --rateest-delta");
    }
    out.push_str(if rateest.second.is_some() { " --rateest1" } else { " --rateest" });
    push_word(out, &rateest.first);
    push_rates(out, rateest, "bps", rateest.bytes, push_bits);
    push_rates(out, rateest, "pps", rateest.packets, |out, rate| push(out, format_args!(" {rate}")));
    if let Some(second) = &rateest.second {
        out.push_str(" --rateest2");
        push_word(out, second);
    }
}

fn push_rates(
    out: &mut String,
    rateest: &RateestMatch,
    kind: &str,
    rates: Option<(u32, u32)>,
    rate: fn(&mut String, u32),
) {
    let Some((first, second)) = rates else { return };
    if rateest.delta {
        push(out, format_args!(" --rateest-{kind}1"));
        rate(out, first);
    }
    values::push_not(out, &rateest.op);
    push(out, format_args!(" {} --rateest-{kind}", name_of(rateest.op.value, &RATEEST_OPS)));
    if rateest.delta {
        out.push('2');
    }
    if rateest.delta || rateest.second.is_none() {
        rate(out, second);
    }
}

/// Appends a rate of bytes as bits, in the greatest unit with at least four digits (`rateest_print_rate`).
fn push_bits(out: &mut String, rate: u32) {
    let bits = f64::from(rate) * 8.0;
    if bits >= 1e9 {
        push(out, format_args!(" {:.0}Mbit", bits / 1e6));
    } else if bits >= 1e6 {
        push(out, format_args!(" {:.0}Kbit", bits / 1e3));
    } else {
        push(out, format_args!(" {bits:.0}bit"));
    }
}

rows!(IPVS, push_ipvs, "ipvs", None, Ipvs(Ipvs), |ipvs| {
    let alone = Ipvs { ipvs: ipvs.ipvs, ..Ipvs::default() } == *ipvs;
    let not = ipvs.ipvs.is_some_and(|asked| asked.not);
    if !alone {
        ipvs.ipvs = None;
    }
    *ipvs != Ipvs::default() && (alone || !not)
}, {
    ipvs: NOTHING, "--ipvs";
    protocol: PROTOCOL, "--vproto";
    address: HOST_MASK, "--vaddr";
    port: PORT, "--vport";
    direction: DIRECTION, "--vdir";
    method: METHOD, "--vmethod";
    control_port: PORT, "--vportctl";
});

const PROTOCOL: Kind<Protocol> = Kind {
    takes: One,
    read: |option, _| values::protocol(option.value()?),
    push: |out, protocol| push(out, format_args!(" {}", protocol.0)),
};

const DIRECTIONS: [(&str, CtDirection); 2] = [("ORIGINAL", CtDirection::Original), ("REPLY", CtDirection::Reply)];

const DIRECTION: Kind<CtDirection> = Kind {
    takes: One,
    read: |option, _| values::flag(option.value()?, &DIRECTIONS),
    push: |out, direction| push(out, format_args!(" {}", name_of(*direction, &DIRECTIONS))),
};

const METHODS: [(&str, IpvsMethod); 3] =
    [("GATE", IpvsMethod::Gate), ("IPIP", IpvsMethod::Tunnel), ("MASQ", IpvsMethod::Masquerade)];

const METHOD: Kind<IpvsMethod> = Kind {
    takes: One,
    read: |option, _| values::flag(option.value()?, &METHODS),
    push: |out, method| push(out, format_args!(" {}", name_of(*method, &METHODS))),
};
