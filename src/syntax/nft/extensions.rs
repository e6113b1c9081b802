//! Extension headers of IPv6, options of IPv4 and TCP, and chunks of SCTP: their numbers, and the fields that nft has names
//! for.
//!
//! Tables alone, as `fields` has them for the headers that lie at a fixed place.

use super::values::*;
use crate::host::nft::Extension;

/// An extension header, an option or a chunk.
#[derive(Debug)]
pub(super) struct Optional {
    pub within: Extension,
    /// The header's protocol, or the kind of the option or chunk.
    pub number: u8,
    /// In nft's words: `tcp option maxseg`.
    pub name: &'static str,
    pub fields: &'static [Part],
}

/// A field of it.
#[derive(Debug)]
pub(super) struct Part {
    pub name: &'static str,
    /// The first bit, counted from its start.
    pub bit: u16,
    /// How many bits.
    pub bits: u16,
    pub kind: Kind<'static>,
}

macro_rules! optional {
    ($($within:ident $number:literal $name:literal {
        $($field:literal $bit:literal $bits:literal $kind:expr;)*
    })*) => {
        /// In the order in which nft looks for a name: what is said of a routing header of any type comes first.
        pub(super) static OPTIONAL: &[Optional] = &[$(Optional {
            within: Extension::$within,
            number: $number,
            name: $name,
            fields: &[$(Part { name: $field, bit: $bit, bits: $bits, kind: $kind }),*],
        }),*];
    };
}

