//! Rounds of random rulesets: load, send, compare, and make small what differs.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use whyport::walk::Field;

use crate::case::{Judgement, Node, TWO_LEGS, agree, difference, may_be, read};
use crate::drawn;
use crate::native;
use crate::packet::Packet;
use crate::random::{self, Lot};
use crate::rules::Tool;
use crate::world::{apart_all, attempt, set_all};

/// Ways out that marks choose, and some that lead nowhere.
pub const ROUTES: &str = "rule add fwmark 0x1/0x1 lookup 100\n\
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

impl Backends {
    /// Every kind.
    pub const EACH: [Backends; 5] = [Backends::Nft, Backends::Native, Backends::All, Backends::Legacy, Backends::Both];
}

/// What one round is made of: everything that a report must tell.
pub struct Round {
    /// Whether its rules are of IPv6.
    pub ip6: bool,
    nft: Option<String>,
    legacy: Option<String>,
    native: Option<String>,
    sysctls: Vec<(&'static str, &'static str)>,
}

impl Round {
    /// Draws one.
    pub fn draw(lot: &mut Lot, backends: Backends, ip6: bool) -> Round {
        use Backends::{All, Both, Legacy, Native, Nft};
        let nft = matches!(backends, Nft | Both | All).then(|| random::ruleset(lot, ip6, false));
        let legacy = matches!(backends, Legacy | Both | All).then(|| random::ruleset(lot, ip6, true));
        let native = matches!(backends, Native | All).then(|| accepted(lot, ip6));
        Round { ip6, nft, legacy, native, sysctls: random::sysctls(lot) }
    }

