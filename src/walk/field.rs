//! The fields of a packet that rules ask for: one table for the walk, the command line and the packet form.

use crate::host::IpFamily;

/// A field of a packet, or of what the kernel knows of it when it enters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Field {
    /// The device it arrives on, as a number of the walk's device table.
    Iif,
    /// Source address.
    Src,
    /// Destination address.
    Dst,
    /// Source port.
    Sport,
    /// Destination port.
    Dport,
    /// Packet mark.
    Mark,
    /// conntrack state: bits of [`crate::host::xt::CtStates`].
    CtState,
    /// TCP flags: FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32.
    TcpFlags,
    /// ICMP or ICMPv6 type.
    IcmpType,
    /// ICMP or ICMPv6 code.
    IcmpCode,
    /// Time to live, hop limit.
    Ttl,
    /// Length of the packet in bytes, from the layer-3 header.
    Length,
    /// To whom the frame is addressed: 0 host, 1 broadcast, 2 multicast (`PACKET_*`).
    Pkttype,
    /// Link-layer source address.
    SrcMac,
    /// User id of the sender, for packets made here.
    Uid,
    /// Group id of the sender, for packets made here.
    Gid,
    /// The byte of the IP header that asks for a service: DSCP in the upper six bits, ECN in the lower two.
    Tos,
    /// When it is here: seconds since 1970, UTC.
    Time,
}

impl Field {
    /// Every field.
    pub const ALL: [Field; 18] = [
        Field::Iif,
        Field::Src,
        Field::Dst,
        Field::Sport,
        Field::Dport,
        Field::Mark,
        Field::CtState,
        Field::TcpFlags,
        Field::IcmpType,
        Field::IcmpCode,
        Field::Ttl,
        Field::Length,
        Field::Pkttype,
        Field::SrcMac,
        Field::Uid,
        Field::Gid,
        Field::Tos,
        Field::Time,
    ];

    /// The name that options, conditions and the JSON contract use.
    pub fn name(self) -> &'static str {
        match self {
            Field::Iif => "iif",
            Field::Src => "src",
            Field::Dst => "dst",
            Field::Sport => "sport",
            Field::Dport => "dport",
            Field::Mark => "mark",
            Field::CtState => "ct",
            Field::TcpFlags => "tcp-flags",
            Field::IcmpType => "icmp-type",
            Field::IcmpCode => "icmp-code",
            Field::Ttl => "ttl",
            Field::Length => "length",
            Field::Pkttype => "pkttype",
            Field::SrcMac => "src-mac",
            Field::Uid => "uid",
            Field::Gid => "gid",
            Field::Tos => "tos",
            Field::Time => "time",
        }
    }

    /// The field with this name.
    pub fn from_name(name: &str) -> Option<Field> {
        Field::ALL.into_iter().find(|field| field.name() == name)
    }

    /// How many bits a value has.
    pub fn bits(self, family: IpFamily) -> u8 {
        match self {
            Field::Src | Field::Dst => family.bits(),
            Field::SrcMac => 48,
            Field::Mark | Field::Uid | Field::Gid | Field::Iif | Field::Time => 32,
            Field::Sport | Field::Dport | Field::Length | Field::CtState => 16,
            Field::TcpFlags => 6,
            Field::IcmpType | Field::IcmpCode | Field::Ttl | Field::Pkttype | Field::Tos => 8,
        }
    }

    /// Whether values are read as addresses.
    pub fn is_address(self) -> bool {
        matches!(self, Field::Src | Field::Dst)
    }
}
