//! One packet: as a line of text that says it, and as the bytes that are sent.
//!
//! `eth0 tcp 203.0.113.7:4001 > 198.51.100.1:80 mark 0x1` arrives on eth0, `local udp 127.0.0.1:53` is made by the host. It
//! knows headers, and how to tell a packet again after its addresses were translated: by its [`Mark`]. It does not send.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

/// Where a packet starts, and what is in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Packet {
    /// The device that it arrives on; `None`: the host makes it.
    pub device: Option<String>,
    /// Its protocol.
    pub protocol: Protocol,
    /// Where it comes from; of a packet that the host makes only the port can be said.
    pub src: Option<SocketAddr>,
    /// Where it goes.
    pub dst: SocketAddr,
    /// `SO_MARK` of a packet that the host makes.
    pub mark: u32,
    /// TCP flags.
    pub flags: u8,
    /// What a TCP packet acknowledges.
    pub acknowledges: u32,
    /// Time to live.
    pub ttl: u8,
    /// The byte that asks for a service.
    pub tos: u8,
    /// Type and code of an ICMP packet.
    pub icmp: (u8, u8),
    /// How many bytes it carries beyond what it needs, of one that is made by hand.
    pub filling: u16,
    /// The source port of a packet that the host makes, where it matters; else 0.
    pub sport: u16,
    /// Who sends a packet that the host makes.
    pub uid: u32,
}

/// The protocols that are sent here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// TCP, 6.
    Tcp,
    /// UDP, 17.
    Udp,
    /// ICMP, 1, or ICMPv6, 58: an echo request if nothing else is said. Its ports are 0.
    Icmp,
}

impl Protocol {
    /// Its number in the IP header.
    pub fn number(self, ip6: bool) -> u8 {
        match self {
            Protocol::Tcp => 6,
            Protocol::Udp => 17,
            Protocol::Icmp if ip6 => 58,
            Protocol::Icmp => 1,
        }
    }
}

const FLAGS: [(&str, u8); 7] =
    [("fin", 0x01), ("syn", 0x02), ("rst", 0x04), ("psh", 0x08), ("ack", 0x10), ("urg", 0x20), ("none", 0)];

impl Packet {
    /// Reads a packet from its line.
    ///
    /// # Panics
    /// If the line does not say one: it stands in a test.
    pub fn read(line: &str) -> Packet {
        let mut words = line.split_whitespace().peekable();
        let mut next = |what: &str| words.next().unwrap_or_else(|| panic!("{line:?} lacks its {what}"));
        let device = Some(next("origin")).filter(|word| *word != "local").map(str::to_owned);
        let protocol = match next("protocol") {
            "tcp" => Protocol::Tcp,
            "udp" => Protocol::Udp,
            "icmp" => Protocol::Icmp,
            other => panic!("{line:?}: no protocol {other}"),
        };
        let address = |text: &str| -> SocketAddr {
            text.parse().unwrap_or_else(|_| panic!("{line:?}: {text} is no address with a port"))
        };
        let first = address(next("address"));
        let (src, dst) = match device {
            Some(_) => {
                assert_eq!(next("direction"), ">");
                (Some(first), address(next("destination")))
            }
            None => (None, first),
        };
        let icmp = (echo(dst.is_ipv6()), 0);
        let mut packet = Packet {
            device,
            protocol,
            src,
            dst,
            mark: 0,
            flags: 0x02,
            acknowledges: 0,
            ttl: 64,
            icmp,
            filling: 0,
            sport: 0,
            uid: 0,
            tos: 0,
        };
        while let Some(word) = words.next() {
            let value = words.next().unwrap_or_else(|| panic!("{line:?}: {word} of what"));
            let number = || match value.strip_prefix("0x") {
                Some(hex) => u32::from_str_radix(hex, 16).expect("a number"),
                None => value.parse().expect("a number"),
            };
            match word {
                "mark" => packet.mark = number(),
                "ttl" => packet.ttl = number() as u8,
                "tos" => packet.tos = number() as u8,
                "filling" => packet.filling = number() as u16,
                "sport" => packet.sport = number() as u16,
                "uid" => packet.uid = number(),
                "icmp" => {
                    let (kind, code) = value.split_once('/').expect("a type and a code");
                    packet.icmp = (kind.parse().expect("a type"), code.parse().expect("a code"));
                }
                "flags" => packet.flags = value.split(',').map(flag).fold(0, |flags, flag| flags | flag),
                other => panic!("{line:?}: no field {other}"),
            }
        }
        packet
    }

