//! Every option of every target that this kernel has, written as rules and read from the kernel.

use super::*;

#[test]
fn targets_of_both_families() {
    const TARGETS: &str = r#"
        -j MARK --set-mark 0x1
        -j MARK --set-xmark 0x1/0xff
        -j MARK --and-mark 0xf0
        -j MARK --or-mark 0x4000
        -j MARK --xor-mark 3
        -j MARK --set-xmark 0x0/0x0
        -j MARK --set-xmark 0xffffffff/0xffffffff
        -j CONNMARK --set-mark 1
        -j CONNMARK --set-xmark 0x1/0xff
        -j CONNMARK --and-mark 0xf0
        -j CONNMARK --or-mark 0x4000
        -j CONNMARK --xor-mark 3
        -j CONNMARK --save-mark
        -j CONNMARK --restore-mark
        -j CONNMARK --restore-mark --nfmask 0xf --ctmask 0xff
        -j CONNMARK --save-mark --mask 0x3
        -j CONNMARK --save-mark --left-shift-mark 4
        -j CONNMARK --restore-mark --nfmask 0xf --right-shift-mark 31
        -j CONNMARK --set-xmark 0x1/0xff --left-shift-mark 31
        -j CONNMARK --left-shift-mark 4 --right-shift-mark 5 --set-mark 7
        -j LOG
        -j LOG --log-prefix "drop: " --log-level 7
        -j LOG --log-prefix x --log-tcp-sequence --log-tcp-options --log-ip-options --log-uid --log-macdecode
        -j LOG --log-prefix twenty-nine-letters-are-most
        -j LOG --log-level 0
        -j NFQUEUE
        -j NFQUEUE --queue-num 65535
        -j NFQUEUE --queue-balance 0:65534
        -j NFQUEUE --queue-balance 1:4 --queue-bypass
        -j NFQUEUE --queue-balance 0:7 --queue-cpu-fanout
        -j NFQUEUE --queue-balance 65534:65535 --queue-cpu-fanout --queue-bypass
        -j NFQUEUE --queue-num 3 --queue-bypass
        -j NFLOG
        -j NFLOG --nflog-group 1 --nflog-prefix "two words: "
        -j NFLOG --nflog-group 65535 --nflog-size 0
        -j NFLOG --nflog-size 4294967295 --nflog-threshold 65535
        -j NFLOG --nflog-prefix xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
        -j NFLOG --nflog-prefix "-j \"it's\" \\"
        -j CLASSIFY --set-class 0:0
        -j CLASSIFY --set-class 1:a0
        -j CLASSIFY --set-class ffff:ffff
        -p udp -j CHECKSUM --checksum-fill
        -p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS --set-mss 0
        -p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS --set-mss 65495
        -p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu
        -p tcp -j TCPOPTSTRIP
        -p tcp -j TCPOPTSTRIP --strip-options wscale,mss,sack-permitted,sack,timestamp,md5,255,31,32
        -p tcp -j TCPOPTSTRIP --strip-options 2
        -j DSCP --set-dscp 0
        -j DSCP --set-dscp 63
        -j DSCP --set-dscp-class ef
        -j TOS --set-tos 0x10
        -j TOS --set-tos 0x10/0x3f
        -j TOS --set-tos Maximize-Throughput
        -j TOS --and-tos 0x12
        -j TOS --or-tos 255
        -j TOS --xor-tos 0
        -j HMARK --hmark-tuple src,dst,sport,dport,proto --hmark-mod 1 --hmark-rnd 0xffffffff
        -j HMARK --hmark-tuple ct --hmark-mod 4294967295 --hmark-rnd 0 --hmark-offset 4294967295
        -j HMARK --hmark-src-prefix 8 --hmark-dst-prefix 0 --hmark-sport-mask 0xff --hmark-mod 7 --hmark-rnd 1
        -j HMARK --hmark-sport-mask 65535 --hmark-dport-mask 0xf --hmark-sport 0 --hmark-dport 9 --hmark-mod 7 --hmark-rnd 1
        -p esp -j HMARK --hmark-tuple spi --hmark-spi 0x12345 --hmark-proto-mask 0xff --hmark-mod 7 --hmark-rnd 1
        -j IDLETIMER --timeout 1 --label foo
        -j IDLETIMER --timeout 86400 --label twenty-seven-letters-.:+%x
        -j IDLETIMER --timeout 42 --label bar --alarm
        -j RATEEST --rateest-name RE1 --rateest-interval 250ms --rateest-ewmalog 500ms
        -j RATEEST --rateest-name re.2 --rateest-interval 1s --rateest-ewmalog 16s
        -j RATEEST --rateest-name fifteen-letters --rateest-interval 8s --rateest-ewmalog 1000s
        -j AUDIT --type accept
        -j AUDIT --type drop
        -j AUDIT --type reject
        -j CONNSECMARK --save
        -j CONNSECMARK --restore
        "#;
    all(IpFamily::V4, "mangle", "FORWARD", TARGETS);
    all(IpFamily::V6, "mangle", "FORWARD", TARGETS);
}

