//! What native rules ask for before anything else happens: `tcp dport 80`, `ip daddr 10.0.0.7` and the like.
//!
//! `nft_do_chain` runs expression by expression, and what stands before a condition that fails takes effect. So only loads
//! and conditions may stand before the one that tells a rule apart; what counts or limits changes no packet.

use super::{Key, PORTS};
use crate::host::nft::{Bytes, CompareOp, Expression, LookupResult, MetaKey, PayloadBase, Register, Rule};
use crate::host::{Family, Protocol};

/// `NFPROTO_IPV4` and `NFPROTO_IPV6`, `ETH_P_IP` and `ETH_P_IPV6`.
const FAMILIES: [(u128, u128); 2] = [(2, 10), (0x0800, 0x86dd)];
/// How many bytes a register has.
const WORD: usize = 4;

/// What a register was loaded with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Load {
    /// So many bytes from there.
    Bytes(PayloadBase, usize),
    Meta(MetaKey),
}

/// A field by which rules are told apart: where it begins, and its length.
struct Row {
    key: Key,
    base: PayloadBase,
    /// In IPv6; `None`: in both.
    ip6: Option<bool>,
    first: usize,
    length: usize,
}

const ROWS: [Row; 5] = [
    Row { key: Key::Destination, base: PayloadBase::Network, ip6: Some(false), first: 16, length: 4 },
    Row { key: Key::Destination, base: PayloadBase::Network, ip6: Some(true), first: 24, length: 16 },
    Row { key: Key::Source, base: PayloadBase::Network, ip6: Some(false), first: 12, length: 4 },
    Row { key: Key::Source, base: PayloadBase::Network, ip6: Some(true), first: 8, length: 16 },
    Row { key: Key::Port, base: PayloadBase::Transport, ip6: None, first: 2, length: 2 },
];

/// What is known of the packets that come as far as some expression.
struct Reader {
    /// Where each load begins, its length, and what it is.
    loads: Vec<(usize, usize, Load)>,
    ip6: Option<bool>,
    /// The protocol, where it is one with ports.
    protocol: Option<Protocol>,
    /// What a register was just asked to be at least.
    least: Option<(Register, Bytes)>,
    found: Vec<(Key, Vec<u128>)>,
}

/// The values that a packet must have one of for a rule of a table of this family to hold, and of what.
pub(super) fn asked(rule: &Rule, family: Family) -> Option<(Key, Vec<u128>)> {
    read(rule, family).into_iter().min_by_key(|(key, _)| *key as usize)
}

/// The sources that a packet must have one of for a rule of a table of this family to hold.
pub(in crate::walk) fn sources_of(rule: &Rule, family: Family) -> Option<Vec<u128>> {
    read(rule, family).into_iter().find(|(key, _)| *key == Key::Source).map(|(_, values)| values)
}

fn read(rule: &Rule, family: Family) -> Vec<(Key, Vec<u128>)> {
    let ip6 = match family {
        Family::Ip => Some(false),
        Family::Ip6 => Some(true),
        Family::Inet | Family::Arp | Family::Bridge | Family::Netdev => None,
    };
    let mut reader = Reader { loads: Vec::new(), ip6, protocol: None, least: None, found: Vec::new() };
    let _end = rule.expressions.iter().find(|expression| !reader.reads(expression));
    reader.found
}

