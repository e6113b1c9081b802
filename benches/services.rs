//! How fast packets are walked on a Kubernetes node of so many services, ten rules each, and how fast its ports are found.

#[path = "services/node.rs"]
#[allow(dead_code, reason = "another benchmark asks for more of the node")]
mod node;

use divan::Bencher;
use node::{ADDRESS, cluster_ip, node_port};
use whyport::explain;
use whyport::host::{Host, IpFamily, Protocol};
use whyport::snapshot;
use whyport::walk::{Ending, FateKind, Field, Origin, Query, ValueSet, Walker};

/// 1,000, 10,000 and 100,000 rules.
const SERVICES: [usize; 3] = [100, 1_000, 10_000];

fn main() {
    divan::main();
}

fn host(services: usize) -> Host {
    read(&node::snapshot(services))
}

fn read(snapshot: &str) -> Host {
    let recording = snapshot::parse(snapshot);
    assert!(recording.diagnostics.is_empty(), "{:?}", recording.diagnostics.first());
    recording.host
}

/// A packet from outside, its source and all that its kind leaves open unknown.
fn from_outside(dst: &str, port: ValueSet) -> Query {
    let mut query = Query::new(0, Origin::Device("eth0".to_owned()), IpFamily::V4, Protocol::TCP);
    query.set_address(Field::Dst, dst.parse().expect("an address"));
    query.set(Field::Dport, port);
    query
}

fn given(mut query: Query) -> Query {
    query.set_address(Field::Src, "198.51.100.7".parse().expect("an address"));
    query.set(Field::Sport, ValueSet::one(40_000));
    query
}

fn port(number: u16) -> ValueSet {
    ValueSet::one(u128::from(number))
}

/// A packet given in full to the last service's port of the node.
#[divan::bench(args = SERVICES)]
fn given_to_node_port(bencher: Bencher, services: usize) {
    let host = host(services);
    let walker = Walker::new(&host, 0);
    let query = given(from_outside(ADDRESS, port(node_port(services - 1))));
    assert!(walker.walk(&query).outcomes.iter().all(|outcome| outcome.fate.kind == FateKind::Forwarded));
    bencher.bench(|| walker.walk(divan::black_box(&query)));
}

/// The same to the last service's address in the cluster.
#[divan::bench(args = SERVICES)]
fn given_to_cluster_ip(bencher: Bencher, services: usize) {
    let host = host(services);
    let walker = Walker::new(&host, 0);
    let query = given(from_outside(&cluster_ip(services - 1), port(80)));
    bencher.bench(|| walker.walk(divan::black_box(&query)));
}

/// The last service's port of the node, from anywhere.
#[divan::bench(args = SERVICES)]
fn open_to_node_port(bencher: Bencher, services: usize) {
    let host = host(services);
    let walker = Walker::new(&host, 0);
    let query = from_outside(ADDRESS, port(node_port(services - 1)));
    bencher.bench(|| walker.walk(divan::black_box(&query)));
}

/// A port that no service has, from anywhere.
#[divan::bench(args = SERVICES)]
fn open_to_nobody(bencher: Bencher, services: usize) {
    let host = host(services);
    let walker = Walker::new(&host, 0);
    let query = from_outside(ADDRESS, port(22));
    bencher.bench(|| walker.walk(divan::black_box(&query)));
}

/// All ports of TCP from outside, as classes of answers: up to the first translation that takes a port away, and on to where
/// its packets leave.
#[divan::bench(args = SERVICES, sample_count = 10, sample_size = 1)]
fn all_ports(bencher: Bencher, services: usize) {
    let host = host(services);
    let walker = Walker::new(&host, 0);
    let mut query = from_outside(ADDRESS, ValueSet::range(1, 0xffff));
    query.stays = true;
    query.limit = 65_536;
    // Who may ask from outside: none of this node's own networks.
    let inside = [0x7f00_0000..=0x7fff_ffff, 0x0af4_0000..=0x0af4_ffff, 0xc000_020a..=0xc000_020a];
    let inside = ValueSet::from_ranges(inside.map(|range| (*range.start(), *range.end())));
    query.set(Field::Src, ValueSet::full(32).minus(&inside));
    let diverted = |ending: &Ending| ending.diverted && ending.kind == FateKind::Forwarded;
    let found = walker.endings(&query, &diverted);
    assert_eq!((found.unexplored, found.all.iter().filter(|ending| diverted(ending)).count()), (0, services));
    bencher.bench(|| walker.endings(divan::black_box(&query), &diverted));
}

/// Every port of the host, ghosts among them, from every place.
#[divan::bench(args = SERVICES, sample_count = 5, sample_size = 1)]
fn ports(bencher: Bencher, services: usize) {
    let host = host(services);
    assert_eq!(explain::ports(&host, 0).ports.len(), services);
    bencher.bench(|| explain::ports(divan::black_box(&host), 0));
}

/// The same where the first of the services' pods run on the node, in namespaces of their own.
#[divan::bench(args = SERVICES, sample_count = 5, sample_size = 1)]
fn ports_and_pods(bencher: Bencher, services: usize) {
    let host = read(&node::snapshot_with_pods(services));
    let walk = Walker::new(&host, 0).walk(&given(from_outside(ADDRESS, port(node_port(0)))));
    assert!(walk.outcomes.iter().any(|outcome| outcome.fate.namespace != 0 && outcome.fate.socket.is_some()));
    assert_eq!(explain::ports(&host, 0).ports.len(), services);
    bencher.bench(|| explain::ports(divan::black_box(&host), 0));
}

/// 1,000, 10,000 and 100,000 rules in one chain, none of which holds.
const RULES: [usize; 3] = [1_000, 10_000, 100_000];

/// A host with so many rules in one chain at input, as iptables or nft writes them.
fn long_chain(rules: usize, native: bool) -> Host {
    let snapshot = node::snapshot_of(&node::long_chain(rules, native), native);
    let recording = snapshot::parse(&snapshot);
    assert!(recording.diagnostics.is_empty(), "{:?}", recording.diagnostics.first());
    recording.host
}

/// A packet given in full that passes by all rules of a chain: of iptables, and native ones.
#[divan::bench(args = RULES, consts = [false, true])]
fn given_past_a_chain<const NATIVE: bool>(bencher: Bencher, rules: usize) {
    let host = long_chain(rules, NATIVE);
    let walker = Walker::new(&host, 0);
    let query = given(from_outside(ADDRESS, port(22)));
    assert!(walker.walk(&query).outcomes.iter().all(|outcome| outcome.fate.kind == FateKind::Delivered));
    bencher.bench(|| walker.walk(divan::black_box(&query)));
}

/// All ports past the same chain.
#[divan::bench(args = RULES, consts = [false, true], sample_count = 10, sample_size = 1)]
fn all_ports_past_a_chain<const NATIVE: bool>(bencher: Bencher, rules: usize) {
    let host = long_chain(rules, NATIVE);
    let walker = Walker::new(&host, 0);
    let mut query = given(from_outside(ADDRESS, ValueSet::range(1, 0xffff)));
    query.stays = true;
    query.limit = 65_536;
    bencher.bench(|| walker.endings(divan::black_box(&query), &|_| false));
}
