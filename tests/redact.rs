//! A redacted host has no word of the host that it was made of, and packets go the same way in it: held for the story, for
//! every dump of the corpus, and for what real programs made.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

use std::collections::BTreeSet;
use std::fs;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use ipnet::IpNet;
use whyport::cli::picture::{self, Form};
use whyport::cli::start::{Source, Start};
use whyport::explain::{self, Answer};
use whyport::host::redact::redacted;
use whyport::host::{Backend, Host, LinkKind, ruleset};
use whyport::report::rules::{Told, all};
use whyport::syntax::DiagnosticKind;
use whyport::tui::Look;
use whyport::{snapshot, syntax};

/// The recorded hosts and dumps, by name.
fn hosts() -> Vec<(String, Host)> {
    let mut hosts = vec![("story".to_owned(), snapshot::parse(snapshot::demo("k3s-port-80").unwrap()).host)];
    for folder in ["corpus", "programs", "native"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(folder);
        let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
        files.sort();
        for file in files.iter().filter(|file| file.extension().is_some_and(|ending| ending != "tsv")) {
            let text = fs::read_to_string(file).unwrap();
            let pasted = syntax::pasted::read(&text).unwrap_or_else(|kind| panic!("{}: {kind:?}", file.display()));
            hosts.push((file.file_name().unwrap().to_str().unwrap().to_owned(), snapshot::bare(pasted).host));
        }
    }
    assert!(hosts.len() > 40);
    hosts
}

/// The words of a text: what stands between characters that no address and no name has.
fn words(text: &str) -> BTreeSet<&str> {
    let part = |c: char| !(c.is_alphanumeric() || "_-.:".contains(c));
    text.split(part).map(|word| word.trim_matches(['.', ':'])).filter(|word| !word.is_empty()).collect()
}

/// Addresses that mean something by themselves.
fn is_plain(address: IpAddr) -> bool {
    ["0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/3", "::/96", "ff00::/8", "fe80::/64"]
        .iter()
        .any(|net| net.parse::<IpNet>().unwrap().contains(&address))
        || ["10.0.0.0", "172.16.0.0", "192.168.0.0", "169.254.0.0", "100.64.0.0"].contains(&&*address.to_string())
}

/// Every name and comment that is somebody's own.
fn names(host: &Host) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for ns in &host.namespaces {
        names.extend(ns.links.iter().filter(|link| link.kind != LinkKind::Loopback).map(|link| link.name.clone()));
        names.extend(ns.sockets.iter().flat_map(|socket| &socket.processes).map(|process| process.name.clone()));
        names.extend(ns.ipsets.iter().map(|set| set.name.to_string()));
        for table in &ns.ruleset.tables {
            if table.backend == Backend::Nft && !ruleset::BUILTIN.iter().any(|known| *known.table == *table.name) {
                names.insert(table.name.to_string());
            }
            let hooks = ruleset::Hook::ALL.map(ruleset::Hook::name);
            let built_in =
                |name: &str| ruleset::BUILTIN.iter().any(|known| known.chain == name) || hooks.contains(&name);
            let chains = table.chains.iter().map(|chain| chain.name.to_string());
            names.extend(chains.filter(|name| !built_in(name) && !name.starts_with("__chain")));
            let sets = table.sets.iter().map(|set| set.name.to_string());
            names.extend(sets.filter(|name| !name.starts_with("__")));
            names.extend(table.particulars.objects.iter().map(|object| object.name.to_string()));
        }
    }
    // Some are words of the tools' languages, or of what is said of ports.
    const WORDS: [&str; 7] = ["to", "out", "end", "dormant", "objects", "addresses", "blocked"];
    names.retain(|name| name.len() > 1 && !WORDS.contains(&name.as_str()));
    names
}

/// What of a text is a word of the host that it must not tell.
fn told(text: &str, original: &str, names: &BTreeSet<String>) -> Vec<String> {
    let now = words(text);
    let address = |word: &&&str| word.parse::<IpAddr>().is_ok_and(|address| !is_plain(address));
    let addresses = words(original).into_iter().collect::<Vec<_>>();
    let addresses = addresses.iter().filter(address).filter(|word| now.contains(**word)).map(|word| word.to_string());
    addresses.chain(names.iter().filter(|name| now.contains(name.as_str())).cloned()).collect()
}

#[test]
fn no_word_of_the_host_is_told() {
    let mut all_told = String::new();
    for (file, host) in hosts() {
        let (redacted, _) = redacted(&host, &[]);
        let (original, names) = (snapshot::print(&host), names(&host));
        let ns = &redacted.namespaces[redacted.viewed];
        let texts = [snapshot::print(&redacted), all(ns, Told { counters: false, handles: false })];
        for text in texts {
            let told = told(&text, &original, &names);
            if !told.is_empty() {
                all_told.push_str(&format!("{file}: {told:?}\n"));
            }
        }
    }
    assert!(all_told.is_empty(), "{all_told}");
}

