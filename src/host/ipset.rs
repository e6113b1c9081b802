//! ipset's sets: what `-m set` asks, as plain data (ipset(8)).
//!
//! A set with its type, the options it was created with, and its elements in the order in which the kernel lists them.
//! What elements count, and how long they still live, stands beside them ([`Seen`]): two readings of an unchanged set are
//! equal. A set may have 100,000 elements and more: what is large or rare is boxed. Deliberately does not say which packets
//! a set matches.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;

use super::names::Name;
use super::net::{IpFamily, Mac};
use super::observation::Counters;
use super::socket::Protocol;

/// A set.
#[derive(Debug, Clone, PartialEq)]
pub struct IpSet {
    /// Its name.
    pub name: Name,
    /// What its elements are made of.
    pub kind: SetType,
    /// What it was created with.
    pub options: SetOptions,
    /// Its elements, as the kernel lists them; of a list of sets, in the order in which they are asked.
    pub elements: Vec<Element>,
    /// What is told of it and has no place here, in a few words each: it may match what its elements do not say.
    pub untold: Vec<Name>,
}

/// The types of sets.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SetType {
    /// `bitmap:ip`.
    BitmapIp,
    /// `bitmap:ip,mac`.
    BitmapIpMac,
    /// `bitmap:port`.
    BitmapPort,
    /// `hash:ip`.
    HashIp,
    /// `hash:mac`.
    HashMac,
    /// `hash:ip,mac`.
    HashIpMac,
    /// `hash:net`.
    HashNet,
    /// `hash:net,net`.
    HashNetNet,
    /// `hash:ip,port`.
    HashIpPort,
    /// `hash:net,port`.
    HashNetPort,
    /// `hash:ip,port,ip`.
    HashIpPortIp,
    /// `hash:ip,port,net`.
    HashIpPortNet,
    /// `hash:ip,mark`.
    HashIpMark,
    /// `hash:net,port,net`.
    HashNetPortNet,
    /// `hash:net,iface`.
    HashNetIface,
    /// `list:set`.
    ListSet,
    /// A type that is not known here, by its name.
    Other(Name),
}

impl SetType {
    /// Every known type with its name.
    const NAMES: [(&'static str, SetType); 16] = [
        ("bitmap:ip", SetType::BitmapIp),
        ("bitmap:ip,mac", SetType::BitmapIpMac),
        ("bitmap:port", SetType::BitmapPort),
        ("hash:ip", SetType::HashIp),
        ("hash:mac", SetType::HashMac),
        ("hash:ip,mac", SetType::HashIpMac),
        ("hash:net", SetType::HashNet),
        ("hash:net,net", SetType::HashNetNet),
        ("hash:ip,port", SetType::HashIpPort),
        ("hash:net,port", SetType::HashNetPort),
        ("hash:ip,port,ip", SetType::HashIpPortIp),
        ("hash:ip,port,net", SetType::HashIpPortNet),
        ("hash:ip,mark", SetType::HashIpMark),
        ("hash:net,port,net", SetType::HashNetPortNet),
        ("hash:net,iface", SetType::HashNetIface),
        ("list:set", SetType::ListSet),
    ];

    /// The name that ipset gives it.
    pub fn name(&self) -> &str {
        if let SetType::Other(name) = self {
            return name;
        }
        Self::NAMES.iter().find(|(_, known)| known == self).map_or("", |(name, _)| name)
    }

    /// The known type with this name.
    pub fn from_name(name: &str) -> Option<SetType> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, kind)| kind.clone())
    }

    /// Whether sets of this type are of IPv4 or of IPv6: bitmaps of addresses are always of IPv4.
    pub fn has_family(&self) -> bool {
        use SetType::{BitmapIp, BitmapIpMac, BitmapPort, HashMac, ListSet, Other};
        !matches!(self, BitmapIp | BitmapIpMac | BitmapPort | HashMac | ListSet | Other(_))
    }
}

