//! Text in, text out: what people and tools write beside what iptables-save prints of it.

use super::*;
use crate::host::{Counters, RuleId};
use crate::syntax::DiagnosticKind;

fn read(text: &str, family: IpFamily) -> Dump {
    parse(text, &Options { family: Some(family), backend: Backend::IptablesNft })
}

/// A rule of a filter table as it prints, and what was said about it.
fn rule(family: IpFamily, line: &str) -> (Option<String>, Vec<(DiagnosticKind, String)>) {
    let dump = read(&format!("*filter\n:INPUT ACCEPT [0:0]\n:USER - [0:0]\n-A INPUT {line}\nCOMMIT\n"), family);
    let table = &dump.ruleset.tables[0];
    let text = table.chains[0].rules.first().map(|rule| match &rule.body {
        crate::host::Body::Iptables(rule) => rule_spec(table, rule),
        crate::host::Body::Nft(_) => panic!("a native rule from a dump of iptables"),
    });
    let said = dump.diagnostics.into_iter().map(|found| {
        assert_eq!(found.line, 4, "{line}");
        (found.kind, found.text)
    });
    (text, said.collect())
}

fn prints(family: IpFamily, cases: &[(&str, &str)]) {
    for (line, expected) in cases {
        assert_eq!(rule(family, line), (Some((*expected).to_owned()), vec![]), "{line}");
    }
}

#[test]
fn other_ways_to_write_the_same() {
    prints(
        IpFamily::V4,
        &[
            ("", ""),
            ("--jump ACCEPT --protocol tcp --source 10/8", "-s 10.0.0.0/8 -p tcp -j ACCEPT"),
            ("-p tcp --dport ssh -j USER", "-p tcp -m tcp --dport 22 -j USER"),
            ("-p TCP -m tcp --destination-port 80", "-p tcp -m tcp --dport 80"),
            ("-s ! 10.0.0.0/8 -i ! eth0 -p ! tcp", "! -s 10.0.0.0/8 ! -i eth0 ! -p tcp"),
            ("-p tcp -m tcp --dport ! 80", "-p tcp -m tcp ! --dport 80"),
            ("-m conntrack --ctstate ! NEW", "-m conntrack ! --ctstate NEW"),
            ("-m state --state established,related", "-m state --state RELATED,ESTABLISHED"),
            ("-i + -o eth0", "-o eth0"),
            ("! -i +", "! -i +"),
            ("-s 0.0.0.0/0 -d 0/0 -p all", ""),
            ("-s 10.1.2.3/255.255.0.0", "-s 10.1.0.0/16"),
            ("-m   comment   --comment  x\t-j\tDROP", "-m comment --comment x -j DROP"),
            ("-m comment --comment a long one -j DROP", "-m comment --comment \"a long one\" -j DROP"),
            ("-m comment --comment -j -j DROP", "-m comment --comment -j -j DROP"),
            ("-m limit --limit 1/second", "-m limit --limit 1/sec"),
            ("-m limit", "-m limit --limit 3/hour"),
            ("-m statistic --mode nth --every 3", "-m statistic --mode nth --every 3 --packet 0"),
            ("-p icmp -m icmp", "-p icmp -m icmp --icmp-type any"),
            ("-j MARK --set-mark 0x1/0x2", "-j MARK --set-xmark 0x1/0x3"),
            ("-j MARK --and-mark 0xf", "-j MARK --set-xmark 0x0/0xfffffff0"),
            ("-j REJECT", "-j REJECT --reject-with icmp-port-unreachable"),
            ("-j LOG --log-prefix two words", "-j LOG --log-prefix \"two words\""),
            ("-j LOG --log-level debug", "-j LOG --log-level 7"),
            ("-p tcp -j DNAT --to-destination :ftp-data", "-p tcp -j DNAT --to-destination :20"),
            ("-p tcp -j DNAT --to-destination 1.1.1.1:10-20/ftp", "-p tcp -j DNAT --to-destination 1.1.1.1:10-20/21"),
            ("-j NFQUEUE", "-j NFQUEUE --queue-num 0"),
            ("-g USER", "-g USER"),
        ],
    );
    prints(
        IpFamily::V6,
        &[
            ("-s ::/0 -d fd00::1", "-d fd00::1/128"),
            ("-p icmpv6 -m icmpv6 --icmpv6-type ping", "-p ipv6-icmp -m icmp6 --icmpv6-type 128"),
            ("-p 58 --icmpv6-type 1/4", "-p ipv6-icmp -m icmp6 --icmpv6-type 1/4"),
            ("-j REJECT", "-j REJECT --reject-with icmp6-port-unreachable"),
            (
                "-m recent --set",
                "-m recent --set --name DEFAULT --mask ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff --rsource",
            ),
        ],
    );
}

