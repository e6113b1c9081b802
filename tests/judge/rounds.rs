//! Rounds of random rulesets: load, send, compare, and make small what differs.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use whyport::walk::Field;

use crate::aim::Aim;
use crate::case::{Judgement, Node, agree, difference, may_be, read};
use crate::drawn;
use crate::ground::{self, CONTAINERS, Ground, ROUTER};
use crate::native;
use crate::packet::Packet;
use crate::places::Places;
use crate::random::{self, Lot};
use crate::rules::Tool;
use crate::sets::Sets;
use crate::world::{apart, apart_all, attempt, run, set_all, set_each};
use crate::{docker, kube, witness};

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

/// Whose rulesets those of iptables look like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Shape {
    /// Nobody's.
    Any,
    /// kube-proxy's.
    Kube,
    /// Docker's.
    Docker,
}

/// What is played in one world.
pub type Kind = (Shape, Backends);

/// Every kind.
pub const EACH: [Kind; 14] = {
    use Backends::{All, Both, Legacy, Native, Nft};
    use Shape::{Any, Docker, Kube};
    [
        (Any, Nft),
        (Kube, Nft),
        (Any, Native),
        (Docker, Nft),
        (Any, All),
        (Kube, Legacy),
        (Any, Legacy),
        (Kube, All),
        (Any, Native),
        (Docker, All),
        (Any, Both),
        (Docker, Legacy),
        (Any, Native),
        (Kube, Both),
    ]
};

fn ground_of(shape: Shape) -> &'static Ground {
    match shape {
        Shape::Any => &ROUTER,
        Shape::Kube | Shape::Docker => &CONTAINERS,
    }
}

/// What one round is made of: everything that a report must tell.
#[derive(Clone)]
pub struct Round {
    /// Whether its rules are of IPv6.
    pub ip6: bool,
    sets: String,
    nft: Option<String>,
    legacy: Option<String>,
    native: Option<String>,
    sysctls: Vec<(&'static str, &'static str)>,
}

impl Round {
    /// Draws one; `number` tells its sets from those of other rounds.
    pub fn draw(lot: &mut Lot, (shape, backends): Kind, ip6: bool, number: u64) -> Round {
        use Backends::{All, Both, Legacy, Native, Nft};
        let ground = ground_of(shape);
        let places = ground.places(ip6);
        let sets = if lot.once_in(2) { Sets::draw(lot, places, number) } else { Sets::default() };
        let of_shape = |lot: &mut Lot, shape: Shape, all: bool| match shape {
            Shape::Any => random::ruleset(lot, places, &sets, all),
            Shape::Kube => kube::ruleset(lot, places, all),
            Shape::Docker => docker::ruleset(lot, places, all),
        };
        // Beside the rules of one shape there are those of another.
        let other = match shape {
            Shape::Any => Shape::Any,
            Shape::Kube => [Shape::Docker, Shape::Any][lot.below(2)],
            Shape::Docker => [Shape::Kube, Shape::Any][lot.below(2)],
        };
        let beside = if backends == Legacy { shape } else { other };
        run(&["ipset", "-exist", "restore"], &sets.text);
        Round {
            ip6,
            nft: matches!(backends, Nft | Both | All).then(|| of_shape(lot, shape, false)),
            legacy: matches!(backends, Legacy | Both | All).then(|| of_shape(lot, beside, true)),
            native: matches!(backends, Native | All).then(|| accepted(lot, places, backends == Native)),
            sysctls: ground::sysctls(lot, ground),
            sets: sets.text,
        }
    }

    /// One with the rules of a program: of iptables-nft and of native nft, and with sets that the former ask.
    pub fn with(ip6: bool, nft: Option<&str>, native: Option<&str>, sets: String) -> Round {
        let own = |text: &str| text.to_owned();
        Round { ip6, sets, nft: nft.map(own), legacy: None, native: native.map(own), sysctls: Vec::new() }
    }

    /// The same, and these rules of iptables-legacy.
    pub fn beside(self, legacy: &str) -> Round {
        Round { legacy: Some(legacy.to_owned()), ..self }
    }

    /// The texts of its rules.
    pub fn texts(&self) -> Vec<&str> {
        [&self.nft, &self.legacy, &self.native].into_iter().flatten().map(String::as_str).collect()
    }

    /// Whether packets change what the next one meets.
    pub fn changes(&self) -> bool {
        let words = ["-j SET", "add @", "update @", "delete @"];
        self.texts().iter().any(|text| words.iter().any(|word| text.contains(word)))
    }

    /// Whether a packet changes what others of the same flow, or with the same addresses, meet.
    fn is_remembered(&self) -> bool {
        let words = ["-j CONNMARK", "ct mark set"];
        self.changes() || self.texts().iter().any(|text| words.iter().any(|word| text.contains(word)))
    }

