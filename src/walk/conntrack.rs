//! conntrack: whether it is on, and what it says of the first packet of a flow.
//!
//! It holds no table of flows: a walk is of a first packet, or of one whose state the query gives.

use super::packet::{Flow, Tracking};
use super::space::Asked;
use crate::host::nft::{CtKey, Expression, ObjectKind};
use crate::host::xt::{CtDirection, CtStates, CtStatuses, Match, Neg, Opaque, Rare, Target, TcpFlags};
use crate::host::{Body, IpFamily, Protocol, Rule, Table};

/// Whether something in a table makes conntrack look at packets of this family, in the whole namespace: a rule, wherever it
/// stands, an object that no rule speaks of, what a set does to its elements (`nf_ct_netns_get`, called when the extension is set
/// up).
pub(super) fn is_needed(table: &Table, family: IpFamily) -> bool {
    let mut rules = table.chains.iter().flat_map(|chain| &chain.rules);
    let mut held = table.sets.iter().flat_map(|set| &set.details.expressions);
    rules.any(|rule| needs(rule, family))
        || table.particulars.objects.iter().any(|object| object_needs(object.body.kind()))
        || held.any(|expression| matches!(expression, Expression::Connlimit { .. }))
}

fn needs(rule: &Rule, family: IpFamily) -> bool {
    rule.body.matches().any(match_needs)
        || rule.body.target().is_some_and(target_needs)
        || native_needs(&rule.body, family)
}

/// Whether a rule asks for flows whose source or destination is translated.
pub(super) fn asks_translated(rule: &Rule) -> bool {
    let asks_status = |expression: &Expression| matches!(expression, Expression::Ct { key: CtKey::STATUS, .. });
    if let Body::Nft(rule) = &rule.body
        && rule.expressions.iter().any(asks_status)
    {
        return true;
    }
    let asks = |states: CtStates| states.intersects(CtStates::SNAT | CtStates::DNAT);
    rule.body.matches().any(|matched| match matched {
        Match::State(states) => asks(states.value),
        Match::Conntrack(conntrack) => conntrack.state.is_some_and(|states| asks(states.value)),
        _ => false,
    })
}

/// Every `ct` but notrack, and what translates (`nft_ct_get_init`, `nft_nat_init` and their kin): addresses of one family for
/// that family alone.
fn native_needs(body: &Body, family: IpFamily) -> bool {
    let Body::Nft(rule) = body else { return false };
    rule.expressions.iter().any(|expression| match expression {
        Expression::Ct { .. } | Expression::CtSet { .. } => true,
        Expression::Nat(nat) => nat.family.sees(family),
        Expression::Masquerade { .. } | Expression::Redirect { .. } => true,
        Expression::Connlimit { .. } | Expression::Synproxy(_) | Expression::FlowOffload { .. } => true,
        Expression::Object { kind, .. } => object_needs(*kind),
        Expression::Dynset(dynset) => {
            dynset.expressions.iter().any(|held| matches!(held, Expression::Connlimit { .. }))
        }
        Expression::Undecoded(undecoded) => {
            matches!(&*undecoded.name, "ct" | "nat" | "masq" | "redir" | "connlimit" | "synproxy" | "flow_offload")
        }
        _ => false,
    })
}

/// Kinds of objects that turn conntrack on by being there (`nft_ct_helper_obj_init` and its kin).
fn object_needs(kind: ObjectKind) -> bool {
    matches!(
        kind,
        ObjectKind::CT_HELPER
            | ObjectKind::CT_TIMEOUT
            | ObjectKind::CT_EXPECTATION
            | ObjectKind::SYNPROXY
            | ObjectKind::CONNLIMIT
    )
}

fn match_needs(matched: &Match) -> bool {
    match matched {
        Match::State(_) | Match::Conntrack(_) | Match::Connmark(_) => true,
        Match::Rare(found) => matches!(
            **found,
            Rare::Connlabel(_) | Rare::Connbytes(_) | Rare::Connlimit(_) | Rare::Helper(_) | Rare::Cluster(_)
        ),
        Match::Opaque(opaque) => {
            named(opaque, &["connlabel", "connbytes", "connlimit", "helper", "cluster", "nfacct-ct", "ctstate"])
                || named(opaque, &["conntrack", "state", "connmark"])
        }
        _ => false,
    }
}

fn target_needs(target: &Target) -> bool {
    match target {
        Target::Dnat(_) | Target::Snat(_) | Target::Masquerade(_) | Target::Redirect(_) | Target::Netmap(_) => true,
        Target::Connmark(_) => true,
        // `xt_ct_tg_check` takes its reference for `--notrack` too only since it shares the function with other options;
        // the kernel does not turn conntrack on for it.
        Target::Notrack { .. } => false,
        Target::Ct(ct) => !ct.notrack,
        Target::Connsecmark(_) | Target::Synproxy(_) | Target::Clusterip(_) => true,
        Target::Opaque(opaque) => {
            named(opaque, &["CT", "CONNSECMARK", "SYNPROXY", "CLUSTERIP", "SAME", "CONNMARK"])
                || named(opaque, &["DNAT", "SNAT", "MASQUERADE", "REDIRECT", "NETMAP"])
        }
        _ => false,
    }
}

