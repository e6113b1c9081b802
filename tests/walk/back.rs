//! What `trace` says of the answer to a packet that got to somebody: nothing where it comes back.

use serde_json::Value;
use whyport::explain::{self, Answer, From, Target};
use whyport::host::{Host, IpFamily, Protocol};
use whyport::report::{self, Style};
use whyport::walk::{Origin, Turn, Walker};

use crate::FILTER;
use crate::way::host;

/// What is said of a port, as text and as JSON.
fn said(host: &Host, port: u16, turn: Turn) -> (String, Value) {
    let target = Target { protocol: Protocol::TCP, addr: None, port: Some(port), socket: None };
    let from = From::Outside("eth0".into());
    let mut query = explain::queries(host, 0, &target, &from, IpFamily::V4).remove(0);
    query.turn = turn;
    assert_eq!(query.origin, Origin::Device("eth0".into()));
    let walker = Walker::new(host, 0);
    let walk = walker.walk(&query);
    let replies = explain::replies(&query, &walk, &walker);
    let answers = [Answer { replies, ..explain::judge(host, &target, from, walk) }];
    let json = report::trace_json(host, 0, "outside", &answers);
    let style = Style { colour: false, width: 200 };
    (report::trace::trace(host, 0, &answers, style), serde_json::from_str(&json).unwrap())
}

fn lines(text: &str, of: &str) -> Vec<String> {
    text.lines().filter(|line| line.contains(of)).map(str::to_owned).collect()
}

/// Of each outcome of the JSON: whether its answers arrive.
fn arrive(json: &Value) -> Vec<Vec<Value>> {
    let outcomes = json["outcomes"].as_array().unwrap().iter();
    outcomes
        .map(|one| one["replies"].as_array().unwrap().iter().map(|reply| reply["arrives"].clone()).collect())
        .collect()
}

#[test]
fn an_answer_that_a_rule_drops_is_told() {
    let rules = format!("{FILTER}-A OUTPUT -p tcp -m tcp --sport 22 -j DROP\nCOMMIT\n");
    let (text, json) = said(&host(&rules), 22, Turn::First);
    assert!(text.contains("The answer is lost on its way back: rule 1 of filter OUTPUT drops it."), "{text}");
    assert_eq!(lines(&text, "answer lost"), ["answer lost: rule 1 of filter OUTPUT drops it"]);
    let [answers, of_refused] = &arrive(&json)[..] else { panic!("{json}") };
    assert!(!answers.is_empty() && answers.iter().all(|arrives| arrives == false), "{json}");
    assert_eq!(*of_refused, [] as [Value; 0], "nobody answers what routing refuses");
    let by = &json["outcomes"][0]["replies"][0]["fate"]["by"];
    assert_eq!(by["rule"]["text"], "-A OUTPUT -p tcp -m tcp --sport 22 -j DROP");
}

#[test]
fn an_answer_that_comes_back_is_no_news() {
    let (text, json) = said(&host(&format!("{FILTER}COMMIT\n")), 22, Turn::First);
    assert_eq!(lines(&text, "answer"), [] as [String; 0]);
    let arrived = arrive(&json).remove(0);
    assert_eq!(
        arrived,
        [Value::Bool(true), Value::Null, Value::Bool(true)],
        "br0's network is answered by br0: {json}"
    );
    let (text, json) = said(&host(&format!("{FILTER}-A INPUT -p tcp -j DROP\nCOMMIT\n")), 22, Turn::First);
    assert_eq!(lines(&text, "answer"), [] as [String; 0]);
    assert_eq!(arrive(&json)[0], [] as [Value; 0], "what is dropped has no answer");
}

#[test]
fn where_only_some_answers_are_lost_it_is_told_which() {
    let rules = "*filter\n:INPUT ACCEPT [0:0]\n:OUTPUT DROP [0:0]\n-A OUTPUT -d 192.168.1.0/25 -j ACCEPT\nCOMMIT\n";
    let (text, json) = said(&host(rules), 22, Turn::First);
    let sentence =
        "If src not in 192.168.1.0/25, the answer is lost on its way back: no rule of filter OUTPUT lets it pass";
    assert!(text.contains(sentence), "{text}");
    let told = lines(&text, "answer lost");
    assert!(
        told.len() == 1 && told[0].starts_with("answer lost when src ") && told[0].contains("192.168.1.0/25"),
        "{told:?}"
    );
    assert!(arrive(&json)[0].contains(&Value::Bool(true)) && arrive(&json)[0].contains(&Value::Bool(false)));
}

/// The answer goes out by eth0, and who had asked by eth0 sees another address in it.
#[test]
fn an_answer_from_whom_nobody_asked_is_lost() {
    let rules = "*raw\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n-A PREROUTING -i br0 -j CT --notrack\nCOMMIT\n\
                 *nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -i eth0 -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.0.0.9\nCOMMIT\n";
    let (text, _) = said(&host(rules), 80, Turn::First);
    assert!(
        text.contains("The answer is lost on its way back: it comes from 10.0.0.9:80, which was not asked."),
        "{text}"
    );
}

#[test]
fn the_answer_itself_can_be_followed() {
    let rules = format!("{FILTER}-A INPUT -s 10.9.0.0/16 -j DROP\nCOMMIT\n");
    let (text, _) = said(&host(&rules), 22, Turn::Reply);
    assert!(text.starts_with("the answer to tcp/22 to 192.168.1.2, IPv4, arrives by eth0"), "{text}");
    assert!(text.contains("\nThe answer comes back to who asked."), "{text}");
    assert!(text.contains("\nis made here, from 192.168.1.2:22"), "{text}");
    assert!(text.contains("\nnobody answers; what was sent:\nenters by eth0"), "{text}");
    let rules = format!("{FILTER}-A INPUT -j DROP\nCOMMIT\n");
    let (text, _) = said(&host(&rules), 22, Turn::Reply);
    assert!(text.contains("\nNobody answers: the packet gets to nobody."), "{text}");
}
