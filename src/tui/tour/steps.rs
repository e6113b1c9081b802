//! The steps of the tour through the story: at which row each stands, and what it says. Tests hold every name and address
//! in them against the recorded host.

/// A row of the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tui) enum Aim {
    /// A TCP port of IPv4.
    Port(u16),
    /// A base chain, on a pass: its table and name.
    Base(u32, &'static str, &'static str),
    /// A rule that holds, on a pass, by its chain, or what that begins with, and its number.
    Rule(u32, &'static str, usize),
    /// The first decision of routing, on a pass.
    Route(u32),
    /// How the way ends.
    Fate,
}

/// Where the packet comes from that is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tui) enum Whence {
    /// Another host.
    Outside,
    /// This host, asking 127.0.0.1.
    Localhost,
}

/// A step of the tour.
#[derive(Debug, Clone, Copy)]
pub(in crate::tui) struct Step {
    /// Its heading.
    pub(in crate::tui) heading: &'static str,
    /// The row that it points at.
    pub(in crate::tui) aim: Aim,
    /// Whose way is shown.
    pub(in crate::tui) whence: Whence,
    /// What it says: plain text, two to four lines of 76 columns.
    pub(in crate::tui) says: &'static str,
}

/// The port that the story is about.
pub(in crate::tui) const PORT: u16 = 80;

/// The recorded host that the story is told of, by the name under which it is embedded.
pub(in crate::tui) const HOST: &str = "k3s-port-80";

/// The story.
pub(in crate::tui) const STEPS: [Step; 10] = [
    Step {
        heading: "Who answers port 80?",
        aim: Aim::Port(PORT),
        whence: Whence::Outside,
        says: "nginx listens on port 80 of this host. netstat and ss say so, and it is true. Yet every \
               request gets “404 page not found” from somebody else. The sign ⇄ tells it: rules send the \
               packets elsewhere. This tour follows one of them, to see where.",
    },
    Step {
        heading: "First of all: PREROUTING",
        aim: Aim::Base(1, "nat", "PREROUTING"),
        whence: Whence::Outside,
        says: "The packet comes in by eth0, for 192.168.66.100. Sockets are looked for at the end of its way \
               through the kernel; first it meets the rules. Whatever comes in meets the hook prerouting, \
               before anything decides whose it is. The table nat may change its addresses there.",
    },
    Step {
        heading: "CNI-HOSTPORT-DNAT: ports of the host that pods asked for",
        aim: Aim::Rule(1, "PREROUTING", 2),
        whence: Whence::Outside,
        says: "Rule 1 asks the cluster's services (KUBE-SERVICES); none of them has this address. Rule 2 takes \
               packets for any address of this host to CNI-HOSTPORT-DNAT: the network plugin keeps it for \
               pods that want a port of the host. No rule asks whether a socket has that port already.",
    },
    Step {
        heading: "DNAT: from here on it is another's packet",
        aim: Aim::Rule(1, "CNI-DN-", 3),
        whence: Whence::Outside,
        says: "This rule decides. It writes another destination into the packet: 10.42.0.2, port 80. No socket \
               was looked up yet, so nginx is never asked. conntrack does the same to all that follows on \
               this connection, and the reverse to its answers.",
    },
    Step {
        heading: "Routing sees the new address only",
        aim: Aim::Route(1),
        whence: Whence::Outside,
        says: "Now the kernel asks whose the packet is. 10.42.0.2 is not an address of this host, so it is sent \
               on, by cni0, the bridge of the pods. It passes forward and postrouting, and never input, \
               behind which nginx waits.",
    },
    Step {
        heading: "The pod svclb: the same once more",
        aim: Aim::Rule(2, "PREROUTING", 1),
        whence: Whence::Outside,
        says: "10.42.0.2 is a pod of k3s' load balancer, svclb, with a network and rules of its own. They send the \
               packet to 10.43.85.149, the address of the service traefik, and put the pod's own address in \
               as its source (MASQUERADE), so that answers come back by the pod.",
    },
    Step {
        heading: "Back on the host: the service's address",
        aim: Aim::Rule(3, "KUBE-SEP-", 2),
        whence: Whence::Outside,
        says: "No device has the address 10.43.85.149: it stands in kube-proxy's rules alone. KUBE-SERVICES knows \
               it now and leads to KUBE-SVC-…, the service, and that to KUBE-SEP-…, one of its pods. The third \
               DNAT: 10.42.0.59, port 8000.",
    },
    Step {
        heading: "The pod traefik answers",
        aim: Aim::Fate,
        whence: Whence::Outside,
        says: "Here the way ends: a process called traefik listens on port 8000 of the pod traefik, gets the \
               packet, knows no such site, and says “404 page not found”. Three DNAT rules turned the packet, \
               and nginx has not seen it.",
    },
    Step {
        heading: "Even from the host itself",
        aim: Aim::Rule(1, "OUTPUT", 2),
        whence: Whence::Localhost,
        says: "curl 127.0.0.1 gets the same answer. What is made here meets output in place of prerouting, and \
               rule 2 of nat OUTPUT leads to the same chain. (With o you choose where packets come from.)",
    },
    Step {
        heading: "And with nginx stopped?",
        aim: Aim::Port(443),
        whence: Whence::Outside,
        says: "Port 80 still answers, as no rule asks for nginx. Port 443 shows it: no socket has it, yet rules \
               send its packets to a pod. whyport calls that a ghost. Now look around: arrow keys move, Tab goes to \
               another pane, H draws the hooks, ? tells all keys, and t begins this tour again.",
    },
];
