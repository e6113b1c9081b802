//! What is read of nf_tables against what iptables-nft-save says of it, each in a network namespace of its own.

use std::fs;
use std::path::Path;

use super::*;
use crate::host::IpFamily;
use crate::kernel::tests::{apart, run};
use crate::syntax::iptables::{self, Options};

fn tool(family: IpFamily, name: &str) -> String {
    format!("{}-nft-{name}", if family == IpFamily::V4 { "iptables" } else { "ip6tables" })
}

fn lines(text: &str) -> Vec<&str> {
    text.lines().filter(|line| !line.starts_with('#')).collect()
}

/// Loads a dump, and compares what the kernel has with what the tool prints; `misprinted` are rules that the tool does not
/// print as they are.
pub(in crate::kernel) fn judge(family: IpFamily, text: &str, misprinted: &[(&str, &str)]) {
    run(&[&tool(family, "restore"), "-c"], text);
    let read = read().expect("nf_tables");
    assert!(!read.mixed);
    let mut written = run(&[&tool(family, "save"), "-c"], "");
    for (wrong, right) in misprinted {
        assert!(written.contains(wrong), "{wrong} is no longer printed:\n{written}");
        written = written.replace(wrong, right);
    }
    let printed = iptables::save(&read.ruleset, Some(&read.observations), family, Backend::IptablesNft);
    for (printed, written) in lines(&printed).iter().zip(lines(&written)) {
        assert_eq!(*printed, written);
    }
    assert_eq!(lines(&printed).len(), lines(&written).len(), "{printed}");
    let dump = iptables::parse(&written, &Options { family: Some(family), backend: Backend::IptablesNft });
    for parsed in &dump.ruleset.tables {
        let is_it = |table: &&Table| table.name == parsed.name;
        let read = read.ruleset.tables.iter().find(is_it).expect("a table of this name");
        for (read, parsed) in read.chains.iter().zip(&parsed.chains) {
            let bodies = |chain: &Chain| chain.rules.iter().map(|rule| rule.body.clone()).collect::<Vec<_>>();
            assert_eq!((&read.name, bodies(read)), (&parsed.name, bodies(parsed)));
        }
    }
}

/// Dumps of real hosts, without the rules that ask for sets, which are not there.
#[test]
fn dumps_of_real_hosts() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/corpus");
    for name in [
        "podman-netavark-1.4.iptables-save",
        "k3s-node.iptables-save",
        "k3s-svclb.iptables-save",
        "kube-proxy-TestTracePacket.iptables-save",
        "azure-iptablesave.iptables-save",
        "azure-iptablesave-v1.unfolded.iptables-save",
        "azure-iptablesave-v2.iptables-save",
    ] {
        let text = fs::read_to_string(corpus.join(name)).expect(name);
        let dump = iptables::parse(&text, &Options { family: Some(IpFamily::V4), backend: Backend::IptablesNft });
        let text = iptables::print(&dump.ruleset, Some(&dump.observations), IpFamily::V4, Backend::IptablesNft);
        let rules = text.lines().filter(|line| !line.contains(" -m set ")).collect::<Vec<_>>().join("\n") + "\n";
        apart(move || judge(IpFamily::V4, &rules, &[]));
    }
}
