//! nft's JSON, held against nft: what is read of it is what is read of the text, and what the kernel has.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

#[path = "nft/apart.rs"]
mod apart;

#[path = "nft/lot.rs"]
mod lot;

#[path = "nft/sections.rs"]
mod sections;

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;

use apart::{apart, read, run};
use lot::Lot;
use sections::{SETS, sections, table};
use whyport::host::nft::{ChainFlags, Expression, Set, SetFlags};
use whyport::host::{Body, Chain, Handle, Namespace, Observations, Rule, Table};
use whyport::syntax::{Diagnostic, nft};

/// Rules as whyport reads them, and as nft lists them.
struct Loaded {
    kernel: Namespace,
    text: String,
    json: String,
}

fn loaded(text: String) -> Loaded {
    let (to, from) = mpsc::channel();
    apart(move || {
        run(&["ip", "link", "add", "dummy7", "type", "bridge"], "");
        run(&["nft", "-f", "-"], &text);
        let list = |options: &[&str]| run(&[&["nft"], options, &["list", "ruleset"]].concat(), "");
        to.send(Loaded { kernel: read(), text: list(&["-a"]), json: list(&["-j"]) }).unwrap();
    });
    from.recv().unwrap()
}

fn expressions(rule: &Rule) -> &[Expression] {
    match &rule.body {
        Body::Nft(rule) => &rule.expressions,
        Body::Iptables(_) => panic!("a rule that is not native"),
    }
}

