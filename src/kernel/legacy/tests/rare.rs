//! Every option of the matches that few rules have, written as rules and read from the kernel.

use super::*;

/// Estimators stand before what asks for them.
const BOTH: &str = r#"
    -j RATEEST --rateest-name RE1 --rateest-interval 250ms --rateest-ewmalog 500ms
    -j RATEEST --rateest-name RE2 --rateest-interval 250ms --rateest-ewmalog 500ms
    -p ah -m ah --ahspi 7
    -p ah -m ah ! --ahspi 7:9
    -p ah -m ah --ahspi 9:7
    -p ah -m ah
    -p esp -m esp --espspi 1:4294967294
    -p esp -m esp ! --espspi 5
    -p esp -m esp --espspi 5:1
    -p ipcomp -m ipcomp --ipcompspi 5:6
    -p ipcomp -m ipcomp ! --ipcompspi 5 --compres
    -p dccp -m dccp --sport 1 ! --dport 0:65535
    -p dccp -m dccp ! --sport 1:9 --dport 5 --dccp-types REQUEST,RESPONSE,DATA,ACK,DATAACK,CLOSEREQ,CLOSE,RESET,SYNC,SYNCACK,INVALID
    -p dccp -m dccp ! --dccp-types RESET ! --dccp-option 7
    -p sctp -m sctp --sport 1 ! --dport 2:3
    -p sctp -m sctp --chunk-types all DATA,INIT,I_DATA,ASCONF,PAD
    -p sctp -m sctp ! --chunk-types any DATA:UbE,ABORT:t,SHUTDOWN_COMPLETE:T
    -p sctp -m sctp --chunk-types only ALL
    -p sctp -m sctp --chunk-types any NONE
    -p tcp -m tcp --tcp-flags SYN,RST SYN -m tcpmss --mss 1000:1400
    -p tcp -m tcp --tcp-flags SYN,RST SYN -m tcpmss ! --mss 536
    -m dscp --dscp 0x3f
    -m dscp ! --dscp-class AF41
    -m tos --tos 0x10
    -m tos ! --tos Maximize-Throughput
    -m tos --tos 0xe0/0xf0
    -m ecn --ecn-ip-ect 3
    -p tcp -m ecn ! --ecn-tcp-ece --ecn-tcp-cwr ! --ecn-ip-ect 0
    -m connbytes --connbytes 10 --connbytes-mode packets --connbytes-dir both
    -m connbytes ! --connbytes 10:20 --connbytes-mode bytes --connbytes-dir original
    -m connbytes ! --connbytes 10: --connbytes-mode avgpkt --connbytes-dir reply
    -m connbytes --connbytes 5:5 --connbytes-mode packets --connbytes-dir both
    -m connlabel --label 5
    -m connlabel ! --label 127 --set
    -m connlimit --connlimit-upto 3
    -m connlimit --connlimit-above 3 --connlimit-mask 24 --connlimit-daddr
    -m connlimit ! --connlimit-above 7 --connlimit-mask 0 --connlimit-saddr
    -m cluster --cluster-total-nodes 4 --cluster-local-node 3 --cluster-hash-seed 0xdead
    -m cluster --cluster-total-nodes 4 ! --cluster-local-nodemask 5 --cluster-hash-seed 7
    -m hashlimit --hashlimit-upto 10/sec --hashlimit-name h1
    -m hashlimit --hashlimit-above 7/min --hashlimit-burst 100 --hashlimit-mode srcip,dstport --hashlimit-name h2 --hashlimit-srcmask 24
    -m hashlimit ! --hashlimit-upto 59/hour --hashlimit-mode dstip,srcport,dstport,srcip --hashlimit-name h3 --hashlimit-dstmask 0 --hashlimit-htable-size 100 --hashlimit-htable-max 200 --hashlimit-htable-gcinterval 500 --hashlimit-htable-expire 60000
    -m hashlimit --hashlimit-upto 1000000/sec --hashlimit-name h5
    -m hashlimit --hashlimit-upto 333333/sec --hashlimit-name h6
    -m hashlimit --hashlimit-upto 7/sec --hashlimit-name h7 --hashlimit-htable-expire 1000
    -m hashlimit --hashlimit-above 512kb/s --hashlimit-name h8
    -m hashlimit --hashlimit-above 1mb/s --hashlimit-burst 10mb --hashlimit-mode srcip --hashlimit-name h9
    -m hashlimit --hashlimit-upto 1000b/s --hashlimit-burst 5000b --hashlimit-name h10
    -m hashlimit --hashlimit-upto 100000000b/s --hashlimit-name h11 --hashlimit-htable-expire 15000
    -m hashlimit --hashlimit-upto 40/min --hashlimit-name h12 --hashlimit-rate-match
    -m hashlimit --hashlimit-upto 40/sec --hashlimit-name h13 --hashlimit-rate-match --hashlimit-rate-interval 5
    -m hashlimit --hashlimit-above 40kb/s --hashlimit-name h14 --hashlimit-rate-match
    -m helper --helper ftp
    -m helper ! --helper ftp-2121
    -m helper --helper "a b"
    -m quota --quota 0
    -m quota ! --quota 18446744073709551615
    -m rateest --rateest RE1 --rateest-lt --rateest-bps 8kbit
    -m rateest --rateest RE1 ! --rateest-gt --rateest-pps 9
    -m rateest --rateest-delta --rateest1 RE1 --rateest-bps1 1mbit --rateest-eq --rateest-bps2 2mbit --rateest2 RE2
    -m rateest --rateest1 RE1 --rateest-lt --rateest-bps1 --rateest-bps2 --rateest2 RE2
    -m rateest --rateest1 RE1 --rateest-gt --rateest-pps --rateest2 RE2
    -m rateest --rateest-delta --rateest1 RE1 --rateest-bps1 10000mbit --rateest-pps1 5 ! --rateest-lt --rateest-bps2 100bit --rateest-pps2 6 --rateest2 RE2
    -m time
    -m time --timestart 08:00 --timestop 17:30:01
    -m time --timestart 22:00 --timestop 06:00 --contiguous --kerneltz
    -m time --datestart 2024-02-29 --datestop 2030-12-31T23:59:59 --weekdays Mon,Fri --monthdays 1,31
    -m time ! --weekdays 6,7 ! --monthdays 13
    -m string --string "GET /index.html" --algo bm
    -m string ! --string "quote\" back\\slash it's" --algo kmp --from 10 --to 100
    -m string --hex-string "a|0d 0A|b|00|" --algo bm --icase
    -m string --hex-string "|41 42|" --algo kmp
    -m string --string "ends\\" --algo kmp
    -m string --string "-x" --algo kmp
    -m u32 --u32 "0>>22&0x3C@4>>8&0xff=1:5,0x10"
    -m u32 ! --u32 "6 & 0xff = 6 && 4&0x1FFF=0&&0>>22&0x3C@12>>26&0x3C@0=0x12345678"
    -m bpf --bytecode "4,48 0 0 9,21 0 1 6,6 0 0 1,6 0 0 0"
    -m bpf --bytecode "1,6 0 0 4294967295"
    -m policy --dir in --pol none
    -m policy --dir in --pol ipsec
    -m policy --dir in --pol ipsec --strict --reqid 1 --spi 0x200 --proto esp --mode tunnel --next ! --reqid 7 ! --proto ah ! --spi 5 ! --mode tunnel
    -m policy --dir in --pol ipsec --proto ipcomp --mode transport
    -m cpu --cpu 0
    -m cpu ! --cpu 3
    -m devgroup --src-group 0
    -m devgroup ! --src-group 0x7/0xff
    -m devgroup --src-group 5
    -m socket
    -m socket --transparent
    -m socket --nowildcard --transparent --restore-skmark
    -m pkttype --pkt-type otherhost
    -m pkttype ! --pkt-type broadcast
