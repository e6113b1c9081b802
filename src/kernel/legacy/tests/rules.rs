//! Every option of every match and target that has a typed form, written as rules and read from the kernel.

use super::*;

#[test]
fn what_an_entry_asks() {
    const BOTH: &str = "
        -j ACCEPT
        -j DROP
        -j RETURN
        -j QUEUE
        -j USER
        -g USER
        -g a-z
        -i eth0
        ! -i eth0 -o veth+ -j DROP
        -i veth+ ! -o cni0+
        -i fifteen-letters
        -p tcp
        ! -p udp
        -p 200
        -p sctp -j DROP
        -p esp
        ";
    const FOUR: &str = "
        -s 10.0.0.0/8 -d 192.168.1.1/32 -j ACCEPT
        ! -s 10.1.2.3 ! -d 10.0.0.0/255.0.255.0
        -s 10.0.0.1/0.0.0.255
        ! -s 0.0.0.0/0
        -f
        ! -f -j DROP
        -s 1.2.3.4/31 -i lo -o lo -p icmp -f -j USER
        ";
    const SIX: &str = "
        -s fd00::/8 -d 2001:db8::1/128 -j ACCEPT
        ! -s fe80::1 ! -d ff00::/ff00::ff
        -s ::1/::ffff
        ! -s ::/0
        -s ::/96 -i lo -o lo -p ipv6-icmp -j USER
        -p 0
        -p ipv6-nonxt
        ";
    for family in [IpFamily::V4, IpFamily::V6] {
        let own = if family == IpFamily::V4 { FOUR } else { SIX };
        both(family, dump("filter", "FORWARD", &format!("{BOTH}{own}")));
    }
}

pub(super) const MATCHES: &str = r#"
    -m comment --comment x
    -m comment --comment "two words, \"quoted\" it's \\"
    -m comment --comment ""
    -p tcp -m tcp
    -p tcp -m tcp --dport 80
    -p tcp -m tcp ! --sport 1024:65535 --dport 0:1023
    -p tcp -m tcp --sport 1:1 ! --dport 5
    -p tcp -m tcp --tcp-flags SYN,ACK SYN
    -p tcp -m tcp ! --tcp-flags FIN,SYN,RST,PSH,ACK,URG NONE
    -p tcp -m tcp --syn
    -p tcp -m tcp ! --syn
    -p tcp -m tcp --tcp-option 2
    -p tcp -m tcp ! --tcp-option 8 --dport 9
    -p udp -m udp
    -p udp -m udp --sport 53
    -p udp -m udp ! --sport 53 ! --dport 1:2
    -p tcp -m multiport --dports 80
    -p tcp -m multiport --dports 80,443,8000:8100,1
    -p udp -m multiport ! --sports 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
    -p sctp -m multiport --ports 1:2,3:4,5:6,7:8,9:10,11:12,13:14,15
    -m addrtype --dst-type LOCAL
    -m addrtype ! --src-type UNICAST,LOCAL --dst-type MULTICAST
    -m addrtype --src-type ANYCAST,UNREACHABLE --limit-iface-in
    -m addrtype ! --dst-type LOCAL --limit-iface-out
    -m mark --mark 0x1
    -m mark ! --mark 0x4000/0xffff
    -m mark --mark 0xff/0x0f
    -m connmark --mark 7
    -m connmark ! --mark 0x1/0xf
    -m conntrack --ctstate NEW
    -m conntrack --ctstate INVALID,NEW,RELATED,ESTABLISHED,UNTRACKED,SNAT,DNAT
    -m conntrack ! --ctstate RELATED,ESTABLISHED --ctproto 6
    -m conntrack ! --ctproto 17 --ctdir REPLY
    -m conntrack --ctproto 6 --ctorigsrcport 1:2 ! --ctorigdstport 3 --ctreplsrcport 4:65535 ! --ctrepldstport 0:5
    -m conntrack --ctstatus NONE
    -m conntrack --ctstatus EXPECTED,SEEN_REPLY,ASSURED,CONFIRMED --ctdir ORIGINAL
    -m conntrack ! --ctstatus CONFIRMED
    -m conntrack --ctexpire 60
    -m conntrack ! --ctexpire 60:120 --ctstate DNAT
    -m state --state NEW
    -m state --state INVALID,NEW,RELATED,ESTABLISHED,UNTRACKED
    -m state ! --state RELATED,ESTABLISHED
    -m statistic --mode random --probability 0.5
    -m statistic --mode random ! --probability 0.33333333349
    -m statistic --mode random --probability 1
    -m statistic --mode random --probability 0
    -m statistic --mode nth --every 3 --packet 0
    -m statistic --mode nth ! --every 10 --packet 9
    -m limit
    -m limit --limit 10/second --limit-burst 100
    -m limit --limit 7/minute
    -m limit --limit 1/day --limit-burst 1
    -m limit --limit 10000/second
    -m limit --limit 59/hour
    -m mac --mac-source 02:00:00:aa:BB:cc
    -m mac ! --mac-source 02:00:00:aa:BB:cc
    -m pkttype --pkt-type unicast
    -m pkttype ! --pkt-type multicast
    -m pkttype --pkt-type broadcast
    -m length --length 60
    -m length ! --length 0:1500
    -m length --length 1280:65535
    -m physdev --physdev-is-bridged
    -m physdev --physdev-in eth0 ! --physdev-is-bridged
    -m physdev ! --physdev-in veth+ --physdev-is-in
    -m physdev --physdev-out fifteen-letters --physdev-is-bridged
    -m physdev ! --physdev-is-in --physdev-is-bridged
    -m recent --set
    -m recent ! --rcheck --seconds 60 --hitcount 4 --name ssh --rdest
    -m recent --update --seconds 10 --reap --rttl --name a-b.c
    -m recent --remove --name ssh
    -m tcp -p tcp --dport 22 -m conntrack --ctstate NEW -m recent --set --name x -m comment --comment y -j USER
