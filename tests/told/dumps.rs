//! What a dump of rules can answer, where nobody has read who listens.

use super::{assert_has, assert_has_not, input, told};

const UFW: &str = include_str!("../data/programs/ufw.iptables-save");
const DOCKER: &str = include_str!("docker.save");

#[test]
fn what_rules_let_through_is_told_apart_from_what_cannot_be_known() {
    let text = told("trace 22", &input("DROP", &["-p tcp --dport 22 -j ACCEPT"]));
    assert_has(&text, "depends: let through; who listens was not read Rule 1 of filter INPUT lets it through;");
    let text = told("trace 22", &input("ACCEPT", &[]));
    assert_has(&text, "let through; who listens was not read No rule stands in its way;");
    let text = told("trace 22", &input("DROP", &["-s 10.0.0.0/8 -p tcp --dport 22 -j ACCEPT"]));
    assert_has(&text, "depends: let through if src in 10.0.0.0/8, else blocked It depends:");
    assert_has(
        &text,
        "no rule of filter INPUT lets it pass, and the policy there is drop, but if src in 10.0.0.0/8, it is let",
    );
}

#[test]
fn the_ports_that_rules_let_through_are_listed() {
    let text = told("ports", UFW);
    assert_has(&text, "No rule sends a port elsewhere; which sockets listen was not read.");
    assert_has(&text, "through to these ports of this host, whoever listens there: tcp: 22; some packets to");
    assert_has_not(&text, "No socket listens");
    assert_has(&told("ports", DOCKER), "through to these other ports of this host, whoever listens there: tcp: none");
    let text = told("ports", &input("ACCEPT", &["-p tcp --dport 135:139 -j DROP", "-p udp --dport 53 -j LOG"]));
    assert_has(&text, "tcp: all but 135–139 udp: all");
    let some = input("ACCEPT", &["-p tcp -s 10.0.0.0/8 -j DROP", "-p udp -s 10.0.0.0/8 --dport 53 -j DROP"]);
    assert_has(&told("ports", &some), "tcp: some packets to any port udp: all, but only some packets to 53");
}

#[test]
fn what_takes_many_words_is_left_to_the_outcomes() {
    let set = |number: u32| format!("-m set --match-set set-of-addresses-number-{number} src");
    let rules = format!(
        "*filter\n:INPUT ACCEPT [0:0]\n:A - [0:0]\n:B - [0:0]\n-A INPUT -s 10.0.0.1 -j REJECT\n-A INPUT {} -j A\n-A A {} -j B\n\
         -A B {} -j DROP\n-A B -j REJECT\nCOMMIT\n",
        set(1),
        set(2),
        set(3)
    );
    let text = told("trace 22", &rules);
    assert_has(&text, "in some cases it is let through (who listens was not read); in others rule 2 of filter INPUT");
    assert_has(&text, "It depends: if src is 10.0.0.1, rule 1 of filter INPUT rejects everything from 10.0.0.1");
    assert_has(&text, "assumed “-m set --match-set set-of-addresses-number-3 src” of rule 1 of filter B");
}

#[test]
fn each_reason_for_which_nobody_can_tell_is_told() {
    let rules =
        "table ip t {\nchain i {\ntype filter hook input priority 0\nip saddr 10.0.0.1 socket wildcat 1 accept\n}\n}\n";
    let text = told("trace 22", rules);
    assert_has(
        &text,
        "it is let through (who listens was not read); else rule 1 of t i has a target that whyport does not understand.",
    );
    assert_has_not(&text, "No rule stands in its way");
}

#[test]
fn a_port_that_some_get_says_who() {
    let host = include_str!("host.snapshot")
        .replace("RULES", &input("DROP", &["-s 203.0.113.0/28 -p tcp --dport 22 -j ACCEPT"]));
    assert_has(&told("ports", &host), "outside by eth0: depends, sshd (1) if src in 203.0.113.0/28, else blocked");
    assert_has(&told("trace 22", &host), "depends: sshd (1) if src in 203.0.113.0/28, else blocked");
}

