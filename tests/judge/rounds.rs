//! Rounds of random rulesets: load, send, compare, and make small what differs.

use std::fmt::Write as _;

use whyport::walk::Field;

use crate::case::{Judgement, Node, TWO_LEGS, agree, difference, may_be, read};
use crate::native;
use crate::packet::Packet;
use crate::random::{self, Lot};
use crate::rules::Tool;
use crate::world::{apart, attempt, set_all};

/// Ways out that marks choose, and some that lead nowhere.
const ROUTES: &str = "rule add fwmark 0x1/0x1 lookup 100\n\
                      route add 0.0.0.0/0 via 10.9.0.2 dev eth1 table 100\n\
                      rule add from ::/0 fwmark 0x1/0x1 lookup 100\n\
                      route add ::/0 via 2001:db8:9::2 dev eth1 table 100\n\
                      route add unreachable 192.0.2.128/25\n";

/// Which backends hold the rules.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Backends {
    /// iptables-nft alone, the tables made anew each time.
    Nft,
    /// iptables-legacy alone.
    Legacy,
    /// Both; iptables-nft was registered last.
    Both,
    /// Native nft alone.
    Native,
    /// All of them; native nft was registered last.
    All,
}

/// What one round is made of: everything that a report must tell.
struct Round {
    ip6: bool,
    nft: Option<String>,
    legacy: Option<String>,
    native: Option<String>,
    sysctls: Vec<(&'static str, &'static str)>,
}

impl Round {
    fn draw(lot: &mut Lot, backends: Backends, ip6: bool) -> Round {
        use Backends::{All, Both, Legacy, Native, Nft};
        let nft = matches!(backends, Nft | Both | All).then(|| random::ruleset(lot, ip6, false));
        let legacy = matches!(backends, Legacy | Both | All).then(|| random::ruleset(lot, ip6, true));
        let native = matches!(backends, Native | All).then(|| accepted(lot, ip6));
        Round { ip6, nft, legacy, native, sysctls: random::sysctls(lot) }
    }

    fn load(&self, node: &mut Node) {
        set_all(&self.sysctls);
        node.rules.clear();
        if let Some(legacy) = &self.legacy {
            node.rules.load(if self.ip6 { Tool::Legacy6 } else { Tool::Legacy }, legacy);
        }
        if let Some(nft) = &self.nft {
            node.rules.load(if self.ip6 { Tool::Ip6tables } else { Tool::Iptables }, nft);
        }
        if let Some(native) = &self.native {
            node.rules.load(Tool::Nft, native);
        }
    }

    /// The same without one rule.
    fn without(&self, line: usize) -> Option<Round> {
        let cut = |text: &Option<String>, at: &mut usize| {
            text.as_ref().map(|text| {
                let keep = |line: &&str| !is_rule(line) || std::mem::replace(at, at.wrapping_sub(1)) != 0;
                text.lines().filter(keep).flat_map(|line| [line, "\n"]).collect::<String>()
            })
        };
        let mut at = line;
        let (nft, legacy, native) = (cut(&self.nft, &mut at), cut(&self.legacy, &mut at), cut(&self.native, &mut at));
        let smaller = Round { ip6: self.ip6, nft, legacy, native, sysctls: self.sysctls.clone() };
        (smaller.rules() < self.rules()).then_some(smaller)
    }

    fn rules(&self) -> usize {
        [&self.nft, &self.legacy, &self.native]
            .into_iter()
            .flatten()
            .flat_map(|text| text.lines())
            .filter(is_rule)
            .count()
    }

    fn text(&self) -> String {
        let mut text = format!("sysctls {:?}\n", self.sysctls);
        let six = if self.ip6 { "6" } else { "" };
        if let Some(legacy) = &self.legacy {
            let _ = writeln!(text, "== rules ip{six}tables-legacy\n{legacy}");
        }
        if let Some(nft) = &self.nft {
            let _ = writeln!(text, "== rules ip{six}tables\n{nft}");
        }
        if let Some(native) = &self.native {
            let _ = writeln!(text, "== rules nft\n{native}");
        }
        text
    }
}

