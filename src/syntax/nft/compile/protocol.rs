//! Which headers a rule is known to see while it is made, and which questions a field needs before it.
//!
//! nft asks for the protocol before it asks for one of its fields (`payload_gen_dependency` in nft's payload.c), and knows
//! what it asked by what a rule compared until then (`proto_ctx_update` in its proto.c). How such a question is stored is not
//! known here.

use super::super::fields::Header;
use crate::host::nft::PayloadBase;
use crate::host::{Family, Protocol};

/// What is known of a layer of the packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layer {
    /// Whatever is below IPv4 and IPv6: `meta nfproto` tells which of them follows.
    Inet,
    /// Whatever comes by at a device: `meta protocol` tells what follows.
    Netdev,
    /// Something that nft has no name for.
    Other,
    /// A header.
    Header(Header),
}

/// A question that comes before a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Question {
    /// `meta iiftype ether`.
    Ethernet,
    /// `meta nfproto`.
    Family(u8),
    /// `meta protocol`.
    MetaProtocol(u16),
    /// `meta l4proto`.
    Transport(u8),
    /// `ether type` or `vlan type`: the type field of this header, which begins after so many bits.
    LinkType { header: Header, before: u32, number: u16 },
    /// `ah nexthdr` or `comp nexthdr`: the field of this header.
    NextHeader(Header, u8),
}

/// The field contradicts what the rule asked before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Conflict;

/// What the rule asked so far tells of the packet.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    family: Family,
    pub(super) link: Option<Layer>,
    pub(super) network: Option<Layer>,
    pub(super) transport: Option<Layer>,
    /// More than one transport protocol was asked for.
    several: bool,
    /// Link-layer headers before the innermost one.
    stacked: Stack,
    /// The ICMP type; 0: none that is known.
    pub(super) message: u8,
}

/// Link-layer headers, one after the other.
#[derive(Debug, Clone, Copy, Default)]
struct Stack {
    headers: [Option<Header>; Stack::ROOM],
}

impl Stack {
    /// nft's `PROTO_CTX_NUM_PROTOS`.
    const ROOM: usize = 16;

    fn push(&mut self, header: Header) {
        if let Some(slot) = self.headers.iter_mut().find(|slot| slot.is_none()) {
            *slot = Some(header);
        }
    }

    fn iter(&self) -> impl Iterator<Item = Header> + '_ {
        self.headers.iter().map_while(|header| *header)
    }
}

/// `ARPHRD_ETHER`.
const ETHERNET: u16 = 1;

/// The Ethernet types of the headers that nft knows.
const ETHER_TYPES: [(u16, Header); 5] = [
    (0x0800, Header::Ip),
    (0x0806, Header::Arp),
    (0x86dd, Header::Ip6),
    (0x8100, Header::Vlan),
    (0x88a8, Header::Vlan),
];

/// Where a header lies.
pub(super) fn base(header: Header) -> PayloadBase {
    match header {
        Header::Ether | Header::Vlan => PayloadBase::Link,
        Header::Ip | Header::Ip6 | Header::Arp => PayloadBase::Network,
        _ => PayloadBase::Transport,
    }
}

/// Bits of a link-layer header, which come before another one of the same layer.
fn length(header: Header) -> u32 {
    match header {
        Header::Ether => 14 * 8,
        Header::Vlan => 4 * 8,
        _ => 0,
    }
}

/// The header that follows, by the number that the layer has for it.
fn upper(layer: Layer, number: u32) -> Option<Header> {
    let of_type = || ETHER_TYPES.iter().find(|(known, _)| u32::from(*known) == number).map(|(_, header)| *header);
    let of_protocol = || u8::try_from(number).ok().and_then(|number| Header::of_protocol(Protocol(number)));
    match layer {
        Layer::Inet => match number {
            2 => Some(Header::Ip),
            10 => Some(Header::Ip6),
            _ => None,
        },
        Layer::Netdev | Layer::Header(Header::Ether | Header::Vlan) => of_type(),
        Layer::Header(Header::Ip | Header::Ip6) => of_protocol(),
        Layer::Header(Header::Ah | Header::Comp) => {
            of_protocol().filter(|header| !matches!(header, Header::Icmp | Header::Icmp6 | Header::Igmp))
        }
        Layer::Header(_) | Layer::Other => None,
    }
}

