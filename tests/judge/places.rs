//! Which addresses and devices rulesets and packets by lot speak of.

use crate::packet::Packet;
use crate::random::Lot;

/// What addresses and devices there are, in one family.
pub struct Places {
    pub ip6: bool,
    pub own: &'static [&'static str],
    pub others: &'static [&'static str],
    pub nets: &'static [&'static str],
    pub ranges: &'static [&'static str],
    /// The devices that lead outside, with who is there.
    pub legs: &'static [(&'static str, &'static str)],
    /// Patterns of devices, as rules have them.
    pub devices: &'static [&'static str],
    /// Ports of bridges, with the address that the node has on it and the beginning of all that are there.
    pub ports: &'static [(&'static str, &'static str, &'static str)],
}

impl Places {
    pub fn any(&self, lot: &mut Lot) -> &'static str {
        if lot.once_in(2) { lot.of(self.own) } else { lot.of(self.others) }
    }

    /// Whether a packet is one that the other end of a leg would give to the node: to a neighbour on its bridge it would send
    /// the frame itself.
    pub fn can_arrive(&self, packet: &Packet) -> bool {
        let dst = packet.dst.ip().to_string();
        let is_port = |port: &&(&str, &str, &str)| packet.device.as_deref() == Some(port.0);
        self.ports.iter().find(is_port).is_none_or(|(_, own, net)| dst == *own || !dst.starts_with(net))
    }

    pub fn net(&self, lot: &mut Lot) -> &'static str {
        match lot.below(3) {
            0 => self.any(lot),
            _ => lot.of(self.nets),
        }
    }
}

/// A router's two legs, of IPv4.
pub static ROUTER4: Places = Places {
    ip6: false,
    own: &["198.51.100.1", "198.51.100.9", "10.9.0.1", "127.0.0.1"],
    others: &["10.9.0.2", "10.9.0.77", "203.0.113.7", "203.0.113.200", "192.0.2.1", "198.51.100.2"],
    nets: &["10.9.0.0/24", "203.0.113.0/25", "198.51.100.0/24", "127.0.0.0/8", "0.0.0.0/1", "10.9.0.64/26"],
    ranges: &["10.9.0.2-10.9.0.80", "198.51.100.1-203.0.113.100"],
    legs: &[("eth0", "203.0.113.7"), ("eth1", "10.9.0.2"), ("eth0", "198.51.100.2")],
    devices: &["eth0", "eth1", "lo", "eth+", "e+", "wg0"],
    ports: &[],
};

/// The same, of IPv6.
pub static ROUTER6: Places = Places {
    ip6: true,
    own: &["2001:db8:1::1", "2001:db8:9::1", "::1"],
    others: &["2001:db8:9::2", "2001:db8:9::77", "2001:db8:1::2", "2001:db8:5::7"],
    nets: &["2001:db8:9::/64", "2001:db8::/46", "::1/128", "2000::/3"],
    ranges: &["2001:db8:9::2-2001:db8:9::80", "2001:db8:1::-2001:db8:5::ffff"],
    legs: &[("eth0", "2001:db8:5::7"), ("eth1", "2001:db8:9::2"), ("eth0", "2001:db8:1::2")],
    devices: &["eth0", "eth1", "lo", "eth+", "e+", "wg0"],
    ports: &[],
};

/// A node's legs and its bridges of containers, of IPv4.
pub static CONTAINERS4: Places = Places {
    ip6: false,
    own: &["198.51.100.1", "10.9.0.1", "10.42.0.1", "172.17.0.1", "127.0.0.1"],
    others: &["10.42.0.2", "10.42.0.3", "172.17.0.2", "10.42.1.5", "203.0.113.7", "10.43.0.10", "10.9.0.2"],
    nets: &["10.42.0.0/16", "10.43.0.0/16", "172.16.0.0/12", "127.0.0.0/8", "10.42.0.0/24", "203.0.113.0/24"],
    ranges: &["10.42.0.2-10.42.0.9", "172.17.0.0-203.0.113.100"],
    legs: &[
        ("eth0", "203.0.113.7"),
        ("pod1", "10.42.0.2"),
        ("pod2", "10.42.0.3"),
        ("web1", "172.17.0.2"),
        ("eth1", "10.42.1.5"),
        ("eth1", "10.9.0.2"),
    ],
    devices: &["eth0", "eth1", "lo", "cni0", "docker0", "cni+", "eth+"],
    ports: &[("pod1", "10.42.0.1", "10.42.0."), ("pod2", "10.42.0.1", "10.42.0."), ("web1", "172.17.0.1", "172.17.")],
};

/// The same, of IPv6.
pub static CONTAINERS6: Places = Places {
    ip6: true,
    own: &["2001:db8:1::1", "2001:db8:9::1", "2001:db8:42::1", "2001:db8:17::1", "::1"],
    others: &["2001:db8:42::2", "2001:db8:42::3", "2001:db8:17::2", "2001:db8:4201::5", "2001:db8:5::7"],
    nets: &["2001:db8:42::/64", "2001:db8:43::/64", "2001:db8:17::/64", "::1/128", "2001:db8:4000::/36"],
    ranges: &["2001:db8:42::2-2001:db8:42::80", "2001:db8:1::-2001:db8:17::ffff"],
    legs: &[
        ("eth0", "2001:db8:5::7"),
        ("pod1", "2001:db8:42::2"),
        ("pod2", "2001:db8:42::3"),
        ("web1", "2001:db8:17::2"),
        ("eth1", "2001:db8:4201::5"),
    ],
    devices: &["eth0", "eth1", "lo", "cni0", "docker0", "cni+", "eth+"],
    ports: &[
        ("pod1", "2001:db8:42::1", "2001:db8:42:"),
        ("pod2", "2001:db8:42::1", "2001:db8:42:"),
        ("web1", "2001:db8:17::1", "2001:db8:17:"),
    ],
};
