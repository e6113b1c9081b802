//! Any messages make links, addresses, routes, rules and neighbours, and those print. As events they tell what changed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use whyport::host::What;
use whyport::kernel::recorded;

fuzz_target!(|messages: &[u8]| {
    let [rules, routing] = recorded::changes(messages);
    let of_rules = |what: &What| matches!(what, What::NfTables);
    assert!(
        What::ALL.iter().all(|what| !(rules.has(*what) && !of_rules(what) || routing.has(*what) && of_rules(what)))
    );
    if let Ok(ns) = recorded::routing(messages) {
        whyport_fuzz::tells(ns);
    }
});
