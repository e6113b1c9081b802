//! What whyport says of the same packet, in the lines of [`crate::path`].
//!
//! Knows whyport's outcomes. Decides nothing: where the walk leaves something open it says so, in words that no kernel says.

use std::net::{IpAddr, SocketAddr};

use whyport::host::{Backend, Family, Host, IpFamily, Policy, Protocol};
use whyport::walk::query::{self, number};
use whyport::walk::{
    self, Assumed, Condition, Endpoints, Event, FateKind, Field, Op, Origin, Outcome, Query, Reason, RouteDecision,
    Step, StepAt, ValueSet, Values, Verdict, Why,
};

use crate::packet::{self, Packet};
use crate::path::{CHOSEN, Names, table};

/// The query that asks for exactly this packet. Of one that the host makes the source address is left to the walk.
pub fn query(host: &Host, packet: &Packet, sport: u16, mac: Option<u64>) -> Query {
    let origin = match &packet.device {
        Some(device) => Origin::Device(device.clone()),
        None => Origin::Local,
    };
    let family = IpFamily::of(packet.dst.ip());
    let protocol = match packet.protocol {
        packet::Protocol::Tcp => Protocol::TCP,
        packet::Protocol::Udp => Protocol::UDP,
        packet::Protocol::Icmp if packet.dst.is_ipv6() => Protocol::ICMPV6,
        packet::Protocol::Icmp => Protocol::ICMP,
    };
    let mut query = Query::new(host.viewed, origin, family, protocol);
    let mut set = |field: Field, value: u128| query.set(field, ValueSet::one(value));
    if packet.protocol != packet::Protocol::Icmp {
        set(Field::Sport, sport.into());
        set(Field::Dport, packet.dst.port().into());
    }
    set(Field::Mark, packet.mark.into());
    set(Field::Ttl, packet.ttl.into());
    match (&packet.device, packet.protocol) {
        (None, _) => {
            set(Field::Uid, packet.uid.into());
            set(Field::Gid, 0);
        }
        (Some(_), protocol) => {
            if protocol == packet::Protocol::Tcp {
                set(Field::TcpFlags, packet.flags.into());
            }
        }
    }
    if packet.protocol == packet::Protocol::Icmp {
        set(Field::IcmpType, packet.icmp.0.into());
        set(Field::IcmpCode, packet.icmp.1.into());
    }
    query.set(Field::Tos, ValueSet::one(packet.tos.into()));
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("the time");
    query.set(Field::Time, ValueSet::one(now.as_secs().into()));
    query.set(Field::Length, ValueSet::one(length(packet)));
    if let Some(mac) = mac {
        query.set(Field::SrcMac, ValueSet::one(mac.into()));
    }
    // The outside knows no net of the node's: what it sends to all of one comes in a frame to the node.
    let is_for_many = packet.dst.ip().is_multicast() || packet.dst.ip() == IpAddr::from([255; 4]);
    if packet.device.is_some() && !is_for_many {
        const PACKET_HOST: u128 = 0;
        query.set(Field::Pkttype, ValueSet::one(PACKET_HOST));
    }
    if let Some(src) = packet.src {
        query.set_address(Field::Src, src.ip());
    }
    query.set_address(Field::Dst, packet.dst.ip());
    query
}

/// The fields that a packet has, with its values: what a query that leaves them open must tell apart by itself.
fn value(field: Field, packet: &Packet, sport: u16) -> Option<u128> {
    Some(match field {
        Field::Src => number(packet.src?.ip()),
        Field::Dst => number(packet.dst.ip()),
        Field::Sport => sport.into(),
        Field::Dport => packet.dst.port().into(),
        Field::Mark => packet.mark.into(),
        Field::TcpFlags => packet.flags.into(),
        Field::Ttl => packet.ttl.into(),
        Field::Length => length(packet),
        Field::Uid => packet.uid.into(),
        Field::Gid => 0,
        Field::IcmpType => packet.icmp.0.into(),
        Field::IcmpCode => packet.icmp.1.into(),
        Field::Tos => packet.tos.into(),
        Field::CtState | Field::Iif | Field::Pkttype | Field::SrcMac | Field::Time => return None,
    })
}