fn named(opaque: &Opaque, names: &[&str]) -> bool {
    names.contains(&&*opaque.name)
}

/// Says in which zone the flow of a packet is looked for (`xt_ct_target`, `nft_ct_set_zone_eval`): once, and before conntrack
/// looks at the packet.
pub(super) fn put_into_zone(flow: &mut Flow, direction: Option<CtDirection>, id: Option<u16>) {
    if flow.tracking != Tracking::Unseen || flow.zones != [Some(0); 2] {
        return;
    }
    flow.zones = match direction {
        None => [id, id],
        Some(CtDirection::Original) => [id, Some(0)],
        Some(CtDirection::Reply) => [Some(0), id],
    };
}

/// What conntrack says of the first packet that it sees of a flow (`tcp_conntracks` in nf_conntrack_proto_tcp.c, state
/// sNO): `loose` is `nf_conntrack_tcp_loose`, which decides only for packets in mid-flow.
pub(super) fn first_state(protocol: Protocol, tcp_flags: Option<u8>, icmp_type: Option<u8>, loose: bool) -> CtStates {
    match protocol {
        Protocol::TCP => match tcp_flags {
            Some(flags) => first_tcp_state(TcpFlags::from_bits_truncate(flags), loose),
            None => CtStates::NEW,
        },
        // Only requests begin a flow (`valid_new` in nf_conntrack_proto_icmp.c, `icmpv6_pkt_to_tuple`'s twin).
        Protocol::ICMP => match icmp_type {
            Some(8 | 13 | 15 | 17) | None => CtStates::NEW,
            Some(_) => CtStates::INVALID,
        },
        // Neighbour discovery, listener reports and the search for multicast routers are left alone (`noct_valid_new`).
        Protocol::ICMPV6 => match icmp_type {
            Some(128 | 139) | None => CtStates::NEW,
            Some(130..=136 | 143 | 151 | 152) => CtStates::UNTRACKED,
            Some(_) => CtStates::INVALID,
        },
        _ => CtStates::NEW,
    }
}

/// `tcp_error` refuses combinations that no stack sends; `get_conntrack_index` and the table's first column decide the rest.
fn first_tcp_state(flags: TcpFlags, loose: bool) -> CtStates {
    let kept = flags - TcpFlags::PSH;
    let valid = [
        TcpFlags::SYN,
        TcpFlags::SYN | TcpFlags::URG,
        TcpFlags::SYN | TcpFlags::ACK,
        TcpFlags::RST,
        TcpFlags::RST | TcpFlags::ACK,
        TcpFlags::FIN | TcpFlags::ACK,
        TcpFlags::FIN | TcpFlags::ACK | TcpFlags::URG,
        TcpFlags::ACK,
        TcpFlags::ACK | TcpFlags::URG,
    ];
    if !valid.contains(&kept) {
        return CtStates::INVALID;
    }
    if kept.contains(TcpFlags::RST) || kept.contains(TcpFlags::FIN) {
        return CtStates::INVALID;
    }
    match (kept.contains(TcpFlags::SYN), kept.contains(TcpFlags::ACK)) {
        (true, false) => CtStates::NEW,
        (false, true) if loose => CtStates::NEW,
        _ => CtStates::INVALID,
    }
}

/// Whether a flow's status bits are as asked: `conntrack_mt` wants one of the bits; with none asked it never holds.
/// `None`: it depends on a bit of which nobody can tell.
pub(super) fn status(flow: &Flow, assured: Option<bool>, asked: Neg<CtStatuses>) -> Option<Asked<bool>> {
    let mut has = if flow.confirmed { CtStatuses::CONFIRMED } else { CtStatuses::empty() };
    has.set(CtStatuses::SEEN_REPLY, flow.is_answered());
    if !has.intersects(asked.value) && asked.value.contains(CtStatuses::ASSURED) {
        return assured.map(|assured| Ok(assured != asked.not));
    }
    Some(Ok(has.intersects(asked.value) != asked.not))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_tcp_packets_are_new_or_invalid() {
        let state = |flags: TcpFlags, loose| first_state(Protocol::TCP, Some(flags.bits()), None, loose);
        use TcpFlags as F;
        assert_eq!(state(F::SYN, true), CtStates::NEW);
        assert_eq!(state(F::ACK, true), CtStates::NEW);
        assert_eq!(state(F::ACK, false), CtStates::INVALID);
        for flags in [F::SYN | F::FIN, F::SYN | F::ACK, F::RST, F::FIN | F::ACK, F::empty(), F::FIN | F::PSH | F::URG] {
            assert_eq!(state(flags, true), CtStates::INVALID, "{flags:?}");
        }
    }

    #[test]
    fn only_requests_begin_an_icmp_flow() {
        assert_eq!(first_state(Protocol::ICMP, None, Some(8), true), CtStates::NEW);
        assert_eq!(first_state(Protocol::ICMP, None, Some(0), true), CtStates::INVALID);
        assert_eq!(first_state(Protocol::ICMPV6, None, Some(128), true), CtStates::NEW);
        assert_eq!(first_state(Protocol::ICMPV6, None, Some(135), true), CtStates::UNTRACKED);
    }
}
