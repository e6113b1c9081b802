//! Sets and maps of 100,000 elements in a walk: what comes of a packet is what a plain look through the list of elements
//! gives, whether its fields are known or open.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

#[allow(dead_code, reason = "the ways are told elsewhere")]
mod way;

use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::sync::OnceLock;

use whyport::host::nft::{Count, Counted, Set};
use whyport::host::{Host, IpFamily, Protocol};
use whyport::syntax::nft;
use whyport::walk::{FateKind, Field, Op, Origin, Outcome, Query, ValueSet, Values, Walker};

const ELEMENTS: usize = 100_000;
/// Sources lie in 9.0.0.0/8.
const NET: u32 = 9 << 24;

/// xorshift64*: the same elements and packets each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u32) -> u32 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        ((self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32) % u64::from(below)) as u32
    }
}

/// An element: sources and ports from first to last, and what a map gives for it.
#[derive(Debug, Clone, Copy)]
struct Row {
    src: (u32, u32),
    port: (u16, u16),
    gives: u32,
}

/// Sources one by one or in ranges, none twice.
fn sources(dice: &mut Dice, count: usize, widest: u32) -> Vec<(u32, u32)> {
    let mut next = NET;
    let mut rows: Vec<_> = (0..count)
        .map(|_| {
            // A gap, so that neighbours are told apart.
            let first = next + 1 + dice.roll(100);
            let last = first + dice.roll(widest);
            next = last + 1;
            (first, last)
        })
        .collect();
    for at in (1..rows.len()).rev() {
        rows.swap(at, dice.roll(at as u32 + 1) as usize);
    }
    rows
}

fn host(text: &str) -> Host {
    let dump = nft::parse(text, &[]);
    assert!(dump.diagnostics.is_empty(), "{:?}", dump.diagnostics.first());
    let mut host = way::host("");
    host.namespaces[0].ruleset = dump.ruleset;
    host.namespaces[0].ruleset.rank_by_listing();
    host
}

fn to_port(port: ValueSet, sources: ValueSet) -> Query {
    let mut query = Query::new(0, Origin::Device("eth0".to_owned()), IpFamily::V4, Protocol::TCP);
    query.set_address(Field::Dst, "192.168.1.2".parse().unwrap());
    query.set(Field::Sport, ValueSet::one(4000));
    query.set(Field::Dport, port);
    query.set(Field::Src, sources);
    query.limit = 100_000;
    query
}

fn addresses((first, last): (u32, u32)) -> String {
    let [first, last] = [first, last].map(Ipv4Addr::from);
    if first == last { first.to_string() } else { format!("{first}-{last}") }
}

fn ports((first, last): (u16, u16)) -> String {
    if first == last { first.to_string() } else { format!("{first}-{last}") }
}

/// Sources and ports for which an outcome holds, as alternatives.
fn told(outcome: &Outcome, query: &Query) -> Vec<[ValueSet; 2]> {
    let all = [Field::Src, Field::Dport].map(|field| query.values(field));
    let mut alternatives = Vec::new();
    for conditions in &outcome.when {
        let mut left = all.clone();
        for condition in conditions {
            let values = condition.values.iter().map(|values| match values {
                Values::Net(net) => ValueSet::range(number(net.network()), number(net.broadcast())),
                Values::Addresses(first, last) => ValueSet::range(number(*first), number(*last)),
                Values::Range(first, last) => ValueSet::range(u128::from(*first), u128::from(*last)),
                Values::Set(_, values) => values.clone(),
                Values::Name(name) => panic!("{name} is no number"),
            });
            let ranges = values.flat_map(|values| values.ranges().to_vec());
            let values = ValueSet::from_ranges(ranges.collect::<Vec<_>>());
            let values = if condition.op == Op::NotIn { ValueSet::full(32).minus(&values) } else { values };
            let which = [Field::Src, Field::Dport].iter().position(|field| *field == condition.field).unwrap();
            left[which] = left[which].and(&values);
        }
        alternatives.push(left);
    }
    if alternatives.is_empty() { vec![all] } else { alternatives }
}

fn number(addr: std::net::IpAddr) -> u128 {
    match addr {
        std::net::IpAddr::V4(v4) => u128::from(u32::from(v4)),
        std::net::IpAddr::V6(v6) => u128::from(v6),
    }
}