"#;

#[test]
fn rare_matches_of_both_families() {
    all(IpFamily::V4, "mangle", "PREROUTING", BOTH);
    all(IpFamily::V6, "mangle", "PREROUTING", BOTH);
}

#[test]
fn rare_matches_of_ipv4() {
    const FOUR: &str = "
        -m realm --realm 0
        -m realm ! --realm 5
        -m realm --realm 0x10/0xf0
        -m policy --dir in --pol ipsec --strict --mode tunnel --tunnel-src 10.1.2.3/8 ! --tunnel-dst 10.0.0.1/255.0.0.255
        -m conntrack --ctorigsrc 10.1.2.3/8
        -m conntrack --ctreplsrc 10.1.2.3/255.0.255.0
        -p tcp -m osf --genre Linux
        -p tcp -m osf ! --genre Windows --ttl 2 --log 1
        ";
    all(IpFamily::V4, "mangle", "FORWARD", FOUR);
    const ARRIVES: &str = "
        -m rpfilter
        -m rpfilter --loose --validmark --accept-local --invert
        ";
    all(IpFamily::V4, "raw", "PREROUTING", ARRIVES);
}

#[test]
fn rare_matches_of_ipv6() {
    const SIX: &str = "
        -p ah -m ah ! --ahspi 5 --ahlen 8 --ahres
        -p ah -m ah ! --ahlen 0
        -m dst --dst-len 8
        -m dst ! --dst-len 8 --dst-opts 1:2,3,254:0,5:255
        -m hbh ! --hbh-len 8
        -m hbh --hbh-opts 1,2:3
        -m hbh
        -m eui64
        -m frag --fragid 1:5 ! --fraglen 7 --fragres --fragfirst --fragmore
        -m frag ! --fragid 9 --fraglast
        -m ipv6header --header hop,dst,route,frag,auth,esp,none,prot --soft
        -m ipv6header ! --header frag
        -p mh -m mh --mh-type binding-update
        -p mh -m mh ! --mh-type 1:hot
        -p mh -m mh
        -m rt --rt-type 0 --rt-segsleft 1:9 --rt-len 24 --rt-0-res --rt-0-addrs fe80::1,::1.2.3.4,2001:db8:: --rt-0-not-strict
        -m rt ! --rt-type 2 ! --rt-segsleft 0 ! --rt-len 7
        -m rt --rt-type 0 --rt-0-addrs ::1
        -m srh
        -m srh --srh-next-hdr 17 ! --srh-hdr-len-eq 8 --srh-segs-left-gt 4 ! --srh-last-entry-lt 2 --srh-tag 7
        -m srh ! --srh-next-hdr 6 --srh-hdr-len-gt 8 --srh-hdr-len-lt 8 --srh-segs-left-eq 1 --srh-segs-left-lt 1 --srh-last-entry-eq 3 --srh-last-entry-gt 3 ! --srh-tag 9
        -m srh --srh-psid fe80::1 ! --srh-nsid 2001:db8::/32 --srh-lsid fe80::/10
        -m policy --dir in --pol ipsec --strict --mode tunnel --tunnel-src fd00::1/8 ! --tunnel-dst fe80::1
        -m conntrack --ctorigsrc fd00::1/8
        -m rpfilter
        -m rpfilter --loose --invert
        ";
    all(IpFamily::V6, "mangle", "PREROUTING", SIX);
}

/// What is asked where packets leave.
#[test]
fn rare_matches_of_what_leaves() {
    const LEAVES: &str = "
        -m cgroup --cgroup 65537
        -m cgroup ! --cgroup 1
        -m policy --dir out --pol none
        -m policy --dir out --pol ipsec --strict --proto esp
        -m devgroup ! --dst-group 0x7/0xff
        -m devgroup --dst-group 0
        ";
    all(IpFamily::V4, "filter", "OUTPUT", LEAVES);
    all(IpFamily::V6, "mangle", "POSTROUTING", LEAVES);
}
