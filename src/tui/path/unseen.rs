//! Hooks that a packet comes by although none of their chains sees it: nat chains, of a packet that conntrack does not track.
//!
//! They stand where the packet comes by them. What the chains would do is not known here.

use super::Section;
use crate::host::Hook;
use crate::walk::{Event, FateKind, Outcome};

/// The pass on which the packet of an outcome comes by a hook of a namespace, the first of several.
pub fn comes_by(outcome: &Outcome, namespace: usize, hook: Hook) -> Option<u32> {
    let stays = outcome.fate.kind == FateKind::Delivered;
    let comes = outcome.passes.iter().filter(|pass| pass.namespace == namespace).find(|pass| {
        let enters = pass.iif.is_some();
        match hook {
            Hook::Prerouting => enters,
            Hook::Input => enters && pass.oif.is_none() && stays,
            Hook::Forward => enters && pass.oif.is_some(),
            Hook::Output => !enters && pass.oif.is_some(),
            Hook::Postrouting => pass.oif.is_some(),
            Hook::Ingress | Hook::Egress => false,
        }
    });
    comes.map(|pass| pass.number)
}

/// Where among the sections a hook stands that the packet comes by on a pass.
pub(super) fn place(sections: &[Section], outcome: &Outcome, pass: u32, hook: Hook) -> usize {
    let begins = sections.iter().position(|section| *section == Section::Pass(pass)).map_or(0, |at| at + 1);
    let is_over = |section: &Section| matches!(section, Section::Pass(_) | Section::Fate);
    let is_later = |section: &Section| match section {
        Section::Hook { place, .. } => rank(place.hook) > rank(hook),
        Section::Route(event) => match outcome.events.get(*event) {
            Some(Event::Route(route)) => route.after.is_some_and(|after| rank(after) >= rank(hook)),
            Some(Event::Step(_)) | None => false,
        },
        Section::Pass(_) | Section::Fate | Section::Table { .. } => false,
    };
    let later = sections[begins..].iter().position(|section| is_over(section) || is_later(section));
    later.map_or(sections.len(), |at| begins + at)
}

/// The order in which a packet comes by the hooks.
fn rank(hook: Hook) -> u8 {
    match hook {
        Hook::Ingress => 0,
        Hook::Prerouting => 1,
        Hook::Input | Hook::Forward | Hook::Output => 2,
        Hook::Postrouting => 3,
        Hook::Egress => 4,
    }
}