/// What has no typed form, or uses it in a way not known here, stays as it came, and is told once.
#[test]
fn what_is_not_understood_is_kept() {
    for (line, name) in [
        ("-m hashlimit --hashlimit-upto 10/sec --hashlimit-size 5 -j ACCEPT", "hashlimit"),
        (
            "-m hashlimit --hashlimit-upto 1/sec --hashlimit-burst 2000000 --hashlimit-name \"--x\" -j ACCEPT",
            "hashlimit",
        ),
        ("-m hashlimit --hashlimit-upto 1/sec --hashlimit-burst 2000000 --hashlimit-name \"!\" -j ACCEPT", "hashlimit"),
        ("-m new ! --not-yet \"a b\" -1 --flag -m comment --comment x", "new"),
        ("-m tcp --dport 80 --invented 1", "tcp"),
        ("-m tcp --dport nosuchservice", "tcp"),
        ("-m tcp --dport 80 --dport 81", "tcp"),
        ("-m state --state NEW,ODD", "state"),
        ("-m conntrack", "conntrack"),
        ("-m connbytes --connbytes 100 --connbytes-mode bits --connbytes-dir both", "connbytes"),
        ("-m string --string \"-j\" -j DROP", "string"),
        ("-m icmp6 --icmpv6-type 1", "icmp6"),
        ("-j TCPMSS --clamp-mss-to-pmtu --set-mss 1", "TCPMSS"),
        ("-j NFLOG --nflog-prefix \"a b\" --nflog-group 65536", "NFLOG"),
        ("-j MARK --set-xmark none", "MARK"),
        ("-j CT --zone none", "CT"),
        ("-j HL --hl-set 1", "HL"),
        ("-j NOWHERE", "NOWHERE"),
    ] {
        let (text, said) = rule(IpFamily::V4, line);
        assert_eq!(text.as_deref(), Some(line));
        assert_eq!(said.len(), 1, "{said:?}");
        assert_eq!(said[0].0, DiagnosticKind::Unknown);
        assert!(said[0].1.starts_with(name), "{said:?}");
    }
    let twice = "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -m new\n-A INPUT -m new\n-A INPUT -j NEW\nCOMMIT\n";
    let said: Vec<usize> = read(twice, IpFamily::V4).diagnostics.iter().map(|found| found.line).collect();
    assert_eq!(said, [3, 5]);
}

/// A comment that looks like an option is one word: what follows it belongs to nothing.
#[test]
fn a_comment_that_looks_like_an_option_ends_there() {
    let (text, said) = rule(IpFamily::V4, "-m comment --comment -m comment --comment x");
    assert_eq!(text, None);
    assert_eq!(said, [(DiagnosticKind::Damaged, "\"comment\" belongs to no option".to_owned())]);
}

/// A form feed is no blank between words, and so none in a name.
#[test]
fn a_chain_may_begin_with_a_form_feed() {
    let text = "*filter\n:\u{c}A - [0:0]\n-A \u{c}A -j DROP\nCOMMIT\n";
    assert_eq!(print(&read(text, IpFamily::V4).ruleset, None, IpFamily::V4, Backend::IptablesNft), text);
}

