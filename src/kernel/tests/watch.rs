//! What changes in a namespace is told, by whoever changes it, and what rules count is what the tools say.

use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::*;
use crate::host::{Host, RuleId};
use crate::kernel::{News, Wanted, Watch, bell, read};

/// Far longer than anything here takes.
const LONG: Duration = Duration::from_secs(60);

/// Waits until a change is told that has this in it; nothing of `never` may be told before.
fn wait_for(watch: &mut Watch<'_>, what: What, never: &[What]) {
    let deadline = Instant::now() + LONG;
    loop {
        assert!(Instant::now() < deadline, "{what} never changed");
        let News::Changed(changes) = watch.wait().unwrap() else { continue };
        assert!(!never.iter().any(|other| changes.has(*other)), "{changes:?}");
        if changes.has(what) {
            return;
        }
    }
}

#[test]
fn every_kind_of_change_is_told() {
    apart(|| {
        let (_bell, ear) = bell().unwrap();
        let mut watch = Watch::begin(&places(), None, ear).unwrap();
        run(&["nft", "add", "table", "ip", "t"], "");
        wait_for(&mut watch, What::NfTables, &[What::Links, What::Sockets]);
        ip("link set lo up\n");
        wait_for(&mut watch, What::Links, &[What::NfTables]);
        ip("addr add 192.0.2.1/24 dev lo\n");
        wait_for(&mut watch, What::Addresses, &[What::NfTables]);
        ip("route add 198.51.100.0/24 dev lo\n");
        wait_for(&mut watch, What::Routes, &[What::NfTables]);
        ip("rule add fwmark 1 table 7\n");
        wait_for(&mut watch, What::PolicyRules, &[What::NfTables]);
        fs::write("/proc/sys/net/ipv4/conf/lo/forwarding", "1").unwrap();
        wait_for(&mut watch, What::Sysctls, &[What::NfTables]);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        wait_for(&mut watch, What::Sockets, &[What::NfTables, What::Links]);
        drop(listener);
        wait_for(&mut watch, What::Sockets, &[What::NfTables, What::Links]);
        run(&["iptables-legacy", "-A", "INPUT", "-s", "192.0.2.1", "-j", "DROP"], "");
        wait_for(&mut watch, What::LegacyIp, &[What::NfTables, What::Sockets, What::LegacyIp6]);
        // Of the same size.
        run(&["iptables-legacy", "-R", "INPUT", "1", "-s", "192.0.2.2", "-j", "DROP"], "");
        wait_for(&mut watch, What::LegacyIp, &[What::NfTables, What::Sockets, What::LegacyIp6]);
        run(&["ip6tables-legacy", "-A", "INPUT", "-j", "ACCEPT"], "");
        wait_for(&mut watch, What::LegacyIp6, &[What::NfTables, What::Sockets]);
        for change in ["create s hash:ip timeout 600 counters", "add s 192.0.2.1", "add s 192.0.2.2", "del s 192.0.2.1"]
        {
            run(&["ipset", "restore"], &format!("{change}\n"));
            wait_for(&mut watch, What::IpSets, &[What::NfTables, What::Sockets, What::LegacyIp]);
        }
    });
}

/// A burst that does not fit into the buffer of a socket is one change, and the next one is heard.
#[test]
fn a_flood_of_events_is_one_change() {
    apart(|| {
        let (_bell, ear) = bell().unwrap();
        let mut watch = Watch::begin(&places(), None, ear).unwrap();
        let rules: String = (0..20_000).map(|n| format!("add rule ip t c tcp dport {} drop\n", 1 + n)).collect();
        run(&["nft", "-f", "-"], &format!("add table ip t\nadd chain ip t c\n{rules}"));
        wait_for(&mut watch, What::NfTables, &[]);
        run(&["nft", "delete", "table", "ip", "t"], "");
        wait_for(&mut watch, What::NfTables, &[]);
    });
}

