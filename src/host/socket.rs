//! Sockets that can be reached, and the processes that hold them.

use std::fmt;
use std::net::IpAddr;

/// An IP protocol number (IANA "Assigned Internet Protocol Numbers").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Protocol(pub u8);

impl Protocol {
    /// ICMP, 1.
    pub const ICMP: Protocol = Protocol(1);
    /// TCP, 6.
    pub const TCP: Protocol = Protocol(6);
    /// UDP, 17.
    pub const UDP: Protocol = Protocol(17);
    /// DCCP, 33.
    pub const DCCP: Protocol = Protocol(33);
    /// ICMPv6, 58.
    pub const ICMPV6: Protocol = Protocol(58);
    /// SCTP, 132.
    pub const SCTP: Protocol = Protocol(132);
    /// UDP-Lite, 136.
    pub const UDPLITE: Protocol = Protocol(136);

    /// Names as `getprotobyname(3)` knows them from /etc/protocols and as the xtables tools print them.
    const NAMES: [(&'static str, Protocol); 54] = [
        ("icmp", Protocol::ICMP),
        ("igmp", Protocol(2)),
        ("ggp", Protocol(3)),
        ("ipencap", Protocol(4)),
        ("st", Protocol(5)),
        ("tcp", Protocol::TCP),
        ("egp", Protocol(8)),
        ("igp", Protocol(9)),
        ("pup", Protocol(12)),
        ("udp", Protocol::UDP),
        ("hmp", Protocol(20)),
        ("xns-idp", Protocol(22)),
        ("rdp", Protocol(27)),
        ("iso-tp4", Protocol(29)),
        ("dccp", Protocol::DCCP),
        ("xtp", Protocol(36)),
        ("ddp", Protocol(37)),
        ("idpr-cmtp", Protocol(38)),
        ("ipv6", Protocol(41)),
        ("ipv6-route", Protocol(43)),
        ("ipv6-frag", Protocol(44)),
        ("idrp", Protocol(45)),
        ("rsvp", Protocol(46)),
        ("gre", Protocol(47)),
        ("esp", Protocol(50)),
        ("ah", Protocol(51)),
        ("skip", Protocol(57)),
        ("ipv6-icmp", Protocol::ICMPV6),
        ("ipv6-nonxt", Protocol(59)),
        ("ipv6-opts", Protocol(60)),
        ("rspf", Protocol(73)),
        ("vmtp", Protocol(81)),
        ("eigrp", Protocol(88)),
        ("ospf", Protocol(89)),
        ("ax.25", Protocol(93)),
        ("ipip", Protocol(94)),
        ("etherip", Protocol(97)),
        ("encap", Protocol(98)),
        ("pim", Protocol(103)),
        ("ipcomp", Protocol(108)),
        ("vrrp", Protocol(112)),
        ("l2tp", Protocol(115)),
        ("isis", Protocol(124)),
        ("sctp", Protocol::SCTP),
        ("fc", Protocol(133)),
        ("mobility-header", Protocol(135)),
        ("udplite", Protocol::UDPLITE),
        ("mpls-in-ip", Protocol(137)),
        ("manet", Protocol(138)),
        ("hip", Protocol(139)),
        ("shim6", Protocol(140)),
        ("wesp", Protocol(141)),
        ("rohc", Protocol(142)),
        ("ethernet", Protocol(143)),
    ];

    /// The protocol's name, where it has a common one.
    pub fn name(self) -> Option<&'static str> {
        Self::NAMES.iter().find(|(_, number)| *number == self).map(|(name, _)| *name)
    }

    /// The protocol with this name; `icmpv6` and `ipv6-icmp` are the same.
    pub fn from_name(name: &str) -> Option<Protocol> {
        match name {
            "icmpv6" => Some(Protocol::ICMPV6),
            "mh" | "ipv6-mh" => Some(Protocol(135)),
            _ => Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, number)| *number),
        }
    }

    /// Whether the protocol's packets have ports.
    pub fn has_ports(self) -> bool {
        matches!(self, Protocol::TCP | Protocol::UDP | Protocol::SCTP | Protocol::DCCP | Protocol::UDPLITE)
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "{}", self.0),
        }
    }
}

/// A socket that packets can be delivered to: a TCP (SCTP, DCCP) listener, or a bound UDP socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Socket {
    /// Its protocol.
    pub protocol: Protocol,
    /// The address it is bound to; unspecified (`0.0.0.0`, `::`) for all.
    pub addr: IpAddr,
    /// The port it is bound to.
    pub port: u16,
    /// For a socket bound to `::`: whether it refuses IPv4. `None` where that was not read.
    pub v6only: Option<bool>,
    /// The device it is bound to (`SO_BINDTODEVICE`).
    pub device: Option<String>,
    /// A connected UDP socket: the only peer it hears.
    pub peer: Option<(IpAddr, u16)>,
    /// The socket's inode.
    pub inode: u64,
    /// The user id of its owner.
    pub uid: Option<u32>,
    /// `IP_TRANSPARENT`, for TPROXY. `None` where that was not read.
    pub transparent: Option<bool>,
    /// The processes that hold it; empty where they could not be read.
    pub processes: Vec<Process>,
}

/// What else is told of a process that holds a socket.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Program {
    /// Its arguments with spaces between (`/proc/PID/cmdline`), raw text, not sanitised; empty where it has none.
    pub command: String,
    /// The user id that it acts as.
    pub uid: Option<u32>,
    /// What the host calls that user, which a container may call otherwise.
    pub user: Option<String>,
    /// Its control group, as a path (`/proc/PID/cgroup`).
    pub cgroup: Option<String>,
}

/// A process that holds a socket.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Process {
    /// Process id.
    pub pid: u32,
    /// The process's name (`/proc/PID/comm`): raw text, at most 15 bytes, not sanitised.
    pub name: String,
}