/// What the walk says of single packets is what `expected` says of the element that fits them, and so is what it says of
/// all sources at once, for each of these packets.
fn assert_walks(host: &Host, rows: &[Row], dice: &mut Dice, expected: impl Fn(Option<&Row>, u16) -> FateKind) {
    let walker = Walker::new(host, 0);
    let mut packets: Vec<(u32, u16)> = Vec::new();
    for _ in 0..40 {
        let Row { src, port, .. } = rows[dice.roll(rows.len() as u32) as usize];
        packets.extend([(src.0, port.0), (src.1, port.1), (src.1 + 1, port.0), (src.0 - 1, port.1)]);
        packets.extend([(src.0, port.1.wrapping_add(1)), (NET + dice.roll(1 << 23), 80)]);
    }
    // No source is in two elements.
    let of_source = |src: u32| rows.iter().find(|row| (row.src.0..=row.src.1).contains(&src));
    let packets: Vec<_> = packets.into_iter().map(|(src, port)| (src, port, of_source(src))).collect();
    let expected =
        |row: Option<&Row>, port: u16| expected(row.filter(|row| (row.port.0..=row.port.1).contains(&port)), port);
    for (src, port, row) in &packets {
        let query = to_port(ValueSet::one(u128::from(*port)), ValueSet::one(u128::from(*src)));
        let walk = walker.walk(&query);
        assert_eq!(walk.outcomes.len(), 1, "{} {port}", Ipv4Addr::from(*src));
        assert!(walk.outcomes[0].is_certain());
        assert_eq!(walk.outcomes[0].fate.kind, expected(*row, *port), "{} {port}", Ipv4Addr::from(*src));
    }
    assert!(packets.iter().any(|(_, port, row)| expected(*row, *port) == FateKind::Dropped), "none is dropped");
    assert!(packets.iter().any(|(_, port, row)| expected(*row, *port) == FateKind::Delivered), "none is delivered");
    // Of all sources there are, the host refuses some: what is said of the others need not leave those out.
    let net = ValueSet::range(u128::from(NET), u128::from(NET + 0xff_ffff));
    for (port, sources) in [(rows[0].port.0, net), (81, ValueSet::full(32))] {
        let query = to_port(ValueSet::one(u128::from(port)), sources);
        let walk = walker.walk(&query);
        assert_eq!(walk.unexplored, 0);
        let fates: Vec<_> = walk.outcomes.iter().map(|outcome| (outcome.fate.kind, told(outcome, &query))).collect();
        for (src, _, row) in &packets {
            let fitting = fates.iter().filter(|(_, alternatives)| is_among(alternatives, *src, port));
            let fitting: Vec<_> = fitting.map(|(kind, _)| *kind).collect();
            assert_eq!(fitting, [expected(*row, port)], "{} to {port}", Ipv4Addr::from(*src));
        }
    }
}

fn is_among(alternatives: &[[ValueSet; 2]], src: u32, port: u16) -> bool {
    let [src, port] = [u128::from(src), u128::from(port)];
    alternatives.iter().any(|[sources, ports]| sources.contains(src) && ports.contains(port))
}

fn dropped_if(dropped: bool) -> FateKind {
    if dropped { FateKind::Dropped } else { FateKind::Delivered }
}

const ANY: (u16, u16) = (0, u16::MAX);

fn set(kind: &str, name: &str, declared: &str, elements: impl Iterator<Item = String>, rules: &str) -> String {
    let mut text = format!("table ip t {{\n\t{kind} {name} {{\n\t\ttype {declared}\n\t\telements = {{ ");
    for (at, element) in elements.enumerate() {
        let _ = write!(text, "{}{element}", if at == 0 { "" } else { ",\n\t\t\t     " });
    }
    let hook = "type filter hook input priority filter; policy accept;";
    let _ = write!(text, " }}\n\t}}\n\n\tchain away {{\n\t\tdrop\n\t}}\n\n\tchain c {{\n\t\t{hook}\n{rules}\t}}\n}}\n");
    text
}

#[test]
fn addresses_one_by_one() {
    let dice = &mut Dice(7);
    let rows: Vec<Row> = sources(dice, ELEMENTS, 1).into_iter().map(|src| Row { src, port: ANY, gives: 0 }).collect();
    let elements = rows.iter().map(|row| addresses(row.src));
    let text = set("set", "s", "ipv4_addr", elements, "\t\tip saddr @s drop\n");
    assert_walks(&host(&text), &rows, dice, |hit, _| dropped_if(hit.is_some()));
}

#[test]
fn addresses_in_ranges() {
    let dice = &mut Dice(8);
    let rows: Vec<Row> = sources(dice, ELEMENTS, 60).into_iter().map(|src| Row { src, port: ANY, gives: 0 }).collect();
    let elements = rows.iter().map(|row| addresses(row.src));
    let text = set("set", "s", "ipv4_addr\n\t\tflags interval", elements, "\t\tip saddr != @s drop\n");
    assert_walks(&host(&text), &rows, dice, |hit, _| dropped_if(hit.is_none()));
}