impl Reader {
    /// Looks at an expression; false where it may do more than load and ask.
    fn reads(&mut self, expression: &Expression) -> bool {
        match expression {
            Expression::Payload { base, offset, length, to } => {
                self.put(*to, usize::from(*length), Some(Load::Bytes(*base, usize::from(*offset))));
            }
            Expression::Meta { key, to } => {
                // Names of devices are longer than what is looked at here.
                self.put(*to, 4 * WORD, None);
                self.put(*to, WORD, Some(Load::Meta(*key)));
            }
            Expression::Ct { to, .. }
            | Expression::Fib { to, .. }
            | Expression::Socket { to, .. }
            | Expression::Rt { to, .. }
            | Expression::Exthdr { to, .. }
            | Expression::Numgen { to, .. }
            | Expression::Bitwise { to, .. }
            | Expression::Shift { to, .. }
            | Expression::Byteorder { to, .. } => self.put(*to, 4 * WORD, None),
            Expression::Immediate { to, data } => self.put(*to, data.len(), None),
            Expression::Lookup { to: Some(LookupResult::Data(to)), .. } => self.put(*to, 4 * WORD, None),
            Expression::Compare { from, op: CompareOp::Equal, data } => self.equal(*from, data),
            Expression::Compare { from, op: CompareOp::GreaterOrEqual, data } => {
                self.least = Some((*from, data.clone()))
            }
            Expression::Compare { from, op: CompareOp::LessOrEqual, data } => {
                if let Some((_, least)) = self.least.take().filter(|(of, _)| of == from) {
                    self.range(*from, &least, data);
                }
            }
            Expression::Range { from, not: false, ends } => self.range(*from, &ends.0, &ends.1),
            Expression::Compare { .. }
            | Expression::Range { .. }
            | Expression::Lookup { to: None, .. }
            | Expression::Counter
            | Expression::Limit(_)
            | Expression::Quota { .. }
            | Expression::Last
            | Expression::Log(_)
            | Expression::Match(_) => {}
            _ => return false,
        }
        true
    }

    /// A register holds something else from here on.
    fn put(&mut self, to: Register, length: usize, load: Option<Load>) {
        self.least = None;
        let first = usize::from(to.0) * WORD;
        let end = first + length.next_multiple_of(WORD);
        self.loads.retain(|(at, held, _)| at + held <= first || *at >= end);
        self.loads.extend(load.map(|load| (first, length, load)));
    }

    fn load(&self, from: Register) -> Option<(usize, Load)> {
        let first = usize::from(from.0) * WORD;
        self.loads.iter().find(|(at, ..)| *at == first).map(|(_, length, load)| (*length, *load))
    }

    /// The field that lies in bytes that were loaded, and where in them.
    fn fields(&self, from: Register, asked: usize) -> impl Iterator<Item = (&'static Row, usize)> {
        let load = self.load(from).filter(|(length, _)| *length >= asked).map(|(_, load)| load);
        let (ip6, has_ports) = (self.ip6, self.protocol.is_some());
        ROWS.iter().filter_map(move |row| {
            let Some(Load::Bytes(base, offset)) = load else { return None };
            let is_meant = match row.ip6 {
                Some(of) => ip6 == Some(of),
                None => has_ports,
            };
            let within = offset <= row.first && row.first + row.length <= offset + asked;
            (is_meant && base == row.base && within).then(|| (row, row.first - offset))
        })
    }

    fn equal(&mut self, from: Register, data: &[u8]) {
        if let Some((_, Load::Meta(key))) = self.load(from) {
            let value = number(data);
            let pair = match key {
                MetaKey::NFPROTO => FAMILIES[0],
                MetaKey::PROTOCOL => FAMILIES[1],
                MetaKey::L4PROTO => {
                    let protocol = u8::try_from(value).map(Protocol).ok().filter(|protocol| protocol.has_ports());
                    self.protocol = self.protocol.or(protocol);
                    return;
                }
                _ => return,
            };
            self.ip6 = self.ip6.or(if value == pair.0 { Some(false) } else { (value == pair.1).then_some(true) });
        }
        let fields = self.fields(from, data.len());
        let values = fields.map(|(row, at)| (self.key(row), vec![number(&data[at..at + row.length])]));
        let found: Vec<(Key, Vec<u128>)> = values.collect();
        self.found.extend(found);
    }

    /// A range of ports, where it is the only thing that was loaded.
    fn range(&mut self, from: Register, first: &[u8], last: &[u8]) {
        let is_alone = |row: &Row| row.key == Key::Port && first.len() == row.length && last.len() == row.length;
        let found = self.fields(from, first.len()).any(|(row, _)| is_alone(row));
        let (first, last) = (number(first), number(last));
        if found && last.saturating_sub(first) < u128::from(PORTS) {
            let key = self.protocol.map_or(Key::Port, Key::port_of);
            self.found.push((key, (first..=last).collect()));
        }
    }