/// The number by which a layer tells that this header follows.
fn number(layer: Layer, header: Header) -> Option<u16> {
    match layer {
        Layer::Inet => match header {
            Header::Ip => Some(2),
            Header::Ip6 => Some(10),
            _ => None,
        },
        Layer::Netdev | Layer::Header(Header::Ether | Header::Vlan) => {
            ETHER_TYPES.iter().find(|(_, known)| *known == header).map(|(number, _)| *number)
        }
        Layer::Header(Header::Ip | Header::Ip6) => header.protocol().map(|protocol| protocol.0.into()),
        Layer::Header(Header::Ah | Header::Comp) => match header {
            Header::Icmp | Header::Icmp6 | Header::Igmp => None,
            other => other.protocol().map(|protocol| protocol.0.into()),
        },
        Layer::Header(_) | Layer::Other => None,
    }
}

/// The question to a layer whether this header follows.
fn asked_of(below: Layer, before: u32, header: Header) -> Result<Question, Conflict> {
    let number = number(below, header).ok_or(Conflict)?;
    Ok(match below {
        Layer::Inet => Question::Family(number as u8),
        Layer::Netdev => Question::MetaProtocol(number),
        Layer::Header(header @ (Header::Ether | Header::Vlan)) => Question::LinkType { header, before, number },
        Layer::Header(Header::Ip | Header::Ip6) => Question::Transport(number as u8),
        Layer::Header(other) => Question::NextHeader(other, number as u8),
        Layer::Other => return Err(Conflict),
    })
}

impl Seen {
    /// What is known at the start of a rule of this family.
    pub(super) fn new(family: Family) -> Seen {
        let (link, network) = match family {
            Family::Ip => (None, Some(Layer::Header(Header::Ip))),
            Family::Ip6 => (None, Some(Layer::Header(Header::Ip6))),
            Family::Arp => (None, Some(Layer::Header(Header::Arp))),
            Family::Inet => (Some(Layer::Inet), None),
            Family::Bridge => (Some(Layer::Header(Header::Ether)), None),
            Family::Netdev => (Some(Layer::Netdev), None),
        };
        Seen { family, link, network, transport: None, several: false, stacked: Stack::default(), message: 0 }
    }

    /// The layer at a base.
    pub(super) fn at(&self, base: PayloadBase) -> Option<Layer> {
        match base {
            PayloadBase::Link => self.link,
            PayloadBase::Network => self.network,
            PayloadBase::Transport => self.transport,
            _ => None,
        }
    }

    fn set(&mut self, base: PayloadBase, layer: Layer) {
        match base {
            PayloadBase::Link => self.link = Some(layer),
            PayloadBase::Network => self.network = Some(layer),
            PayloadBase::Transport => {
                self.several |= self.transport.is_some_and(|known| known != layer);
                self.transport = Some(layer);
            }
            _ => {}
        }
    }

    /// `meta nfproto` equals this.
    pub(super) fn meta_family(&mut self, number: u8) {
        let own = match self.family {
            Family::Ip => Some((2, Header::Ip)),
            Family::Ip6 => Some((10, Header::Ip6)),
            Family::Arp => Some((3, Header::Arp)),
            Family::Inet | Family::Bridge | Family::Netdev => None,
        };
        let found = match own {
            Some((own, header)) => (number == own).then_some(header),
            None => self.hook_layer().and_then(|layer| upper(layer, number.into())),
        };
        self.network = Some(found.map_or(Layer::Other, Layer::Header));
    }

