//! Which headers a rule has asked for so far, and which of its statements go without saying.
//!
//! A rule that asks for `tcp dport 80` first has to ask for TCP; nft adds that question when it makes the rule, and leaves
//! it out when it prints it (`payload_dependency_kill`, `meta_may_dependency_kill` in nft's payload.c and
//! netlink_delinearize.c).

use super::fields::Header;
use crate::host::nft::PayloadBase;
use crate::host::{Family, Link, Protocol};

/// Bits in an Ethernet header, and in a VLAN header.
const ETHER: u32 = 112;
const VLAN: u32 = 32;

/// Something that a statement asks of a protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asks {
    /// `meta iiftype ether`.
    Link,
    /// Another VLAN header: by `ether type`, `vlan type`. Only `ether type 8021q` is what a VLAN's fields take for granted
    /// (`payload_may_dependency_kill_ll`).
    Vlan {
        /// It is that.
        granted: bool,
    },
    /// The network protocol: by `meta nfproto`, `meta protocol`, `ether type`.
    Network(Option<Header>),
    /// The transport protocol: by `meta l4proto`.
    Transport(Protocol),
    /// The transport protocol: by a field of the network header.
    NextHeader(Protocol),
    /// The kind of an ICMP message.
    Message(u8),
}

/// A statement that asks for a protocol and goes without saying where a field of that protocol follows.
#[derive(Debug, Clone, Copy)]
struct Dependency {
    statement: usize,
    asks: Asks,
}

/// What is known of the packet's headers.
#[derive(Debug)]
pub(super) struct Context<'a> {
    /// The devices there are.
    pub links: &'a [Link],
    pub family: Family,
    /// The network header.
    pub network: Option<Header>,
    /// The transport protocol.
    pub transport: Option<Protocol>,
    /// The kind of an ICMP message.
    pub message: Option<u8>,
    /// It has an Ethernet header.
    link: bool,
    /// Where the last VLAN header begins, in bits; 0: there is none.
    vlan: u32,
    link_by: Option<Dependency>,
    network_by: Option<Dependency>,
    transport_by: Option<Dependency>,
    message_by: Option<usize>,
}

