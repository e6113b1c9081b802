//! What tables hold, in nft's JSON: chains, sets and maps, flowtables, stateful objects.

use super::expr::{missing, number, number_or, unknown};
use super::statement::{is_set, limit, synproxy_of, words};
use super::value::Json;
use super::{Fault, Reader};
use crate::host::Family;
use crate::host::nft::{SetFlags, synproxy};
use crate::syntax::nft::tree::{
    Base, Chain, Expr, Flowtable, Gives, Item, Object, ObjectBody, Priority, Rules, Set, Table, TypeOf,
};

/// Flags of a table by their names.
const DORMANT: u32 = 1;
const OWNER: u32 = 2;

/// The family with this name.
pub(super) fn family_named(name: &str) -> Result<Family, Fault> {
    Ok(match name {
        "ip" => Family::Ip,
        "ip6" => Family::Ip6,
        "inet" => Family::Inet,
        "arp" => Family::Arp,
        "bridge" => Family::Bridge,
        "netdev" => Family::Netdev,
        other => return Err(unknown("the family", other)),
    })
}

impl<'t> Reader<'t> {
    /// A table without what is in it.
    pub(super) fn table(&mut self, of: &Json<'t>) -> Result<Table<'t>, Fault> {
        let mut flags = 0;
        for word in words(of, "flags") {
            flags |= match word {
                "dormant" => DORMANT,
                "owner" => OWNER,
                other => {
                    // nft 1.0.6 prints a single flag from memory that it has given back: whatever word is there now.
                    self.note(format!("a table's flag “{other}”, which is none: taken as dormant"));
                    DORMANT
                }
            };
        }
        Ok(Table {
            family: family_named(of.get("family").and_then(Json::as_str).unwrap_or_default())?,
            name: self.text(of, "name")?,
            handle: handle(of),
            flags,
            comment: self.comment(of),
            chains: Vec::new(),
            sets: Vec::new(),
            objects: Vec::new(),
            flowtables: Vec::new(),
        })
    }

    pub(super) fn comment(&mut self, of: &Json<'t>) -> Option<&'t str> {
        self.text(of, "comment").ok()
    }

    pub(super) fn chain(&mut self, of: &Json<'t>) -> Result<Chain<'t>, Fault> {
        let base = if of.get("hook").is_some() { Some(self.base(of)?) } else { None };
        Ok(Chain {
            name: self.text(of, "name")?,
            handle: handle(of),
            comment: self.comment(of),
            base,
            offload: words(of, "flags").contains(&"offload"),
            rules: Rules::default(),
        })
    }

    fn base(&mut self, of: &Json<'t>) -> Result<Base<'t>, Fault> {
        let hook = self.text(of, "hook")?;
        let devices = self.devices(of)?;
        if devices.is_empty() && matches!(hook, "ingress" | "egress") {
            self.note("a chain at a device: nft's JSON leaves out at which one".to_owned());
        }
        Ok(Base {
            kind: self.text(of, "type")?,
            hook,
            devices,
            priority: self.priority(of)?,
            policy_drop: of.get("policy").and_then(Json::as_str).map(|policy| policy == "drop"),
        })
    }

    /// A number, or (in what is written for nft) a name.
    fn priority(&mut self, of: &Json<'t>) -> Result<Priority<'t>, Fault> {
        match of.get("prio") {
            Some(Json::Text(name)) if name.parse::<i32>().is_err() => {
                Ok(Priority { name: Some(self.keep(name)), number: 0 })
            }
            Some(_) => Ok(Priority { name: None, number: number(of, "prio")? }),
            None => Ok(Priority { name: None, number: 0 }),
        }
    }

    fn devices(&mut self, of: &Json<'t>) -> Result<Vec<&'t str>, Fault> {
        let mut devices = Vec::new();
        for device in of.get("dev").map(Json::items).unwrap_or_default() {
            match device {
                Json::Text(name) => devices.push(self.keep(name)),
                other => return Err(unknown("the device", &other.to_string())),
            }
        }
        Ok(devices)
    }

    /// A set or a map.
    pub(super) fn set(&mut self, of: &Json<'t>, map: bool) -> Result<Set<'t>, Fault> {
        let mut flags = SetFlags::empty();
        for flag in words(of, "flags") {
            flags |= match flag {
                "constant" => SetFlags::CONSTANT,
                "interval" => SetFlags::INTERVAL,
                "timeout" => SetFlags::TIMEOUT,
                "dynamic" => SetFlags::EVAL,
                other => return Err(unknown("the flag of a set", other)),
            };
        }
        let elements = self.items(of.get("elem").map(Json::items).unwrap_or_default(), map)?;
        let gives = if map { self.gives(of, &elements)? } else { Gives::Nothing };
        let statements = match of.get("stmt") {
            Some(told) => self.statements_of(told)?,
            None => Vec::new(),
        };
        let milliseconds = |key: &str| number_or::<u64>(of, key, 0).map(|seconds| seconds.saturating_mul(1000));
        let (timeout, gc_interval) = (milliseconds("timeout")?, milliseconds("gc-interval")?);
        Ok(Set {
            line: self.line,
            name: self.text(of, "name")?,
            handle: handle(of),
            map,
            key: self.type_of(of.get("type").ok_or_else(|| missing("type"))?)?,
            gives,
            flags: flags.bits(),
            timeout,
            gc_interval,
            size: number_or(of, "size", 0)?,
            memory: of.get("policy").and_then(Json::as_str) == Some("memory"),
            merges: is_set(of, "auto-merge"),
            comment: self.comment(of),
            statements,
            elements,
        })
    }

    /// `"ipv4_addr"`, `["ipv4_addr", "inet_service"]`, `"ipv4_addr . inet_service"`; of newer ones also
    /// `{"typeof": …}`.
    fn type_of(&mut self, of: &Json<'t>) -> Result<TypeOf<'t>, Fault> {
        if let Some(("typeof", expr)) = of.only() {
            return Ok(TypeOf::Exprs(self.expr(expr)?));
        }
        let mut names = Vec::new();
        for name in of.items() {
            match name {
                Json::Text(name) => names.extend(self.keep(name).split(" . ")),
                other => return Err(unknown("the type", &other.to_string())),
            }
        }
        Ok(TypeOf::Names(names))
    }

    /// That a map gives ranges is not told, but to be seen of what it gives.
    fn gives(&mut self, of: &Json<'t>, elements: &[Item<'t>]) -> Result<Gives<'t>, Fault> {
        let told = of.get("map").ok_or_else(|| missing("map"))?;
        Ok(match told.as_str().unwrap_or_default() {
            "verdict" => Gives::Verdict,
            "counter" => Gives::Object(1),
            "quota" => Gives::Object(2),
            "ct helper" => Gives::Object(3),
            "limit" => Gives::Object(4),
            "ct timeout" => Gives::Object(7),
            "secmark" => Gives::Object(8),
            "ct expectation" => Gives::Object(9),
            "synproxy" => Gives::Object(10),
            _ => {
                let interval = elements.iter().filter_map(|item| item.data.as_ref()).any(is_range);
                Gives::Values { of: self.type_of(told)?, interval }
            }
        })
    }

    pub(super) fn flowtable(&mut self, of: &Json<'t>) -> Result<Flowtable<'t>, Fault> {
        let flags = words(of, "flags");
        Ok(Flowtable {
            name: self.text(of, "name")?,
            handle: handle(of),
            priority: self.priority(of)?,
            devices: self.devices(of)?,
            offload: flags.contains(&"offload"),
            counter: flags.contains(&"counter"),
        })
    }

    /// A stateful object of this kind.
    pub(super) fn stateful(&mut self, kind: &str, of: &Json<'t>) -> Result<Object<'t>, Fault> {
        let body = match kind {
            "counter" => {
                let count = |key: &str| of.get(key).and_then(Json::as_count).unwrap_or(0);
                ObjectBody::Counter { packets: count("packets"), bytes: count("bytes") }
            }
            "quota" => {
                let bytes = of.get("bytes").and_then(Json::as_count).ok_or_else(|| missing("bytes"))?;
                let used = of.get("used").and_then(Json::as_count).unwrap_or(0);
                ObjectBody::Quota { bytes, over: is_set(of, "inv"), used }
            }
            "limit" => ObjectBody::Limit(limit(of)?),
            "secmark" => ObjectBody::Secmark(self.text(of, "context")?),
            "synproxy" => {
                let (mss, window_scale, told) = synproxy_of(of)?;
                // Both are always told: what is not set is zero.
                let set = |value: bool, flag: u32| if value { 0 } else { flag };
                let not_set = set(mss != 0, synproxy::MSS) | set(window_scale != 0, synproxy::WSCALE);
                ObjectBody::Synproxy { mss, window_scale, flags: told & !not_set }
            }
            _ => self.ct_object(kind, of)?,
        };
        Ok(Object { name: self.text(of, "name")?, handle: handle(of), comment: self.comment(of), body })
    }

    fn ct_object(&mut self, kind: &str, of: &Json<'t>) -> Result<ObjectBody<'t>, Fault> {
        let family = match of.get("l3proto").and_then(Json::as_str) {
            Some(name) => Some(family_named(name)?),
            None => None,
        };
        // A protocol without a name is told by its number, which is no name of any.
        let protocol = match of.get("protocol") {
            Some(Json::Text(name)) => self.keep(name),
            Some(number) => self.added(number.to_string()),
            None => "",
        };
        Ok(match kind {
            "ct helper" => ObjectBody::CtHelper { helper: self.text(of, "type")?, protocol, family },
            "ct timeout" => {
                let mut policy = Vec::new();
                if let Some(Json::Object(pairs)) = of.get("policy") {
                    for (state, seconds) in pairs {
                        let told = seconds.as_count().ok_or_else(|| unknown("the time", &seconds.to_string()))?;
                        policy.push((self.keep(state), told));
                    }
                }
                ObjectBody::CtTimeout { protocol, family, policy }
            }
            _ => ObjectBody::CtExpectation {
                protocol,
                family,
                dport: number_or(of, "dport", 0)?,
                timeout: number_or(of, "timeout", 0)?,
                size: number_or(of, "size", 0)?,
            },
        })
    }
}

/// Whether a value is a range, or has one.
fn is_range(of: &Expr<'_>) -> bool {
    match of {
        Expr::Prefix(..) | Expr::Range(_) => true,
        Expr::Concat(parts) => parts.iter().any(is_range),
        _ => false,
    }
}

pub(super) fn handle(of: &Json<'_>) -> Option<u64> {
    of.get("handle").and_then(Json::as_count)
}