/// The length of a packet from its IP header on. The kernel's own first TCP packets have 20 bytes of options.
pub fn length(packet: &Packet) -> u128 {
    let transport = match (packet.protocol, &packet.device) {
        (packet::Protocol::Udp | packet::Protocol::Icmp, _) => 16,
        (packet::Protocol::Tcp, Some(_)) => 20,
        (packet::Protocol::Tcp, None) => 40,
    };
    transport + u128::from(packet.filling) + if packet.dst.is_ipv4() { 20 } else { 40 }
}

fn holds(condition: &Condition, packet: &Packet, sport: u16) -> bool {
    let Some(value) = value(condition.field, packet, sport) else {
        panic!("the walk asks for {}, which the query did not leave open", condition.field.name())
    };
    let within = |values: &Values| match values {
        Values::Net(net) => net.contains(&query::address(IpFamily::of(net.addr()), value)),
        Values::Addresses(first, last) => (number(*first)..=number(*last)).contains(&value),
        Values::Range(first, last) => (u128::from(*first)..=u128::from(*last)).contains(&value),
        Values::Set(_, values) => values.contains(value),
        Values::Name(name) => panic!("{} is told by the name {name}", condition.field.name()),
    };
    let among = condition.values.iter().any(within);
    match condition.op {
        Op::In | Op::Is => among,
        Op::NotIn => !among,
    }
}

/// The path of this packet among the outcomes of a query that leaves these fields open: there must be one outcome, and one
/// alone, whose conditions it meets. Where several differ in what they assume, it must be one of them that `may_be` its path.
pub fn lines_of_open(
    host: &Host,
    packet: &Packet,
    sport: u16,
    names: &Names<'_>,
    open: &[Field],
    may_be: impl Fn(&[String]) -> bool,
) -> Vec<String> {
    let mut query = query(host, packet, sport, names.mac);
    open.iter().for_each(|field| _ = query.fields.remove(field));
    let walk = walk::walk(host, &query);
    if walk.unexplored > 0 {
        return Vec::new();
    }
    let fits = |outcome: &&Outcome| {
        outcome.when.is_empty()
            || outcome.when.iter().any(|all| all.iter().all(|condition| holds(condition, packet, sport)))
    };
    let mut fitting: Vec<&Outcome> = walk.outcomes.iter().filter(fits).collect();
    // What depends on what was translated by an open field, and what is drawn by lot, is told by assumptions, not by conditions.
    if !fitting.is_empty() && fitting.iter().all(|outcome| !outcome.is_certain()) {
        // No command leaves a mark open, of which single bits can only be assumed.
        if open.contains(&Field::Mark) {
            return Vec::new();
        }
        let ways = fitting.iter().map(|outcome| (lines_of(host, outcome, names), *outcome));
        if let Some((lines, _)) = ways.into_iter().find(|(lines, _)| may_be(lines)) {
            return lines;
        }
    }
    // Sources that routing refuses are one outcome, which the conditions of the others do not leave out.
    if let Some(refused) = fitting.iter().copied().find(|outcome| is_refused_source(outcome)) {
        // Of many ways to where it is refused the outcome tells what they have in common.
        if walk.outcomes.len() > 1 || !may_be(&lines_of(host, refused, names)) {
            return vec![REFUSED.into()];
        }
        fitting = vec![refused];
    }
    let mut lines = vec![];
    if fitting.len() != 1 {
        lines.push(format!("{} of {} outcomes are this packet's", fitting.len(), walk.outcomes.len()));
    }
    for outcome in fitting {
        if !lines.is_empty() {
            lines.push(format!("when {:?}, assumed {:?}", outcome.when, outcome.assumed));
        }
        lines.extend(lines_of(host, outcome, names));
    }
    lines
}

/// Stands for a whole path that ends as `lost`: many ways that differ until routing takes the packet are told as one.
pub const REFUSED: &str = "refused for its source";

/// Begins a line that need not be on the path of every packet of an outcome.
pub const SOMETIMES: &str = "~";

fn is_refused_source(outcome: &Outcome) -> bool {
    matches!(
        outcome.fate.reason,
        Some(Reason::RpFilter | Reason::LocalSource | Reason::ImpossibleSource | Reason::RouteLocalnet)
    )
}

