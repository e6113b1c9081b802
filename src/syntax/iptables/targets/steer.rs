//! Targets that lead packets elsewhere, or tell conntrack what to make of them: CT, NOTRACK, TPROXY, TEE, SYNPROXY,
//! CLUSTERIP.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::super::option::{Asked, Extension, Opt, Takes, raise, set};
use super::super::values::{self, push};
use super::super::words::push_value;
use crate::host::net::Mac;
use crate::host::xt::{
    ClusterHash, Clusterip, Ct, CtDirection, CtEvents, CtZone, Masked, Synproxy, Target, Tee, Tproxy,
};
use crate::host::{IpFamily, Names};

use Takes::{Any, Nothing, One};

pub(in super::super) static TARGETS: [Extension<Target>; 6] = [
    Extension {
        name: "CT",
        family: None,
        options: &[
            ("--notrack", Nothing),
            ("--helper", Any),
            ("--timeout", Any),
            ("--ctevents", One),
            ("--expevents", One),
            ("--zone", One),
            ("--zone-orig", One),
            ("--zone-reply", One),
        ],
        read: ct,
    },
    Extension { name: "NOTRACK", family: None, options: &[], read: |_, _| Some(Target::Notrack { own_name: true }) },
    Extension {
        name: "TPROXY",
        family: None,
        options: &[("--on-port", One), ("--on-ip", One), ("--tproxy-mark", One)],
        read: tproxy,
    },
    Extension { name: "TEE", family: None, options: &[("--gateway", One), ("--oif", Any)], read: tee },
    Extension {
        name: "SYNPROXY",
        family: None,
        options: &[
            ("--sack-perm", Nothing),
            ("--timestamp", Nothing),
            ("--wscale", One),
            ("--mss", One),
            ("--ecn", Nothing),
        ],
        read: synproxy,
    },
    Extension {
        name: "CLUSTERIP",
        family: Some(IpFamily::V4),
        options: &[
            ("--new", Nothing),
            ("--hashmode", One),
            ("--clustermac", One),
            ("--total-nodes", One),
            ("--local-node", One),
            ("--hash-init", One),
        ],
        read: clusterip,
    },
];

/// Names of the events of flows, in the order in which they are printed.
const EVENTS: [(&str, CtEvents); 10] = [
    ("new", CtEvents::NEW),
    ("related", CtEvents::RELATED),
    ("destroy", CtEvents::DESTROY),
    ("reply", CtEvents::REPLY),
    ("assured", CtEvents::ASSURED),
    ("protoinfo", CtEvents::PROTOINFO),
    ("helper", CtEvents::HELPER),
    ("mark", CtEvents::MARK),
    ("natseqinfo", CtEvents::NATSEQINFO),
    ("secmark", CtEvents::SECMARK),
];

/// What options of a zone say so far: both directions are all of them, and a zone by mark stays one.
#[derive(Default)]
struct Zone {
    id: u16,
    by_mark: bool,
    original: bool,
    reply: bool,
}

impl Zone {
    fn take(&mut self, option: &Opt) -> Option<()> {
        match option.name {
            "--zone-orig" => raise(&mut self.original)?,
            "--zone-reply" => raise(&mut self.reply)?,
            _ => {}
        }
        let text = option.plain()?;
        let by_mark = text.eq_ignore_ascii_case("mark");
        self.id = if by_mark { 0 } else { values::number(text)? };
        self.by_mark |= by_mark;
        Some(())
    }

    fn made(&self) -> Option<CtZone> {
        let direction = match (self.original, self.reply) {
            (true, false) => Some(CtDirection::Original),
            (false, true) => Some(CtDirection::Reply),
            _ => None,
        };
        let id = (!self.by_mark).then_some(self.id);
        (id != Some(0)).then_some(CtZone { direction, id })
    }
}