/// iptables prints nothing for a type of chunks that it does not know.
#[test]
fn chunks_without_a_name_are_told_by_number() {
    prints(
        IpFamily::V4,
        &[("-p sctp -m sctp --chunk-types any DATA,200,17", "-p sctp -m sctp --chunk-types any DATA,17,200")],
    );
}

/// What the kernel has and nobody understands is written as bytes, under any name: it is read as it was written.
#[test]
fn bytes_are_kept_under_any_name() {
    let bytes = |line: &str, name: &str| {
        let (text, said) = rule(IpFamily::V4, line);
        assert_eq!(text.as_deref(), Some(line));
        assert_eq!(said.len(), 1, "{line}: {said:?}");
        assert_eq!(said[0].0, DiagnosticKind::Unknown, "{line}");
        assert!(said[0].1.starts_with(name), "{line}: {said:?}");
    };
    let all = matches::MATCHES.iter().chain(&rare::MATCHES);
    let matches = all.map(|known| known.name).chain(["new"]);
    for name in matches {
        bytes(&format!("-m {name} --revision 4 --bytes 00ff"), name);
        bytes(&format!("-m {name} --revision 255 --bytes \"\""), name);
        bytes(&format!("-p tcp -m {name} --revision 0 --bytes e0 -m tcp --dport 80 -j DROP"), name);
    }
    for name in targets::TARGETS.iter().flat_map(|rows| rows.iter()).map(|known| known.name).chain(["TPROXY", "NEW"]) {
        bytes(&format!("-j {name} --revision 4 --bytes 00ff"), name);
        bytes(&format!("-p tcp -m tcp --dport 80 -j {name} --revision 0 --bytes 10"), name);
    }
    let both = "-m set --revision 4 --bytes 00 -m set --revision 4 --bytes 01 -j CT --revision 2 --bytes 02";
    assert_eq!(rule(IpFamily::V4, both).0.as_deref(), Some(both));
}

/// A line that cannot be a rule costs itself and one diagnostic.
#[test]
fn bad_rules_are_told() {
    for (line, why) in [
        ("-j", "-j lacks its value"),
        ("-j -m tcp", "-j lacks its value"),
        ("-m", "-m lacks its value"),
        ("-p tcp 80", "\"80\" belongs to no option"),
        ("--dport 80", "--dport belongs to no extension"),
        ("-p", "-p lacks its value"),
        ("-p nosuch", "\"nosuch\" is no protocol known here"),
        ("! -p all", "! -p all never holds"),
        ("-s example.org", "\"example.org\" is no IPv4 address"),
        ("-s fd00::1", "\"fd00::1\" is no IPv4 address"),
        ("-s 10.0.0.0/33", "\"10.0.0.0/33\" is no IPv4 address"),
        ("-s 10.0.0.1 -s 10.0.0.2", "-s is given twice"),
        ("-i a -i b", "-i is given twice"),
        ("! ! -i a", "! cannot stand before !"),
        ("! -j DROP", "! cannot stand before -j"),
        ("-p tcp !", "! cannot stand before nothing"),
        ("-j ACCEPT -j DROP", "-j is not the only target"),
        ("-j LOG -g USER", "-g is not the only target"),
        ("-m tcp -x 5", "-x is no option of a rule"),
        ("-m comment --comment \"open", "a quote does not end"),
        ("-c x y", "-c takes a number of packets and one of bytes"),
        ("-m mark --mark -j ACCEPT", "--mark lacks its value"),
    ] {
        assert_eq!(rule(IpFamily::V4, line), (None, vec![(DiagnosticKind::Damaged, why.to_owned())]), "{line}");
    }
}

fn said(dump: &Dump) -> Vec<(usize, DiagnosticKind, &str)> {
    dump.diagnostics.iter().map(|found| (found.line, found.kind, &*found.text)).collect()
}