/// Whether one of several ways, and one alone, is the packet's, where rules draw by lot or count what came before, so that
/// nobody can tell which.
pub fn is_one_of(
    host: &Host,
    packet: &Packet,
    sport: u16,
    names: &Names<'_>,
    is_it: impl Fn(&[String]) -> bool,
) -> bool {
    let walk = walk::walk(host, &query(host, packet, sport, names.mac));
    let order = names.rules.even;
    let by_lot = |made: &walk::Assumption| {
        matches!(made.why, Why::Random | Why::Rate | Why::State | Why::Hash) || order && made.why == Why::Order
    };
    walk.outcomes.iter().all(|one| one.when.is_empty() && one.assumed.iter().all(by_lot))
        && walk.outcomes.iter().filter(|outcome| is_it(&lines_of(host, outcome, names))).count() == 1
}

/// The path that the walk gives; where it gives several or none, or is not certain, lines that say that.
pub fn lines(host: &Host, packet: &Packet, sport: u16, names: &Names<'_>) -> Vec<String> {
    let walk = walk::walk(host, &query(host, packet, sport, names.mac));
    let mut lines = Vec::new();
    match &walk.outcomes[..] {
        [one] => lines.extend(lines_of(host, one, names)),
        several => {
            lines.push(format!("{} outcomes", several.len()));
            for outcome in several {
                lines.push(format!("when {:?}", outcome.when));
                lines.extend(lines_of(host, outcome, names));
            }
        }
    }
    if !walk.outcomes.iter().all(Outcome::is_certain) {
        let assumed = walk.outcomes.iter().flat_map(|one| &one.assumed);
        lines.extend(assumed.map(|made| format!("assumed {:?} {} {:?}", made.why, made.holds, told(host, &made.what))));
    }
    lines
}

/// What an assumption is about, in words that do not depend on how a host was read.
fn told(host: &Host, what: &Assumed) -> String {
    match what {
        Assumed::Match { rule, index } | Assumed::ChosenFits { rule, index } | Assumed::Draws { rule, index, .. } => {
            let ruleset = &host.viewed().ruleset;
            let (table, chain) = (ruleset.table(rule.chain), ruleset.chain(rule.chain));
            format!("{} {} {} {} match {index}", table.backend.name(), table.name, chain.name, rule.number())
        }
        other => format!("{other:?}"),
    }
}

/// The path of one outcome.
pub fn lines_of(host: &Host, outcome: &Outcome, names: &Names<'_>) -> Vec<String> {
    let fate = &outcome.fate;
    let unsent = outcome.events.iter().any(|event| match event {
        Event::Route(route) => {
            route.pass == 1 && route.after.is_none() && matches!(route.decision, RouteDecision::Refused(_))
        }
        Event::Step(_) => false,
    });
    // What ip6_rcv_core drops is seen by no hook: the walk tells neither a rule nor a routing decision of it. br_netfilter
    // shows it to prerouting before.
    let unseen = fate.kind == FateKind::Martian && outcome.events.is_empty() && !is_shown(host, outcome);
    if unsent || unseen {
        return vec!["lost".into()];
    }
    let mut lines = Vec::new();
    for (at, pass) in outcome.passes.iter().enumerate() {
        let addresses = addresses(&pass.enters, names);
        lines.push(match &pass.iif {
            Some(iif) => format!("enters {} {addresses}", seen_as(host, iif)),
            None => format!("made {addresses}"),
        });
        lines.extend(outcome.steps().filter(|step| step.pass == pass.number).map(|step| line(host, step)));
        if at + 1 < outcome.passes.len() {
            lines.push(leaves(host, &pass.oif, &pass.leaves.unwrap_or_default(), names));
        }
    }
    lines.push(match fate.kind {
        FateKind::Delivered => {
            let who = match (names.answers, fate.socket) {
                (false, _) => "",
                (true, Some(_)) => " to a socket",
                (true, None) => " to nobody",
            };
            format!("delivered {}{who}", self::addresses(&fate.endpoints, names))
        }
        FateKind::Dropped if fate.reason == Some(Reason::Broadcast) => {
            let who = if names.answers { " to nobody" } else { "" };
            format!("delivered {}{who}", self::addresses(&fate.endpoints, names))
        }
        FateKind::Forwarded | FateKind::Sent => leaves(host, &fate.oif, &fate.endpoints, names),
        FateKind::Dropped | FateKind::Rejected if fate.by.is_some() => "dropped".into(),
        FateKind::Dropped | FateKind::Rejected | FateKind::Unroutable | FateKind::Martian => "lost".into(),
        FateKind::Queued => "queued".into(),
        FateKind::Diverted => "stolen".into(),
        FateKind::Unknown => "unknown".into(),
    });
    lines
}

