//! Rules that refuse packets from a few sources, as lists of banned ones have them by the thousand: a question that packets
//! from others answer as well passes them by.

use ipnet::IpNet;

use super::field::Field;
use super::plan::sources_of;
use super::space::Space;
use crate::host::xt::{AddressMask, Match};
use crate::host::{Body, Family};

/// A network of no more bits than this for its hosts is a few sources.
const FEW_BITS: u8 = 8;

/// Whether packets of a few sources at most are refused by a rule of a table of this family, and others are left.
pub(super) fn is_of_few(rule: &Body, family: Family, space: &Space) -> bool {
    let of_few = || match rule {
        Body::Iptables(rule) => rule.matches.iter().any(asks_for_few),
        Body::Nft(rule) => sources_of(rule, family).is_some(),
    };
    let most = 2f64.powi(FEW_BITS.into());
    rule.refuses() && of_few() && space.values(Field::Src).is_none_or(|sources| sources.size() > most)
}

fn asks_for_few(matched: &Match) -> bool {
    let is_small = |net: &IpNet| net.max_prefix_len() - net.prefix_len() <= FEW_BITS;
    match matched {
        Match::Source(mask) if !mask.not => matches!(&mask.value, AddressMask::Net(net) if is_small(net)),
        _ => false,
    }
}