    /// What a row is asked for in this rule.
    fn key(&self, row: &Row) -> Key {
        match (row.key, self.protocol) {
            (Key::Port, Some(protocol)) => Key::port_of(protocol),
            (key, _) => key,
        }
    }
}

fn number(bytes: &[u8]) -> u128 {
    bytes.iter().take(16).fold(0, |number, byte| number << 8 | u128::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Body;

    /// What a rule of a table of this family is told apart by.
    fn of(family: &str, rule: &str) -> Option<(Key, Vec<u128>)> {
        let text = format!("table {family} t {{\n\tchain c {{\n\t\t{rule}\n\t}}\n}}\n");
        let dump = crate::syntax::nft::parse(&text, &[]);
        assert!(dump.diagnostics.is_empty(), "{:?}", dump.diagnostics);
        let table = &dump.ruleset.tables[0];
        match &table.chains[0].rules[0].body {
            Body::Nft(rule) => asked(rule, table.family),
            Body::Iptables(_) => panic!("{rule} is native"),
        }
    }

    #[test]
    fn rules_are_told_apart_by_the_first_of_what_they_ask() {
        let (to, from) = (0x0a00_0007, 0x0a00_0008);
        assert_eq!(of("ip", "ip daddr 10.0.0.7 drop"), Some((Key::Destination, vec![to])));
        assert_eq!(of("inet", "ip daddr 10.0.0.7 tcp dport 80 drop"), Some((Key::Destination, vec![to])));
        assert_eq!(of("inet", "ip saddr 10.0.0.8 ip daddr 10.0.0.7 drop"), Some((Key::Destination, vec![to])));
        assert_eq!(of("inet", "ip saddr 10.0.0.8 tcp dport 80 drop"), Some((Key::TcpPort, vec![80])));
        assert_eq!(of("netdev", "ip saddr 10.0.0.8 drop"), Some((Key::Source, vec![from])));
        assert_eq!(of("inet", "ip6 saddr ::7 drop"), Some((Key::Source, vec![7])));
        assert_eq!(
            of("ip", "iifname eth0 ct state new counter tcp sport 9 tcp dport 80 drop"),
            Some((Key::TcpPort, vec![80]))
        );
        assert_eq!(of("ip", "udp dport 80-82 drop"), Some((Key::UdpPort, vec![80, 81, 82])));
        assert_eq!(of("ip", "sctp dport 80 drop"), Some((Key::Port, vec![80])));
        assert_eq!(of("ip", "meta mark 7 tcp dport 80 meta mark set 8"), Some((Key::TcpPort, vec![80])));
    }

    #[test]
    fn what_tells_no_packet_apart() {
        for rule in [
            "meta mark set 8 tcp dport 80 drop",
            "update @s { ip saddr } tcp dport 80 drop",
            "tcp dport != 80 drop",
            "tcp dport 1-80 drop",
            "tcp sport 80 drop",
            // Of other protocols these bytes are something else.
            "th dport 80 drop",
            "icmp code 80 drop",
            "ip daddr 10.0.0.0/24 drop",
            "ip daddr & 255.0.0.255 == 10.0.0.7 drop",
            "ip daddr != 10.0.0.7 drop",
            // Which family it is, nobody has asked.
            "@nh,128,32 0x0a000007 drop",
        ] {
            let set = "set s { type ipv4_addr; size 9; flags dynamic; }\n\t\t";
            let family = if rule.starts_with('@') { "inet" } else { "ip" };
            let text = format!("table {family} t {{\n\t{set}chain c {{\n\t\t{rule}\n\t}}\n}}\n");
            let dump = crate::syntax::nft::parse(&text, &[]);
            assert!(dump.diagnostics.is_empty(), "{rule}: {:?}", dump.diagnostics);
            let table = &dump.ruleset.tables[0];
            let Body::Nft(body) = &table.chains[0].rules[0].body else { panic!("{rule} is native") };
            assert_eq!(asked(body, table.family), None, "{rule}");
        }
    }
}
