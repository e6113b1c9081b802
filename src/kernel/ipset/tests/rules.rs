//! Rules that ask sets and change them, of both backends: the kernel knows their sets by number alone.

use std::path::Path;

use super::*;
use crate::host::xt::{Match, Target};
use crate::host::{Backend, IpFamily, Namespace, What};
use crate::kernel::{Common, netfilter};
use crate::syntax::iptables;

const SETS: [&str; 2] = [
    "create gone hash:ip\ncreate addrs hash:ip counters\ncreate pairs hash:ip,port timeout 60\ncreate triple hash:ip,port,net\n\
     create marks hash:net skbinfo\ncreate all list:set\nadd all addrs\ncreate name-32-bytes-long-with-its-nul hash:ip\n",
    "create gone hash:ip\ncreate addrs hash:ip family inet6 counters\ncreate pairs hash:ip,port family inet6 timeout 60\n\
     create triple hash:ip,port,net family inet6\ncreate marks hash:net family inet6 skbinfo\ncreate all list:set\nadd all addrs\n\
     create name-32-bytes-long-with-its-nul hash:ip family inet6\n",
];

const RULES: [&str; 16] = [
    "-m set --match-set addrs src -j DROP",
    "-m set ! --match-set addrs dst",
    "-m set --match-set pairs src,dst -j ACCEPT",
    "-m set ! --match-set triple dst,src,dst",
    "-m set --match-set all src --return-nomatch",
    "-m set --match-set addrs src ! --update-counters",
    "-m set --match-set all src ! --update-counters ! --update-subcounters",
    "-m set --match-set addrs src --packets-eq 5 --bytes-gt 18446744073709551615",
    "-m set --match-set addrs src ! --packets-eq 0 --bytes-lt 7",
    "-m set ! --match-set name-32-bytes-long-with-its-nul src --packets-gt 3 ! --bytes-eq 9",
    "-j SET --add-set addrs src",
    "-j SET --add-set pairs src,dst --exist --timeout 0",
    "-j SET --add-set addrs dst --timeout 4294967294 --del-set pairs dst,dst",
    "-j SET --del-set triple src,dst,src",
    "-p tcp -m tcp --dport 80 -m set --match-set addrs src -j SET --map-set marks src --map-mark",
    "-j SET --add-set addrs src --del-set pairs src,src --map-set marks dst --map-mark",
];

fn namespace() -> Namespace {
    let places = crate::kernel::tests::places();
    let mut ns = Namespace::default();
    netfilter::read(Path::new("/proc"), &Common::read(&places, Answers::default()), &mut ns);
    assert!(ns.is_read(What::IpSets), "{:?}", ns.unread);
    ns
}

fn judge(family: IpFamily, backend: Backend) {
    let six = if family == IpFamily::V6 { "6" } else { "" };
    let kind = if backend == Backend::IptablesNft { "nft" } else { "legacy" };
    let tool = |what: &str| format!("ip{six}tables-{kind}-{what}");
    // Numbers with a gap: the first set is gone.
    run(&["ipset", "restore"], &format!("{}destroy gone\n", SETS[usize::from(family == IpFamily::V6)]));
    let rules: String = RULES.iter().map(|rule| format!("-A PREROUTING {rule}\n")).collect();
    run(&[&tool("restore")], &format!("*mangle\n:PREROUTING ACCEPT [0:0]\n{rules}COMMIT\n"));
    let saved = run(&[&tool("save")], "");
    let ns = namespace();
    let printed = iptables::save(&ns.ruleset, None, family, backend);
    let lines =
        |text: &str| -> Vec<String> { text.lines().filter(|line| line.starts_with('-')).map(str::to_owned).collect() };
    assert_eq!(lines(&printed), lines(&saved));
    assert_eq!(lines(&saved).len(), RULES.len());
    let dump = iptables::parse(&saved, &iptables::Options { family: Some(family), backend });
    assert_eq!(dump.diagnostics, []);
    let bodies = |ruleset: &crate::host::Ruleset| -> Vec<crate::host::Body> {
        ruleset.chains().flat_map(|(_, chain)| chain.rules.iter().map(|rule| rule.body.clone())).collect()
    };
    assert_eq!(bodies(&ns.ruleset), bodies(&dump.ruleset));
    for body in bodies(&ns.ruleset) {
        let asks = body.matches().any(|matched| matches!(matched, Match::Set(_)));
        assert!(asks || matches!(body.target(), Some(Target::Set(_))), "{body:?}");
    }
}

#[test]
fn rules_of_both_backends_name_their_sets() {
    for backend in [Backend::IptablesNft, Backend::IptablesLegacy] {
        for family in [IpFamily::V4, IpFamily::V6] {
            apart(move || judge(family, backend));
        }
    }
}
