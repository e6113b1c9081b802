//! What rules load: the fields of headers, and the keys of `meta` and `ct`.
//!
//! Tables alone: where a field lies, what nft calls it, how its values are written. Which header a packet has is not
//! known here.

use std::sync::LazyLock;

use super::values::*;
use crate::host::nft::{FibResult, PayloadBase, fib};
use crate::host::xt::CtDirection;
use crate::host::{Protocol, QuickMap, nft};

/// A header that nft has a name for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Header {
    Ether,
    Vlan,
    Ip,
    Ip6,
    Arp,
    Icmp,
    Icmp6,
    Igmp,
    Tcp,
    Udp,
    Udplite,
    Sctp,
    Dccp,
    Esp,
    Ah,
    Comp,
    /// Any transport protocol: the ports, where nothing tells which it is.
    Transport,
}

impl Header {
    /// The transport header that this protocol has.
    pub fn of_protocol(protocol: Protocol) -> Option<Header> {
        Some(match protocol.0 {
            1 => Header::Icmp,
            2 => Header::Igmp,
            6 => Header::Tcp,
            17 => Header::Udp,
            33 => Header::Dccp,
            50 => Header::Esp,
            51 => Header::Ah,
            58 => Header::Icmp6,
            108 => Header::Comp,
            132 => Header::Sctp,
            136 => Header::Udplite,
            _ => return None,
        })
    }

    /// The transport protocol that has this header.
    pub fn protocol(self) -> Option<Protocol> {
        Some(Protocol(match self {
            Header::Icmp => 1,
            Header::Igmp => 2,
            Header::Tcp => 6,
            Header::Udp => 17,
            Header::Dccp => 33,
            Header::Esp => 50,
            Header::Ah => 51,
            Header::Icmp6 => 58,
            Header::Comp => 108,
            Header::Sctp => 132,
            Header::Udplite => 136,
            Header::Ether | Header::Vlan | Header::Ip | Header::Ip6 | Header::Arp | Header::Transport => return None,
        }))
    }
}

/// A field of a header.
#[derive(Debug)]
pub(super) struct Field {
    pub header: Header,
    /// The header and the field, in nft's words.
    pub name: &'static str,
    /// The first bit, counted from the start of the header.
    pub bit: u16,
    /// How many bits.
    pub bits: u16,
    pub kind: Kind<'static>,
    /// The message (ICMP type) that has this field in this place.
    pub message: Option<u8>,
}

macro_rules! fields {
    ($($header:ident { $($name:literal $bit:literal $bits:literal $kind:expr $(, if $message:literal)?;)* })*) => {
        static FIELDS: &[Field] = &[$($(Field {
            header: Header::$header,
            name: $name,
            bit: $bit,
            bits: $bits,
            kind: $kind,
            message: fields!(@ $($message)?),
        },)*)*];
    };
    (@) => { None };
    (@ $message:literal) => { Some($message) };
}

