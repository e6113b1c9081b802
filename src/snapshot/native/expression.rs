//! An expression as a line: `[ payload transport 2 2 => reg 0 ]`.
//!
//! Every expression has its form, the printer's and the reader's side by side. Deliberately does not know which expressions
//! make sense together.

mod more;

use std::collections::HashMap;

use super::words::{self, Cursor, Word};
use crate::host::nft::{
    ChainRef, CompareOp, CtKey, Expression, FibResult, Log, LookupResult, MetaKey, Nat, PayloadBase, Queues, Register,
    RejectKind, Undecoded, Verdict, fib,
};
use crate::host::xt::{self, CtDirection};
use crate::host::{Backend, Body, Family, IpFamily, Name, Table};
use crate::syntax::{iptables, nft};

pub(super) use more::{limit, limit_text, stateful, synproxy, synproxy_text};

/// Words for the values of an enum, one for each.
pub(super) type Words<T> = &'static [(T, &'static str)];

const BASES: Words<PayloadBase> = &[
    (PayloadBase::Link, "link"),
    (PayloadBase::Network, "network"),
    (PayloadBase::Transport, "transport"),
    (PayloadBase::Inner, "inner"),
    (PayloadBase::Tunnel, "tunnel"),
];
const OPS: Words<CompareOp> = &[
    (CompareOp::Equal, "eq"),
    (CompareOp::NotEqual, "ne"),
    (CompareOp::Less, "lt"),
    (CompareOp::LessOrEqual, "le"),
    (CompareOp::Greater, "gt"),
    (CompareOp::GreaterOrEqual, "ge"),
];
const RESULTS: Words<FibResult> =
    &[(FibResult::Oif, "oif"), (FibResult::OifName, "oifname"), (FibResult::AddressType, "type")];
const FIB_FLAGS: Words<u32> = &[
    (fib::SADDR, "saddr"),
    (fib::DADDR, "daddr"),
    (fib::MARK, "mark"),
    (fib::IIF, "iif"),
    (fib::OIF, "oif"),
    (fib::PRESENT, "present"),
];
const REJECTS: Words<RejectKind> =
    &[(RejectKind::Icmp, "icmp"), (RejectKind::TcpReset, "tcp-reset"), (RejectKind::Icmpx, "icmpx")];
const DIRECTIONS: Words<CtDirection> = &[(CtDirection::Original, "original"), (CtDirection::Reply, "reply")];
pub(super) const FAMILIES: Words<Family> = &[
    (Family::Ip, "ip"),
    (Family::Ip6, "ip6"),
    (Family::Inet, "inet"),
    (Family::Arp, "arp"),
    (Family::Bridge, "bridge"),
    (Family::Netdev, "netdev"),
];

/// The word for a value.
pub(super) fn word_of<T: PartialEq>(table: Words<T>, value: &T) -> &'static str {
    table.iter().find(|(known, _)| known == value).map_or("?", |(_, word)| word)
}

/// The value that a word stands for.
pub(super) fn value_of<T: Copy>(table: Words<T>, word: &str) -> Option<T> {
    table.iter().find(|(_, known)| *known == word).map(|(value, _)| *value)
}

/// What is known of the table while its rules are written or read.
#[derive(Clone, Copy)]
pub(super) struct Scope<'t> {
    /// The family of the table.
    pub family: Family,
    /// The numbers of its chains, while it is read: rules name chains that come after them.
    pub chains: Option<&'t HashMap<Name, u32>>,
    /// The table, while it is written.
    pub table: Option<&'t Table>,
}

impl Scope<'_> {
    fn chain(&self, chain: u32) -> String {
        match self.table.and_then(|table| table.chains.get(chain as usize)) {
            Some(chain) => words::name(&chain.name),
            // No table has such a rule.
            None => format!("?{chain}"),
        }
    }

    fn chain_in(&self, cursor: &mut Cursor) -> Option<u32> {
        let name = cursor.text()?;
        self.chains?.get(name).copied()
    }
}

