//! Expressions that keep a state: what is configured becomes the expression, what it has come to a tally.

use super::super::super::netlink::{Attributes, be};
use super::Parts;
use crate::host::nft::{Expression, Limit};
use crate::host::{Counters, Tally};

/// `NFT_QUOTA_F_INV`; `NFT_QUOTA_F_DEPLETED` (2) only says what the tally says.
const OVER: u32 = 1;
const DEPLETED: u32 = 2;

/// One of those that elements may hold.
pub(super) fn decode(name: &str, parts: &Parts<'_>, tally: &mut Option<Tally>) -> Option<Expression> {
    match name {
        "counter" => {
            parts.only(&[1, 2, 3])?;
            *tally = counters(&parts.0).map(Tally::Counter);
            Some(Expression::Counter)
        }
        "limit" => limit(&parts.0).map(|limit| Expression::Limit(Box::new(limit))),
        "connlimit" => {
            parts.only(&[1, 2])?;
            Some(Expression::Connlimit { count: parts.number(1)?, over: parts.flag(2)? })
        }
        "quota" => {
            let (bytes, over, consumed) = quota(&parts.0)?;
            *tally = consumed.map(Tally::Consumed);
            Some(Expression::Quota { bytes, over })
        }
        "last" => {
            parts.only(&[1, 2, 3])?;
            let seen = parts.number(1).unwrap_or(0) != 0;
            *tally = Some(Tally::Last(if seen { Some(parts.get(2).and_then(be)?) } else { None }));
            Some(Expression::Last)
        }
        _ => None,
    }
}

/// What a counter says (`NFTA_COUNTER_*`).
pub(in crate::kernel::nft) fn counters(parts: &Attributes<'_>) -> Option<Counters> {
    Some(Counters { bytes: be(parts.get(1)?)?, packets: be(parts.get(2)?)? })
}

/// What a limit is (`NFTA_LIMIT_*`).
pub(in crate::kernel::nft) fn limit(attributes: &Attributes<'_>) -> Option<Limit> {
    let parts = Parts(attributes.clone());
    parts.only(&[1, 2, 3, 4, 5, 6])?;
    let bytes = parts.flag(4)?;
    Some(Limit {
        rate: be(parts.get(1)?)?,
        unit: be(parts.get(2)?)?,
        burst: parts.number(3).unwrap_or(0),
        bytes,
        over: parts.flag(5)?,
    })
}

/// What a quota is, whether it holds beyond it, and how much is used up (`NFTA_QUOTA_*`).
pub(in crate::kernel::nft) fn quota(attributes: &Attributes<'_>) -> Option<(u64, bool, Option<u64>)> {
    let parts = Parts(attributes.clone());
    parts.only(&[1, 2, 3, 4])?;
    let flags = parts.number(2).unwrap_or(0);
    (flags & !(OVER | DEPLETED) == 0).then_some(())?;
    Some((be(parts.get(1)?)?, flags & OVER != 0, parts.get(4).and_then(be)))
}
