//! What a text is, told by its first lines: so that what cannot be read is refused by its name.
//!
//! Deliberately does not read it: a text that looks like a dump may still be damaged.

/// What a text looks like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// What `iptables-save` or `iptables -S` prints.
    IptablesSave,
    /// What `ip6tables-save` or `ip6tables -S` prints.
    Ip6tablesSave,
    /// What `nft list ruleset` prints.
    NftList,
    /// What `nft -j list ruleset` prints.
    NftJson,
    /// What `ipset save` prints.
    IpsetSave,
    /// A recorded host.
    Snapshot,
    /// Nothing.
    Empty,
    /// Something else; what it looks like, in words with an article where they need one.
    Other(String),
}

/// How much of a text is looked at, in bytes; enough to get past comments and error messages at its start.
const LOOK: usize = 64 * 1024;

/// What a text looks like.
pub fn looks_like(text: &str) -> Kind {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let end = (0..=LOOK.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    let text = &text[..end];
    let start = text.trim_start();
    if start.is_empty() {
        return Kind::Empty;
    }
    if start.starts_with("# whyport snapshot") {
        return Kind::Snapshot;
    }
    if let Some(what) = by_magic(text) {
        return Kind::Other(what.to_owned());
    }
    if start.starts_with(['{', '[']) && !is_counter(start) {
        return json(start);
    }
    text.lines().find_map(by_line).unwrap_or_else(|| nothing_known(text))
}

/// What a text is in which nothing may be taken for a dump, whatever its lines look like; `None`: its lines tell.
pub(super) fn refused(text: &str) -> Option<Kind> {
    let what = match looks_like(text) {
        Kind::Empty => return Some(Kind::Empty),
        Kind::Snapshot => return Some(Kind::Snapshot),
        Kind::Other(what) => what,
        Kind::IptablesSave | Kind::Ip6tablesSave | Kind::NftList | Kind::NftJson | Kind::IpsetSave => return None,
    };
    let start = text.trim_start();
    let first = start.lines().next().unwrap_or_default();
    let is_json = start.starts_with(['{', '[']) && !first.contains('@') && !first.contains("iptables");
    let never = ["a web page (HTML)", "XML", "a patch", "a certificate or a key"];
    (by_magic(text).is_some() || is_json || never.contains(&what.as_str())).then_some(Kind::Other(what))
}

/// What a line is by itself that is not read; `None` where it says nothing for sure.
pub(super) fn of_line(line: &str) -> Option<String> {
    match by_line(line)? {
        Kind::Other(what) => Some(what),
        _ => None,
    }
}

/// Files that are no text. Bytes that are no UTF-8 came as U+FFFD.
fn by_magic(text: &str) -> Option<&'static str> {
    const MAGIC: [(&str, &str); 9] = [
        ("\u{7f}ELF", "a program (ELF)"),
        ("\u{1f}\u{fffd}", "a gzip archive"),
        ("\u{fffd}PNG", "a picture (PNG)"),
        ("PK\u{3}\u{4}", "a zip archive"),
        ("%PDF", "a PDF document"),
        ("BZh", "a bzip2 archive"),
        ("(\u{fffd}/\u{fffd}", "a zstd archive"),
        ("\u{fffd}7zXZ", "an xz archive"),
        ("SQLite format", "a database (SQLite)"),
    ];
    const CAPTURES: [&str; 3] = ["\u{fffd}\u{fffd}\u{fffd}\u{fffd}", "\n\r\r\n", "\u{fffd}ò\u{fffd}"];
    let known = MAGIC.iter().find(|(magic, _)| text.starts_with(magic)).map(|(_, what)| *what);
    let binary = || text.contains('\0').then_some("binary data");
    let capture = || CAPTURES.iter().any(|magic| text.starts_with(magic)).then_some("binary data");
    known.or_else(binary).or_else(capture)
}

/// `[12:3456] -A …` is no JSON.
fn is_counter(start: &str) -> bool {
    let counters = start.strip_prefix('[').and_then(|rest| rest.split_once(']')).map(|(counters, _)| counters);
    counters.is_some_and(|text| {
        text.split_once(':').is_some_and(|(packets, bytes)| {
            [packets, bytes].iter().all(|number| !number.is_empty() && number.bytes().all(|sign| sign.is_ascii_digit()))
        })
    })
}

fn json(start: &str) -> Kind {
    let key = |key: &str| start.contains(&format!("\"{key}\""));
    if key("nftables") {
        Kind::NftJson
    } else if key("ifindex") || key("ifname") {
        Kind::Other("the JSON output of ip".to_owned())
    } else if key("apiVersion") {
        Kind::Other("a Kubernetes object".to_owned())
    } else if start.starts_with('{') || start[1..].trim_start().starts_with(['{', '[', '"', ']']) {
        Kind::Other("JSON".to_owned())
    } else {
        Kind::Other("a file of settings".to_owned())
    }
}

