//! How fast a Kubernetes node's dump is read and printed.

mod k8s;

use divan::Bencher;
use divan::counter::BytesCount;
use whyport::host::{Backend, IpFamily};
use whyport::syntax::iptables::{Options, parse, print};

const OPTIONS: Options = Options { family: None, backend: Backend::IptablesNft };

fn main() {
    divan::main();
}

#[divan::bench(args = [1_000, 100_000])]
fn read(bencher: Bencher, rules: usize) {
    let text = k8s::dump(rules);
    bencher.counter(BytesCount::of_str(&text)).bench(|| parse(divan::black_box(&text), &OPTIONS));
}

#[divan::bench(args = [1_000, 100_000])]
fn write(bencher: Bencher, rules: usize) {
    let text = k8s::dump(rules);
    let ruleset = parse(&text, &OPTIONS).ruleset;
    bencher
        .counter(BytesCount::of_str(&text))
        .bench(|| print(divan::black_box(&ruleset), None, IpFamily::V4, Backend::IptablesNft));
}
