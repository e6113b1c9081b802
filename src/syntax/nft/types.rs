//! nft's types of the keys and values of sets: their numbers, their names, and how values are written.
//!
//! A table alone. The kernel keeps the numbers and does not look at them; a type that is not here is written by its number.

use super::values::*;

/// A type of the keys or values of sets, by the number that nft gives it (`enum datatypes` in nft's datatype.h).
#[derive(Debug, Clone, Copy)]
pub(super) struct DataType {
    /// nft's number for it.
    pub number: u32,
    /// What nft calls it.
    pub name: &'static str,
    /// How values are written.
    pub kind: Kind<'static>,
    /// Whether the values of a set without ranges are in host order.
    pub host: bool,
    /// Bytes; 0: as many as there are.
    pub bytes: usize,
}

macro_rules! types {
    ($($number:literal $name:literal $kind:expr, $order:ident $bytes:literal;)*) => {
        const TYPES: &[DataType] = &[
            $(DataType { number: $number, name: $name, kind: $kind, host: types!($order), bytes: $bytes }),*
        ];
    };
    (host) => { true };
    (wire) => { false };
}

types! {
    2 "nf_proto" NFPROTO, host 1;
    4 "integer" Kind::Integer, wire 0;
    5 "string" Kind::Name, wire 0;
    7 "ipv4_addr" Kind::Address, wire 4;
    8 "ipv6_addr" Kind::Address, wire 16;
    9 "ether_addr" Kind::Ether, wire 6;
    10 "ether_type" ETHER_TYPE, wire 2;
    11 "arp_op" ARP_OPERATION, wire 2;
    12 "inet_proto" Kind::Protocol, wire 1;
    13 "inet_service" Kind::Integer, wire 2;
    14 "icmp_type" ICMP_TYPE, wire 1;
    15 "tcp_flag" TCP_FLAGS, wire 1;
    16 "dccp_pkttype" DCCP_TYPE, wire 1;
    17 "mh_type" MOBILITY_TYPE, wire 1;
    18 "time" Kind::Time, host 8;
    19 "mark" Kind::Mark, host 4;
    20 "iface_index" Kind::Device, host 4;
    21 "iface_type" DEVICE_TYPE, host 2;
    22 "realm" Kind::Realm, host 4;
    23 "classid" Kind::Class, host 4;
    24 "uid" Kind::Integer, host 4;
    25 "gid" Kind::Integer, host 4;
    26 "ct_state" CT_STATE, host 4;
    27 "ct_dir" DIRECTION, host 1;
    28 "ct_status" CT_STATUS, host 4;
    29 "icmpv6_type" ICMP6_TYPE, wire 1;
    31 "pkt_type" PACKET_TYPE, host 1;
    32 "icmp_code" ICMP_CODE, wire 1;
    33 "icmpv6_code" ICMP6_CODE, wire 1;
    34 "icmpx_code" ICMPX_CODE, wire 1;
    35 "devgroup" DEVICE_GROUP, host 4;
    36 "dscp" DSCP, wire 1;
    37 "ecn" ECN, wire 1;
    38 "fib_addrtype" ADDRESS_TYPE, host 4;
    39 "boolean" Kind::Integer, host 1;
    41 "ifname" Kind::Name, wire 16;
    42 "igmp_type" IGMP_TYPE, wire 1;
}

/// The types in a set's number for its keys: six bits for each part of a concatenation, the first in the highest.
pub(super) fn data_types(number: u32) -> Option<Vec<DataType>> {
    let found: Option<Vec<DataType>> = type_numbers(number).map(data_type).collect();
    found.filter(|found| !found.is_empty())
}

fn type_numbers(number: u32) -> impl Iterator<Item = u32> {
    (0..6).rev().map(move |at| number >> (6 * at) & 0x3f).skip_while(|part| *part == 0)
}

fn data_type(number: u32) -> Option<DataType> {
    TYPES.iter().find(|known| known.number == number).copied()
}

/// The type with this name.
pub(super) fn type_named(name: &str) -> Option<DataType> {
    TYPES.iter().find(|known| known.name == name).copied()
}

impl DataType {
    /// How many bits a value has.
    pub fn bits(&self) -> u16 {
        match self.name {
            "dscp" => 6,
            "ecn" => 2,
            "dccp_pkttype" => 4,
            "boolean" => 1,
            _ => self.bytes as u16 * 8,
        }
    }
}

/// nft's number for the type whose values are written like this and have so many bytes.
pub(super) fn type_number(kind: Kind<'static>, bytes: usize) -> Option<u32> {
    TYPES.iter().find(|known| known.kind == kind && known.bytes == bytes).map(|known| known.number)
}

/// What nft calls a type: `ipv4_addr . inet_service`.
pub(super) fn type_name(number: u32) -> String {
    /// `NFT_DATA_VERDICT`.
    const VERDICT: u32 = 0xffff_ff00;
    if number == VERDICT {
        return "verdict".to_owned();
    }
    let each = type_numbers(number).map(|part| match data_type(part) {
        Some(known) => known.name.to_owned(),
        None => format!("[type {part}]"),
    });
    let each: Vec<String> = each.collect();
    if each.is_empty() { format!("[type {number}]") } else { each.join(" . ") }
}