#[test]
fn addresses_with_ports() {
    let dice = &mut Dice(9);
    let popular = [80, 443, 22];
    let row = |src| {
        let port = if dice.roll(4) == 0 { dice.roll(0xffff) as u16 } else { popular[dice.roll(3) as usize] };
        Row { src, port: (port, port), gives: 0 }
    };
    let rows: Vec<Row> = sources(&mut Dice(10), ELEMENTS, 1).into_iter().map(row).collect();
    let elements = rows.iter().map(|row| format!("{} . {}", addresses(row.src), ports(row.port)));
    let text = set("set", "s", "ipv4_addr . inet_service", elements, "\t\tip saddr . tcp dport @s drop\n");
    assert_walks(&host(&text), &rows, dice, |hit, _| dropped_if(hit.is_some()));
}

#[test]
fn ranges_of_addresses_with_ranges_of_ports() {
    let dice = &mut Dice(11);
    let row = |src| {
        let first = 1 + dice.roll(60_000) as u16;
        Row { src, port: (first, first + dice.roll(5_000) as u16), gives: 0 }
    };
    let rows: Vec<Row> = sources(&mut Dice(12), ELEMENTS, 40).into_iter().map(row).collect();
    let elements = rows.iter().map(|row| format!("{} . {}", addresses(row.src), ports(row.port)));
    let declared = "ipv4_addr . inet_service\n\t\tflags interval";
    let text = set("set", "s", declared, elements, "\t\tip saddr . tcp dport @s drop\n");
    assert_walks(&host(&text), &rows, dice, |hit, _| dropped_if(hit.is_some()));
}

#[test]
fn a_map_gives_marks() {
    let dice = &mut Dice(13);
    let row = |src| Row { src, port: ANY, gives: dice.roll(20) };
    let rows: Vec<Row> = sources(&mut Dice(14), ELEMENTS, 1).into_iter().map(row).collect();
    let elements = rows.iter().map(|row| format!("{} : {:#010x}", addresses(row.src), row.gives));
    let rules = "\t\tmeta mark set ip saddr map @m\n\t\tmeta mark 1-12 drop\n";
    let text = set("map", "m", "ipv4_addr : mark", elements, rules);
    assert_walks(&host(&text), &rows, dice, |hit, _| dropped_if(hit.is_some_and(|row| (1..=12).contains(&row.gives))));
}

#[test]
fn a_map_gives_verdicts() {
    let dice = &mut Dice(15);
    let row = |src| Row { src, port: ANY, gives: dice.roll(4) };
    let rows: Vec<Row> = sources(&mut Dice(16), ELEMENTS, 50).into_iter().map(row).collect();
    let verdict = |gives: u32| ["accept", "drop", "jump away", "continue"][gives as usize];
    let elements = rows.iter().map(|row| format!("{} : {}", addresses(row.src), verdict(row.gives)));
    let rules = "\t\tip saddr vmap @m\n\t\ttcp dport 22 drop\n";
    let text = set("map", "m", "ipv4_addr : verdict\n\t\tflags interval", elements, rules);
    assert_walks(&host(&text), &rows, dice, |hit, port| match hit.map(|row| row.gives) {
        Some(0) => FateKind::Delivered,
        Some(1 | 2) => FateKind::Dropped,
        _ => dropped_if(port == 22),
    });
}

/// What could not be decoded is something all the same: no packet is told to miss it.
#[test]
fn what_is_given_and_cannot_be_decoded_is_not_known() {
    let rules = "\t\ttcp dport vmap @m\n\t\ttcp dport 80-82 drop\n";
    let elements = ["80 : accept", "81 : accept", "82 : drop"].map(str::to_owned);
    let mut host = host(&set("map", "m", "inet_service : verdict", elements.into_iter(), rules));
    for element in &mut host.namespaces[0].ruleset.tables[0].sets[0].elements[1..] {
        element.data = None;
    }
    let certain = |ports: ValueSet| {
        let walk = whyport::walk::walk(&host, &to_port(ports, ValueSet::one(u128::from(NET))));
        walk.outcomes.iter().map(Outcome::is_certain).collect::<Vec<_>>()
    };
    assert_eq!(certain(ValueSet::one(80)), [true]);
    for port in [81, 82] {
        assert!(certain(ValueSet::one(port)).iter().all(|certain| !certain), "{port}");
    }
    let open = certain(ValueSet::from_ranges([(80, 82)]));
    assert_eq!(open.iter().filter(|certain| **certain).count(), 1, "{open:?}");
}