fields! {
    Ether {
        "ether daddr" 0 48 Kind::Ether;
        "ether saddr" 48 48 Kind::Ether;
        "ether type" 96 16 ETHER_TYPE;
    }
    Vlan {
        "vlan pcp" 0 3 Kind::Integer;
        "vlan dei" 3 1 Kind::Integer;
        "vlan id" 4 12 Kind::Integer;
        "vlan type" 16 16 ETHER_TYPE;
    }
    Ip {
        "ip version" 0 4 Kind::Integer;
        "ip hdrlength" 4 4 Kind::Integer;
        "ip dscp" 8 6 DSCP;
        "ip ecn" 14 2 ECN;
        "ip length" 16 16 Kind::Integer;
        "ip id" 32 16 Kind::Integer;
        "ip frag-off" 48 16 Kind::Integer;
        "ip ttl" 64 8 Kind::Integer;
        "ip protocol" 72 8 Kind::Protocol;
        "ip checksum" 80 16 Kind::Integer;
        "ip saddr" 96 32 Kind::Address;
        "ip daddr" 128 32 Kind::Address;
    }
    Ip6 {
        "ip6 version" 0 4 Kind::Integer;
        "ip6 dscp" 4 6 DSCP;
        "ip6 ecn" 10 2 ECN;
        "ip6 flowlabel" 12 20 Kind::Integer;
        "ip6 length" 32 16 Kind::Integer;
        "ip6 nexthdr" 48 8 Kind::Protocol;
        "ip6 hoplimit" 56 8 Kind::Integer;
        "ip6 saddr" 64 128 Kind::Address;
        "ip6 daddr" 192 128 Kind::Address;
    }
    Arp {
        "arp htype" 0 16 Kind::Integer;
        "arp ptype" 16 16 ETHER_TYPE;
        "arp hlen" 32 8 Kind::Integer;
        "arp plen" 40 8 Kind::Integer;
        "arp operation" 48 16 ARP_OPERATION;
        "arp saddr ether" 64 48 Kind::Ether;
        "arp saddr ip" 112 32 Kind::Address;
        "arp daddr ether" 144 48 Kind::Ether;
        "arp daddr ip" 192 32 Kind::Address;
    }
    Icmp {
        "icmp type" 0 8 ICMP_TYPE;
        "icmp code" 8 8 ICMP_CODE;
        "icmp checksum" 16 16 Kind::Integer;
        "icmp mtu" 48 16 Kind::Integer, if 3;
        "icmp gateway" 32 32 Kind::Integer, if 5;
        "icmp id" 32 16 Kind::Integer;
        "icmp sequence" 48 16 Kind::Integer;
    }
    Icmp6 {
        "icmpv6 type" 0 8 ICMP6_TYPE;
        "icmpv6 code" 8 8 ICMP6_CODE;
        "icmpv6 checksum" 16 16 Kind::Integer;
        "icmpv6 mtu" 32 32 Kind::Integer, if 2;
        "icmpv6 parameter-problem" 32 32 Kind::Integer, if 4;
        "icmpv6 max-delay" 32 16 Kind::Integer, if 130;
        "icmpv6 id" 32 16 Kind::Integer;
        "icmpv6 sequence" 48 16 Kind::Integer;
    }
    Igmp {
        "igmp type" 0 8 IGMP_TYPE;
        "igmp mrt" 8 8 Kind::Integer;
        "igmp checksum" 16 16 Kind::Integer;
        "igmp group" 32 32 Kind::Integer;
    }
    Tcp {
        "tcp sport" 0 16 Kind::Integer;
        "tcp dport" 16 16 Kind::Integer;
        "tcp sequence" 32 32 Kind::Integer;
        "tcp ackseq" 64 32 Kind::Integer;
        "tcp doff" 96 4 Kind::Integer;
        "tcp reserved" 100 4 Kind::Integer;
        "tcp flags" 104 8 TCP_FLAGS;
        "tcp window" 112 16 Kind::Integer;
        "tcp checksum" 128 16 Kind::Integer;
        "tcp urgptr" 144 16 Kind::Integer;
    }
    Udp {
        "udp sport" 0 16 Kind::Integer;
        "udp dport" 16 16 Kind::Integer;
        "udp length" 32 16 Kind::Integer;
        "udp checksum" 48 16 Kind::Integer;
    }
    Udplite {
        "udplite sport" 0 16 Kind::Integer;
        "udplite dport" 16 16 Kind::Integer;
        "udplite csumcov" 32 16 Kind::Integer;
        "udplite checksum" 48 16 Kind::Integer;
    }
    Sctp {
        "sctp sport" 0 16 Kind::Integer;
        "sctp dport" 16 16 Kind::Integer;
        "sctp vtag" 32 32 Kind::Integer;
        "sctp checksum" 64 32 Kind::Integer;
    }
    Dccp {
        "dccp sport" 0 16 Kind::Integer;
        "dccp dport" 16 16 Kind::Integer;
        "dccp type" 67 4 DCCP_TYPE;
    }
    Esp {
        "esp spi" 0 32 Kind::Integer;
        "esp sequence" 32 32 Kind::Integer;
    }
    Ah {
        "ah nexthdr" 0 8 Kind::Protocol;
        "ah hdrlength" 8 8 Kind::Integer;
        "ah reserved" 16 16 Kind::Integer;
        "ah spi" 32 32 Kind::Integer;
        "ah sequence" 64 32 Kind::Integer;
    }
    Comp {
        "comp nexthdr" 0 8 Kind::Protocol;
        "comp flags" 8 8 Kind::Hex;
        "comp cpi" 16 16 Kind::Integer;
    }
    Transport {
        "th sport" 0 16 Kind::Integer;
        "th dport" 16 16 Kind::Integer;
    }
}

/// The fields of a header; those that only one kind of message has come where that message is known.
pub(super) fn fields(header: Header, message: Option<u8>) -> impl Iterator<Item = &'static Field> {
    FIELDS.iter().filter(move |field| field.header == header && (field.message.is_none() || field.message == message))
}