fn ct(asked: &Asked, names: &mut Names) -> Option<Target> {
    let (mut ct, mut zone, mut events, mut expected) = (Ct::default(), Zone::default(), None, None);
    for option in asked.options() {
        match option.name {
            "--notrack" => {
                option.flag()?;
                raise(&mut ct.notrack)?;
            }
            "--helper" => set(&mut ct.helper, names.intern(option.plain()?))?,
            "--timeout" => set(&mut ct.timeout, names.intern(option.plain()?))?,
            "--ctevents" => {
                let event = |name: &str| EVENTS.iter().find(|(known, _)| *known == name).map(|(_, event)| *event);
                set(&mut events, values::flags(option.plain()?, event)?)?;
            }
            "--expevents" => set(&mut expected, (option.plain()? == "new").then_some(())?)?,
            _ => zone.take(&option)?,
        }
    }
    ct.events = events.unwrap_or_default();
    ct.expectation_events = expected.is_some();
    ct.zone = zone.made();
    for name in [&mut ct.helper, &mut ct.timeout] {
        *name = name.take().filter(|name| !name.is_empty());
    }
    Some(match ct == (Ct { notrack: true, ..Ct::default() }) {
        true => Target::Notrack { own_name: false },
        false => Target::Ct(Box::new(ct)),
    })
}

pub(in super::super) fn push_ct(out: &mut String, ct: &Ct) {
    out.push_str(" -j CT");
    if ct.notrack {
        out.push_str(" --notrack");
    }
    for (option, name) in [(" --helper", &ct.helper), (" --timeout", &ct.timeout)] {
        if let Some(name) = name {
            out.push_str(option);
            push_value(out, name);
        }
    }
    if !ct.events.is_empty() {
        out.push_str(" --ctevents ");
        values::push_flags(out, ct.events, &EVENTS);
    }
    if ct.expectation_events {
        out.push_str(" --expevents new");
    }
    if let Some(CtZone { direction, id }) = ct.zone {
        out.push_str(match direction {
            None => " --zone",
            Some(CtDirection::Original) => " --zone-orig",
            Some(CtDirection::Reply) => " --zone-reply",
        });
        match id {
            None => out.push_str(" mark"),
            Some(id) => push(out, format_args!(" {id}")),
        }
    }
}

fn tproxy(asked: &Asked, _: &mut Names) -> Option<Target> {
    let (mut port, mut address, mut mark) = (None, None, None);
    for option in asked.options() {
        let text = option.plain()?;
        match option.name {
            "--on-port" => {
                let ports = values::ports(text, '-').filter(|ports| ports.first == ports.last)?;
                set(&mut port, ports.first)?;
            }
            "--on-ip" => set(&mut address, values::address(text, asked.family)?)?,
            _ => set(&mut mark, values::masked(text)?)?,
        }
    }
    let any: IpAddr = match asked.family {
        IpFamily::V4 => Ipv4Addr::UNSPECIFIED.into(),
        IpFamily::V6 => Ipv6Addr::UNSPECIFIED.into(),
    };
    let mark: Masked = mark.unwrap_or_default();
    Some(Target::Tproxy(Box::new(Tproxy { port: port?, address: address.unwrap_or(any), mark })))
}

pub(in super::super) fn push_tproxy(out: &mut String, proxy: &Tproxy) {
    push(out, format_args!(" -j TPROXY --on-port {} --on-ip ", proxy.port));
    values::push_address(out, proxy.address);
    push(out, format_args!(" --tproxy-mark 0x{:x}/0x{:x}", proxy.mark.value, proxy.mark.mask));
}

fn tee(asked: &Asked, names: &mut Names) -> Option<Target> {
    let (mut gateway, mut device) = (None, None);
    for option in asked.options() {
        let text = option.plain()?;
        match option.name {
            "--gateway" => set(&mut gateway, values::address(text, asked.family)?)?,
            _ => set(&mut device, names.intern(text))?,
        }
    }
    let device = device.filter(|device| !device.is_empty());
    Some(Target::Tee(Box::new(Tee { gateway: gateway?, device })))
}

