//! Statements of nft's JSON.

use super::expr::{family, missing, number, number_or, unknown};
use super::value::Json;
use super::{Fault, Reader, fault};
use crate::host::nft::{DynsetOp, Limit, ObjectKind, range, synproxy};
use crate::syntax::nft::read;
use crate::syntax::nft::tree::{Change, Expr, Log, Nat, NatKind, Reject, Sign, Statement};

impl<'t> Reader<'t> {
    /// A statement. What nft has no JSON for is told in its own language, as a text.
    pub(super) fn statement(&mut self, json: &Json<'t>) -> Result<Statement<'t>, Fault> {
        match json {
            Json::Text(text) => {
                let text = self.keep(text);
                let first = text.split_whitespace().next().unwrap_or_default();
                read::statement(text).ok_or_else(|| unknown("the statement", first))
            }
            _ => {
                let (key, value) = json.only().ok_or_else(|| fault("a statement of several"))?;
                self.statement_of(key, value)
            }
        }
    }

    pub(super) fn statements_of(&mut self, list: &Json<'t>) -> Result<Vec<Statement<'t>>, Fault> {
        list.items().iter().map(|statement| self.statement(statement)).collect()
    }

    pub(super) fn statement_of(&mut self, key: &str, value: &Json<'t>) -> Result<Statement<'t>, Fault> {
        if let Some(verdict) = self.verdict(key, value) {
            return verdict.map(Statement::Verdict);
        }
        if let Some(object) = self.object(key, value) {
            return object;
        }
        Ok(match key {
            "match" => self.matching(value)?,
            "counter" => Statement::Counter {
                packets: value.get("packets").and_then(Json::as_count).unwrap_or(0),
                bytes: value.get("bytes").and_then(Json::as_count).unwrap_or(0),
            },
            "limit" => Statement::Limit(limit(value)?),
            "quota" => {
                let bytes = sized(value, "val", "val_unit")?;
                let used = if value.get("used").is_some() { sized(value, "used", "used_unit")? } else { 0 };
                Statement::Quota { bytes, over: is_set(value, "inv"), used }
            }
            "last" => Statement::Last(value.get("used").and_then(Json::as_count)),
            "ct count" => Statement::Connlimit { count: number(value, "val")?, over: is_set(value, "inv") },
            "mangle" => Statement::Set { left: self.needed(value, "key")?, value: self.needed(value, "value")? },
            "reset" => Statement::Reset(self.expr(value)?),
            "vmap" => {
                let (key, map) = self.key_and_map(value)?;
                Statement::VerdictMap { key, map }
            }
            "log" => Statement::Log(self.log(value)?),
            "reject" => Statement::Reject { with: self.reject(value)? },
            "snat" => self.nat(NatKind::Snat, value)?,
            "dnat" => self.nat(NatKind::Dnat, value)?,
            "masquerade" => self.nat(NatKind::Masquerade, value)?,
            "redirect" => self.nat(NatKind::Redirect, value)?,
            "tproxy" => Statement::Tproxy {
                family: family(value)?,
                address: self.maybe(value, "addr")?,
                port: self.maybe(value, "port")?,
            },
            "dup" => Statement::Dup { to: self.needed(value, "addr")?, device: self.maybe(value, "dev")? },
            "fwd" => Statement::Fwd {
                family: family(value)?,
                address: self.maybe(value, "addr")?,
                device: self.needed(value, "dev")?,
            },
            "queue" => self.queue(value)?,
            "synproxy" => {
                let (mss, window_scale, flags) = synproxy_of(value)?;
                Statement::Synproxy { mss, window_scale, flags }
            }
            "notrack" => Statement::Notrack,
            "flow" => Statement::FlowOffload(self.text(value, "flowtable")?.trim_start_matches('@')),
            "set" => self.change(value, "set")?,
            "map" => self.change(value, "map")?,
            "meter" => self.meter(value)?,
            "xt" => self.xt(value)?,
            other => return Err(unknown("the statement", other)),
        })
    }

    fn matching(&mut self, of: &Json<'t>) -> Result<Statement<'t>, Fault> {
        let (left, right) = (self.needed(of, "left")?, self.needed(of, "right")?);
        let sign = match of.get("op").and_then(Json::as_str).unwrap_or("==") {
            "in" => Sign::Implied,
            "==" => Sign::Equal,
            "!=" => Sign::NotEqual,
            "<" => Sign::Less,
            "<=" => Sign::LessOrEqual,
            ">" => Sign::Greater,
            ">=" => Sign::GreaterOrEqual,
            "!" => Sign::Not,
            other => return Err(unknown("the comparison", other)),
        };
        // Of an option by its number nft does not tell that it is only asked for.
        let left = match (left, &right) {
            (Expr::TcpOption { kind, .. }, Expr::Word(_)) => Expr::TcpOption { kind, bit: 0, bits: 0 },
            (left, _) => left,
        };
        Ok(Statement::Match { left, sign, right })
    }

    /// A stateful object by its name, or what a map gives for something; `None`: it is none.
    fn object(&mut self, key: &str, value: &Json<'t>) -> Option<Result<Statement<'t>, Fault>> {
        let kind = match key {
            "counter" => ObjectKind::COUNTER,
            "quota" => ObjectKind::QUOTA,
            "limit" => ObjectKind::LIMIT,
            "synproxy" => ObjectKind::SYNPROXY,
            "secmark" => ObjectKind::SECMARK,
            "ct helper" => ObjectKind::CT_HELPER,
            "ct timeout" => ObjectKind::CT_TIMEOUT,
            "ct expectation" => ObjectKind::CT_EXPECTATION,
            _ => return None,
        };
        let name = match value {
            Json::Text(text) => Ok(Expr::Text(self.keep(text))),
            _ => match value.only() {
                Some(("map", _)) => self.expr(value),
                _ => return None,
            },
        };
        Some(name.map(|name| Statement::Object { kind: kind.0, name }))
    }

    fn log(&mut self, of: &Json<'t>) -> Result<Log<'t>, Fault> {
        const LEVELS: [&str; 9] = ["emerg", "alert", "crit", "err", "warn", "notice", "info", "debug", "audit"];
        let mut log = Log::default();
        let Json::Object(pairs) = of else { return Ok(log) };
        for (key, value) in pairs {
            match &**key {
                "prefix" => log.prefix = Some(self.text(of, key)?),
                "group" => log.group = Some(number(of, key)?),
                "snaplen" => log.snaplen = Some(number(of, key)?),
                "queue-threshold" => log.qthreshold = Some(number(of, key)?),
                "level" => {
                    let level = value.as_str().and_then(|level| LEVELS.iter().position(|known| *known == level));
                    log.level = Some(level.ok_or_else(|| unknown("the level", &value.to_string()))? as u32);
                }
                "flags" => {
                    for flag in words(of, key) {
                        log.flags |= match flag {
                            "tcp sequence" => 1,
                            "tcp options" => 2,
                            "ip options" => 4,
                            "skuid" => 8,
                            "ether" => 0x20,
                            "all" => 0x2f,
                            other => return Err(unknown("the flag of log", other)),
                        };
                    }
                }
                other => return Err(unknown("log", other)),
            }
        }
        Ok(log)
    }

    fn reject(&mut self, of: &Json<'t>) -> Result<Reject<'t>, Fault> {
        let Some(kind) = of.get("type") else { return Ok(Reject::Default) };
        Ok(match kind.as_str().unwrap_or_default() {
            "tcp reset" => Reject::Reset,
            "icmp" => Reject::Icmp(self.needed(of, "expr")?),
            "icmpv6" => Reject::Icmp6(self.needed(of, "expr")?),
            "icmpx" => Reject::Icmpx(self.needed(of, "expr")?),
            other => return Err(unknown("reject with", other)),
        })
    }

    fn nat(&mut self, kind: NatKind, of: &Json<'t>) -> Result<Statement<'t>, Fault> {
        let mut flags = 0;
        for flag in words(of, "flags") {
            flags |= match flag {
                "random" => range::RANDOM,
                "fully-random" => range::RANDOM_FULLY,
                "persistent" => range::PERSISTENT,
                "netmap" => range::NETMAP,
                other => return Err(unknown("the flag of nat", other)),
            };
        }
        let kinds = words(of, "type_flags");
        if kinds.contains(&"prefix") {
            flags |= range::NETMAP;
        }
        Ok(Statement::Nat(Box::new(Nat {
            kind,
            family: family(of)?,
            address: self.maybe(of, "addr")?,
            port: self.maybe(of, "port")?,
            both: kinds.contains(&"concat"),
            flags,
        })))
    }

    /// `{"set": {"op": "add", "elem": …, "set": "@s"}}`; with `data` where the set is a map.
    fn change(&mut self, of: &Json<'t>, set: &str) -> Result<Statement<'t>, Fault> {
        let op = match of.get("op").and_then(Json::as_str).unwrap_or_default() {
            "add" => DynsetOp::Add,
            "update" => DynsetOp::Update,
            "delete" => DynsetOp::Delete,
            other => return Err(unknown("the change", other)),
        };
        let set = self.text(of, set)?;
        let set = set.strip_prefix('@').ok_or_else(|| unknown("the set", set))?;
        let item = self.key_that_changes(of.get("elem").ok_or_else(|| missing("elem"))?)?;
        let (key, timeout, mut statements) = item;
        if let Some(told) = of.get("stmt") {
            statements.extend(self.statements_of(told)?);
        }
        let data = self.maybe(of, "data")?;
        Ok(Statement::Change(Box::new(Change { op, set, key, timeout, data, statements })))
    }

    fn key_that_changes(&mut self, of: &Json<'t>) -> Result<(Expr<'t>, Option<u64>, Vec<Statement<'t>>), Fault> {
        match of.only() {
            Some(("elem", told)) => {
                let item = self.told(told)?;
                Ok((item.key, item.timeout, item.statements))
            }
            _ => Ok((self.expr(of)?, None, Vec::new())),
        }
    }

    fn queue(&mut self, of: &Json<'t>) -> Result<Statement<'t>, Fault> {
        let flags = words(of, "flags");
        let (bypass, fanout) = (flags.contains(&"bypass"), flags.contains(&"fanout"));
        Ok(Statement::Queue { to: self.maybe(of, "num")?, bypass, fanout })
    }

    fn meter(&mut self, of: &Json<'t>) -> Result<Statement<'t>, Fault> {
        let (key, timeout, _) = self.key_that_changes(of.get("key").ok_or_else(|| missing("key"))?)?;
        let statement = Box::new(self.statement(of.get("stmt").ok_or_else(|| missing("stmt"))?)?);
        let (name, size) = (self.text(of, "name")?, number_or(of, "size", 0)?);
        Ok(Statement::Meter { name, size, key, timeout, statement })
    }

    /// A part of xtables, of which nft's JSON tells the name alone.
    fn xt(&mut self, of: &Json<'t>) -> Result<Statement<'t>, Fault> {
        let (kind, name) = (of.get("type").and_then(Json::as_str), self.text(of, "name"));
        let (Some(kind), Ok(name)) = (kind, name) else { return Err(fault("an xtables part without a name")) };
        self.note(format!("iptables' {kind} {name}: nft's JSON leaves out what it says, iptables-save tells it"));
        Ok(Statement::Xt { target: kind != "match", name })
    }
}

/// Words under a key: one, several or none.
pub(super) fn words<'j>(of: &'j Json<'_>, key: &str) -> Vec<&'j str> {
    of.get(key).map(Json::items).unwrap_or_default().iter().map(|word| word.as_str().unwrap_or_default()).collect()
}

pub(super) fn is_set(of: &Json<'_>, key: &str) -> bool {
    of.get(key) == Some(&Json::Bool(true))
}

/// A number of bytes, in the unit that is told.
fn sized(of: &Json<'_>, key: &str, unit: &str) -> Result<u64, Fault> {
    let count = of.get(key).and_then(Json::as_count).ok_or_else(|| missing(key))?;
    let size = match of.get(unit).and_then(Json::as_str) {
        None | Some("bytes" | "packets") => 1,
        Some("kbytes") => 1024,
        Some("mbytes") => 1024 * 1024,
        Some(other) => return Err(unknown("the unit", other)),
    };
    count.checked_mul(size).ok_or_else(|| unknown(key, &count.to_string()))
}

pub(super) fn limit(of: &Json<'_>) -> Result<Limit, Fault> {
    let unit = match of.get("per").and_then(Json::as_str).unwrap_or("second") {
        "second" => 1,
        "minute" => 60,
        "hour" => 3_600,
        "day" => 86_400,
        "week" => 604_800,
        other => return Err(unknown("the unit", other)),
    };
    let bytes = of.get("rate_unit").and_then(Json::as_str).is_some_and(|unit| unit != "packets");
    let burst = if of.get("burst").is_some() { sized(of, "burst", "burst_unit")? } else { 0 };
    let burst = u32::try_from(burst).map_err(|_| unknown("burst", &burst.to_string()))?;
    Ok(Limit { rate: sized(of, "rate", "rate_unit")?, unit, burst, bytes, over: is_set(of, "inv") })
}

pub(super) fn synproxy_of(of: &Json<'_>) -> Result<(u16, u8, u32), Fault> {
    let mut flags = 0;
    let told = |key: &str, flag: u32| if of.get(key).is_some() { flag } else { 0 };
    flags |= told("mss", synproxy::MSS) | told("wscale", synproxy::WSCALE);
    for flag in words(of, "flags") {
        flags |= match flag {
            "timestamp" => synproxy::TIMESTAMP,
            "sack-perm" => synproxy::SACK_PERM,
            other => return Err(unknown("the flag of synproxy", other)),
        };
    }
    Ok((number_or(of, "mss", 0)?, number_or(of, "wscale", 0)?, flags))
}
