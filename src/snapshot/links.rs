//! Devices, addresses, neighbours, forwarding databases and namespace ids: `ip netns list-id`, `ip -d -j link`,
//! `ip -j addr`, `ip -j neigh`, `bridge -j fdb`. Reading and writing stand side by side.
//!
//! Knows iproute2's keys. Deliberately does not know routes, nor what a missing device means for a packet.

use std::collections::HashSet;

use ipnet::IpNet;
use serde_json::{Value, json};

use super::Trouble;
use super::json::{self, Object};
use super::section::Section;
use crate::host::{
    Address, BridgePort, BridgeSettings, FdbEntry, Ipvlan, IpvlanMode, IpvlanReach, Link, LinkKind, MacvlanMode,
    Namespace, Neighbour, Peer, Scope,
};

/// The index of the device with this name; `if7` is how iproute2 names one that it cannot see.
pub(super) fn index_of(links: &[Link], name: &str) -> Option<u32> {
    links
        .iter()
        .find(|link| link.name == name)
        .map(|link| link.index)
        .or_else(|| name.strip_prefix("if").and_then(|digits| digits.parse().ok()))
}

/// The name of the device with this index.
pub(super) fn name_of(links: &[Link], index: u32) -> String {
    match links.iter().find(|link| link.index == index) {
        Some(link) => link.name.clone(),
        None => format!("if{index}"),
    }
}

/// Reads `ip -d -j link` (or the same objects in `ip -j addr`).
pub(super) fn parse_links(section: &Section, trouble: &mut Trouble) -> Vec<Link> {
    let objects = json::objects(section, trouble).unwrap_or_default();
    let mut links: Vec<Link> = Vec::with_capacity(objects.len());
    let mut owners = Vec::with_capacity(objects.len());
    let mut known = HashSet::new();
    for (at, object) in objects.iter().enumerate() {
        match link(object).filter(|link| known.insert(link.index)) {
            Some(link) => {
                links.push(link);
                owners.push((json::text(object, "master"), json::text(object, "link")));
            }
            None => trouble.bad(
                section.line,
                format!("[{}]: entry {} is no device, or one that was there before", section.words, at + 1),
            ),
        }
    }
    for (at, (master, lower)) in owners.into_iter().enumerate() {
        let own = links[at].index;
        if let Some(name) = master {
            links[at].master = index_of(&links, name);
        }
        if let Some(index) = lower.and_then(|name| index_of(&links, name)).filter(|index| *index != own) {
            links[at].peer = Some(Peer { index, namespace_id: None });
        }
        if master.is_some() && links[at].master.is_none() || lower.is_some() && links[at].peer.is_none() {
            let name = &links[at].name;
            trouble.bad(section.line, format!("[{}]: {name} belongs to a device that is not there", section.words));
        }
    }
    let detailed = objects.iter().any(|object| object.contains_key("linkinfo") || object.contains_key("promiscuity"));
    if !objects.is_empty() && !detailed && links.iter().any(|link| !link.is_loopback()) {
        trouble
            .bad(section.line, format!("[{}] does not tell what kind a device is: use ip -d -j link", section.words));
    }
    links
}

fn link(object: &Object) -> Option<Link> {
    let index = json::number(object, "ifindex").filter(|index| *index > 0)?;
    let name = json::text(object, "ifname")?.to_owned();
    let info = object.get("linkinfo").and_then(Value::as_object);
    let data = |key: &str| info.and_then(|info| info.get(key)).and_then(Value::as_object);
    let kind = match info.and_then(|info| json::text(info, "info_kind")) {
        Some("veth") => LinkKind::Veth,
        Some("bridge") => LinkKind::Bridge,
        Some("macvlan") => macvlan(data("info_data").and_then(|data| json::text(data, "mode"))),
        Some("ipvlan") => ipvlan(data("info_data")),
        Some("vrf") => data("info_data")
            .and_then(|data| json::number(data, "table"))
            .map_or_else(|| LinkKind::Other("vrf".into()), LinkKind::Vrf),
        Some(other) => LinkKind::Other(other.to_owned()),
        None if json::text(object, "link_type") == Some("loopback") || json::lists(object, "flags", "LOOPBACK") => {
            LinkKind::Loopback
        }
        None => LinkKind::Plain,
    };
    let bridge = (kind == LinkKind::Bridge).then(|| {
        let set = |key| data("info_data").is_some_and(|data| json::is_set(data, key));
        BridgeSettings {
            call_iptables: set("nf_call_iptables"),
            call_ip6tables: set("nf_call_ip6tables"),
            call_arptables: set("nf_call_arptables"),
            filters_vlans: set("vlan_filtering"),
        }
    });
    let slave = info.and_then(|info| json::text(info, "info_slave_kind"));
    let port = (slave == Some("bridge")).then(|| BridgePort {
        hairpin: data("info_slave_data").is_some_and(|data| json::is_set(data, "hairpin")),
        forwarding: data("info_slave_data").is_none_or(|data| json::text(data, "state") == Some("forwarding")),
    });
    Some(Link {
        index,
        name,
        kind,
        up: json::lists(object, "flags", "UP"),
        carrier: !json::lists(object, "flags", "NO-CARRIER"),
        mac: json::text(object, "address").and_then(json::mac),
        mtu: json::number(object, "mtu").unwrap_or(0),
        master: None,
        peer: json::number(object, "link_index")
            .map(|index| Peer { index, namespace_id: json::number(object, "link_netnsid") }),
        bridge,
        port,
    })
}

