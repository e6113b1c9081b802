//! How fast a packet is walked through a Kubernetes node's rules, and past a large set.

mod k8s;

use divan::Bencher;
use whyport::host::{Backend, Host, IpFamily, Protocol};
use whyport::snapshot;
use whyport::syntax::iptables::{Options, parse};
use whyport::syntax::nft;
use whyport::walk::{Field, Origin, Query, ValueSet, Walker};

fn main() {
    divan::main();
}

fn node(rules: usize) -> Host {
    let options = Options { family: None, backend: Backend::IptablesNft };
    snapshot::bare_dump(parse(&k8s::dump(rules), &options)).host
}

fn to_a_port(port: u16) -> Query {
    let mut query = Query::new(0, Origin::Somewhere, IpFamily::V4, Protocol::TCP);
    query.dst_is_local = true;
    query.set(Field::Dport, ValueSet::one(u128::from(port)));
    query
}

/// What is done once for a namespace.
#[divan::bench(args = [1_000, 100_000])]
fn prepare(bencher: Bencher, rules: usize) {
    let host = node(rules);
    bencher.bench(|| drop(Walker::new(divan::black_box(&host), 0)));
}

/// One packet past every service, its source and its destination open.
#[divan::bench(args = [1_000, 100_000])]
fn walk(bencher: Bencher, rules: usize) {
    let host = node(rules);
    let walker = Walker::new(&host, 0);
    let query = to_a_port(22);
    bencher.bench(|| walker.walk(divan::black_box(&query)));
}

/// One packet whose every field is given.
#[divan::bench(args = [1_000, 100_000])]
fn walk_known(bencher: Bencher, rules: usize) {
    let host = node(rules);
    let walker = Walker::new(&host, 0);
    let mut query = to_a_port(22);
    for (field, address) in [(Field::Src, "192.0.2.1"), (Field::Dst, "198.51.100.1")] {
        query.set_address(field, address.parse().expect("an address"));
    }
    query.set(Field::Sport, ValueSet::one(40_000));
    bencher.bench(|| walker.walk(divan::black_box(&query)));
}

/// A host whose input chain asks one set of so many elements.
fn asking(set: &str, rule: &str, element: impl Fn(usize) -> String, elements: usize) -> Host {
    let elements: Vec<String> = (0..elements).map(element).collect();
    let chain = "chain c {\n\t\ttype filter hook prerouting priority filter; policy accept;\n";
    let text = format!(
        "table ip t {{\n\t{set}\n\t\telements = {{ {} }}\n\t}}\n\n\t{chain}\t\t{rule}\n\t}}\n}}\n",
        elements.join(",\n")
    );
    let dump = nft::parse(&text, &[]);
    assert!(dump.diagnostics.is_empty(), "{:?}", dump.diagnostics);
    snapshot::bare_dump(dump.into()).host
}

fn addresses(number: usize) -> String {
    let number = 3 * number;
    format!("9.{}.{}.{}", number >> 16 & 255, number >> 8 & 255, number & 255)
}

fn with_ports(number: usize) -> String {
    format!("{} . {}", addresses(number), [22, 80, 443][number % 3])
}

/// The hosts with a set of 100,000 elements each.
const SETS: [&str; 3] = ["addresses", "addresses with ports", "verdicts by addresses with ports"];

fn host_with(set: &str) -> Host {
    const ELEMENTS: usize = 100_000;
    let concatenated = "type ipv4_addr . inet_service";
    match set {
        "addresses" => asking("set s {\n\t\ttype ipv4_addr", "ip saddr @s drop", addresses, ELEMENTS),
        "addresses with ports" => {
            let set = format!("set s {{\n\t\t{concatenated}");
            asking(&set, "ip saddr . tcp dport @s drop", with_ports, ELEMENTS)
        }
        _ => {
            let map = format!("map m {{\n\t\t{concatenated} : verdict");
            let verdict = |number| format!("{} : {}", with_ports(number), ["drop", "accept"][number % 2]);
            asking(&map, "ip saddr . tcp dport vmap @m", verdict, ELEMENTS)
        }
    }
}

/// One packet whose every field is given, past a set.
#[divan::bench(args = SETS)]
fn lookup_known(bencher: Bencher, set: &str) {
    let host = host_with(set);
    let walker = Walker::new(&host, 0);
    let mut query = to_a_port(22);
    for (field, address) in [(Field::Src, "9.0.128.1"), (Field::Dst, "198.51.100.1")] {
        query.set_address(field, address.parse().expect("an address"));
    }
    query.set(Field::Sport, ValueSet::one(40_000));
    bencher.bench(|| walker.walk(divan::black_box(&query)));
}

/// One packet to a port, from anywhere, past a set.
#[divan::bench(args = SETS, sample_count = 10)]
fn lookup_open(bencher: Bencher, set: &str) {
    let host = host_with(set);
    let walker = Walker::new(&host, 0);
    let query = to_a_port(22);
    bencher.bench(|| walker.walk(divan::black_box(&query)));
}
