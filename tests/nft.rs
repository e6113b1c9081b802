//! Native rules as text, held against nft: the kernel is asked what they are made of, nft how it prints them.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

#[path = "nft/apart.rs"]
mod apart;

#[path = "nft/sections.rs"]
mod sections;

use apart::{apart, read, run};
use sections::{SETS, sections, table};
use whyport::host::nft::Expression;
use whyport::host::{Body, Host, Namespace};
use whyport::report::rules::{self, Kind, Told};
use whyport::syntax::nft;

/// What nft prints of the rule in each of the chains `c0`, `c1` and so on.
fn printed(listing: &str) -> Vec<&str> {
    let lines: Vec<&str> = listing.lines().map(str::trim).collect();
    lines.windows(2).filter(|pair| pair[0].starts_with("chain c")).map(|pair| pair[1]).collect()
}

#[test]
fn rules_read_as_nft_prints_them() {
    for (family, rules) in sections(include_str!("data/native-rules.txt")) {
        apart(move || check(family, &rules));
    }
}

fn check(family: &str, rules: &[&str]) {
    run(&["nft", "-f", "-"], &table(family, SETS, rules));
    let listing = run(&["nft", "list", "ruleset"], "");
    let expected = printed(&listing);
    assert_eq!(expected.len(), rules.len());
    let ns = read();
    let table = &ns.ruleset.tables[0];
    let mut wrong = Vec::new();
    for (at, (rule, expected)) in rules.iter().zip(expected).enumerate() {
        let chain = &table.chains[table.chain_index(&format!("c{at}")).unwrap()];
        let Some(Body::Nft(body)) = chain.rules.first().map(|rule| &rule.body) else { panic!("{rule}: {listing}") };
        let printed = nft::rule_text(table, body);
        if printed != *expected {
            wrong.push(format!("{family}: {rule}\n  nft: {expected}\n  own: {printed}\n"));
        }
        // Every expression belongs to something that is told.
        for index in 0..body.expressions.len() {
            assert!(!nft::part_text(table, body, Some(index as u16)).is_empty(), "{rule}: {index}");
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.concat());
}

/// Whole tables of programs, read from their text as whyport tells them again: nft takes that, and lists the same. A later nft
/// calls −100 `dstnat` at every hook, that of these tests in prerouting alone.
#[test]
fn what_a_later_nft_printed_is_told_so_that_this_one_takes_it() {
    for text in [
        include_str!("data/programs/moby-docs-usernet-portmap.nft"),
        include_str!("data/programs/moby-docs-usernet-internal.nft"),
        include_str!("data/programs/fail2ban.nft"),
    ] {
        let dump = nft::parse(text, &[]);
        assert_eq!(dump.diagnostics, [], "{text}");
        let ns = Namespace { ruleset: dump.ruleset, ..Namespace::default() };
        let told = rules::one(&ns, Kind::Nft, Told::default()).unwrap();
        apart(move || {
            run(&["nft", "-f", "-"], &told);
            assert_same(&told, &run(&["nft", "list", "ruleset"], ""));
            run(&["nft", "flush", "ruleset"], "");
            run(&["nft", "-f", "-"], &text.replace("hook output priority dstnat", "hook output priority -100"));
            assert_same(&told, &run(&["nft", "list", "ruleset"], ""));
        });
    }
}

/// Rulesets as tools make them, whole.
#[test]
fn tables_are_listed_as_nft_lists_them() {
    for text in [
        include_str!("data/native/docker.nft"),
        include_str!("data/native/firewalld.nft"),
        include_str!("data/native/families.nft"),
        include_str!("data/native/types.nft"),
    ] {
        apart(move || {
            run(&["ip", "link", "add", "dummy7", "type", "bridge"], "");
            run(&["nft", "-f", "-"], text);
            let ns = read();
            let own = rules::one(&ns, Kind::Nft, Told::default()).unwrap();
            assert_same(&own, &run(&["nft", "list", "ruleset"], ""));
        });
    }
}

/// Objects, sets and elements of every kind, chains at devices, comments: as nft lists them, with and without handles, and from a
/// recording too.
#[test]
fn every_kind_is_listed_as_nft_lists_it() {
    apart(|| {
        run(&["ip", "link", "add", "dummy7", "type", "bridge"], "");
        run(&["nft", "-f", "-"], include_str!("data/native/kinds.nft"));
        let ns = read();
        assert_eq!(ns.ruleset.tables.iter().map(|table| table.particulars.untold.len()).sum::<usize>(), 0);
        let (plain, handles) = (Told::default(), Told { handles: true, ..Told::default() });
        let own = [plain, handles].map(|told| rules::one(&ns, Kind::Nft, told).unwrap());
        assert_same(&lasting(&own[0]), &lasting(&run(&["nft", "list", "ruleset"], "")));
        assert_same(&lasting(&own[1]), &lasting(&run(&["nft", "-a", "list", "ruleset"], "")));
        let json = whyport::report::rules_json(&ns);
        for told in [
            r#""name": "hits""#,
            r#""packets 5 bytes 300""#,
            r#""comment": "about it""#,
            r#""devices": ["#,
            r#""comment": "table comment""#,
        ] {
            assert!(json.contains(told), "{told}");
        }
        let host = Host { namespaces: vec![ns], ..Host::default() };
        let again = whyport::snapshot::parse(&whyport::snapshot::print(&host));
        assert_eq!(again.diagnostics, []);
        assert_eq!(again.host.viewed().ruleset, host.viewed().ruleset);
        assert_eq!(rules::one(again.host.viewed(), Kind::Nft, handles).unwrap(), own[1]);
    });
}

/// Every expression that this kernel has, in every family: decoded, listed as nft lists it, and the same from a recording.
#[test]
fn every_expression_is_listed_as_nft_lists_it() {
    for (family, rules) in sections(include_str!("data/native-expressions.txt")) {
        apart(move || {
            run(&["ip", "link", "set", "lo", "up"], "");
            run(&["nft", "-f", "-"], &table(family, SETS, &rules));
            let ns = read();
            let all = ns.ruleset.tables.iter().flat_map(|table| &table.chains).flat_map(|chain| &chain.rules);
            for rule in all {
                let Body::Nft(body) = &rule.body else { panic!("a rule that is not native") };
                let unknown = |expression: &&Expression| matches!(expression, Expression::Undecoded(_));
                assert_eq!(body.expressions.iter().find(unknown), None);
            }
            let own = rules::one(&ns, Kind::Nft, Told::default()).unwrap();
            assert_same(&own, &run(&["nft", "list", "ruleset"], ""));
            let host = Host { namespaces: vec![ns], ..Host::default() };
            let again = whyport::snapshot::parse(&whyport::snapshot::print(&host));
            assert_eq!((again.diagnostics, &again.host.viewed().ruleset), (vec![], &host.viewed().ruleset));
        });
    }
}

/// A listing without the time that elements have left.
fn lasting(listing: &str) -> String {
    let line = |line: &str| {
        let mut words: Vec<&str> = line.split(' ').collect();
        while let Some(at) = words.iter().position(|word| *word == "expires") {
            // A comma after the time belongs to the element.
            let comma = words.get(at + 1).is_some_and(|time| time.ends_with(','));
            words.drain(at..(at + 2).min(words.len()));
            if comma {
                words.insert(at, ",")
            }
        }
        words.join(" ")
    };
    listing.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// Two readings of the same rules are equal, whatever was counted between them.
#[test]
fn what_is_counted_is_no_part_of_a_rule() {
    apart(|| {
        let text = "table inet t {
            counter hits { }
            set s { type ipv4_addr; size 8; flags dynamic,timeout; counter; }
            chain c {
                type filter hook output priority 0;
                counter
                counter name hits
                quota 1 mbytes
                add @s { ip daddr timeout 1m }
            }
        }";
        run(&["nft", "-f", "-"], text);
        run(&["ip", "link", "set", "lo", "up"], "");
        let before = read();
        let _ = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().send_to(b"x", "127.0.0.1:9");
        let after = read();
        assert_ne!(before.observations, after.observations);
        let rules = |ns: &Namespace| ns.ruleset.tables[0].chains.clone();
        assert_eq!(rules(&before), rules(&after));
        let objects = |ns: &Namespace| ns.ruleset.tables[0].particulars.clone();
        assert_eq!(objects(&before), objects(&after));
        assert_eq!(
            (before.ruleset.tables[0].sets[0].elements.len(), after.ruleset.tables[0].sets[0].elements.len()),
            (0, 1)
        );
    });
}

/// Counters are what they are, handles on request, and both in a snapshot too.
#[test]
fn counters_and_handles_are_those_of_nft() {
    apart(|| {
        let text = "table inet t {
	chain input {
		type filter hook input priority filter; policy accept;
		ip saddr 10.0.0.1 counter packets 7 bytes 420 comment \"seen\"
		counter packets 1 bytes 60 accept
	}
}
";
        run(&["nft", "-f", "-"], text);
        let host = Host { namespaces: vec![read()], ..Host::default() };
        assert_eq!(rules::one(host.viewed(), Kind::Nft, Told::default()).unwrap(), text);
        let whole = rules::all(host.viewed(), Told::default());
        assert_eq!(whole, format!("# nft list ruleset\n{text}"));
        let told = Told { handles: true, ..Told::default() };
        let own = rules::one(host.viewed(), Kind::Nft, told).unwrap();
        let nft = run(&["nft", "-a", "list", "ruleset"], "");
        let of_rules = |text: &str| -> Vec<String> {
            let lines = text.lines().filter(|line| line.contains("counter"));
            lines.map(str::to_owned).collect()
        };
        assert_eq!(of_rules(&own), of_rules(&nft));
        let again = whyport::snapshot::parse(&whyport::snapshot::print(&host));
        assert_eq!(rules::one(again.host.viewed(), Kind::Nft, told).unwrap(), own);
    });
}

fn assert_same(own: &str, nft: &str) {
    let (own, nft): (Vec<&str>, Vec<&str>) = (own.lines().collect(), nft.lines().collect());
    let at = (0..own.len().max(nft.len())).find(|at| own.get(*at) != nft.get(*at));
    let Some(at) = at else { return };
    let around = |lines: &[&str]| lines[at.saturating_sub(3).min(lines.len())..(at + 4).min(lines.len())].join("\n");
    panic!("line {}:\nnft:\n{}\nown:\n{}", at + 1, around(&nft), around(&own));
}