/// A way, without a word: hooks, chains, rules and what they do, and how it ends.
fn shape(answers: &[Answer]) -> Vec<String> {
    let outcome = |outcome: &whyport::walk::Outcome| {
        let steps =
            outcome.steps().map(|step| format!("{} {} {:?} {}", step.pass, step.hook, step.at, step.verdict.name()));
        format!("{:?} {:?} {}", outcome.fate.kind, outcome.fate.socket, steps.collect::<Vec<_>>().join("; "))
    };
    let answer = |answer: &Answer| {
        let outcomes: Vec<String> = answer.walk.outcomes.iter().map(outcome).collect();
        format!("{:?} {} {}", answer.family, answer.verdict.name(), outcomes.join("\n"))
    };
    answers.iter().map(answer).collect()
}

#[test]
fn packets_go_the_same_way() {
    for (file, host) in hosts() {
        let ports = explain::ports(&host, host.viewed).ports;
        let mut asked: Vec<explain::Target> = ports.iter().map(explain::PortEntry::target).take(6).collect();
        asked.push(explain::Target {
            protocol: whyport::host::Protocol::TCP,
            addr: None,
            port: Some(80),
            socket: None,
        });
        let addresses: Vec<IpAddr> = asked.iter().filter_map(explain::Target::one_addr).collect();
        let (redacted, mapped) = redacted(&host, &addresses);
        let found = explain::ports(&redacted, redacted.viewed).ports;
        let kinds = |ports: &[explain::PortEntry]| -> Vec<_> {
            ports.iter().map(|port| (port.protocol, port.port, port.last, port.is_ghost())).collect()
        };
        assert_eq!(kinds(&ports), kinds(&found), "{file}");
        for target in &asked {
            let place = target.one_addr().and_then(|address| addresses.iter().position(|known| *known == address));
            let meant = explain::Target { addr: place.map(|place| mapped[place]).or(target.addr), ..target.clone() };
            let (before, after) =
                (explain::answers(&host, host.viewed, target), explain::answers(&redacted, redacted.viewed, &meant));
            let (before, after) = (shape(&before).join("\n"), shape(&after).join("\n"));
            for (one, other) in before.lines().zip(after.lines()) {
                assert_eq!(one, other, "{file}, {target:?}");
            }
            assert_eq!(before, after, "{file}, {target:?}");
        }
    }
}

#[test]
fn a_redacted_host_is_a_host_like_others() {
    for (file, host) in hosts() {
        let (once, _) = redacted(&host, &[]);
        let text = snapshot::print(&once);
        let again = snapshot::parse(&text);
        let bad: Vec<_> = again.diagnostics.iter().filter(|found| found.kind != DiagnosticKind::Unknown).collect();
        assert!(bad.is_empty(), "{file}: {bad:?}");
        assert_eq!(snapshot::print(&again.host), text, "{file}");
        assert_eq!(redacted(&host, &[]).0, once, "{file}: the same host gives the same");
    }
}

#[test]
fn no_word_of_the_host_is_in_a_picture() {
    for (file, host) in hosts() {
        let (original, names) = (snapshot::print(&host), names(&host));
        let start = Start {
            namespace: host.viewed,
            host: Arc::new(host),
            source: Source::Recording(file.clone()),
            target: None,
            setup: Look::default().into(),
        };
        // With all that there is; of the story, with all that is told of a packet, a rule and a port.
        let all = ["g", "<Right>u", "<Right><Enter>", "<Enter>", "H"];
        for keys in all.iter().take(if file == "story" { all.len() } else { 1 }) {
            let picture = picture::shot(start.clone().redacted(), (160, 60), keys, Form::Svg, "a picture").unwrap();
            let told = told(&picture, &original, &names);
            assert!(told.is_empty() && !picture.contains(&file), "{file}: {told:?}");
        }
    }
}

#[test]
fn the_port_that_is_asked_for_is_the_same_one() {
    let host = snapshot::parse(snapshot::demo("k3s-port-80").unwrap()).host;
    let address: IpAddr = "192.168.66.100".parse().unwrap();
    let target =
        explain::Target { protocol: whyport::host::Protocol::TCP, addr: Some(address), port: Some(80), socket: None };
    let start = Start {
        namespace: host.viewed,
        host: Arc::new(host),
        source: Source::Recording("demo k3s-port-80".to_owned()),
        target: Some(target),
        setup: Look::default().into(),
    };
    let redacted = start.redacted();
    let now = redacted.target.as_ref().and_then(explain::Target::one_addr).unwrap();
    let ns = redacted.host.viewed();
    assert!(now != address && ns.addresses.iter().any(|own| own.addr() == now), "{now}");
    let text = picture::shot(redacted, (120, 36), "", Form::Text, "").unwrap();
    assert!(text.contains(&format!("tcp/{now}:80 from")), "{text}");
}
