//! What `nft --debug=netlink list ruleset` prints, as a table of the model: the kernel's form without a netlink decoder.
//!
//! It shows words in host order and not how many bytes count: that is told by what was loaded.

use std::collections::HashMap;

use whyport::host::nft::*;
use whyport::host::xt::CtDirection;
use whyport::host::{Backend, Body, Chain, Family, Name, Rule as AnyRule, Table};

/// A listing, read.
pub struct Listing {
    pub table: Table,
    /// What nft prints of the rules in the chains `c0`, `c1` and so on.
    pub printed: Vec<String>,
}

/// Bytes of words such as `0x00005000 0x00000001`.
fn bytes<'a>(words: impl Iterator<Item = &'a str>) -> Box<[u8]> {
    words
        .map_while(|word| u32::from_str_radix(word.strip_prefix("0x").unwrap_or(word), 16).ok())
        .flat_map(u32::to_ne_bytes)
        .collect()
}

fn cut(data: Box<[u8]>, length: usize) -> Box<[u8]> {
    if length == 0 || length >= data.len() { data } else { data[..length].into() }
}

/// `reg 1` is the first word, `reg 9` the second.
fn register(word: &str) -> Register {
    let number: u8 = word.trim_end_matches(',').parse().unwrap();
    Register(if number >= 8 { number - 8 } else { (number - 1) * 4 })
}

#[derive(Default)]
struct Reader {
    chains: Vec<Name>,
    /// The lines of each set's elements.
    sets: HashMap<String, Vec<String>>,
    done: Vec<Set>,
    /// How many bytes lie in each word's register.
    lengths: HashMap<u8, usize>,
}

pub fn read(text: &str, rules: &[&str]) -> Listing {
    let (debug, listing) = text.split_once("\ntable ").unwrap();
    let family = match listing.split(' ').next().unwrap() {
        "ip" => Family::Ip,
        "ip6" => Family::Ip6,
        _ => Family::Inet,
    };
    let mut reader = Reader::default();
    let mut printed = vec![String::new(); rules.len()];
    let mut lines = listing.lines();
    while let Some(line) = lines.next() {
        let Some(name) = line.trim().strip_prefix("chain ").and_then(|line| line.strip_suffix(" {")) else { continue };
        reader.chains.push(name.into());
        if let Some(at) = name.strip_prefix('c').and_then(|at| at.parse::<usize>().ok()) {
            printed[at] = lines.next().unwrap().trim().to_owned();
        }
    }
    let mut set = String::new();
    let mut chain = String::new();
    let mut bodies: HashMap<String, Vec<&str>> = HashMap::new();
    for line in debug.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        if let Some(element) = line.strip_prefix("\telement ") {
            reader.sets.entry(set.clone()).or_default().push(element.to_owned());
        } else if line.starts_with("  [") || line.starts_with("  userdata") {
            bodies.entry(chain.clone()).or_default().push(line.trim());
        } else if let [_, _, name, ..] = words[..] {
            match name.strip_prefix('@') {
                Some(name) => set = name.to_owned(),
                None => chain = name.to_owned(),
            }
        }
    }
    let chains: Vec<Chain> = reader
        .chains
        .clone()
        .iter()
        .map(|name| {
            let lines = bodies.remove(&**name);
            let at = name.strip_prefix('c').and_then(|at| at.parse::<usize>().ok());
            let rules = lines.map(|lines| reader.rule(&lines, rules[at.unwrap()])).into_iter().collect();
            Chain { name: name.clone(), base: None, rules }
        })
        .collect();
    let sets = reader.done;
    Listing { table: Table { family, name: "t".into(), backend: Backend::Nft, chains, sets }, printed }
}

