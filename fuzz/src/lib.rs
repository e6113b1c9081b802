//! What several targets have in common: hosts around what was decoded, and what must hold of them.
//!
//! Every target is linked with this, also for [`getrandom`].

use whyport::host::{Backend, Body, Host, IpFamily, Namespace, Observations, Ruleset};
use whyport::report::{self, rules::Told};
use whyport::snapshot;
use whyport::syntax::iptables::{Options, parse, print};
use whyport::syntax::nft::{Listing, list};

/// The rule, in a chain of iptables' filter, prints to a text that is read as the same.
pub fn tells_rule(family: IpFamily, body: Body) {
    let options = Options { family: Some(family), backend: Backend::IptablesNft };
    let mut dump = parse("*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -j ACCEPT\nCOMMIT\n", &options);
    dump.ruleset.tables[0].chains[0].rules[0].body = body;
    let printed = print(&dump.ruleset, None, family, options.backend);
    same(&print(&parse(&printed, &options).ruleset, None, family, options.backend), &printed);
}

/// The namespace's rules print as text and as JSON, and it prints to a snapshot; what is read of that prints the same again.
/// Bytes that no kernel gives (a match without a name, two tables of one name) may lose something the first time, as any text may.
pub fn tells(ns: Namespace) {
    let told = Told { counters: true, handles: true };
    report::rules::all(&ns, told);
    report::rules_json(&ns);
    let first = snapshot::print(&Host { namespaces: vec![ns], ..Host::default() });
    let printed = snapshot::print(&snapshot::parse(&first).host);
    let again = snapshot::print(&snapshot::parse(&printed).host);
    same(&again, &printed);
}

/// The native tables as nft lists them.
pub fn lists(ruleset: &Ruleset, observations: &Observations) -> String {
    list(Listing { ruleset, links: &[], observations, handles: true })
}

/// A namespace with these rules.
pub fn with_rules((ruleset, observations): (Ruleset, Observations)) -> Namespace {
    let mut ns = Namespace { name: "fuzzed".to_owned(), ruleset, observations, ..Namespace::default() };
    ns.ruleset.rank_by_listing();
    ns
}

/// Fails with the first line that differs.
pub fn same(again: &str, printed: &str) {
    if again != printed {
        let differs = again.lines().zip(printed.lines()).find(|(new, old)| new != old);
        panic!("read again it prints otherwise: {differs:?}\n{printed}");
    }
}

/// getrandom(2) as the standard library calls it for the keys of its hashes, here with the same bytes always: else each run
/// would go other ways through the same maps, and none could be run again.
///
/// # Safety
/// `to` has room for `length` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn getrandom(to: *mut u8, length: usize, _flags: u32) -> isize {
    // SAFETY: the caller says that there is room.
    unsafe { to.write_bytes(0x5a, length) };
    length as isize
}