/// Namespaces of pods have a number in that of their host, as the pair of devices that joins them has.
#[test]
fn changes_behind_a_pair_of_devices_are_told() {
    apart(|| {
        run(&["ip", "netns", "add", "pod"], "");
        ip("link add v0 type veth peer name v1 netns pod\n");
        let (_bell, ear) = bell().unwrap();
        let mut watch = Watch::begin(&places(), None, ear).unwrap();
        run(&["ip", "netns", "exec", "pod", "nft", "add", "table", "ip", "t"], "");
        wait_for(&mut watch, What::NfTables, &[What::Sockets]);
        run(&["ip", "netns", "delete", "pod"], "");
    });
}

const RULES: &str = "*filter\n:INPUT ACCEPT [0:0]\n:X - [0:0]\n-A X -p udp -j DROP\n-A INPUT -p udp -j DROP\n\
                     -A INPUT -p tcp -j X\n-A X -p tcp --dport 9 -j ACCEPT\nCOMMIT\n";

const NATIVE: &str = "table inet n {\nchain c {\ntype filter hook output priority 5\ntcp dport 9 counter\n}\n}\n";

/// The rules of a host that count, by their texts, with what they counted.
fn counters(host: &Host) -> Vec<(RuleId, u64)> {
    let mut all: Vec<_> = host.viewed().observations.rules.iter().map(|(rule, seen)| (*rule, seen.packets)).collect();
    all.sort();
    all
}

#[test]
fn single_rules_tell_what_the_whole_reading_tells() {
    for tool in ["iptables-nft-restore", "iptables-legacy-restore", "ip6tables-nft-restore", "ip6tables-legacy-restore"]
    {
        apart(move || {
            ip("link set lo up\n");
            run(&[tool], RULES);
            run(&["nft", "-f", "-"], NATIVE);
            let host = Arc::new(read(&places(), None, &Arc::default()).unwrap());
            let rules: Vec<(usize, RuleId)> = counters(&host).into_iter().map(|(rule, _)| (0, rule)).collect();
            assert_eq!(rules.len(), 5, "{tool}");
            for to in ["127.0.0.1:9", "[::1]:9"] {
                let _ = TcpStream::connect(to);
            }
            let (bell, ear) = bell().unwrap();
            let mut watch = Watch::begin(&places(), None, ear).unwrap();
            bell.want(Some(Wanted { host, rules: rules.clone() }));
            let mut told = std::collections::BTreeMap::new();
            while told.len() < rules.len() {
                if let News::Counted(counted) = watch.wait().unwrap() {
                    told.extend(counted.rules.into_iter().map(|((_, rule), seen)| (rule, seen.packets)));
                }
            }
            let now = read(&places(), None, &Arc::default()).unwrap();
            assert_eq!(told.into_iter().collect::<Vec<_>>(), counters(&now), "{tool}");
            assert!(counters(&now).iter().any(|(_, packets)| *packets > 0), "{tool}");
        });
    }
}

#[test]
fn a_chain_that_became_longer_is_not_counted_and_a_table_that_is_gone_is_not_made_again() {
    apart(|| {
        run(&["iptables-legacy-restore"], RULES);
        let host = read(&places(), None, &Arc::default()).unwrap();
        let table = &host.viewed().ruleset.tables[0];
        let rules: Vec<RuleId> = counters(&host).into_iter().map(|(rule, _)| rule).collect();
        let count = || crate::kernel::legacy::counts(places().proc, IpFamily::V4, table, &rules).unwrap().len();
        assert_eq!(count(), 4);
        run(&["iptables-legacy", "-I", "X", "-j", "RETURN"], "");
        assert_eq!(count(), 2, "those of INPUT");
        let table = table.clone();
        apart(move || {
            let counted = crate::kernel::legacy::counts(places().proc, IpFamily::V4, &table, &[]).unwrap();
            assert_eq!(counted, []);
            assert_eq!(fs::read_to_string("/proc/thread-self/net/ip_tables_names").unwrap(), "");
        });
    });
}
