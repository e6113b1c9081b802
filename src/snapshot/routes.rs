//! Routes and policy rules: `ip -j route show table all`, `ip -j rule`, each also as `-6`. Reading and writing stand side
//! by side.
//!
//! Knows iproute2's keys and its habit of leaving out what is usual. Deliberately does not look routes up.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use serde_json::{Value, json};

use super::Trouble;
use super::json::{self, Object};
use super::links::{entries, index_of, name_of, scope, scope_name};
use super::section::{Families, Section};
use crate::host::route::{TABLE_DEFAULT, TABLE_LOCAL, TABLE_MAIN};
use crate::host::{IpFamily, Link, NextHop, PolicyAction, PolicyRule, Route, RouteKind, Scope};

const KINDS: [(&str, RouteKind); 9] = [
    ("unicast", RouteKind::Unicast),
    ("local", RouteKind::Local),
    ("broadcast", RouteKind::Broadcast),
    ("anycast", RouteKind::Anycast),
    ("multicast", RouteKind::Multicast),
    ("blackhole", RouteKind::Blackhole),
    ("unreachable", RouteKind::Unreachable),
    ("prohibit", RouteKind::Prohibit),
    ("throw", RouteKind::Throw),
];

fn kind_name(kind: RouteKind) -> &'static str {
    match kind {
        RouteKind::Unicast => "unicast",
        RouteKind::Local => "local",
        RouteKind::Broadcast => "broadcast",
        RouteKind::Anycast => "anycast",
        RouteKind::Multicast => "multicast",
        RouteKind::Blackhole => "blackhole",
        RouteKind::Unreachable => "unreachable",
        RouteKind::Prohibit => "prohibit",
        RouteKind::Throw => "throw",
    }
}

/// Whether the kernel sends nothing along such a route, so that the `dev lo` which IPv6 prints with it means nothing.
fn leads_nowhere(kind: RouteKind) -> bool {
    match kind {
        RouteKind::Blackhole | RouteKind::Unreachable | RouteKind::Prohibit | RouteKind::Throw => true,
        RouteKind::Unicast | RouteKind::Local | RouteKind::Broadcast | RouteKind::Anycast | RouteKind::Multicast => {
            false
        }
    }
}

/// The number of a table; names beyond the kernel's three are only in the host's rt_tables file.
fn table(object: &Object) -> Option<u32> {
    match json::text(object, "table") {
        None if object.contains_key("table") => json::number(object, "table"),
        None | Some("main") => Some(TABLE_MAIN),
        Some("local") => Some(TABLE_LOCAL),
        Some("default") => Some(TABLE_DEFAULT),
        Some(_) => json::number(object, "table"),
    }
}

fn table_name(table: u32) -> String {
    match table {
        TABLE_MAIN => "main".into(),
        TABLE_LOCAL => "local".into(),
        TABLE_DEFAULT => "default".into(),
        other => other.to_string(),
    }
}

