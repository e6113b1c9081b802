//! Targets that the kernel of the test machines lacks, or of which it takes other revisions: built bytes in, the words
//! that iptables-save has for them out, and the same target read from those.

use super::*;
use crate::host::{Backend, Body, IpFamily};
use crate::syntax::iptables;

fn eight(numbers: &[u64]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_ne_bytes()).collect()
}

/// A text with zeros behind it.
fn text(text: &str, length: usize) -> Vec<u8> {
    bytes(&[text.as_bytes()], length)
}

/// What bytes are, as a line of iptables-save; it is read again as the same.
fn line(family: Family, name: &str, revision: u8, bytes: &[u8]) -> String {
    let target = decode_target(family, name, revision, bytes, &mut Names::default());
    let ip_family = if family == Family::Ip6 { IpFamily::V6 } else { IpFamily::V4 };
    let options = iptables::Options { family: Some(ip_family), backend: Backend::IptablesLegacy };
    let mut dump = iptables::parse("*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n", &options);
    let line = iptables::target_text(&dump.ruleset.tables[0], &target);
    dump = iptables::parse(&format!("*filter\n:INPUT ACCEPT [0:0]\n-A INPUT {line}\nCOMMIT\n"), &options);
    assert_eq!(dump.diagnostics, [], "{line}");
    let Body::Iptables(rule) = &dump.ruleset.tables[0].chains[0].rules[0].body else { panic!("{line}") };
    assert_eq!(rule.target, target, "{line}");
    line
}

#[test]
fn targets_that_are_not_in_every_kernel() {
    let context = "system_u:object_r:firewalld_exec_t:s0";
    let cluster = |flags: u32, hash: u32| {
        let nodes = two(&[2, 1, 16]);
        let mac = [0x01, 0xaa, 0x7b, 0x47, 0xf7, 0xd7];
        bytes(&[&bytes(&[&four(&[flags]), &mac, &nodes], 48), &four(&[hash, u32::MAX]), &eight(&[7])], 64)
    };
    let led = |id: &str, blink: u8, delay: u32| [text(id, 27), vec![blink], four(&[delay]), eight(&[1])].concat();
    let ulog = |group: u32, copy: u64, most: u64, prefix: &str| {
        [four(&[group, 0]), eight(&[copy, most]), text(prefix, 32)].concat()
    };
    for (name, revision, bytes, expected) in [
        ("MARK", 1, [eight(&[5]), eight(&[0])].concat(), "-j MARK --set-xmark 0x5/0xffffffff"),
        ("MARK", 1, bytes(&[&eight(&[0xf0]), &[1]], 16), "-j MARK --set-xmark 0x0/0xffffff0f"),
        ("MARK", 1, bytes(&[&eight(&[5]), &[2]], 16), "-j MARK --set-xmark 0x5/0x5"),
        (
            "CONNMARK",
            1,
            bytes(&[&four(&[0, 15, 255]), &[2]], 16),
            "-j CONNMARK --restore-mark --nfmask 0xff --ctmask 0xf",
        ),
        ("TOS", 0, vec![0x10; 8], "-j TOS --set-tos 0x10/0xff"),
        (
            "TPROXY",
            0,
            bytes(&[&four(&[255, 1]), &[10, 0, 0, 1, 0, 80]], 16),
            "-j TPROXY --on-port 80 --on-ip 10.0.0.1 --tproxy-mark 0x1/0xff",
        ),
        (
            "SECMARK",
            0,
            [four(&[1, 9]), text(context, 256)].concat(),
            "-j SECMARK --selctx system_u:object_r:firewalld_exec_t:s0",
        ),
        (
            "SECMARK",
            1,
            [vec![1], text(context, 263)].concat(),
            "-j SECMARK --selctx system_u:object_r:firewalld_exec_t:s0",
        ),
        ("IDLETIMER", 0, [four(&[42]), text("foo", 36)].concat(), "-j IDLETIMER --timeout 42 --label foo"),
        ("CLUSTERIP", 0, cluster(0, 0), "-j CLUSTERIP"),
        (
            "CLUSTERIP",
            0,
            cluster(1, 0),
            "-j CLUSTERIP --new --hashmode sourceip --clustermac 01:AA:7B:47:F7:D7 --total-nodes 2 --local-node 16 --hash-init 4294967295",
        ),
        (
            "CLUSTERIP",
            0,
            cluster(1, 2),
            "-j CLUSTERIP --new --hashmode sourceip-sourceport-destport --clustermac 01:AA:7B:47:F7:D7 --total-nodes 2 --local-node 16 --hash-init 4294967295",
        ),
        ("LED", 0, led("netfilter-foo", 0, 0), r#"-j LED --led-trigger-id "foo""#),
        (
            "LED",
            0,
            led("netfilter-a \"b\\'s", 1, 42),
            r#"-j LED --led-trigger-id "a \"b\\'s" --led-delay 42 --led-always-blink"#,
        ),
        ("LED", 0, led("netfilter-", 0, u32::MAX), r#"-j LED --led-trigger-id "" --led-delay inf"#),
        ("ULOG", 0, ulog(1, 0, 1, ""), "-j ULOG"),
        (
            "ULOG",
            0,
            ulog(1 << 31, 100, 50, "two words"),
            "-j ULOG --ulog-prefix \"two words\" --ulog-nlgroup 32 --ulog-cprange 100 --ulog-qthreshold 50",
        ),
        (
            "CT",
            0,
            [two(&[0, 7]), four(&[3, 1]), text("ftp", 16), vec![0; 12]].concat(),
            "-j CT --helper ftp --ctevents new,related --expevents new --zone 7",
        ),
        (
            "CT",
            1,
            [two(&[0x14, 0]), four(&[0, 0]), text("ftp", 16), text("slow", 44)].concat(),
            "-j CT --helper ftp --timeout slow --zone-orig mark",
        ),
        (
            "CT",
            2,
            [two(&[8, 9]), four(&[0, 0]), text("a b", 16), text("-x", 44)].concat(),
            "-j CT --helper \"a b\" --timeout -x --zone-reply 9",
        ),
    ] {
        assert_eq!(line(Family::Ip, name, revision, &bytes), expected);
    }
    let six = [vec![0xfd], vec![0; 15], vec![0xfc], vec![0; 15], vec![8, 7], vec![1, 2, 0, 0, 0, 0]].concat();
    assert_eq!(line(Family::Ip6, "DNPT", 0, &six), "-j DNPT --src-pfx fd00::/8 --dst-pfx fc00::/7");
}

/// ebtables' own structs are not those of iptables.
#[test]
fn what_bridges_have_of_their_own_is_kept() {
    let broadcast = bytes(&[&[1, 0]], 8);
    let read = |family| decode_match(family, "pkttype", 0, &broadcast, &mut Names::default());
    assert!(matches!(read(Family::Ip), Match::Pkttype(_)));
    assert!(matches!(read(Family::Bridge), Match::Opaque(_)));
}