pub(in super::super) fn push_tee(out: &mut String, tee: &Tee) {
    out.push_str(" -j TEE --gateway ");
    values::push_address(out, tee.gateway);
    if let Some(device) = &tee.device {
        out.push_str(" --oif");
        push_value(out, device);
    }
}

fn synproxy(asked: &Asked, _: &mut Names) -> Option<Target> {
    let mut proxy = Synproxy::default();
    for option in asked.options() {
        let flag = match option.name {
            // The tool keeps the low bits of greater numbers.
            "--wscale" => {
                set(&mut proxy.window_scale, option.number::<u32>()? as u8)?;
                continue;
            }
            "--mss" => {
                set(&mut proxy.mss, option.number::<u32>()? as u16)?;
                continue;
            }
            "--sack-perm" => &mut proxy.sack_permitted,
            "--timestamp" => &mut proxy.timestamp,
            _ => &mut proxy.ecn,
        };
        option.flag()?;
        raise(flag)?;
    }
    Some(Target::Synproxy(proxy))
}

pub(in super::super) fn push_synproxy(out: &mut String, proxy: &Synproxy) {
    out.push_str(" -j SYNPROXY");
    for (option, there) in [(" --sack-perm", proxy.sack_permitted), (" --timestamp", proxy.timestamp)] {
        out.push_str(if there { option } else { "" });
    }
    if let Some(scale) = proxy.window_scale {
        push(out, format_args!(" --wscale {scale}"));
    }
    if let Some(mss) = proxy.mss {
        push(out, format_args!(" --mss {mss}"));
    }
    out.push_str(if proxy.ecn { " --ecn" } else { "" });
}

const HASHES: [(&str, ClusterHash); 3] = [
    ("sourceip", ClusterHash::Source),
    ("sourceip-sourceport", ClusterHash::SourcePort),
    ("sourceip-sourceport-destport", ClusterHash::BothPorts),
];

fn clusterip(asked: &Asked, _: &mut Names) -> Option<Target> {
    let (mut new, mut hash, mut mac, mut nodes, mut local, mut seed) = (false, None, None, None, None, None);
    for option in asked.options() {
        match option.name {
            "--new" => {
                option.flag()?;
                raise(&mut new)?;
            }
            "--hashmode" => {
                let known = HASHES.iter().find(|(name, _)| Some(*name) == option.plain());
                set(&mut hash, known?.1)?;
            }
            // A cluster's address is a multicast one.
            "--clustermac" => {
                set(&mut mac, values::mac(option.plain()?).filter(|Mac(bytes)| bytes[0] & 1 != 0)?)?;
            }
            "--total-nodes" => set(&mut nodes, option.number().filter(|nodes| *nodes <= 16)?)?,
            "--local-node" => set(&mut local, option.number().filter(|node| *node <= 16)?)?,
            _ => set(&mut seed, option.number()?)?,
        }
    }
    match (new, hash, mac, nodes, local) {
        (false, None, None, None, None) if seed.is_none() => Some(Target::Clusterip(None)),
        (true, Some(hash), Some(mac), Some(nodes), Some(local)) => {
            let cluster = Clusterip { hash, mac, nodes, local, seed: seed.unwrap_or(0) };
            Some(Target::Clusterip(Some(Box::new(cluster))))
        }
        _ => None,
    }
}

pub(in super::super) fn push_clusterip(out: &mut String, cluster: Option<&Clusterip>) {
    out.push_str(" -j CLUSTERIP");
    let Some(Clusterip { hash, mac, nodes, local, seed }) = cluster else { return };
    out.push_str(" --new --hashmode ");
    out.push_str(HASHES.iter().find(|(_, known)| known == hash).map_or("", |(name, _)| name));
    let mac = mac.to_string().to_uppercase();
    push(out, format_args!(" --clustermac {mac} --total-nodes {nodes} --local-node {local} --hash-init {seed}"));
}