/// What a line says for sure about the whole text; most say nothing.
fn by_line(line: &str) -> Option<Kind> {
    let line = line.trim();
    let other = |what: &str| Some(Kind::Other(what.to_owned()));
    if line.starts_with('#') {
        return comment(line);
    }
    let words: Vec<&str> = line.split_whitespace().take(6).collect();
    match words[..] {
        ["table", family, _, "{", ..] | ["table", family, _, "{}"] if is_nft_family(family) => Some(Kind::NftList),
        ["table", _, "{", ..] => Some(Kind::NftList),
        ["flush", "ruleset"] | ["add", "table", ..] | ["define", _, "=", ..] => other("a script for nft"),
        ["create", _, kind, ..] if kind.contains(':') => Some(Kind::IpsetSave),
        ["add", set, _, ..] if !set.starts_with('-') => Some(Kind::IpsetSave),
        ["Name:", _] => other("the output of ipset list"),
        ["Chain", _, "(policy" | "(0" | "(1" | "(2", ..] => {
            other("the output of iptables -L, which leaves out conditions")
        }
        ["State", "Recv-Q", ..] | ["Netid", ..] | ["Proto", "Recv-Q", ..] | ["Active", "Internet", ..] => {
            other("the output of ss or netstat")
        }
        ["Bridge", "table:", _] | ["Bridge", "chain:", ..] => other("the output of ebtables"),
        ["Status:", "active" | "inactive"] => other("the output of ufw status"),
        [first, ..] => by_first_word(first, &words, line),
        [] => None,
    }
}

fn is_nft_family(name: &str) -> bool {
    matches!(name, "ip" | "ip6" | "inet" | "arp" | "bridge" | "netdev")
}

fn comment(line: &str) -> Option<Kind> {
    let other = |what: &str| Some(Kind::Other(what.to_owned()));
    if let Some(tool) = line.strip_prefix("# Generated by ") {
        return match tool.split(' ').next().unwrap_or_default() {
            name if name.starts_with("arptables") => other("the output of arptables-save"),
            name if name.starts_with("ebtables") => other("the output of ebtables-save"),
            name if name.starts_with("ip6") => Some(Kind::Ip6tablesSave),
            _ => Some(Kind::IptablesSave),
        };
    }
    match line.strip_prefix("#!") {
        Some(program) if program.contains("nft") => other("a script for nft"),
        Some(program) if program.contains("iptables-restore") => None,
        Some(program) if program.contains("sh") => other("a shell script"),
        Some(_) => other("a script"),
        None => None,
    }
}

fn by_first_word(first: &str, words: &[&str], line: &str) -> Option<Kind> {
    let other = |what: &str| Some(Kind::Other(what.to_owned()));
    let table = |name: &str| matches!(name, "nat" | "filter" | "mangle" | "raw" | "security");
    match first {
        _ if first.strip_prefix('*').is_some_and(table) => Some(dump(line)),
        "-P" | "-N" | "-A" if words.len() > 1 => Some(dump(line)),
        _ if is_counter(first) && words.get(1) == Some(&"-A") => Some(dump(line)),
        "iptables" | "ip6tables" | "sudo" | "/sbin/iptables" | "/usr/sbin/iptables" => other("commands for a shell"),
        "nft" => other("commands for a shell"),
        "apiVersion:" | "kind:" => other("a Kubernetes manifest (YAML)"),
        "diff" | "---" | "+++" => other("a patch"),
        "-----BEGIN" => other("a certificate or a key"),
        "<?xml" => other("XML"),
        _ if starts_like(first, "<!doctype") || starts_like(first, "<html") => other("a web page (HTML)"),
        _ if first.ends_with(':') && words.iter().any(|word| word.starts_with("<LOOPBACK") || word.contains(",UP")) => {
            other("the output of ip addr or ip link")
        }
        "default" if words.get(1) == Some(&"via") => other("the output of ip route"),
        _ => None,
    }
}

fn starts_like(word: &str, start: &str) -> bool {
    word.get(..start.len()).is_some_and(|own| own.eq_ignore_ascii_case(start))
}

/// A dump without a header; its addresses tell the family.
fn dump(line: &str) -> Kind {
    if line.contains("ip6tables") { Kind::Ip6tablesSave } else { Kind::IptablesSave }
}