    /// Loads its rules in place of all others.
    pub fn load(&self, node: &mut Node) {
        // What goes back by the device that it came by makes the kernel tell its sender (`ip_rt_send_redirect`), before the forward
        // hook: that packet, which is not walked, belongs to the same flow, and rules for it may change the flow's mark or a set.
        let silent = self.is_remembered();
        set_each("ipv4/conf", "send_redirects", if silent { "0" } else { "1" });
        let settings = self.sysctls.iter().filter(|(key, _)| !(silent && key.ends_with("/send_redirects")));
        set_all(&settings.copied().collect::<Vec<_>>());
        node.rules.clear();
        if !self.sets.is_empty() {
            let names = self.sets.lines().filter_map(|line| line.strip_prefix("create ")?.split(' ').next());
            let flush: String = names.flat_map(|name| ["flush ", name, "\n"]).collect();
            run(&["ipset", "-exist", "restore"], &(flush + &self.sets));
        }
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

    /// The same without so many rules, from that of this number on.
    pub fn without(&self, line: usize, many: usize) -> Option<Round> {
        let mut at = 0;
        let mut cut = |text: &Option<String>| {
            text.as_ref().map(|text| {
                let mut keep = |rule: &&str| {
                    at += usize::from(is_rule(rule));
                    !is_rule(rule) || !(line + 1..=line + many).contains(&at)
                };
                text.lines().filter(|line| keep(line)).flat_map(|line| [line, "\n"]).collect::<String>()
            })
        };
        let (nft, legacy, native) = (cut(&self.nft), cut(&self.legacy), cut(&self.native));
        let smaller = Round { nft, legacy, native, ..self.clone() };
        (smaller.rules() < self.rules()).then_some(smaller)
    }

    fn rules(&self) -> usize {
        self.texts().iter().flat_map(|text| text.lines()).filter(is_rule).count()
    }

    /// What a report tells of it.
    pub fn text(&self) -> String {
        let mut text: String = self.sysctls.iter().map(|(key, value)| format!("== sysctl {key} {value}\n")).collect();
        if !self.sets.is_empty() {
            let _ = writeln!(text, "== ipset\n{}", self.sets);
        }
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
fn accepted(lot: &mut Lot, places: &Places, exact: bool) -> String {
    let mut said = String::new();
    for _ in 0..100 {
        let text = native::ruleset(lot, places, exact);
        match attempt(&["nft", "-c", "-f", "-"], &text) {
            Ok(_) => return text,
            Err(refused) => said = refused,
        }
    }
    panic!("a hundred rulesets were refused, the last for {said}")
}

/// Whether a line of a ruleset is a rule: one of iptables, or one of nft, which is no head of anything.
fn is_rule(line: &&str) -> bool {
    let heads = ["table ", "chain ", "set ", "map ", "type ", "}", "*", ":", "COMMIT"];
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
    kinds: Vec<Kind>,
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
/// `WHYPORT_JUDGE_BLOCK` begins with that block of rounds; `WHYPORT_JUDGE_GO_ON` plays on after a difference and tells all of them;
/// `WHYPORT_JUDGE_KIND` plays the kinds alone that have this in their name (`Native`, `Docker`).
pub fn play(kinds: &'static [Kind], default_rounds: u64) {
    let wanted = std::env::var("WHYPORT_JUDGE_KIND").unwrap_or_default();
    let kinds: Vec<Kind> = kinds.iter().copied().filter(|kind| format!("{kind:?}").contains(&wanted)).collect();
    let enough = setting("WHYPORT_JUDGE_PROBES", u64::MAX);
    let default_rounds = if enough == u64::MAX { default_rounds } else { u64::MAX };
    let game = Arc::new(Game {
        enough,
        goes_on: std::env::var_os("WHYPORT_JUDGE_GO_ON").is_some(),
        next_block: AtomicU64::new(setting("WHYPORT_JUDGE_BLOCK", 0)),
        ..Game::new(kinds, setting("WHYPORT_JUDGE_ROUNDS", default_rounds))
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

/// Holds a ruleset against the kernel on the ground of containers, by so many rounds of packets that aim at what it speaks of.
/// `WHYPORT_JUDGE_SEED` says which.
pub fn hold(ruleset: Round, rounds: u64) {
    let game = Game::new(EACH.to_vec(), rounds);
    apart(move || {
        let mut node = Node::build(&CONTAINERS.plan, "", &[]);
        run(&["ipset", "-exist", "restore"], &ruleset.sets);
        let mut number = 0;
        for round in 0..game.rounds {
            let mut lot = Lot::new(game.seed.wrapping_mul(1_000_003).wrapping_add(round));
            let drawn = Round { sysctls: ground::sysctls(&mut lot, &CONTAINERS), ..ruleset.clone() };
            let told = game.round(&mut lot, &mut node, &CONTAINERS, drawn, &mut number);
            assert!(told.is_none(), "whyport does not say what the kernel does\n{}", told.unwrap_or_default());
        }
        println!("{} packets followed, none differed", game.probes.load(Relaxed));
    });
}

impl Game {
    /// So many rounds that end with the first difference.
    fn new(kinds: Vec<Kind>, rounds: u64) -> Game {
        Game {
            kinds,
            seed: setting("WHYPORT_JUDGE_SEED", 1),
            rounds,
            enough: u64::MAX,
            goes_on: false,
            next_block: AtomicU64::new(0),
            played: AtomicU64::new(0),
            probes: AtomicU64::new(0),
            wrong: Mutex::new(Vec::new()),
        }
    }

    fn is_over(&self) -> bool {
        /// What differs so often differs for few reasons.
        const MANY: usize = 20;
        let most = if self.goes_on { MANY } else { 1 };
        let stops = self.wrong.lock().expect("the differences").len() >= most;
        stops || self.played.load(Relaxed) >= self.rounds || self.probes.load(Relaxed) >= self.enough
    }

    /// Plays a block of rounds in a new world, if there is one left.
    fn block(&self) -> bool {
        let block = self.next_block.fetch_add(1, Relaxed);
        if self.is_over() {
            return false;
        }
        let kind = self.kinds[(block % self.kinds.len() as u64) as usize];
        let ground = ground_of(kind.0);
        let mut lot = Lot::new(self.seed.wrapping_mul(7_368_787).wrapping_add(block));
        let routes = ground::routes(&mut lot, ground);
        let mut node = Node::build(&ground.plan, &routes, &[]);
        let mut number = 0;
        for round in 0..BLOCK {
            if self.is_over() {
                return false;
            }
            let mut lot = Lot::new((self.seed.wrapping_mul(1_000_003).wrapping_add(block)) * BLOCK + round);
            let drawn = Round::draw(&mut lot, kind, round % 3 == 2, round);
            if let Some(told) = self.round(&mut lot, &mut node, ground, drawn, &mut number) {
                let of = format!("WHYPORT_JUDGE_SEED={} WHYPORT_JUDGE_BLOCK={block}, {kind:?}", self.seed);
                let lines: String = routes.lines().flat_map(|line| ["== ip ", line, "\n"]).collect();
                let wrong = format!("{of}\n{lines}{told}");
                println!("{wrong}");
                self.wrong.lock().expect("the differences").push(wrong);
            }
            self.played.fetch_add(1, Relaxed);
        }
        true
    }

    /// Plays a round; what differed in it.
    fn round(
        &self,
        lot: &mut Lot,
        node: &mut Node,
        ground: &'static Ground,
        drawn: Round,
        number: &mut u16,
    ) -> Option<String> {
        drawn.load(node);
        let mut recording = read(node);
        let aim = Aim::at(&drawn.texts(), drawn.ip6);
        let mut packets = Vec::new();
        for at in 0..PACKETS {
            *number += 1;
            let packet = random::packet(lot, ground.places(drawn.ip6), &aim, *number);
            let open = random::open_fields(lot, &packet);
            if at % 3 == 0 {
                let mac = node.mac(&packet);
                let of_outcomes = drawn::packets(lot, &recording.live, &packet, &open, mac, PACKETS / 2);
                let of_outcomes = of_outcomes.into_iter().filter(|packet| ground.places(drawn.ip6).can_arrive(packet));
                packets.extend(of_outcomes.map(|packet| (packet, open.clone())));
            }
            packets.push((packet, open));
        }
        for (packet, open) in packets {
            self.probes.fetch_add(1, Relaxed);
            if drawn.changes() {
                drawn.load(node);
                recording = read(node);
            }
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
    let exact = exact.into_iter().flatten().find(|walk| !agree(&said.kernel, walk, said.random));
    exact.or(said.open.as_ref().filter(|open| !open.is_empty() && !may_be(&said.kernel, open)))
}

/// Takes rules away while the packet is still followed differently, and tells what is left.
fn smallest(node: &mut Node, mut round: Round, packet: &Packet, open: &[Field], once: &str) -> String {
    let judge = |node: &mut Node, round: &Round| {
        // What is left of a ruleset need not be one.
        node.rules.clear();
        attempt(&["nft", "-f", "-"], round.native.as_deref().unwrap_or_default()).ok()?;
        let others = run(&["nft", "list", "tables"], "");
        let others = others.lines().filter(|table| table.split(' ').next_back() != Some(witness::TABLE));
        run(&["nft", "-f", "-"], &others.flat_map(|table| ["delete ", table, "\n"]).collect::<String>());
        round.load(node);
        node.forget_flows();
        let said = node.judge(packet, &read(node), open);
        let differs = differs(&said).map(|walk| difference(packet, &said.kernel, walk));
        differs.map(|text| if said.open.is_some() { format!("left open: {open:?}\n{text}") } else { text })
    };
    let mut report = format!("not seen again: it depends on the packets before\n{once}");
    let mut many = round.rules().div_ceil(2).max(1);
    while many > 0 {
        let mut line = 0;
        while let Some(smaller) = round.without(line, many) {
            match judge(node, &smaller) {
                Some(difference) => (round, report) = (smaller, difference),
                None => line += many,
            }
        }
        many /= 2;
    }
    if let Some(difference) = judge(node, &round) {
        report = difference;
    }
    format!("{}{report}", round.text())
}
