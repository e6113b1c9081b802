//! What expressions load and set: the places in a packet, and the keys of `meta`, `ct`, `fib`, `rt`, `socket`, `xfrm` and `tunnel`.
//!
//! Each says how many bytes it fills and in which order they lie. How they are called in nft's language is not known here.

/// Where a payload expression counts from (`enum nft_payload_bases`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PayloadBase {
    /// The link-layer header.
    Link,
    /// The network header.
    Network,
    /// The transport header; packets without one break the rule.
    Transport,
    /// What follows the transport header.
    Inner,
    /// The header of the tunnel, in an expression within [`Inner`](super::Inner) (`NFT_PAYLOAD_TUN_HEADER`).
    Tunnel,
}

/// What `meta` names, by the kernel's number (`enum nft_meta_keys`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MetaKey(pub u32);

impl MetaKey {
    /// Length of the packet, 4 bytes in host order.
    pub const LEN: MetaKey = MetaKey(0);
    /// Ethernet protocol, 2 bytes in network order.
    pub const PROTOCOL: MetaKey = MetaKey(1);
    /// Packet mark, 4 bytes in host order.
    pub const MARK: MetaKey = MetaKey(3);
    /// Index of the incoming device, 4 bytes in host order; 0 where there is none.
    pub const IIF: MetaKey = MetaKey(4);
    /// Index of the outgoing device.
    pub const OIF: MetaKey = MetaKey(5);
    /// Name of the incoming device, 16 bytes; breaks the rule where there is none.
    pub const IIFNAME: MetaKey = MetaKey(6);
    /// Name of the outgoing device.
    pub const OIFNAME: MetaKey = MetaKey(7);
    /// Priority of the packet (`skb->priority`), 4 bytes in host order.
    pub const PRIORITY: MetaKey = MetaKey(2);
    /// The kind of the incoming device (`ARPHRD_*`).
    pub const IIFTYPE: MetaKey = MetaKey(8);
    /// The kind of the outgoing device.
    pub const OIFTYPE: MetaKey = MetaKey(9);
    /// User id of the sending socket.
    pub const SKUID: MetaKey = MetaKey(10);
    /// Group id of the sending socket.
    pub const SKGID: MetaKey = MetaKey(11);
    /// Whether the packet is traced.
    pub const NFTRACE: MetaKey = MetaKey(12);
    /// Realm of the packet's route, 4 bytes in host order.
    pub const RTCLASSID: MetaKey = MetaKey(13);
    /// Security mark, 4 bytes in host order.
    pub const SECMARK: MetaKey = MetaKey(14);
    /// The family of the packet (`NFPROTO_*`), 1 byte.
    pub const NFPROTO: MetaKey = MetaKey(15);
    /// The transport protocol, 1 byte.
    pub const L4PROTO: MetaKey = MetaKey(16);
    /// Name of the bridge that the packet came in by, 16 bytes.
    pub const BRI_IIFNAME: MetaKey = MetaKey(17);
    /// Name of the bridge that the packet leaves by.
    pub const BRI_OIFNAME: MetaKey = MetaKey(18);
    /// To whom the frame is addressed (`PACKET_*`), 1 byte.
    pub const PKTTYPE: MetaKey = MetaKey(19);
    /// The CPU that handles the packet.
    pub const CPU: MetaKey = MetaKey(20);
    /// Group of the incoming device.
    pub const IIFGROUP: MetaKey = MetaKey(21);
    /// Group of the outgoing device.
    pub const OIFGROUP: MetaKey = MetaKey(22);
    /// Control group of the sending socket (`net_cls`).
    pub const CGROUP: MetaKey = MetaKey(23);
    /// A number at random, 4 bytes.
    pub const RANDOM: MetaKey = MetaKey(24);
    /// Whether the packet came by IPsec, 1 byte.
    pub const SECPATH: MetaKey = MetaKey(25);
    /// Kind of the incoming device (`rtnl_link_ops`), 16 bytes.
    pub const IIFKIND: MetaKey = MetaKey(26);
    /// Kind of the outgoing device.
    pub const OIFKIND: MetaKey = MetaKey(27);
    /// VLAN id of the incoming bridge port, 2 bytes in host order.
    pub const BRI_IIFPVID: MetaKey = MetaKey(28);
    /// VLAN protocol of the incoming bridge, 2 bytes in network order.
    pub const BRI_IIFVPROTO: MetaKey = MetaKey(29);
    /// Nanoseconds since 1970, 8 bytes in host order.
    pub const TIME_NS: MetaKey = MetaKey(30);
    /// Day of the week, 1 byte, from 0 for Sunday.
    pub const TIME_DAY: MetaKey = MetaKey(31);
    /// Second of the day, 4 bytes in host order, UTC.
    pub const TIME_HOUR: MetaKey = MetaKey(32);
    /// Index of the device that is enslaved to the incoming one.
    pub const SDIF: MetaKey = MetaKey(33);
    /// Its name.
    pub const SDIFNAME: MetaKey = MetaKey(34);
    /// Whether the frame is routed instead of bridged: it can only be set.
    pub const BRI_BROUTE: MetaKey = MetaKey(35);
}

