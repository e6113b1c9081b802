//! The packet that `trace` follows: its options, on top of the defaults that `explain` gives to where it comes from.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::arguments::{Direction, PacketArguments};
use super::refusal::Refusal;
use super::target;
use crate::explain::{self, From, Target, fields, words};
use crate::host::{Host, IpFamily, Link, LinkKind, Namespace, Protocol, What};
use crate::walk::{Field, Query, Turn, ValueSet};

/// What `trace` follows.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The port, with its destination where `--dst` gives it.
    pub target: Target,
    /// Where the packet comes from.
    pub from: From,
    /// The packets: one, or one for each device that it may come in by.
    pub queries: Vec<Query>,
}

/// The packets that a target and the options of `trace` describe. They come `now`, in seconds since 1970, where that is
/// known and no other time is given.
pub fn ask(
    host: &Host,
    namespace: usize,
    target: Target,
    options: &PacketArguments,
    now: Option<u64>,
) -> Result<Asked, Refusal> {
    let mut target = target;
    let family = settle(&mut target, options)?;
    let ns = &host.namespaces[namespace];
    let from = origin(ns, &target, family, &options.origin)?;
    if options.direction == Direction::Reply && options.ct.as_deref().is_some_and(|state| state != "established") {
        return Err(Refusal::usage("--direction reply is that of an established connection; leave out --ct"));
    }
    let fields = overrides(&target, family, &from, options)?;
    let vrf = options.vrf.as_deref().map(|name| vrf(ns, &from, name)).transpose()?;
    let mut queries = explain::queries(host, namespace, &target, &from, family);
    if queries.is_empty() {
        return Err(Refusal::unanswered(no_way_in(&from, family)));
    }
    for query in &mut queries {
        if let Some(now) = now {
            query.set(Field::Time, ValueSet::one(now.into()));
        }
        if options.direction == Direction::Reply {
            query.turn = Turn::Reply;
        }
        query.vrf.clone_from(&vrf);
        for (field, values) in &fields {
            query.set(*field, values.clone());
        }
    }
    Ok(Asked { target, from, queries })
}

/// Fills in the destination that `--dst` gives, and tells the family.
fn settle(target: &mut Target, options: &PacketArguments) -> Result<IpFamily, Refusal> {
    if let Some(text) = &options.dst {
        if target.addr.is_some() {
            return Err(Refusal::usage("TARGET has an address already; leave out --dst"));
        }
        target.addr = Some(text.parse().map_err(|_| Refusal::usage(format!("--dst: “{text}” is no address")))?);
    }
    let asked = match (options.ipv4, options.ipv6) {
        (true, _) => Some(IpFamily::V4),
        (_, true) => Some(IpFamily::V6),
        _ => None,
    };
    match (target::family(target), asked) {
        (Some(own), Some(asked)) if own != asked => {
            let (flag, name) = if asked == IpFamily::V4 { ("-4", "IPv6") } else { ("-6", "IPv4") };
            Err(Refusal::usage(format!("{flag} does not fit: TARGET is {name}")))
        }
        (own, asked) => Ok(own.or(asked).unwrap_or(IpFamily::V4)),
    }
}

fn origin(ns: &Namespace, target: &Target, family: IpFamily, text: &str) -> Result<From, Refusal> {
    match text {
        "outside" => Ok(From::Somewhere),
        "local" => Ok(From::Local(target.addr.unwrap_or(match family {
            IpFamily::V4 => IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpFamily::V6 => IpAddr::V6(Ipv6Addr::LOCALHOST),
        }))),
        device => match ns.link(device) {
            Some(link) if link.kind == LinkKind::Bridge => Ok(From::Bridge(device.to_owned())),
            Some(_) => Ok(From::Outside(device.to_owned())),
            None if !ns.is_read(What::Links) => Ok(From::Outside(device.to_owned())),
            None => {
                let known: Vec<_> = ns.links.iter().map(|link| link.name.as_str()).collect();
                let known = known.join(", ");
                Err(Refusal::usage(format!(
                    "--origin: no device is called “{device}”; write outside, local or one of: {known}"
                )))
            }
        },
    }
}

