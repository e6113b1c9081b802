//! Conditions: joined where they belong together, told by what was asked, and exact.

use super::{assert_has, assert_has_not, input, told};

const DOCKER: &str = include_str!("docker.save");

#[test]
fn cases_that_cover_everything_leave_no_else_but_the_last() {
    let text = told("trace 8080", DOCKER);
    let sentence = "It depends: if iif is br-app or docker0, no rule of filter INPUT lets it pass, and the policy there is \
                    drop; if iif is eth0 and src in 198.51.100.0/24, rule 1 of filter";
    assert_has(&text, sentence);
    assert_has(
        &text,
        "if iif is none of br-app and docker0 and it leaves by docker0, unless iif is eth0 and src in 198.51.100.0/24, it \
         goes to 172.17.0.2:80; else no rule of filter FORWARD lets it pass, and the policy there is drop.",
    );
    assert_has(&text, "when iif is none of br-app and docker0 unless iif is eth0 and src in 198.51.100.0/24 assumed");
}

#[test]
fn a_partition_of_the_devices_is_no_condition() {
    let text = told("trace 3005", DOCKER);
    assert_has(&text, "if iif is br-app or docker0 and src is not 203.0.113.8, no rule of filter INPUT");
    assert_has_not(&text, "other case");
    let everywhere = input("DROP", &["-i eth0 -s 10.0.0.8 -j ACCEPT", "-i eth1 -j LOG", "-s 10.0.0.8 -j ACCEPT"]);
    assert_has(&told("trace 22", &everywhere), "the policy there is drop, but if src is 10.0.0.8, it is");
}

#[test]
fn names_with_a_plus_have_all_that_start_alike() {
    for rules in [["-i la+ -j ACCEPT", "-i lan -j ACCEPT"], ["-i la+ -j DROP", "! -i lan -j ACCEPT"]] {
        let text = told("trace 22", &input("DROP", &rules));
        assert_has(&text, "It depends: if iif is la+,");
        assert_has(&text, "when iif is la+");
        assert_has(&text, "when iif is not la+");
    }
    let text = told("trace 22", &input("DROP", &["-i lan -j ACCEPT", "-i la+ -j DROP", "-j ACCEPT"]));
    assert_has(&text, "when iif is la+ except lan");
}

#[test]
fn values_are_told_as_they_were_asked_for() {
    let set = "table ip t {\nset bl {\ntype ipv4_addr\nflags interval\nelements = { 10.1.1.128-10.1.1.199, \
               10.1.1.201-10.1.1.255 }\n}\nchain i {\ntype filter hook input priority 0; policy accept;\nip saddr @bl \
               drop\n}\n}\n";
    let text = told("trace 22 --src 10.1.1.0/24", set);
    assert_has(&text, "when src in 10.1.1.128/25 except 10.1.1.200 ");
    assert_has(&text, "when src in 10.1.1.0/25 or 10.1.1.200 ");
    let text = told("trace 22 --mark 0-255", &input("ACCEPT", &["-m mark --mark 0x1/0x1 -j DROP"]));
    assert_has(&text, "if mark is 0x1/0x1, rule 1 of filter INPUT drops it;");
    assert_has(&text, "when mark is 0x0/0x1 ");
    let text = told("trace 22", &input("ACCEPT", &["-m ttl --ttl-gt 60 -j DROP"]));
    assert_has(&text, "when ttl > 60 ");
    assert_has(&text, "when ttl 0–60 ");
}

#[test]
fn alternatives_of_several_parts_stand_in_brackets() {
    let rules =
        ["-s 10.0.0.0/8 -p tcp --sport 7000:7010 -j ACCEPT", "-s 192.168.0.0/16 -p tcp --sport 8000:8010 -j ACCEPT"];
    assert_has(
        &told("trace 22", &input("DROP", &rules)),
        "if (src in 10.0.0.0/8 and sport 7000–7010) or (src in 192.168.0.0/16 and sport 8000–8010), ",
    );
}
