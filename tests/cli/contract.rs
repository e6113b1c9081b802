//! The contract of the JSON, written down a second time: what is missing, of another kind or unknown is a failure.

use serde_json::Value;

fn object<'a>(value: &'a Value, keys: &[&str]) -> &'a serde_json::Map<String, Value> {
    let object = value.as_object().unwrap_or_else(|| panic!("no object: {value}"));
    for key in keys {
        assert!(object.contains_key(*key), "no {key} in {value}");
    }
    object
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap_or_else(|| panic!("no list: {value}"))
}

fn text_or_null(value: &Value) {
    assert!(value.is_null() || value.is_string(), "{value}");
}

fn port_or_null(value: &Value) {
    assert!(value.is_null() || value.as_u64().is_some_and(|port| port <= 65535), "{value}");
}

fn one_of(value: &Value, known: &str) {
    let text = value.as_str().unwrap_or_else(|| panic!("no text: {value}"));
    assert!(known.split(' ').any(|name| name == text), "{text} is none of {known}");
}

fn endpoints(value: &Value) {
    let ends = object(value, &["src", "sport", "dst", "dport"]);
    text_or_null(&ends["src"]);
    text_or_null(&ends["dst"]);
    port_or_null(&ends["sport"]);
    port_or_null(&ends["dport"]);
}

fn unread(value: &Value) {
    for entry in list(value) {
        let entry = object(entry, &["what", "ns", "needs"]);
        assert!(entry.iter().all(|(key, value)| if key == "torn" { value == true } else { value.is_string() }));
    }
}

fn socket(value: &Value) {
    if value.is_null() {
        return;
    }
    let socket = object(value, &["inode", "uid", "processes", "netns"]);
    for process in list(&socket["processes"]) {
        let process = object(process, &["pid", "name"]);
        assert!(process["pid"].is_u64() && process["name"].is_string());
    }
}

fn step(value: &Value) {
    let step =
        object(value, &["pass", "ns", "hook", "priority", "backend", "family", "table", "chain", "rule", "verdict"]);
    one_of(&step["hook"], "ingress prerouting input forward output postrouting egress");
    one_of(&step["backend"], "nft iptables-nft iptables-legacy");
    one_of(&step["family"], "ip ip6 inet arp bridge netdev");
    assert!(step["priority"].is_i64() && step["pass"].as_u64().is_some_and(|pass| pass >= 1));
    let verdict = object(&step["verdict"], &["kind"]);
    one_of(
        &verdict["kind"],
        "accept drop reject return continue jump goto queue stolen policy dnat snat masquerade redirect netmap \
         tproxy notrack unknown",
    );
    if step["rule"].is_null() {
        one_of(&verdict["kind"], "policy return");
    } else {
        let rule = object(&step["rule"], &["number", "handle", "text"]);
        assert!(rule["number"].as_u64().is_some_and(|number| number >= 1));
        assert!(rule["text"].as_str().is_some_and(|text| text.starts_with("-A ")), "{rule:?}");
    }
    match verdict["kind"].as_str() {
        Some("policy") => one_of(&verdict["policy"], "accept drop"),
        Some("jump" | "goto") => assert!(verdict["to"].is_string()),
        _ => {}
    }
}

fn outcome(value: &Value) {
    let outcome = object(value, &["when", "certain", "assumed", "passes", "steps", "fate", "replies"]);
    for condition in list(&outcome["when"]).iter().flat_map(list) {
        let condition = object(condition, &["field", "op", "values"]);
        one_of(&condition["op"], "in not-in is");
        assert!(!list(&condition["values"]).is_empty() && list(&condition["values"]).iter().all(Value::is_string));
    }
    for assumed in list(&outcome["assumed"]) {
        let assumed = object(assumed, &["text", "holds", "why"]);
        assert!(assumed["text"].as_str().is_some_and(|text| !text.is_empty()) && assumed["holds"].is_boolean());
        one_of(&assumed["why"], "order rate state random undecoded unread");
    }
    assert_eq!(outcome["certain"], list(&outcome["assumed"]).is_empty());
    for (index, pass) in list(&outcome["passes"]).iter().enumerate() {
        let pass = object(pass, &["pass", "ns", "iif", "oif", "enters", "leaves"]);
        assert_eq!(pass["pass"], index as u64 + 1);
        endpoints(&pass["enters"]);
        if !pass["leaves"].is_null() {
            endpoints(&pass["leaves"]);
        }
    }
    list(&outcome["steps"]).iter().for_each(step);
    for reply in list(&outcome["replies"]) {
        let reply = object(reply, &["when", "certain", "assumed", "arrives", "fate"]);
        assert!(reply["arrives"].is_boolean() || reply["arrives"].is_null());
        assert!(object(&reply["fate"], &["kind", "ns", "by", "reason"])["kind"].is_string());
    }
    let fate =
        object(&outcome["fate"], &["kind", "ns", "oif", "src", "sport", "dst", "dport", "socket", "by", "reason"]);
    one_of(&fate["kind"], "delivered forwarded sent dropped rejected queued diverted unroutable martian unknown");
    endpoints(&outcome["fate"]);
    socket(&fate["socket"]);
    if !fate["by"].is_null() {
        step(&fate["by"]);
    }
    text_or_null(&fate["reason"]);
}

/// `whyport.trace/1`.
pub fn trace(value: &Value) {
    let trace = object(value, &["schema", "packet", "unread", "outcomes"]);
    let keys: Vec<_> = trace.keys().take(4).collect();
    assert_eq!(keys, ["schema", "packet", "unread", "outcomes"]);
    assert_eq!(trace["schema"], "whyport.trace/1");
    let packet =
        object(&trace["packet"], &["origin", "iif", "family", "proto", "src", "sport", "dst", "dport", "mark", "ct"]);
    one_of(&packet["family"], "ip ip6");
    endpoints(&trace["packet"]);
    unread(&trace["unread"]);
    assert!(!list(&trace["outcomes"]).is_empty());
    list(&trace["outcomes"]).iter().for_each(outcome);
}

/// `whyport.ports/1`.
pub fn ports(value: &Value) {
    let ports = object(value, &["schema", "unread", "ports"]);
    assert_eq!(ports["schema"], "whyport.ports/1");
    unread(&ports["unread"]);
    for port in list(&ports["ports"]) {
        let port = object(port, &["proto", "addr", "port", "last", "socket", "answers"]);
        port_or_null(&port["port"]);
        assert!(port["port"].as_u64() <= port["last"].as_u64());
        socket(&port["socket"]);
        for answer in list(&port["answers"]) {
            let answer = object(answer, &["origin", "family", "verdict", "who", "because"]);
            one_of(&answer["verdict"], "reached diverted blocked depends unanswered");
            assert!(answer["origin"].as_str().is_some_and(|origin| {
                ["outside", "local:", "bridge:"].iter().any(|start| origin.starts_with(start))
            }));
            assert!(answer["who"].is_string() && answer["because"].as_str().is_some_and(|text| !text.is_empty()));
        }
    }
}