    /// Loads its rules in place of all others.
    pub fn load(&self, node: &mut Node) {
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
    pub fn without(&self, line: usize) -> Option<Round> {
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

    /// What a report tells of it.
    pub fn text(&self) -> String {
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
    for _ in 0..100 {
        let text = native::ruleset(lot, ip6);
        match attempt(&["nft", "-c", "-f", "-"], &text) {
            Ok(_) => return text,
            Err(refused) => said = refused,
        }
    }
    panic!("a hundred rulesets were refused, the last for {said}")
}

/// Whether a line of a ruleset is a rule: one of iptables, or one of nft, which is no head of anything.
fn is_rule(line: &&str) -> bool {
    let heads = ["table ", "chain ", "set ", "type ", "}", "*", ":", "COMMIT"];
    line.starts_with("-A")
        || !line.is_empty() && !line.starts_with('-') && !heads.iter().any(|head| line.starts_with(head))
}

/// A number from the environment.
pub fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// So many worlds are played on at once: most of the time each of them waits for the kernel's last word.
const WORLDS: u64 = 8;
/// So many rounds are played in one world, which is then built anew.
const BLOCK: u64 = 10;
/// So many packets are drawn in a round, and as many again from the outcomes of a query that fits many.
const PACKETS: usize = 6;

/// What is played, and how far it has come.
struct Game {
    kinds: &'static [Backends],
    seed: u64,
    rounds: u64,
    /// It ends when so many packets were followed.
    enough: u64,
    /// Whether it goes on after a difference.
    goes_on: bool,
    next_block: AtomicU64,
    played: AtomicU64,
    probes: AtomicU64,
    wrong: Mutex<Vec<String>>,
}

/// Plays rounds of each of these kinds in turn; fails with the smallest ruleset on which whyport and the kernel differ.
///
/// `WHYPORT_JUDGE_SEED` says which rounds, `WHYPORT_JUDGE_ROUNDS` how many, `WHYPORT_JUDGE_PROBES` how many packets at the least;
/// `WHYPORT_JUDGE_BLOCK` begins with that block of rounds; `WHYPORT_JUDGE_GO_ON` plays on after a difference and tells all of them.
pub fn play(kinds: &'static [Backends], default_rounds: u64) {
    let enough = setting("WHYPORT_JUDGE_PROBES", u64::MAX);
    let game = Arc::new(Game {
        kinds,
        seed: setting("WHYPORT_JUDGE_SEED", 1),
        rounds: setting("WHYPORT_JUDGE_ROUNDS", if enough == u64::MAX { default_rounds } else { u64::MAX }),
        enough,
        goes_on: std::env::var_os("WHYPORT_JUDGE_GO_ON").is_some(),
        next_block: AtomicU64::new(setting("WHYPORT_JUDGE_BLOCK", 0)),
        played: AtomicU64::new(0),
        probes: AtomicU64::new(0),
        wrong: Mutex::new(Vec::new()),
    });
    println!("WHYPORT_JUDGE_SEED={}", game.seed);
    apart_all(WORLDS, {
        let game = game.clone();
        move || while game.block() {}
    });
    let wrong = game.wrong.lock().expect("the differences");
    println!(
        "{} packets followed in {} rounds of seed {}: {} differed",
        game.probes.load(Relaxed),
        game.played.load(Relaxed),
        game.seed,
        wrong.len()
    );
    assert!(wrong.is_empty(), "whyport does not say what the kernel does\n{}", wrong.join("\n"));
}

impl Game {
    fn is_over(&self) -> bool {
        let stops = !self.goes_on && !self.wrong.lock().expect("the differences").is_empty();
        stops || self.played.load(Relaxed) >= self.rounds || self.probes.load(Relaxed) >= self.enough
    }

    /// Plays a block of rounds in a new world, if there is one left.
    fn block(&self) -> bool {
        let block = self.next_block.fetch_add(1, Relaxed);
        if self.is_over() {
            return false;
        }
        let backends = self.kinds[(block % self.kinds.len() as u64) as usize];
        let mut node = Node::build(&TWO_LEGS, ROUTES, &[]);
        let mut number = 0;
        for round in 0..BLOCK {
            if self.is_over() {
                return false;
            }
            let mut lot = Lot::new((self.seed.wrapping_mul(1_000_003).wrapping_add(block)) * BLOCK + round);
            let drawn = Round::draw(&mut lot, backends, round % 3 == 2);
            if let Some(told) = self.round(&mut lot, &mut node, drawn, &mut number) {
                let wrong =
                    format!("WHYPORT_JUDGE_SEED={} WHYPORT_JUDGE_BLOCK={block}, {backends:?}\n{told}", self.seed);
                println!("{wrong}");
                self.wrong.lock().expect("the differences").push(wrong);
            }
            self.played.fetch_add(1, Relaxed);
        }
        true
    }

    /// Plays a round; what differed in it.
    fn round(&self, lot: &mut Lot, node: &mut Node, drawn: Round, number: &mut u16) -> Option<String> {
        drawn.load(node);
        let recording = read(node);
        let mut packets = Vec::new();
        for at in 0..PACKETS {
            *number += 1;
            let packet = random::packet(lot, drawn.ip6, *number);
            let open = random::open_fields(lot, &packet);
            if at % 3 == 0 {
                let mac = node.mac(&packet);
                let of_outcomes = drawn::packets(lot, &recording.live, &packet, &open, mac, PACKETS / 2);
                packets.extend(of_outcomes.into_iter().map(|packet| (packet, open.clone())));
            }
            packets.push((packet, open));
        }
        for (packet, open) in packets {
            self.probes.fetch_add(1, Relaxed);
            node.forget_flows();
            let said = node.judge(&packet, &recording, &open);
            let Some(walk) = differs(&said) else { continue };
            let once = difference(&packet, &said.kernel, walk);
            return Some(smallest(node, drawn, &packet, &open, &once));
        }
        None
    }
}

/// What whyport says, where it is not what the kernel does.
fn differs(said: &Judgement) -> Option<&Vec<String>> {
    let exact = [said.walk.as_ref(), Some(&said.live)];
    let exact = exact.into_iter().flatten().find(|walk| !agree(&said.kernel, walk, false));
    exact.or(said.open.as_ref().filter(|open| !open.is_empty() && !may_be(&said.kernel, open)))
}

/// Takes rules away while the packet is still followed differently, and tells what is left.
fn smallest(node: &mut Node, mut round: Round, packet: &Packet, open: &[Field], once: &str) -> String {
    let judge = |node: &mut Node, round: &Round| {
        round.load(node);
        node.forget_flows();
        let said = node.judge(packet, &read(node), open);
        let differs = differs(&said).map(|walk| difference(packet, &said.kernel, walk));
        differs.map(|text| if said.open.is_some() { format!("left open: {open:?}\n{text}") } else { text })
    };
    let mut report = format!("not seen again: it depends on the packets before\n{once}");
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