/// What `ct` names, by the kernel's number (`enum nft_ct_keys`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CtKey(pub u32);

impl CtKey {
    /// State bits: invalid 1, established 2, related 4, new 8, untracked 64 (`NF_CT_STATE_BIT`), 4 bytes in host order.
    pub const STATE: CtKey = CtKey(0);
    /// Direction, 1 byte: 0 original, 1 reply.
    pub const DIRECTION: CtKey = CtKey(1);
    /// Status bits (`IPS_*`), 4 bytes in host order.
    pub const STATUS: CtKey = CtKey(2);
    /// The flow's mark, 4 bytes in host order.
    pub const MARK: CtKey = CtKey(3);
    /// The flow's security mark.
    pub const SECMARK: CtKey = CtKey(4);
    /// What is left of its life, in milliseconds, 4 bytes in host order.
    pub const EXPIRATION: CtKey = CtKey(5);
    /// Name of its helper, 16 bytes.
    pub const HELPER: CtKey = CtKey(6);
    /// The network protocol (`NFPROTO_*`), 1 byte.
    pub const L3PROTOCOL: CtKey = CtKey(7);
    /// Source address of a direction, of the family's length (deprecated form).
    pub const SRC: CtKey = CtKey(8);
    /// Destination address of a direction (deprecated form).
    pub const DST: CtKey = CtKey(9);
    /// The transport protocol, 1 byte.
    pub const PROTOCOL: CtKey = CtKey(10);
    /// Source port of a direction, 2 bytes in network order.
    pub const PROTO_SRC: CtKey = CtKey(11);
    /// Destination port of a direction.
    pub const PROTO_DST: CtKey = CtKey(12);
    /// The flow's labels, 16 bytes.
    pub const LABELS: CtKey = CtKey(13);
    /// Packets, 8 bytes in host order.
    pub const PKTS: CtKey = CtKey(14);
    /// Bytes.
    pub const BYTES: CtKey = CtKey(15);
    /// Bytes in a packet on average.
    pub const AVGPKT: CtKey = CtKey(16);
    /// Zone, 2 bytes in host order.
    pub const ZONE: CtKey = CtKey(17);
    /// Which events are told of the flow: it can only be set.
    pub const EVENTMASK: CtKey = CtKey(18);
    /// IPv4 source address of a direction.
    pub const SRC_IP: CtKey = CtKey(19);
    /// IPv4 destination address of a direction.
    pub const DST_IP: CtKey = CtKey(20);
    /// IPv6 source address of a direction.
    pub const SRC_IP6: CtKey = CtKey(21);
    /// IPv6 destination address of a direction.
    pub const DST_IP6: CtKey = CtKey(22);
    /// The flow's id, 4 bytes.
    pub const ID: CtKey = CtKey(23);
}

/// What `fib` gives (`enum nft_fib_result`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FibResult {
    /// The index of the outgoing device; 0 where there is no route. With `present`: one byte, whether there is one.
    Oif,
    /// Its name.
    OifName,
    /// The type of the address (`RTN_*`), 4 bytes in host order.
    AddressType,
}