/// A verdict.
pub(super) fn verdict_text(scope: Scope, verdict: &Verdict) -> String {
    match verdict {
        Verdict::Accept => "accept".to_owned(),
        Verdict::Drop => "drop".to_owned(),
        Verdict::Continue => "continue".to_owned(),
        Verdict::Break => "break".to_owned(),
        Verdict::Return => "return".to_owned(),
        Verdict::Jump(ChainRef(to)) => format!("jump {}", scope.chain(*to)),
        Verdict::Goto(ChainRef(to)) => format!("goto {}", scope.chain(*to)),
        Verdict::Queue { queue, bypass } => format!("queue {queue}{}", if *bypass { " bypass" } else { "" }),
    }
}

/// Reads what [`verdict_text`] writes.
pub(super) fn verdict(scope: Scope, cursor: &mut Cursor) -> Option<Verdict> {
    Some(match cursor.text()? {
        "accept" => Verdict::Accept,
        "drop" => Verdict::Drop,
        "continue" => Verdict::Continue,
        "break" => Verdict::Break,
        "return" => Verdict::Return,
        "jump" => Verdict::Jump(ChainRef(scope.chain_in(cursor)?)),
        "goto" => Verdict::Goto(ChainRef(scope.chain_in(cursor)?)),
        "queue" => Verdict::Queue { queue: cursor.number()?, bypass: cursor.skip("bypass") },
        _ => return None,
    })
}

fn meta_text(key: MetaKey) -> String {
    nft::meta_name(key).map_or_else(|| key.0.to_string(), str::to_owned)
}

fn meta(word: &str) -> Option<MetaKey> {
    nft::meta_key(word).or_else(|| word.parse().ok().map(MetaKey))
}

fn ct_text(key: CtKey) -> String {
    nft::ct_name(key).map_or_else(|| key.0.to_string(), |name| name.replace(' ', "-"))
}

fn ct(word: &str) -> Option<CtKey> {
    nft::ct_key(&word.replacen("ip-", "ip ", 1).replacen("ip6-", "ip6 ", 1)).or_else(|| word.parse().ok().map(CtKey))
}

fn pair_text(word: &str, pair: Option<(Register, Register)>) -> String {
    pair.map_or(String::new(), |(Register(first), Register(last))| format!(" {word} {first} {last}"))
}

/// `addresses 0 1`, where it is there; the outer `None`: it cannot be read.
fn pair(cursor: &mut Cursor, word: &str) -> Option<Option<(Register, Register)>> {
    if !cursor.skip(word) {
        return Some(None);
    }
    Some(Some((Register(cursor.number()?), Register(cursor.number()?))))
}

/// An expression without its brackets.
pub(super) fn text(scope: Scope, expression: &Expression) -> String {
    let hex = words::hex;
    match expression {
        Expression::Payload { base, offset, length, to } => {
            format!("payload {} {offset} {length} => reg {}", word_of(BASES, base), to.0)
        }
        Expression::Meta { key, to } => format!("meta {} => reg {}", meta_text(*key), to.0),
        Expression::MetaSet { key, from } => format!("meta-set {} reg {}", meta_text(*key), from.0),
        Expression::Ct { key, direction, to } => {
            let direction = direction.map_or(String::new(), |way| format!(" {}", word_of(DIRECTIONS, &way)));
            format!("ct {}{direction} => reg {}", ct_text(*key), to.0)
        }
        Expression::CtSet { key, direction, from } => {
            let direction = direction.map_or(String::new(), |way| format!(" {}", word_of(DIRECTIONS, &way)));
            format!("ct-set {}{direction} reg {}", ct_text(*key), from.0)
        }
        Expression::Fib { result, flags, to } => {
            format!("fib {} {} => reg {}", word_of(RESULTS, result), fib_flags_text(*flags), to.0)
        }
        Expression::Immediate { to, data } => format!("immediate {} => reg {}", hex(data), to.0),
        Expression::Verdict(verdict) => format!("verdict {}", verdict_text(scope, verdict)),
        Expression::Compare { from, op, data } => format!("cmp {} reg {} {}", word_of(OPS, op), from.0, hex(data)),
        Expression::Range { from, not, ends } => {
            format!("range {} reg {} {} {}", if *not { "ne" } else { "eq" }, from.0, hex(&ends.0), hex(&ends.1))
        }
        Expression::Bitwise { from, to, mask_xor } => {
            format!("bitwise reg {} & {} ^ {} => reg {}", from.0, hex(&mask_xor.0), hex(&mask_xor.1), to.0)
        }
        Expression::Byteorder { from, to, size, length, to_network } => {
            let word = if *to_network { "hton" } else { "ntoh" };
            format!("byteorder {word} {size} {length} reg {} => reg {}", from.0, to.0)
        }
        Expression::Lookup { set, from, to, not } => {
            let to = match to {
                None => String::new(),
                Some(LookupResult::Verdict) => " => verdict".to_owned(),
                Some(LookupResult::Data(Register(to))) => format!(" => reg {to}"),
            };
            format!("lookup{} reg {} set {}{to}", if *not { " not" } else { "" }, from.0, words::name(set))
        }
        Expression::Match(matched) => format!("match {}", foreign(iptables::match_text(scope.family, matched))),
        Expression::Target(target) => match (&**target, scope.table) {
            (xt::Target::Jump(chain), _) => format!("target jump {}", scope.chain(*chain)),
            (xt::Target::Goto(chain), _) => format!("target goto {}", scope.chain(*chain)),
            (target, Some(table)) => format!("target {}", foreign(iptables::target_text(table, target))),
            (_, None) => "target".to_owned(),
        },
        Expression::Undecoded(undecoded) => {
            format!("undecoded {} {}", words::name(&undecoded.name), hex(&undecoded.data))
        }
        _ => more::text(scope, expression).unwrap_or_else(|| statement_text(expression)),
    }
}