impl Reader {
    fn rule(&mut self, lines: &[&str], rule: &str) -> AnyRule {
        let mut comment = None;
        let mut expressions = Vec::new();
        for line in lines {
            if line.starts_with("userdata") {
                let (_, text) = rule.split_once("comment \"").unwrap();
                comment = Some(text.trim_end_matches('"').into());
                continue;
            }
            let line = line.trim_start_matches("[ ").trim_end_matches(" ]");
            let words: Vec<&str> = line.split_whitespace().collect();
            expressions.push(self.expression(line, &words, rule));
        }
        AnyRule { handle: None, body: Body::Nft(Box::new(Rule { expressions: expressions.into(), comment })) }
    }

    fn length(&self, from: Register) -> usize {
        self.lengths.get(&from.0).copied().unwrap_or(4)
    }

    fn expression(&mut self, line: &str, words: &[&str], rule: &str) -> Expression {
        let after = |word: &str| words.iter().position(|known| *known == word).map(|at| words[at + 1]);
        match words {
            ["meta", "load", key, "=>", "reg", to] => {
                let (key, to) = (MetaKey(meta(key)), register(to));
                let length = match key.0 {
                    12 | 15 | 16 | 19 | 25 | 31 => 1,
                    1 | 8 | 9 => 2,
                    6 | 7 | 17 | 18 => 16,
                    30 => 8,
                    _ => 4,
                };
                self.lengths.insert(to.0, length);
                Expression::Meta { key, to }
            }
            ["meta", "set", key, "with", "reg", from] => {
                Expression::MetaSet { key: MetaKey(meta(key)), from: register(from) }
            }
            ["ct", "load", key, "=>", "reg", to, rest @ ..] => {
                let to = register(to);
                let key = CtKey(CT.iter().position(|known| known == key).unwrap() as u32);
                let length = match key.0 {
                    1 | 7 | 10 => 1,
                    6 | 21 | 22 => 16,
                    11 | 12 | 17 => 2,
                    14..=16 => 8,
                    _ => 4,
                };
                self.lengths.insert(to.0, length);
                let direction = match rest {
                    [_, "dir", "original"] => Some(CtDirection::Original),
                    [_, "dir", "reply"] => Some(CtDirection::Reply),
                    _ => None,
                };
                Expression::Ct { key, direction, to }
            }
            ["ct", "set", key, "with", "reg", from] => {
                let key = CtKey(CT.iter().position(|known| known == key).unwrap() as u32);
                Expression::CtSet { key, from: register(from) }
            }
            ["fib", rest @ .., "=>", "reg", to] => {
                let present = rest.contains(&"present");
                let result = rest[rest.len() - 1 - usize::from(present)];
                let asked = &rest[..rest.len() - 1 - usize::from(present)];
                let mut flags = if present { fib::PRESENT } else { 0 };
                for (word, flag) in [("saddr", 1), ("daddr", 2), ("mark", 4), ("iif", 8), ("oif", 16)] {
                    flags |= if asked.contains(&word) { flag } else { 0 };
                }
                let (result, length) = match result {
                    "oif" => (FibResult::Oif, 4),
                    "oifname" => (FibResult::OifName, 16),
                    _ => (FibResult::AddressType, 4),
                };
                self.lengths.insert(register(to).0, length);
                Expression::Fib { result, flags, to: register(to) }
            }
            ["payload", "load", length, "@", base, "header", "+", offset, "=>", "reg", to] => {
                let length: u16 = length.trim_end_matches('b').parse().unwrap();
                let base = match *base {
                    "link" => PayloadBase::Link,
                    "network" => PayloadBase::Network,
                    _ => PayloadBase::Transport,
                };
                self.lengths.insert(register(to).0, length.into());
                Expression::Payload { base, offset: offset.parse().unwrap(), length, to: register(to) }
            }
            ["immediate", "reg", "0", rest @ ..] => Expression::Verdict(self.verdict(rest)),
            ["immediate", "reg", to, rest @ ..] => {
                let length = match rule {
                    rule if rule.contains("nftrace") => 1,
                    rule if rule.contains("zone") => 2,
                    _ => 0,
                };
                let data = bytes(rest.iter().copied());
                let port = data.len() == 4 && data[2..] == [0, 0] && rule.contains(" to ");
                let length = if port { 2 } else { length };
                Expression::Immediate { to: register(to), data: cut(data, length) }
            }
            ["cmp", op, "reg", from, data @ ..] => {
                let op = match *op {
                    "eq" => CompareOp::Equal,
                    "neq" => CompareOp::NotEqual,
                    "lt" => CompareOp::Less,
                    "lte" => CompareOp::LessOrEqual,
                    "gt" => CompareOp::Greater,
                    _ => CompareOp::GreaterOrEqual,
                };
                let from = register(from);
                // It does not show that a comparison with a prefix has fewer bytes than were loaded.
                let prefix = rule.contains("reply ip daddr 10.0.0.0/8");
                let length = if prefix { 1 } else { self.length(from) };
                let data = cut(bytes(data.iter().copied()), length);
                Expression::Compare { from, op, data }
            }
            ["range", op, "reg", from, data @ ..] => {
                let from = register(from);
                let (first, last) = data.split_at(data.len() / 2);
                let [first, last] = [first, last].map(|end| cut(bytes(end.iter().copied()), self.length(from)));
                Expression::Range { from, not: *op == "neq", ends: Box::new((first, last)) }
            }
            ["bitwise", "reg", to, "=", "(", "reg", from, "&", rest @ ..] => {
                let (from, to) = (register(from), register(to));
                let middle = rest.iter().position(|word| *word == ")").unwrap();
                let length = self.length(from);
                let mask = cut(bytes(rest[..middle].iter().copied()), length);
                let xor = cut(bytes(rest[middle + 2..].iter().copied()), length);
                Expression::Bitwise { from, to, mask_xor: Box::new((mask, xor)) }
            }
            ["byteorder", "reg", to, "=", call, size, length] => {
                let number = |word: &str| word.trim_matches([',', ')']).parse().unwrap();
                let from = register(to);
                assert!(call.starts_with("hton(reg"));
                Expression::Byteorder { from, to: from, size: number(size), length: number(length), to_network: true }
            }
            ["byteorder", "reg", to, "=", _, from, size, length] => {
                let number = |word: &str| word.trim_matches([',', ')']).parse().unwrap();
                let (from, to) = (register(from), register(to));
                Expression::Byteorder { from, to, size: number(size), length: number(length), to_network: true }
            }
            ["lookup", "reg", from, "set", name, ..] => {
                let from = register(from);
                let to = after("dreg").map(|to| match to {
                    "0" => LookupResult::Verdict,
                    to => LookupResult::Data(register(to)),
                });
                self.set(name, from, to, rule);
                Expression::Lookup { set: (*name).into(), from, to, not: line.ends_with("0x1") }
            }
            ["counter", ..] => Expression::Counter,
            ["limit", "rate", rate, "burst", burst, "type", kind, "flags", flags] => {
                let (rate, unit) = rate.split_once('/').unwrap();
                let unit = match unit {
                    "second" => 1,
                    "minute" => 60,
                    "hour" => 3_600,
                    "day" => 86_400,
                    _ => 604_800,
                };
                let (rate, burst) = (rate.parse().unwrap(), burst.parse().unwrap());
                let limit = Limit { rate, unit, burst, bytes: *kind == "bytes", over: *flags == "0x1" };
                Expression::Limit(Box::new(limit))
            }
            ["log", ..] => {
                let flag = |(word, flag): (&str, u32)| if words.contains(&word) { flag } else { 0 };
                let flags = [("tcpseq", 1), ("tcpopt", 2), ("ipopt", 4), ("uid", 8), ("macdecode", 0x20)];
                let flags: u32 = flags.into_iter().map(flag).sum();
                Expression::Log(Box::new(Log {
                    prefix: after("prefix").map(Into::into),
                    level: after("level").map(|level| level.parse().unwrap()),
                    flags: Some(flags),
                    group: after("group").map(|group| group.parse().unwrap()),
                    snaplen: after("snaplen").map(|length| length.parse().unwrap()),
                    qthreshold: after("qthreshold").map(|length| length.parse().unwrap()),
                }))
            }
            ["notrack"] => Expression::Notrack,
            ["reject", "type", kind, "code", code] => {
                let kind = match *kind {
                    "0" => RejectKind::Icmp,
                    "1" => RejectKind::TcpReset,
                    _ => RejectKind::Icmpx,
                };
                Expression::Reject { kind, code: code.parse().unwrap() }
            }
            ["nat" | "masq" | "redir", ..] => {
                let pair = |min, max| {
                    let at = |name: &str| words.iter().position(|word| *word == name).map(|at| register(words[at + 2]));
                    at(min).map(|min| (min, at(max).unwrap_or(min)))
                };
                let ports = pair("proto_min", "proto_max");
                let hex = |flags: &str| u32::from_str_radix(flags.trim_start_matches("0x"), 16).unwrap();
                let flags = after("flags").map_or(0, hex);
                match words[0] {
                    "masq" => Expression::Masquerade { ports, flags },
                    "redir" => Expression::Redirect { ports, flags },
                    _ => Expression::Nat(Box::new(Nat {
                        destination: words[1] == "dnat",
                        family: match words[2] {
                            "ip" => Family::Ip,
                            "ip6" => Family::Ip6,
                            _ => Family::Inet,
                        },
                        addresses: pair("addr_min", "addr_max"),
                        ports,
                        flags,
                    })),
                }
            }
            _ => panic!("not known here: {line}"),
        }
    }

