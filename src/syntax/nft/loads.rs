//! What rules load beside headers, `meta`, `ct` and `fib`: in nft's words, with how its values are written.

use super::fields::Loaded;
use super::values::Kind;
use crate::host::nft::{RtKey, SocketKey, TunnelKey, TunnelMode, XfrmKey};

fn loaded(text: impl Into<String>, kind: Kind<'static>, host: bool, bytes: u16) -> Loaded {
    Loaded { text: text.into(), kind, host, bytes }
}

/// What `socket` loads.
pub(super) fn socket(key: SocketKey) -> Loaded {
    match key {
        SocketKey::Transparent => loaded("socket transparent", Kind::Integer, true, 1),
        SocketKey::Mark => loaded("socket mark", Kind::Mark, true, 4),
        SocketKey::Wildcard => loaded("socket wildcard", Kind::Integer, true, 1),
        // The path of the control group is the host's to know; nft writes the number where it finds none.
        SocketKey::Cgroup2(level) => loaded(format!("socket cgroupv2 level {level}"), Kind::Integer, true, 8),
    }
}

/// What `rt` loads.
pub(super) fn rt(key: RtKey) -> Loaded {
    match key {
        RtKey::ClassId => loaded("rt classid", Kind::Realm, true, 4),
        RtKey::NextHop4 => loaded("rt ip nexthop", Kind::Address, false, 4),
        RtKey::NextHop6 => loaded("rt ip6 nexthop", Kind::Address, false, 16),
        RtKey::TcpMss => loaded("rt mtu", Kind::Integer, true, 2),
        RtKey::Xfrm => loaded("rt ipsec", Kind::Exists, true, 1),
    }
}

/// What `osf` loads.
pub(super) fn osf(ttl: u8, version: bool) -> Loaded {
    let ttl = match ttl {
        0 => "".to_owned(),
        1 => "ttl loose ".to_owned(),
        2 => "ttl skip ".to_owned(),
        other => format!("ttl [{other}] "),
    };
    loaded(format!("osf {ttl}{}", if version { "version" } else { "name" }), Kind::Name, false, 16)
}

/// What `xfrm` loads.
pub(super) fn xfrm(key: XfrmKey, out: bool, index: u8) -> Loaded {
    let way = if out { "out" } else { "in" };
    let index = if index == 0 { String::new() } else { format!(" spnum {index}") };
    let (key, kind, host, bytes) = match key {
        XfrmKey::DestinationIp => ("ip daddr", Kind::Address, false, 4),
        XfrmKey::DestinationIp6 => ("ip6 daddr", Kind::Address, false, 16),
        XfrmKey::SourceIp => ("ip saddr", Kind::Address, false, 4),
        XfrmKey::SourceIp6 => ("ip6 saddr", Kind::Address, false, 16),
        XfrmKey::RequestId => ("reqid", Kind::Integer, true, 4),
        XfrmKey::Spi => ("spi", Kind::Integer, false, 4),
    };
    loaded(format!("ipsec {way}{index} {key}"), kind, host, bytes)
}

/// What `tunnel` loads, in words that nft has since 1.1.
pub(super) fn tunnel(key: TunnelKey, mode: TunnelMode) -> Loaded {
    let mode = match mode {
        TunnelMode::None => "",
        TunnelMode::Rx => "rx ",
        TunnelMode::Tx => "tx ",
    };
    match key {
        TunnelKey::Path => loaded(format!("tunnel {mode}path"), Kind::Exists, true, 1),
        TunnelKey::Id => loaded(format!("tunnel {mode}id"), Kind::Integer, true, 4),
    }
}

/// What `numgen` makes.
pub(super) fn numgen(random: bool, modulus: u32, offset: u32) -> Loaded {
    let way = if random { "random" } else { "inc" };
    loaded(format!("numgen {way} mod {modulus}{}", offset_text(offset)), Kind::Integer, true, 4)
}

/// What a hash makes of something.
pub(super) fn hash(what: &str, modulus: u32, seed: Option<u32>, offset: u32) -> Loaded {
    let seed = seed.map_or(String::new(), |seed| format!(" seed {seed:#x}"));
    loaded(format!("{what} mod {modulus}{seed}{}", offset_text(offset)), Kind::Integer, true, 4)
}

fn offset_text(offset: u32) -> String {
    if offset == 0 { String::new() } else { format!(" offset {offset}") }
}