/// iptables' words as they are, unless they would not stay on their line.
fn foreign(text: String) -> String {
    let odd = text.contains(|sign: char| sign.is_control()) || text != text.trim();
    if odd { words::quoted(&text) } else { text }
}

/// Expressions that touch no register, or only name those of a range.
fn statement_text(expression: &Expression) -> String {
    match expression {
        Expression::Notrack => "notrack".to_owned(),
        Expression::Log(log) => log_text(log),
        Expression::Nat(nat) => {
            let way = if nat.destination { "dnat" } else { "snat" };
            let (addresses, ports) = (pair_text("addresses", nat.addresses), pair_text("ports", nat.ports));
            format!("nat {way} {}{addresses}{ports} flags {}", nat.family, nat.flags)
        }
        Expression::Masquerade { ports, flags } => format!("masquerade{} flags {flags}", pair_text("ports", *ports)),
        Expression::Redirect { ports, flags } => format!("redirect{} flags {flags}", pair_text("ports", *ports)),
        Expression::Reject { kind, code } => format!("reject {} {code}", word_of(REJECTS, kind)),
        // Written by `text`.
        _ => String::new(),
    }
}

/// Names of flags; a number where some have none.
fn fib_flags_text(flags: u32) -> String {
    let known: Vec<&str> = FIB_FLAGS.iter().filter(|(flag, _)| flags & flag != 0).map(|(_, word)| *word).collect();
    let all: u32 = FIB_FLAGS.iter().map(|(flag, _)| flag).sum();
    if known.is_empty() || flags & !all != 0 { flags.to_string() } else { known.join(",") }
}

fn fib_flags(word: &str) -> Option<u32> {
    match word.parse() {
        Ok(flags) => Some(flags),
        Err(_) => word.split(',').try_fold(0, |flags, word| Some(flags | value_of(FIB_FLAGS, word)?)),
    }
}

fn log_text(log: &Log) -> String {
    let number = |key: &str, number: Option<u32>| number.map(|number| format!("{key}={number}"));
    let each = [
        log.prefix.as_ref().map(|prefix| format!("prefix={}", words::quoted(prefix))),
        number("level", log.level),
        number("flags", log.flags),
        number("group", log.group.map(u32::from)),
        number("snaplen", log.snaplen),
        number("qthreshold", log.qthreshold.map(u32::from)),
    ];
    each.into_iter().flatten().fold("log".to_owned(), |text, part| format!("{text} {part}"))
}

