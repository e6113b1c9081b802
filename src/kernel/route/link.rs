//! One device: `struct ifinfomsg` and its attributes (rtnetlink(7), linux/if_link.h).

use netlink_packet_route::link::{LinkFlags, LinkHeader, LinkLayerType};

use super::super::netlink::{Attributes, text};
use crate::host::{
    BridgePort, BridgeSettings, Ipvlan, IpvlanMode, IpvlanReach, Link, LinkKind, Mac, MacvlanMode, Peer,
};

const HEADER: usize = 16;

// Of linux/if_link.h: the attributes of a macvlan, of an ipvlan, of a VRF, of a bridge and of its ports.
const IFLA_MACVLAN_MODE: u16 = 1;
const IFLA_IPVLAN_MODE: u16 = 1;
const IFLA_IPVLAN_FLAGS: u16 = 2;
const IFLA_VRF_TABLE: u16 = 1;
const IFLA_BR_VLAN_FILTERING: u16 = 7;
const IFLA_BR_NF_CALL_IPTABLES: u16 = 36;
const IFLA_BR_NF_CALL_IP6TABLES: u16 = 37;
const IFLA_BR_NF_CALL_ARPTABLES: u16 = 38;
const IFLA_BRPORT_STATE: u16 = 1;
const IFLA_BRPORT_MODE: u16 = 4;
/// `BR_STATE_FORWARDING` of linux/if_bridge.h.
const BR_STATE_FORWARDING: u8 = 3;

pub(super) fn decode(body: &[u8]) -> Option<Link> {
    let header = LinkHeader::parse(body).ok().filter(|header| header.index > 0)?;
    let attributes = Attributes(body.get(HEADER..)?);
    let number = |kind| attributes.get(kind).and_then(|value| Some(u32::from_ne_bytes(value.try_into().ok()?)));
    let info = Attributes(attributes.get(libc::IFLA_LINKINFO).unwrap_or_default());
    let kind = match info.get(libc::IFLA_INFO_KIND).map(text).as_deref() {
        Some("veth") => LinkKind::Veth,
        Some("bridge") => LinkKind::Bridge,
        Some("macvlan") => macvlan(&Attributes(info.get(libc::IFLA_INFO_DATA).unwrap_or_default())),
        Some("ipvlan") => ipvlan(&Attributes(info.get(libc::IFLA_INFO_DATA).unwrap_or_default())),
        Some("vrf") => vrf(&Attributes(info.get(libc::IFLA_INFO_DATA).unwrap_or_default())),
        Some(other) => LinkKind::Other(other.to_owned()),
        None if header.link_layer_type == LinkLayerType::Loopback || header.flags.contains(LinkFlags::Loopback) => {
            LinkKind::Loopback
        }
        None => LinkKind::Plain,
    };
    let data = |kind| Attributes(info.get(kind).unwrap_or_default());
    let bridge = (kind == LinkKind::Bridge).then(|| settings(&data(libc::IFLA_INFO_DATA)));
    let of_bridge = info.get(libc::IFLA_INFO_SLAVE_KIND).is_some_and(|kind| text(kind) == "bridge");
    let port = of_bridge.then(|| port(&data(libc::IFLA_INFO_SLAVE_DATA)));
    Some(Link {
        index: header.index,
        name: attributes.get(libc::IFLA_IFNAME).map(text)?.into_owned(),
        kind,
        up: header.flags.contains(LinkFlags::Up),
        carrier: !header.flags.contains(LinkFlags::Up) || header.flags.contains(LinkFlags::Running),
        mac: attributes.get(libc::IFLA_ADDRESS).and_then(mac),
        mtu: number(libc::IFLA_MTU).unwrap_or(0),
        master: number(libc::IFLA_MASTER).filter(|index| *index > 0),
        peer: peer(
            header.index,
            number(libc::IFLA_LINK).unwrap_or(0),
            number(libc::IFLA_LINK_NETNSID).map(u32::cast_signed),
        ),
        bridge,
        port,
    })
}

/// Where it leads. Index 0 says nowhere; a device that leads to itself, here, is a tunnel without a lower device.
fn peer(own: u32, index: u32, namespace_id: Option<i32>) -> Option<Peer> {
    (index != 0 && (namespace_id.is_some() || index != own)).then_some(Peer { index, namespace_id })
}

/// A macvlan; one of a mode that is not known is like any other device.
fn macvlan(data: &Attributes<'_>) -> LinkKind {
    let mode = data.get(IFLA_MACVLAN_MODE).and_then(|value| Some(u32::from_ne_bytes(value.try_into().ok()?)));
    let known = MacvlanMode::ALL.into_iter().find(|(_, number, _)| Some(*number) == mode);
    known.map_or_else(|| LinkKind::Other("macvlan".into()), |(mode, ..)| LinkKind::Macvlan(mode))
}

/// An ipvlan; one of a mode that is not known is like any other device.
fn ipvlan(data: &Attributes<'_>) -> LinkKind {
    let number = |kind| data.get(kind).and_then(|value| Some(u16::from_ne_bytes(value.try_into().ok()?)));
    let mode = number(IFLA_IPVLAN_MODE);
    let flags = number(IFLA_IPVLAN_FLAGS).unwrap_or(0);
    let known = IpvlanMode::ALL.into_iter().find(|(_, number, _)| Some(*number) == mode);
    let reach = IpvlanReach::ALL.into_iter().find(|(_, bit, _)| flags & bit != 0);
    let reach = reach.map_or(IpvlanReach::Bridge, |(reach, ..)| reach);
    known.map_or_else(|| LinkKind::Other("ipvlan".into()), |(mode, ..)| LinkKind::Ipvlan(Ipvlan { mode, reach }))
}

/// A VRF; one whose table is not told is like any other device.
fn vrf(data: &Attributes<'_>) -> LinkKind {
    let table = data.get(IFLA_VRF_TABLE).and_then(|value| Some(u32::from_ne_bytes(value.try_into().ok()?)));
    table.map_or_else(|| LinkKind::Other("vrf".into()), LinkKind::Vrf)
}

fn settings(data: &Attributes<'_>) -> BridgeSettings {
    let set = |kind| byte(data, kind).is_some_and(|value| value != 0);
    BridgeSettings {
        call_iptables: set(IFLA_BR_NF_CALL_IPTABLES),
        call_ip6tables: set(IFLA_BR_NF_CALL_IP6TABLES),
        call_arptables: set(IFLA_BR_NF_CALL_ARPTABLES),
        filters_vlans: set(IFLA_BR_VLAN_FILTERING),
    }
}

fn port(data: &Attributes<'_>) -> BridgePort {
    BridgePort {
        hairpin: byte(data, IFLA_BRPORT_MODE).is_some_and(|value| value != 0),
        forwarding: byte(data, IFLA_BRPORT_STATE).is_none_or(|state| state == BR_STATE_FORWARDING),
    }
}

fn byte(data: &Attributes<'_>, kind: u16) -> Option<u8> {
    data.get(kind).and_then(|value| value.first().copied())
}

/// A link-layer address; those of other kinds of links are not six bytes long.
pub(super) fn mac(value: &[u8]) -> Option<Mac> {
    value.try_into().ok().map(Mac)
}
