//! Links, addresses, neighbours and forwarding databases of one namespace, as rtnetlink tells them.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;

/// IPv4 or IPv6: the family of a packet, an address, a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum IpFamily {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl IpFamily {
    /// The family of an address.
    pub fn of(address: IpAddr) -> IpFamily {
        match address {
            IpAddr::V4(_) => IpFamily::V4,
            IpAddr::V6(_) => IpFamily::V6,
        }
    }

    /// The length of an address, in bits: 32 or 128.
    pub fn bits(self) -> u8 {
        match self {
            IpFamily::V4 => 32,
            IpFamily::V6 => 128,
        }
    }
}

/// A link-layer (MAC-48) address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mac(pub [u8; 6]);

impl Mac {
    /// The address as a number: its first byte is the highest of the lower six.
    pub fn number(self) -> u128 {
        self.0.iter().fold(0, |number, byte| number << 8 | u128::from(*byte))
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

/// A network device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The interface index, from 1.
    pub index: u32,
    /// The interface name, at most 15 bytes.
    pub name: String,
    /// What kind of device it is.
    pub kind: LinkKind,
    /// `IFF_UP`.
    pub up: bool,
    /// `IFF_RUNNING`: what is sent gets to somebody, as far as the device can tell. Of one that is down nothing is said (`NO-CARRIER`
    /// of ip-link(8)), and it holds where nothing tells otherwise.
    pub carrier: bool,
    /// The link-layer address, where it has one.
    pub mac: Option<Mac>,
    /// Maximum transmission unit in bytes.
    pub mtu: u32,
    /// The interface index of the bridge, bond or VRF it is a port of.
    pub master: Option<u32>,
    /// The other end of a veth, or the lower device of a macvlan, an ipvlan or a VLAN.
    pub peer: Option<Peer>,
    /// Bridge settings, for a bridge.
    pub bridge: Option<BridgeSettings>,
    /// Port settings, for a port of a bridge.
    pub port: Option<BridgePort>,
}

impl Link {
    /// Whether this is the loopback device.
    pub fn is_loopback(&self) -> bool {
        self.kind == LinkKind::Loopback
    }
}

/// The kind of a network device (`IFLA_INFO_KIND`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkKind {
    /// `lo`.
    Loopback,
    /// A device without a kind: hardware, mostly.
    Plain,
    /// One end of a veth pair.
    Veth,
    /// A bridge.
    Bridge,
    /// A device with an address of its own on top of another.
    Macvlan(MacvlanMode),
    /// A device with addresses of its own, and the link-layer address of the device that it stands on.
    Ipvlan(Ipvlan),
    /// A VRF, with the number of the routing table that its ports use.
    Vrf(u32),
    /// Any other kind, by its name (`vlan`, `wireguard`, …).
    Other(String),
}

/// Whom a macvlan talks to beside the network of its lower device (`IFLA_MACVLAN_MODE`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MacvlanMode {
    /// Nobody.
    Private,
    /// Nobody but by a switch outside that sends frames back.
    Vepa,
    /// The others of this mode on the same device, straight.
    Bridge,
    /// Nobody: it is the only one, and takes every frame.
    Passthru,
    /// Nobody: it takes frames from some senders only, beside whoever else gets them.
    Source,
}

impl MacvlanMode {
    /// Every mode, with its number in linux/if_link.h and its name in ip-link(8).
    pub const ALL: [(MacvlanMode, u32, &'static str); 5] = [
        (MacvlanMode::Private, 1, "private"),
        (MacvlanMode::Vepa, 2, "vepa"),
        (MacvlanMode::Bridge, 4, "bridge"),
        (MacvlanMode::Passthru, 8, "passthru"),
        (MacvlanMode::Source, 16, "source"),
    ];
}

/// How the ipvlans of a device share it: all of them alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ipvlan {
    /// What of a packet's way is the lower device's.
    pub mode: IpvlanMode,
    /// Whether they talk to each other.
    pub reach: IpvlanReach,
}