/// A native ruleset that nf_tables takes: what it refuses is drawn again.
fn accepted(lot: &mut Lot, ip6: bool) -> String {
    let mut said = String::new();
    for _ in 0..20 {
        let text = native::ruleset(lot, ip6);
        match attempt(&["nft", "-c", "-f", "-"], &text) {
            Ok(_) => return text,
            Err(refused) => said = refused,
        }
    }
    panic!("twenty rulesets were refused, the last for {said}")
}

/// Whether a line of a ruleset is a rule: one of iptables, or one of nft, which is no head of anything.
fn is_rule(line: &&str) -> bool {
    let heads = ["table ", "chain ", "set ", "type ", "}", "*", ":", "COMMIT"];
    line.starts_with("-A")
        || !line.is_empty() && !line.starts_with('-') && !heads.iter().any(|head| line.starts_with(head))
}

/// A number from the environment.
fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Plays rounds; fails with the smallest ruleset on which whyport and the kernel differ.
///
/// `WHYPORT_JUDGE_ROUNDS` and `WHYPORT_JUDGE_SEED` say how many, and which; `WHYPORT_JUDGE_GO_ON` plays on after a
/// difference and tells all of them.
pub fn play(backends: Backends, default_rounds: u64) {
    let (rounds, seed) = (setting("WHYPORT_JUDGE_ROUNDS", default_rounds), setting("WHYPORT_JUDGE_SEED", 1));
    let go_on = std::env::var_os("WHYPORT_JUDGE_GO_ON").is_some();
    apart(move || {
        println!("WHYPORT_JUDGE_SEED={seed} WHYPORT_JUDGE_ROUNDS={rounds}");
        let mut node = Node::build(&TWO_LEGS, ROUTES, &[]);
        let mut number = 0;
        let (mut wrong, mut told) = (String::new(), 0);
        for round in 0..rounds {
            let mut lot = Lot::new(seed.wrapping_mul(1_000_003).wrapping_add(round));
            let drawn = Round::draw(&mut lot, backends, round % 3 == 2);
            drawn.load(&mut node);
            let recording = read(&node);
            for _ in 0..6 {
                number += 1;
                let packet = random::packet(&mut lot, drawn.ip6, number);
                let open = random::open_fields(&mut lot, &packet);
                let said = node.judge(&packet, &recording, &open);
                if differs(&said).is_some() {
                    told += 1;
                    let _ = writeln!(
                        wrong,
                        "round {round} of seed {seed}\n{}",
                        smallest(&mut node, drawn, &packet, &open, &mut number)
                    );
                    break;
                }
            }
            assert!(wrong.is_empty() || go_on, "whyport does not say what the kernel does\n{wrong}");
        }
        assert!(wrong.is_empty(), "whyport does not say what the kernel does, {told} times\n{wrong}");
    });
}

/// What whyport says, where it is not what the kernel does.
fn differs(said: &Judgement) -> Option<&Vec<String>> {
    let exact = [said.walk.as_ref(), Some(&said.live)];
    let exact = exact.into_iter().flatten().find(|walk| !agree(&said.kernel, walk, false));
    exact.or(said.open.as_ref().filter(|open| !open.is_empty() && !may_be(&said.kernel, open)))
}

/// Takes rules away while the packet is still followed differently, and tells what is left.
fn smallest(node: &mut Node, mut round: Round, packet: &Packet, open: &[Field], number: &mut u16) -> String {
    let mut packet = packet.clone();
    let mut judge = |node: &mut Node, round: &Round| {
        round.load(node);
        *number += 1;
        if let Some(src) = &mut packet.src {
            src.set_port(20000 + *number % 40000);
        }
        let said = node.judge(&packet, &read(node), open);
        let differs = differs(&said).map(|walk| difference(&packet, &said.kernel, walk));
        differs.map(|text| if said.open.is_some() { format!("left open: {open:?}\n{text}") } else { text })
    };
    let mut report = String::from("not seen again: it depends on the packets before\n");
    let mut line = 0;
    while let Some(smaller) = round.without(line) {
        match judge(node, &smaller) {
            Some(difference) => (round, report) = (smaller, difference),
            None => line += 1,
        }
    }
    if let Some(difference) = judge(node, &round) {
        report = difference;
    }
    format!("{}{report}", round.text())
}
