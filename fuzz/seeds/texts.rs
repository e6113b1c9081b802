//! Seeds from the texts of the project's tests, and texts made up here.
//!
//! Knows the files of rules that tests load into kernels, and makes whole dumps of them. Deliberately asks no kernel.

use std::fs;

use crate::{Seeds, files, project, text};

pub fn add(seeds: &mut Seeds) {
    seeds.add_files("iptables_save", "tests/data/corpus", "");
    for dump in dumps() {
        seeds.add("iptables_save", dump.text.as_bytes());
    }
    seeds.add_files("snapshot", "snapshots/hosts", ".whyport");
    seeds.add_files("snapshot", "tests/judge/cases", "");
    proc_texts(seeds);
    command_lines(seeds);
}

/// A rule of the tests as what `iptables-restore` takes.
pub struct Dump {
    /// `4` or `6`.
    pub sign: &'static str,
    /// `iptables` or `ip6tables`.
    pub tool: &'static str,
    pub table: String,
    pub text: String,
}

/// The tests' rules, one by one.
pub fn dumps() -> Vec<Dump> {
    let rules = text("tests/data/tools/rules.txt");
    let mut found = Vec::new();
    let (mut table, mut chains, mut chain) = (String::new(), String::new(), String::new());
    for line in rules.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(name) = line.strip_prefix('*') {
            table = name.to_owned();
            chains.clear();
            chain = if matches!(name, "nat" | "mangle" | "raw") { "PREROUTING" } else { "INPUT" }.to_owned();
        } else if let Some(name) = line.strip_prefix(':') {
            chains.push_str(&format!(":{name} - [0:0]\n"));
        } else if let Some((families, rule)) = line.split_once(' ') {
            let appended = if rule.starts_with("-A ") { rule.to_owned() } else { format!("-A {chain} {rule}") };
            for (sign, tool) in [("4", "iptables"), ("6", "ip6tables")] {
                if families == sign || families == "-" {
                    let text = format!("*{table}\n{chains}{appended}\nCOMMIT\n");
                    found.push(Dump { sign, tool, table: table.clone(), text });
                }
            }
        }
    }
    found
}

/// The tests' native rules, each in a table, and their native tables, as what `nft -f` takes.
pub fn tables() -> Vec<String> {
    let rules = text("tests/data/native-rules.txt");
    let mut found = Vec::new();
    let mut family = "inet";
    for line in rules.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(name) = line.strip_prefix('[').and_then(|name| name.strip_suffix(']')) {
            family = name.split(' ').next().unwrap_or_default();
            continue;
        }
        let chain = if family == "netdev" { "" } else { "type filter hook input priority 0;" };
        found.push(format!("table {family} t {{ chain other {{ }}\nchain c {{ {chain}\n{line}\n}}\n}}\n"));
    }
    let whole = files(&project().join("tests/data/native"));
    found.extend(whole.iter().map(|path| fs::read_to_string(path).expect("a text")));
    found
}

fn proc_texts(seeds: &mut Seeds) {
    for text in [
        " ENDPT SOCK STY SST HBKT LPORT UID INODE LADDRS\n 0 0 2 10 29 11111 1000 4713 127.0.0.1 *2001:db8::1\n",
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   \
         0: 0100007F:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4711 1 0 100 0 0 10 0\n",
        "  sl  local_address                         remote_address                        st tx_queue rx_queue tr\n   \
         1: 00000000000000000000000001000000:01BB 00000000000000000000000000000000:0000 0A 00000000:00000000 \
         00:00000000 00000000     0        0 4712 1 0 100 0 0 10 0\n",
        "36 35 0:4 net:[4026532246] /run/netns/pod\\040a rw shared:7 - nsfs nsfs rw\n",
        "kernel/net/ipv4/netfilter/ip_tables.ko.zst\n0000000000000000 T ipt_do_table\n0 t nft_do_chain\t[nf_tables]\n",
        "nf_tables 1 2 - Live 0x0\ntcp_diag 16384 0 - Live 0x0000000000000000\n",
    ] {
        seeds.add("proc_texts", text.as_bytes());
    }
}

fn command_lines(seeds: &mut Seeds) {
    for words in [
        "80",
        "trace tcp/[::1]:80 --origin eth0 --src 10.0.0.0/8 --sport 1024 --mark 7 --ct established",
        "trace 10.0.0.5:80 --origin local --uid 1000 --gid 5 --tcp-flags syn,ack -4",
        "trace udp/53 --with pkttype=host --with ttl=64 --with length=60 --json",
        "trace icmp/10.0.0.5 --with icmp-type=8 --dst 10.42.0.2",
        "trace icmpv6/[::1] -6 --origin local",
        "trace sctp/10.42.0.2:9 --tcp-flags none",
        "rules --as iptables-nft-save --counters --handles",
        "ports --json --snapshot - --netns pod",
        "shot 80 -o a.svg --size 120x36 --keys down",
        "record host.txt",
    ] {
        seeds.add("command_line", words.replace(' ', "\n").as_bytes());
    }
}