/// A text in which no line said anything for sure.
fn nothing_known(text: &str) -> Kind {
    let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty());
    if lines().any(|line| line.starts_with("# Warning: ip") && line.contains("tables")) {
        return Kind::IptablesSave;
    }
    let what = if lines().all(|line| line.starts_with('#')) {
        "comments and nothing else"
    } else if lines().any(|line| line == "COMMIT" || line.ends_with(" COMMIT")) {
        return Kind::IptablesSave;
    } else if text.contains('\u{fffd}') && text.matches('\u{fffd}').count() * 10 > text.chars().count() {
        "binary data"
    } else if lines().any(|line| line.contains("ermission denied") || line.contains("must be root")) {
        "an error message: the tool had no permission; run it as root"
    } else if lines().any(|line| line.ends_with("command not found") || line.contains("not found")) {
        "an error message: the tool was not found"
    } else {
        "plain text"
    };
    Kind::Other(what.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn other(text: &str) -> String {
        match looks_like(text) {
            Kind::Other(what) => what,
            kind => panic!("{kind:?}: {text}"),
        }
    }

    #[test]
    fn what_can_be_read_is_known_by_its_first_lines() {
        for (text, kind) in [
            ("", Kind::Empty),
            (" \n\r\n\u{feff}", Kind::Other("plain text".into())),
            ("\u{feff}\n", Kind::Empty),
            ("# whyport snapshot 1\n[host]\n", Kind::Snapshot),
            ("# Generated by iptables-save v1.8.9 (nf_tables) on Mon\n*nat\n", Kind::IptablesSave),
            ("# Generated by ip6tables-save v1.8.9 (nf_tables) on Mon\n*nat\n", Kind::Ip6tablesSave),
            ("# Warning: iptables-legacy tables present, use iptables-legacy-save to see them\n", Kind::IptablesSave),
            ("sudo: unable to resolve host\n*nat\n", Kind::IptablesSave),
            ("*filter\n:INPUT ACCEPT [0:0]\n", Kind::IptablesSave),
            ("*filter\r\n", Kind::IptablesSave),
            ("#!/sbin/iptables-restore\n*filter\n", Kind::IptablesSave),
            ("# my rules\n\n*raw\n", Kind::IptablesSave),
            ("-P INPUT ACCEPT\n-N DOCKER\n", Kind::IptablesSave),
            ("[12:345] -A INPUT -j ACCEPT\n", Kind::IptablesSave),
            ("-A INPUT -j ACCEPT\n", Kind::IptablesSave),
            ("*nat :PREROUTING ACCEPT [0:0] -A PREROUTING -j X COMMIT", Kind::IptablesSave),
            ("table ip nat {\n\tchain PREROUTING {\n", Kind::NftList),
            ("table inet t { # handle 1\n", Kind::NftList),
            ("# Warning: table ip nat is managed by iptables-nft, do not touch!\ntable ip nat {\n", Kind::NftList),
            ("{\"nftables\": [{\"metainfo\": {}}]}", Kind::NftJson),
            ("create blocklist hash:ip family inet\nadd blocklist 10.0.0.1\n", Kind::IpsetSave),
        ] {
            assert_eq!(looks_like(text), kind, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_read_has_a_name() {
        for (text, what) in [
            ("\u{7f}ELF\u{2}\u{1}\0\0", "a program (ELF)"),
            ("\u{1f}\u{fffd}\u{8}\0", "a gzip archive"),
            ("abc\0def", "binary data"),
            ("{\"a\": 1}", "JSON"),
            ("[1, 2]", "a file of settings"),
            ("[{\"ifindex\":1,\"ifname\":\"lo\"}]", "the JSON output of ip"),
            ("[settings]\nkey = 1\n", "a file of settings"),
            ("#!/bin/bash\niptables -A INPUT -j DROP\n", "a shell script"),
            ("#!/usr/sbin/nft -f\nflush ruleset\n", "a script for nft"),
            ("iptables -A INPUT -j DROP\n", "commands for a shell"),
            ("<!DOCTYPE html>\n<html>", "a web page (HTML)"),
            ("Chain INPUT (policy ACCEPT)\ntarget prot\n", "the output of iptables -L, which leaves out conditions"),
            ("Netid State Recv-Q Send-Q\n", "the output of ss or netstat"),
            ("1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536\n", "the output of ip addr or ip link"),
            ("apiVersion: v1\nkind: Service\n", "a Kubernetes manifest (YAML)"),
            ("Name: blocklist\nType: hash:ip\n", "the output of ipset list"),
            ("# Generated by ebtables-save v1.0\n*filter\n", "the output of ebtables-save"),
            ("-----BEGIN CERTIFICATE-----\n", "a certificate or a key"),
            ("# nothing\n#\n", "comments and nothing else"),
            (
                "iptables-save v1.8.9 (nf_tables): Could not fetch rule set generation id: Permission denied (you must be root)\n",
                "an error message: the tool had no permission; run it as root",
            ),
            ("bash: iptables-save: command not found\n", "an error message: the tool was not found"),
            ("hello world\n", "plain text"),
        ] {
            assert_eq!(other(text), what, "{text}");
        }
    }

    #[test]
    fn no_text_is_too_odd() {
        for text in ["[", "{", "[]", "[:]", "*", ":", "\u{feff}[", "add", "table", "ä".repeat(100_000).as_str()] {
            looks_like(text);
        }
    }
}