#[test]
fn bad_lines_between_rules_are_told() {
    let text = "\
:INPUT ACCEPT [0:0]
*filter
:INPUT ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:FORWARD MAYBE [0:0]
: - [0:0]
:OTHER DROP [0:0]
:LAST - [0:0] 5

hello
-D INPUT 1
-A
-A -j DROP
[5] -A INPUT
[5:6]
-A MISSING -j DROP
-A MISSING -j DROP
-A INPUT -g NOWHERE
*filter
-A INPUT -j DROP
*nat
:PREROUTING ACCEPT [0:0]
";
    let dump = read(text, IpFamily::V4);
    let expected = [
        (1, "a chain outside of any table"),
        (4, "chain INPUT was there before"),
        (5, "\"MAYBE\" is no policy"),
        (6, "not a line such as :INPUT ACCEPT [0:0]"),
        (7, "OTHER has a policy, but is no built-in chain of filter"),
        (8, "not a line such as :INPUT ACCEPT [0:0]"),
        (10, "not a line of a dump: hello"),
        (11, "-D is no part of a dump"),
        (12, "-A lacks the name of a chain"),
        (13, "-A lacks the name of a chain"),
        (14, "not a line such as [0:0] -A INPUT -j ACCEPT"),
        (15, "not a line such as [0:0] -A INPUT -j ACCEPT"),
        (16, "chain MISSING has rules, but no line of its own"),
        (18, "-g NOWHERE: there is no such chain"),
        (19, "table filter does not end with COMMIT: it may be cut off"),
        (19, "table filter was there before; this one is left out"),
        (22, "the last table does not end with COMMIT: the dump may be cut off"),
    ];
    let expected: Vec<_> = expected.iter().map(|(line, text)| (*line, DiagnosticKind::Damaged, *text)).collect();
    assert_eq!(said(&dump), expected);
    assert_eq!(dump.ruleset.rule_count(), 3);
    assert_eq!(dump.ruleset.tables.len(), 2);
}

#[test]
fn what_a_dump_says_of_other_rules_is_told() {
    let text = "# Warning: iptables-legacy tables present, use iptables-legacy-save to see them\n\
                # Table `foo' is incompatible, use 'nft' tool.\n# Completed\n";
    let kinds: Vec<_> = read(text, IpFamily::V4).diagnostics.iter().map(|found| (found.line, found.kind)).collect();
    assert_eq!(kinds, [(1, DiagnosticKind::Elsewhere), (2, DiagnosticKind::Damaged)]);
}

#[test]
fn counters_are_kept_beside_the_rules() {
    let saved = "*filter\n:INPUT DROP [5:300]\n:USER - [0:0]\n[1:2] -A INPUT -j USER\n[0:0] -A USER\nCOMMIT\n";
    let dump = read(saved, IpFamily::V4);
    assert_eq!(dump.diagnostics, []);
    assert_eq!(print(&dump.ruleset, Some(&dump.observations), IpFamily::V4, Backend::IptablesNft), saved);
    assert_eq!(dump.observations.policies.len(), 1);
    let first = dump.ruleset.chains().next().map(|(chain, _)| RuleId { chain, index: 0 });
    assert_eq!(first.and_then(|id| dump.observations.rules.get(&id)), Some(&Counters { packets: 1, bytes: 2 }));

    let listed = "-P INPUT DROP -c 5 300\n-P FORWARD ACCEPT -c 0 0\n-N USER\n-A INPUT -c 1 2 -j USER\n-A USER -c 0 0\n";
    let listed = read(listed, IpFamily::V4);
    assert_eq!(listed.diagnostics, []);
    assert_eq!(
        listed.observations.rules,
        dump.observations
            .rules
            .iter()
            .map(|(id, seen)| {
                let chain = crate::host::ChainId { chain: if id.chain.chain == 1 { 2 } else { 0 }, ..id.chain };
                (RuleId { chain, ..*id }, *seen)
            })
            .collect()
    );
}