/// The VRF that the sender is bound to.
fn vrf(ns: &Namespace, from: &From, name: &str) -> Result<String, Refusal> {
    if !matches!(from, From::Local(_)) {
        return Err(Refusal::usage("--vrf: only a packet made here has a sender that is bound; add --origin local"));
    }
    let is_vrf = |link: &&Link| matches!(link.kind, LinkKind::Vrf(_));
    if ns.link(name).as_ref().is_some_and(is_vrf) {
        return Ok(name.to_owned());
    }
    let known: Vec<_> = ns.links.iter().filter(is_vrf).map(|link| link.name.as_str()).collect();
    Err(Refusal::usage(match known.is_empty() {
        true => format!("--vrf: no VRF is called “{name}”; there is none here"),
        false => format!("--vrf: no VRF is called “{name}”; there are {}", known.join(", ")),
    }))
}

fn overrides(
    target: &Target,
    family: IpFamily,
    from: &From,
    options: &PacketArguments,
) -> Result<Vec<(Field, ValueSet)>, Refusal> {
    let single = [
        ("--src", Field::Src, &options.src),
        ("--sport", Field::Sport, &options.sport),
        ("--mark", Field::Mark, &options.mark),
        ("--uid", Field::Uid, &options.uid),
        ("--gid", Field::Gid, &options.gid),
        ("--tcp-flags", Field::TcpFlags, &options.tcp_flags),
        ("--ct", Field::CtState, &options.ct),
    ];
    let mut given: Vec<(&str, Field, &str)> =
        single.iter().filter_map(|(option, field, text)| text.as_deref().map(|text| (*option, *field, text))).collect();
    for with in &options.with {
        let (name, value) =
            with.split_once('=').ok_or_else(|| Refusal::usage(format!("--with: “{with}” is not FIELD=VALUE")))?;
        let field = Field::from_name(name).ok_or_else(|| {
            let names: Vec<_> = Field::ALL.iter().map(|field| field.name()).collect();
            Refusal::usage(format!("--with: “{name}” is no field; there are {}", names.join(", ")))
        })?;
        given.push(("--with", field, value));
    }
    let mut fields = Vec::with_capacity(given.len());
    for (option, field, text) in given {
        if let Some(reason) = misfit(field, target.protocol, from) {
            return Err(Refusal::usage(format!("{option}: {reason}")));
        }
        let values = fields::parse(field, family, text)
            .map_err(|reason| Refusal::usage(format!("{option}: “{text}” {reason}")))?;
        fields.push((field, values));
    }
    Ok(fields)
}

/// Why a packet of this protocol from there has no such field.
fn misfit(field: Field, protocol: Protocol, from: &From) -> Option<String> {
    let icmp = matches!(protocol, Protocol::ICMP | Protocol::ICMPV6);
    match field {
        Field::Uid | Field::Gid if !matches!(from, From::Local(_)) => {
            Some(format!("only a packet made here has a {}; add --origin local", field.name()))
        }
        Field::TcpFlags if protocol != Protocol::TCP => Some(format!("{protocol} has no TCP flags")),
        Field::Sport | Field::Dport if !protocol.has_ports() => Some(format!("{protocol} has no ports")),
        Field::IcmpType | Field::IcmpCode if !icmp => Some(format!("{protocol} has no ICMP type")),
        Field::Dst | Field::Dport => Some("the destination is TARGET's".to_owned()),
        _ => None,
    }
}

fn no_way_in(from: &From, family: IpFamily) -> String {
    let version = words::version(family);
    match from {
        From::Somewhere => format!(
            "no device here has an {version} address that another host could ask; name one with --origin DEV, or --dst"
        ),
        From::Outside(device) | From::Bridge(device) => {
            format!("{device} has no {version} address to ask; name the destination with --dst")
        }
        From::Local(addr) => format!("nothing here can send to {addr}; name the destination with --dst"),
    }
}
