//! rtnetlink against ip(8) and bridge(8).

use std::fs;

use nix::sched::{CloneFlags, setns, unshare};

use super::super::netlink::{Answers, Failure};
use super::super::route;
use super::{apart, here, ip, printed, run, told};
use crate::host::{LinkKind, RouteKind};

/// A bridge with ports, veths to a named and to a nameless namespace and within this one, a device of another kind.
const LINKS: &str = "\
link set lo up
netns add pod
link add br0 type bridge nf_call_iptables 1 nf_call_arptables 1
link add br1 type bridge
link add p1 address 02:00:00:00:00:01 type veth peer name q1 netns NAMELESS
link add p2 type veth peer name q2 netns pod
link add p3 type veth peer name p4
link add w0 type veth peer name w1
link add ifb0 type ifb
tuntap add tun0 mode tun
link set p1 master br0 up
link set p2 master br0
link set p3 master br0 up
link set p4 up
link set br0 mtu 1400 up
link set w0 up
link set w1 up
link set tun0 up
";

const ADDRESSES: &str = "\
addr add 10.0.0.1/24 dev br0
addr add 10.0.0.2/24 dev br0
addr add 10.0.1.1/24 dev br0 scope link
addr add 10.9.0.1 peer 10.9.0.2/32 dev w0
addr add 10.8.0.1/16 dev br1
addr add 2001:db8::1/64 dev br0
addr add 2001:db8::9/64 dev br0 preferred_lft 0 valid_lft forever
addr add 2001:db8:5::1/64 dev br1
addr add fd00::1 peer fd00::2 dev w0
";

const ROUTES: &str = "\
route add 192.0.2.0/24 via 10.0.0.254 dev br0 metric 50 src 10.0.0.2
route add 192.0.2.0/24 via 10.0.0.253 dev br0 metric 40
route add 192.0.2.0/24 tos 0x04 via 10.0.0.252 dev br0
route add default via 10.0.0.254 dev br0
route add default dev tun0 table 100
route add 198.51.100.0/24 nexthop via 10.0.0.3 dev br0 weight 3 nexthop dev w0
route add 198.51.100.7 via inet6 2001:db8::7 dev br0 table 70000
route add blackhole 203.0.113.0/26
route add unreachable 203.0.113.64/26 metric 3
route add prohibit 203.0.113.128/26 table 100
route add throw 203.0.113.192/26 table 100
route add local 100.64.0.0/10 dev lo table 100
route add broadcast 10.7.255.255 dev br0
route add multicast 224.1.0.0/16 dev br0
";

const ROUTES6: &str = "\
route add 2001:db8:1::/64 via 2001:db8::2 dev br0 metric 7
route add 2001:db8:2::/64 nexthop via 2001:db8::3 dev br0 weight 2 nexthop via fd00::2 dev w0
route add blackhole 2001:db8:3::/64
route add unreachable default metric 4096
route add 2001:db8:4::/64 from 2001:db8:9::/48 via 2001:db8::2 dev br0
route add local 2001:db8:6::/64 dev lo table 100
";

const RULES: &str = "\
rule add pref 100 from 10.0.0.0/8 to 192.0.2.1 iif br0 oif w0 lookup 100
rule add pref 101 fwmark 0x10/0xff not lookup 70000
rule add pref 102 fwmark 7 tos 0x10 blackhole
rule add pref 103 uidrange 1000-1999 ipproto tcp sport 80 dport 1000-2000 unreachable
rule add pref 104 ipproto 47 prohibit
rule add pref 105 goto 200
rule add pref 106 lookup main suppress_prefixlength 0
rule add pref 107 l3mdev
rule add pref 200 nop
rule add pref 104 from 10.1.0.0/16 lookup 5
rule del pref 32767
";

const RULES6: &str = "\
rule add pref 50 from 2001:db8::/32 fwmark 0/1 lookup 100
rule add pref 51 iif lo to fd00::/8 dport 53 lookup 300 suppress_prefixlength 64
";

const NEIGHBOURS: &str = "\
neigh add 10.0.0.7 lladdr 02:00:00:00:07:07 dev br0 nud permanent
neigh add 10.0.0.8 lladdr 02:00:00:00:07:08 dev br0 nud stale
neigh add 10.0.0.9 lladdr 02:00:00:00:07:09 dev br0 nud noarp
neigh add 10.0.0.10 dev br0 nud failed
neigh add proxy 10.0.0.11 dev br0
neigh add 2001:db8::7 lladdr 02:00:00:00:07:07 dev br0 nud permanent
";

const FDB: &str = "\
link set dev p3 hairpin on
fdb add 02:00:00:00:09:01 dev p1 master static
fdb add 02:00:00:00:09:02 dev p1 master permanent
fdb add 02:00:00:00:09:03 dev p3 master dynamic
fdb add 02:00:00:00:09:04 dev br0 self permanent
";

fn ip6(lines: &str) {
    run(&["ip", "-6", "-batch", "-"], lines);
}

