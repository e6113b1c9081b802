//! What happens on the way and at its end, in a few words: routes, translations, fates. Phrases of one form for lines
//! that stand by themselves; sentences are made beside this module.

use std::net::{IpAddr, SocketAddr};

use super::FEW;
use super::phrase::{Phrase, list};
use crate::explain::group;
use crate::host::{Host, Socket, What};
use crate::walk::{Endpoints, Fate, FateKind, Reason, RouteDecision, RouteEvent, Translation, Verdict};

/// `10.42.0.2: out by cni0`, `192.168.66.100 is this host's`.
pub fn route(route: &RouteEvent) -> String {
    let whither = route.dst.map_or_else(|| "the destination".to_owned(), |dst| dst.to_string());
    match &route.decision {
        RouteDecision::Local => format!("{whither} is this host's"),
        RouteDecision::Out { oif, via } => {
            let by = oif.as_deref().map_or_else(|| "out by a device unknown".to_owned(), |oif| format!("out by {oif}"));
            let routers: Vec<String> = via.iter().map(ToString::to_string).collect();
            match &routers[..] {
                [] => format!("{whither}: {by}"),
                routers => format!("{whither}: {by}, router {}", list(Phrase::Or, routers, FEW)),
            }
        }
        RouteDecision::Refused(Reason::LocalSource | Reason::ImpossibleSource | Reason::ImpossibleDestination) => {
            "refuses it".to_owned()
        }
        RouteDecision::Refused(reason) => format!("{whither}: {}", self::reason(*reason)),
    }
}

/// The same without the destination: `out by cni0`, `this host's`.
pub fn route_briefly(route: &RouteEvent) -> String {
    match &route.decision {
        RouteDecision::Local => "this host's".to_owned(),
        RouteDecision::Out { oif: Some(oif), .. } => format!("out by {oif}"),
        RouteDecision::Out { oif: None, .. } => "out by a device unknown".to_owned(),
        RouteDecision::Refused(_) => "refused".to_owned(),
    }
}

/// What a translation does: `destination becomes 10.42.0.2:80`.
pub fn translation(verdict: &Verdict, to: &Translation) -> String {
    let side = match verdict {
        Verdict::Snat(_) | Verdict::Masquerade(_) => "source",
        _ => "destination",
    };
    match (to.addr, to.port) {
        (Some(addr), Some(port)) => format!("{side} becomes {}", SocketAddr::new(addr, port)),
        (Some(addr), None) => format!("{side} becomes {addr}"),
        (None, Some(port)) => format!("{side} port becomes {port}"),
        (None, None) => format!("{side} becomes what the kernel chooses"),
    }
}

/// `from 10.0.0.1:4242 to 10.42.0.2:80`, as far as it is known.
pub fn endpoints(ends: &Endpoints) -> String {
    let end = |addr: Option<IpAddr>, port: Option<u16>| match (addr, port) {
        (Some(addr), Some(port)) => SocketAddr::new(addr, port).to_string(),
        (Some(addr), None) => addr.to_string(),
        (None, Some(port)) => format!("port {port}"),
        (None, None) => String::new(),
    };
    let dst = match (ends.dst, ends.dport) {
        (None, None) => "an unknown address".to_owned(),
        (addr, port) => end(addr, port),
    };
    match (end(ends.src, ends.sport), dst) {
        (src, dst) if src.is_empty() => format!("to {dst}"),
        (src, dst) => format!("from {src} to {dst}"),
    }
}

/// How a packet ends: `leaves by cni0, to 10.42.0.2:80`, `dropped`.
pub fn fate(fate: &Fate) -> String {
    let by = fate.oif.as_deref().unwrap_or("some device");
    let reason = fate.reason.map(|reason| format!(": {}", self::reason(reason))).unwrap_or_default();
    match fate.kind {
        FateKind::Delivered => "delivered".to_owned(),
        FateKind::Forwarded => format!("leaves by {by}, {}", endpoints(&fate.endpoints)),
        FateKind::Sent => format!("sent by {by}, {}", endpoints(&fate.endpoints)),
        FateKind::Dropped => format!("dropped{reason}"),
        FateKind::Rejected => format!("rejected{reason}"),
        FateKind::Queued => "handed to user space".to_owned(),
        FateKind::Diverted if fate.reason.is_some() => format!("kept{reason}"),
        FateKind::Diverted => format!("sent out by {by}, past everything else"),
        FateKind::Unroutable => format!("goes nowhere{reason}"),
        FateKind::Martian => format!("refused by routing{reason}"),
        FateKind::Unknown => "ends at a target that whyport does not understand".to_owned(),
    }
}

/// Who holds the socket that a packet is delivered to: `nginx (1103) on 0.0.0.0:80`.
pub fn receiver(host: &Host, fate: &Fate) -> String {
    let held = holder(host, fate);
    match fate.socket.and_then(|socket| host.namespaces[fate.namespace].sockets.get(socket)) {
        Some(socket) => format!("{held} on {}", SocketAddr::new(socket.addr, socket.port)),
        None => held,
    }
}

/// The same without where it is bound: `nginx (1103)`.
pub fn holder(host: &Host, fate: &Fate) -> String {
    let ns = &host.namespaces[fate.namespace];
    let Some(socket) = fate.socket.and_then(|socket| ns.sockets.get(socket)) else {
        return if ns.is_read(What::Sockets) { "nobody listens" } else { "who listens was not read" }.to_owned();
    };
    let group = group(ns, fate.socket, &fate.endpoints);
    let one_of = if group.is_empty() { "" } else { "one of " };
    let several = std::iter::once(socket).chain(group.iter().filter_map(|index| ns.sockets.get(*index)));
    let holders: Vec<_> = several.map(holders).collect();
    format!("{one_of}{}", holders.join(", "))
}

/// The processes that hold a socket, one by one.
fn holders(socket: &Socket) -> String {
    let holders: Vec<_> = socket.processes.iter().map(|held| format!("{} ({})", held.name, held.pid)).collect();
    if holders.is_empty() { "a process that was not read".to_owned() } else { holders.join(", ") }
}

/// What decided where no rule did, as a clause.
pub fn reason(reason: Reason) -> &'static str {
    match reason {
        Reason::IpForward => "the device it came in by does not forward (ip_forward)",
        Reason::RpFilter => "the way back does not lead by the device it came in by (rp_filter)",
        Reason::RouteLocalnet => "127/8 on a device without route_localnet",
        Reason::LocalSource => "its source is an address of this host",
        Reason::ImpossibleSource => "no packet from there can have such a source",
        Reason::ImpossibleDestination => "no packet from there can have such a destination",
        Reason::Ttl => "its time to live ran out",
        Reason::Hairpin => "it would leave by the bridge port it came in by, which has no hairpin",
        Reason::NoRoute => "no route",
        Reason::Blackhole => "a blackhole route",
        Reason::Unreachable => "an unreachable route",
        Reason::Prohibit => "a prohibit route",
        Reason::Broadcast => "broadcast or multicast that no socket takes",
        Reason::Loop => "it goes in a circle, until its time to live runs out",
        Reason::OfSocket => "given to a socket here, but routed elsewhere",
        Reason::OfOthers => "its frame is addressed to somebody else",
        Reason::Private => "private ipvlans do not talk to each other",
        Reason::Synproxy => "SYNPROXY answers it, and asks whom it is for once the client has answered",
    }
}