    /// The link layer that the family begins with.
    fn hook_layer(&self) -> Option<Layer> {
        match self.family {
            Family::Inet => Some(Layer::Inet),
            Family::Bridge => Some(Layer::Header(Header::Ether)),
            Family::Netdev => Some(Layer::Netdev),
            Family::Ip | Family::Ip6 | Family::Arp => None,
        }
    }

    /// `meta l4proto` equals this.
    pub(super) fn meta_transport(&mut self, number: u8) {
        let found = Header::of_protocol(Protocol(number));
        self.set(PayloadBase::Transport, found.map_or(Layer::Other, Layer::Header));
    }

    /// `meta protocol` equals this.
    pub(super) fn meta_protocol(&mut self, number: u16) {
        if let (Family::Netdev | Family::Bridge, Some(layer)) = (self.family, self.hook_layer()) {
            self.network = Some(upper(layer, number.into()).map_or(Layer::Other, Layer::Header));
        }
    }

    /// `meta iiftype` equals this.
    pub(super) fn meta_link(&mut self, number: u16) {
        if self.family != Family::Bridge {
            self.link = Some(if number == ETHERNET { Layer::Header(Header::Ether) } else { Layer::Other });
        }
    }

    /// A conntrack field that names a protocol of this layer or the one above equals this.
    pub(super) fn ct_protocol(&mut self, base: PayloadBase, number: u32) {
        let above = match base {
            PayloadBase::Link => PayloadBase::Network,
            _ => PayloadBase::Transport,
        };
        if let Some(header) = self.at(base).and_then(|layer| upper(layer, number)) {
            self.set(above, Layer::Header(header));
        }
    }

    /// A field of a header that names what follows equals this.
    pub(super) fn field(&mut self, base_of: PayloadBase, number: u32, raw: bool) {
        let Some(layer) = self.at(base_of) else { return };
        let Some(header) = upper(layer, number) else {
            match layer {
                // An echo reply is 0, which stands for none: nft takes a request for it.
                Layer::Header(Header::Icmp) => self.message = if number == 0 { 8 } else { number as u8 },
                Layer::Header(Header::Icmp6) => self.message = if number == 129 { 128 } else { number as u8 },
                _ => {}
            }
            return;
        };
        if let (PayloadBase::Link, PayloadBase::Link, Layer::Header(known)) = (base(header), base_of, layer)
            && !raw
        {
            self.stacked.push(known);
        }
        self.set(base(header), Layer::Header(header));
    }

    /// The bits of the link-layer headers that come before the innermost one.
    fn stacked_bits(&self) -> u32 {
        self.stacked.iter().map(length).sum()
    }

    /// What has to be asked before a field of this header, in order; and the bits that lie before the header at its base.
    pub(super) fn need(&mut self, header: Header, found: &mut Vec<Question>) -> Result<u32, Conflict> {
        let place = base(header);
        if self.at(place).is_none() {
            if place == PayloadBase::Transport {
                self.network_of_message(header, found)?;
            }
            let question = self.question(header)?;
            self.answer(question);
            found.push(question);
            let known = self.at(place);
            if known == Some(Layer::Header(header)) {
                return Ok(0);
            }
            if place == PayloadBase::Link {
                let Some(layer @ Layer::Header(_)) = known else { return Err(Conflict) };
                self.resolve(layer, header, found)?;
                return Ok(self.stacked.iter().next().map_or(0, length));
            }
            // A header of any transport protocol needs none in particular.
        }
        let Some(layer) = self.at(place) else { return Err(Conflict) };
        if place == PayloadBase::Transport && self.several {
            return Err(Conflict);
        }
        if layer == Layer::Header(header) {
            return Ok(if place == PayloadBase::Link { self.stacked_bits() } else { 0 });
        }
        self.conflict(layer, header, found)
    }

