//! What became of each rule: held exactly where the walk says so, and failed for something that does not hold.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

#[allow(dead_code, reason = "what rules speak of is of no use here")]
#[path = "judge/aim.rs"]
mod aim;
#[path = "judge/named.rs"]
mod named;
#[path = "judge/native.rs"]
mod native;
#[allow(dead_code, reason = "what it sends is of no use here")]
#[path = "judge/packet.rs"]
mod packet;
#[allow(dead_code, reason = "there are no bridges here")]
#[path = "judge/places.rs"]
mod places;
#[allow(dead_code, reason = "what it sends is of no use here")]
#[path = "judge/random.rs"]
mod random;
#[allow(dead_code, reason = "no sets are loaded here")]
#[path = "judge/sets.rs"]
mod sets;
#[allow(dead_code, reason = "other ways to ask are of no use here")]
mod way;

use whyport::explain::words;
use whyport::host::xt::Target;
use whyport::host::{Host, IpFamily, Protocol, RuleId};
use whyport::snapshot;
use whyport::syntax;
use whyport::walk::why::{Account, Met, Spot, accounts, visited};
use whyport::walk::{FateKind, Field, Origin, Outcome, Query, StepAt, ValueSet, Verdict, Walk, Walker};

use random::Lot;

/// Where native rules stand in a host's text.
const NATIVE: &str = "[nft list ruleset]";

/// A packet by lot, with some of its fields open.
fn query(lot: &mut Lot) -> Query {
    let packet = random::packet(lot, &places::ROUTER4, &aim::Aim::default(), 1);
    let origin = match &packet.device {
        Some(device) => Origin::Device(device.replace("eth1", "br0")),
        None => Origin::Local,
    };
    let protocol = match packet.protocol {
        packet::Protocol::Tcp => Protocol::TCP,
        packet::Protocol::Udp => Protocol::UDP,
        packet::Protocol::Icmp => Protocol::ICMP,
    };
    let mut query = Query::new(0, origin, IpFamily::V4, protocol);
    let own = ["192.168.1.2", "10.0.0.1", "10.0.0.9"][lot.below(3)];
    query.set_address(Field::Dst, own.parse().unwrap());
    if let Some(src) = packet.src.filter(|_| !lot.once_in(3)) {
        query.set_address(Field::Src, src.ip());
    }
    if protocol != Protocol::ICMP {
        query.set(Field::Dport, ValueSet::one(packet.dst.port().into()));
        if !lot.once_in(3) {
            query.set(Field::Sport, ValueSet::one(40_000));
        }
    }
    query.set(Field::Mark, ValueSet::one(packet.mark.into()));
    query
}

/// Whether every account of an outcome is what its steps say.
fn check(host: &Host, walker: &Walker<'_>, walk: &Walk, outcome: &Outcome) -> Result<(usize, usize), String> {
    let ruleset = |namespace: usize| &host.namespaces[namespace].ruleset;
    let (mut held, mut failed) = (Vec::new(), 0);
    for visit in visited(outcome) {
        let rules = ruleset(visit.namespace).chain(visit.rule.chain).rules.len() as u32;
        for index in 0..rules {
            let spot = Spot { rule: RuleId { index, ..visit.rule }, ..visit.clone() };
            let accounts = walker.accounts(walk, outcome, &spot);
            let wrong = |what: &str| Err(format!("{what}: {spot:?} {accounts:?}"));
            for account in &accounts {
                match account {
                    Account::Held { checks, .. } if checks.iter().any(|check| check.holds != Some(true)) => {
                        return wrong("held with something that does not");
                    }
                    Account::Failed(decided) if decided.by.holds != Some(false) => return wrong("failed for nothing"),
                    Account::Failed(decided) if decided.before.iter().any(|check| check.holds == Some(false)) => {
                        return wrong("failed before");
                    }
                    Account::Failed(decided) if decided.after.iter().any(|check| check.holds.is_some()) => {
                        return wrong("looked on after it failed");
                    }
                    Account::Held { .. } | Account::Depends(_) | Account::Failed(_) | Account::Unreached(_) => {}
                }
            }
            match &accounts[..] {
                [] => return wrong("nothing is known"),
                [Account::Held { verdict, .. }] => held.push((spot.pass, spot.hook, spot.rule, Some(*verdict))),
                [Account::Depends(_)] => held.push((spot.pass, spot.hook, spot.rule, None)),
                all if is_split(all) => held.push((spot.pass, spot.hook, spot.rule, None)),
                all if all.iter().all(|account| matches!(account, Account::Failed(_))) => failed += 1,
                all if all.iter().all(|account| matches!(account, Account::Unreached(_))) => {}
                _ => return wrong("held and did not"),
            }
        }
    }
    let rules = outcome.steps().filter_map(|step| match step.at {
        StepAt::Rule(rule) => Some((step, rule)),
        StepAt::End(_) => None,
    });
    let mut left = held.clone();
    for (step, rule) in rules {
        // A rule that some packets met alone, as another chain of the same priority ended the way of the others, held for all of them.
        let mut told = [Some(step.verdict), None].into_iter().filter(|told| told.is_some() || step.sometimes);
        let is_it = |verdict| left.iter().position(|one| *one == (step.pass, step.hook, rule, verdict));
        match told.find_map(is_it) {
            Some(at) => left.swap_remove(at),
            None => return Err(format!("{step:?} is in the steps, and these held: {held:?}")),
        };
    }
    if left.is_empty() { Ok((held.len(), failed)) } else { Err(format!("held, and in no step: {left:?}")) }
}

