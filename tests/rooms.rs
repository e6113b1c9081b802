//! The fences between the rooms of the house.
//!
//! One crate has no compiler fence between its parts, so this reads the sources and fails where a room names a room, a
//! package or a part of std that it may not use. What counts is what is written: `crate::ROOM` (in groups too), chains of
//! `super::` that leave their room, and `whyport::ROOM` in the binary. Code under `#[cfg(test)]` is free: tests may build
//! their hosts from text.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Who may use whom.
const ROOMS: [(&str, &[&str]); 11] = [
    ("host", &[]),
    ("syntax", &["host"]),
    ("kernel", &["host"]),
    ("snapshot", &["host", "syntax", "kernel"]),
    ("walk", &["host"]),
    ("explain", &["host", "walk"]),
    ("report", &["host", "walk", "explain", "syntax"]),
    ("tui", &["host", "walk", "explain", "syntax"]),
    ("shot", &[]),
    ("cli", &["host", "syntax", "kernel", "snapshot", "walk", "explain", "report", "tui", "shot"]),
    ("main", &["cli"]),
];

/// Which rooms may use a package. Every dependency has a row here.
const PACKAGES: [(&str, &[&str]); 24] = [
    ("bitflags", &["host", "syntax"]),
    ("clap", &["cli"]),
    ("clap_complete", &["cli"]),
    ("clap_mangen", &["cli"]),
    ("crossterm", &["cli", "tui"]),
    ("fuzzy_matcher", &["tui"]),
    ("ipnet", &["host", "syntax", "kernel", "snapshot", "walk", "explain", "report", "tui"]),
    ("libc", &["kernel"]),
    ("netlink_packet_core", &["kernel"]),
    ("netlink_packet_route", &["kernel"]),
    ("netlink_packet_sock_diag", &["kernel"]),
    ("netlink_sys", &["kernel"]),
    ("nix", &["kernel"]),
    ("nom", &["syntax", "kernel"]),
    ("procfs", &["kernel"]),
    ("ratatui", &["tui", "shot", "cli"]),
    ("rustix", &["cli"]),
    ("serde", &["syntax", "snapshot", "report"]),
    ("serde_json", &["syntax", "snapshot", "report"]),
    ("signal_hook", &["cli"]),
    ("thiserror", &["syntax", "kernel", "snapshot", "cli"]),
    ("toml", &["tui"]),
    ("unicode_segmentation", &["report", "tui", "shot"]),
    ("unicode_width", &["report", "tui", "shot"]),
];

/// What of std reaches out of the program, and who may.
const REACHING_OUT: [&str; 5] = ["env", "fs", "os", "process", "thread"];
const MAY_REACH_OUT: [&str; 3] = ["kernel", "cli", "main"];

/// A piece of Rust: an identifier, or one character of punctuation.
fn tokens(source: &str) -> Vec<String> {
    let chars: Vec<char> = source.chars().collect();
    let mut found = Vec::new();
    let mut i = 0;
    while i < chars.len() {
        let (c, next) = (chars[i], chars.get(i + 1).copied());
        if c == '/' && next == Some('/') {
            while i < chars.len() && chars[i] != '\n' {
                i += 1;
            }
        } else if c == '/' && next == Some('*') {
            i = after_comment(&chars, i);
        } else if let Some(end) = raw_string_end(&chars, i) {
            i = end;
        } else if c == '"' {
            i = after_quoted(&chars, i, '"');
        } else if c == '\'' && (next == Some('\\') || chars.get(i + 2) == Some(&'\'')) {
            i = after_quoted(&chars, i, '\'');
        } else if c.is_alphanumeric() || c == '_' {
            let start = i;
            while i < chars.len() && (chars[i].is_alphanumeric() || chars[i] == '_') {
                i += 1;
            }
            found.push(chars[start..i].iter().collect());
        } else {
            if !c.is_whitespace() {
                found.push(c.to_string());
            }
            i += 1;
        }
    }
    found
}

fn after_comment(chars: &[char], start: usize) -> usize {
    let (mut i, mut depth) = (start + 2, 1);
    while i < chars.len() && depth > 0 {
        match (chars[i], chars.get(i + 1)) {
            ('/', Some('*')) => (i, depth) = (i + 2, depth + 1),
            ('*', Some('/')) => (i, depth) = (i + 2, depth - 1),
            _ => i += 1,
        }
    }
    i
}

fn after_quoted(chars: &[char], start: usize, quote: char) -> usize {
    let mut i = start + 1;
    while i < chars.len() && chars[i] != quote {
        i += if chars[i] == '\\' { 2 } else { 1 };
    }
    i + 1
}