/// `iptables-nft` has no words for a range, and leaves it out.
#[test]
fn a_range_that_only_legacy_tables_keep() {
    const RANGES: &str = "
        -j NFLOG --nflog-range 1
        -j NFLOG --nflog-range 4294967295 --nflog-group 3
        -j NFLOG --nflog-range 0
        ";
    for family in [IpFamily::V4, IpFamily::V6] {
        apart(move || judge(family, &dump("filter", "INPUT", RANGES)));
    }
}

#[test]
fn targets_of_conntrack() {
    const RAW: &str = "
        -j CT
        -j CT --notrack
        -j NOTRACK
        -j CT --zone 65535
        -j CT --zone mark
        -j CT --zone-orig 5
        -j CT --zone-reply mark
        -j CT --zone-orig 5 --zone-reply 6
        -j CT --zone 0
        -j CT --zone-orig 0
        -j CT --ctevents new,related,destroy,reply,assured,protoinfo,helper,mark,natseqinfo,secmark
        -j CT --ctevents mark,new --expevents new
        -j CT --expevents new --zone 7
        -j CT --notrack --zone 3
        -j TRACE
        ";
    all(IpFamily::V4, "raw", "PREROUTING", RAW);
    all(IpFamily::V6, "raw", "OUTPUT", RAW);
    const SYN: &str = "
        -p tcp -m conntrack --ctstate INVALID,UNTRACKED -j SYNPROXY
        -p tcp -j SYNPROXY --sack-perm --timestamp --wscale 9 --mss 1460 --ecn
        -p tcp -j SYNPROXY --wscale 300 --mss 65537
        -p tcp -j SYNPROXY --mss 0 --ecn
        ";
    all(IpFamily::V4, "filter", "INPUT", SYN);
    all(IpFamily::V6, "filter", "FORWARD", SYN);
}

#[test]
fn targets_of_ipv4() {
    all(
        IpFamily::V4,
        "mangle",
        "PREROUTING",
        "
        -j TTL --ttl-set 0
        -j TTL --ttl-set 255
        -j TTL --ttl-inc 1
        -j TTL --ttl-dec 255
        -p tcp -j ECN --ecn-tcp-remove
        -p tcp -j ECN --ecn-tcp-remove --ecn-ip-ect 1
        -p tcp -j ECN --ecn-ip-ect 1 --ecn-tcp-remove
        -p tcp -j ECN --ecn-tcp-ece 1 --ecn-tcp-cwr 0
        -p tcp -j ECN --ecn-tcp-cwr 1
        -p tcp -j ECN --ecn-tcp-ece 0 --ecn-ip-ect 3
        -j ECN --ecn-ip-ect 0
        -p tcp -j TPROXY --on-port 0
        -p udp -j TPROXY --on-port 65535 --on-ip 10.0.0.1 --tproxy-mark 0x23/0xff
        -p tcp -j TPROXY --on-port 80 --tproxy-mark 7
        -j TEE --gateway 1.1.1.1
        -j TEE --gateway 10.0.0.255 --oif fifteen-letters
        -j HMARK --hmark-src-prefix 255.255.0.0 --hmark-dst-prefix 32 --hmark-mod 7 --hmark-rnd 1
        ",
    );
}

#[test]
fn targets_of_ipv6() {
    all(
        IpFamily::V6,
        "mangle",
        "PREROUTING",
        "
        -j HL --hl-set 0
        -j HL --hl-set 255
        -j HL --hl-inc 255
        -j HL --hl-dec 1
        -p tcp -j TPROXY --on-port 0
        -p udp -j TPROXY --on-port 65535 --on-ip fd00::1 --tproxy-mark 0x23/0xff
        -p tcp -j TPROXY --on-port 80 --on-ip ::1.2.3.4 --tproxy-mark 7
        -j TEE --gateway fd00::1
        -j TEE --gateway ::ffff:1.2.3.4 --oif eth0
        -j HMARK --hmark-src-prefix 128 --hmark-dst-prefix 1 --hmark-mod 7 --hmark-rnd 1
        -j DNPT --src-pfx dead::/64 --dst-pfx 1c3::/64
        -j DNPT --src-pfx fd00:1234::/32 --dst-pfx ::/0
        ",
    );
    all(
        IpFamily::V6,
        "mangle",
        "POSTROUTING",
        "
        -j SNPT --src-pfx dead:beef::/48 --dst-pfx 1c3::/64
        -j SNPT --src-pfx fc00::/7 --dst-pfx ff00::/8
        -j SNPT --src-pfx ::/0 --dst-pfx ::/0
        ",
    );
}

