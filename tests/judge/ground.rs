//! Where packets are sent: what a world is built of, which addresses it knows, and how its policy routing is drawn.

use std::fmt::Write as _;

use crate::case::TWO_LEGS;
use crate::places::{CONTAINERS4, CONTAINERS6, Places, ROUTER4, ROUTER6};
use crate::random::Lot;
use crate::world::Plan;

/// What a world is built of, with what rulesets and packets may speak of.
pub struct Ground {
    pub plan: Plan<'static>,
    places: [&'static Places; 2],
}

impl Ground {
    /// The addresses of a family.
    pub fn places(&self, ip6: bool) -> &'static Places {
        self.places[usize::from(ip6)]
    }
}

/// A router with two legs.
pub static ROUTER: Ground = Ground { plan: TWO_LEGS, places: [&ROUTER4, &ROUTER6] };

/// A node with containers on two bridges, of which other nodes have some too.
pub static CONTAINERS: Ground = Ground {
    plan: Plan {
        legs: &["eth0", "eth1", "pod1", "pod2", "web1"],
        ip: "link add cni0 type bridge\n\
             link add docker0 type bridge\n\
             addr add 198.51.100.1/24 dev eth0\n\
             addr add 2001:db8:1::1/64 dev eth0 nodad\n\
             addr add 10.9.0.1/24 dev eth1\n\
             addr add 2001:db8:9::1/64 dev eth1 nodad\n\
             addr add 10.42.0.1/24 dev cni0\n\
             addr add 2001:db8:42::1/64 dev cni0 nodad\n\
             addr add 172.17.0.1/16 dev docker0\n\
             addr add 2001:db8:17::1/64 dev docker0 nodad\n\
             link set pod1 master cni0\n\
             link set pod2 master cni0\n\
             link set web1 master docker0\n\
             link set pod1 type bridge_slave hairpin on\n\
             link set web1 type bridge_slave hairpin on\n\
             link set cni0 up\n\
             link set docker0 up\n\
             neigh add 10.42.0.2 lladdr 02:00:00:00:02:02 dev cni0 nud permanent\n\
             neigh add 10.42.0.3 lladdr 02:00:00:00:02:03 dev cni0 nud permanent\n\
             neigh add 172.17.0.2 lladdr 02:00:00:00:02:04 dev docker0 nud permanent\n\
             neigh add 2001:db8:42::2 lladdr 02:00:00:00:02:02 dev cni0 nud permanent\n\
             neigh add 2001:db8:42::3 lladdr 02:00:00:00:02:03 dev cni0 nud permanent\n\
             neigh add 2001:db8:17::2 lladdr 02:00:00:00:02:04 dev docker0 nud permanent\n\
             route add 10.42.1.0/24 via 10.9.0.2 dev eth1\n\
             route add 2001:db8:4201::/64 via 2001:db8:9::2 dev eth1\n\
             route add 0.0.0.0/0 via 198.51.100.2 dev eth0\n\
             route add ::/0 via 2001:db8:1::2 dev eth0\n",
        bridge: "fdb add 02:00:00:00:02:02 dev pod1 master static\n\
                 fdb add 02:00:00:00:02:03 dev pod2 master static\n\
                 fdb add 02:00:00:00:02:04 dev web1 master static\n",
        sysctls: &[
            ("ipv4/ip_forward", "1"),
            ("ipv6/conf/all/forwarding", "1"),
            ("bridge/bridge-nf-call-iptables", "0"),
            ("bridge/bridge-nf-call-ip6tables", "0"),
        ],
        listens: &["tcp 0.0.0.0:22", "tcp [::]:22", "tcp 0.0.0.0:8080", "tcp [::]:8080", "udp 0.0.0.0:53"],
    },
    places: [&CONTAINERS4, &CONTAINERS6],
};

/// Ways out that marks choose, and some that lead nowhere.
pub const MARKED_ROUTES: &str = "rule add fwmark 0x1/0x1 lookup 100\n\
                                 route add 0.0.0.0/0 via 10.9.0.2 dev eth1 table 100\n\
                                 -6 rule add fwmark 0x1/0x1 lookup 100\n\
                                 route add ::/0 via 2001:db8:9::2 dev eth1 table 100\n\
                                 route add unreachable 192.0.2.128/25\n";

