//! How packets end, and what decided it where no rule did.

use super::{Endpoints, Step};

/// How a packet ends.
#[derive(Debug, Clone, PartialEq)]
pub struct Fate {
    /// In which way.
    pub kind: FateKind,
    /// Index of the namespace it ended in.
    pub namespace: usize,
    /// The device it left by.
    pub oif: Option<String>,
    /// Its addresses at the end.
    pub endpoints: Endpoints,
    /// Index of the socket that gets it, in its namespace.
    pub socket: Option<usize>,
    /// The rule or policy that decided.
    pub by: Option<Step>,
    /// What decided where no rule did.
    pub reason: Option<Reason>,
}

/// The ways in which a packet can end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FateKind {
    /// At the input of the namespace: a socket gets it, or nobody listens.
    Delivered,
    /// Leaves by a device to somewhere that whyport cannot see.
    Forwarded,
    /// Made here, leaves by a device.
    Sent,
    /// Dropped silently.
    Dropped,
    /// Dropped and answered by a rule.
    Rejected,
    /// Handed to user space.
    Queued,
    /// A rule sent it out by a device, past everything else.
    Diverted,
    /// No route leads there.
    Unroutable,
    /// Dropped by routing for where it claims to come from or to go.
    Martian,
    /// A target that is not understood had the last word.
    Unknown,
}

impl FateKind {
    /// The name that the JSON contract gives it.
    pub fn name(self) -> &'static str {
        match self {
            FateKind::Delivered => "delivered",
            FateKind::Forwarded => "forwarded",
            FateKind::Sent => "sent",
            FateKind::Dropped => "dropped",
            FateKind::Rejected => "rejected",
            FateKind::Queued => "queued",
            FateKind::Diverted => "diverted",
            FateKind::Unroutable => "unroutable",
            FateKind::Martian => "martian",
            FateKind::Unknown => "unknown",
        }
    }
}

/// What decided a packet's fate where no rule did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Forwarding is off on the incoming device.
    IpForward,
    /// The reverse route does not lead back by the incoming device.
    RpFilter,
    /// 127/8 from or to a device without `route_localnet`.
    RouteLocalnet,
    /// The source is an address of this host.
    LocalSource,
    /// The source cannot be one: multicast, broadcast, 0.0.0.0, loopback; or it is that or an address of this host.
    ImpossibleSource,
    /// The destination cannot be one: 0.0.0.0, or loopback from outside.
    ImpossibleDestination,
    /// The time to live ran out.
    Ttl,
    /// The bridge port it would leave by is the one it came in by, and has no hairpin.
    Hairpin,
    /// No route.
    NoRoute,
    /// A `blackhole` route.
    Blackhole,
    /// An `unreachable` route.
    Unreachable,
    /// A `prohibit` route.
    Prohibit,
    /// A broadcast or multicast destination that no socket takes.
    Broadcast,
    /// It comes again, unchanged, to where it was: until its time to live runs out.
    Loop,
    /// A rule gave it to a socket here, and its route leads elsewhere.
    OfSocket,
    /// Its frame is addressed to somebody else.
    OfOthers,
    /// An ipvlan that talks to no other sends it to one.
    Private,
    /// The kernel answers it for whom it is for, and asks that one later.
    Synproxy,
}

impl Reason {
    /// The name that the JSON contract gives it.
    pub fn name(self) -> &'static str {
        match self {
            Reason::IpForward => "ip_forward",
            Reason::RpFilter => "rp_filter",
            Reason::RouteLocalnet => "route_localnet",
            Reason::LocalSource => "local-source",
            Reason::ImpossibleSource => "impossible-source",
            Reason::ImpossibleDestination => "impossible-destination",
            Reason::Ttl => "ttl",
            Reason::Hairpin => "hairpin",
            Reason::NoRoute => "no-route",
            Reason::Blackhole => "blackhole",
            Reason::Unreachable => "unreachable",
            Reason::Prohibit => "prohibit",
            Reason::Broadcast => "broadcast",
            Reason::Loop => "loop",
            Reason::OfSocket => "socket",
            Reason::OfOthers => "other-host",
            Reason::Private => "private",
            Reason::Synproxy => "synproxy",
        }
    }
}