/// Whether a rule without effect held for some classes of an outcome and not for others.
fn is_split(all: &[Account]) -> bool {
    let mut idle = all.iter().map(|account| match account {
        Account::Held { verdict, .. } => *verdict == Verdict::Continue,
        Account::Depends(_) | Account::Failed(_) => true,
        Account::Unreached(_) => false,
    });
    idle.all(|idle| idle) && !all.iter().all(|account| matches!(account, Account::Failed(_)))
}

/// Accounts of rulesets by lot; how many rules held, and how many failed.
fn play(rounds: u64, host: impl Fn(&mut Lot) -> (String, Host)) -> (usize, usize) {
    let mut sum = (0, 0);
    for seed in 0..rounds {
        let mut lot = Lot::new(seed);
        let (text, host) = host(&mut lot);
        let walker = Walker::new(&host, 0);
        for _ in 0..6 {
            let query = query(&mut lot);
            let walk = walker.walk(&query);
            // Refused sources are told as one, whatever each of them met.
            for outcome in walk.outcomes.iter().filter(|outcome| outcome.fate.kind != FateKind::Martian) {
                match check(&host, &walker, &walk, outcome) {
                    Ok((held, failed)) => sum = (sum.0 + held, sum.1 + failed),
                    Err(wrong) => panic!("seed {seed}, {query:?}: {wrong}\n{outcome:?}\n{text}"),
                }
            }
        }
    }
    sum
}

#[test]
fn rules_of_iptables_held_exactly_where_the_steps_say_so() {
    let (held, failed) = play(300, |lot| {
        let text = random::ruleset(lot, &places::ROUTER4, &sets::Sets::default(), false);
        let host = way::host(&text);
        (text, host)
    });
    assert!(held > 1000 && failed > 1000, "{held} {failed}");
}

#[test]
fn native_rules_held_exactly_where_the_steps_say_so() {
    let (held, failed) = play(300, |lot| {
        let text = native::ruleset(lot, &places::ROUTER4, false);
        let host = snapshot::parse(&way::HOST.replace("RULES", "").replace(NATIVE, &format!("{NATIVE}\n{text}"))).host;
        (text, host)
    });
    assert!(held > 1000 && failed > 1000, "{held} {failed}");
}

