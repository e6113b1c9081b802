//! Texts as people paste them: listings, several outputs one after another, and what mail, terminals and web pages do to
//! them. What the real tools print is marred at random and must say the same as before, each oddity told once.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

#[path = "pasted/mar.rs"]
mod mar;
#[path = "pasted/oddities.rs"]
mod oddities;
#[path = "tools/suite.rs"]
mod suite;

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use mar::{Dice, Item};
use proptest::prelude::*;
use proptest::sample::select;
use whyport::host::{Backend, Family, IpFamily};
use whyport::syntax::pasted::{Pasted, read};
use whyport::syntax::{Diagnostic, DiagnosticKind, ipset, iptables, nft};

/// Everything that was read, in the tools' own words.
fn told(pasted: &Pasted) -> String {
    let mut out = String::new();
    if let Some(dump) = &pasted.rules {
        for backend in [Backend::IptablesLegacy, Backend::IptablesNft] {
            for family in [IpFamily::V4, IpFamily::V6] {
                out += &format!("{backend:?} {family:?}\n");
                out += &iptables::save(&dump.ruleset, Some(&dump.observations), family, backend);
            }
        }
        let (ruleset, observations) = (&dump.ruleset, &dump.observations);
        out += &nft::list(nft::Listing { ruleset, links: &[], observations, handles: false });
    }
    if let Some(sets) = &pasted.sets {
        out += &ipset::print(&sets.sets, &sets.seen, ipset::Form::Tool);
    }
    out
}

/// Everything that was said, in the order of the lines.
fn said(pasted: &Pasted) -> Vec<&Diagnostic> {
    let rules = pasted.rules.iter().flat_map(|dump| &dump.diagnostics);
    let sets = pasted.sets.iter().flat_map(|dump| &dump.diagnostics);
    let mut said: Vec<_> = rules.chain(sets).chain(&pasted.diagnostics).collect();
    said.sort_by_key(|found| found.line);
    said
}

/// Files of the corpus whose names end so.
fn corpus(end: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/corpus");
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let mut found: Vec<(String, String)> = files
        .filter(|file| file.to_string_lossy().ends_with(end))
        .map(|file| (file.display().to_string(), std::fs::read_to_string(&file).unwrap()))
        .collect();
    found.sort();
    found
}

/// What iptables-save would have printed where `iptables -S` printed this: each of these tables begins with a policy.
fn as_saved(listing: &str) -> String {
    let mut saved = String::new();
    let mut policies: Vec<&str> = Vec::new();
    let mut lines = listing.lines().peekable();
    while let Some(line) = lines.next() {
        if let Some(policy) = line.strip_prefix("-P ") {
            policies.push(policy);
            if !lines.peek().is_some_and(|next| next.starts_with("-P ")) {
                let has = |name: &str| policies.iter().any(|policy| policy.starts_with(name));
                let table = match (has("FORWARD"), has("POSTROUTING")) {
                    (true, _) => "filter",
                    (_, true) => "nat",
                    _ => "raw",
                };
                saved += if saved.is_empty() { "" } else { "COMMIT\n" };
                saved += &format!("*{table}\n");
                policies.drain(..).for_each(|policy| saved += &format!(":{policy} [0:0]\n"));
            }
        } else if let Some(name) = line.strip_prefix("-N ") {
            saved += &format!(":{name} - [0:0]\n");
        } else {
            saved += &format!("{line}\n");
        }
    }
    saved + "COMMIT\n"
}

#[test]
fn listings_say_what_the_dump_would_have_said() {
    let listings = corpus(".iptables-S");
    assert_eq!(listings.len(), 9);
    for (name, listing) in listings {
        let (listed, saved) = (read(&listing).unwrap(), read(&as_saved(&listing)).unwrap());
        assert_eq!((said(&listed), said(&saved)), (vec![], vec![]), "{name}");
        assert_eq!(listed.rules.unwrap().ruleset, saved.rules.unwrap().ruleset, "{name}");
    }
}