/// Whether a packet of IPv6 comes in by a port of a bridge that shows its frames to netfilter.
fn is_shown(host: &Host, outcome: &Outcome) -> bool {
    let node = host.viewed();
    let iif = outcome.passes.first().and_then(|pass| node.link(pass.iif.as_deref()?));
    let bridge = iif.and_then(|port| node.link_at(port.master?)).and_then(|bridge| bridge.bridge.as_ref());
    bridge.is_some_and(|own| own.call_ip6tables || node.sysctls.bridge_call_ip6tables == Some(true))
}

/// The device that the hooks of IP see: for a frame that enters or leaves by a bridge's port that is the bridge (br_netfilter).
fn seen_as<'a>(host: &'a Host, device: &'a str) -> &'a str {
    let node = host.viewed();
    let master = node.link(device).and_then(|link| link.master).and_then(|master| node.link_at(master));
    master.map_or(device, |bridge| &bridge.name)
}

fn leaves(host: &Host, oif: &Option<String>, at: &Endpoints, names: &Names<'_>) -> String {
    format!("leaves {} {}", oif.as_deref().map_or("?", |oif| seen_as(host, oif)), addresses(at, names))
}

fn addresses(at: &Endpoints, names: &Names<'_>) -> String {
    // A packet without ports has none for the kernel too, which a path tells as 0.
    let port = |port: Option<u16>| if names.has_ports { port } else { Some(0) };
    format!("{} > {}", address(at.src, port(at.sport), names), address(at.dst, port(at.dport), names))
}

fn address(addr: Option<IpAddr>, port: Option<u16>, names: &Names<'_>) -> String {
    match (addr, port) {
        (Some(addr), Some(port)) => names.address(SocketAddr::new(addr, port)),
        (Some(addr @ IpAddr::V4(_)), None) => format!("{addr}:?"),
        (Some(addr @ IpAddr::V6(_)), None) => format!("[{addr}]:?"),
        (None, Some(port)) if names.chosen == Some(port) => format!("?:{CHOSEN}"),
        (None, Some(port)) => format!("?:{port}"),
        (None, None) => "?:?".into(),
    }
}

fn line(host: &Host, step: &Step) -> String {
    let ruleset = &host.viewed().ruleset;
    let chain = step.at.chain();
    let of = ruleset.table(chain);
    let family = match of.family {
        Family::Inet => "inet",
        Family::Ip | Family::Ip6 | Family::Arp | Family::Bridge | Family::Netdev => "ip",
    };
    let name = |chain| ruleset.chain(chain).name.to_string();
    let what = match (&step.at, &step.verdict) {
        (StepAt::End(_), Verdict::Policy(Policy::Accept)) => "policy accept".into(),
        (StepAt::End(_), Verdict::Policy(Policy::Drop)) => "policy drop".into(),
        (StepAt::End(_), Verdict::Return) => "ends".into(),
        (StepAt::End(_), other) => format!("ends with {other:?}"),
        (StepAt::Rule(rule), verdict) => format!(
            "{} {}",
            rule.number(),
            match verdict {
                Verdict::Accept
                | Verdict::Dnat(_)
                | Verdict::Snat(_)
                | Verdict::Masquerade(_)
                | Verdict::Redirect(_)
                | Verdict::Netmap(_) => "accept".into(),
                Verdict::Drop | Verdict::Reject(_) => "drop".into(),
                Verdict::Return => "return".into(),
                Verdict::Tproxy if of.backend != Backend::Nft => "accept".into(),
                Verdict::Continue | Verdict::Notrack | Verdict::Tproxy => "continue".into(),
                Verdict::Jump(to) => format!("jump {}", name(*to)),
                Verdict::Goto(to) => format!("goto {}", name(*to)),
                Verdict::Queue => "queue".into(),
                Verdict::Stolen => "stolen".into(),
                Verdict::Policy(policy) => format!("policy {}", policy.name()),
                Verdict::Unknown => "unknown".into(),
            }
        ),
    };
    let backend = match of.backend {
        Backend::IptablesLegacy | Backend::IptablesNft | Backend::Nft => of.backend.name(),
    };
    let sometimes = if step.sometimes { SOMETIMES } else { "" };
    format!("{sometimes}{} {backend} {} {} {what}", step.hook, table(family, &of.name), name(chain))
}