/// A packet from outside: `tcp 192.168.1.77:4000 > 192.168.1.2:22`, and what became of a rule by its chain and number.
fn told(host: &Host, packet: &str, chain: &str, number: u32) -> String {
    let words: Vec<&str> = packet.split(' ').collect();
    let protocol = match words[0] {
        "tcp" => Protocol::TCP,
        "udp" => Protocol::UDP,
        _ => Protocol::ICMP,
    };
    let local = words[1] == "local";
    let origin = if local { Origin::Local } else { Origin::Device("eth0".to_owned()) };
    let mut query = Query::new(0, origin, IpFamily::V4, protocol);
    let mut end = |text: &str, address: Field, port: Field| {
        let (addr, number) = text.split_once(':').unwrap_or((text, ""));
        if let Ok(addr) = addr.parse() {
            query.set_address(address, addr);
        }
        if let Ok(number) = number.parse() {
            query.set(port, ValueSet::one(number));
        }
    };
    end(words[1], Field::Src, Field::Sport);
    end(words[3], Field::Dst, Field::Dport);
    let walk = Walker::new(host, 0).walk(&query);
    let ruleset = &host.namespaces[0].ruleset;
    let (id, base) = ruleset.chains().find(|(_, known)| *known.name == *chain).unwrap();
    let rule = RuleId { chain: id, index: number - 1 };
    let outcome = &walk.outcomes[0];
    let met = visited(outcome).into_iter().find(|spot| spot.rule.chain == id);
    let caller = ruleset.chains().find_map(|(by, chain)| {
        let leads = |index: &u32| {
            let body = &ruleset.rule(RuleId { chain: by, index: *index }).body;
            matches!(body.target(), Some(Target::Jump(to) | Target::Goto(to)) if *to == id.chain && by.table == id.table)
        };
        (0..chain.rules.len() as u32).find(leads).map(|index| RuleId { chain: by, index })
    });
    let jumps: Vec<RuleId> = caller.into_iter().collect();
    let hook = base.base.as_ref().or(caller.and_then(|by| ruleset.chain(by.chain).base.as_ref())).unwrap().hook;
    let spot = met.unwrap_or(Spot { pass: 1, namespace: 0, hook, jumps, rule });
    let accounts = accounts(host, &walk.query, outcome, &Spot { rule, ..spot });
    let texts = |rule: RuleId, part: Option<u16>| syntax::part_text(ruleset, rule, part);
    words::account(&host.namespaces[0], IpFamily::V4, rule, &accounts, &texts)
}

const TCP: &str = "tcp 192.168.1.77:4000 > 192.168.1.2:22";

#[track_caller]
fn assert_all(host: &Host, chain: &str, cases: &[(&str, &str)]) {
    for (number, (packet, expected)) in (1..).zip(cases) {
        assert_eq!(told(host, packet, chain, number), *expected, "rule {number}");
    }
}

/// The rules of a chain, each of which asks for one thing and does nothing.
fn input(conditions: &[&str]) -> String {
    let rules: String = conditions.iter().map(|condition| format!("-A INPUT {condition}\n")).collect();
    format!("*mangle\n:INPUT ACCEPT [0:0]\n{rules}COMMIT\n")
}

#[test]
fn what_iptables_asks_is_told_with_what_the_packet_had() {
    let cases = [
        ("-p udp", TCP, "It does not match: -p udp: the packet is tcp."),
        ("-p tcp", TCP, "It matches: -p tcp: the packet is tcp."),
        ("-s 10.0.0.0/8", TCP, "It does not match: -s 10.0.0.0/8: the packet comes from 192.168.1.77."),
        ("! -d 192.168.1.2/32", TCP, "It does not match: ! -d 192.168.1.2/32: the packet goes to 192.168.1.2."),
        ("-i br0", TCP, "It does not match: -i br0: the packet comes in by eth0."),
        ("-o eth0", TCP, "It does not match: -o eth0: the packet has no outgoing device here."),
        (
            "-p tcp -m tcp --sport 1:9 --dport 22",
            TCP,
            "It does not match: -m tcp --sport 1:9 --dport 22: the packet comes from port 4000.",
        ),
        (
            "-p tcp -m multiport --dports 80,443",
            TCP,
            "It does not match: -m multiport --dports 80,443: the packet goes to port 22.",
        ),
        (
            "-p tcp -m tcp --tcp-flags SYN,ACK ACK",
            TCP,
            "It does not match: -m tcp --tcp-flags SYN,ACK ACK: its TCP flags are syn.",
        ),
        (
            "-m conntrack --ctstate ESTABLISHED",
            TCP,
            "It does not match: -m conntrack --ctstate ESTABLISHED: its conntrack state is new.",
        ),
        ("-m mark --mark 0x1", TCP, "It does not match: -m mark --mark 0x1: its mark is 0x0."),
        (
            "-m addrtype --src-type LOCAL",
            TCP,
            "It does not match: -m addrtype --src-type LOCAL: the packet comes from 192.168.1.77.",
        ),
        (
            "-m iprange --src-range 10.0.0.1-10.0.0.9",
            TCP,
            "It does not match: -m iprange --src-range 10.0.0.1-10.0.0.9: the packet comes from 192.168.1.77.",
        ),
        (
            "-m pkttype --pkt-type broadcast",
            TCP,
            "It does not match: -m pkttype --pkt-type broadcast: its packet type is host.",
        ),
        (
            "-m length --length 1:9",
            TCP,
            "It matches some of the packets only: -m length --length 1:9 depends on length.",
        ),
        ("-p icmp -m icmp --icmp-type 0", TCP, "It does not match: -p icmp: the packet is tcp."),
        ("-m limit --limit 1/hour", TCP, "It matches some of the packets only: -m limit --limit 1/hour."),
        (
            "-m conntrack --ctorigdst 10.0.0.9",
            TCP,
            "It does not match: -m conntrack --ctorigdst 10.0.0.9: its connection's destination is 192.168.1.2.",
        ),
        ("-m comment --comment all", TCP, "It matches every packet that comes here."),
    ];
    let conditions: Vec<&str> = cases.iter().map(|(condition, ..)| *condition).collect();
    let told: Vec<(&str, &str)> = cases.iter().map(|(_, packet, told)| (*packet, *told)).collect();
    assert_all(&way::host(&input(&conditions)), "INPUT", &told);
}

