//! A small node and walks made by hand, for the tests of this room: what a walk decides is not tested here.

use std::net::IpAddr;

use super::finding::Target;
use crate::host::route::TABLE_MAIN;
use crate::host::xt::{self, AddressTypes, Addrtype, Match, Multiport, Neg, PortRange, Target as XtTarget, WhichPort};
use crate::host::{
    Address, Backend, Base, Body, BridgePort, Chain, ChainId, DeviceSysctls, Family, Hook, Host, IpFamily, Link,
    LinkKind, Namespace, NextHop, Peer, Place, Policy, Process, Protocol, Registration, Route, RouteKind, Rule, RuleId,
    Scope, Socket, Table, ruleset,
};
use crate::walk::{
    Endpoints, Event, Fate, FateKind, Field, Origin, Outcome, Pass, Query, Step, StepAt, Translation, ValueSet,
    Verdict, Walk,
};

/// Chains of the table `nat` of [`node`], by index.
pub(crate) const PREROUTING: u32 = 0;
pub(crate) const HOSTPORT: u32 = 1;
pub(crate) const CNI_DN: u32 = 2;
/// The chain `INPUT` of the table `filter`.
pub(crate) const INPUT: ChainId = ChainId { table: 1, chain: 0 };

pub(crate) fn addr(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn link(index: u32, name: &str, kind: LinkKind) -> Link {
    Link {
        index,
        name: name.to_owned(),
        kind,
        up: true,
        carrier: true,
        mac: None,
        mtu: 1500,
        master: None,
        peer: None,
        bridge: None,
        port: None,
    }
}

fn address(link: u32, net: &str, scope: Scope) -> Address {
    let net = net.parse().expect("an address with its prefix");
    Address { link, net, scope, secondary: false, tentative: false, deprecated: false }
}

pub(crate) fn socket(protocol: Protocol, at: &str, port: u16, pid: u32, name: &str) -> Socket {
    Socket {
        protocol,
        addr: addr(at),
        port,
        v6only: Some(true),
        device: None,
        peer: None,
        inode: u64::from(pid) * 10,
        uid: Some(0),
        transparent: None,
        processes: vec![Process { pid, name: name.to_owned() }],
    }
}

pub(crate) fn default_route(link: u32, metric: u32) -> Route {
    Route {
        table: TABLE_MAIN,
        kind: RouteKind::Unicast,
        dst: "0.0.0.0/0".parse().expect("a prefix"),
        from: None,
        tos: 0,
        metric,
        prefsrc: None,
        scope: Scope::Global,
        next_hops: vec![NextHop { gateway: None, link, weight: 1, dead: false }],
    }
}

fn rule(matches: Vec<Match>, target: XtTarget) -> Rule {
    Rule { handle: None, body: Body::Iptables(xt::Rule { matches: matches.into(), target }) }
}

fn chain(table: &str, name: &str, rules: Vec<Rule>) -> Chain {
    let base = ruleset::builtin(table, name).map(|built_in| Base {
        kind: built_in.kind,
        hook: built_in.hook,
        priority: built_in.priority(Backend::IptablesNft),
        policy: Policy::Accept,
        registration: Registration::Registered(Place::Known(0)),
    });
    Chain { name: name.into(), base, rules, details: Default::default() }
}

fn table(name: &str, chains: Vec<Chain>) -> Table {
    Table {
        family: Family::Ip,
        name: name.into(),
        backend: Backend::IptablesNft,
        chains,
        sets: Vec::new(),
        particulars: Default::default(),
    }
}

fn tcp_port(port: u16) -> Vec<Match> {
    let dport = Some(Neg::is(PortRange::one(port)));
    vec![Match::Protocol(Neg::is(Protocol::TCP)), Match::Tcp(xt::TcpMatch { dport, ..xt::TcpMatch::default() })]
}

/// A node with a container bridge, whose port 80 is nginx' and whose rules send it to the namespace `svclb`.
pub(crate) fn node() -> Host {
    let local = Addrtype { destination: Some(Neg::is(AddressTypes::LOCAL)), ..Addrtype::default() };
    let ports = [80, 443].map(PortRange::one).into();
    let both = Multiport { which: WhichPort::Destination, not: false, ports };
    let nat = table(
        "nat",
        vec![
            chain(
                "nat",
                "PREROUTING",
                vec![rule(vec![], XtTarget::Continue), rule(vec![Match::Addrtype(local)], XtTarget::Jump(HOSTPORT))],
            ),
            chain(
                "nat",
                "CNI-HOSTPORT-DNAT",
                vec![rule(
                    vec![Match::Protocol(Neg::is(Protocol::TCP)), Match::Multiport(Box::new(both))],
                    XtTarget::Jump(CNI_DN),
                )],
            ),
            chain(
                "nat",
                "CNI-DN-b8f5",
                vec![
                    rule(tcp_port(80), XtTarget::Continue),
                    rule(tcp_port(80), XtTarget::Continue),
                    rule(tcp_port(80), XtTarget::Dnat(Box::default())),
                ],
            ),
        ],
    );
    let filter = table("filter", vec![chain("filter", "INPUT", vec![rule(tcp_port(22), XtTarget::Drop)])]);
    let mut port = link(4, "veth-svclb", LinkKind::Veth);
    port.master = Some(3);
    port.port = Some(BridgePort { hairpin: false, forwarding: true });
    port.peer = Some(Peer { index: 2, namespace_id: Some(1) });
    let mut node = Namespace {
        name: "node".to_owned(),
        ids: vec![(1, "svclb".to_owned())],
        links: vec![
            link(1, "lo", LinkKind::Loopback),
            link(2, "eth0", LinkKind::Plain),
            link(3, "cni0", LinkKind::Bridge),
            port,
        ],
        addresses: vec![
            address(1, "127.0.0.1/8", Scope::Host),
            address(1, "::1/128", Scope::Host),
            address(2, "192.168.66.100/24", Scope::Global),
            address(2, "fe80::2/64", Scope::Link),
            address(3, "10.42.0.1/24", Scope::Global),
        ],
        routes: vec![default_route(2, 100)],
        sockets: vec![
            socket(Protocol::TCP, "0.0.0.0", 80, 1103, "nginx"),
            socket(Protocol::TCP, "0.0.0.0", 22, 812, "sshd"),
            socket(Protocol::TCP, "::", 80, 1103, "nginx"),
        ],
        ..Namespace::default()
    };
    node.ruleset.tables = vec![nat, filter];
    let eth0 = DeviceSysctls {
        forwarding: Some(false),
        rp_filter: Some(1),
        route_localnet: Some(false),
        accept_local: Some(false),
        src_valid_mark: None,
        send_redirects: None,
    };
    node.sysctls.ip.insert("eth0".to_owned(), eth0);
    let svclb = Namespace {
        name: "svclb".to_owned(),
        addresses: vec![address(2, "10.42.0.2/24", Scope::Global)],
        ..Namespace::default()
    };
    // Another host that happens to use the same address elsewhere.
    let client = Namespace { name: "client".to_owned(), addresses: svclb.addresses.clone(), ..Namespace::default() };
    Host { namespaces: vec![node, svclb, client], ..Host::default() }
}

pub(crate) fn tcp(port: u16, socket: Option<usize>) -> Target {
    Target { protocol: Protocol::TCP, addr: None, port: Some(port), socket }
}

/// The packet to a port of the node's outward address.
pub(crate) fn packet(port: u16) -> Query {
    let mut query = Query::new(0, Origin::Device("eth0".to_owned()), IpFamily::V4, Protocol::TCP);
    query.set_address(Field::Dst, addr("192.168.66.100"));
    query.set(Field::Dport, ValueSet::one(u128::from(port)));
    query
}

pub(crate) fn nat(chain: u32) -> ChainId {
    ChainId { table: 0, chain }
}

/// A step at a rule (its number from 1) under a base chain.
pub(crate) fn step(hook: Hook, base: ChainId, chain: ChainId, number: u32, verdict: Verdict) -> Step {
    Step {
        pass: 1,
        hook,
        priority: crate::host::Priority::FILTER,
        base,
        depth: u16::from(base != chain),
        at: StepAt::Rule(RuleId { chain, index: number - 1 }),
        verdict,
        sometimes: false,
    }
}

/// The story's way: two jumps, and a translation to this address and port.
pub(crate) fn translating(to: &str, port: u16) -> Vec<Step> {
    let base = nat(PREROUTING);
    let at = |chain, number, verdict| step(Hook::Prerouting, base, nat(chain), number, verdict);
    vec![
        at(PREROUTING, 2, Verdict::Jump(nat(HOSTPORT))),
        at(HOSTPORT, 1, Verdict::Jump(nat(CNI_DN))),
        at(CNI_DN, 3, Verdict::Dnat(Translation { addr: Some(addr(to)), port: Some(port) })),
    ]
}

pub(crate) fn outcome(kind: FateKind, dst: &str, dport: u16, steps: Vec<Step>) -> Outcome {
    let to = |dst: &str, dport| Endpoints { dst: Some(addr(dst)), dport: Some(dport), ..Endpoints::default() };
    let leaves = matches!(kind, FateKind::Forwarded | FateKind::Sent);
    let decided = matches!(kind, FateKind::Dropped | FateKind::Rejected | FateKind::Queued | FateKind::Unknown);
    Outcome {
        when: Vec::new(),
        assumed: Vec::new(),
        passes: vec![Pass {
            number: 1,
            namespace: 0,
            iif: Some("eth0".to_owned()),
            oif: None,
            enters: to("192.168.66.100", dport),
            leaves: None,
        }],
        fate: Fate {
            kind,
            namespace: 0,
            oif: leaves.then(|| "cni0".to_owned()),
            endpoints: to(dst, dport),
            socket: None,
            by: steps.last().filter(|_| decided).cloned(),
            reason: None,
        },
        events: steps.into_iter().map(Event::Step).collect(),
        weight: 1.0,
        turn: crate::walk::Turn::First,
        after: Vec::new(),
        memory: Default::default(),
    }
}

pub(crate) fn walk(query: Query, outcomes: Vec<Outcome>) -> Walk {
    Walk { query, unread: Vec::new(), outcomes, unexplored: 0, shares: Vec::new(), needs: Vec::new() }
}
