//! Resets that rules send: packets of the flow that they end, from the first hook on (`nf_send_reset`).
//!
//! Knows no packet that was refused: that there was one is what the query says, which calls the reset related.

use super::engine::Engine;
use super::field::Field;
use super::set::ValueSet;
use super::space::Asked;
use super::state::State;
use crate::host::Protocol;
use crate::host::xt::{CtStates, TcpFlags};

impl Engine<'_> {
    /// Whether it is a rule's reset. It goes the other way of its flow, whose destination is settled.
    pub(super) fn is_reset(&self, state: &State) -> Asked<bool> {
        let reset = u128::from(TcpFlags::RST.bits());
        let resets = state.space.known(Field::TcpFlags).is_some_and(|flags| flags & reset != 0);
        // What conntrack says by itself of a first packet is never that it is related.
        if self.query.protocol != Protocol::TCP || !resets || state.space.values(Field::CtState).is_none() {
            return Ok(false);
        }
        state.space.ask(Field::CtState, &ValueSet::one(CtStates::RELATED.bits().into()))
    }
}