/// What of a packet's way is that of the device below (`IFLA_IPVLAN_MODE`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IpvlanMode {
    /// Its frames.
    L2,
    /// What goes out is routed there.
    L3,
    /// That, and the hooks of IP for what comes in.
    L3s,
}

impl IpvlanMode {
    /// Every mode, with its number in linux/if_link.h and its name in ip-link(8).
    pub const ALL: [(IpvlanMode, u16, &'static str); 3] =
        [(IpvlanMode::L2, 0, "l2"), (IpvlanMode::L3, 1, "l3"), (IpvlanMode::L3s, 2, "l3s")];
}

/// Whom an ipvlan talks to beside the network of its lower device (`IFLA_IPVLAN_FLAGS`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IpvlanReach {
    /// The others on the same device, straight.
    Bridge,
    /// Nobody.
    Private,
    /// Nobody but by a switch outside that sends frames back.
    Vepa,
}

impl IpvlanReach {
    /// Each, with its bit in linux/if_link.h and its name in ip-link(8).
    pub const ALL: [(IpvlanReach, u16, &'static str); 3] =
        [(IpvlanReach::Private, 1, "private"), (IpvlanReach::Vepa, 2, "vepa"), (IpvlanReach::Bridge, 0, "bridge")];
}

/// Where a link leads: the index of its peer and, where that is elsewhere, the id of its namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// The interface index of the peer, in its own namespace.
    pub index: u32,
    /// The id by which this namespace knows the peer's (`IFLA_LINK_NETNSID`); `None`: the same namespace.
    pub namespace_id: Option<i32>,
}

/// Whether a bridge itself hands its frames to netfilter, ORed with the sysctls `bridge-nf-call-*`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BridgeSettings {
    /// `nf_call_iptables`.
    pub call_iptables: bool,
    /// `nf_call_ip6tables`.
    pub call_ip6tables: bool,
    /// `nf_call_arptables`.
    pub call_arptables: bool,
    /// `vlan_filtering`: its ports belong to VLANs, which are not read.
    pub filters_vlans: bool,
}

/// How a bridge treats one of its ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BridgePort {
    /// Whether a frame may leave by the port it came in by.
    pub hairpin: bool,
    /// Whether the port forwards (spanning tree state `forwarding`).
    pub forwarding: bool,
}

/// How far an address is valid (`ip address`, scope).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// Everywhere.
    Global,
    /// Within the site (IPv6, deprecated).
    Site,
    /// On this link.
    Link,
    /// On this host.
    Host,
}

/// An address of a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The interface index of its link.
    pub link: u32,
    /// The address with the length of its subnet's prefix.
    pub net: IpNet,
    /// How far it is valid.
    pub scope: Scope,
    /// IPv4: a further address of a subnet that the link already has. IPv6: a temporary one.
    pub secondary: bool,
    /// IPv6: not yet checked for duplicates. It does not answer until it is, but is already local.
    pub tentative: bool,
    /// IPv6: no longer to be chosen as a source.
    pub deprecated: bool,
}

impl Address {
    /// The address itself.
    pub fn addr(&self) -> IpAddr {
        self.net.addr()
    }

    /// The family it belongs to.
    pub fn family(&self) -> IpFamily {
        IpFamily::of(self.addr())
    }
}

/// A neighbour entry: which link-layer address an IP address has on a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Neighbour {
    /// The interface index of the link.
    pub link: u32,
    /// The neighbour's address.
    pub addr: IpAddr,
    /// Its link-layer address; `None` while it is being asked for, or when it did not answer.
    pub mac: Option<Mac>,
}

/// An entry of a bridge's forwarding database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FdbEntry {
    /// The interface index of the port.
    pub port: u32,
    /// The link-layer address that was seen, or set, there.
    pub mac: Mac,
    /// Whether the address is the port's own (`permanent`).
    pub own: bool,
}