    /// Another header of this layer is known: what makes both true, if anything does.
    fn conflict(&mut self, mut layer: Layer, header: Header, found: &mut Vec<Question>) -> Result<u32, Conflict> {
        let place = base(header);
        if place == PayloadBase::Link {
            if matches!(layer, Layer::Inet | Layer::Netdev) {
                found.push(Question::Ethernet);
                self.link = Some(Layer::Header(Header::Ether));
                layer = Layer::Header(header);
            } else if self.stacked.iter().any(|known| known == header) {
                return Ok(0);
            }
        }
        let above = match place {
            PayloadBase::Link => self.network,
            PayloadBase::Network => self.transport,
            _ => None,
        };
        let known = self.at(place) == Some(Layer::Header(header));
        if above.is_some() {
            return if known { Ok(0) } else { Err(Conflict) };
        }
        match self.resolve(layer, header, found) {
            Ok(()) => Ok(if place == PayloadBase::Link { self.stacked_bits() } else { 0 }),
            Err(conflict) => {
                if known {
                    Ok(0)
                } else {
                    Err(conflict)
                }
            }
        }
    }

    /// Asks a link-layer header for the one that follows within the same layer.
    fn resolve(&mut self, layer: Layer, header: Header, found: &mut Vec<Question>) -> Result<(), Conflict> {
        let number = number(layer, header).ok_or(Conflict)?;
        let Some(Layer::Header(outer @ (Header::Ether | Header::Vlan))) = self.at(base(header)) else {
            return Err(Conflict);
        };
        let question = Question::LinkType { header: outer, before: self.stacked_bits(), number };
        self.answer(question);
        found.push(question);
        Ok(())
    }

    /// The question that tells that this header is there, by the layer below.
    fn question(&mut self, header: Header) -> Result<Question, Conflict> {
        let below = match base(header) {
            PayloadBase::Link => {
                return match self.family {
                    Family::Ip | Family::Ip6 | Family::Arp => Ok(Question::Ethernet),
                    Family::Inet | Family::Bridge | Family::Netdev => Err(Conflict),
                };
            }
            PayloadBase::Network => self.link.or_else(|| self.hook_layer()).ok_or(Conflict)?,
            _ => match self.network {
                Some(layer) => layer,
                None => return header.protocol().map(|protocol| Question::Transport(protocol.0)).ok_or(Conflict),
            },
        };
        self.told_by(below, header)
    }

    /// The question to this layer whether the header follows, for the sake of one of its fields.
    fn told_by(&self, below: Layer, header: Header) -> Result<Question, Conflict> {
        // Frames with a VLAN tag are meant too: `meta protocol` looks through it (`payload_gen_dependency`).
        let through = self.family == Family::Bridge
            && below == Layer::Header(Header::Ether)
            && matches!(header, Header::Ip | Header::Ip6);
        asked_of(if through { Layer::Netdev } else { below }, self.stacked_bits(), header)
    }

    /// Asks for the network header that an ICMP or IGMP message needs, where none is known.
    fn network_of_message(&mut self, header: Header, found: &mut Vec<Question>) -> Result<(), Conflict> {
        let network = match header {
            Header::Icmp | Header::Igmp => Header::Ip,
            Header::Icmp6 => Header::Ip6,
            _ => return Ok(()),
        };
        if self.network.is_some() {
            return Ok(());
        }
        let question = self.network_question(network)?;
        self.answer(question);
        found.push(question);
        Ok(())
    }

    /// The question to the link layer whether this network header follows.
    pub(super) fn network_question(&self, network: Header) -> Result<Question, Conflict> {
        let below = self.link.or_else(|| self.hook_layer()).ok_or(Conflict)?;
        asked_of(below, self.stacked_bits(), network)
    }

    /// Takes note that a question was asked, and answered with yes.
    pub(super) fn answer(&mut self, question: Question) {
        match question {
            Question::Ethernet => self.meta_link(ETHERNET),
            Question::Family(number) => self.meta_family(number),
            Question::MetaProtocol(number) => self.meta_protocol(number),
            Question::Transport(number) => self.meta_transport(number),
            Question::LinkType { number, .. } => self.field(PayloadBase::Link, number.into(), false),
            Question::NextHeader(_, number) => self.field(PayloadBase::Transport, number.into(), false),
        }
    }
}
