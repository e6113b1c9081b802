//! Looking changes nothing: rules, their generation, the tables that are registered, loggers, modules.

use std::fs;

use netlink_sys::protocols::NETLINK_NETFILTER;
use netlink_sys::{Socket, SocketAddr};

use crate::node::{NGINX, build, whyport};
use crate::world::{apart, run};

/// What a namespace, and the kernel, are like.
#[derive(Debug, PartialEq)]
struct Still {
    rules: String,
    generation: u32,
    files: Vec<(String, Option<String>)>,
}

impl Still {
    fn now() -> Still {
        let mut files: Vec<String> = ["ip_tables_names", "ip6_tables_names", "arp_tables_names", "netfilter/nf_log"]
            .iter()
            .map(|name| format!("/proc/thread-self/net/{name}"))
            .collect();
        files.push("/proc/modules".to_owned());
        if let Ok(folder) = fs::read_dir("/proc/sys/net/netfilter/nf_log") {
            files.extend(folder.map(|entry| entry.unwrap().path().display().to_string()));
        }
        files.sort();
        Still {
            rules: run(&["nft", "-a", "-s", "list", "ruleset"], ""),
            generation: generation(),
            files: files.into_iter().map(|path| (path.clone(), fs::read_to_string(path).ok())).collect(),
        }
    }
}

/// What the rules counted, in packets. The kernel itself may send something (IGMP, say): they may grow.
fn counted() -> Vec<u64> {
    let text = run(&["iptables-nft-save", "--counters", "-t", "nat"], "");
    let counters = text.lines().filter_map(|line| line.split_once('[')?.1.split_once(':')?.0.parse().ok());
    counters.collect()
}

/// The generation of nf_tables' rules (`NFT_MSG_GETGEN`): every change to them, even one that was taken back, raises it.
fn generation() -> u32 {
    const NFT_MSG_GETGEN: u16 = 10 << 8 | 16;
    const NFTA_GEN_ID: u16 = 1;
    let mut socket = Socket::new(NETLINK_NETFILTER).unwrap();
    socket.bind_auto().unwrap();
    let mut message = vec![0_u8; 20];
    message[0..4].copy_from_slice(&20_u32.to_ne_bytes());
    message[4..6].copy_from_slice(&NFT_MSG_GETGEN.to_ne_bytes());
    message[6..8].copy_from_slice(&1_u16.to_ne_bytes());
    socket.send_to(&message, &SocketAddr::new(0, 0), 0).unwrap();
    let (answer, _) = socket.recv_from_full().unwrap();
    assert_eq!(u16::from_ne_bytes([answer[22], answer[23]]), NFTA_GEN_ID, "{answer:?}");
    u32::from_be_bytes(answer[24..28].try_into().unwrap())
}

#[test]
fn no_command_changes_anything() {
    apart(|| {
        let _world = build(&NGINX);
        let (before, mut packets) = (Still::now(), counted());
        assert!(packets.iter().sum::<u64>() > 50, "{packets:?}");
        let picture = std::env::temp_dir().join(format!("whyport-still-{}.txt", std::process::id()));
        for arguments in [
            &["ports"][..],
            &["trace", "80"],
            &["rules"],
            &["rules", "--as", "iptables-legacy-save"],
            &["rules", "--as", "ip6tables-legacy-save"],
            &["rules", "--as", "ipset-save"],
            &["record"],
            &["shot", "-o", picture.to_str().unwrap(), "--keys", "r"],
        ] {
            let output = whyport(arguments).output().unwrap();
            assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
            assert_eq!(Still::now(), before, "{arguments:?}");
            let now = counted();
            assert!(now.iter().zip(&packets).all(|(now, before)| now >= before), "{arguments:?}: {packets:?} {now:?}");
            packets = now;
        }
        let _ = fs::remove_file(picture);
        // What is looked at does tell of a change.
        run(&["nft", "add", "table", "ip", "other"], "");
        run(&["nft", "delete", "table", "ip", "other"], "");
        let after = Still::now();
        assert_eq!(after.rules, before.rules);
        assert_ne!(after.generation, before.generation);
    });
}
