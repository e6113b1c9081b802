//! How fast a packet is walked through a Kubernetes node's rules.

mod k8s;

use divan::Bencher;
use whyport::host::{Backend, Host, IpFamily, Protocol};
use whyport::snapshot;
use whyport::syntax::iptables::{Options, parse};
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