#[test]
fn rules_are_read_as_from_the_text() {
    let mut wrong = Vec::new();
    let files = [
        include_str!("data/native-rules.txt"),
        include_str!("data/language-rules.txt"),
        include_str!("data/native-expressions.txt"),
    ];
    let mut count = 0;
    for (family, rules) in files.into_iter().flat_map(sections) {
        let Loaded { kernel, text, json } = loaded(table(family, SETS, &rules));
        let own = nft::parse_json(&json, &kernel.links);
        let text = nft::parse(&text, &kernel.links);
        wrong.extend(own.diagnostics.iter().map(|Diagnostic { text, .. }| format!("{family}: {text}\n")));
        let tables = [&own.ruleset.tables[0], &text.ruleset.tables[0], &kernel.ruleset.tables[0]];
        for (at, rule) in rules.iter().enumerate() {
            let of = |table: &Table| table.chains[table.chain_index(&format!("c{at}")).unwrap()].rules[0].clone();
            let [own, text, kernel] = tables.map(of);
            count += 1;
            if own != text && own != kernel {
                wrong.push(format!("{family}: {rule}\n  json:   {own:?}\n  text:   {text:?}\n  kernel: {kernel:?}\n"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {count} differ:\n{}", wrong.len(), wrong.concat());
    assert!(count > 1000, "{count}");
}

/// Rulesets as tools make them, and such with everything that a table may have.
const RULESETS: [&str; 6] = [
    include_str!("data/native/docker.nft"),
    include_str!("data/native/firewalld.nft"),
    include_str!("data/native/families.nft"),
    include_str!("data/native/types.nft"),
    include_str!("data/native/objects.nft"),
    include_str!("data/native/kinds.nft"),
];

/// A table without what nft 1.0.6 leaves out of its JSON.
fn as_json_tells(table: &Table) -> Table {
    let mut table = table.clone();
    table.particulars.comment = None;
    table.particulars.flowtables.iter_mut().for_each(|flowtable| flowtable.flags = 0);
    for chain in &mut table.chains {
        chain.details.comment = None;
        chain.details.devices = Box::default();
        chain.details.flags &= ChainFlags::BINDING;
    }
    // A set that is asked by no rule.
    // nft's numbers of `integer` and `string`, six bits for each part.
    let is_open = |number: u32| (0..5).any(|part| matches!(number >> (6 * part) & 0x3f, 4 | 5));
    let is_named = |set: &&mut Set| !set.flags.contains(SetFlags::ANONYMOUS);
    for set in table.sets.iter_mut().filter(is_named).filter(|set| is_open(set.key_type)) {
        set.key_length = 0;
        set.elements.clear();
    }
    for set in table.sets.iter_mut().filter(is_named) {
        let details = &mut set.details;
        (details.key_typeof, details.data_typeof) = (None, None);
        (details.key_order, details.data_order) = (None, None);
        details.merges = false;
        set.flags.remove(SetFlags::EVAL);
        for element in &mut set.elements {
            let Some(details) = &mut element.details else { continue };
            details.timeout = details.timeout.map(|timeout| timeout / 1000 * 1000);
            details.expressions = details.expressions.iter().take(1).cloned().collect();
        }
    }
    // No listing has the handles of sets within rules.
    let within = table.sets.iter_mut().filter(|set| set.flags.contains(SetFlags::ANONYMOUS));
    within.for_each(|set| set.details.handle = None);
    table
}

/// A table without handles: those of each namespace are its own.
fn without_handles(table: &Table) -> Table {
    let mut table = table.clone();
    table.particulars.handle = None;
    table.particulars.objects.iter_mut().for_each(|object| object.handle = None);
    table.sets.iter_mut().for_each(|set| set.details.handle = None);
    for chain in &mut table.chains {
        chain.details.handle = None;
        chain.rules.iter_mut().for_each(|rule| rule.handle = None);
    }
    table
}

/// What was counted, without the time that elements have left and what their other statements counted.
fn as_json_counts(observations: &Observations) -> Observations {
    let mut observations = observations.clone();
    for state in observations.elements.values_mut() {
        state.expires = state.expires.map(|_| 0);
        state.tallies = state.tallies.iter().take(1).cloned().collect();
    }
    observations
}

#[test]
fn rulesets_are_read_as_from_the_text() {
    for ruleset in RULESETS {
        let Loaded { kernel, text, json } = loaded(ruleset.to_owned());
        let (own, text) = (nft::parse_json(&json, &kernel.links), nft::parse(&text, &kernel.links));
        assert_eq!(own.ruleset.tables.len(), text.ruleset.tables.len());
        for (own, text) in own.ruleset.tables.iter().zip(&text.ruleset.tables) {
            let (own, text) = (as_json_tells(own), as_json_tells(text));
            assert_eq!(own.particulars, text.particulars);
            let rules = |table: &Table| table.chains.iter().flat_map(|chain| chain.rules.clone()).collect::<Vec<_>>();
            for (own, text) in rules(&own).iter().zip(&rules(&text)) {
                assert_eq!(own, text);
                let is_text = |expression: &&Expression| matches!(expression, Expression::Undecoded(_));
                assert_eq!(expressions(own).iter().find(is_text), None);
            }
            for (own, text) in own.sets.iter().zip(&text.sets) {
                assert_eq!(own, text);
            }
            assert_eq!(own, text);
        }
        assert_eq!(as_json_counts(&own.observations), as_json_counts(&text.observations));
        // What the JSON has not is told.
        let lost = ["taken as dormant", "leaves out at which one", "leaves out how long its keys are"];
        let said: Vec<&str> = own.diagnostics.iter().map(|said| &*said.text).collect();
        let other = said.iter().find(|said| !lost.iter().any(|lost| said.contains(lost)));
        assert_eq!(other, None);
        let at_device = ["hook ingress", "hook egress"].iter().any(|hook| ruleset.contains(hook));
        assert_eq!(said.iter().any(|said| said.contains(lost[1])), at_device, "{said:?}");
    }
}

/// The same rules of a host with podman, as text and as JSON: what iptables extensions say is left out of the JSON, and the rest
/// is the same.
#[test]
fn a_host_with_podman_is_the_same_but_for_what_extensions_say() {
    let file = |name: &str| std::fs::read_to_string(format!("tests/data/podman/{name}")).unwrap();
    let (json, text) = (file("netavark-1.4-host.nft.json"), file("netavark-1.4-host.nft"));
    let (json, text) = (nft::parse_json(&json, &[]), nft::parse(&text, &[]));
    let (mut same, mut less) = (0, 0);
    for (json, text) in json.ruleset.tables.iter().zip(&text.ruleset.tables) {
        for (json, text) in json.chains.iter().zip(&text.chains) {
            assert_eq!((&json.name, &json.base, json.rules.len()), (&text.name, &text.base, text.rules.len()));
            for (json, text) in json.rules.iter().zip(&text.rules) {
                let [json, text] = [json, text].map(expressions);
                let of_xtables =
                    |expression: &&Expression| matches!(expression, Expression::Match(_) | Expression::Target(_));
                match json.iter().find(of_xtables) {
                    Some(_) => less += 1,
                    None => {
                        assert_eq!(json, text);
                        same += 1;
                    }
                }
            }
        }
    }
    assert_eq!((same, less), (11, 8));
    let said: Vec<String> = json.diagnostics.iter().map(|said| said.text.clone()).collect();
    let of = |what: &str| said.iter().find(|said| said.starts_with(what)).map(String::as_str);
    assert_eq!(
        of("iptables' target DNAT"),
        Some("iptables' target DNAT: nft's JSON leaves out what it says, iptables-save tells it (2 times)")
    );
    assert_eq!(said.len(), 6, "{said:?}");
}

/// What nft printed of a ruleset is walked the same, as text and as JSON.
#[test]
fn a_packet_goes_the_same_way() {
    let ruleset = "table ip nat {
        map ports { type inet_service : ipv4_addr . inet_service; elements = { 80 : 10.0.0.1 . 8080 } }
        chain prerouting {
            type nat hook prerouting priority dstnat;
            ip saddr 10.9.0.0/16 tcp dport { 80, 443 } counter return
            dnat ip to tcp dport map @ports
        }
    }
    table inet filter {
        set friends { type ipv4_addr; flags interval; elements = { 192.0.2.0/24 } }
        chain forward {
            type filter hook forward priority filter; policy drop;
            ct state vmap { established : accept, related : accept }
            ip saddr @friends tcp dport 8080 counter accept
        }
    }";
    let Loaded { text, json, .. } = loaded(ruleset.to_owned());
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let walked = [("way.nft", text), ("way.json", json)].map(|(name, contents)| {
        let path = folder.join(name);
        std::fs::write(&path, contents).unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_whyport"))
            .args(["trace", "80", "--json", "--snapshot"])
            .arg(&path)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
        String::from_utf8(output.stdout).unwrap()
    });
    assert_eq!(walked[0], walked[1]);
    for told in ["10.0.0.1:8080", "192.0.2.0/24", "10.9.0.0/16"] {
        assert!(walked[0].contains(told), "{told}");
    }
}

/// The handles of all chains, and of their rules.
fn handles(table: &Table) -> Vec<(Option<Handle>, Vec<Option<Handle>>)> {
    let of_rules = |chain: &Chain| chain.rules.iter().map(|rule| rule.handle).collect();
    table.chains.iter().map(|chain| (chain.details.handle, of_rules(chain))).collect()
}

/// Leaves out the rules that nft has no meaning for.
fn meant(family: &str, head: &str, rules: &[String]) -> Vec<String> {
    let is_meant = |rules: &[String]| checked(&table(family, head, rules));
    if is_meant(rules) {
        return rules.to_vec();
    }
    rules.iter().filter(|rule| is_meant(std::slice::from_ref(*rule))).cloned().collect()
}

/// Rulesets that nobody thought of. They follow from `WHYPORT_SEED` (1); `WHYPORT_ROUNDS` (16) says how many there are. What
/// the kernel has of what nft listed, what its text says and what its JSON says are the same, down to each condition.
#[test]
fn rulesets_at_random_are_the_same_from_kernel_text_and_json() {
    let setting = |name: &str, usual| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual);
    let (seed, rounds): (u64, u64) = (setting("WHYPORT_SEED", 1), setting("WHYPORT_ROUNDS", 16));
    println!("WHYPORT_SEED={seed} WHYPORT_ROUNDS={rounds}");
    let (mut wrong, mut drawn, mut loaded_of) = (String::new(), 0, 0);
    for round in 0..rounds {
        let (family, head, rules) = Lot::new(seed.wrapping_mul(1_000_003).wrapping_add(round)).table();
        let kept = meant(family, &head, &rules);
        (drawn, loaded_of) = (drawn + rules.len(), loaded_of + kept.len());
        // nft does not list all that it stores, and not all that it lists it reads: such rules are left out.
        let lists = printed(&loaded(table(family, &head, &kept)).text);
        let again = meant(family, &head, &lists);
        let kept: Vec<String> =
            kept.into_iter().zip(&lists).filter(|(_, lists)| again.contains(lists)).map(|(rule, _)| rule).collect();
        let first = loaded(table(family, &head, &kept));
        let Loaded { mut kernel, .. } = loaded(table(family, &head, &printed(&first.text)));
        kernel.ruleset.rank_by_listing();
        let Loaded { kernel: stored, text, json } = first;
        let [text, json] = [nft::parse(&text, &kernel.links), nft::parse_json(&json, &kernel.links)].map(|mut dump| {
            dump.ruleset.rank_by_listing();
            dump
        });
        let at_device = |said: &&Diagnostic| said.text.contains("leaves out at which one");
        assert_eq!(text.diagnostics, []);
        assert_eq!(json.diagnostics.iter().find(|said| !at_device(said)), None);
        let all = [&kernel.ruleset, &text.ruleset, &json.ruleset, &stored.ruleset];
        let [kernel, text, json, stored] = all.map(|ruleset| &ruleset.tables[0]);
        assert_eq!(handles(text), handles(json));
        let [kernel, text, json, stored] =
            [kernel, text, json, stored].map(|table| without_handles(&as_json_tells(table)));
        for (at, rule) in kernel.chains.iter().enumerate() {
            let rules = |table: &Table| table.chains[at].clone();
            let (text, json) = (rules(&text), rules(&json));
            // `tcp flags { fin, fin }` nft lists as `tcp flags fin`, which is another thing; its JSON is true there.
            let is_true = json == *rule || json == rules(&stored);
            if *rule != text || !is_true {
                let kept = rule.name.strip_prefix('c').and_then(|at| kept.get(at.parse::<usize>().ok()?));
                wrong.push_str(&format!(
                    "{family} {kept:?}\n  kernel: {rule:?}\n  text:   {text:?}\n  json:   {json:?}\n"
                ));
            }
        }
        for ((kernel, text), json) in kernel.sets.iter().zip(&text.sets).zip(&json.sets) {
            if kernel != text || kernel != json {
                wrong.push_str(&format!("{family}\n  kernel: {kernel:?}\n  text:   {text:?}\n  json:   {json:?}\n"));
            }
        }
        assert_eq!([&text.particulars, &json.particulars], [&kernel.particulars; 2]);
        assert_eq!(text.sets.len(), json.sets.len());
    }
    assert!(wrong.is_empty(), "WHYPORT_SEED={seed}:\n{wrong}");
    assert!(loaded_of > drawn / 2, "{loaded_of} of {drawn} rules were loaded");
    println!("{loaded_of} of {drawn} rules");
}

/// What nft lists of the rule in each of the chains `c0`, `c1` and so on, without its handle.
fn printed(listing: &str) -> Vec<String> {
    let lines: Vec<&str> =
        listing.lines().map(|line| line.split(" # handle").next().unwrap_or_default().trim()).collect();
    lines.windows(2).filter(|pair| pair[0].starts_with("chain c")).map(|pair| pair[1].to_owned()).collect()
}

/// Whether nft has a meaning for a ruleset, and lists it without falling over it.
fn checked(text: &str) -> bool {
    let (to, from) = mpsc::channel();
    let text = text.to_owned();
    apart(move || {
        run(&["ip", "link", "add", "dummy7", "type", "bridge"], "");
        let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
        let nft = |words: &[&str], input: &str| {
            let mut nft = Command::new("nft");
            nft.env("PATH", &path).args(words).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
            let mut nft = nft.spawn().unwrap();
            nft.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
            nft.wait().unwrap().success()
        };
        to.send(nft(&["-f", "-"], &text) && nft(&["list", "ruleset"], "")).unwrap();
    });
    from.recv().unwrap()
}
