//! JSON as it is pasted and cut off, and what nft itself never prints.

use crate::host::{Body, Ruleset};
use crate::syntax::nft::{Dump, parse, parse_json, rule_text};
use crate::syntax::{Diagnostic, DiagnosticKind};

/// What nft 1.0.6 printed of rules and of everything that a table may have.
const LISTINGS: [&str; 4] = [
    include_str!("../../../../tests/data/json/docker.json"),
    include_str!("../../../../tests/data/json/kinds.json"),
    include_str!("../../../../tests/data/json/types.json"),
    include_str!("../../../../tests/data/json/rules-inet.json"),
];

fn texts(ruleset: &Ruleset) -> Vec<String> {
    let of = |table: &crate::host::Table| {
        // Chains within rules come after all others.
        let chains = table.chains.iter().filter(|chain| !chain.name.starts_with("__chain"));
        let rules = chains.flat_map(|chain| &chain.rules);
        let text = |rule: &crate::host::Rule| match &rule.body {
            Body::Nft(body) => rule_text(table, body),
            Body::Iptables(_) => String::new(),
        };
        rules.map(text).collect::<Vec<_>>()
    };
    ruleset.tables.iter().flat_map(of).collect()
}

/// A listing of one table with these objects.
fn listing(objects: &str) -> String {
    format!(
        "{{\"nftables\": [{{\"table\": {{\"family\": \"inet\", \"name\": \"t\", \"handle\": 1}}}}, \
         {{\"chain\": {{\"family\": \"inet\", \"table\": \"t\", \"name\": \"c\", \"handle\": 2}}}}{objects}]}}\n"
    )
}

/// The same with a rule of these statements.
fn rule(statements: &str) -> Dump {
    let head = ", {\"rule\": {\"family\": \"inet\", \"table\": \"t\", \"chain\": \"c\", \"handle\": 3, \"expr\": [";
    parse_json(&listing(&format!("{head}{statements}]}}}}")), &[])
}

fn said(dump: &Dump) -> Vec<(DiagnosticKind, &str)> {
    dump.diagnostics.iter().map(|Diagnostic { kind, text, .. }| (*kind, &**text)).collect()
}

#[test]
fn a_listing_is_read_without_a_word() {
    for (listing, rules) in LISTINGS.into_iter().zip([16, 30, 0, 150]) {
        let dump = parse_json(listing, &[]);
        let strange = dump.diagnostics.iter().find(|said| !said.text.contains("nft's JSON leaves out"));
        let known = ["taken as dormant", "\"dummy7\" is not known"];
        assert!(strange.is_none_or(|said| known.iter().any(|known| said.text.contains(known))), "{strange:?}");
        assert!(texts(&dump.ruleset).len() >= rules, "{}", texts(&dump.ruleset).len());
    }
}

/// Wherever a listing is cut off, what is whole is read, and it is told once that it is not.
#[test]
fn what_is_whole_of_a_cut_listing_is_read() {
    for listing in LISTINGS {
        let whole = texts(&parse_json(listing, &[]).ruleset);
        let body = listing.trim_end().len();
        let mut most = 0;
        for end in (40..body).step_by(body / 97 + 1) {
            let end = (0..=end).rev().find(|end| listing.is_char_boundary(*end)).unwrap_or(0);
            let dump = parse_json(&listing[..end], &[]);
            let found = texts(&dump.ruleset);
            assert_eq!(found, whole[..found.len()], "{end}");
            assert!(found.len() >= most);
            most = found.len();
            let damaged = dump.diagnostics.iter().filter(|said| said.kind == DiagnosticKind::Damaged).count();
            assert_eq!(damaged, 1, "{end}: {:?}", dump.diagnostics);
        }
        assert!(most + 10 >= whole.len(), "{most} of {}", whole.len());
    }
}

/// A prompt before it, prose after it, an object that is torn in the middle: one line each, and the rest is read.
#[test]
fn what_stands_around_and_between_costs_a_line() {
    let counter = |name: &str| {
        format!(
            ", {{\"counter\": {{\"family\": \"inet\", \"name\": \"{name}\", \"table\": \"t\", \"handle\": 5, \
             \"packets\": 1, \"bytes\": 2}}}}"
        )
    };
    let text = listing(&[counter("a"), counter("b"), counter("c")].concat());
    let names = |dump: &Dump| -> Vec<String> {
        let objects = dump.ruleset.tables.iter().flat_map(|table| &table.particulars.objects);
        objects.map(|object| object.name.to_string()).collect()
    };
    let around = parse_json(&format!("root@host:~# nft -j list ruleset\n{text}root@host:~# \n"), &[]);
    assert_eq!(names(&around), ["a", "b", "c"]);
    let unknown = DiagnosticKind::Unknown;
    assert_eq!(
        said(&around),
        [(unknown, "root@host:~# nft -j list ruleset: it is no JSON"), (unknown, "root@host:~#: it is no JSON")]
    );
    let at = text.find("\"b\"").unwrap();
    let torn = parse_json(&format!("{}\nwarning: something\n{}", &text[..at], &text[at + 3..]), &[]);
    assert_eq!(names(&torn), ["a", "c"]);
    assert_eq!(said(&torn), [(DiagnosticKind::Damaged, "an object that is not whole")]);
    let lines = text.replace(", ", ",\r\n  ");
    let of_lines = parse_json(&lines, &[]);
    assert_eq!((names(&of_lines), said(&of_lines)), (names(&around), vec![]));
}