optional! {
    Ipv6 0 "hbh" {
        "nexthdr" 0 8 Kind::Protocol;
        "hdrlength" 8 8 Kind::Integer;
    }
    Ipv6 43 "rt" {
        "nexthdr" 0 8 Kind::Protocol;
        "hdrlength" 8 8 Kind::Integer;
        "type" 16 8 Kind::Integer;
        "seg-left" 24 8 Kind::Integer;
    }
    Ipv6 43 "srh" {
        "last-entry" 32 8 Kind::Integer;
        "flags" 40 8 Kind::Integer;
        "tag" 48 16 Kind::Integer;
        "sid[1]" 64 128 Kind::Address;
        "sid[2]" 192 128 Kind::Address;
    }
    Ipv6 43 "rt0" {
        "reserved" 32 32 Kind::Integer;
        "addr[1]" 64 128 Kind::Address;
        "addr[2]" 192 128 Kind::Address;
    }
    Ipv6 44 "frag" {
        "nexthdr" 0 8 Kind::Protocol;
        "reserved" 8 8 Kind::Integer;
        "frag-off" 16 13 Kind::Integer;
        "reserved2" 29 2 Kind::Integer;
        "more-fragments" 31 1 Kind::Integer;
        "id" 32 32 Kind::Integer;
    }
    Ipv6 60 "dst" {
        "nexthdr" 0 8 Kind::Protocol;
        "hdrlength" 8 8 Kind::Integer;
    }
    Ipv6 135 "mh" {
        "nexthdr" 0 8 Kind::Protocol;
        "hdrlength" 8 8 Kind::Integer;
        "type" 16 8 MOBILITY_TYPE;
        "reserved" 24 8 Kind::Integer;
        "checksum" 32 16 Kind::Integer;
    }
    TcpOption 0 "tcp option eol" {
        "kind" 0 8 Kind::Integer;
    }
    TcpOption 1 "tcp option nop" {
        "kind" 0 8 Kind::Integer;
    }
    TcpOption 2 "tcp option maxseg" {
        "kind" 0 8 Kind::Integer;
        "length" 8 8 Kind::Integer;
        "size" 16 16 Kind::Integer;
    }
    TcpOption 3 "tcp option window" {
        "kind" 0 8 Kind::Integer;
        "length" 8 8 Kind::Integer;
        "count" 16 8 Kind::Integer;
    }
    TcpOption 4 "tcp option sack-perm" {
        "kind" 0 8 Kind::Integer;
        "length" 8 8 Kind::Integer;
    }
    TcpOption 5 "tcp option sack" {
        "kind" 0 8 Kind::Integer;
        "length" 8 8 Kind::Integer;
        "left" 16 32 Kind::Integer;
        "right" 48 32 Kind::Integer;
    }
    TcpOption 5 "tcp option sack1" {
        "left" 80 32 Kind::Integer;
        "right" 112 32 Kind::Integer;
    }
    TcpOption 5 "tcp option sack2" {
        "left" 144 32 Kind::Integer;
        "right" 176 32 Kind::Integer;
    }
    TcpOption 5 "tcp option sack3" {
        "left" 208 32 Kind::Integer;
        "right" 240 32 Kind::Integer;
    }
    TcpOption 8 "tcp option timestamp" {
        "kind" 0 8 Kind::Integer;
        "length" 8 8 Kind::Integer;
        "tsval" 16 32 Kind::Integer;
        "tsecr" 48 32 Kind::Integer;
    }
    TcpOption 19 "tcp option md5sig" {
        "kind" 0 8 Kind::Integer;
        "length" 8 8 Kind::Integer;
    }
    TcpOption 30 "tcp option mptcp" {
        "kind" 0 8 Kind::Integer;
        "length" 8 8 Kind::Integer;
        "subtype" 16 4 Kind::Integer;
    }
    TcpOption 34 "tcp option fastopen" {
        "kind" 0 8 Kind::Integer;
        "length" 8 8 Kind::Integer;
    }
    IpOption 131 "ip option lsrr" {
        "type" 0 8 Kind::Integer;
        "length" 8 8 Kind::Integer;
        "ptr" 16 8 Kind::Integer;
        "addr" 24 32 Kind::Integer;
    }
    IpOption 7 "ip option rr" {
        "type" 0 8 Kind::Integer;
        "length" 8 8 Kind::Integer;
        "ptr" 16 8 Kind::Integer;
        "addr" 24 32 Kind::Integer;
    }
    IpOption 137 "ip option ssrr" {
        "type" 0 8 Kind::Integer;
        "length" 8 8 Kind::Integer;
        "ptr" 16 8 Kind::Integer;
        "addr" 24 32 Kind::Integer;
    }
    IpOption 148 "ip option ra" {
        "type" 0 8 Kind::Integer;
        "length" 8 8 Kind::Integer;
        "value" 16 16 Kind::Integer;
    }
    SctpChunk 0 "sctp chunk data" {
        "type" 0 8 Kind::Integer;
        "flags" 8 8 Kind::Integer;
        "length" 16 16 Kind::Integer;
        "tsn" 32 32 Kind::Integer;
        "stream" 64 16 Kind::Integer;
        "ssn" 80 16 Kind::Integer;
        "ppid" 96 32 Kind::Integer;
    }
    SctpChunk 1 "sctp chunk init" {
        "type" 0 8 Kind::Integer;
        "flags" 8 8 Kind::Integer;
        "length" 16 16 Kind::Integer;
        "init-tag" 32 32 Kind::Integer;
        "a-rwnd" 64 32 Kind::Integer;
        "num-outbound-streams" 96 16 Kind::Integer;
        "num-inbound-streams" 112 16 Kind::Integer;
        "initial-tsn" 128 32 Kind::Integer;
    }
    SctpChunk 2 "sctp chunk init-ack" {
        "type" 0 8 Kind::Integer;
        "flags" 8 8 Kind::Integer;
        "length" 16 16 Kind::Integer;
        "init-tag" 32 32 Kind::Integer;
        "a-rwnd" 64 32 Kind::Integer;
        "num-outbound-streams" 96 16 Kind::Integer;
        "num-inbound-streams" 112 16 Kind::Integer;
        "initial-tsn" 128 32 Kind::Integer;
    }
    SctpChunk 3 "sctp chunk sack" {
        "type" 0 8 Kind::Integer;
        "flags" 8 8 Kind::Integer;
        "length" 16 16 Kind::Integer;
        "cum-tsn-ack" 32 32 Kind::Integer;
        "a-rwnd" 64 32 Kind::Integer;
        "num-gap-ack-blocks" 96 16 Kind::Integer;
        "num-dup-tsns" 112 16 Kind::Integer;
    }
    SctpChunk 7 "sctp chunk shutdown" {
        "type" 0 8 Kind::Integer;
        "flags" 8 8 Kind::Integer;
        "length" 16 16 Kind::Integer;
        "cum-tsn-ack" 32 32 Kind::Integer;
    }
    SctpChunk 12 "sctp chunk ecne" {
        "type" 0 8 Kind::Integer;
        "flags" 8 8 Kind::Integer;
        "length" 16 16 Kind::Integer;
        "lowest-tsn" 32 32 Kind::Integer;
    }
    SctpChunk 13 "sctp chunk cwr" {
        "type" 0 8 Kind::Integer;
        "flags" 8 8 Kind::Integer;
        "length" 16 16 Kind::Integer;
        "lowest-tsn" 32 32 Kind::Integer;
    }
    SctpChunk 128 "sctp chunk asconf-ack" {
        "type" 0 8 Kind::Integer;
        "flags" 8 8 Kind::Integer;
        "length" 16 16 Kind::Integer;
        "seqno" 32 32 Kind::Integer;
    }
    SctpChunk 192 "sctp chunk forward-tsn" {
        "type" 0 8 Kind::Integer;
        "flags" 8 8 Kind::Integer;
        "length" 16 16 Kind::Integer;
        "new-cum-tsn" 32 32 Kind::Integer;
    }
    SctpChunk 193 "sctp chunk asconf" {
        "type" 0 8 Kind::Integer;
        "flags" 8 8 Kind::Integer;
        "length" 16 16 Kind::Integer;
        "seqno" 32 32 Kind::Integer;
    }
    SctpChunk 4 "sctp chunk heartbeat" {
        "type" 0 8 Kind::Integer;
        "flags" 8 8 Kind::Integer;
        "length" 16 16 Kind::Integer;
    }
    SctpChunk 5 "sctp chunk heartbeat-ack" {
        "type" 0 8 Kind::Integer;
        "flags" 8 8 Kind::Integer;
        "length" 16 16 Kind::Integer;
    }
    SctpChunk 6 "sctp chunk abort" {
        "type" 0 8 Kind::Integer;
        "flags" 8 8 Kind::Integer;
        "length" 16 16 Kind::Integer;
    }
    SctpChunk 8 "sctp chunk shutdown-ack" {
        "type" 0 8 Kind::Integer;
        "flags" 8 8 Kind::Integer;
        "length" 16 16 Kind::Integer;
    }
    SctpChunk 9 "sctp chunk error" {
        "type" 0 8 Kind::Integer;
        "flags" 8 8 Kind::Integer;
        "length" 16 16 Kind::Integer;
    }
    SctpChunk 10 "sctp chunk cookie-echo" {
        "type" 0 8 Kind::Integer;
        "flags" 8 8 Kind::Integer;
        "length" 16 16 Kind::Integer;
    }
    SctpChunk 11 "sctp chunk cookie-ack" {
        "type" 0 8 Kind::Integer;
        "flags" 8 8 Kind::Integer;
        "length" 16 16 Kind::Integer;
    }
    SctpChunk 14 "sctp chunk shutdown-complete" {
        "type" 0 8 Kind::Integer;
        "flags" 8 8 Kind::Integer;
        "length" 16 16 Kind::Integer;
    }
}