/// Excerpts without a table, jumps to chains that come later, families told by what stands in the rules.
#[test]
fn what_is_left_out_is_guessed_and_told() {
    let dump = parse("-A POSTROUTING -j MASQUERADE\n", &Options { family: None, backend: Backend::IptablesNft });
    assert_eq!(&*dump.ruleset.tables[0].name, "nat");
    assert_eq!(said(&dump).iter().map(|(line, ..)| *line).collect::<Vec<_>>(), [1]);

    let later = "-P INPUT ACCEPT\n-A INPUT -j LATER\n-A INPUT -g LATER\n-N LATER\n";
    let dump = read(later, IpFamily::V4);
    assert_eq!(dump.diagnostics, []);
    assert!(print(&dump.ruleset, None, IpFamily::V4, Backend::IptablesNft).contains("-A INPUT -g LATER\n"));
    assert!(matches!(
        &dump.ruleset.tables[0].chains[0].rules[0].body,
        crate::host::Body::Iptables(xt::Rule { target: xt::Target::Jump(1), .. })
    ));

    for (rule, family) in [
        ("-A INPUT -s fd00::/8 -j DROP", IpFamily::V6),
        ("-A INPUT -p ipv6-icmp -j ACCEPT", IpFamily::V6),
        ("-A INPUT -s 10.0.0.0/8 -j DROP", IpFamily::V4),
        ("-A INPUT -j DROP", IpFamily::V4),
    ] {
        let text = format!("*filter\n:INPUT ACCEPT [0:0]\n{rule}\nCOMMIT\n");
        let dump = parse(&text, &Options { family: None, backend: Backend::IptablesNft });
        assert_eq!((dump.family, dump.diagnostics.len()), (family, 0), "{rule}");
    }
}

#[test]
fn base_chains_know_their_hooks() {
    let dump = read("*mangle\n:OUTPUT DROP [0:0]\n:USER - [0:0]\nCOMMIT\n", IpFamily::V4);
    let base = dump.ruleset.tables[0].chains[0].base.as_ref().expect("OUTPUT is a base chain");
    assert_eq!(
        (base.kind, base.hook, base.priority, base.policy),
        (
            crate::host::ChainType::Route,
            crate::host::Hook::Output,
            crate::host::Priority::MANGLE,
            crate::host::Policy::Drop
        )
    );
    assert_eq!(dump.ruleset.tables[0].chains[1].base, None);
}

/// 300,000 rules have to fit: what is large is boxed.
#[test]
fn rules_are_compact() {
    assert!(size_of::<xt::Match>() <= 40);
    assert!(size_of::<xt::Target>() <= 16);
    assert!(size_of::<xt::Rule>() <= 32);
    assert!(size_of::<crate::host::Rule>() <= 48);
}

/// iptables looks for a target of a name before it looks for a chain.
#[test]
fn a_chain_with_the_name_of_a_target_is_not_meant() {
    let rule = "-A PREROUTING -p tcp -j DNAT --to-destination 10.0.0.2:80\n";
    let chains = ":PREROUTING ACCEPT [0:0]\n:DNAT - [0:0]\n";
    let options = Options { family: Some(IpFamily::V4), backend: Backend::IptablesNft };
    for text in [
        format!("*nat\n{chains}{rule}COMMIT\n"),
        format!("*nat\n:PREROUTING ACCEPT [0:0]\n{rule}:DNAT - [0:0]\nCOMMIT\n"),
    ] {
        let dump = parse(&text, &options);
        assert_eq!(dump.diagnostics, [], "{text}");
        assert!(print(&dump.ruleset, None, IpFamily::V4, Backend::IptablesNft).contains(rule), "{text}");
    }
}

/// A text of several words that nobody put in quotes is one word, also where the rest of it is not understood.
#[test]
fn a_text_without_quotes_is_one_word_wherever_it_stands() {
    let (text, said) = rule(IpFamily::V4, "-j NFLOG --nflog-prefix a) b c --unheard-of");
    assert_eq!(text.as_deref(), Some("-j NFLOG --nflog-prefix \"a) b c\" --unheard-of"), "{said:?}");
    assert_eq!(rule(IpFamily::V4, "-j NFLOG --nflog-prefix \"a) b c\" --unheard-of").0, text);
}