fn raw_string_end(chars: &[char], start: usize) -> Option<usize> {
    if chars[start] != 'r' {
        return None;
    }
    let hashes = chars[start + 1..].iter().take_while(|c| **c == '#').count();
    if chars.get(start + 1 + hashes) != Some(&'"') {
        return None;
    }
    let mut i = start + 2 + hashes;
    while i < chars.len() {
        if chars[i] == '"' && chars[i + 1..].iter().take_while(|c| **c == '#').count() >= hashes {
            return Some(i + 1 + hashes);
        }
        i += 1;
    }
    Some(i)
}

/// The tokens without what stands under `#[cfg(test)]`.
fn without_tests(all: Vec<String>) -> Vec<String> {
    const MARK: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let mut kept = Vec::new();
    let mut i = 0;
    while i < all.len() {
        if all[i..].iter().zip(MARK).filter(|(token, mark)| token == mark).count() == MARK.len() {
            i += MARK.len();
            let mut depth = 0;
            while i < all.len() {
                match all[i].as_str() {
                    "{" => depth += 1,
                    "}" => depth -= 1,
                    _ => {}
                }
                i += 1;
                if depth == 0 && matches!(all[i - 1].as_str(), "}" | ";") {
                    break;
                }
            }
        } else {
            kept.push(all[i].clone());
            i += 1;
        }
    }
    kept
}

/// What the sources of one file do that its room may not.
fn offences(module: &[&str], source: &str, packages: &BTreeSet<String>) -> Vec<String> {
    let tokens = without_tests(tokens(source));
    let room = module.first().copied().unwrap_or("lib");
    let mut found = Vec::new();
    let at = |i: usize| tokens.get(i).map_or("", String::as_str);
    let mut depth = 0usize;
    let mut inline: Vec<usize> = Vec::new();
    for i in 0..tokens.len() {
        let starts_path = at(i + 1) == ":" && at(i + 2) == ":" && !(i >= 2 && at(i - 1) == ":" && at(i - 2) == ":");
        match at(i) {
            "{" => {
                depth += 1;
                if i >= 2 && at(i - 2) == "mod" {
                    inline.push(depth);
                }
            }
            "}" => {
                if inline.last() == Some(&depth) {
                    inline.pop();
                }
                depth = depth.saturating_sub(1);
            }
            "unsafe" if room != "kernel" => found.push("unsafe outside kernel".to_owned()),
            "unwrap" if i > 0 && at(i - 1) == "." && at(i + 1) == "(" && at(i + 2) == ")" => {
                found.push(".unwrap() outside tests".to_owned());
            }
            "crate" if starts_path => check_rooms(room, &tokens, i + 3, &mut found),
            "whyport" if starts_path && room == "main" => check_rooms(room, &tokens, i + 3, &mut found),
            "super" if starts_path => {
                let mut supers = 1;
                let mut j = i + 3;
                while at(j) == "super" {
                    supers += 1;
                    j += 3;
                }
                if supers >= module.len() + inline.len() {
                    check_rooms(room, &tokens, j, &mut found);
                }
            }
            "std" if starts_path && !MAY_REACH_OUT.contains(&room) => {
                for name in names_at(&tokens, i + 3) {
                    if REACHING_OUT.contains(&name.as_str()) {
                        found.push(format!("{room} reaches out by std::{name}"));
                    }
                }
            }
            name if starts_path && packages.contains(name) => {
                let allowed = PACKAGES.iter().find(|(known, _)| *known == name).map_or(&[][..], |(_, rooms)| *rooms);
                if !allowed.contains(&room) {
                    found.push(format!("{room} uses the package {name}"));
                }
            }
            _ => {}
        }
    }
    found
}

/// The first names of a path, or of each path of a group, that stands at `i`.
fn names_at(tokens: &[String], i: usize) -> Vec<String> {
    let at = |i: usize| tokens.get(i).map_or("", String::as_str);
    if at(i) != "{" {
        return vec![at(i).to_owned()];
    }
    let mut names = Vec::new();
    let (mut j, mut depth, mut first) = (i + 1, 1, true);
    while depth > 0 && j < tokens.len() {
        match at(j) {
            "{" => depth += 1,
            "}" => depth -= 1,
            "," if depth == 1 => first = true,
            name if first => {
                names.push(name.to_owned());
                first = false;
            }
            _ => {}
        }
        j += 1;
    }
    names
}

fn check_rooms(room: &str, tokens: &[String], i: usize, found: &mut Vec<String>) {
    let allowed = ROOMS.iter().find(|(name, _)| *name == room).map_or(&[][..], |(_, allowed)| *allowed);
    for name in names_at(tokens, i) {
        let known = ROOMS.iter().any(|(room, _)| *room == name);
        if name == "*" || name == "self" {
            found.push(format!("{room} names every room at once"));
        } else if known && name != room && !allowed.contains(&name.as_str()) {
            found.push(format!("{room} uses {name}"));
        } else if !known && room != "lib" {
            found.push(format!("{room} uses {name}, which is no room"));
        }
    }
}

