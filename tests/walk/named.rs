//! Devices in the text of a ruleset whose host nobody read: they are known by the names that rules ask for.

use whyport::host::{Body, Host, IpFamily, Protocol};
use whyport::snapshot;
use whyport::syntax::{nft, pasted};
use whyport::walk::{FateKind, Field, Origin, Query, ValueSet, walk};

/// A host of which nothing is known but its rules.
fn bare(rules: &str) -> Host {
    let recording = snapshot::bare(pasted::read(rules).ok().unwrap());
    assert!(recording.diagnostics.is_empty(), "{:?}", recording.diagnostics);
    recording.host
}

#[test]
fn devices_are_known_by_the_names_that_rules_ask_for() {
    let ways = [
        ("iifname \"lan\" accept", "lan", true),
        ("iifname \"lan\" accept", "wan", false),
        ("iifname != \"lan\" accept", "lan", false),
        ("iifname != \"lan\" accept", "wan", true),
        ("iifname \"la*\" accept", "lan7", true),
        ("iifname \"la*\" accept", "wan", false),
        ("iifname { \"lan\", \"eth0\" } accept", "eth0", true),
        ("iifname { \"la*\", \"eth0\" } accept", "lan", true),
        ("iifname { \"la*\", \"eth0\" } accept", "eth1", false),
        ("tcp dport . iifname { 22 . \"lan\" } accept", "lan", true),
        ("tcp dport . iifname { 22 . \"lan\" } accept", "wan", false),
        ("iifname . tcp dport vmap { \"lan\" . 22 : accept, \"wan\" . 23 : accept }", "lan", true),
        ("iifname . tcp dport vmap { \"lan\" . 22 : accept, \"wan\" . 23 : accept }", "wan", false),
        ("iif lo accept", "lan", false),
        ("iif \"lan\" accept", "lan", true),
        ("iif != \"lan\" accept", "lan", false),
        ("iif { lo, \"lan\" } accept", "lan", true),
        ("iif { lo, \"lan\" } accept", "wan", false),
    ];
    for (rule, device, accepted) in ways {
        let host = bare(&format!(
            "table inet f {{\n\tchain input {{\n\t\ttype filter hook input priority filter; policy drop;\n\t\t{rule}\n\t}}\n}}\n"
        ));
        let mut query = Query::new(0, Origin::Device(device.to_owned()), IpFamily::V4, Protocol::TCP);
        query.set_address(Field::Src, "192.0.2.1".parse().unwrap());
        query.set(Field::Dport, ValueSet::one(22));
        query.dst_is_local = true;
        let walk = walk(&host, &query);
        let expected = if accepted { FateKind::Delivered } else { FateKind::Dropped };
        let kinds: Vec<FateKind> = walk.outcomes.iter().map(|outcome| outcome.fate.kind).collect();
        assert_eq!(kinds, [expected], "{rule}, by {device}");
    }
}

#[test]
fn rules_are_told_as_they_were_written_where_the_kernel_knows_the_device() {
    let text = "table inet f {\n\tchain input {\n\t\tiif \"lo\" accept\n\t}\n}\n";
    let host = bare(text);
    let table = &host.namespaces[0].ruleset.tables[0];
    let Body::Nft(rule) = &table.chains[0].rules[0].body else { panic!("a native rule") };
    assert_eq!(nft::rule_text(table, rule), "iif \"lo\" accept");
}