#[test]
fn the_packet_is_told_as_it_was_when_it_came_to_the_rule() {
    let rules = "*raw\n:PREROUTING ACCEPT [0:0]\n\
        -A PREROUTING -m conntrack --ctstate NEW\n\
        -A PREROUTING -m mark --mark 0x7\n\
        -A PREROUTING -j MARK --set-xmark 0x7/0xffffffff\n\
        -A PREROUTING -m mark ! --mark 0x7\nCOMMIT\n\
        *nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p tcp -m tcp --dport 22 -j DNAT --to-destination 10.0.0.9:2222\nCOMMIT\n\
        *filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD -d 192.168.1.2/32\n-A FORWARD -p tcp -m tcp --dport 22\nCOMMIT\n";
    let host = way::host(rules);
    let said = |chain: &str, number| told(&host, TCP, chain, number);
    // raw is asked before conntrack looks, where every packet is INVALID.
    assert_eq!(
        said("PREROUTING", 1),
        "It does not match: -m conntrack --ctstate NEW: conntrack has not seen the packet yet."
    );
    assert_eq!(said("PREROUTING", 2), "It does not match: -m mark --mark 0x7: its mark is 0x0.");
    assert_eq!(said("PREROUTING", 4), "It does not match: -m mark ! --mark 0x7: its mark is 0x7.");
    assert_eq!(said("FORWARD", 1), "It does not match: -d 192.168.1.2/32: the packet goes to 10.0.0.9.");
    assert_eq!(said("FORWARD", 2), "It does not match: -m tcp --dport 22: the packet goes to port 2222.");
}

#[test]
fn a_rule_that_the_packet_never_came_to_says_why() {
    let rules = "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:A - [0:0]\n:B - [0:0]\n:C - [0:0]\n\
        -A INPUT -p udp -j A\n-A INPUT -j B\n-A INPUT -g C\n-A INPUT -j DROP\n-A FORWARD -j ACCEPT\n\
        -A A -j DROP\n-A B -j RETURN\n-A B -j DROP\n-A C -j ACCEPT\n-A C -j DROP\nCOMMIT\n\
        *nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -j ACCEPT\nCOMMIT\n";
    let host = way::host(rules);
    let said = |chain: &str, number| told(&host, TCP, chain, number);
    assert_eq!(
        said("A", 1),
        "Not called: rule 1 of filter INPUT leads here, and it does not match: -p udp: the packet is tcp."
    );
    assert_eq!(said("B", 2), "Not reached: rule 1 returned.");
    assert_eq!(said("INPUT", 4), "Not reached: rule 3 went on to filter C for good.");
    assert_eq!(said("C", 2), "Not reached: rule 1 accepted it.");
    assert_eq!(said("FORWARD", 1), "Not reached: the packet never comes to this hook.");
    assert_eq!(
        said("PREROUTING", 1),
        "Not asked: nat chains see first packets of connections only, and nothing here turns conntrack on."
    );
}

