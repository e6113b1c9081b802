//! How fast a Kubernetes node's dump is read and printed.

mod k8s;

use divan::Bencher;
use divan::counter::BytesCount;
use whyport::host::{Backend, IpFamily};
use whyport::syntax::iptables::{Options, parse, print};
use whyport::syntax::{nft, pasted};

const OPTIONS: Options = Options { family: None, backend: Backend::IptablesNft };

fn main() {
    divan::main();
}

#[divan::bench(args = [1_000, 100_000])]
fn read(bencher: Bencher, rules: usize) {
    let text = k8s::dump(rules);
    bencher.counter(BytesCount::of_str(&text)).bench(|| parse(divan::black_box(&text), &OPTIONS));
}

/// The same as people give it: what stands in it is found out first.
#[divan::bench(args = [1_000, 100_000])]
fn read_pasted(bencher: Bencher, rules: usize) {
    let text = k8s::dump(rules);
    assert!(pasted::read(&text).is_ok_and(|read| read.diagnostics.is_empty()));
    bencher.counter(BytesCount::of_str(&text)).bench(|| pasted::read(divan::black_box(&text)));
}

#[divan::bench(args = [1_000, 100_000])]
fn write(bencher: Bencher, rules: usize) {
    let text = k8s::dump(rules);
    let ruleset = parse(&text, &OPTIONS).ruleset;
    bencher
        .counter(BytesCount::of_str(&text))
        .bench(|| print(divan::black_box(&ruleset), None, IpFamily::V4, Backend::IptablesNft));
}

/// A listing of nft with so many rules in chains of a hundred, of the kinds that hosts have most of.
fn listing(rules: usize) -> String {
    let mut text =
        "table inet filter {\n\tset hosts {\n\t\ttype ipv4_addr\n\t\telements = { 10.0.0.1 }\n\t}\n\n".to_owned();
    for chain in 0..rules.div_ceil(100) {
        text += &format!("\tchain c{chain} {{\n");
        for rule in chain * 100..(chain * 100 + 100).min(rules) {
            let (a, b) = (rule / 256 % 256, rule % 256);
            text += &match rule % 5 {
                0 => format!("\t\tip daddr 10.42.{a}.{b} tcp dport 80 counter packets {rule} bytes 420 accept\n"),
                1 => format!(
                    "\t\tiifname \"cali{rule}\" ct state established,related meta mark & 0x0000ffff == 0x{b:08x} accept\n"
                ),
                2 => format!(
                    "\t\tip saddr 10.{a}.0.0/16 udp dport {{ 53, {b} }} counter packets 0 bytes 0 drop comment \"rule {rule}\"\n"
                ),
                3 => format!("\t\tip saddr @hosts meta l4proto tcp dnat ip to 10.0.{a}.{b}:8080\n"),
                _ => {
                    format!("\t\tip6 saddr 2001:db8:{a:x}::{b:x} icmpv6 type echo-request limit rate 5/second accept\n")
                }
            };
        }
        text += "\t}\n\n";
    }
    text + "}\n"
}

#[divan::bench(args = [1_000, 100_000])]
fn read_nft(bencher: Bencher, rules: usize) {
    let text = listing(rules);
    assert_eq!(nft::parse(&text, &[]).diagnostics, []);
    bencher.counter(BytesCount::of_str(&text)).bench(|| nft::parse(divan::black_box(&text), &[]));
}