impl<'a> Context<'a> {
    pub fn new(family: Family, links: &'a [Link]) -> Context<'a> {
        let network = match family {
            Family::Ip => Some(Header::Ip),
            Family::Ip6 => Some(Header::Ip6),
            Family::Arp => Some(Header::Arp),
            Family::Inet | Family::Bridge | Family::Netdev => None,
        };
        Context {
            links,
            family,
            network,
            transport: None,
            message: None,
            link: matches!(family, Family::Bridge | Family::Netdev),
            vlan: 0,
            link_by: None,
            network_by: None,
            transport_by: None,
            message_by: None,
        }
    }

    /// The header at a base that a bit lies in, and where it begins: after an Ethernet header may come others.
    pub fn place(&self, base: PayloadBase, bit: u32) -> Option<(Header, u32)> {
        match base {
            PayloadBase::Link if self.vlan > 0 && bit >= self.vlan => Some((Header::Vlan, self.vlan)),
            _ => self.header(base).map(|header| (header, 0)),
        }
    }

    /// The header at a base.
    fn header(&self, base: PayloadBase) -> Option<Header> {
        match base {
            PayloadBase::Link => self.link.then_some(Header::Ether),
            PayloadBase::Network => self.network,
            PayloadBase::Transport => match self.transport {
                Some(protocol) => Header::of_protocol(protocol),
                None => Some(Header::Transport),
            },
            PayloadBase::Inner | PayloadBase::Tunnel => None,
        }
    }

    /// A statement asks for a protocol. Gives the statement that goes without saying because of it.
    pub fn ask(&mut self, asks: Asks, statement: usize) -> Option<usize> {
        let dependency = Some(Dependency { statement, asks });
        match asks {
            Asks::Link => (self.link, self.link_by) = (true, dependency),
            Asks::Vlan { .. } => {
                self.vlan = if self.vlan == 0 { ETHER } else { self.vlan + VLAN };
                self.link_by = dependency;
            }
            Asks::Network(header) => (self.network, self.network_by) = (header, dependency),
            Asks::Transport(protocol) => {
                let implied = self.network_by.filter(|known| {
                    let (ip, ip6) = (Asks::Network(Some(Header::Ip)), Asks::Network(Some(Header::Ip6)));
                    protocol == Protocol::ICMP && known.asks == ip || protocol == Protocol::ICMPV6 && known.asks == ip6
                });
                (self.transport, self.transport_by) = (Some(protocol), dependency);
                if implied.is_some() {
                    self.network_by = None;
                }
                return implied.map(|known| known.statement);
            }
            Asks::NextHeader(protocol) => (self.transport, self.transport_by) = (Some(protocol), dependency),
            Asks::Message(kind) => (self.message, self.message_by) = (Some(kind), Some(statement)),
        }
        None
    }

    /// A field of a known header at this base is used. Gives the statement that goes without saying because of it.
    pub fn uses(&mut self, base: PayloadBase) -> Option<usize> {
        let (slot, stays) = match base {
            PayloadBase::Link => {
                let stays = matches!(self.link_by, Some(Dependency { asks: Asks::Vlan { granted: false }, .. }));
                (&mut self.link_by, stays)
            }
            PayloadBase::Network => (&mut self.network_by, false),
            PayloadBase::Transport => {
                // Where both families come by, the field says more than its protocol: also which family it is.
                let says_family = matches!(self.transport_by, Some(Dependency { asks: Asks::NextHeader(_), .. }));
                let both = !matches!(self.family, Family::Ip | Family::Ip6);
                (&mut self.transport_by, says_family && both)
            }
            PayloadBase::Inner | PayloadBase::Tunnel => return None,
        };
        if stays { None } else { slot.take().map(|known| known.statement) }
    }

    /// A field is used that only this kind of message has. Gives the statement that goes without saying because of it.
    pub fn uses_message(&mut self) -> Option<usize> {
        self.message_by.take()
    }

    /// A TCP reset is sent, or an ICMP error of a family. Gives the statement that goes without saying because of it.
    pub fn rejects(&mut self, reset: bool) -> Option<usize> {
        let slot = match self.family {
            Family::Ip | Family::Ip6 if reset => &mut self.transport_by,
            Family::Ip | Family::Ip6 => return None,
            Family::Inet | Family::Arp | Family::Bridge | Family::Netdev => &mut self.network_by,
        };
        slot.take().map(|known| known.statement)
    }

    /// A statement that does something came: what was asked before it has to stay.
    pub fn acts(&mut self) {
        (self.link_by, self.network_by, self.transport_by, self.message_by) = (None, None, None, None);
    }
}

/// What a field that names a protocol asks, where it equals this number.
pub(super) fn asks(field: &str, number: u128) -> Option<Asks> {
    let protocol = || u8::try_from(number).ok().map(Protocol);
    let ether = || match number {
        0x0800 => Some(Header::Ip),
        0x86dd => Some(Header::Ip6),
        0x0806 => Some(Header::Arp),
        _ => None,
    };
    Some(match field {
        "meta iiftype" => Asks::Link,
        "meta nfproto" => Asks::Network(match number {
            2 => Some(Header::Ip),
            10 => Some(Header::Ip6),
            _ => None,
        }),
        "ether type" | "vlan type" if matches!(number, 0x8100 | 0x88a8) => {
            Asks::Vlan { granted: field == "ether type" && number == 0x8100 }
        }
        "meta protocol" | "ether type" | "vlan type" => Asks::Network(ether()),
        "meta l4proto" => Asks::Transport(protocol()?),
        "ip protocol" | "ip6 nexthdr" => Asks::NextHeader(protocol()?),
        "icmp type" | "icmpv6 type" => Asks::Message(u8::try_from(number).ok()?),
        _ => return None,
    })
}