/// A macvlan; one of a mode that is not known is like any other device.
fn macvlan(mode: Option<&str>) -> LinkKind {
    let known = MacvlanMode::ALL.into_iter().find(|(_, _, name)| Some(*name) == mode);
    known.map_or_else(|| LinkKind::Other("macvlan".into()), |(mode, ..)| LinkKind::Macvlan(mode))
}

/// An ipvlan; one of a mode that is not known is like any other device.
fn ipvlan(data: Option<&Object>) -> LinkKind {
    let mode = data.and_then(|data| json::text(data, "mode"));
    let known = IpvlanMode::ALL.into_iter().find(|(_, _, name)| Some(*name) == mode);
    let is_set = |name: &str| data.is_some_and(|data| json::is_set(data, name));
    let reach = IpvlanReach::ALL.into_iter().find(|(_, _, name)| is_set(name));
    let reach = reach.map_or(IpvlanReach::Bridge, |(reach, ..)| reach);
    known.map_or_else(|| LinkKind::Other("ipvlan".into()), |(mode, ..)| LinkKind::Ipvlan(Ipvlan { mode, reach }))
}

/// Writes `ip -d -j link`, the keys that the model holds.
pub(super) fn print_links(out: &mut String, links: &[Link]) {
    let objects: Vec<Value> = links.iter().map(|link| link_object(link, links)).collect();
    json::print(out, &objects);
}

fn link_object(link: &Link, links: &[Link]) -> Value {
    let mut object = Object::new();
    object.insert("ifindex".into(), json!(link.index));
    match link.peer {
        Some(Peer { index, namespace_id: Some(_) }) => {
            object.insert("link_index".into(), json!(index));
        }
        Some(Peer { index, namespace_id: None }) if index == link.index => {
            object.insert("link_index".into(), json!(index));
        }
        Some(Peer { index, namespace_id: None }) => {
            object.insert("link".into(), json!(name_of(links, index)));
        }
        None => {}
    }
    object.insert("ifname".into(), json!(link.name));
    let mut flags = Vec::new();
    if link.is_loopback() {
        flags.push("LOOPBACK");
    }
    if !link.carrier {
        flags.push("NO-CARRIER");
    }
    if link.up {
        flags.push("UP");
    }
    object.insert("flags".into(), json!(flags));
    object.insert("mtu".into(), json!(link.mtu));
    if let Some(master) = link.master {
        object.insert("master".into(), json!(name_of(links, master)));
    }
    object.insert("link_type".into(), json!(if link.is_loopback() { "loopback" } else { "ether" }));
    if let Some(mac) = link.mac {
        object.insert("address".into(), json!(mac.to_string()));
    }
    if let Some(Peer { namespace_id: Some(id), .. }) = link.peer {
        object.insert("link_netnsid".into(), json!(id));
    }
    object.insert("promiscuity".into(), json!(0));
    let info = link_info(link);
    if !info.is_empty() {
        object.insert("linkinfo".into(), Value::Object(info));
    }
    Value::Object(object)
}