/// Lines of `ip -batch`: ways out that policy rules choose, by whatever they can choose, and some that lead nowhere.
pub fn routes(lot: &mut Lot, ground: &'static Ground) -> String {
    let mut text = String::new();
    for ip6 in [false, true] {
        let places = ground.places(ip6);
        let (all, via1, via0) = match ip6 {
            false => ("0.0.0.0/0", "10.9.0.2", "198.51.100.2"),
            true => ("::/0", "2001:db8:9::2", "2001:db8:1::2"),
        };
        let _ = writeln!(text, "route add {all} via {via1} dev eth1 table 100");
        let _ = writeln!(text, "route add {all} via {via0} dev eth0 table 101");
        let _ = writeln!(text, "route add {} dev eth1 table 101", lot.of(places.others));
        let kind = lot.of(&["unreachable", "blackhole", "prohibit", "throw"]);
        let _ = writeln!(text, "route add {kind} {all} table 102");
        let _ = writeln!(text, "route add unreachable {}", if ip6 { "2001:db8:6::/64" } else { "192.0.2.128/25" });
        let rules = if lot.once_in(3) { 0 } else { 1 + lot.below(3) };
        for at in 0..rules {
            let fits = selector(lot, places);
            let does = match lot.below(8) {
                0 => lot.of(&["unreachable", "blackhole", "prohibit"]).to_owned(),
                _ => format!("lookup {}", lot.of(&["100", "100", "101", "102"])),
            };
            let not = if lot.once_in(8) { "not " } else { "" };
            let six = if ip6 { "-6 " } else { "" };
            let _ = writeln!(text, "{six}rule add {not}{fits} {does} priority {}", 1000 + 10 * at);
        }
    }
    text
}

fn selector(lot: &mut Lot, places: &Places) -> String {
    let net = |lot: &mut Lot| {
        let net = places.net(lot);
        // `ip` takes this one for none.
        if net.starts_with("0.0.0.0/") { places.nets[0] } else { net }
    };
    match lot.below(10) {
        0 => format!("from {}", net(lot)),
        1 => format!("to {}", net(lot)),
        2 => format!("iif {}", lot.of(&places.devices[..3])),
        3 => format!("uidrange {}", lot.of(&["1000-1000", "0-0", "1000-65534"])),
        4 => format!("ipproto {}", lot.of(&["tcp", "udp"])),
        5 => format!("ipproto tcp dport {}", lot.of(&["80", "22-443"])),
        6 => format!("ipproto udp sport {}", lot.of(&["20000-25000", "1-30000"])),
        7 => format!("from {} fwmark 0x2/0x2", net(lot)),
        _ => format!("fwmark {}", lot.of(&["0x1/0x1", "0x1", "0x4000/0x4000", "0x2/0x3"])),
    }
}

/// Settings that decide about routing, below /proc/sys/net.
pub fn sysctls(lot: &mut Lot, ground: &Ground) -> Vec<(&'static str, &'static str)> {
    const KEYS: [(&str, &[&str]); 11] = [
        ("ipv4/conf/eth0/route_localnet", &["0", "0", "1"]),
        ("ipv4/conf/eth1/route_localnet", &["0", "0", "1"]),
        ("ipv4/conf/eth0/rp_filter", &["0", "0", "0", "1", "2"]),
        ("ipv4/conf/eth1/rp_filter", &["0", "0", "0", "1", "2"]),
        ("ipv4/conf/eth0/forwarding", &["1", "1", "1", "1", "0"]),
        ("ipv4/conf/eth1/accept_local", &["0", "0", "1"]),
        ("ipv4/conf/eth0/src_valid_mark", &["0", "0", "1"]),
        ("ipv4/conf/eth0/send_redirects", &["1", "1", "0"]),
        ("ipv4/conf/eth1/send_redirects", &["1", "1", "0"]),
        ("ipv4/conf/all/route_localnet", &["0", "0", "0", "1"]),
        ("netfilter/nf_conntrack_tcp_loose", &["1", "1", "1", "0"]),
    ];
    const OF_BRIDGES: [(&str, &[&str]); 5] = [
        ("bridge/bridge-nf-call-iptables", &["0", "0", "1"]),
        ("bridge/bridge-nf-call-ip6tables", &["0", "0", "1"]),
        ("ipv4/conf/cni0/route_localnet", &["0", "1"]),
        ("ipv4/conf/cni0/rp_filter", &["0", "0", "1", "2"]),
        ("ipv4/conf/docker0/rp_filter", &["0", "0", "1", "2"]),
    ];
    let bridges = if ground.plan.bridge.is_empty() { &[][..] } else { &OF_BRIDGES };
    KEYS.iter().chain(bridges).map(|(key, values)| (*key, lot.of(values))).collect()
}
