//! Dumps of real tools and of those that imitate them: what is read of them prints as it was written.
//! Where each file comes from, and its licence, stands in tests/data/corpus/ORIGIN.tsv.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use whyport::host::{Backend, Family, IpFamily};
use whyport::syntax::DiagnosticKind;
use whyport::syntax::iptables::{self, Dump, Options};
use whyport::syntax::{Kind, looks_like};

#[path = "../benches/k8s/mod.rs"]
mod k8s;

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/corpus")
}

fn text(name: &str) -> String {
    std::fs::read_to_string(corpus().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn parse(text: &str) -> Dump {
    iptables::parse(text, &Options { family: None, backend: Backend::IptablesNft })
}

/// All that was read, as the tool that made it prints it with `-c`.
fn print(dump: &Dump) -> String {
    let backend = dump.ruleset.tables.first().map_or(Backend::IptablesNft, |table| table.backend);
    iptables::print(&dump.ruleset, Some(&dump.observations), dump.family, backend)
}

fn lines(text: &str) -> Vec<&str> {
    text.lines().filter(|line| !line.starts_with('#')).collect()
}

fn rules(text: &str) -> Vec<&str> {
    text.lines().filter(|line| line.starts_with("-A ")).collect()
}

/// Fails at the first line that differs.
fn assert_same(name: &str, printed: &[&str], written: &[&str]) {
    for (at, (printed, written)) in printed.iter().zip(written).enumerate() {
        assert_eq!(printed, written, "{name}, line {} of those compared", at + 1);
    }
    assert_eq!(printed.len(), written.len(), "{name}");
}

#[test]
fn every_file_has_its_origin() {
    let origins = text("ORIGIN.tsv");
    let mut told: Vec<&str> = origins.lines().skip(1).map(|line| line.split('\t').next().unwrap()).collect();
    let mut files: Vec<String> = std::fs::read_dir(corpus())
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "ORIGIN.tsv")
        .collect();
    files.sort();
    told.sort_unstable();
    assert_eq!(files, told);
}

/// Saved dumps print whole: tables, chains, policies and rules, with their counters.
#[test]
fn saved_dumps_print_as_they_were_written() {
    for (name, rules) in [
        ("azure-iptablesave.iptables-save", 80),
        ("azure-iptablesave-v1.unfolded.iptables-save", 282),
        ("azure-iptablesave-v2.iptables-save", 270),
        ("podman-netavark-1.4.iptables-save", 19),
        ("k3s-node.iptables-save", 24),
        ("k3s-svclb.iptables-save", 4),
    ] {
        let text = text(name);
        let dump = parse(&text);
        assert_eq!(dump.diagnostics, [], "{name}");
        assert_eq!(dump.ruleset.rule_count(), rules, "{name}");
        assert_same(name, &lines(&print(&dump)), &lines(&text));
        let windows = text.replace('\n', "\r\n");
        assert_eq!(parse(&windows).ruleset, dump.ruleset, "{name} with other line ends");
    }
}

/// `iptables -S` has no table names and no counters; its rules come back one by one.
#[test]
fn listings_print_the_same_rules() {
    for (name, tables) in [
        ("moby-docs-new-daemon.iptables-S", &["filter", "nat"][..]),
        ("moby-docs-swarm-portmap.iptables-S", &["filter", "nat"]),
        ("moby-docs-usernet-internal.iptables-S", &["filter", "nat"]),
        ("moby-docs-usernet-portmap-lo.iptables-S", &["raw"]),
        ("moby-docs-usernet-portmap-natunprot.iptables-S", &["filter"]),
        ("moby-docs-usernet-portmap-noicc.iptables-S", &["filter", "nat"]),
        ("moby-docs-usernet-portmap-noproxy.iptables-S", &["nat"]),
        ("moby-docs-usernet-portmap-routed.iptables-S", &["filter", "nat"]),
        ("moby-docs-usernet-portmap.iptables-S", &["filter", "nat", "raw"]),
    ] {
        let text = text(name);
        let dump = parse(&text);
        assert_eq!(dump.diagnostics, [], "{name}");
        let found: Vec<&str> = dump.ruleset.tables.iter().map(|table| &*table.name).collect();
        assert_eq!(found, tables, "{name}");
        assert_same(name, &rules(&print(&dump)), &rules(&text));
    }
}

/// A dump whose line ends were lost is the same dump.
#[test]
fn a_folded_dump_is_unfolded() {
    let folded = parse(&text("azure-iptablesave-v1.iptables-save"));
    assert_eq!(folded.diagnostics, []);
    assert_eq!(print(&folded), print(&parse(&text("azure-iptablesave-v1.unfolded.iptables-save"))));
    assert_eq!(folded.ruleset.rule_count(), 282);
    let counted = text("k3s-node.iptables-save");
    assert_eq!(print(&parse(&counted.replace('\n', " "))), print(&parse(&counted)));
}

/// kube-proxy's tests write dumps that iptables-save never would: no quotes, no policies, options in any order.
#[test]
fn what_kube_proxys_tests_write_is_read() {
    let text = text("kube-proxy-TestTracePacket.iptables-save");
    let dump = parse(&text);
    assert_eq!(dump.diagnostics, []);
    assert_eq!(dump.ruleset.rule_count(), rules(&text).len());
    assert!(dump.ruleset.chains().filter(|(_, chain)| chain.base.is_some()).count() == 7);
    insta::assert_snapshot!("kube_proxy", print(&dump));
}

/// A bad line costs itself, is told once, and leaves the rest.
#[test]
fn bad_lines_are_told_and_cost_themselves() {
    for (name, bad, rules) in [
        ("kube-proxy-2020-1.iptables-save", &[5, 7, 17, 18, 19][..], 4),
        ("kube-proxy-2020-2.iptables-save", &[6, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31], 4),
    ] {
        let dump = parse(&text(name));
        assert!(dump.diagnostics.iter().all(|found| found.kind == DiagnosticKind::Damaged));
        let found: Vec<usize> = dump.diagnostics.iter().map(|found| found.line).collect();
        assert_eq!((found.as_slice(), dump.ruleset.rule_count()), (bad, rules), "{name}");
    }
}

/// What was printed is read back as the same rules, and printed the same.
#[test]
fn what_is_printed_is_read_back() {
    for file in std::fs::read_dir(corpus()).unwrap() {
        let file = file.unwrap().path();
        let text = std::fs::read_to_string(&file).unwrap();
        let dump = parse(&text);
        let printed = print(&dump);
        let backend = dump.ruleset.tables.first().map_or(Backend::IptablesNft, |table| table.backend);
        let again = iptables::parse(&printed, &Options { family: Some(dump.family), backend });
        assert_eq!(again.ruleset, dump.ruleset, "{}", file.display());
        assert_eq!(print(&again), printed, "{}", file.display());
    }
}

#[test]
fn dumps_look_like_dumps() {
    for file in std::fs::read_dir(corpus()).unwrap() {
        let file = file.unwrap().path();
        if file.ends_with("ORIGIN.tsv") {
            continue;
        }
        let text = std::fs::read_to_string(&file).unwrap();
        assert_eq!(looks_like(&text), Kind::IptablesSave, "{}", file.display());
    }
}

/// Dumps of both families, one after the other, in one file.
#[test]
fn several_dumps_in_one_file() {
    let four = text("k3s-node.iptables-save");
    let six = "# Generated by ip6tables-save v1.8.9 (nf_tables) on Mon Nov 23 03:27:00 2026\n*filter\n:INPUT DROP [0:0]\n\
               -A INPUT -s fe80::/10 -j ACCEPT\nCOMMIT\n";
    let legacy =
        "# Generated by iptables-save v1.8.9 on Mon Nov 23 03:27:00 2026\n*filter\n:INPUT DROP [0:0]\nCOMMIT\n";
    let dump = parse(&format!("{four}{six}{legacy}"));
    assert_eq!(dump.diagnostics, []);
    let found: Vec<(Family, Backend, &str)> =
        dump.ruleset.tables.iter().map(|table| (table.family, table.backend, &*table.name)).collect();
    assert_eq!(
        found,
        [
            (Family::Ip, Backend::IptablesNft, "nat"),
            (Family::Ip6, Backend::IptablesNft, "filter"),
            (Family::Ip, Backend::IptablesLegacy, "filter"),
        ]
    );
    assert_eq!(lines(&iptables::print(&dump.ruleset, None, IpFamily::V6, Backend::IptablesNft)), lines(six));
}

/// The dump of a large cluster's node.
#[test]
fn a_large_dump_comes_back_whole() {
    let text = k8s::dump(100_000);
    let dump = parse(&text);
    assert_eq!((dump.diagnostics.len(), dump.ruleset.rule_count()), (0, 100_000));
    assert_same("the made dump", &lines(&print(&dump)), &lines(&text));
}
