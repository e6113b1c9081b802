//! Who decides, and what becomes of answers: rules are named where they are found, conditions where there are some.

use super::{assert_has, assert_has_not, told};

const HOST: &str = include_str!("host.snapshot");

/// The host with these rules, and another route.
fn host(rules: &str, route: &str) -> String {
    HOST.replace("RULES", rules).replacen("{\"dst\":\"10.0.0.0/24\"", &format!("{route}\n{{\"dst\":\"10.0.0.0/24\""), 1)
}

#[test]
fn chains_between_the_first_rule_and_the_one_that_decides_are_named() {
    let rules = "*filter\n:INPUT ACCEPT [0:0]\n:before - [0:0]\n:user - [0:0]\n:limit - [0:0]\n-A INPUT -j before\n-A before -j \
                 user\n-A user -p udp -j RETURN\n-A user -p tcp -m tcp --dport 22 -j limit\n-A limit -j REJECT\nCOMMIT\n";
    assert_has(
        &told("trace 22", rules),
        "Rule 1 of filter INPUT sends tcp 22 through before and user to limit, whose rule 1 rejects it",
    );
    let direct = rules.replace("-A INPUT -j before", "-A INPUT -p tcp -j limit");
    assert_has(&told("trace 22", &direct), "Rule 1 of filter INPUT sends all tcp to limit, whose rule 1 rejects it");
}

#[test]
fn answers_that_only_some_lose_are_told_with_their_condition() {
    let lost = "*raw\n:OUTPUT ACCEPT [0:0]\n-A OUTPUT -p tcp --dport 7004:7010 -j DROP\nCOMMIT\n";
    let hole = "{\"type\":\"blackhole\",\"dst\":\"203.0.113.0/26\"},";
    let text = told("trace 22", &host(lost, ""));
    assert_has(
        &text,
        "If sport 7004–7010, the answer is lost on its way back: rule 1 of raw OUTPUT drops tcp 7004–7010.",
    );
    assert_has_not(&text, "some answers");
    let text = told("trace 22 --src 203.0.113.0/25", &host("", hole));
    assert_has(
        &text,
        "If src in 203.0.113.0/26, the answer is lost on its way back: the route to who asked is a blackhole",
    );
    assert_has(&text, "answer lost when src in 203.0.113.0/26: the route to who asked is a blackhole");
    assert_has_not(&text, "an address that cannot be told");
}

#[test]
fn a_condition_of_an_answer_says_only_what_its_outcome_does_not() {
    let rules = "*raw\n:OUTPUT ACCEPT [0:0]\n-A OUTPUT -d 198.51.100.7 -j DROP\nCOMMIT\n*filter\n:INPUT DROP [0:0]\n-A INPUT -s \
                 198.51.100.0/24 -j ACCEPT\nCOMMIT\n";
    let text = told("trace 22", &host(rules, ""));
    assert_has(&text, "If src is 198.51.100.7, the answer is lost");
    let others = rules.replace("-A OUTPUT -d", "-A OUTPUT ! -d");
    assert_has(&told("trace 22", &host(&others, "")), "answer lost when src is not 198.51.100.7: ");
}

#[test]
fn who_may_answer_is_told_even_where_the_conditions_take_too_many_words() {
    let rules = "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -p tcp --dport 22 -m connlimit --connlimit-above 10 -j REJECT\n-A INPUT -p \
                 tcp --dport 22 -s 10.1.0.0/16 -j DROP\n-A INPUT -p tcp --dport 22 -m limit --limit 2/min -j ACCEPT\n-A INPUT -p \
                 tcp --dport 22 -s 10.77.0.0/24 -m hashlimit --hashlimit-above 5/sec --hashlimit-name x -j DROP\nCOMMIT\n";
    let text = told("trace 22", &host(rules, ""));
    assert_has(&text, "depends: sshd (1) or blocked It depends:");
    assert_has_not(&text, "not known");
}