#[test]
fn what_is_not_understood_is_kept_and_told_once() {
    let dump = rule(
        "{\"match\": {\"op\": \"==\", \"left\": {\"payload\": {\"protocol\": \"tcp\", \"field\": \"dport\"}}, \"right\": 80}}, \
         {\"dance\": {\"how\": \"slowly\"}}, {\"dance\": null}, {\"xt\": null}, \
         {\"xt\": {\"type\": \"match\", \"name\": \"recent\"}}, {\"xt\": {\"type\": \"match\", \"name\": \"comment\"}}, \
         {\"xt\": {\"type\": \"target\", \"name\": \"DNAT\"}}",
    );
    assert_eq!(
        texts(&dump.ruleset),
        ["tcp dport 80 {\"dance\": {\"how\": \"slowly\"}} {\"dance\": null} {\"xt\": null} xt -m recent xt -j DNAT"]
    );
    let texts: Vec<&str> = said(&dump).iter().map(|(_, text)| *text).collect();
    assert_eq!(
        texts,
        [
            "the statement “dance”: it is not understood (2 times)",
            "an xtables part without a name: it is not understood",
            "iptables' match recent: nft's JSON leaves out what it says, iptables-save tells it",
            "iptables' comments: nft's JSON leaves them out, iptables-save tells them",
            "iptables' target DNAT: nft's JSON leaves out what it says, iptables-save tells it",
        ]
    );
    let unknown = listing(", {\"unheard\": {\"family\": \"inet\", \"table\": \"t\", \"name\": \"x\"}}");
    assert_eq!(said(&parse_json(&unknown, &[])), [(DiagnosticKind::Damaged, "unheard x: “unheard” is not understood")]);
}

/// Numbers between quotes, escapes, rules without statements, newer forms, what nft tells in its own language.
#[test]
fn other_forms_mean_the_same() {
    for (json, text) in [
        (r#"{"meta mark": 1}"#, "{\"meta mark\": 1}"),
        (r#"{"counter": {"packets": "7", "bytes": "0x10"}}"#, "counter packets 0 bytes 0"),
        (r#"{"log": {"prefix": "a \\ b"}}"#, "log prefix \"a \\ b\""),
        (r#"{"log": {"prefix": "\u00e4"}}"#, "log prefix \"ä\""),
        (r#""last used never""#, "last"),
        (r#"{"accept": null}"#, "accept"),
        (r#"{"match": {"op": "==", "left": {"meta": {"key": "mark"}}, "right": "0x0a"}}"#, "meta mark 0x0000000a"),
        (
            r#"{"match": {"op": "==", "left": {"&": [{"meta": {"key": "mark"}}, 255]}, "right": 16}}"#,
            "meta mark & 0x000000ff == 0x00000010",
        ),
        (
            r#"{"match": {"left": {"payload": {"protocol": "tcp", "field": "flags"}}, "op": "in", "right": {"|": ["syn", "ack", "fin"]}}}"#,
            "tcp flags fin,syn,ack",
        ),
    ] {
        assert_eq!(texts(&rule(json).ruleset), [text], "{json}");
    }
    let empty = parse_json(
        &listing(", {\"rule\": {\"family\": \"inet\", \"table\": \"t\", \"chain\": \"c\", \"expr\": null}}"),
        &[],
    );
    assert_eq!((texts(&empty.ruleset), said(&empty)), (vec![String::new()], vec![]));
    // A table and a chain that were cut off before it.
    let alone = "{\"nftables\": [{\"rule\": {\"family\": \"ip\", \"table\": \"t\", \"chain\": \"c\", \"expr\": [{\"drop\": null}]}}]}";
    let alone = parse_json(alone, &[]);
    assert_eq!(texts(&alone.ruleset), ["drop"]);
    assert_eq!(said(&alone).len(), 2);
    // Nothing at all.
    for text in ["", "{}", "{\"nftables\": ", "{\"nftables\": [", "[[[[", "{\"nftables\": {}}"] {
        assert!(parse_json(text, &[]).ruleset.tables.is_empty());
    }
    assert!(parse_json("{\"nftables\": []}", &[]).diagnostics.is_empty());
}

/// What is read prints as nft's text, and that is read as the same.
#[test]
fn what_is_read_is_read_again_of_its_text() {
    let dump = parse_json(LISTINGS[0], &[]);
    let (ruleset, observations) = (&dump.ruleset, &dump.observations);
    let text = super::super::list(super::super::Listing { ruleset, links: &[], observations, handles: true });
    assert_eq!(texts(&parse(&text, &[]).ruleset), texts(ruleset));
}

/// Deep, long and torn ones are read in bounded time, and nothing panics.
#[test]
fn no_json_does_harm() {
    for piece in [
        "{\"nftables\": [",
        "[",
        "{\"rule\": {\"family\": [",
        "{\"&\": [",
        "{\"rule\": {\"family\": \"ip\", \"expr\": [",
    ] {
        parse_json(&format!("{{\"nftables\": [{}", piece.repeat(5_000)), &[]);
    }
    let mut seed = 11u64;
    let mut next = |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % below
    };
    let pieces: Vec<&str> = LISTINGS.iter().flat_map(|listing| listing.split_inclusive([',', '}', ':'])).collect();
    for turn in 0..80 {
        let mut text = LISTINGS[turn % LISTINGS.len()].to_owned();
        for _ in 0..1 + next(6) {
            let at = (0..=next(text.len() + 1)).rev().find(|at| text.is_char_boundary(*at)).unwrap();
            match next(4) {
                0 => text.truncate(at.max(200)),
                1 => text.insert_str(at, pieces[next(pieces.len())]),
                2 => text.insert_str(at, ["null", "{}", "[", "\"", "-1", "99999999999999999999", "\\", "\n"][next(8)]),
                _ => {
                    let end = (at + next(60)).min(text.len());
                    if text.is_char_boundary(end) {
                        text.replace_range(at..end, "");
                    }
                }
            }
        }
        parse_json(&text, &[]);
    }
}
