//! `whyport.rules/1`: the rules as data. Chains at a hook come in the order in which the kernel runs them.

use serde::Serialize;

use super::{UnreadJson, print};
use crate::host::ipset::{IpSet, Seen};
use crate::host::nft::{self, SetFlags};
use crate::host::xt::{InterfacePattern, Match, Target};
use crate::host::{
    Base, Body, Chain, ChainId, ChainType, Counters, Hook, Namespace, ObjectId, Place, Registration, RuleId, Ruleset,
    Table,
};
use crate::syntax::ipset::{element_text, options_text};
use crate::syntax::nft::{SetText, object_words, set_words};
use crate::syntax::rule_text;

#[derive(Debug, Serialize)]
struct RulesJson {
    schema: &'static str,
    unread: Vec<UnreadJson>,
    hooks: Vec<HookJson>,
    tables: Vec<TableJson>,
    ipsets: Vec<IpSetJson>,
}

#[derive(Debug, Serialize)]
struct HookJson {
    hook: &'static str,
    chains: Vec<PlaceJson>,
}

#[derive(Debug, Serialize)]
struct PlaceJson {
    priority: i32,
    family: &'static str,
    backend: &'static str,
    table: String,
    chain: String,
    place: &'static str,
}

#[derive(Debug, Serialize)]
struct TableJson {
    family: &'static str,
    name: String,
    backend: &'static str,
    handle: Option<u64>,
    flags: u32,
    owner: Option<u32>,
    comment: Option<String>,
    objects: Vec<ObjectJson>,
    flowtables: Vec<FlowtableJson>,
    sets: Vec<SetJson>,
    chains: Vec<ChainJson>,
    undecoded: Vec<String>,
}

#[derive(Debug, Serialize)]
struct ObjectJson {
    name: String,
    handle: Option<u64>,
    comment: Option<String>,
    r#type: String,
    text: Vec<String>,
}

#[derive(Debug, Serialize)]
struct FlowtableJson {
    name: String,
    handle: Option<u64>,
    hook: &'static str,
    priority: i32,
    devices: Vec<String>,
    flags: u32,
}

#[derive(Debug, Serialize)]
struct SetJson {
    name: String,
    handle: Option<u64>,
    comment: Option<String>,
    map: bool,
    r#type: String,
    flags: Vec<&'static str>,
    elements: Vec<String>,
}

#[derive(Debug, Serialize)]
struct ChainJson {
    name: String,
    handle: Option<u64>,
    comment: Option<String>,
    devices: Vec<String>,
    base: Option<BaseJson>,
    rules: Vec<RuleJson>,
}

#[derive(Debug, Serialize)]
struct BaseJson {
    r#type: &'static str,
    hook: &'static str,
    priority: i32,
    policy: &'static str,
    registered: bool,
    counters: Option<CountersJson>,
}

#[derive(Debug, Serialize)]
struct RuleJson {
    number: u32,
    handle: Option<u64>,
    counters: Option<CountersJson>,
    text: String,
    undecoded: Vec<String>,
}

#[derive(Debug, Serialize)]
struct CountersJson {
    packets: u64,
    bytes: u64,
}

#[derive(Debug, Serialize)]
struct IpSetJson {
    name: String,
    r#type: String,
    revision: Option<u8>,
    options: String,
    elements: Vec<IpSetElementJson>,
    undecoded: Vec<String>,
}

#[derive(Debug, Serialize)]
struct IpSetElementJson {
    element: String,
    timeout: Option<u32>,
    counters: Option<CountersJson>,
}

/// The rules of a namespace, as JSON.
pub fn rules(ns: &Namespace) -> String {
    let order = |hook: Hook| HookJson { hook: hook.name(), chains: places(&ns.ruleset, hook) };
    print(&RulesJson {
        schema: "whyport.rules/1",
        unread: UnreadJson::all(ns.unread.iter().filter(|unread| unread.what.is_of_rules())),
        hooks: Hook::ALL.into_iter().map(order).filter(|hook| !hook.chains.is_empty()).collect(),
        tables: (0..ns.ruleset.tables.len()).map(|table| self::table(ns, table)).collect(),
        ipsets: ns.ipsets.iter().enumerate().map(|(at, set)| ipset(set, ns.observations.ipsets.get(at))).collect(),
    })
}

/// One of ipset's sets, in ipset's words.
fn ipset(set: &IpSet, seen: Option<&Seen>) -> IpSetJson {
    let element = |(at, element)| IpSetElementJson {
        element: element_text(element),
        timeout: seen.and_then(|seen| seen.timeouts.get(at).copied()),
        counters: seen.and_then(|seen| seen.counters.get(at)).map(counters),
    };
    IpSetJson {
        name: set.name.to_string(),
        r#type: set.kind.name().to_owned(),
        revision: seen.and_then(|seen| seen.revision),
        options: options_text(set),
        elements: set.elements.iter().enumerate().map(element).collect(),
        undecoded: set.untold.iter().map(ToString::to_string).collect(),
    }
}

/// The base chains that run at a hook, by priority and, among equals, by rank.
fn places(ruleset: &Ruleset, hook: Hook) -> Vec<PlaceJson> {
    let mut bases: Vec<(ChainId, &Chain, &Base, Place)> = Vec::new();
    for (id, chain) in ruleset.chains() {
        if let Some(base) = chain.base.as_ref().filter(|base| base.hook == hook)
            && let Registration::Registered(place) = base.registration
        {
            bases.push((id, chain, base, place));
        }
    }
    bases.sort_by_key(|(_, _, base, place)| (base.priority, place.rank()));
    let json = |(id, chain, base, place): (ChainId, &Chain, &Base, Place)| PlaceJson {
        priority: base.priority.0,
        family: ruleset.table(id).family.name(),
        backend: ruleset.table(id).backend.name(),
        table: ruleset.table(id).name.to_string(),
        chain: chain.name.to_string(),
        place: match place {
            Place::Known(_) => "known",
            Place::Guessed(_) => "guessed",
        },
    };
    bases.into_iter().map(json).collect()
}