#[test]
fn what_native_rules_ask_is_told_with_what_the_packet_had() {
    let cases = [
        ("udp dport 53", "It does not match: meta l4proto udp: the packet is tcp."),
        ("ip daddr 10.0.0.0/8", "It does not match: ip daddr 10.0.0.0/8: the packet goes to 192.168.1.2."),
        ("ip saddr @banned", "It does not match: ip saddr @banned: the packet comes from 192.168.1.77."),
        ("ip saddr != @known", "It does not match: ip saddr != @known: the packet comes from 192.168.1.77."),
        ("tcp dport { 80, 443 }", "It does not match: tcp dport { 80, 443 }: the packet goes to port 22."),
        ("iifname \"br0\"", "It does not match: iifname \"br0\": the packet comes in by eth0."),
        ("oifname \"br0\"", "It does not match: oifname \"br0\": the packet has no outgoing device here."),
        (
            "ct state established,related",
            "It does not match: ct state established,related: its conntrack state is new.",
        ),
        (
            "meta mark set 0x5 ip saddr 10.0.0.1",
            "It does not match: ip saddr 10.0.0.1: the packet comes from 192.168.1.77.",
        ),
        ("meta mark 0x6", "It does not match: meta mark 0x00000006: its mark is 0x5."),
        ("meta skuid 0", "It does not match: meta skuid 0: the packet has no sender's uid here."),
        (
            "ip saddr . tcp dport { 10.0.0.1 . 22 }",
            "It does not match: ip saddr . tcp dport { 10.0.0.1 . 22 }: the packet comes from 192.168.1.77 and goes to port 22.",
        ),
        (
            "tcp dport vmap { 80 : drop }",
            "It does not match: tcp dport vmap { 80 : drop }: the packet goes to port 22.",
        ),
        (
            "tcp dport 22 accept",
            "It matches: meta l4proto tcp: the packet is tcp; tcp dport 22: the packet goes to port 22.",
        ),
        ("drop", "Not reached: rule 14 accepted it."),
    ];
    let rules: String = cases.iter().map(|(rule, _)| format!("\t\t{rule}\n")).collect();
    let set = |name: &str, element: &str| {
        format!("\tset {name} {{\n\t\ttype ipv4_addr\n\t\telements = {{ {element} }}\n\t}}\n\n")
    };
    let table = format!(
        "table inet t {{\n{}{}\tchain c {{\n\t\ttype filter hook input priority filter; policy accept;\n{rules}\t}}\n}}\n",
        set("banned", "10.0.0.1"),
        set("known", "192.168.1.77")
    );
    let recording = snapshot::parse(&way::HOST.replace("RULES", "").replace(NATIVE, &format!("{NATIVE}\n{table}")));
    let told: Vec<(&str, &str)> = cases.iter().map(|(_, told)| (TCP, *told)).collect();
    assert_all(&recording.host, "c", &told);
}

/// The elements that a packet of an outcome met, by what each rule of a chain asks: `2` of nf_tables, `*` for the one that stands for
/// all others, `SET:0` of ipset.
fn met(host: &Host, src: Option<&str>, dport: Option<u16>, chain: &str) -> Vec<String> {
    let mut query = Query::new(0, Origin::Device("eth0".to_owned()), IpFamily::V4, Protocol::TCP);
    query.set_address(Field::Dst, "192.168.1.2".parse().unwrap());
    if let Some(src) = src {
        query.set_address(Field::Src, src.parse().unwrap());
    }
    if let Some(port) = dport {
        query.set(Field::Dport, ValueSet::one(port.into()));
    }
    let walk = Walker::new(host, 0).walk(&query);
    let ns = &host.namespaces[0];
    let (id, known) = ns.ruleset.chains().find(|(_, known)| *known.name == *chain).unwrap();
    let spot = visited(&walk.outcomes[0]).into_iter().find(|spot| spot.rule.chain == id).unwrap();
    let of_rule = |index: u32| {
        let rule = RuleId { chain: id, index };
        let accounts = accounts(host, &walk.query, &walk.outcomes[0], &Spot { rule, ..spot.clone() });
        let all = accounts.iter().flat_map(|account| account.checks()).flat_map(|check| check.met.clone());
        let told = all.map(|met| match met {
            Met::Native(id) => id.element.map_or_else(|| "*".to_owned(), |element| element.to_string()),
            Met::Ipset { set, element } => format!("{}:{element}", ns.ipsets[set as usize].name),
        });
        told.collect::<Vec<_>>().join(" ")
    };
    (0..known.rules.len() as u32).map(of_rule).collect()
}

