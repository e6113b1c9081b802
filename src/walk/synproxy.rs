//! SYNPROXY: the kernel answers the beginning of a connection itself, and asks whom it is for once the client has answered.
//!
//! `synproxy_tg4`, `nft_synproxy_do_eval`. The connection that the kernel then makes is not followed: its own SYN is another
//! packet, made here.

use super::condition::Scene;
use super::field::Field;
use super::outcome::{Assumed, FateKind, Verdict, Why};
use super::set::ValueSet;
use super::space::{Asked, Open};
use super::target::Effect;
use crate::host::xt::TcpFlags;
use crate::host::{Protocol, RuleId};

/// The flags that a target looks at, and those that a packet has which it takes.
struct Takes {
    syn: (TcpFlags, TcpFlags),
    ack: (TcpFlags, TcpFlags),
}

/// The target of iptables: it takes SYN and ACK alone.
pub(super) fn of_iptables(scene: &Scene<'_>, id: RuleId) -> Asked<Effect> {
    let all = TcpFlags::SYN | TcpFlags::ACK | TcpFlags::FIN | TcpFlags::RST;
    let taken = taken(scene, id, &Takes { syn: (all, TcpFlags::SYN), ack: (all, TcpFlags::ACK) })?;
    Ok(taken.unwrap_or(Effect::Continue(Verdict::Continue)))
}

/// nft's statement: it takes everything with SYN, and then everything with ACK. `None`: the packet goes on.
pub(super) fn of_nft(scene: &Scene<'_>, id: RuleId) -> Asked<Option<Effect>> {
    let (syn, ack) = (TcpFlags::SYN, TcpFlags::ACK);
    taken(scene, id, &Takes { syn: (syn, syn), ack: (ack, ack) })
}

fn taken(scene: &Scene<'_>, id: RuleId, takes: &Takes) -> Asked<Option<Effect>> {
    if scene.query.protocol != Protocol::TCP {
        return Ok(None);
    }
    let has = |(mask, set): (TcpFlags, TcpFlags)| {
        let (mask, set) = (u128::from(mask.bits()), u128::from(set.bits()));
        let fitting = (0..64).filter(|flags| flags & mask == set).map(|flags| (flags, flags));
        scene.space.ask(Field::TcpFlags, &ValueSet::from_ranges(fitting))
    };
    if has(takes.syn)? {
        return Ok(Some(Effect::Answered));
    }
    if !has(takes.ack)? {
        return Ok(None);
    }
    // The number that it acknowledges is a cookie of this host's, or it is not (`synproxy_recv_client_ack`).
    let answers = scene.assume(Open::either(Assumed::TargetContinues(id), Why::State, 0.5))?;
    Ok(Some(match answers {
        true => Effect::Answered,
        false => Effect::End(FateKind::Dropped, Verdict::Drop),
    }))
}
