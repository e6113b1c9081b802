//! The namespaces of a host, each prepared when the first packet comes to it.

use std::sync::{Arc, OnceLock};

use super::plan::{Guess, Plan};
use super::wires::Joined;
use crate::host::{Host, IpFamily};

/// Gives the plan of a namespace, by its index in the host.
pub(super) type Planned<'a> = &'a dyn Fn(usize) -> &'a Plan<'a>;

/// The plans of a host's namespaces.
pub(super) struct Plans<'a> {
    host: &'a Host,
    reversed: bool,
    joined: Arc<Joined>,
    plans: Vec<OnceLock<Plan<'a>>>,
}

impl<'a> Plans<'a> {
    /// Prepares nothing yet. `reversed`: of chains whose order is guessed, the one listed first runs first.
    pub(super) fn of(host: &'a Host, reversed: bool) -> Plans<'a> {
        Plans {
            host,
            reversed,
            joined: Arc::new(Joined::of(host)),
            plans: host.namespaces.iter().map(|_| OnceLock::new()).collect(),
        }
    }

    /// The plan of a namespace.
    pub(super) fn at(&self, namespace: usize) -> &Plan<'a> {
        self.plans[namespace].get_or_init(|| {
            let mut plan = Plan::new(self.host, namespace, self.reversed);
            plan.joined = Arc::clone(&self.joined);
            plan
        })
    }

    /// The neighbours among equals of a family whose order is guessed, in these namespaces.
    pub(super) fn guesses<'n>(&self, family: IpFamily, namespaces: impl IntoIterator<Item = &'n usize>) -> Vec<Guess> {
        let plans = namespaces.into_iter().map(|namespace| self.at(*namespace));
        plans.flat_map(|plan| &plan.guesses).filter(|guess| guess.family == family).copied().collect()
    }
}