#[test]
fn the_element_of_a_native_set_that_a_packet_met_is_told() {
    let rules = [
        "ip saddr @nets",
        "ip saddr != @nets",
        "tcp dport vmap @ports",
        "meta mark set tcp dport map @marks",
        "ip saddr . tcp dport @both",
        "tcp dport { 22, 23 }",
        "tcp dport vmap @rest",
    ];
    let table = "table inet t {\n\
        \tset nets {\n\t\ttype ipv4_addr\n\t\tflags interval\n\t\telements = { 10.0.0.0/8, 192.168.1.0/24 }\n\t}\n\
        \tmap ports {\n\t\ttype inet_service : verdict\n\t\telements = { 21 : drop, 22 : continue, 23 : drop }\n\t}\n\
        \tmap marks {\n\t\ttype inet_service : mark\n\t\telements = { 22 : 7, 80 : 8 }\n\t}\n\
        \tset both {\n\t\ttype ipv4_addr . inet_service\n\t\telements = { 10.0.0.1 . 22, 192.168.1.77 . 22 }\n\t}\n\
        \tmap rest {\n\t\ttype inet_service : verdict\n\t\telements = { 80 : drop, * : continue }\n\t}\n\
        \tchain c {\n\t\ttype filter hook prerouting priority filter; policy accept;\n";
    let rules: String = rules.iter().map(|rule| format!("\t\t{rule}\n")).collect();
    let text = way::HOST.replace("RULES", "").replace(NATIVE, &format!("{NATIVE}\n{table}{rules}\t}}\n}}\n"));
    let host = snapshot::parse(&text).host;
    assert_eq!(met(&host, Some("192.168.1.77"), Some(22), "c"), ["1", "1", "1", "0", "1", "0", "*"]);
    assert_eq!(met(&host, Some("172.16.0.1"), Some(80), "c"), ["", "", "", "1", "", "", "0"]);
    // Of what is open an element is told where all packets that are meant have the same.
    assert_eq!(met(&host, None, Some(22), "c")[2..4], ["1", "0"]);
    assert_eq!(met(&host, Some("10.9.9.9"), None, "c")[..2], ["0", "0"]);
}

#[test]
fn the_element_of_an_ipset_that_a_packet_met_is_told() {
    let rules = "*raw\n:PREROUTING ACCEPT [0:0]\n\
        -A PREROUTING -m set --match-set nets src\n\
        -A PREROUTING -m set ! --match-set nets src\n\
        -A PREROUTING -m set --match-set ends dst,dst\n\
        -A PREROUTING -m set --match-set all src\n\
        -A PREROUTING -m set --match-set nets dst\nCOMMIT\n";
    let sets = "create nets hash:net\nadd nets 10.0.0.0/8\nadd nets 192.168.0.0/16\nadd nets 192.168.1.77 nomatch\n\
        create ends hash:ip,port\nadd ends 192.168.1.2,tcp:80\nadd ends 192.168.1.2,tcp:22\n\
        create few hash:ip\nadd few 192.168.1.78\n\
        create all list:set size 8\nadd all few\nadd all nets\n";
    let host = way::host(&format!("{rules}\n[ipset save]\n{sets}"));
    let met = |src: Option<&str>, dport| met(&host, src, dport, "PREROUTING");
    assert_eq!(met(Some("192.168.1.78"), Some(22)), ["nets:1", "nets:1", "ends:1", "few:0", "nets:1"]);
    // What is shut out of a larger prefix met the element that does so.
    assert_eq!(met(Some("192.168.1.77"), Some(23)), ["nets:2", "nets:2", "", "", "nets:1"]);
    assert_eq!(met(Some("10.0.0.1"), Some(80)), ["nets:0", "nets:0", "ends:0", "nets:0", "nets:1"]);
    assert_eq!(met(None, Some(22))[2], "ends:1");
}