fn everything(family: IpFamily) -> IpNet {
    let addr = match family {
        IpFamily::V4 => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpFamily::V6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    IpNet::new_assert(addr, 0)
}

/// Reads the routes of one section.
pub(super) fn parse_routes(section: &Section, families: Families, links: &[Link], trouble: &mut Trouble) -> Vec<Route> {
    if !section.words.contains("table all") {
        trouble.bad(section.line, format!("[{}] has one table only: use ip route show table all", section.words));
    }
    entries(section, trouble, "a route with a table and devices that are there", |object| {
        route(object, families, links)
    })
}

fn route(object: &Object, families: Families, links: &[Link]) -> Option<Route> {
    let kind = match json::text(object, "type") {
        None => RouteKind::Unicast,
        Some(name) => KINDS.iter().find(|(known, _)| *known == name)?.1,
    };
    let dst = match json::text(object, "dst")? {
        "default" | "all" => everything(family(object, families)),
        text => json::net(text)?,
    };
    let from = match json::text(object, "from") {
        None | Some("all" | "default") => None,
        Some(text) => Some(json::net(text)?),
    };
    let next_hops = match object.get("nexthops").and_then(Value::as_array) {
        _ if leads_nowhere(kind) => Vec::new(),
        Some(hops) => hops.iter().map(|hop| next_hop(hop.as_object()?, links)).collect::<Option<_>>()?,
        None if object.contains_key("dev") || gateway(object).is_some() => vec![next_hop(object, links)?],
        None => Vec::new(),
    };
    Some(Route {
        table: table(object)?,
        kind,
        dst,
        from,
        tos: json::number(object, "tos").unwrap_or(0),
        metric: json::number(object, "metric").unwrap_or(0),
        prefsrc: match json::text(object, "prefsrc") {
            None => None,
            Some(text) => Some(text.parse().ok()?),
        },
        scope: scope(object)?,
        next_hops,
    })
}

/// The family of a default route: `default` itself does not say, but only IPv6 routes have a preference.
fn family(object: &Object, families: Families) -> IpFamily {
    match families {
        Families::V4 => IpFamily::V4,
        Families::V6 => IpFamily::V6,
        Families::Unsaid if object.contains_key("pref") => IpFamily::V6,
        Families::Unsaid => match json::text(object, "gateway").and_then(|text| text.parse().ok()) {
            Some(gateway) => IpFamily::of(gateway),
            None => IpFamily::V4,
        },
    }
}

fn gateway(object: &Object) -> Option<IpAddr> {
    let via = || object.get("via").and_then(Value::as_object).and_then(|via| json::text(via, "host"));
    json::text(object, "gateway").or_else(via)?.parse().ok()
}

fn next_hop(object: &Object, links: &[Link]) -> Option<NextHop> {
    Some(NextHop {
        gateway: gateway(object),
        link: match json::text(object, "dev") {
            None => 0,
            Some(name) => index_of(links, name)?,
        },
        weight: json::number(object, "weight").unwrap_or(1),
        // `linkdown` alone does not stop the kernel from using the route: ignore_routes_with_linkdown is off by default.
        dead: json::lists(object, "flags", "dead"),
    })
}

/// Writes the routes of one family.
pub(super) fn print_routes(out: &mut String, routes: &[Route], links: &[Link], family: IpFamily) {
    let objects: Vec<Value> =
        routes.iter().filter(|route| route.family() == family).map(|route| route_object(route, links)).collect();
    json::print(out, &objects);
}

fn route_object(route: &Route, links: &[Link]) -> Value {
    let mut object = Object::new();
    if route.kind != RouteKind::Unicast {
        object.insert("type".into(), json!(kind_name(route.kind)));
    }
    let dst = if route.dst == everything(route.family()) { "default".into() } else { json::net_text(route.dst) };
    object.insert("dst".into(), json!(dst));
    if let Some(from) = route.from {
        object.insert("from".into(), json!(json::net_text(from)));
    }
    if route.tos != 0 {
        object.insert("tos".into(), json!(route.tos));
    }
    let single = match route.next_hops.as_slice() {
        // One of which nothing is known would not be seen beside the route.
        [hop] if hop.weight == 1 && (hop.gateway.is_some() || hop.link != 0) => Some(hop),
        _ => None,
    };
    if let Some(hop) = single {
        insert_hop(&mut object, hop, route.family(), links);
    }
    if route.table != TABLE_MAIN {
        object.insert("table".into(), json!(table_name(route.table)));
    }
    if route.scope != Scope::Global {
        object.insert("scope".into(), json!(scope_name(route.scope)));
    }
    if let Some(prefsrc) = route.prefsrc {
        object.insert("prefsrc".into(), json!(prefsrc.to_string()));
    }
    if route.metric != 0 {
        object.insert("metric".into(), json!(route.metric));
    }
    if single.is_none() && !route.next_hops.is_empty() {
        let hops: Vec<Value> = route
            .next_hops
            .iter()
            .map(|hop| {
                let mut object = Object::new();
                insert_hop(&mut object, hop, route.family(), links);
                object.insert("weight".into(), json!(hop.weight));
                Value::Object(object)
            })
            .collect();
        object.insert("nexthops".into(), json!(hops));
    }
    Value::Object(object)
}

fn insert_hop(object: &mut Object, hop: &NextHop, family: IpFamily, links: &[Link]) {
    match hop.gateway {
        Some(gateway) if IpFamily::of(gateway) == family => {
            object.insert("gateway".into(), json!(gateway.to_string()));
        }
        Some(gateway) => {
            let family = if gateway.is_ipv4() { "inet" } else { "inet6" };
            object.insert("via".into(), json!({ "family": family, "host": gateway.to_string() }));
        }
        None => {}
    }
    if hop.link != 0 {
        object.insert("dev".into(), json!(name_of(links, hop.link)));
    }
    if hop.dead {
        object.insert("flags".into(), json!(["dead"]));
    }
}

/// Reads the policy rules of one family.
pub(super) fn parse_rules(section: &Section, family: IpFamily, trouble: &mut Trouble) -> Vec<PolicyRule> {
    entries(section, trouble, "a policy rule with a table known by number", |object| rule(object, family))
}

fn rule(object: &Object, family: IpFamily) -> Option<PolicyRule> {
    Some(PolicyRule {
        family,
        priority: json::number(object, "priority").unwrap_or(0),
        invert: json::is_set(object, "not"),
        from: selector(object, "src", "srclen")?,
        to: selector(object, "dst", "dstlen")?,
        iif: json::text(object, "iif").map(str::to_owned),
        oif: json::text(object, "oif").map(str::to_owned),
        fwmark: match json::number(object, "fwmark") {
            Some(mark) => Some((mark, json::number(object, "fwmask").unwrap_or(u32::MAX))),
            None if object.contains_key("fwmask") => Some((0, json::number(object, "fwmask")?)),
            None if object.contains_key("fwmark") => return None,
            None => None,
        },
        tos: match object.contains_key("tos") {
            true => json::number(object, "tos")?,
            false => 0,
        },
        dscp: match json::number::<u8>(object, "dscp") {
            Some(dscp) => Some((dscp << 2, json::number::<u8>(object, "dscp_mask").unwrap_or(0x3f) << 2)),
            None if object.contains_key("dscp") => return None,
            None => None,
        },
        uids: range(object, "uid_start", "uid_end", "uid")?,
        protocol: match json::text(object, "ipproto") {
            Some(name) => {
                let known = crate::host::Protocol::from_name(name).map(|protocol| protocol.0);
                Some(known.or_else(|| json::number(object, "ipproto"))?)
            }
            None => json::number(object, "ipproto"),
        },
        sports: range(object, "sport_start", "sport_end", "sport")?,
        dports: range(object, "dport_start", "dport_end", "dport")?,
        l3mdev: json::is_set(object, "l3mdev"),
        suppress_prefixlength: json::number(object, "suppress_prefixlen")
            .or_else(|| json::number(object, "suppress_prefixlength")),
        action: action(object)?,
    })
}

/// A selector by address; `None` where its text is no address.
fn selector(object: &Object, key: &str, length: &str) -> Option<Option<IpNet>> {
    match json::text(object, key) {
        None | Some("all") => Some(None),
        Some(text) => match json::number(object, length) {
            Some(length) => IpNet::new(text.parse().ok()?, length).ok().map(Some),
            None => json::net(text).map(Some),
        },
    }
}

/// A range, under two keys or one; `None` where it is no number.
fn range<T: TryFrom<i64> + Copy>(object: &Object, first: &str, last: &str, single: &str) -> Option<Option<(T, T)>> {
    if object.contains_key(first) {
        return Some(Some((json::number(object, first)?, json::number(object, last)?)));
    }
    match object.contains_key(single) {
        true => json::number(object, single).map(|value| Some((value, value))),
        false => Some(None),
    }
}

fn action(object: &Object) -> Option<PolicyAction> {
    if object.contains_key("goto") {
        return json::number(object, "goto").map(PolicyAction::Goto);
    }
    if object.contains_key("nop") {
        return Some(PolicyAction::Nop);
    }
    match json::text(object, "action") {
        Some("blackhole") => Some(PolicyAction::Blackhole),
        Some("unreachable") => Some(PolicyAction::Unreachable),
        Some("prohibit") => Some(PolicyAction::Prohibit),
        Some("nop") => Some(PolicyAction::Nop),
        Some(_) => None,
        // An l3mdev rule asks the table of the packet's VRF, and prints none.
        None if object.contains_key("table") => table(object).map(PolicyAction::Lookup),
        None => json::is_set(object, "l3mdev").then_some(PolicyAction::Lookup(0)),
    }
}

/// Writes the policy rules of one family.
pub(super) fn print_rules(out: &mut String, rules: &[PolicyRule], family: IpFamily) {
    let objects: Vec<Value> = rules.iter().filter(|rule| rule.family == family).map(rule_object).collect();
    json::print(out, &objects);
}

fn rule_object(rule: &PolicyRule) -> Value {
    let mut object = Object::new();
    let mut put = |key: &str, value: Value| {
        object.insert(key.into(), value);
    };
    put("priority", json!(rule.priority));
    if rule.invert {
        put("not", Value::Null);
    }
    put("src", json!(rule.from.map_or("all".into(), |net| net.addr().to_string())));
    if let Some(net) = rule.from {
        put("srclen", json!(net.prefix_len()));
    }
    if let Some(net) = rule.to {
        put("dst", json!(net.addr().to_string()));
        put("dstlen", json!(net.prefix_len()));
    }
    if rule.tos != 0 {
        put("tos", json!(format!("{:#x}", rule.tos)));
    }
    if let Some((dscp, mask)) = rule.dscp {
        put("dscp", json!(format!("{:#x}", dscp >> 2)));
        if mask != 0xfc {
            put("dscp_mask", json!(format!("{:#x}", mask >> 2)));
        }
    }
    if let Some((mark, mask)) = rule.fwmark {
        put("fwmark", json!(format!("{mark:#x}")));
        if mask != u32::MAX {
            put("fwmask", json!(format!("{mask:#x}")));
        }
    }
    for (key, device) in [("iif", &rule.iif), ("oif", &rule.oif)] {
        if let Some(device) = device {
            put(key, json!(device));
        }
    }
    if rule.l3mdev {
        put("l3mdev", Value::Null);
    }
    if let Some((first, last)) = rule.uids {
        put("uid_start", json!(first));
        put("uid_end", json!(last));
    }
    if let Some(protocol) = rule.protocol {
        put("ipproto", json!(protocol));
    }
    for (first_key, last_key, key, ports) in
        [("sport_start", "sport_end", "sport", rule.sports), ("dport_start", "dport_end", "dport", rule.dports)]
    {
        match ports {
            Some((first, last)) if first == last => put(key, json!(first)),
            Some((first, last)) => {
                [(first_key, first), (last_key, last)].into_iter().for_each(|(key, port)| put(key, json!(port)));
            }
            None => {}
        }
    }
    if let Some(length) = rule.suppress_prefixlength {
        put("suppress_prefixlen", json!(length));
    }
    if let Some((key, value)) = written_action(rule) {
        put(key, value);
    }
    Value::Object(object)
}

/// What a policy rule does, as a key and its value; a lookup in the table of a device's VRF has none.
fn written_action(rule: &PolicyRule) -> Option<(&'static str, Value)> {
    Some(match rule.action {
        PolicyAction::Lookup(0) if rule.l3mdev => return None,
        PolicyAction::Lookup(table) => ("table", json!(table_name(table))),
        PolicyAction::Goto(priority) => ("goto", json!(priority)),
        PolicyAction::Nop => ("nop", Value::Null),
        PolicyAction::Blackhole => ("action", json!("blackhole")),
        PolicyAction::Unreachable => ("action", json!("unreachable")),
        PolicyAction::Prohibit => ("action", json!("prohibit")),
    })
}