fn link_info(link: &Link) -> Object {
    let mut info = Object::new();
    match &link.kind {
        LinkKind::Loopback | LinkKind::Plain => {}
        LinkKind::Veth => {
            info.insert("info_kind".into(), json!("veth"));
        }
        LinkKind::Bridge => {
            info.insert("info_kind".into(), json!("bridge"));
        }
        LinkKind::Macvlan(mode) => {
            let name = MacvlanMode::ALL.into_iter().find(|(known, ..)| known == mode).map(|(_, _, name)| name);
            info.insert("info_kind".into(), json!("macvlan"));
            info.insert("info_data".into(), json!({ "mode": name }));
        }
        LinkKind::Ipvlan(Ipvlan { mode, reach }) => {
            let mode = IpvlanMode::ALL.into_iter().find(|(known, ..)| known == mode).map(|(_, _, name)| name);
            let reach = IpvlanReach::ALL.into_iter().find(|(known, ..)| known == reach).map(|(_, _, name)| name);
            info.insert("info_kind".into(), json!("ipvlan"));
            info.insert("info_data".into(), json!({ "mode": mode, (reach.unwrap_or_default()): true }));
        }
        LinkKind::Vrf(table) => {
            info.insert("info_kind".into(), json!("vrf"));
            info.insert("info_data".into(), json!({ "table": table }));
        }
        LinkKind::Other(kind) => {
            info.insert("info_kind".into(), json!(kind));
        }
    }
    if let Some(bridge) = link.bridge {
        let mut data = json!({
            "nf_call_iptables": u8::from(bridge.call_iptables),
            "nf_call_ip6tables": u8::from(bridge.call_ip6tables),
            "nf_call_arptables": u8::from(bridge.call_arptables),
        });
        if bridge.filters_vlans {
            data["vlan_filtering"] = json!(1);
        }
        info.insert("info_data".into(), data);
    }
    if let Some(port) = link.port {
        let state = if port.forwarding { "forwarding" } else { "disabled" };
        info.insert("info_slave_kind".into(), json!("bridge"));
        info.insert("info_slave_data".into(), json!({ "state": state, "hairpin": port.hairpin }));
    }
    info
}

/// Reads `ip -j addr`. The kernel lists all IPv4 addresses, then all IPv6 ones, each by device; so do we.
pub(super) fn parse_addresses(section: &Section, trouble: &mut Trouble) -> Vec<Address> {
    let mut addresses = Vec::new();
    for (at, object) in json::objects(section, trouble).unwrap_or_default().iter().enumerate() {
        let infos = object.get("addr_info").and_then(Value::as_array);
        let Some(index) = json::number(object, "ifindex") else {
            trouble.bad(section.line, format!("[{}]: entry {} has no ifindex", section.words, at + 1));
            continue;
        };
        for info in infos.into_iter().flatten().filter_map(Value::as_object).filter(|info| !info.is_empty()) {
            match address(index, info) {
                Some(address) => addresses.push(address),
                None => {
                    trouble.bad(section.line, format!("[{}]: an address of device {index} that is none", section.words))
                }
            }
        }
    }
    addresses.sort_by_key(Address::family);
    addresses
}

fn address(link: u32, info: &Object) -> Option<Address> {
    let addr = json::text(info, "local")?.parse().ok()?;
    let length = json::number(info, "prefixlen")?;
    Some(Address {
        link,
        net: IpNet::new(addr, length).ok()?,
        scope: scope(info)?,
        secondary: json::is_set(info, "secondary") || json::is_set(info, "temporary"),
        tentative: json::is_set(info, "tentative"),
        deprecated: json::is_set(info, "deprecated"),
    })
}

/// The scope of an address or a route; iproute2 leaves out the global one of a route.
pub(super) fn scope(object: &Object) -> Option<Scope> {
    match object.get("scope") {
        None => Some(Scope::Global),
        Some(Value::String(text)) => match text.as_str() {
            "global" | "universe" | "0" => Some(Scope::Global),
            "site" | "200" => Some(Scope::Site),
            "link" | "253" => Some(Scope::Link),
            "host" | "nowhere" | "254" | "255" => Some(Scope::Host),
            _ => None,
        },
        Some(_) => None,
    }
}

/// The name of a scope (rtnetlink(7)).
pub(super) fn scope_name(scope: Scope) -> &'static str {
    match scope {
        Scope::Global => "global",
        Scope::Site => "site",
        Scope::Link => "link",
        Scope::Host => "host",
    }
}

/// Writes `ip -j addr`, the devices that have addresses.
pub(super) fn print_addresses(out: &mut String, ns: &Namespace) {
    let mut order: Vec<u32> = ns.links.iter().map(|link| link.index).collect();
    for address in &ns.addresses {
        if !order.contains(&address.link) {
            order.push(address.link);
        }
    }
    let objects: Vec<Value> = order
        .into_iter()
        .filter_map(|index| {
            let infos: Vec<Value> =
                ns.addresses.iter().filter(|address| address.link == index).map(address_object).collect();
            // A device that is not known has no name here: read again, it would be one.
            let known = ns.links.iter().find(|link| link.index == index);
            (!infos.is_empty()).then(|| match known {
                Some(link) => json!({ "ifindex": index, "ifname": link.name, "addr_info": infos }),
                None => json!({ "ifindex": index, "addr_info": infos }),
            })
        })
        .collect();
    json::print(out, &objects);
}

