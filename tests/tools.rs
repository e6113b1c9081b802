//! Rules held against the real tools: what iptables-restore takes and iptables-save then prints is what we print.

#![allow(clippy::unwrap_used)]

#[path = "tools/suite.rs"]
mod suite;

use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Stdio};

use suite::rules;
use whyport::host::{Backend, IpFamily};
use whyport::syntax::iptables::{self, Options};

struct Tool {
    family: IpFamily,
    backend: Backend,
}

impl Tool {
    fn name(&self, what: &str) -> String {
        let six = if self.family == IpFamily::V6 { "6" } else { "" };
        let kind = if self.backend == Backend::IptablesLegacy { "legacy" } else { "nft" };
        format!("ip{six}tables-{kind}-{what}")
    }
}

fn dump(rules: &[(&str, &str, &str)]) -> String {
    let mut text = String::new();
    for table in ["raw", "mangle", "nat", "filter"] {
        let own = || rules.iter().filter(|rule| rule.0 == table);
        if own().count() == 0 {
            continue;
        }
        text.push_str(&format!("*{table}\n"));
        for chain in chains(table) {
            text.push_str(&format!(":{chain} ACCEPT [0:0]\n"));
        }
        if table == "filter" {
            text.push_str(":USER - [0:0]\n");
        }
        for chain in chains(table) {
            for (.., rule) in own().filter(|rule| rule.1 == *chain) {
                text.push_str(format!("-A {chain} {rule}").trim_end());
                text.push('\n');
            }
        }
        text.push_str("COMMIT\n");
    }
    text
}

fn chains(table: &str) -> &'static [&'static str] {
    match table {
        "raw" => &["PREROUTING", "OUTPUT"],
        "mangle" => &["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"],
        "nat" => &["PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"],
        _ => &["INPUT", "FORWARD", "OUTPUT"],
    }
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n")
}

/// Loads a dump in a network namespace of its own, and gives what is saved there.
fn restored(tool: &Tool, text: &str) -> Result<String, String> {
    let set = if tool.family == IpFamily::V6 { "inet6" } else { "inet" };
    let script = format!(
        "ipset create blocklist hash:ip family {set} counters && ipset create pairs hash:ip,port family {set}; {} && {}",
        tool.name("restore"),
        tool.name("save")
    );
    let mut child = Command::new("unshare")
        .args([if is_root() { "-n" } else { "-rn" }, "sh", "-c", &script])
        .env("XTABLES_LOCKFILE", "/dev/null")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| error.to_string())?;
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() { Ok(String::from_utf8(output.stdout).unwrap()) } else { Err(said) }
}

fn ours(tool: &Tool, text: &str) -> String {
    let dump = iptables::parse(text, &Options { family: Some(tool.family), backend: tool.backend });
    iptables::print(&dump.ruleset, Some(&dump.observations), tool.family, tool.backend)
}

/// Tables of a dump by name, each with its lines; comments left out. The tools print tables in no fixed order.
fn tables(text: &str) -> BTreeMap<&str, Vec<&str>> {
    let mut all = BTreeMap::new();
    let mut name = "";
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        name = line.strip_prefix('*').unwrap_or(name);
        all.entry(name).or_insert_with(Vec::new).push(line);
    }
    all
}

/// Finds the rules that this machine's kernel or tool does not know; each of the others is compared by itself.
fn one_by_one(tool: &Tool, rules: &[(&str, &str, &str)]) -> Vec<String> {
    let mut refused = Vec::new();
    for rule in rules {
        let text = dump(&[*rule]);
        match restored(tool, &text) {
            Ok(theirs) => assert_eq!(tables(&theirs), tables(&ours(tool, &text)), "{}: {rule:?}", tool.name("save")),
            Err(said) => refused.push(format!("{}: {}", rule.2, said.trim())),
        }
    }
    refused
}

fn compare(family: IpFamily, backend: Backend) {
    let tool = Tool { family, backend };
    let works = restored(&tool, "*filter\nCOMMIT\n");
    assert!(
        works.is_ok(),
        "{} (with unshare, in a network namespace of its own) is needed: {works:?}",
        tool.name("save")
    );
    // nf_tables has no such verdict in iptables' form.
    let known = |rule: &&(&str, &str, &str)| backend == Backend::IptablesLegacy || rule.2 != "-j QUEUE";
    let rules: Vec<_> = rules(family).iter().filter(known).copied().collect();
    assert!(rules.len() > 150, "{} rules", rules.len());
    let text = dump(&rules);
    match restored(&tool, &text) {
        Ok(theirs) => {
            for (name, lines) in tables(&theirs) {
                let mine = ours(&tool, &text);
                for (theirs, ours) in lines.iter().zip(&tables(&mine)[name]) {
                    assert_eq!(ours, theirs, "{}", tool.name("save"));
                }
            }
            assert_eq!(tables(&theirs), tables(&ours(&tool, &text)));
            // What the tool printed is printed again as it is.
            assert_eq!(tables(&theirs), tables(&ours(&tool, &theirs)));
        }
        Err(_) => {
            let refused = one_by_one(&tool, &rules);
            eprintln!("{} rules that this machine does not know are left out: {refused:#?}", refused.len());
            assert!(refused.len() * 5 < rules.len(), "nearly nothing was compared");
        }
    }
}

#[test]
fn iptables_nft_prints_the_same() {
    compare(IpFamily::V4, Backend::IptablesNft);
}

#[test]
fn ip6tables_nft_prints_the_same() {
    compare(IpFamily::V6, Backend::IptablesNft);
}

#[test]
fn iptables_legacy_prints_the_same() {
    compare(IpFamily::V4, Backend::IptablesLegacy);
}

#[test]
fn ip6tables_legacy_prints_the_same() {
    compare(IpFamily::V6, Backend::IptablesLegacy);
}

/// A name cut so short that it may mean several options, some of them of the command line, is none.
#[test]
fn what_may_mean_several_options_is_none() {
    let tool = Tool { family: IpFamily::V4, backend: Backend::IptablesNft };
    for rule in [
        ("filter", "INPUT", "-p tcp -m tcp --dest 10.0.0.2 -j ACCEPT"),
        ("filter", "INPUT", "-p tcp --dport 80 --so 10.0.0.1 -j ACCEPT"),
        ("filter", "INPUT", "-p tcp -m tcp --s 80 -j ACCEPT"),
        ("filter", "INPUT", "-m conntrack --c NEW -j ACCEPT"),
        ("filter", "INPUT", "-m mark --mark 1 -m connmark --mar 1 -j ACCEPT"),
        ("nat", "PREROUTING", "-d 10.0.0.0/24 -j NETMAP --t 10.1.0.0/24"),
        ("filter", "INPUT", "-m comment --comment a --in eth0 -j ACCEPT"),
        ("nat", "PREROUTING", "-p tcp -m tcp -j DNAT --t 10.0.0.2"),
    ] {
        let text = dump(&[rule]);
        let dump = iptables::parse(&text, &Options { family: Some(tool.family), backend: tool.backend });
        assert_ne!(dump.diagnostics, [], "{rule:?}");
        let theirs = restored(&tool, &text);
        assert!(theirs.is_err(), "{rule:?}: {theirs:?}");
    }
}
