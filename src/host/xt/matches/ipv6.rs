//! Matches on IPv6 extension headers: dst, hbh, frag, ipv6header, mh, rt, srh.

use std::net::Ipv6Addr;

use bitflags::bitflags;

use super::Span;
use crate::host::xt::{AddressMask, Neg};

/// An option of a header: its type, and its length where one is asked for.
pub type HeaderOption = (u8, Option<u8>);

/// `-m dst`, `-m hbh` (`struct ip6t_opts`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HeaderOptions {
    /// `--dst-len`, `--hbh-len`.
    pub length: Option<Neg<u32>>,
    /// `--dst-opts`, `--hbh-opts`.
    pub options: Option<Box<[HeaderOption]>>,
}

/// `-m frag` (`struct ip6t_frag`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frag {
    /// `--fragid`.
    pub id: Option<Neg<Span>>,
    /// `--fraglen`; the kernel does not look at it.
    pub length: Option<Neg<u32>>,
    /// `--fragres`: the reserved field is zero.
    pub reserved: bool,
    /// `--fragfirst`.
    pub first: bool,
    /// `--fragmore`.
    pub more: bool,
    /// `--fraglast`.
    pub last: bool,
}

bitflags! {
    /// Headers of an IPv6 packet (`MASK_*` in ip6t_ipv6header.h).
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
    pub struct Ipv6Headers: u8 {
        /// Hop-by-hop options.
        const HOP = 128;
        /// Destination options.
        const DST = 64;
        /// Routing.
        const ROUTE = 32;
        /// Fragment.
        const FRAG = 16;
        /// Authentication.
        const AH = 8;
        /// Encapsulating security payload.
        const ESP = 4;
        /// No next header.
        const NONE = 2;
        /// An upper-layer protocol.
        const PROTOCOL = 1;
    }
}

/// `-m ipv6header` (`struct ip6t_ipv6header_info`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ipv6Header {
    /// `--header`.
    pub headers: Neg<Ipv6Headers>,
    /// `--soft`: there may be others too.
    pub soft: bool,
}

/// `-m mh` (`struct ip6t_mh`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mh {
    /// `--mh-type`, first and last.
    pub kinds: Option<Neg<(u8, u8)>>,
}

/// `-m rt` (`struct ip6t_rt`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rt {
    /// `--rt-type`.
    pub kind: Option<Neg<u32>>,
    /// `--rt-segsleft`.
    pub segments_left: Option<Neg<Span>>,
    /// `--rt-len`.
    pub length: Option<Neg<u32>>,
    /// `--rt-0-res`: the reserved field is zero.
    pub reserved: bool,
    /// `--rt-0-addrs`.
    pub addresses: Option<Box<[Ipv6Addr]>>,
    /// `--rt-0-not-strict`: other addresses may stand between.
    pub not_strict: bool,
}

/// `-m srh` (`struct ip6t_srh`, `struct ip6t_srh1`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Srh {
    /// `--srh-next-hdr`.
    pub next_header: Option<Neg<u8>>,
    /// `--srh-hdr-len-eq`, `-gt`, `-lt`.
    pub length: SrhNumber,
    /// `--srh-segs-left-eq`, `-gt`, `-lt`.
    pub segments_left: SrhNumber,
    /// `--srh-last-entry-eq`, `-gt`, `-lt`.
    pub last_entry: SrhNumber,
    /// `--srh-tag`.
    pub tag: Option<Neg<u16>>,
    /// `--srh-psid`: the previous segment.
    pub previous: Option<Neg<AddressMask>>,
    /// `--srh-nsid`: the next segment.
    pub next: Option<Neg<AddressMask>>,
    /// `--srh-lsid`: the last segment.
    pub last: Option<Neg<AddressMask>>,
}

/// What is asked of one number of a segment routing header; all that is given is the same number, for the kernel's struct
/// has room for one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SrhNumber {
    /// `-eq`.
    pub equal: Option<Neg<u8>>,
    /// `-gt`.
    pub greater: Option<Neg<u8>>,
    /// `-lt`.
    pub less: Option<Neg<u8>>,
}
