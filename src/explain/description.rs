//! A packet as somebody describes it, in the words of the options of `trace`: one table for them and for the explorer's
//! packet form.
//!
//! What nobody said is left to where the packet comes from, with its defaults. It walks nothing.

mod rows;

pub use rows::{ROWS, Row, candidates};

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::finding::{From, Target};
use super::{fields, sockets, words};
use crate::host::{Host, IpFamily, Link, LinkKind, Namespace, Protocol, What};
use crate::walk::{Field, Query, Turn, ValueSet};

/// Something that can be said of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Part {
    /// Where it comes from: `outside`, `local`, or a device.
    Origin,
    /// Its destination.
    Dst,
    /// Its family, where no address tells it.
    Family,
    /// The VRF that its sender is bound to.
    Vrf,
    /// Whether it is of the asking direction, or its answer.
    Direction,
    /// A field that rules ask for.
    Field(Field),
}

/// What is said of a packet, as people write it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Description {
    said: Vec<(Part, String)>,
}

/// What is wrong with something that was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    /// With what.
    pub part: Part,
    /// Why, in a sentence.
    pub says: String,
}

/// A description that was understood.
#[derive(Debug, Clone, PartialEq)]
pub struct Described {
    /// The port, with its destination where that is said.
    pub target: Target,
    /// Where the packet comes from.
    pub from: From,
    /// Its family.
    pub family: IpFamily,
    vrf: Option<String>,
    turn: Turn,
    fields: Vec<(Field, ValueSet)>,
}

impl Description {
    /// Says something, in place of what was said before of the same.
    pub fn say(&mut self, part: Part, text: &str) {
        self.said.retain(|(known, _)| *known != part);
        self.said.push((part, text.to_owned()));
    }

    /// The same with nothing said of a part.
    pub fn without(&self, part: Part) -> Description {
        Description { said: self.said.iter().filter(|(known, _)| *known != part).cloned().collect() }
    }

    /// What of it can be said of packets of a protocol.
    pub fn of_protocol(&self, protocol: Protocol) -> Description {
        let is_of = |part: Part| ROWS.iter().all(|row| row.part != part || row.is_of(protocol));
        Description { said: self.said.iter().filter(|(part, _)| is_of(*part)).cloned().collect() }
    }

    /// What is said of a part.
    pub fn of(&self, part: Part) -> Option<&str> {
        self.said.iter().find(|(known, _)| *known == part).map(|(_, text)| text.as_str())
    }

    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        self.said.is_empty()
    }

    /// What it means for packets to a port of a namespace; or all that is wrong with it. `from` and `family`: where they
    /// come from and what they are, where nothing is said of that.
    pub fn read(&self, ns: &Namespace, target: &Target, from: &From, family: IpFamily) -> Result<Described, Vec<Flaw>> {
        let mut flaws = Vec::new();
        let mut target = target.clone();
        if let Some(addr) = note(&mut flaws, Part::Dst, self.destination()).flatten() {
            // Who is asked there is for the address to tell.
            (target.addr, target.socket) = (Some(addr), None);
        }
        let family = note(&mut flaws, Part::Family, self.family(&target, family)).unwrap_or(family);
        let hears = |socket: &usize| ns.sockets.get(*socket).is_none_or(|socket| sockets::hears(socket, family));
        target.socket = target.socket.filter(hears);
        let from = match self.of(Part::Origin) {
            Some(text) => note(&mut flaws, Part::Origin, origin(ns, &target, family, text)),
            None => Some(from.clone()),
        };
        let turn = note(&mut flaws, Part::Direction, self.turn()).unwrap_or_default();
        let Some(from) = from else { return Err(flaws) };
        let mut read = Vec::new();
        for (part, text) in &self.said {
            let Part::Field(field) = *part else { continue };
            let values = match misfit(field, target.protocol, &from) {
                Some(reason) => Err(reason),
                None => fields::parse(field, family, text).map_err(|reason| format!("“{text}” {reason}")),
            };
            read.extend(note(&mut flaws, *part, values).map(|values| (field, values)));
        }
        let vrf = self.of(Part::Vrf).map(|name| vrf(ns, &from, name)).transpose();
        let vrf = note(&mut flaws, Part::Vrf, vrf).flatten();
        match flaws.is_empty() {
            true => Ok(Described { target, from, family, vrf, turn, fields: read }),
            false => Err(flaws),
        }
    }

    fn destination(&self) -> Result<Option<IpAddr>, String> {
        let text = self.of(Part::Dst);
        text.map(|text| text.parse().map_err(|_| format!("“{text}” is no address"))).transpose()
    }

    fn family(&self, target: &Target, family: IpFamily) -> Result<IpFamily, String> {
        let asked = match self.of(Part::Family) {
            None => None,
            Some(text) => Some(rows::family(text).ok_or_else(|| format!("“{text}” is neither 4 nor 6"))?),
        };
        match (target.family(), asked) {
            (Some(own), Some(asked)) if own != asked => {
                let (flag, name) = if asked == IpFamily::V4 { ("-4", "IPv6") } else { ("-6", "IPv4") };
                Err(format!("{flag} does not fit: TARGET is {name}"))
            }
            (own, asked) => Ok(own.or(asked).unwrap_or(family)),
        }
    }

    fn turn(&self) -> Result<Turn, String> {
        match self.of(Part::Direction) {
            None | Some("original") => Ok(Turn::default()),
            Some("reply") if self.of(Part::Field(Field::CtState)).is_some_and(|state| state != "established") => {
                Err("--direction reply is that of an established connection; leave out --ct".to_owned())
            }
            Some("reply") => Ok(Turn::Reply),
            Some(text) => Err(format!("“{text}” is neither original nor reply")),
        }
    }
}