fn table(ns: &Namespace, index: usize) -> TableJson {
    let table = &ns.ruleset.tables[index];
    let chain = |(position, chain): (usize, &Chain)| {
        let id = ChainId { table: index as u32, chain: position as u32 };
        ChainJson {
            name: chain.name.to_string(),
            handle: chain.details.handle.map(|handle| handle.0),
            comment: chain.details.comment.as_ref().map(ToString::to_string),
            devices: devices(&chain.details.devices),
            base: chain.base.as_ref().map(|base| self::base(ns, id, base)),
            rules: (0..chain.rules.len())
                .map(|rule| self::rule(ns, RuleId { chain: id, index: rule as u32 }))
                .collect(),
        }
    };
    let particulars = &table.particulars;
    let named = table.sets.iter().filter(|set| !set.flags.contains(SetFlags::ANONYMOUS));
    TableJson {
        family: table.family.name(),
        name: table.name.to_string(),
        backend: table.backend.name(),
        handle: particulars.handle.map(|handle| handle.0),
        flags: particulars.flags.bits(),
        owner: particulars.owner,
        comment: particulars.comment.as_ref().map(ToString::to_string),
        objects: (0..).zip(&particulars.objects).map(|(at, object)| self::object(ns, index, at, object)).collect(),
        flowtables: particulars.flowtables.iter().map(flowtable).collect(),
        sets: named.map(|set| self::set(ns, table, set)).collect(),
        chains: table.chains.iter().enumerate().map(chain).collect(),
        undecoded: table.particulars.untold.iter().map(ToString::to_string).collect(),
    }
}

/// A stateful object: its lines are those of a listing.
fn object(ns: &Namespace, table: usize, at: u32, object: &nft::Object) -> ObjectJson {
    let counted = ns.observations.objects.get(&ObjectId { table: table as u32, object: at });
    let (kind, text) = object_words(object, counted);
    ObjectJson {
        name: object.name.to_string(),
        handle: object.handle.map(|handle| handle.0),
        comment: object.comment.as_ref().map(ToString::to_string),
        r#type: kind,
        text,
    }
}

fn flowtable(table: &nft::Flowtable) -> FlowtableJson {
    FlowtableJson {
        name: table.name.to_string(),
        handle: table.handle.map(|handle| handle.0),
        hook: table.hook.name(),
        priority: table.priority.0,
        devices: devices(&table.devices),
        flags: table.flags,
    }
}

/// Devices by name; a star stands for the rest of names that begin so.
fn devices(devices: &[InterfacePattern]) -> Vec<String> {
    devices.iter().map(|device| format!("{}{}", device.name, if device.prefix { "*" } else { "" })).collect()
}

/// A set that has a name: others stand in their rule.
fn set(ns: &Namespace, table: &Table, set: &nft::Set) -> SetJson {
    let SetText { kind, flags, elements } = set_words(table, set, &ns.links);
    let map = set.flags.intersects(SetFlags::MAP | SetFlags::OBJECT);
    SetJson {
        name: set.name.to_string(),
        handle: set.details.handle.map(|handle| handle.0),
        comment: set.details.comment.as_ref().map(ToString::to_string),
        map,
        r#type: kind,
        flags,
        elements,
    }
}

fn base(ns: &Namespace, id: ChainId, base: &Base) -> BaseJson {
    BaseJson {
        r#type: match base.kind {
            ChainType::Filter => "filter",
            ChainType::Nat => "nat",
            ChainType::Route => "route",
        },
        hook: base.hook.name(),
        priority: base.priority.0,
        policy: base.policy.name(),
        registered: matches!(base.registration, Registration::Registered(_)),
        counters: ns.observations.policies.get(&id).map(counters),
    }
}

fn rule(ns: &Namespace, id: RuleId) -> RuleJson {
    let rule = ns.ruleset.rule(id);
    RuleJson {
        number: id.number(),
        handle: rule.handle.map(|handle| handle.0),
        counters: ns.observations.rules.get(&id).map(counters),
        text: rule_text(&ns.ruleset, id),
        undecoded: undecoded(&rule.body),
    }
}

fn counters(counters: &Counters) -> CountersJson {
    CountersJson { packets: counters.packets, bytes: counters.bytes }
}

/// The names of the extensions that whyport does not understand.
fn undecoded(body: &Body) -> Vec<String> {
    let rule = match body {
        Body::Iptables(rule) => rule,
        Body::Nft(rule) => return undecoded_expressions(rule),
    };
    let mut names: Vec<String> = Vec::new();
    for m in &rule.matches {
        if let Match::Opaque(opaque) = m {
            names.push(opaque.name.to_string());
        }
    }
    if let Target::Opaque(opaque) = &rule.target {
        names.push(opaque.name.to_string());
    }
    names
}

/// The names of a native rule's expressions that whyport does not understand.
fn undecoded_expressions(rule: &nft::Rule) -> Vec<String> {
    let names = rule.expressions.iter().filter_map(|expression| match expression {
        nft::Expression::Undecoded(undecoded) => Some(&undecoded.name),
        nft::Expression::Match(matched) => match &**matched {
            Match::Opaque(opaque) => Some(&opaque.name),
            _ => None,
        },
        nft::Expression::Target(target) => match &**target {
            Target::Opaque(opaque) => Some(&opaque.name),
            _ => None,
        },
        _ => None,
    });
    names.map(|name| name.to_string()).collect()
}