fn log(words: &[Word]) -> Option<Log> {
    fn number<N: std::str::FromStr>(words: &[Word], key: &str) -> Option<Option<N>> {
        words::value(words, key).map_or(Some(None), |value| value.parse().ok().map(Some))
    }
    let keys = ["prefix", "level", "flags", "group", "snaplen", "qthreshold"];
    let known = |word: &Word| word.text.split_once('=').is_some_and(|(key, _)| keys.contains(&key));
    if !words.iter().all(known) {
        return None;
    }
    Some(Log {
        prefix: words::value(words, "prefix").map(Name::from),
        level: number(words, "level")?,
        flags: number(words, "flags")?,
        group: number(words, "group")?,
        snaplen: number(words, "snaplen")?,
        qthreshold: number(words, "qthreshold")?,
    })
}

/// Reads what [`text`] writes.
pub(super) fn parse(scope: Scope, line: &str) -> Option<Expression> {
    for (name, read) in [("match ", matched as fn(Scope, &str) -> Option<Expression>), ("target", target)] {
        if let Some(rest) = line.strip_prefix(name) {
            return read(scope, rest.trim());
        }
    }
    let words = words::split(line)?;
    let mut cursor = Cursor::new(&words);
    let name = cursor.text()?;
    let found = match name {
        "counter" | "limit" => more::stateful(name, &mut cursor),
        name if STATEMENTS.contains(&name) => statement(name, &mut cursor),
        name if more::knows(name) => more::parse(scope, name, &mut cursor),
        name => load(scope, name, &mut cursor),
    };
    found.filter(|_| cursor.is_empty())
}

/// The first words of what [`statement_text`] writes.
const STATEMENTS: [&str; 6] = ["notrack", "log", "nat", "masquerade", "redirect", "reject"];

/// Expressions that load registers, verdicts, and all others that use registers.
fn load(scope: Scope, name: &str, cursor: &mut Cursor) -> Option<Expression> {
    Some(match name {
        "payload" => Expression::Payload {
            base: value_of(BASES, cursor.text()?)?,
            offset: cursor.number()?,
            length: cursor.number()?,
            to: cursor.to()?,
        },
        "meta" => Expression::Meta { key: meta(cursor.text()?)?, to: cursor.to()? },
        "meta-set" => Expression::MetaSet { key: meta(cursor.text()?)?, from: cursor.register()? },
        "ct" => {
            let key = ct(cursor.text()?)?;
            let direction = DIRECTIONS.iter().find(|(_, word)| cursor.skip(word)).map(|(way, _)| *way);
            Expression::Ct { key, direction, to: cursor.to()? }
        }
        "ct-set" => {
            let key = ct(cursor.text()?)?;
            let direction = DIRECTIONS.iter().find(|(_, word)| cursor.skip(word)).map(|(way, _)| *way);
            Expression::CtSet { key, direction, from: cursor.register()? }
        }
        "fib" => Expression::Fib {
            result: value_of(RESULTS, cursor.text()?)?,
            flags: fib_flags(cursor.text()?)?,
            to: cursor.to()?,
        },
        "immediate" => {
            let data = cursor.bytes()?;
            Expression::Immediate { to: cursor.to()?, data }
        }
        "verdict" => verdict_expression(scope, cursor)?,
        "undecoded" => {
            let name = cursor.name()?;
            Expression::Undecoded(Box::new(Undecoded { name, data: cursor.bytes()? }))
        }
        _ => return question(name, cursor),
    })
}

/// A verdict; recordings of old have the queues of `queue` here: `queue 1 3 bypass`.
fn verdict_expression(scope: Scope, cursor: &mut Cursor) -> Option<Expression> {
    let mut old = cursor.clone();
    if old.skip("queue")
        && let (Some(first), Some(last)) = (old.number(), old.number())
    {
        let bypass = old.skip("bypass");
        *cursor = old;
        return Some(Expression::Queue { to: Queues::Range(first, last), bypass, fanout: false });
    }
    verdict(scope, cursor).map(Expression::Verdict)
}

