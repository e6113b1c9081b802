//! Lists of the unwanted: however many addresses rules refuse, an answer is about the others, and says so in one sentence.

use std::time::{Duration, Instant};

use super::{assert_has, assert_has_not, input, told};

const HOST: &str = include_str!("host.snapshot");
const SSHD: &str = "tcp LISTEN 0 0 0.0.0.0:22 0.0.0.0:* users:((\"sshd\",pid=1,fd=0)) ino:11";

/// So many addresses, none beside another.
fn addresses(many: u32) -> impl Iterator<Item = String> {
    (0..many).map(|at| format!("45.{}.{}.{}", at % 251, at / 251 % 251, 1 + at % 2 * 7))
}

/// As fail2ban has it: a chain for a port, with a rule for each address.
fn banned(many: u32, verdicts: &[&str]) -> String {
    let rule = |(at, addr): (usize, String)| format!("-A f2b -s {addr}/32 {}\n", verdicts[at % verdicts.len()]);
    let rules: String = addresses(many).enumerate().map(rule).collect();
    format!(
        "*filter\n:INPUT DROP [0:0]\n:f2b - [0:0]\n-A INPUT -p tcp --dport 22 -j f2b\n-A INPUT -p tcp --dport 22 -j \
         ACCEPT\n{rules}-A f2b -j RETURN\nCOMMIT"
    )
}

fn on_host(rules: &str) -> String {
    HOST.replace("RULES", rules)
}

#[test]
fn who_is_not_on_the_list_gets_an_answer_and_the_others_are_counted() {
    let sentence = "sshd (1) gets this packet: rule 2 of filter INPUT accepts it. But if src is one of 300 addresses, rules of \
                    filter f2b";
    for (verdicts, does) in [
        (&["-j REJECT"][..], "reject it."),
        (&["-j DROP"], "drop it."),
        (&["-j REJECT", "-j DROP", "-p tcp -j REJECT --reject-with tcp-reset"], "drop or reject it."),
    ] {
        let text = told("trace 22", &on_host(&banned(300, verdicts)));
        assert_has(&text, "reached: sshd (1)");
        assert_has(&text, &format!("{sentence} {does}"));
        assert_has(&text, "outcome 2 of 302, and 299 more that differ by the rule that refuses them");
        assert_has_not(&text, "not followed");
        assert_has_not(&text, "not known");
    }
    let ports = told("ports", &on_host(&banned(300, &["-j REJECT"])));
    assert_has(&ports, "reached tcp 22 0.0.0.0 sshd 1");
}

#[test]
fn few_addresses_are_named() {
    let text = told("trace 22", &on_host(&banned(2, &["-j DROP"])));
    assert_has(
        &text,
        "accepts it. But if src is 45.0.0.1, rule 1 of filter INPUT sends tcp 22 to f2b, whose rule 1 drops",
    );
    let text = told("trace 22", &on_host(&banned(3, &["-j DROP"])));
    assert_has(&text, "But if src in 45.0.0.1, 45.1.0.8 or 45.2.0.1, rules of filter f2b drop it.");
}

#[test]
fn native_rules_are_a_list_too() {
    let rules: String = addresses(40).map(|addr| format!("ip saddr {addr} drop\n")).collect();
    let native = format!(
        "table inet f {{\nchain bans {{\n{rules}}}\nchain i {{\ntype filter hook input priority 0; policy drop;\ntcp dport 22 \
         jump bans\ntcp dport 22 accept\n}}\n}}"
    );
    let text = told(
        "trace 22",
        &HOST.replace("RULES\n", "").replace("[nft list ruleset]\n", &format!("[nft list ruleset]\n{native}\n")),
    );
    assert_has(&text, "reached: sshd (1)");
    assert_has(&text, "But if src is one of 40 addresses, rules of f bans drop it.");
}

