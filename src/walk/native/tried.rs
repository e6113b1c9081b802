//! A rule that runs once more, to be told of expression by expression: what holds, and which elements of sets it meets.

use super::lookup;
use super::{Run, Step};
use crate::host::nft::{Expression, Rule};
use crate::host::{ElementId, Hook, RuleId};
use crate::walk::condition::Scene;
use crate::walk::engine::Engine;
use crate::walk::plan::Content;
use crate::walk::space::Asked;
use crate::walk::state::State;

/// Hears of an expression, with its position, and what came of it for the packet of a scene.
pub(in crate::walk) type Tell<'t> = dyn FnMut(&Scene<'_>, &Expression, u16, Tried) + 't;

/// What came of an expression.
pub(in crate::walk) struct Tried {
    /// Whether it holds; `None`: the rule was over.
    pub(in crate::walk) holds: Option<Asked<bool>>,
    /// The element that the key fits, of a lookup.
    pub(in crate::walk) met: Option<ElementId>,
}

impl Engine<'_> {
    /// Runs a rule, and tells of each expression whether the rule goes on after it; and, where that is `wanted`, which element
    /// it met.
    pub(in crate::walk) fn tried(
        &self,
        state: &State,
        hook: Hook,
        rule: &Rule,
        (id, wanted): (RuleId, bool),
        tell: &mut Tell<'_>,
    ) {
        let mut run = Run::of(self, state, hook, id);
        let mut is_over = false;
        for (index, expression) in rule.expressions.iter().enumerate() {
            let mut holds = None;
            // What a map gives may take the place of the key.
            let met = if wanted && !is_over { run.met(expression, index as u16) } else { None };
            if !is_over {
                let before = run.open.clone();
                (holds, is_over) = match run.step(expression, index as u16) {
                    Ok(Step::Next) => {
                        (Some(run.open.clone().filter(|_| run.open != before).map_or(Ok(true), Err)), false)
                    }
                    Ok(Step::Break) => (Some(Ok(false)), true),
                    Ok(Step::Ends(_)) => (Some(Ok(true)), true),
                    // What was open before stops the rule here.
                    Err(_) if before.is_some() => (None, true),
                    Err(open) => (Some(Err(open)), true),
                };
            }
            tell(&run.scene(), expression, index as u16, Tried { holds, met });
        }
    }
}

impl Run<'_, '_> {
    /// The element that the key of a lookup fits, where it is known.
    fn met(&self, expression: &Expression, index: u16) -> Option<ElementId> {
        let (Expression::Lookup { set, from, .. } | Expression::ObjectMap { set, from }) = expression else {
            return None;
        };
        let content = self.engine.plan.contents.set(self.id.chain.table, set).filter(Content::is_read)?;
        let pieces = self.registers.get(*from, content.set.key_length as usize);
        let element = lookup::met(&self.scene(), content, &pieces, (self.id, index))?;
        Some(ElementId { table: content.id.table, set: content.id.set, element })
    }
}