    /// The packet from its IP header on.
    ///
    /// # Panics
    /// If it has no source.
    pub fn bytes(&self, cookie: u32) -> Vec<u8> {
        let src = self.src.expect("a packet that is made by hand has a source");
        let mut transport = self.transport(src.port(), cookie);
        let number = self.protocol.number(src.is_ipv6());
        let length = transport.len() as u16;
        let (mut header, pseudo) = match (src.ip(), self.dst.ip()) {
            (IpAddr::V4(from), IpAddr::V4(to)) => {
                let mut header = vec![0x45, self.tos];
                header.extend((20 + length).to_be_bytes());
                header.extend([0, 1, 0x40, 0, self.ttl, number, 0, 0]);
                header.extend(from.octets());
                header.extend(to.octets());
                let sum = checksum(&header);
                header[10..12].copy_from_slice(&sum.to_be_bytes());
                (header, [&from.octets()[..], &to.octets()[..]].concat())
            }
            (IpAddr::V6(from), IpAddr::V6(to)) => {
                let mut header = vec![0x60 | self.tos >> 4, self.tos << 4, 0, 0];
                header.extend(length.to_be_bytes());
                header.extend([number, self.ttl]);
                header.extend(from.octets());
                header.extend(to.octets());
                (header, [&from.octets()[..], &to.octets()[..]].concat())
            }
            _ => panic!("{self}: two families"),
        };
        let whole = match (self.protocol, src.ip()) {
            (Protocol::Icmp, IpAddr::V4(_)) => transport.clone(),
            _ => [&pseudo[..], &[0, number], &length.to_be_bytes(), &transport].concat(),
        };
        let sum = checksum(&whole).to_be_bytes();
        let at = match self.protocol {
            Protocol::Tcp => 16,
            Protocol::Udp => 6,
            Protocol::Icmp => 2,
        };
        transport[at..at + 2].copy_from_slice(&sum);
        header.append(&mut transport);
        header
    }

    fn transport(&self, sport: u16, cookie: u32) -> Vec<u8> {
        let filling = vec![0; usize::from(self.filling)];
        if self.protocol == Protocol::Icmp {
            return [icmp(cookie, self.icmp), filling].concat();
        }
        let mut bytes = [sport.to_be_bytes(), self.dst.port().to_be_bytes()].concat();
        match self.protocol {
            Protocol::Tcp => {
                bytes.extend(cookie.to_be_bytes());
                bytes.extend(self.acknowledges.to_be_bytes());
                bytes.extend([0x50, self.flags, 0xff, 0xff, 0, 0, 0, 0]);
            }
            Protocol::Udp => {
                bytes.extend((8 + PAYLOAD as u16 + self.filling).to_be_bytes());
                bytes.extend([0, 0]);
                bytes.extend(payload(cookie));
            }
            Protocol::Icmp => {}
        }
        bytes.extend(filling);
        bytes
    }
}

const PAYLOAD: usize = 8;

/// What a datagram carries.
pub fn payload(cookie: u32) -> [u8; PAYLOAD] {
    let mut bytes = *b"judge\0\0\0";
    bytes[4..].copy_from_slice(&cookie.to_be_bytes());
    bytes
}

/// The type of an echo request.
fn echo(ip6: bool) -> u8 {
    if ip6 { 128 } else { 8 }
}

/// An ICMP packet without its checksum, with some bytes to carry.
fn icmp(cookie: u32, (kind, code): (u8, u8)) -> Vec<u8> {
    [&[kind, code, 0, 0][..], &identity(cookie).to_be_bytes(), &payload(cookie)].concat()
}

/// Identifier and sequence number of an echo request, and what stands there in others: the identifier is what conntrack knows a flow by.
pub fn identity(cookie: u32) -> u32 {
    cookie.rotate_left(16)
}

/// An ICMP packet whose checksum is right for IPv4; for IPv6 the kernel sees to it.
pub fn whole_icmp(cookie: u32, of: (u8, u8)) -> Vec<u8> {
    let mut bytes = icmp(cookie, of);
    let sum = checksum(&bytes);
    bytes[2..4].copy_from_slice(&sum.to_be_bytes());
    bytes
}

fn flag(name: &str) -> u8 {
    FLAGS.iter().find(|(known, _)| *known == name).unwrap_or_else(|| panic!("no TCP flag {name}")).1
}

/// The internet checksum (RFC 1071).
fn checksum(bytes: &[u8]) -> u16 {
    let mut sum: u32 =
        bytes.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair.get(1).copied().unwrap_or(0))).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