#[test]
fn refusals() {
    all(
        IpFamily::V4,
        "filter",
        "INPUT",
        "
        -j REJECT
        -j REJECT --reject-with icmp-net-unreachable
        -j REJECT --reject-with icmp-host-unreachable
        -j REJECT --reject-with icmp-proto-unreachable
        -j REJECT --reject-with icmp-net-prohibited
        -j REJECT --reject-with icmp-host-prohibited
        -j REJECT --reject-with icmp-admin-prohibited
        -p tcp -j REJECT --reject-with tcp-reset
        ",
    );
    all(
        IpFamily::V6,
        "filter",
        "FORWARD",
        "
        -j REJECT
        -j REJECT --reject-with icmp6-no-route
        -j REJECT --reject-with icmp6-adm-prohibited
        -j REJECT --reject-with icmp6-addr-unreachable
        -j REJECT --reject-with icmp6-policy-fail
        -j REJECT --reject-with icmp6-reject-route
        -p tcp -j REJECT --reject-with tcp-reset
        ",
    );
}

#[test]
fn translations_of_ipv4() {
    all(
        IpFamily::V4,
        "nat",
        "PREROUTING",
        "
        -j DNAT --to-destination 10.0.0.1
        -p tcp -j DNAT --to-destination 10.0.0.1:80
        -p tcp -j DNAT --to-destination 10.0.0.1-10.0.0.9:80-90 --random --persistent
        -p udp -j DNAT --to-destination :53
        -p tcp -m tcp --dport 6000:6010 -j DNAT --to-destination 10.0.0.1:7000-7010/6000
        -p tcp -j REDIRECT
        -p tcp -j REDIRECT --to-ports 8080
        -p tcp -j REDIRECT --to-ports 8080-8090 --random
        -j NETMAP --to 10.0.0.0/24
        -d 10.1.0.0/16 -j NETMAP --to 10.2.0.0/16
        -j NETMAP --to 10.0.0.1/32
        ",
    );
    all(
        IpFamily::V4,
        "nat",
        "POSTROUTING",
        "
        -j SNAT --to-source 10.0.0.1
        -p tcp -j SNAT --to-source 10.0.0.1-10.0.0.9:1024-2048 --random-fully
        -p tcp -j SNAT --to-source :1024 --random
        -j SNAT --to-source 10.0.0.1 --persistent
        -j MASQUERADE
        -p tcp -j MASQUERADE --to-ports 1024
        -p tcp -j MASQUERADE --to-ports 1024-2048 --random
        -j MASQUERADE --random-fully
        -j NETMAP --to 10.0.0.0/24
        ",
    );
}

#[test]
fn translations_of_ipv6() {
    all(
        IpFamily::V6,
        "nat",
        "PREROUTING",
        "
        -j DNAT --to-destination fd00::1
        -p tcp -j DNAT --to-destination [fd00::1]:80
        -p tcp -j DNAT --to-destination [fd00::1-fd00::9]:80-90 --random --persistent
        -p udp -j DNAT --to-destination :53
        -p tcp -m tcp --dport 6000:6010 -j DNAT --to-destination [fd00::1]:7000-7010/6000
        -p tcp -j REDIRECT
        -p tcp -j REDIRECT --to-ports 8080-8090 --random
        -j NETMAP --to fd00::/64
        ",
    );
    all(
        IpFamily::V6,
        "nat",
        "POSTROUTING",
        "
        -j SNAT --to-source fd00::1
        -p tcp -j SNAT --to-source [fd00::1-fd00::9]:1024-2048 --random-fully
        -j SNAT --to-source fd00::1-fd00::2 --persistent
        -j MASQUERADE
        -p tcp -j MASQUERADE --to-ports 1024-2048 --random
        -j MASQUERADE --random-fully
        -j NETMAP --to fd00::/120
        ",
    );
}