#[test]
fn the_corpus_is_read_as_its_readers_do() {
    let options = iptables::Options { family: None, backend: Backend::IptablesNft };
    for (name, text) in corpus("").into_iter().filter(|(name, _)| !name.ends_with(".tsv") && !name.contains("2020")) {
        let (pasted, alone) = (read(&text).unwrap(), iptables::parse(&text, &options));
        let expected = alone.diagnostics.len() + usize::from(text.contains("\r\n"));
        assert_eq!(said(&pasted).len(), expected, "{name}: {:?}", said(&pasted));
        let rules = pasted.rules.unwrap();
        let printed = |dump: &iptables::Dump, backend| iptables::save(&dump.ruleset, None, IpFamily::V4, backend);
        for backend in [Backend::IptablesLegacy, Backend::IptablesNft] {
            let expected = match alone.ruleset.tables[0].backend == backend {
                true => printed(&alone, backend),
                false => String::new(),
            };
            assert_eq!(printed(&rules, backend), expected, "{name}");
        }
    }
}

/// Runs a script in a network namespace of its own.
fn in_namespace(script: &str, input: &str) -> String {
    let mut child = Command::new("unshare")
        .args(["-n", "sh", "-c", script])
        .env("PATH", format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap()))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// The commands whose output people paste.
const LISTINGS: [&str; 14] = [
    "iptables-save",
    "ip6tables-save -c",
    "iptables-legacy-save -c",
    "ip6tables-legacy-save",
    "iptables -S",
    "iptables -t nat -S",
    "iptables-nft -t mangle -v -S",
    "iptables -vS -t raw",
    "ip6tables -t filter -S",
    "ip6tables-legacy -t mangle -S",
    "nft list ruleset",
    "nft -a list ruleset",
    "nft -n -s list ruleset",
    "ipset save",
];

/// What the tools print where some of the suite's rules are loaded: each command with its output.
fn printed(dice: &mut Dice) -> Vec<Item> {
    let mut script = String::from(
        "ipset create blocklist hash:ip family inet counters; ipset add blocklist 192.0.2.1; ipset create pairs hash:ip,port\n\
         nft -f - <<'END'\ntable inet fw {\n set bad { type ipv4_addr; flags interval; elements = { 10.0.0.0/8, 192.0.2.1 } }\n\
         chain input { type filter hook input priority 5; policy drop; ip saddr @bad counter drop comment \"a { brace\"; \
         tcp dport { 22, 80 } ct state new accept; }\n}\nEND\n",
    );
    for tool in ["iptables-nft", "ip6tables-nft", "iptables-legacy", "ip6tables-legacy"] {
        for _ in 0..8 {
            let rules = suite::rules(if tool.starts_with("ip6") { IpFamily::V6 } else { IpFamily::V4 });
            let (table, chain, rule) = rules[dice.below(rules.len())];
            let user = if table == "filter" { ":USER - [0:0]\n:LOOP-1 - [0:0]\n" } else { "" };
            script += &format!("{tool}-restore -n <<'END'\n*{table}\n{user}-A {chain} {rule}\nCOMMIT\nEND\n");
        }
    }
    for command in LISTINGS {
        script += &format!("echo '@@ {command}'\n{command}\n");
    }
    let all = in_namespace(&script, "");
    let mut items: Vec<Item> = all
        .split("@@ ")
        .skip(1)
        .filter_map(|item| item.split_once('\n'))
        .filter(|(_, output)| !output.is_empty())
        .map(|(command, output)| Item { command: command.to_owned(), output: output.to_owned() })
        .collect();
    assert!(items.len() >= 12, "{items:?}");
    // Of each table once: in what order they come is no matter.
    let (first, second) = (dice.below(items.len()), dice.below(items.len()));
    items.swap(first, second);
    items
}