/// The field whose header and name are these words.
pub(super) fn named(words: &[&str]) -> Option<&'static Field> {
    static KNOWN: LazyLock<QuickMap<&str, &Field>> = LazyLock::new(|| {
        // Of those that share a name, the first is meant.
        FIELDS.iter().rev().map(|field| (field.name, field)).collect()
    });
    let mut name = [0; LONGEST];
    let mut length = 0;
    for word in words {
        let separate = usize::from(length > 0);
        name.get_mut(length + separate..length + separate + word.len())?.copy_from_slice(word.as_bytes());
        if separate > 0 {
            name[length] = b' ';
        }
        length += separate + word.len();
    }
    KNOWN.get(std::str::from_utf8(&name[..length]).ok()?).copied()
}

/// Room for the longest name of a field, in bytes.
const LONGEST: usize = 32;

/// The place of a field among those of its header: by its address, which is why the table is no constant.
pub(super) fn place(field: &'static Field) -> usize {
    fields(field.header, field.message).position(|known| std::ptr::eq(known, field)).unwrap_or(0)
}

/// What nft calls a base where it has no name for a field.
pub(super) fn base_name(base: PayloadBase) -> &'static str {
    match base {
        PayloadBase::Link => "ll",
        PayloadBase::Network => "nh",
        PayloadBase::Transport => "th",
        PayloadBase::Inner => "ih",
        PayloadBase::Tunnel => "[tunnel]",
    }
}

/// Something that is loaded under a name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key {
    number: u32,
    /// In nft's words.
    pub name: &'static str,
    pub kind: Kind<'static>,
    /// Its values are in host order.
    pub host: bool,
    /// How many bytes it fills; 0: an address of the family.
    pub bytes: u16,
}

macro_rules! keys {
    (@ host) => { true };
    (@ wire) => { false };
    ($table:ident $($number:literal $name:literal $kind:expr, $order:ident $bytes:literal;)*) => {
        const $table: &[Key] = &[
            $(Key { number: $number, name: $name, kind: $kind, host: keys!(@ $order), bytes: $bytes }),*
        ];
    };
}

keys! { META
    0 "meta length" Kind::Integer, host 4;
    1 "meta protocol" ETHER_TYPE, wire 2;
    2 "meta priority" Kind::Class, host 4;
    3 "meta mark" Kind::Mark, host 4;
    4 "iif" Kind::Device, host 4;
    5 "oif" Kind::Device, host 4;
    6 "iifname" Kind::Name, wire 16;
    7 "oifname" Kind::Name, wire 16;
    8 "meta iiftype" DEVICE_TYPE, host 2;
    9 "meta oiftype" DEVICE_TYPE, host 2;
    10 "meta skuid" Kind::Integer, host 4;
    11 "meta skgid" Kind::Integer, host 4;
    12 "meta nftrace" Kind::Integer, host 1;
    13 "meta rtclassid" Kind::Realm, host 4;
    14 "meta secmark" Kind::Integer, host 4;
    15 "meta nfproto" NFPROTO, host 1;
    16 "meta l4proto" Kind::Protocol, wire 1;
    17 "meta ibrname" Kind::Name, wire 16;
    18 "meta obrname" Kind::Name, wire 16;
    19 "meta pkttype" PACKET_TYPE, host 1;
    20 "meta cpu" Kind::Integer, host 4;
    21 "iifgroup" DEVICE_GROUP, host 4;
    22 "oifgroup" DEVICE_GROUP, host 4;
    23 "meta cgroup" Kind::Integer, host 4;
    24 "meta random" Kind::Integer, wire 4;
    25 "meta ipsec" Kind::Exists, host 1;
    26 "meta iifkind" Kind::Name, wire 16;
    27 "meta oifkind" Kind::Name, wire 16;
    28 "meta ibrpvid" Kind::Integer, host 2;
    29 "meta ibrvproto" ETHER_TYPE, wire 2;
    30 "meta time" Kind::Date, host 8;
    31 "meta day" DAY, host 1;
    32 "meta hour" Kind::Hour, host 4;
    33 "meta sdif" Kind::Device, host 4;
    34 "meta sdifname" Kind::Name, wire 16;
    35 "meta broute" Kind::Integer, host 1;
}