/// Every source file with its module path.
fn sources(dir: &Path, module: &[String], into: &mut Vec<(PathBuf, Vec<String>)>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let mut inner = module.to_vec();
        if path.is_dir() {
            inner.push(stem);
            sources(&path, &inner, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            if !(module.is_empty() && stem == "lib") {
                inner.push(stem);
            }
            into.push((path, inner));
        }
    }
}

/// The names of the dependencies, as Rust writes them.
fn packages(manifest: &str) -> BTreeSet<String> {
    let lines = manifest.lines().skip_while(|line| *line != "[dependencies]").skip(1);
    let rows = lines.take_while(|line| !line.starts_with('['));
    rows.filter_map(|line| line.split_once('=')).map(|(name, _)| name.trim().replace('-', "_")).collect()
}

fn manifest() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).unwrap()
}

#[test]
fn no_room_uses_what_it_may_not() {
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &[], &mut files);
    assert!(files.len() > 10, "the sources were not found");
    let packages = packages(&manifest());
    let mut found = Vec::new();
    for (path, module) in files {
        if module.iter().any(|name| name == "tests") {
            continue;
        }
        let module: Vec<&str> = module.iter().map(String::as_str).collect();
        let source = fs::read_to_string(&path).unwrap();
        found.extend(
            offences(&module, &source, &packages).into_iter().map(|what| format!("{}: {what}", path.display())),
        );
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn every_room_of_the_map_has_a_row_and_every_package_too() {
    let map = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    for room in map.lines().filter_map(|line| line.strip_prefix("pub mod ")) {
        let room = room.trim_end_matches(';');
        assert!(ROOMS.iter().any(|(name, _)| *name == room), "who may {room} use?");
    }
    for package in packages(&manifest()) {
        assert!(PACKAGES.iter().any(|(name, _)| *name == package), "who may use {package}?");
    }
}

#[test]
fn the_checker_finds_what_is_forbidden() {
    let packages = BTreeSet::from(["ratatui".to_owned(), "nom".to_owned()]);
    let check = |module: &[&str], source: &str| offences(module, source, &packages);
    for (module, source, offence) in [
        (&["host"][..], "use crate::walk::walk;", "host uses walk"),
        (&["walk", "packet"], "use crate::{host::Host, syntax::{Kind, Other}};", "walk uses syntax"),
        (&["walk", "packet"], "use super::super::explain::clean;", "walk uses explain"),
        (&["walk"], "fn f() { super::report::Style::WIDTH; }", "walk uses report"),
        (&["walk"], "mod inner { use super::super::report::Style; }", "walk uses report"),
        (&["explain"], "use crate::*;", "explain names every room at once"),
        (&["explain"], "use crate::nowhere::X;", "explain uses nowhere, which is no room"),
        (&["main"], "fn main() { whyport::host::Host::default(); }", "main uses host"),
        (&["report"], "use ratatui::Frame;", "report uses the package ratatui"),
        (&["walk"], "use nom::IResult;", "walk uses the package nom"),
        (&["tui"], "use std::{fmt, fs::File};", "tui reaches out by std::fs"),
        (&["snapshot"], "fn f() { std::env::var(\"X\"); }", "snapshot reaches out by std::env"),
        (&["cli"], "fn f() { unsafe { g() } }", "unsafe outside kernel"),
        (&["cli"], "fn f() { g().unwrap(); }", ".unwrap() outside tests"),
    ] {
        assert_eq!(check(module, source), [offence], "{source}");
    }
}

#[test]
fn the_checker_lets_pass_what_is_allowed() {
    let packages = BTreeSet::from(["ratatui".to_owned(), "ipnet".to_owned()]);
    for (module, source) in [
        (&["walk", "packet"][..], "use super::super::walk::Field; use super::Field; use crate::{host::Host, walk};"),
        (
            &["walk"],
            "// crate::report\n/* crate::tui /* nested */ crate::cli */ fn f() { \"crate::tui\"; r#\"crate::tui\"#; '\"'; }",
        ),
        (&["walk"], "#[cfg(test)]\nmod tests { use crate::syntax::Kind; fn f() { g().unwrap(); } }"),
        (&["walk"], "mod inner { use super::Field; }"),
        (&["tui"], "use ratatui::Frame; use crate::explain::words;"),
        (&["walk"], "fn f<'a>(x: &'a str) -> u32 { x.unwrap_or(1) } use ipnet::IpNet; use std::fmt;"),
        (&["kernel"], "fn f() { unsafe { std::fs::read(\"x\") } }"),
        (&["main"], "fn main() { whyport::cli::run(std::env::args_os()); }"),
    ] {
        assert_eq!(offences(module, source, &packages), [""; 0], "{source}");
    }
}
