//! A host in which every text is poisoned.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use whyport::host::ipset::{Element, IpSet, Key, SetType};
use whyport::host::redact::redacted;
use whyport::host::{Host, LinkKind, Name, PolicyRule, Program};
use whyport::snapshot;
use whyport::syntax::DiagnosticKind;

/// What acts in any way, but for what ends a line of a recording or a word of it.
const POISON: &str = "\x1bc\u{7}\u{9b}31m\u{202e}\u{200b}名\u{301}";
/// The same with what ends them.
const WORST: &str = "\x1b]0;x\x07\n\r\t \u{85}\u{2028}\u{202e}<&\"'\\";

/// Rules and sets with everything that has a name in them, beside those of the tools' tests.
const MORE: &str = "\
-A INPUT -m cgroup --path /own.slice -j ACCEPT
-A INPUT -m bpf --object-pinned /sys/fs/bpf/own -j ACCEPT
-A INPUT -m nfacct --nfacct-name own -j ACCEPT
-A INPUT -m string --string \"a\\\"b\" --algo bm -j ACCEPT
-A INPUT -j LED --led-trigger-id own
-A INPUT -j SECMARK --selctx own:own
-A INPUT -j TEE --gateway 10.0.0.1 --oif eth0
-A INPUT -m own --what ever -j OWN --more of it
-A INPUT -m set --match-set own src -j ACCEPT
-A INPUT -m set --match-set lists src -j ACCEPT
";
const NATIVE: &str = "\
table inet more {
	secmark own { \"own:own\"; }
	set says { type ipv4_addr; flags interval,timeout; elements = { 0.0.0.0/1 timeout 1h comment \"half of all\", 192.0.0.0/2 timeout 1h comment \"a quarter\" }; }
	map ways { type inet_service : verdict; flags interval; elements = { 0-65535 comment \"every port\" : jump own }; }
	flowtable own { hook ingress priority 0; devices = { eth0 }; }
	chain own { ip protocol tcp flow add @own }
	chain asks {
		type filter hook prerouting priority -310
		ip saddr @says counter
		tcp dport vmap @ways
	}
}
";
const SETS: &str = "\
create own hash:ip family inet hashsize 1024 maxelem 65536 comment
add own 10.0.0.1 comment \"one of us\"
create lists list:set size 8
add lists own
";

/// The rules of the tools' tests as `iptables-save` prints them.
fn tables(family: char) -> String {
    const BUILT_IN: [(&str, &[&str]); 5] = [
        ("filter", &["INPUT", "FORWARD", "OUTPUT"]),
        ("nat", &["PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"]),
        ("mangle", &["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"]),
        ("raw", &["PREROUTING", "OUTPUT"]),
        ("security", &["INPUT", "FORWARD", "OUTPUT"]),
    ];
    let mut out = String::new();
    for (table, chains) in BUILT_IN {
        let (mut names, mut rules, mut within) = (String::new(), String::new(), false);
        for line in include_str!("../data/tools/rules.txt").lines() {
            match (line.strip_prefix('*'), line.strip_prefix(':'), line.split_once(' ')) {
                (Some(name), ..) => within = name == table,
                (_, Some(chain), _) if within => names.push_str(&format!(":{chain} - [0:0]\n")),
                (_, _, Some((of, rule))) if within && (of == "-" || of.starts_with(family)) => {
                    rules.push_str(&format!("-A {} {rule}\n", chains[0]));
                }
                _ => {}
            }
        }
        let built_in: String = chains.iter().map(|chain| format!(":{chain} ACCEPT [0:0]\n")).collect();
        let more = if table == "filter" { MORE } else { "" };
        out.push_str(&format!("*{table}\n{built_in}{names}{rules}{more}COMMIT\n"));
    }
    out
}

/// The story's host with rules and sets of every kind in it.
fn everything() -> Host {
    let native = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/native/kinds.nft")).unwrap();
    let mut text = snapshot::demo("k3s-port-80").unwrap().to_owned();
    for (title, body) in [
        ("iptables-legacy-save", tables('4')),
        ("ip6tables-legacy-save", tables('6')),
        ("nft list ruleset", native + NATIVE),
        ("ipset save", SETS.to_owned()),
    ] {
        let begin = format!("[{title}]\n");
        assert!(text.contains(&begin), "{title}");
        text = text.replacen(&begin, &format!("{begin}{body}"), 1);
    }
    let read = snapshot::parse(&text);
    let damaged: Vec<_> = read.diagnostics.iter().filter(|found| found.kind == DiagnosticKind::Damaged).collect();
    assert!(damaged.is_empty(), "{damaged:?}");
    read.host
}

/// The text with poison behind each name that redaction gave.
fn poisoned(text: &str) -> String {
    const STEMS: [&str; 18] = [
        "node", "ns", "process", "dev", "eth", "veth", "br", "table", "chain", "set", "object", "comment ", "log ",
        "name", "word", "if", "x", "bridge",
    ];
    let json: String = POISON.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
    let mut out = String::new();
    for line in text.lines() {
        let poison = if line.contains("\":") && line.starts_with(['{', '[']) { &json } else { POISON };
        let (mut rest, mut before) = (line, ' ');
        while let Some(c) = rest.chars().next() {
            let named = STEMS.iter().find_map(|stem| {
                let behind = rest.strip_prefix(stem)?;
                let digits = behind.find(|c: char| !c.is_ascii_digit()).unwrap_or(behind.len());
                let whole = digits > 0 && !behind[digits..].starts_with(char::is_alphanumeric);
                (whole && !before.is_alphanumeric() && before != '_').then_some(stem.len() + digits)
            });
            let length = named.unwrap_or(c.len_utf8());
            out.push_str(&rest[..length]);
            out.push_str(if named.is_some() { poison } else { "" });
            before = rest[..length].chars().next_back().unwrap();
            rest = &rest[length..];
        }
        out.push('\n');
    }
    out
}

/// The host in which every text is poisoned.
pub fn host() -> Host {
    let (host, _) = redacted(&everything(), &[]);
    let mut host = snapshot::parse(&poisoned(&snapshot::print(&host))).host;
    for text in [&mut host.node, &mut host.kernel, &mut host.taken] {
        text.get_or_insert_default().push_str(WORST);
    }
    for ns in &mut host.namespaces {
        ns.name.push_str(WORST);
        ns.ids.iter_mut().for_each(|(_, name)| name.push_str(WORST));
        ns.unread.iter_mut().for_each(|unread| unread.needs.push_str(WORST));
        for link in &mut ns.links {
            if let LinkKind::Other(kind) = &mut link.kind {
                kind.push_str(WORST);
            }
        }
        let device = Some(format!("eth1{POISON}"));
        if let Some(rule) = ns.policy_rules.first().cloned() {
            ns.policy_rules.insert(1, PolicyRule { iif: device.clone(), oif: device.clone(), ..rule });
        }
        ns.ipsets.iter_mut().for_each(|set| set.untold.push(Name::from(WORST)));
        if let Some(set) = ns.ipsets.first().cloned() {
            let other = Element { key: Key::Other(WORST.into()), ..set.elements[0].clone() };
            let kind = SetType::Other(Name::from("hash:own"));
            ns.ipsets.push(IpSet { name: Name::from(WORST), kind, elements: vec![other], ..set });
        }
        let worst = || format!("{WORST} {WORST}");
        for (number, socket) in (1..).zip(&mut ns.sockets) {
            socket.processes.iter_mut().for_each(|process| process.name.push_str(WORST));
            let pids = socket.processes.iter().map(|process| process.pid).chain([number]);
            let program = Program {
                command: worst(),
                uid: Some(0),
                user: Some(worst()),
                cgroup: Some(format!("/docker/{WORST}")),
            };
            ns.programs.extend(pids.map(|pid| (pid, program.clone())));
        }
        let worse = |name: &mut Name| *name = Arc::from(format!("{name}{WORST}"));
        for table in &mut ns.ruleset.tables {
            let own = table.name.contains('\x1b');
            own.then(|| worse(&mut table.name));
            table.particulars.untold.push(Name::from(WORST));
            table
                .chains
                .iter_mut()
                .filter(|chain| chain.name.contains('\x1b'))
                .for_each(|chain| worse(&mut chain.name));
        }
    }
    host
}