    fn verdict(&self, words: &[&str]) -> Verdict {
        let chain = |name: &str| ChainRef(self.chains.iter().position(|known| **known == *name).unwrap() as u32);
        match words {
            ["accept"] => Verdict::Accept,
            ["drop"] => Verdict::Drop,
            ["continue"] => Verdict::Continue,
            ["return"] => Verdict::Return,
            ["jump", "->", to] => Verdict::Jump(chain(to)),
            ["goto", "->", to] => Verdict::Goto(chain(to)),
            _ => panic!("{words:?}"),
        }
    }

    /// The set with this name, now that it is known how long its keys are.
    fn set(&mut self, name: &str, from: Register, to: Option<LookupResult>, rule: &str) {
        if self.done.iter().any(|set| &*set.name == name) {
            return;
        }
        // A concatenation goes on in the registers after it, as far as its keys have words.
        let lines = self.sets.get(name).cloned().unwrap_or_default();
        let keys = |line: &str| line.split(" : ").next().unwrap_or_default().trim().to_owned();
        let words = lines.iter().map(|line| keys(line)).find(|key| !key.is_empty());
        let words = words.map_or(1, |key| key.split(" - ").next().unwrap().split_whitespace().count());
        let first = self.length(from);
        let single = words <= first.div_ceil(4);
        let length = if single { first } else { words * 4 };
        let (data_type, data_length) = match to {
            Some(LookupResult::Data(_)) if rule.contains("redirect") => (Some(13), 2),
            Some(LookupResult::Data(_)) if rule.contains("addr . port") => (Some(7 << 6 | 13), 8),
            Some(LookupResult::Data(_)) if rule.contains("prefix") => (Some(7), 8),
            Some(LookupResult::Data(_)) if rule.contains("nat") => (Some(7), 4),
            Some(LookupResult::Data(_)) => (Some(19), 4),
            Some(LookupResult::Verdict) => (Some(1), 0),
            None => (None, 0),
        };
        let anonymous = name.starts_with("__");
        let mut set = Set {
            name: name.into(),
            flags: if anonymous { SetFlags::ANONYMOUS | SetFlags::CONSTANT } else { SetFlags::empty() },
            key_type: 0,
            key_length: length as u32,
            data_type,
            data_length,
            parts: Box::default(),
            elements: Vec::new(),
            catch_all: None,
        };
        let mut open: Vec<(Box<[u8]>, bool, Option<ElementData>)> = Vec::new();
        for line in &lines {
            let line = line.split("  userdata").next().unwrap().trim_end().trim_end_matches(" [end]");
            let (line, flags) = line.rsplit_once(' ').unwrap();
            let (key, data) = match line.strip_suffix(" :") {
                Some(key) => (key, ""),
                None => line.split_once(" : ").map_or((line.trim_end_matches(" :"), ""), |found| found),
            };
            let words: Vec<&str> = data.split_whitespace().collect();
            let data = match (words.first(), to) {
                (None, _) => None,
                (_, Some(LookupResult::Verdict)) => Some(ElementData::Verdict(self.verdict(&words))),
                _ => {
                    let value = bytes(words.iter().copied());
                    Some(ElementData::Value(cut(value, data_length as usize)))
                }
            };
            if flags == "2" || key.trim().trim_end_matches(':').trim().is_empty() {
                set.catch_all = Some(data);
                continue;
            }
            let ends: Vec<Box<[u8]>> = key.split(" - ").map(|end| cut(bytes(end.split_whitespace()), length)).collect();
            match &ends[..] {
                [first, last] => set.elements.push(Element { first: first.clone(), last: last.clone(), data }),
                _ => open.push((ends[0].clone(), flags == "1", data)),
            }
        }
        open.sort_by(|a, b| a.0.cmp(&b.0));
        let ranges = open.iter().any(|(_, end, _)| *end);
        set.flags |= if ranges { SetFlags::INTERVAL } else { SetFlags::empty() };
        let host = single && first == 4 && !ranges;
        for (at, (key, end, data)) in open.iter().enumerate() {
            if *end {
                continue;
            }
            let last = match open.get(at + 1) {
                _ if !ranges => key.clone(),
                Some((next, _, _)) => before(next),
                None => vec![0xff; key.len()].into(),
            };
            set.elements.push(Element { first: key.clone(), last, data: data.clone() });
        }
        if host && !rule.contains("ip ") && !rule.contains("nat") {
            set.elements.sort_by_key(|element| u32::from_ne_bytes(element.first[..].try_into().unwrap()));
        }
        self.done.push(set);
    }
}