"#;

#[test]
fn matches_of_both_families() {
    all(IpFamily::V4, "mangle", "FORWARD", MATCHES);
    all(IpFamily::V6, "mangle", "FORWARD", MATCHES);
}

#[test]
fn matches_of_ipv4() {
    all(
        IpFamily::V4,
        "filter",
        "INPUT",
        "
        -p icmp -m icmp --icmp-type any
        -p icmp -m icmp --icmp-type 8
        -p icmp -m icmp ! --icmp-type 3/4
        -p icmp -m icmp --icmp-type 0/0
        -p icmp ! -f -m icmp ! --icmp-type any
        -m addrtype ! --src-type UNICAST,LOCAL,BROADCAST --dst-type MULTICAST
        -m addrtype --src-type UNSPEC,ANYCAST,BLACKHOLE,UNREACHABLE,PROHIBIT --limit-iface-in
        -m ttl --ttl-eq 64
        -m ttl ! --ttl-eq 1
        -m ttl --ttl-lt 255
        -m ttl --ttl-gt 0
        -m iprange --src-range 10.0.0.1-10.0.0.9
        -m iprange ! --src-range 10.0.0.1-10.0.0.1 --dst-range 1.2.3.4-5.6.7.8
        -m iprange ! --dst-range 0.0.0.0-255.255.255.255
        -m conntrack --ctorigsrc 10.0.0.0/8 ! --ctorigdst 10.1.2.3
        -m conntrack ! --ctreplsrc 192.168.0.0/16 --ctrepldst 1.2.3.4/31
        -m conntrack --ctorigsrc 10.0.0.0/255.0.0.255
        -m conntrack --ctorigdst 0.0.0.0/0
        -m recent --rcheck --mask 255.255.255.0
        ",
    );
}

#[test]
fn matches_of_ipv6() {
    all(
        IpFamily::V6,
        "filter",
        "INPUT",
        "
        -p ipv6-icmp -m icmp6 --icmpv6-type 128
        -p ipv6-icmp -m icmp6 ! --icmpv6-type 1/4
        -p ipv6-icmp -m icmp6 --icmpv6-type 255
        -m hl --hl-eq 64
        -m hl ! --hl-eq 1
        -m hl --hl-lt 255
        -m hl --hl-gt 0
        -m iprange --src-range fd00::1-fd00::9
        -m iprange ! --src-range ::1-::1 --dst-range ::-ffff::
        -m conntrack --ctorigsrc fd00::/8 ! --ctorigdst fd00::1
        -m conntrack ! --ctreplsrc 2001:db8::/32 --ctrepldst ::1.2.3.4
        -m conntrack --ctorigdst ::/0
        -m recent --rcheck --mask ffff:ffff::
        ",
    );
}

#[test]
fn the_sender_of_what_is_made_here() {
    const OWNERS: &str = "
        -m owner --uid-owner 0
        -m owner ! --uid-owner 1000-2000 --gid-owner 7
        -m owner --socket-exists
        -m owner ! --socket-exists ! --gid-owner 1-4294967294
        -m owner --gid-owner 5 --suppl-groups
        ";
    all(IpFamily::V4, "filter", "OUTPUT", OWNERS);
    all(IpFamily::V6, "filter", "OUTPUT", OWNERS);
}
