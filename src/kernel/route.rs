//! Devices, addresses, routes, policy rules, neighbours and namespace ids, by rtnetlink(7).
//!
//! Knows which dumps to ask for and what to leave out, as ip(8) and bridge(8) do. The parts decode one message each.
//! Deliberately does not look routes up. Nothing here asks for what would load a module or give out an id: all messages are
//! `RTM_GET…`.
//!
//! Attributes are taken one by one: what an attribute holds is read by netlink-packet-route, but one that it does not
//! understand costs that attribute alone, not the whole message. Names are bytes to the kernel, so they are taken as such.

mod address;
mod fib;
mod link;
mod neighbour;
mod nexthop;
mod rule;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::os::fd::AsRawFd;
use std::sync::Arc;

use netlink_packet_core::{Emitable, NlaBuffer, NlasIterator, Parseable};
use netlink_packet_route::AddressFamily;
use netlink_packet_route::address::AddressMessage;
use netlink_packet_route::link::{LinkAttribute, LinkExtentMask, LinkMessage};
use netlink_packet_route::neighbour::NeighbourMessage;
use netlink_packet_route::nsid::{NsidAttribute, NsidMessage};
use netlink_packet_route::route::RouteMessage;
use netlink_packet_route::rule::RuleMessage;

use super::namespaces::Found;
use super::netlink::{Answers, Channel, Dumped, Failure, Message};
use super::whole::until_whole;
use crate::host::route::{TABLE_LOCAL, TABLE_MAIN};
use crate::host::{Address, FdbEntry, IpFamily, Link, Neighbour, NextHop, PolicyAction, PolicyRule, Route};

pub(super) use rule::Unmodelled;

/// Opens a channel to rtnetlink in the namespace of this thread.
pub(super) fn open(answers: &Answers) -> Result<Channel, Failure> {
    answers.open(libc::NETLINK_ROUTE as isize)
}

/// The devices, in the order of their index.
pub(super) fn links(channel: &mut Channel) -> Result<Vec<Link>, Failure> {
    let mut request = LinkMessage::default();
    // The counters of a device are longer than all the rest.
    request.attributes = vec![LinkAttribute::ExtMask(vec![LinkExtentMask::SkipStats])];
    let mut links = dump(channel, libc::RTM_GETLINK, &request, link::decode)?;
    links.sort_by_key(|link| link.index);
    Ok(links)
}

/// The addresses of both families, IPv4 first, each as the kernel lists them.
pub(super) fn addresses(channel: &mut Channel) -> Result<Vec<Address>, Failure> {
    let mut addresses = dump(channel, libc::RTM_GETADDR, &AddressMessage::default(), address::decode)?;
    addresses.sort_by_key(Address::family);
    Ok(addresses)
}

/// The routes of all tables and both families, IPv4 first.
pub(super) fn routes(channel: &mut Channel) -> Result<Vec<Route>, Failure> {
    let mut read = Vec::new();
    for family in FAMILIES {
        let mut request = RouteMessage::default();
        request.header.address_family = af(family);
        let decode = |body: &[u8]| fib::decode(body).filter(|read| read.route.family() == family);
        read.extend(optional(dump(channel, libc::RTM_GETROUTE, &request, decode))?.unwrap_or_default());
    }
    if read.iter().any(|read| read.hop_ids_only) {
        // With nexthop_compat_mode off, the kernel says the id of a route's next hops only.
        let known = nexthops(channel)?;
        for read in read.iter_mut().filter(|read| read.hop_ids_only) {
            read.resolve(&known);
        }
    }
    Ok(read.into_iter().map(|read| read.route).collect())
}

/// The next hops that stand by themselves (`ip nexthop`), by id; a group is what its members are.
fn nexthops(channel: &mut Channel) -> Result<HashMap<u32, Vec<NextHop>>, Failure> {
    let found = channel_dump(channel, RTM_GETNEXTHOP, &nexthop::request(), nexthop::decode)?;
    Ok(nexthop::resolve(found))
}

/// The policy rules of both families, by priority, and whether some of them ask for more than the model holds.
pub(super) fn policy_rules(channel: &mut Channel, has_ip6: bool) -> Result<(Vec<PolicyRule>, Unmodelled), Failure> {
    let mut rules = Vec::new();
    let mut unmodelled = Unmodelled::default();
    for family in FAMILIES {
        let mut request = RuleMessage::default();
        request.header.family = af(family);
        let decode = |body: &[u8]| rule::decode(body).filter(|(rule, _)| rule.family == family);
        match optional(dump(channel, libc::RTM_GETRULE, &request, decode))? {
            Some(read) => {
                for (rule, more) in read {
                    unmodelled.extend(more);
                    rules.push(rule);
                }
            }
            None if family == IpFamily::V6 && !has_ip6 => {}
            // A kernel without CONFIG_IP_MULTIPLE_TABLES has no rules, but asks these two tables all the same.
            None => rules.extend([(0, TABLE_LOCAL), (32766, TABLE_MAIN)].map(|(at, table)| implied(family, at, table))),
        }
    }
    rules.sort_by_key(|rule| (rule.family, rule.priority));
    Ok((rules, unmodelled))
}

