//! Chains of equal priority whose order nothing tells: it is assumed only where something else comes of it.

use super::{assert_has, assert_has_not, told};

const HOST: &str = include_str!("host.snapshot");

/// The host with these rules for what comes in, some of iptables-nft and some of iptables-legacy.
fn host(nft: &[&str], legacy: &[&str]) -> String {
    let filter = |rules: &[&str]| {
        let rules: String = rules.iter().map(|rule| format!("-A INPUT {rule}\n")).collect();
        format!("*filter\n:INPUT ACCEPT [0:0]\n{rules}COMMIT\n")
    };
    let heading = "[iptables-legacy-save]\n";
    HOST.replace("RULES", &filter(nft)).replace(heading, &format!("{heading}{}", filter(legacy)))
}

#[test]
fn a_chain_that_is_or_is_not_walked_before_the_rule_that_drops_makes_no_other_outcome() {
    let drops = ["-p tcp --dport 22 -j DROP"];
    let text = told("trace 22 --src 10.0.0.9", &host(&drops, &["-p tcp --dport 80 -j DROP"]));
    assert_has(&text, "blocked: nobody");
    assert_has_not(&text, "outcome 1");
    assert_has_not(&text, "runs before");
    // What the other chain asks is met by some of the packets, and what it assumes is nothing.
    let others = ["-s 10.1.0.0/16 -p tcp --dport 22 -j ACCEPT", "-p tcp --dport 22 -m limit --limit 1/sec -j ACCEPT"];
    for text in [told("trace 22", &host(&drops, &others)), told("trace 22", &host(&others, &drops))] {
        assert_has(&text, "-s 10.1.0.0/16 -p tcp -m tcp --dport 22 -j ACCEPT (for some of them)");
        assert_has(&text, "-m limit --limit 1/sec -j ACCEPT (for some of them) policy accept");
        assert_has(&text, "outcome 2 of 2 when src in 0.0.0.0,");
        assert_has_not(&text, "assumed");
    }
}

#[test]
fn assumptions_that_are_come_to_in_another_order_are_the_same() {
    let limited = |limit: u32| format!("-p tcp --dport 22 -m limit --limit {limit}/min -j ACCEPT");
    let text = told("trace 22 --src 10.0.0.9", &host(&[&limited(1)], &[&limited(2)]));
    assert_has(&text, "outcome 4 of 4");
    assert_has_not(&text, "runs before");
}

#[test]
fn an_order_that_decides_who_drops_is_assumed() {
    let drops = ["-p tcp --dport 22 -j DROP"];
    let text = told("trace 22 --src 10.0.0.9", &host(&drops, &drops));
    assert_has(&text, "outcome 2 of 2 assumed iptables-nft filter INPUT runs before iptables-legacy filter INPUT");
    let marks = ["-p tcp --dport 22 -j MARK --set-mark 1"];
    let text = told("trace 22 --src 10.0.0.9", &host(&marks, &["-m mark --mark 1 -j DROP"]));
    assert_has(&text, "outcome 2 of 2 assumed");
    assert_has(&text, "runs before");
}