/// Expressions that ask or change registers.
fn question(name: &str, cursor: &mut Cursor) -> Option<Expression> {
    Some(match name {
        "cmp" => {
            let op = value_of(OPS, cursor.text()?)?;
            Expression::Compare { from: cursor.register()?, op, data: cursor.bytes()? }
        }
        "range" => {
            let not = match cursor.text()? {
                "eq" => false,
                "ne" => true,
                _ => return None,
            };
            let from = cursor.register()?;
            Expression::Range { from, not, ends: Box::new((cursor.bytes()?, cursor.bytes()?)) }
        }
        "bitwise" => {
            let from = cursor.register()?;
            let mask = cursor.skip("&").then(|| cursor.bytes())??;
            let xor = cursor.skip("^").then(|| cursor.bytes())??;
            Expression::Bitwise { from, to: cursor.to()?, mask_xor: Box::new((mask, xor)) }
        }
        "byteorder" => {
            let to_network = match cursor.text()? {
                "hton" => true,
                "ntoh" => false,
                _ => return None,
            };
            let (size, length) = (cursor.number()?, cursor.number()?);
            Expression::Byteorder { from: cursor.register()?, to: cursor.to()?, size, length, to_network }
        }
        "lookup" => {
            let not = cursor.skip("not");
            let from = cursor.register()?;
            let set = cursor.skip("set").then(|| cursor.name())??;
            let to = match (cursor.skip("=>"), cursor.skip("verdict")) {
                (false, _) => None,
                (true, true) => Some(LookupResult::Verdict),
                (true, false) => Some(LookupResult::Data(cursor.register()?)),
            };
            Expression::Lookup { set, from, to, not }
        }
        _ => return None,
    })
}

/// Reads what [`statement_text`] writes.
fn statement(name: &str, cursor: &mut Cursor) -> Option<Expression> {
    Some(match name {
        "notrack" => Expression::Notrack,
        "log" => Expression::Log(Box::new(log(cursor.all())?)),
        "nat" => {
            let destination = match cursor.text()? {
                "dnat" => true,
                "snat" => false,
                _ => return None,
            };
            let family = value_of(FAMILIES, cursor.text()?)?;
            let (addresses, ports) = (pair(cursor, "addresses")?, pair(cursor, "ports")?);
            let flags = cursor.skip("flags").then(|| cursor.number())??;
            Expression::Nat(Box::new(Nat { destination, family, addresses, ports, flags }))
        }
        "masquerade" | "redirect" => {
            let ports = pair(cursor, "ports")?;
            let flags = cursor.skip("flags").then(|| cursor.number())??;
            match name {
                "redirect" => Expression::Redirect { ports, flags },
                _ => Expression::Masquerade { ports, flags },
            }
        }
        "reject" => Expression::Reject { kind: value_of(REJECTS, cursor.text()?)?, code: cursor.number()? },
        _ => return None,
    })
}

/// A rule of iptables with these words alone.
fn iptables_rule(scope: Scope, text: &str) -> Option<xt::Rule> {
    let unquoted = words::split(text).filter(|_| text.starts_with('"')).and_then(|words| words.into_iter().next());
    let text = unquoted.map_or_else(|| text.to_owned(), |word| word.text);
    let family = if scope.family == Family::Ip6 { IpFamily::V6 } else { IpFamily::V4 };
    let options = iptables::Options { family: Some(family), backend: Backend::IptablesNft };
    let dump = iptables::parse(&format!("*filter\n:one - [0:0]\n-A one {text}\nCOMMIT\n"), &options);
    let table = dump.ruleset.tables.into_iter().next()?;
    let rule = table.chains.into_iter().next()?.rules.into_iter().next()?;
    match rule.body {
        Body::Iptables(rule) => Some(rule),
        Body::Nft(_) => None,
    }
}

fn matched(scope: Scope, text: &str) -> Option<Expression> {
    let rule = iptables_rule(scope, text)?;
    let [only] = &rule.matches[..] else { return None };
    (rule.target == xt::Target::Continue).then(|| Expression::Match(Box::new(only.clone())))
}

fn target(scope: Scope, text: &str) -> Option<Expression> {
    let words = words::split(text).unwrap_or_default();
    let mut cursor = Cursor::new(&words);
    let target = if cursor.skip("jump") {
        xt::Target::Jump(scope.chain_in(&mut cursor)?)
    } else if cursor.skip("goto") {
        xt::Target::Goto(scope.chain_in(&mut cursor)?)
    } else {
        let rule = iptables_rule(scope, text)?;
        rule.matches.is_empty().then_some(rule.target)?
    };
    Some(Expression::Target(Box::new(target)))
}