/// Builds it around this thread; what is returned holds the nameless namespace.
pub(in crate::kernel) fn build() -> fs::File {
    let (own, _) = here();
    unshare(CloneFlags::CLONE_NEWNET).unwrap();
    let (nameless, path) = here();
    setns(&own, CloneFlags::CLONE_NEWNET).unwrap();
    ip(&LINKS.replace("NAMELESS", &path));
    ip(ADDRESSES);
    ip(ROUTES);
    ip6(ROUTES6);
    ip(RULES);
    ip6(RULES6);
    ip(NEIGHBOURS);
    run(&["bridge", "-batch", "-"], FDB);
    // An address that is being checked stays so on a device that is down.
    fs::write("/proc/sys/net/ipv6/conf/br1/accept_dad", "1").unwrap();
    ip("addr add 2001:db8:7::1/64 dev br1\n");
    nameless
}

#[test]
fn a_namespace_is_what_ip_and_bridge_print() {
    apart(|| {
        let _nameless = build();
        still();
        let (told, printed) = (told(), printed());
        assert_eq!(told.links, printed.links);
        assert_eq!(told.addresses, printed.addresses);
        assert_eq!(told.routes, printed.routes);
        assert_eq!(told.policy_rules, printed.policy_rules);
        assert_eq!(told.neighbours, printed.neighbours);
        assert_eq!(told.fdb, printed.fdb);
        assert_eq!(told.sysctls, printed.sysctls);
        // The tool knows names under /run/netns only; we also know the one that a descriptor alone holds.
        let named: Vec<_> = told.ids.iter().filter(|(_, name)| !name.starts_with("net:[")).cloned().collect();
        assert_eq!(named, printed.ids);
        assert_eq!(told.ids.len(), 2);
        // And what was built is there: two empty lists would be equal too.
        assert!(told.links.iter().any(|link| link.port.is_some_and(|port| port.hairpin)));
        assert!(told.links.iter().any(|link| link.kind == LinkKind::Other("ifb".into())));
        assert!(told.addresses.iter().any(|address| address.tentative));
        assert!(told.addresses.iter().any(|address| address.deprecated));
        assert!(told.routes.iter().any(|route| route.next_hops.len() == 2));
        assert!(told.policy_rules.len() >= 16 && told.neighbours.len() >= 4 && told.fdb.len() >= 5);
    });
}

#[test]
fn nothing_was_given_an_id_by_looking() {
    apart(|| {
        ip("netns add a\nnetns add b\n");
        assert_eq!(told().ids, []);
        assert_eq!(run(&["ip", "netns", "list-id"], ""), "");
    });
}

#[test]
fn a_new_namespace_is_what_ip_prints() {
    apart(|| {
        let (told, printed) = (told(), printed());
        assert_eq!((told.links, told.addresses, told.routes), (printed.links, printed.addresses, printed.routes));
        assert_eq!((told.policy_rules, told.sysctls), (printed.policy_rules, printed.sysctls));
    });
}

#[test]
fn dead_next_hops_are_told() {
    apart(|| {
        ip("link add name e0 type veth peer name e1\nlink add name f0 type veth peer name f1\n\
            link set e0 up\nlink set e1 up\nlink set f0 up\nlink set f1 up\n\
            addr add 10.0.0.1/24 dev e0\naddr add 10.0.1.1/24 dev f0\n\
            route add 192.0.2.0/24 nexthop via 10.0.0.2 nexthop via 10.0.1.2\nlink set f1 down\nlink set f0 down\n");
        still();
        let (told, printed) = (told(), printed());
        assert!(told.routes.iter().any(|route| route.next_hops.iter().any(|hop| hop.dead)));
        assert_eq!(told.routes, printed.routes);
    });
}

/// The routes, once they no longer change: addresses and devices that were just set up still bring theirs.
fn still() -> Vec<crate::host::Route> {
    let mut before = told().routes;
    loop {
        std::thread::sleep(std::time::Duration::from_millis(200));
        let now = told().routes;
        if now == before {
            return now;
        }
        before = now;
    }
}

#[test]
fn next_hops_that_stand_by_themselves_are_found_by_their_id() {
    apart(|| {
        ip("link add name e0 type veth peer name e1\nlink set lo up\nlink set e0 up\nlink set e1 up\n\
            addr add 10.0.0.1/24 dev e0\naddr add 2001:db8::1/64 dev e0\n\
            nexthop add id 1 via 10.0.0.2 dev e0\nnexthop add id 2 via 10.0.0.3 dev e0\nnexthop add id 3 group 1,5/2\n\
            nexthop add id 4 blackhole\nnexthop add id 5 via 2001:db8::2 dev e0\n\
            route add 192.0.2.0/24 nhid 1\nroute add 198.51.100.0/24 nhid 3\nroute add 203.0.113.0/24 nhid 4\n\
            route add 2001:db8:1::/64 nhid 5\n");
        let compatible = still();
        assert_eq!(compatible, printed().routes);
        fs::write("/proc/sys/net/ipv4/nexthop_compat_mode", "0").unwrap();
        assert_eq!(told().routes, compatible);
        assert!(compatible.iter().any(|route| route.kind == RouteKind::Blackhole));
    });
}

#[test]
fn a_dump_that_the_kernel_does_not_have_is_no_failure() {
    apart(|| {
        let mut channel = route::open(&Answers::default()).unwrap();
        // AF_UNIX has no rules.
        let request = [libc::AF_UNIX as u8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let dumped = channel.dump(libc::RTM_GETRULE, &request, |_| ());
        assert!(matches!(dumped, Err(Failure::Missing)));
    });
}