impl fmt::Display for Packet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let protocol = match self.protocol {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
            Protocol::Icmp => "icmp",
        };
        write!(f, "{} {protocol} ", self.device.as_deref().unwrap_or("local"))?;
        if let Some(src) = self.src {
            write!(f, "{src} > ")?;
        }
        write!(f, "{}", self.dst)?;
        if self.mark != 0 {
            write!(f, " mark {:#x}", self.mark)?;
        }
        if self.ttl != 64 {
            write!(f, " ttl {}", self.ttl)?;
        }
        if self.protocol == Protocol::Tcp && self.flags != 0x02 {
            let named = FLAGS.iter().filter(|(_, bit)| self.flags & bit != 0);
            let names: Vec<&str> = named.map(|(name, _)| *name).collect();
            write!(f, " flags {}", if names.is_empty() { "none".into() } else { names.join(",") })?;
        }
        if self.protocol == Protocol::Icmp && self.icmp != (echo(self.dst.is_ipv6()), 0) {
            write!(f, " icmp {}/{}", self.icmp.0, self.icmp.1)?;
        }
        for (name, value) in [("filling", self.filling.into()), ("sport", self.sport.into()), ("uid", self.uid)] {
            if value != 0 {
                write!(f, " {name} {value}")?;
            }
        }
        Ok(())
    }
}

/// What tells a packet again, whatever happened to its addresses: a TCP packet's flags and sequence number, a datagram's
/// first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mark {
    /// Flags and sequence number.
    Tcp(u8, u32),
    /// What [`payload`] was made of.
    Udp(u32),
    /// Type, and what [`payload`] was made of; of an error of the kernel's own its code.
    Icmp(u8, u32),
}

/// What can be read from the headers of a packet that the kernel shows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Seen {
    /// Source.
    pub src: SocketAddr,
    /// Destination.
    pub dst: SocketAddr,
    /// What tells it again, where it is a packet of ours.
    pub mark: Option<Mark>,
    /// What a TCP packet acknowledges.
    pub acknowledges: u32,
}

impl Seen {
    /// Reads an IP header and what of the transport header there is.
    pub fn read(network: &[u8], transport: &[u8]) -> Option<Seen> {
        let octets16 = |at: usize| Some(IpAddr::from(<[u8; 16]>::try_from(network.get(at..at + 16)?).ok()?));
        let octets4 = |at: usize| Some(IpAddr::from(<[u8; 4]>::try_from(network.get(at..at + 4)?).ok()?));
        let (protocol, src, dst) = match network.first()? >> 4 {
            4 => (*network.get(9)?, octets4(12)?, octets4(16)?),
            6 => (*network.get(6)?, octets16(8)?, octets16(24)?),
            _ => return None,
        };
        let word = |at: usize| transport.get(at..at + 2).map(|two| u16::from_be_bytes([two[0], two[1]]));
        let long = |at: usize| Some(u32::from(word(at)?) << 16 | u32::from(word(at + 2)?));
        let (mark, acknowledges) = match protocol {
            6 => (Some(Mark::Tcp(*transport.get(13)? & 0x3f, long(4)?)), long(8)?),
            1 | 58 => {
                let (src, dst, kind) = ((src, 0).into(), (dst, 0).into(), *transport.first()?);
                // Translating a source may change the identifier, never what is carried.
                let carried = transport.get(8..12).filter(|head| *head == b"judg").and(long(12));
                // What the kernel itself sends carries what it is about: its code tells it.
                let is_error = matches!((protocol, kind), (1, 3 | 11) | (58, 1..=4));
                let carried =
                    carried.or_else(|| is_error.then_some(()).and(transport.get(1)).map(|code| (*code).into()));
                return Some(Seen { src, dst, mark: carried.map(|of| Mark::Icmp(kind, of)), acknowledges: 0 });
            }
            17 => (transport.get(8..12).filter(|head| *head == b"judg").and(long(12)).map(Mark::Udp), 0),
            _ => return None,
        };
        Some(Seen { src: (src, word(0)?).into(), dst: (dst, word(2)?).into(), mark, acknowledges })
    }

    /// Reads a packet from its IP header on.
    pub fn read_whole(bytes: &[u8]) -> Option<Seen> {
        let length = match bytes.first()? >> 4 {
            4 => usize::from(bytes[0] & 0x0f) * 4,
            _ => 40,
        };
        Seen::read(bytes.get(..length)?, bytes.get(length..)?)
    }
}