fn address_object(address: &Address) -> Value {
    let mut info = Object::new();
    info.insert("family".into(), json!(if address.addr().is_ipv4() { "inet" } else { "inet6" }));
    info.insert("local".into(), json!(address.addr().to_string()));
    info.insert("prefixlen".into(), json!(address.net.prefix_len()));
    info.insert("scope".into(), json!(scope_name(address.scope)));
    let flags =
        [("secondary", address.secondary), ("tentative", address.tentative), ("deprecated", address.deprecated)];
    for (flag, _) in flags.into_iter().filter(|(_, set)| *set) {
        info.insert(flag.into(), json!(true));
    }
    Value::Object(info)
}

/// Reads `ip -j neigh`.
pub(super) fn parse_neighbours(section: &Section, links: &[Link], trouble: &mut Trouble) -> Vec<Neighbour> {
    let entry = |object: &Object| {
        Some(Neighbour {
            link: index_of(links, json::text(object, "dev")?)?,
            addr: json::text(object, "dst")?.parse().ok()?,
            mac: json::text(object, "lladdr").and_then(json::mac),
        })
    };
    entries(section, trouble, "a neighbour of a device that is there", entry)
}

/// Writes `ip -j neigh`.
pub(super) fn print_neighbours(out: &mut String, ns: &Namespace) {
    let objects: Vec<Value> = ns
        .neighbours
        .iter()
        .map(|neighbour| {
            let (dst, dev) = (neighbour.addr.to_string(), name_of(&ns.links, neighbour.link));
            match neighbour.mac {
                Some(mac) => json!({ "dst": dst, "dev": dev, "lladdr": mac.to_string() }),
                None => json!({ "dst": dst, "dev": dev }),
            }
        })
        .collect();
    json::print(out, &objects);
}

/// Reads `bridge -j fdb`.
pub(super) fn parse_fdb(section: &Section, links: &[Link], trouble: &mut Trouble) -> Vec<FdbEntry> {
    let entry = |object: &Object| {
        Some(FdbEntry {
            port: index_of(links, json::text(object, "ifname")?)?,
            mac: json::mac(json::text(object, "mac")?)?,
            own: json::text(object, "state") == Some("permanent"),
        })
    };
    entries(section, trouble, "an address at a port that is there", entry)
}

/// Writes `bridge -j fdb`.
pub(super) fn print_fdb(out: &mut String, ns: &Namespace) {
    let objects: Vec<Value> = ns
        .fdb
        .iter()
        .map(|entry| {
            let state = if entry.own { "permanent" } else { "" };
            json!({ "mac": entry.mac.to_string(), "ifname": name_of(&ns.links, entry.port), "state": state })
        })
        .collect();
    json::print(out, &objects);
}

/// The entries of a section that `read` takes; the others are reported as not being `what`.
pub(super) fn entries<T>(
    section: &Section,
    trouble: &mut Trouble,
    what: &str,
    read: impl Fn(&Object) -> Option<T>,
) -> Vec<T> {
    let objects = json::objects(section, trouble).unwrap_or_default();
    let mut entries = Vec::with_capacity(objects.len());
    for (at, object) in objects.iter().enumerate() {
        match read(object) {
            Some(entry) => entries.push(entry),
            None => trouble.bad(section.line, format!("[{}]: entry {} is not {what}", section.words, at + 1)),
        }
    }
    entries
}

/// Reads `ip netns list-id`: `nsid 1 (iproute2 netns name: pod)`; a namespace without a name is passed over.
pub(super) fn parse_ids(section: &Section, trouble: &mut Trouble) -> Vec<(i32, String)> {
    let mut ids = Vec::new();
    for (line, text) in section.lines() {
        let mut words = text.split_whitespace();
        let id = (words.next() == Some("nsid")).then(|| words.next().and_then(|id| id.parse().ok())).flatten();
        let name = text.split_once("netns name: ").and_then(|(_, name)| name.strip_suffix(')'));
        match (id, name) {
            (Some(id), Some(name)) => ids.push((id, name.to_owned())),
            (Some(_), None) => {}
            (None, _) => trouble.bad(line, "not a line such as: nsid 1 (iproute2 netns name: NAME)"),
        }
    }
    ids
}

/// Writes `ip netns list-id`.
pub(super) fn print_ids(out: &mut String, ids: &[(i32, String)]) {
    for (id, name) in ids {
        out.push_str(&format!("nsid {id} (iproute2 netns name: {})\n", super::one_line(name)));
    }
}