/// The flags of `fib` (`enum nft_fib_flags`).
pub mod fib {
    /// The source address is looked up.
    pub const SADDR: u32 = 1;
    /// The destination address is looked up.
    pub const DADDR: u32 = 2;
    /// With the packet's mark.
    pub const MARK: u32 = 4;
    /// On the incoming device only.
    pub const IIF: u32 = 8;
    /// On the outgoing device only.
    pub const OIF: u32 = 16;
    /// Whether there is a route is all that is wanted.
    pub const PRESENT: u32 = 32;
}

/// Where `exthdr` looks (`enum nft_exthdr_op`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Extension {
    /// An IPv6 extension header, by its protocol.
    Ipv6,
    /// A TCP option, by its kind.
    TcpOption,
    /// An IPv4 option, by its type.
    IpOption,
    /// An SCTP chunk, by its type.
    SctpChunk,
    /// A DCCP option, by its type.
    DccpOption,
}

/// What `socket` names (`enum nft_socket_keys`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SocketKey {
    /// Whether it is transparent, 1 byte.
    Transparent,
    /// Its mark, 4 bytes in host order.
    Mark,
    /// Whether it is bound to no address, 1 byte.
    Wildcard,
    /// The id of its control group's ancestor at this level (`NFTA_SOCKET_LEVEL`), 8 bytes in host order.
    Cgroup2(u8),
}

/// What `rt` names (`enum nft_rt_keys`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RtKey {
    /// Realm of the route, 4 bytes in host order.
    ClassId,
    /// IPv4 next hop.
    NextHop4,
    /// IPv6 next hop.
    NextHop6,
    /// Largest TCP segment of the path, 2 bytes in host order.
    TcpMss,
    /// Whether the route is transformed by IPsec, 1 byte.
    Xfrm,
}

/// What `xfrm` names (`enum nft_xfrm_keys`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum XfrmKey {
    /// IPv4 destination of the state.
    DestinationIp,
    /// IPv6 destination.
    DestinationIp6,
    /// IPv4 source.
    SourceIp,
    /// IPv6 source.
    SourceIp6,
    /// The request's id, 4 bytes in host order.
    RequestId,
    /// The security parameter index, 4 bytes in network order.
    Spi,
}

/// What `tunnel` names (`enum nft_tunnel_keys`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TunnelKey {
    /// Whether there is a tunnel, 1 byte.
    Path,
    /// Its id, 4 bytes in host order.
    Id,
}

/// Which tunnel is meant (`enum nft_tunnel_mode`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TunnelMode {
    /// Any.
    None,
    /// That which the packet came by.
    Rx,
    /// That which it leaves by.
    Tx,
}

/// How `hash` makes a number (`enum nft_hash_types`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HashKind {
    /// Of bytes in registers.
    Jenkins,
    /// Of the packet's addresses and ports, the same for both directions.
    Symmetric,
}

/// The numbers of keys, one table for both ways.
macro_rules! numbers {
    ($($kind:ident { $($number:literal $name:ident),* })*) => {
        $(impl $kind {
            /// The kernel's number for it.
            pub fn number(self) -> u32 {
                match self {
                    $($kind::$name => $number),*
                }
            }

            /// The one with this number.
            pub fn from_number(number: u32) -> Option<$kind> {
                match number {
                    $($number => Some($kind::$name),)*
                    _ => None,
                }
            }
        })*
    };
}

numbers! {
    FibResult { 1 Oif, 2 OifName, 3 AddressType }
    Extension { 0 Ipv6, 1 TcpOption, 2 IpOption, 3 SctpChunk, 4 DccpOption }
    RtKey { 0 ClassId, 1 NextHop4, 2 NextHop6, 3 TcpMss, 4 Xfrm }
    XfrmKey { 1 DestinationIp, 2 DestinationIp6, 3 SourceIp, 4 SourceIp6, 5 RequestId, 6 Spi }
}