fn implied(family: IpFamily, priority: u32, table: u32) -> PolicyRule {
    PolicyRule { priority, action: PolicyAction::Lookup(table), ..rule::empty(family) }
}

/// The neighbours that ip-neighbour(8) lists: not those that need no resolution, nor proxies.
pub(super) fn neighbours(channel: &mut Channel) -> Result<Vec<Neighbour>, Failure> {
    dump(channel, libc::RTM_GETNEIGH, &NeighbourMessage::default(), neighbour::decode)
}

/// What bridges, and the devices themselves, have in their forwarding databases.
pub(super) fn fdb(channel: &mut Channel) -> Result<Vec<FdbEntry>, Failure> {
    let mut request = NeighbourMessage::default();
    request.header.family = AddressFamily::Bridge;
    Ok(optional(dump(channel, libc::RTM_GETNEIGH, &request, neighbour::decode_fdb))?.unwrap_or_default())
}

/// The ids by which this namespace knows the ones that were found, in their order. Ids are looked up, never given out
/// (`rtnl_net_getid` in net/core/net_namespace.c).
pub(super) fn ids(channel: &mut Channel, found: &[Found]) -> Vec<(i32, String)> {
    let mut ids: Vec<(i32, String)> = found
        .iter()
        .filter_map(|namespace| {
            let file = std::fs::File::open(&namespace.path).ok()?;
            let mut request = NsidMessage::default();
            request.attributes = vec![NsidAttribute::Fd(u32::try_from(file.as_raw_fd()).ok()?)];
            let id = channel.get(libc::RTM_GETNSID, &bytes(&request), |message| nsid(message.body)).ok()??;
            Some((id, namespace.name.clone()))
        })
        .collect();
    ids.sort();
    ids.dedup_by_key(|(id, _)| *id);
    ids
}

/// The id in the answer; −1 says that there is none.
fn nsid(body: &[u8]) -> Option<i32> {
    let message = NsidMessage::parse(body).ok()?;
    message.attributes.iter().find_map(|attribute| match attribute {
        NsidAttribute::Id(id) => (*id >= 0).then_some(*id),
        _ => None,
    })
}

/// Of linux/rtnetlink.h.
const RTM_GETNEXTHOP: u16 = 106;

const FAMILIES: [IpFamily; 2] = [IpFamily::V4, IpFamily::V6];

fn af(family: IpFamily) -> AddressFamily {
    match family {
        IpFamily::V4 => AddressFamily::Inet,
        IpFamily::V6 => AddressFamily::Inet6,
    }
}

fn bytes(message: &impl Emitable) -> Vec<u8> {
    let mut bytes = vec![0; message.buffer_len()];
    message.emit(&mut bytes);
    bytes
}

fn dump<T>(
    channel: &mut Channel,
    kind: u16,
    request: &impl Emitable,
    decode: impl FnMut(&[u8]) -> Option<T>,
) -> Result<Vec<T>, Failure> {
    channel_dump(channel, kind, &bytes(request), decode)
}

/// Everything that `decode` takes of a dump. The channel knows afterwards whether it changed whenever it was made.
fn channel_dump<T>(
    channel: &mut Channel,
    kind: u16,
    request: &[u8],
    mut decode: impl FnMut(&[u8]) -> Option<T>,
) -> Result<Vec<T>, Failure> {
    // The answer to RTM_GETx is RTM_NEWx, which stands two before it.
    let wanted = |message: &Message<'_>| message.kind == kind - 2;
    let progress = Arc::clone(channel.progress());
    let (found, dumped) = until_whole(&progress, || {
        let mut found = Vec::new();
        let dumped = channel.dump(kind, request, |message| {
            found.extend(Some(message).filter(wanted).and_then(|message| decode(message.body)));
        })?;
        Ok((found, dumped))
    })?;
    if dumped == Dumped::Interrupted {
        channel.tear();
    }
    Ok(found)
}

/// `None` where the kernel has no such thing.
fn optional<T>(result: Result<T, Failure>) -> Result<Option<T>, Failure> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(Failure::Missing) => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// The attributes in `body` whose type is one of `kinds`. Ends at the first that is cut off.
fn attributes<'a>(body: &'a [u8], kinds: &'a [u16]) -> impl Iterator<Item = NlaBuffer<&'a [u8]>> + 'a {
    NlasIterator::new(body).flatten().filter(move |attribute| kinds.contains(&attribute.kind()))
}