#[test]
fn what_is_not_decided_is_told_with_its_values() {
    let told = |rules: &[&str]| told("trace 22", &input("ACCEPT", rules));
    let recent = told(&["-p tcp -m recent --update --seconds 30 --hitcount 6 -j DROP"]);
    assert_has(
        &recent,
        "let through, but blocked if “-m recent --update --seconds 30 --hitcount 6 --name DEFAULT” holds",
    );
    let time = told(&["-m time --timestart 08:00 --timestop 18:00 -j DROP"]);
    assert_has(&time, "blocked if “-m time --timestart 08:00 --timestop 18:00” holds, else let through");
    let native = |policy: &str, rule: &str| {
        let dump =
            format!("table ip t {{\nchain i {{\ntype filter hook input priority 0; policy {policy};\n{rule}\n}}\n}}\n");
        super::told("trace 22", &dump)
    };
    assert_has(
        &native("drop", "tcp dport 22 limit rate 10/minute accept"),
        "if “limit rate 10/minute” holds, else blocked",
    );
    assert_has(&native("drop", "ct bytes > 1000 accept"), "let through if “ct bytes > 1000” holds, else blocked");
    // The kernel asks it in two.
    assert_has(
        &native("drop", "meta hour \"08:00\"-\"18:00\" accept"),
        "if “meta hour \"08:00\"-\"18:00\"” holds, else",
    );
    assert_has(
        &native("drop", "socket wildcat 1 accept"),
        "if “socket wildcat 1 accept” of rule 1 of t i lets it go on",
    );
    assert_has(&told(&["-p tcp -m limit --limit 3/min -j DROP"]), "blocked if “-m limit --limit 3/min” holds");
    assert_has(&native("accept", "quota over 5000 bytes drop"), "blocked if “quota over 5000 bytes” holds");
}

#[test]
fn a_map_of_verdicts_says_what_it_gave_and_for_what() {
    // Without blanks, as people write it and nft takes it.
    let rules = "table inet fw {\nmap svc {\ntype inet_service : verdict\nelements = { 22:jump ssh, 80: accept,81 :drop }\n}\n\
                 chain ssh {\ncounter packets 0 bytes 0 reject\n}\nchain in {\ntype filter hook input priority 0; policy \
                 drop;\niifname . tcp dport vmap {\"eth0\" . 443:drop}\ntcp dport vmap @svc\n}\n}\n";
    let text = told("trace 22 --origin eth0", rules);
    assert_has(&text, "2 tcp dport vmap @svc => jump ssh: the packet goes to port 22 1 counter reject");
    assert_has(&told("trace 80 --origin eth0", rules), "=> accept: the packet goes to port 80");
    assert_has(&told("trace 443 --origin eth0", rules), "=> drop: the packet comes in by eth0 and goes to port 443");
    let json = told("trace 22 --origin eth0 --json", rules);
    assert_has(&json, "\"answers\": [ { \"origin\": \"outside:eth0\", \"family\": \"ip\", \"verdict\": \"blocked\"");
    assert_has(
        &json,
        "\"because\": \"Rule 2 of fw in sends it to ssh, whose rule 1 rejects it with port-unreachable.\"",
    );
}

#[test]
fn nobody_gets_it_by_this_rule_or_that() {
    let rules =
        "table ip t {\nchain i {\ntype filter hook input priority 0; policy drop;\nct count over 10 drop\n}\n}\n";
    assert_has(
        &told("trace 22", rules),
        "Nobody gets it: if “ct count over 10” of rule 1 of t i holds (it depends on what cannot be seen), rule 1 of t i \
         drops it; else no rule of t i lets it pass, and the policy there is drop.",
    );
    let mostly = told("trace 22", &input("DROP", &["-s 10.0.0.8 -j DROP"]));
    assert_has(&mostly, "blocked: nobody No rule of filter INPUT lets it pass, and the policy there is drop.");
}