#[test]
fn what_diverts_is_named_before_those_that_are_refused() {
    let rules = "*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p tcp --dport 22 -j DNAT --to-destination 10.0.0.7:80\nCOMMIT\n\
                 *filter\n:FORWARD ACCEPT [0:0]\n:USER - [0:0]\n-A FORWARD -j USER\n-A USER -s SOURCE -j DROP\nCOMMIT";
    let diverts = "sshd (1) never gets this packet. Rule 1 of nat PREROUTING turns tcp 22 to 10.0.0.7:80 before a socket is looked up.";
    let one = told("trace 22", &on_host(&rules.replace("SOURCE", "192.168.1.66")));
    assert_has(&one, "diverted: 10.0.0.7:80");
    assert_has(
        &one,
        &format!("{diverts} But if src is 192.168.1.66, rule 1 of filter FORWARD sends everything to USER, whose"),
    );
    // Those of a whole network are some of whom an answer is told.
    let many = told("trace 22", &on_host(&rules.replace("SOURCE", "45.0.0.0/8")));
    assert_has(&many, "depends: 10.0.0.7:80, but blocked if src in 45.0.0.0/8");
    assert_has(&many, &format!("{diverts} But if src in 45.0.0.0/8, rule 1 of filter FORWARD"));
}

#[test]
fn a_neighbour_more_or_less_is_no_small_part_of_a_small_network() {
    let near =
        |length: u8| told("trace 22", &on_host(&input("ACCEPT", &[&format!("-s 192.168.1.64/{length} -j DROP")])));
    assert_has(&near(30), "reached: sshd (1)");
    assert_has(&near(26), "depends: sshd (1), but blocked if src in 192.168.1.64/26");
    let other = on_host(&input("DROP", &["-s 45.0.0.1 -j ACCEPT"]));
    assert_has(&told("trace 22", &other), "depends: sshd (1) if src is 45.0.0.1, else blocked");
}

#[test]
fn ten_thousand_addresses_are_followed() {
    let begun = Instant::now();
    let text = told("trace 22", &on_host(&banned(10_000, &["-j DROP"])));
    assert_has(&text, "But if src is one of 10,000 addresses, rules of filter f2b drop it.");
    assert_has(&text, "outcome 10002 of 10002");
    assert_has_not(&text, "not followed");
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
}

#[test]
fn a_socket_that_hears_this_host_only_is_told_so() {
    let local = format!("{SSHD}\ntcp LISTEN 0 0 127.0.0.1:6379 0.0.0.0:* users:((\"redis\",pid=5,fd=0)) ino:15");
    let host = on_host("").replace(SSHD, &local);
    let text = told("trace 6379 --origin local", &host);
    assert_has(&text, "no rule stands in its way. It listens on 127.0.0.1 only: nobody outside gets there.");
    assert_has_not(&told("trace 22 --origin local", &host), "only");
    let localnet =
        host.replace("net.ipv4.ip_forward = 1", "net.ipv4.conf.eth0.route_localnet = 1\nnet.ipv4.ip_forward = 1");
    assert_has_not(&told("trace 6379 --origin local", &localnet), "nobody outside");
}

#[test]
fn an_address_that_is_left_out_of_the_local_ones_is_told() {
    let rules = "*nat\n:OUTPUT ACCEPT [0:0]\n:DOCKER - [0:0]\n-A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER\n\
                 -A DOCKER -p tcp --dport 22 -j DNAT --to-destination 10.0.0.7:80\nCOMMIT";
    let text = told("trace 22 --origin local --dst 192.168.1.2", &on_host(rules));
    assert_has(&text, "Rule 1 of nat OUTPUT sends everything for any local address but 127.0.0.0/8 to DOCKER, whose");
}

#[test]
fn a_chain_that_was_gone_to_ends_with_the_one_that_it_came_from() {
    let native = "table inet fw {\nchain apps {\ntcp dport 80 drop\n}\nchain more {\ntcp dport 22 goto apps\n}\nchain input {\ntype \
                  filter hook input priority 0; policy accept;\nGOES\n}\n}";
    let on_host = |goes: &str| {
        let native = native.replace("GOES", goes);
        let host = HOST.replace("RULES\n", "");
        told("trace 22", &host.replace("[nft list ruleset]\n", &format!("[nft list ruleset]\n{native}\n")))
    };
    let straight = on_host("tcp dport 22 goto apps");
    assert_has(&straight, "end of apps, and of fw input policy accept");
    assert_eq!(straight.matches("fw input inet").count(), 1, "{straight}");
    assert_has(
        &on_host("tcp dport 22 jump more\nct state new accept"),
        "end of apps, and of more, returns 2 ct state new accept",
    );
    assert_has(&on_host("tcp dport 22 jump apps"), "end of apps, returns policy accept");
}