/// What a set was created with. What its type does not have is `None` or `false`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SetOptions {
    /// `family`.
    pub family: Option<IpFamily>,
    /// `range`, of bitmaps.
    pub range: Option<SetRange>,
    /// `hashsize`: buckets, which grow with the elements.
    pub hashsize: Option<u32>,
    /// `maxelem`: how many elements it may have.
    pub maxelem: Option<u32>,
    /// `bucketsize`.
    pub bucketsize: Option<u8>,
    /// `initval`: what the hashes are seeded with.
    pub initval: Option<u32>,
    /// `netmask`: how many bits of addresses count.
    pub netmask: Option<u8>,
    /// `bitmask`: which bits of addresses count.
    pub bitmask: Option<IpAddr>,
    /// `markmask`: which bits of marks count.
    pub markmask: Option<u32>,
    /// `size`, of lists: how many sets it may have.
    pub size: Option<u32>,
    /// `timeout`, in seconds: elements end, after that time where they are not given another. 0: they stay.
    pub timeout: Option<u32>,
    /// `counters`: elements count packets and bytes.
    pub counters: bool,
    /// `comment`: elements have comments.
    pub comment: bool,
    /// `forceadd`: an element is put out where there is no room for a new one.
    pub forceadd: bool,
    /// `skbinfo`: elements have marks, priorities and queues for `-j SET --map-set`.
    pub skbinfo: bool,
}

/// What a bitmap may hold, first and last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetRange {
    /// Addresses.
    Addresses(Ipv4Addr, Ipv4Addr),
    /// Ports.
    Ports(u16, u16),
}

/// An element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Element {
    /// What is compared.
    pub key: Key,
    /// What else it has.
    pub extras: Option<Box<Extras>>,
}

/// What of a packet an element is compared with. Addresses are prefixes, single ones with all their bits.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Key {
    /// An address or a prefix.
    Net(IpNet),
    /// An address and the sender's link-layer address.
    NetMac(Box<(IpNet, Mac)>),
    /// A port, of TCP or UDP alike.
    Port(u16),
    /// A link-layer address.
    Mac(Mac),
    /// A prefix and a port.
    NetPort(IpNet, ProtoPort),
    /// Two prefixes.
    NetNet(Box<(IpNet, IpNet)>),
    /// A prefix, a port, another prefix.
    NetPortNet(Box<(IpNet, ProtoPort, IpNet)>),
    /// An address and a packet's mark.
    NetMark(IpNet, u32),
    /// A prefix and an interface.
    NetIface(Box<(IpNet, Interface)>),
    /// Another set.
    Set(Name),
    /// Ranges, as people write them: ipset makes many elements of such a one.
    Ranges(Box<[Part]>),
    /// An element of a type that is not known here, in its own words.
    Other(Box<str>),
}

/// A port of a protocol; of ICMP, the type in the high byte and the code in the low one; of others, 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ProtoPort {
    /// The protocol.
    pub protocol: Protocol,
    /// The port.
    pub port: u16,
}

/// An interface of an element.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Interface {
    /// Its name.
    pub name: Name,
    /// `physdev:`: the port of a bridge.
    pub physdev: bool,
    /// `wildcard`: all interfaces whose names start so.
    pub wildcard: bool,
}

/// One dimension of an element with ranges.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Part {
    /// A prefix.
    Net(IpNet),
    /// Addresses, first and last.
    Addresses(IpAddr, IpAddr),
    /// Ports, first and last; in a `bitmap:port` of no protocol.
    Ports(Option<Protocol>, u16, u16),
    /// A mark.
    Mark(u32),
    /// A link-layer address.
    Mac(Mac),
    /// An interface.
    Interface(Interface),
}

/// What elements may have beside what is compared.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Extras {
    /// `nomatch`: what it stands for is not in the set, whatever larger prefix is.
    pub nomatch: bool,
    /// `comment`.
    pub comment: Option<Box<str>>,
    /// `skbmark`: a mark and the bits of it that are set.
    pub mark: Option<(u32, u32)>,
    /// `skbprio`.
    pub priority: Option<u32>,
    /// `skbqueue`.
    pub queue: Option<u16>,
}

/// What was seen of a set beside what it holds. What is told of elements is in their order; empty where nothing is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Seen {
    /// The revision of its type in the kernel, where it was told.
    pub revision: Option<u8>,
    /// How long elements still live, in seconds; 0: as long as the set.
    pub timeouts: Vec<u32>,
    /// What elements counted.
    pub counters: Vec<Counters>,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 100,000 elements take a few megabytes.
    #[test]
    fn elements_are_small() {
        assert!(size_of::<Key>() <= 24, "{}", size_of::<Key>());
        assert!(size_of::<Element>() <= 32, "{}", size_of::<Element>());
    }

    #[test]
    fn every_type_is_known_by_its_name() {
        for (name, kind) in SetType::NAMES {
            assert_eq!((kind.name(), SetType::from_name(name)), (name, Some(kind.clone())));
        }
        assert_eq!(SetType::from_name("hash:ip,ip"), None);
    }
}
