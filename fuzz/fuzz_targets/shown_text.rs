//! Whatever processes, devices, chains, comments and namespaces are called: what is shown of them has no character that acts on
//! a terminal, and stays within its columns.
//!
//! A case: a byte that gives the width, and the text that names them.
#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use unicode_width::UnicodeWidthStr;
use whyport::cli::start::{Source, Start};
use whyport::cli::picture::{self, Form};
use whyport::explain::clean;
use whyport::host::xt::{Match, Rule};
use whyport::host::{Body, Host};
use whyport::report::{self, Style};
use whyport::tui::{Look, text};
use whyport::{explain, snapshot};
use whyport_fuzz as _;

/// A host whose port 80 is answered by a process, behind a rule with a comment in a chain.
const HOST: &str = r#"# whyport snapshot 1
[host]
viewed: a

[namespace a]
[ip -d -j link]
[{"ifindex":2,"ifname":"eth0","flags":["UP"],"mtu":1500,"link_type":"ether","promiscuity":0}]
[ip -j addr]
[{"ifindex":2,"ifname":"eth0","addr_info":[{"family":"inet","local":"10.0.0.1","prefixlen":8,"scope":"global"}]}]
[ss -H -tulpne]
tcp LISTEN 0 9 0.0.0.0:80 0.0.0.0:* users:(("nginx",pid=7,fd=3)) ino:9
[iptables-nft-save]
*filter
:INPUT ACCEPT [0:0]
:USER - [0:0]
-A INPUT -m comment --comment x -j USER
-A USER -p tcp -m comment --comment x -m tcp --dport 80 -j ACCEPT
COMMIT
[end]
"#;

fuzz_target!(|case: &[u8]| {
    let Some((width, rest)) = case.split_first() else { return };
    let (width, name) = (usize::from(*width), String::from_utf8_lossy(rest));
    let shown = clean(&name);
    harmless(&shown);
    within(&text::fit(&shown, width), width);
    assert_eq!(text::pad(&shown, width).width(), width, "{shown:?}");
    // A character may be wider than a line of one column.
    text::wrap(&shown, width).iter().for_each(|line| within(line, width.max(2)));
    let host = Arc::new(named(&name));
    let style = Style { colour: false, width: width.max(20) };
    harmless(&report::ports::ports(&host, 0, &explain::ports(&host, 0), style));
    let start = Start {
        host,
        source: Source::Recording("fuzzed".to_owned()),
        namespace: 0,
        target: None,
        setup: Look::default().into(),
    };
    if let Ok(screen) = picture::shot(start, (width.max(1) as u16, 24), "tab", Form::Text, &name) {
        harmless(&screen);
        screen.lines().for_each(|line| within(line, width.max(1)));
    }
});

/// The host, in which everything that others name has this name.
fn named(name: &str) -> Host {
    let mut host = snapshot::parse(HOST).host;
    let ns = &mut host.namespaces[0];
    ns.name = name.to_owned();
    ns.links[0].name = name.to_owned();
    ns.sockets[0].processes[0].name = name.to_owned();
    let table = &mut ns.ruleset.tables[0];
    table.chains[1].name = name.into();
    for rule in table.chains.iter_mut().flat_map(|chain| &mut chain.rules) {
        let Body::Iptables(Rule { matches, .. }) = &mut rule.body else { continue };
        for matched in matches.iter_mut().filter(|matched| matches!(matched, Match::Comment(_))) {
            *matched = Match::Comment(name.into());
        }
    }
    host
}

/// Nothing but line ends and what is to be seen: no control character, none that changes the direction of text (UAX #9).
fn harmless(text: &str) {
    let acts = |c: char| {
        c != '\n' && c.is_control()
            || matches!(c, '\u{61c}' | '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    assert!(!text.contains(acts), "{text:?}");
}

fn within(line: &str, width: usize) {
    assert!(line.width() <= width, "{} columns of {width}: {line:?}", line.width());
}