fn given(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// As many rounds as `WHYPORT_ROUNDS` says (6), from the seed `WHYPORT_SEED` (1) on.
#[test]
fn what_the_tools_print_may_be_marred() {
    let (first, rounds) = (given("WHYPORT_SEED").unwrap_or(1), given("WHYPORT_ROUNDS").unwrap_or(6));
    for seed in first..first + rounds {
        let mut dice = Dice::new(seed);
        let all = printed(&mut dice);
        for _ in 0..20 {
            let mut items = all.clone();
            (0..dice.below(items.len())).for_each(|_| drop(items.swap_remove(dice.below(items.len()))));
            // Of a table that two listings show in other words, the first counts.
            let natives: Vec<String> =
                items.iter().map(|item| item.command.clone()).filter(|command| command.starts_with("nft")).collect();
            let one = dice.below(natives.len());
            items.retain(|item| !natives.contains(&item.command) || natives[one] == item.command);
            let plain: String =
                items.iter().map(|item| format!("root@host:~# {}\n{}", item.command, item.output)).collect();
            let plain_read = read(&plain).unwrap();
            let before = said(&plain_read).len();
            let is_passed = said(&plain_read).iter().any(|found| found.kind == DiagnosticKind::Passed);
            assert!(!is_passed, "a prompt before what is read is no oddity: seed {seed}\n{plain}");
            let (marred, oddities) = mar::mar(&items, &mut dice);
            let pasted = read(&marred).unwrap();
            let (theirs, ours) = (told(&plain_read), told(&pasted));
            let differs = theirs.lines().zip(ours.lines()).find(|(theirs, ours)| theirs != ours);
            assert!(theirs == ours, "seed {seed}: {oddities:?}: {differs:?}\n{}", shown(&marred, &said(&pasted)));
            let found = said(&pasted);
            assert!(
                found.len() == before + oddities.len(),
                "seed {seed}: {} of {before} and {}: {oddities:?}\n{}",
                found.len(),
                oddities.len(),
                shown(&marred, &found)
            );
        }
    }
}

/// A text with what is said of its lines.
fn shown(text: &str, said: &[&Diagnostic]) -> String {
    let mut out = String::new();
    for (at, line) in text.lines().enumerate() {
        out += &format!("{:4} {line}\n", at + 1);
        let of_it = said.iter().filter(|found| found.line == at + 1);
        of_it.for_each(|found| out += &format!("  ^^ {:?}: {}\n", found.kind, found.text));
    }
    out
}

/// What each tool alone says of its output is what is said of it in the midst of others.
#[test]
fn each_output_is_read_by_its_own_reader() {
    let items = printed(&mut Dice::new(7));
    let output = |command: &str| items.iter().find(|item| item.command == command).unwrap().output.clone();
    let (four, six) = (output("iptables-save"), output("ip6tables-legacy-save"));
    let (native, sets) = (output("nft list ruleset"), output("ipset save"));
    let pasted = read(&format!("{four}{six}{sets}{native}")).unwrap();
    let rules = pasted.rules.as_ref().unwrap();
    let lines = |text: &str| {
        let mut lines: Vec<String> = text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect();
        lines.sort();
        lines
    };
    let ours = iptables::save(&rules.ruleset, None, IpFamily::V4, Backend::IptablesNft);
    assert_eq!(lines(&mar::without_counters(&ours)), lines(&mar::without_counters(&four)));
    let ours = iptables::save(&rules.ruleset, None, IpFamily::V6, Backend::IptablesLegacy);
    assert_eq!(lines(&mar::without_counters(&ours)), lines(&mar::without_counters(&six)));
    let ours = pasted.sets.as_ref().unwrap();
    assert_eq!(lines(&ipset::print(&ours.sets, &ours.seen, ipset::Form::Tool)), lines(&sets));
    let native = rules.ruleset.tables.iter().filter(|table| table.backend == Backend::Nft);
    let of_iptables = native.filter(|table| table.family == Family::Ip).count();
    assert_eq!(of_iptables, 0, "what iptables-save showed is not there twice");
    // `-S` of every table is the dump.
    let listed = read(&format!(
        "# iptables -S\n{}# iptables -t nat -S\n{}",
        output("iptables -S"),
        output("iptables -t nat -S")
    ));
    let listed = listed.unwrap().rules.unwrap();
    for table in &listed.ruleset.tables {
        let saved = rules.ruleset.tables.iter().find(|saved| saved.family == Family::Ip && saved.name == table.name);
        // `-S` shows the policies of a table that is not there, too.
        let is_empty = table.chains.iter().all(|chain| chain.rules.is_empty());
        assert!(saved.map_or(is_empty, |saved| saved == table), "{} of -S is that of iptables-save", table.name);
    }
    assert_eq!(listed.ruleset.tables.len(), 2);
}

fn lines() -> Vec<String> {
    let mut lines: Vec<String> = corpus("k3s-node.iptables-save")[0].1.lines().take(60).map(str::to_owned).collect();
    lines.extend(include_str!("data/native/docker.nft").lines().map(str::to_owned));
    lines.extend(
        "root@host:~# iptables-save\n$ sudo iptables -t nat -S\n[root@a ~]# ip6tables-legacy -S\n# nft list ruleset\n```\n~~~ sh\n\
         > -A INPUT -j DROP\n>> table ip x {\n    -A INPUT -j DROP\n12:-A INPUT -j DROP\n  3\t*nat\nHello, there\n\n\n-j DROP\n\
         --dport 80\n-A INPUT -m comment --comment \"from\ninside\" -j ACCEPT\n}\n}\n{\n{\"nftables\": [\n\"nftables\": [\n]}\n\
         iptables -A INPUT -j DROP\nsudo iptables -I INPUT 3 -s 10.0.0.1,10.0.0.2 -j X\niptables -D INPUT 1\niptables -N X\n\
         iptables -X\niptables -F INPUT\niptables -P INPUT DROP\niptables -E X Y\nip6tables -t raw -R OUTPUT 1 -j ACCEPT\n\
         $IPT -A INPUT -j DROP\niptables -A INPUT -s $X\nipset create s hash:ip\ncreate s hash:ip\nadd s 10.0.0.1\n\
         Chain INPUT (policy ACCEPT)\ntarget prot opt\n*filter\n:INPUT ACCEPT [0:0]\n-P INPUT ACCEPT\n-P OUTPUT DROP\n\
         -N X\n-A X -j RETURN\nCOMMIT\n# Warning: iptables-legacy tables present, use iptables-legacy-save to see them\n\
         # Table `foo' is incompatible, use 'nft' tool.\ntable inet t {\n\tchain c {\n\t\taccept\n\t}\n\u{feff}*raw\n"
            .lines()
            .map(str::to_owned),
    );
    lines
}

/// Lines of every kind in any order, with any end.
fn texts() -> impl Strategy<Value = String> {
    let line = (select(lines()), 0..24_u8).prop_map(|(line, odd)| match odd {
        0 => format!("{line}\r"),
        1 => format!("> {line}"),
        2 => format!("  {line}"),
        3 => line.chars().take(20).collect(),
        4 => line.chars().skip(7).collect(),
        _ => line,
    });
    prop::collection::vec(line, 0..40).prop_map(|lines| lines.join("\n"))
}

/// Whatever the text is: it is read, and what is said of it is said of a line of it.
fn holds(text: &str) -> Result<(), TestCaseError> {
    let Ok(pasted) = read(text) else { return Ok(()) };
    let lines = text.lines().count().max(1);
    for found in said(&pasted) {
        prop_assert!((1..=lines).contains(&found.line), "{found:?} of {lines} lines");
    }
    let dump = pasted
        .rules
        .unwrap_or_else(|| iptables::parse("", &iptables::Options { family: None, backend: Backend::IptablesNft }));
    for (family, backend) in [(IpFamily::V4, Backend::IptablesNft), (IpFamily::V6, Backend::IptablesLegacy)] {
        let printed = iptables::print(&dump.ruleset, Some(&dump.observations), family, backend);
        let again = iptables::parse(&printed, &iptables::Options { family: Some(family), backend });
        prop_assert_eq!(iptables::print(&again.ruleset, Some(&again.observations), family, backend), printed);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

    #[test]
    fn lines_of_any_kind_are_read(text in texts()) {
        holds(&text)?;
    }

    #[test]
    fn any_text_is_read(text in any::<String>()) {
        holds(&text)?;
    }
}

/// Much of the same takes no more than its share of time.
#[test]
fn long_texts_end_soon() {
    for line in [
        "hello\n",
        "-A INPUT -j DROP\nhello\n",
        "> -A INPUT\n",
        "$ x\n",
        "```\n",
        "{\n",
        "table ip t {\n",
        "iptables -N X\n",
        "iptables -I INPUT -j DROP\n",
        "create a hash:ip\nadd a 1.2.3.4\n",
        "-A INPUT --comment \"a\n",
    ] {
        let _ = read(&line.repeat(20_000));
    }
    let _ = read(&"-A INPUT -j DROP ".repeat(100_000));
    let _ = read(&"> ".repeat(100_000));
    let _ = read(&"# $ ".repeat(100_000));
}
