//! What the rules on the screen count while somebody looks at them: how much, and how fast. A rule that counted a moment ago
//! glows.
//!
//! Knows no clock: when something was counted is told with it. What was counted when the host was read stands in the host,
//! and is told where nothing newer is known.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::outline::Id;
use super::overlay::Overlay;
use super::state::State;
use super::view;
use crate::host::{Counters, Host, RuleId};

/// A rule glows for so long after it counted, and its rate is that of so long a time, if it is asked for more than once in it.
pub const WINDOW: Duration = Duration::from_secs(5);

/// A rule, by the index of its namespace.
pub(super) type At = (usize, RuleId);

/// What rules counted, in this reading of the host.
#[derive(Debug, Clone, Default)]
pub(super) struct Counting {
    tracks: HashMap<At, Track>,
}

/// What a rule counted, and when.
#[derive(Debug, Clone, Default)]
struct Track {
    /// The last number that is known.
    last: Counters,
    /// Those of the last moments, the last one of all included, and one at least from before.
    moments: VecDeque<(Duration, Counters)>,
}

/// How fast a rule counts, per second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rate {
    pub(super) packets: f64,
    pub(super) bytes: f64,
}

impl Track {
    fn take(&mut self, at: Duration, counters: Counters) {
        // Somebody may have set it to nothing.
        if counters.packets < self.last.packets {
            self.moments.clear();
        }
        self.last = counters;
        self.moments.push_back((at, counters));
        while self.moments.len() > 2 && self.moments[1].0 + WINDOW <= at {
            self.moments.pop_front();
        }
    }

    fn rate(&self) -> Option<Rate> {
        let ((since, before), (at, now)) = (self.moments.front()?, self.moments.back()?);
        let seconds = at.checked_sub(*since).filter(|time| !time.is_zero())?.as_secs_f64();
        let per_second = |before: u64, now: u64| now.saturating_sub(before) as f64 / seconds;
        let rate =
            Rate { packets: per_second(before.packets, now.packets), bytes: per_second(before.bytes, now.bytes) };
        (rate.packets > 0.0).then_some(rate)
    }
}

impl Counting {
    /// Takes what was counted at this time. How fast another rule counts is not known any more: nobody looks at it now.
    fn take(&mut self, at: Duration, counted: Vec<(At, Counters)>) {
        let looked: HashSet<At> = counted.iter().map(|(rule, _)| *rule).collect();
        let others = self.tracks.iter_mut().filter(|(rule, _)| !looked.contains(rule));
        others.for_each(|(_, track)| track.moments.clear());
        for (rule, counters) in counted {
            self.tracks.entry(rule).or_default().take(at, counters);
        }
    }

    /// The same for rules that have other names now.
    pub(super) fn renamed(&mut self, rename: impl Fn(At) -> Option<At>) {
        let old = std::mem::take(&mut self.tracks);
        self.tracks = old.into_iter().filter_map(|(rule, track)| Some((rename(rule)?, track))).collect();
    }

    /// Nobody looked for a while: how fast they count is not known.
    pub(super) fn interrupt(&mut self) {
        self.tracks.values_mut().for_each(|track| track.moments.clear());
    }
}

impl State {
    /// What a rule counted; `None` where it counts nothing, or nobody knows.
    pub(super) fn counted(&self, rule: At) -> Option<Counters> {
        let read = || self.host.namespaces[rule.0].observations.rules.get(&rule.1).copied();
        self.counting.tracks.get(&rule).map(|track| track.last).or_else(read)
    }

    /// How fast it counts now; `None` where it does not.
    pub(super) fn rate(&self, rule: At) -> Option<Rate> {
        self.counting.tracks.get(&rule)?.rate()
    }

    /// The rules that can be seen and count, while they are followed.
    pub fn counting(&self) -> Vec<(usize, RuleId)> {
        let hidden = match self.overlays.last() {
            None | Some(Overlay::Details(_) | Overlay::Form(_)) => false,
            Some(Overlay::Help { .. } | Overlay::Diagram(_) | Overlay::Tour(_)) => true,
        };
        let Some(panes) = view::panes(self).filter(|_| self.is_followed() && !hidden) else { return Vec::new() };
        let seen = self.offsets.tree..self.offsets.tree + panes.tree.inner_height();
        let rules = seen.filter_map(|place| match self.tree.row(place)?.id {
            Id::Rule(frame, index) => {
                let at = self.frames.get(frame);
                Some((at.place.namespace, at.rule(index)))
            }
            Id::Pass(_) | Id::Hook(_) | Id::Base(_) | Id::Run { .. } => None,
            Id::End(_) | Id::Route(_) | Id::Fate | Id::Table(_) => None,
        });
        let counts = |(namespace, rule): &At| self.host.namespaces[*namespace].observations.rules.contains_key(rule);
        rules.filter(counts).collect()
    }
}

/// So much was counted at this time by rules of this reading of the host.
pub(super) fn take(state: &mut State, host: &Arc<Host>, at: Duration, counted: Vec<(At, Counters)>) {
    if Arc::ptr_eq(host, &state.host) && !state.is_paused() {
        state.counting.take(at, counted);
    }
}