/// `nft -j` names a target of iptables and leaves out what it says.
const UNTOLD: &str = include_str!("../data/json/untold.json");

#[test]
fn what_a_dump_leaves_out_may_answer_a_port() {
    let text = told("ports", UNTOLD);
    assert_has(&text, "depends tcp 80");
    assert_has_not(&text, "No rule sends a port elsewhere");
    assert_has(&told("trace 80", UNTOLD), "has a target that whyport does not understand");
    // What has the last word behind routing sends nothing elsewhere.
    let late = UNTOLD.replace("prerouting", "input").replace("PREROUTING", "INPUT").replace("-100", "100");
    assert_has(&told("ports", &late), "No rule sends a port elsewhere");
}

/// Of a packet "from outside" a dump tells no device: what rules make an exception for is a network within.
#[test]
fn what_comes_from_outside_is_likelier_than_what_comes_out_of_a_network_within() {
    let rules = [
        "*nat\n:PREROUTING ACCEPT [0:0]\n:DOCKER - [0:0]\n-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER\n\
         -A DOCKER ! -i br1 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.0.0.2:80\nCOMMIT\n\
         *filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD -o br1 -j ACCEPT\n-A FORWARD -o br2 -j ACCEPT\nCOMMIT\n",
        "table ip nat {\nchain pre {\ntype nat hook prerouting priority -100\n\
         iifname != \"br1\" tcp dport 8080 dnat to 10.0.0.2:80\n}\n}\n\
         table ip f {\nchain f {\ntype filter hook forward priority 0\noifname \"br1\" accept\noifname \"br2\" accept\n}\n}\n",
    ];
    for rules in rules {
        let text = told("trace 8080", rules);
        let first = text.split("outcome 2").next().expect("an outcome");
        assert_has(first, "destination becomes 10.0.0.2:80");
        assert_has(&text, "when iif is br1");
    }
    // A device that rules name is no exception.
    let named = "*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -i eth0 -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.0.0.2\nCOMMIT\n";
    let text = told("trace 80", named);
    assert_has(text.split("outcome 2").next().expect("an outcome"), "when iif is eth0");
}

/// A dump has no routes, but rules about a network name the bridge by which it lies.
#[test]
fn a_network_likelier_lies_where_rules_let_it_be_seen() {
    let filter = "*filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD -o docker0 -j DROP\n-A FORWARD -o br1 -j ACCEPT\nCOMMIT\n";
    let nat = "*nat\n:PREROUTING ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n\
        -A PREROUTING ! -i br1 -p tcp --dport 8080 -j DNAT --to-destination 10.0.0.2:80\n";
    let seen = format!("{nat}-A POSTROUTING -s 10.0.0.0/24 ! -o br1 -j MASQUERADE\nCOMMIT\n{filter}");
    let text = told("trace 8080", &seen);
    assert_has(text.split("outcome 2").next().expect("an outcome"), "10.0.0.2: out by br1");
    // What lies elsewhere too is likelier there alone.
    let nearer =
        seen.replace("COMMIT\n*filter", "-A POSTROUTING -s 10.0.0.2/32 ! -o docker0 -j MASQUERADE\nCOMMIT\n*filter");
    let text = told("trace 8080", &nearer);
    assert_has(text.split("outcome 2").next().expect("an outcome"), "10.0.0.2: out by docker0");
}

/// What befalls most packets comes before what befalls some.
#[test]
fn several_exceptions_come_after_what_they_are_from() {
    let rules = "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -s 10.0.0.1 -p tcp --dport 22 -j DROP\n\
        -A INPUT -s 10.0.0.2 -j REJECT\nCOMMIT\n";
    let text = told("trace 22", rules);
    assert_has(
        &text,
        "It depends: it is let through (who listens was not read), but if src is 10.0.0.1, rule 1 of filter INPUT drops",
    );
    assert_has(&text, "; if src is 10.0.0.2, rule 2 of filter INPUT rejects");
}