/// What was understood; what was not is a flaw.
fn note<T>(flaws: &mut Vec<Flaw>, part: Part, read: Result<T, String>) -> Option<T> {
    read.map_err(|says| flaws.push(Flaw { part, says })).ok()
}

fn origin(ns: &Namespace, target: &Target, family: IpFamily, text: &str) -> Result<From, String> {
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
                Err(format!("no device is called “{device}”; write outside, local or one of: {known}"))
            }
        },
    }
}

/// The VRF that the sender is bound to.
fn vrf(ns: &Namespace, from: &From, name: &str) -> Result<String, String> {
    if !matches!(from, From::Local(_)) {
        return Err("only a packet made here has a sender that is bound: origin local".to_owned());
    }
    let is_vrf = |link: &&Link| matches!(link.kind, LinkKind::Vrf(_));
    if ns.link(name).as_ref().is_some_and(is_vrf) {
        return Ok(name.to_owned());
    }
    let known: Vec<_> = ns.links.iter().filter(is_vrf).map(|link| link.name.as_str()).collect();
    Err(match known.is_empty() {
        true => format!("no VRF is called “{name}”; there is none here"),
        false => format!("no VRF is called “{name}”; there are {}", known.join(", ")),
    })
}

/// Why a packet of this protocol from there has no such field.
fn misfit(field: Field, protocol: Protocol, from: &From) -> Option<String> {
    let icmp = matches!(protocol, Protocol::ICMP | Protocol::ICMPV6);
    match field {
        Field::Uid | Field::Gid if !matches!(from, From::Local(_)) => {
            Some(format!("only a packet made here has a {}: origin local", field.name()))
        }
        Field::TcpFlags if protocol != Protocol::TCP => Some(format!("{protocol} has no TCP flags")),
        Field::Sport | Field::Dport if !protocol.has_ports() => Some(format!("{protocol} has no ports")),
        Field::IcmpType | Field::IcmpCode if !icmp => Some(format!("{protocol} has no ICMP type")),
        Field::Dst | Field::Dport => Some("the destination is TARGET's".to_owned()),
        _ => None,
    }
}

impl Described {
    /// The packets: one, or one for each device that it may come in by; or why there are none.
    pub fn queries(&self, host: &Host, namespace: usize) -> Result<Vec<Query>, String> {
        let mut queries = super::queries(host, namespace, &self.target, &self.from, self.family);
        for query in &mut queries {
            query.turn = self.turn;
            query.vrf.clone_from(&self.vrf);
            for (field, values) in &self.fields {
                query.set(*field, values.clone());
            }
        }
        if queries.is_empty() { Err(self.no_way_in()) } else { Ok(queries) }
    }

    fn no_way_in(&self) -> String {
        let version = words::version(self.family);
        match &self.from {
            From::Somewhere => format!(
                "no device here has an {version} address that another host could ask; name one with --origin DEV, or --dst"
            ),
            From::Outside(device) | From::Bridge(device) => {
                format!("{device} has no {version} address to ask; name the destination with --dst")
            }
            From::Local(addr) => format!("nothing here can send to {addr}; name the destination with --dst"),
        }
    }
}
