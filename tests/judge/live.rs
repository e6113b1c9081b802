//! The node as the kernel itself tells it to whyport.
//!
//! Takes out what the judge put there to listen, and puts in what this kernel does not tell: which of two chains of equal
//! priority was registered first.

use std::path::Path;

use whyport::host::{Host, Place, Registration};
use whyport::kernel::{self, Places};

use crate::rules::Rules;
use crate::witness;

/// The namespace of this thread, read live, with the order in which its chains were registered.
pub fn host(rules: &Rules) -> Host {
    let mut host = as_told();
    let ns = &mut host.namespaces[0];
    for (rank, base) in rules.in_order().into_iter().enumerate() {
        let tables = ns.ruleset.tables.iter_mut().filter(|table| {
            (table.family.name(), &*table.name, table.backend.name())
                == (base.family.as_str(), base.table.as_str(), base.tool.backend())
        });
        let chains = tables.flat_map(|table| &mut table.chains).filter(|chain| *chain.name == *base.chain);
        for known in chains.filter_map(|chain| chain.base.as_mut()) {
            if matches!(known.registration, Registration::Registered(_)) {
                known.registration = Registration::Registered(Place::Known(rank as u32));
            }
        }
    }
    host
}

/// The same as the kernel tells it.
pub fn as_told() -> Host {
    let places = Places { proc: Path::new("/proc"), modules: Path::new("/lib/modules") };
    let mut host = kernel::read(&places, None, &Default::default()).expect("the namespace that this thread is in");
    let ns = &mut host.namespaces[0];
    ns.observations = Default::default();
    ns.ruleset.tables.retain(|table| &*table.name != witness::TABLE);
    host
}