keys! { CT
    0 "state" CT_STATE, host 4;
    1 "direction" DIRECTION, host 1;
    2 "status" CT_STATUS, host 4;
    3 "mark" Kind::Mark, host 4;
    4 "secmark" Kind::Integer, host 4;
    5 "expiration" Kind::Time, host 4;
    6 "helper" Kind::Name, wire 16;
    7 "l3proto" NFPROTO, host 1;
    8 "saddr" Kind::Address, wire 0;
    9 "daddr" Kind::Address, wire 0;
    10 "protocol" Kind::Protocol, wire 1;
    11 "proto-src" Kind::Integer, wire 2;
    12 "proto-dst" Kind::Integer, wire 2;
    13 "label" Kind::Label, host 16;
    14 "packets" Kind::Integer, host 8;
    15 "bytes" Kind::Integer, host 8;
    16 "avgpkt" Kind::Integer, host 8;
    17 "zone" Kind::Integer, host 2;
    18 "event" CT_EVENT, host 4;
    19 "ip saddr" Kind::Address, wire 4;
    20 "ip daddr" Kind::Address, wire 4;
    21 "ip6 saddr" Kind::Address, wire 16;
    22 "ip6 daddr" Kind::Address, wire 16;
    23 "id" Kind::Integer, wire 4;
}

/// The words for a key, and how its values are written.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Loaded {
    /// `meta mark`, `ct original ip saddr`, `fib daddr type`.
    pub text: String,
    pub kind: Kind<'static>,
    pub host: bool,
    /// Bytes; 0: not known here.
    pub bytes: u16,
}

impl Loaded {
    fn of(key: Option<&Key>, words: impl FnOnce(&str) -> String, otherwise: String) -> Loaded {
        match key {
            Some(key) => Loaded { text: words(key.name), kind: key.kind, host: key.host, bytes: key.bytes },
            None => Loaded { text: otherwise, kind: Kind::Hex, host: true, bytes: 0 },
        }
    }
}

/// A key of `meta`.
pub(super) fn meta_entry(key: nft::MetaKey) -> Option<&'static Key> {
    META.iter().find(|known| known.number == key.0)
}

/// A key of `ct`.
pub(super) fn ct_entry(key: nft::CtKey) -> Option<&'static Key> {
    CT.iter().find(|known| known.number == key.0)
}

/// What a key of `meta` is called.
pub(super) fn meta(key: nft::MetaKey) -> Loaded {
    let known = META.iter().find(|known| known.number == key.0);
    Loaded::of(known, str::to_owned, format!("[meta {}]", key.0))
}

/// What a key of `ct` is called. The addresses of the older form belong to the family of the table.
pub(super) fn ct(key: nft::CtKey, direction: Option<CtDirection>, family: &str) -> Loaded {
    let known = CT.iter().find(|known| known.number == key.0);
    let direction = match direction {
        Some(CtDirection::Original) => "original ",
        Some(CtDirection::Reply) => "reply ",
        None => "",
    };
    let family = if known.is_some_and(|key| key.bytes == 0) { format!("{family} ") } else { String::new() };
    Loaded::of(known, |name| format!("ct {direction}{family}{name}"), format!("[ct {}]", key.0))
}

/// What a query of the routing table is called.
pub(super) fn fib(result: FibResult, flags: u32) -> Loaded {
    const WORDS: [(u32, &str); 5] =
        [(fib::SADDR, "saddr"), (fib::DADDR, "daddr"), (fib::MARK, "mark"), (fib::IIF, "iif"), (fib::OIF, "oif")];
    let asked: Vec<&str> = WORDS.iter().filter(|(flag, _)| flags & flag != 0).map(|(_, word)| *word).collect();
    let (word, kind, host, bytes) = match result {
        FibResult::Oif => ("oif", Kind::Device, true, 4),
        FibResult::OifName => ("oifname", Kind::Name, false, 16),
        FibResult::AddressType => ("type", ADDRESS_TYPE, true, 4),
    };
    let kind = if flags & fib::PRESENT != 0 { Kind::Exists } else { kind };
    Loaded { text: format!("fib {} {word}", asked.join(" . ")), kind, host, bytes }
}

/// The number and the name of a key of `meta`, without the `meta` before it.
pub(super) fn meta_key(is_it: impl Fn(u32, &str) -> bool) -> Option<(u32, &'static str)> {
    let names = META.iter().map(|key| (key.number, key.name.strip_prefix("meta ").unwrap_or(key.name)));
    names.into_iter().find(|(number, name)| is_it(*number, name))
}

/// The number and the name of a key of `ct`.
pub(super) fn ct_key(is_it: impl Fn(u32, &str) -> bool) -> Option<(u32, &'static str)> {
    CT.iter().map(|key| (key.number, key.name)).find(|(number, name)| is_it(*number, name))
}
