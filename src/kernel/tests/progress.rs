//! What a reading counts as it goes on, and that it ends when it is stopped.

use std::sync::Arc;

use super::{apart, places, run};
use crate::host::Reached;
use crate::kernel::{NotRead, Progress, read};

#[test]
fn everything_that_is_read_is_counted_once() {
    apart(|| {
        // Three rules, of which iptables' form takes one, two chains of each kind, and elements of sets of both kinds.
        run(
            &["nft", "-f", "-"],
            "table ip t {\n set s { type ipv4_addr; elements = { 192.0.2.1, 192.0.2.2 }; }\n\
             chain one { ip saddr @s drop; ip saddr 192.0.2.3 drop; }\n chain two { }\n}\n",
        );
        run(&["iptables-nft-restore"], "*filter\n:FORWARD ACCEPT [0:0]\n:a - [0:0]\n-A a -s 192.0.2.4\nCOMMIT\n");
        run(&["iptables-legacy-restore"], "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -s 192.0.2.5\nCOMMIT\n");
        run(&["ipset", "restore"], "create i hash:ip\nadd i 192.0.2.6\nadd i 192.0.2.7\nadd i 192.0.2.8\n");
        let progress = Arc::new(Progress::default());
        let host = read(&places(), None, &progress).unwrap();
        let Reached { what: _, namespace, namespaces, chains, of, rules, elements, again } = progress.reached();
        assert_eq!((namespace, namespaces, again), (1, 1, 0));
        assert_eq!(rules, host.viewed().ruleset.rule_count());
        assert_eq!((rules, elements), (4, 5));
        let registered = host.viewed().ruleset.chains().count();
        assert!(chains == of && chains <= registered, "{chains} of {of}, {registered}");
        assert_eq!(chains, 2 + 2 + 3, "legacy tables have all chains of their hooks");
    });
}

#[test]
fn a_reading_that_is_stopped_gives_nothing() {
    apart(|| {
        let progress = Arc::new(Progress::default());
        progress.cancel();
        assert!(matches!(read(&places(), None, &progress), Err(NotRead::Cancelled)));
        assert_eq!(progress.reached().rules, 0);
    });
}

/// A chain of many rules is one long dump: it ends in the middle.
#[test]
fn a_reading_that_is_stopped_on_the_way_ends_there() {
    const RULES: usize = 10_000;
    apart(|| {
        let rules = "ip saddr 192.0.2.1 counter drop\n".repeat(RULES);
        run(&["nft", "-f", "-"], &format!("table ip t {{\nchain c {{\n{rules}}}\n}}\n"));
        let stopped = || {
            let progress = Arc::new(Progress::default());
            let reader = Arc::clone(&progress);
            let reading = std::thread::spawn(move || read(&places(), None, &reader));
            while progress.reached().rules == 0 && !reading.is_finished() {
                std::hint::spin_loop();
            }
            progress.cancel();
            let read = reading.join().unwrap();
            (read.is_err(), progress.reached().rules)
        };
        // Whoever stops it may come too late.
        assert!((0..20).map(|_| stopped()).any(|(nothing, rules)| nothing && rules < RULES));
    });
}