/// The value before this one.
fn before(value: &[u8]) -> Box<[u8]> {
    let mut out = value.to_vec();
    for byte in out.iter_mut().rev() {
        let (less, borrow) = byte.overflowing_sub(1);
        *byte = less;
        if !borrow {
            break;
        }
    }
    out.into()
}

fn meta(name: &str) -> u32 {
    META.iter().position(|known| *known == name).unwrap_or_else(|| panic!("meta {name}")) as u32
}

const META: [&str; 33] = [
    "len",
    "protocol",
    "priority",
    "mark",
    "iif",
    "oif",
    "iifname",
    "oifname",
    "iiftype",
    "oiftype",
    "skuid",
    "skgid",
    "nftrace",
    "rtclassid",
    "secmark",
    "nfproto",
    "l4proto",
    "bri_iifname",
    "bri_oifname",
    "pkttype",
    "cpu",
    "iifgroup",
    "oifgroup",
    "cgroup",
    "prandom",
    "secpath",
    "iifkind",
    "oifkind",
    "bri_iifpvid",
    "bri_iifvproto",
    "time",
    "day",
    "hour",
];

const CT: [&str; 24] = [
    "state",
    "direction",
    "status",
    "mark",
    "secmark",
    "expiration",
    "helper",
    "l3protocol",
    "src",
    "dst",
    "protocol",
    "proto_src",
    "proto_dst",
    "label",
    "packets",
    "bytes",
    "avgpkt",
    "zone",
    "event",
    "src_ip",
    "dst_ip",
    "src_ip6",
    "dst_ip6",
    "unknown",
];