/// A port that nobody knows is told as such: it is neither the one that came in nor any other.
#[test]
fn a_port_that_is_given_is_known_or_assumed() {
    const RULES: &str = "table ip t {
\tmap m {
\t\ttype inet_service : inet_service
\t\telements = { 80 : 8080, 81 : 8081 }
\t}

\tchain c {
\t\ttype nat hook prerouting priority dstnat; policy accept;
\t\ttcp dport 80-81 dnat to 10.0.0.9:tcp dport map @m
\t\ttcp dport 91 dnat to 10.0.0.9:numgen inc mod 2 map { 0 : 8080, 1 : 8081 }
\t\ttcp dport 92 dnat to 10.0.0.9:tcp sport
\t}
}
";
    let mut host = host(RULES);
    let ways = |host: &Host, port: u128| {
        let walk = whyport::walk::walk(host, &to_port(ValueSet::one(port), ValueSet::one(u128::from(NET))));
        let way = |outcome: &Outcome| {
            let (to, why) = (outcome.fate.endpoints, outcome.assumed.iter().map(|assumed| assumed.why.name()));
            assert_eq!(to.dst, Some([10, 0, 0, 9].into()), "{port}");
            (to.dport, why.collect::<Vec<_>>())
        };
        let forwarded = walk.outcomes.iter().filter(|outcome| outcome.fate.kind == FateKind::Forwarded);
        forwarded.map(way).collect::<Vec<_>>()
    };
    assert_eq!(ways(&host, 80), [(Some(8080), vec![])]);
    // Which number comes up is not known, but it is one of these.
    let mut drawn = ways(&host, 91);
    drawn.sort();
    assert_eq!(drawn, [(Some(8080), vec!["state"]), (Some(8081), vec!["state"])]);
    assert_eq!(ways(&host, 92), [(Some(4000), vec![])]);
    let map = &mut host.namespaces[0].ruleset.tables[0].sets[0];
    map.elements[0].data = None;
    assert_eq!(ways(&host, 80), [(None, vec!["undecoded"])]);
    assert_eq!(ways(&host, 81), [(Some(8081), vec![])]);
    let map = &mut host.namespaces[0].ruleset.tables[0].sets[0];
    let (count, contents, needs) = (Count::MoreThan(Set::MANY), OnceLock::new(), OnceLock::new());
    map.counted = Some(Box::new(Counted { count, generation: 1, contents, needs }));
    let unread = ways(&host, 80);
    assert!(unread.iter().any(|(port, why)| port.is_none() && why.contains(&"unread")), "{unread:?}");
    assert!(unread.iter().all(|(_, why)| !why.is_empty()), "{unread:?}");
}

#[test]
fn a_map_of_addresses_with_ports_gives_verdicts() {
    let dice = &mut Dice(17);
    let row = |src| {
        let port = [22, 80, 443][dice.roll(3) as usize];
        Row { src, port: (port, port), gives: dice.roll(2) }
    };
    let rows: Vec<Row> = sources(&mut Dice(18), ELEMENTS, 1).into_iter().map(row).collect();
    let verdict = |gives: u32| ["accept", "goto away"][gives as usize];
    let elements =
        rows.iter().map(|row| format!("{} . {} : {}", addresses(row.src), ports(row.port), verdict(row.gives)));
    let rules = "\t\tip saddr . tcp dport vmap @m\n";
    let text = set("map", "m", "ipv4_addr . inet_service : verdict", elements, rules);
    assert_walks(&host(&text), &rows, dice, |hit, _| dropped_if(hit.is_some_and(|row| row.gives == 1)));
}

#[test]
fn both_parts_of_a_key_are_open() {
    let dice = &mut Dice(19);
    let row = |src: (u32, u32)| {
        let first = 1000 + 10 * dice.roll(40) as u16;
        Row { src, port: (first, first + dice.roll(8) as u16), gives: 0 }
    };
    let rows: Vec<Row> = sources(&mut Dice(20), 60, 30).into_iter().map(row).collect();
    let elements = rows.iter().map(|row| format!("{} . {}", addresses(row.src), ports(row.port)));
    let declared = "ipv4_addr . inet_service\n\t\tflags interval";
    let host = host(&set("set", "s", declared, elements, "\t\tip saddr . tcp dport @s drop\n"));
    let query = to_port(ValueSet::range(900, 1500), ValueSet::range(u128::from(NET), u128::from(NET + 10_000)));
    let walk = Walker::new(&host, 0).walk(&query);
    assert_eq!(walk.unexplored, 0);
    let fates: Vec<_> = walk.outcomes.iter().map(|outcome| (outcome.fate.kind, told(outcome, &query))).collect();
    for src in (NET..NET + 10_000).step_by(7).chain(rows.iter().map(|row| row.src.1)) {
        for port in 995..1420 {
            let fits = |row: &Row| (row.src.0..=row.src.1).contains(&src) && (row.port.0..=row.port.1).contains(&port);
            let fitting = fates.iter().filter(|(_, alternatives)| is_among(alternatives, src, port));
            let fitting: Vec<_> = fitting.map(|(kind, _)| *kind).collect();
            assert_eq!(fitting, [dropped_if(rows.iter().any(fits))], "{} {port}", Ipv4Addr::from(src));
        }
    }
}
