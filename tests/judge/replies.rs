//! What comes after a first packet: its answer, and the next one that follows it.
//!
//! Where the first one left, the outside answers it; where the node got it, its own stack does. Each is held against the
//! walk of that packet, rule by rule. Knows the handshake of TCP, datagrams and echoes; nothing that comes later.

use whyport::host::Host;
use whyport::walk::{self, Assumed, Condition, Field, Op, Outcome, Turn, ValueSet, Values};

use crate::aim::Aim;
use crate::case::{Node, difference, may_be, read};
use crate::ground::{MARKED_ROUTES, ROUTER};
use crate::packet::{Mark, Packet, Protocol, Seen};
use crate::path::{self, Names};
use crate::random::{self, Lot};
use crate::rounds::{Backends, Round, Shape, setting};
use crate::rules::{Rules, Tool};
use crate::walked;
use crate::witness::Testimony;
use crate::world::{Sent, Still, apart_all};

const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const ACK: u8 = 0x10;

/// Something that was followed: what it is, its own lengths, what the kernel says of it and what whyport does.
pub struct Followed {
    /// What it is.
    pub what: &'static str,
    /// The kernel's path.
    pub kernel: Vec<String>,
    walk: Vec<String>,
}

impl Followed {
    fn agrees(&self, rules: &Rules) -> bool {
        let even = |lines: &[String]| if rules.even { path::in_any_order(lines.to_vec()) } else { lines.to_vec() };
        may_be(&even(&self.kernel), &even(&self.walk))
    }
}

/// A packet with what is read of it only on its way.
pub struct Heard {
    /// What tells it.
    pub mark: Mark,
    /// As it began.
    pub first: Seen,
    /// What the kernel says of it.
    pub testimony: Testimony,
}

/// What is known of a packet that whyport cannot know before it comes.
struct Own {
    ttl: u8,
    length: u128,
    mac: Option<u64>,
}

impl Node {
    /// Sends something, and hears of every packet that is on its way then.
    pub fn hear(&mut self, send: impl FnOnce(&mut Node)) -> Vec<Heard> {
        self.witness.forget();
        let still = Still::begin();
        send(self);
        let heard = self.witness.hear_all(|number| self.world.barrier(number));
        drop(still);
        heard.into_iter().map(|(mark, first, testimony)| Heard { mark, first, testimony }).collect()
    }

    /// Sends a packet, and where a socket accepts a connection by it, what completes that. What comes back must be held as long
    /// as the packet matters.
    pub fn greet(&mut self, packet: &Packet) -> Option<Sent> {
        self.cookie = self.cookie.wrapping_add(0x1_0001);
        let cookie = self.cookie;
        let mut sent = None;
        let heard = self.hear(|node| sent = Some(node.world.send(packet, cookie)));
        let accepts = heard.iter().find_map(|one| match one.mark {
            Mark::Tcp(flags, theirs) if flags == SYN | ACK => Some(theirs),
            Mark::Tcp(..) | Mark::Udp(_) | Mark::Icmp(..) => None,
        });
        if let (Some(theirs), Some(_)) = (accepts, &packet.device) {
            let next = Packet { flags: ACK, acknowledges: theirs.wrapping_add(1), ..packet.clone() };
            self.hear(|node| _ = node.world.send(&next, cookie.wrapping_add(1)));
        }
        sent
    }

    /// Sends a packet and what follows it. Nothing where no answer is to be had.
    fn converse(&mut self, packet: &Packet, host: &Host, untracks: bool) -> Vec<Followed> {
        self.forget_flows();
        self.cookie = self.cookie.wrapping_add(0x1_0001);
        let cookie = self.cookie;
        let mut sent = None;
        let heard = self.hear(|node| sent = Some(node.world.send(packet, cookie)));
        let Some(sent) = sent else { return Vec::new() };
        let is_first = |heard: &&Heard| match sent.mark {
            Some(mark) => heard.mark == mark,
            None => heard.first.src.port() == sent.port && matches!(heard.mark, Mark::Tcp(SYN, _)),
        };
        let Some(first) = heard.iter().find(is_first) else { return Vec::new() };
        let sequence = match first.mark {
            Mark::Tcp(_, sequence) => sequence,
            Mark::Udp(_) | Mark::Icmp(..) => 0,
        };
        let asked = Asked { packet, host, port: sent.port, sequence };
        let mut followed = Vec::new();
        let Some(last) = first.testimony.passes.last() else { return followed };
        let of = |name: &str| last.came_through(name).map(|sight| (sight.seen, sight.oif));
        let (answered, answer_sequence) = if of("input").is_some() {
            let seen = of("input").map(|(seen, _)| seen);
            let number = cookie ^ 0x5a5a_0000;
            let echoed = match seen.filter(|_| packet.protocol == Protocol::Udp) {
                Some(seen) if self.world.has_receiver(seen.dst) => {
                    self.hear(|node| node.world.echo(seen.dst, seen.src, number))
                }
                _ => Vec::new(),
            };
            let is_answer = |heard: &&Heard| asked.is_answer(heard) || heard.mark == Mark::Udp(number);
            let Some(answer) = heard.iter().chain(&echoed).find(is_answer) else { return followed };
            let own = asked.stack_answer(answer.mark);
            let said = self.lines(answer);
            followed.push(asked.followed(self, "the answer", Turn::Reply, said, &own));
            (arrived(&answer.testimony), answer.mark)
        } else if let Some((seen, oif)) = of("postrouting").filter(|(_, oif)| *oif != 1) {
            let Some(device) = self.devices.get(&oif).cloned() else { return followed };
            let Some(answer) = asked.made_answer(device, &seen) else { return followed };
            let (own, number) = (asked.own(self, &answer), cookie ^ 0x5a5a_0000);
            let number = if answer.protocol == Protocol::Icmp { cookie } else { number };
            let heard_back = self.hear(|node| _ = node.world.send(&answer, number));
            let mark = match answer.protocol {
                Protocol::Tcp => Mark::Tcp(answer.flags, number),
                Protocol::Udp => Mark::Udp(number),
                Protocol::Icmp => Mark::Icmp(answer.icmp.0, number),
            };
            let found = heard_back.iter().find(|heard| heard.mark == mark);
            let said = found.map_or_else(|| vec!["lost".into()], |found| self.lines(found));
            followed.push(asked.followed(self, "the answer", Turn::Reply, said, &own));
            (found.is_some_and(|found| arrived(&found.testimony)), mark)
        } else {
            return followed;
        };
        let closes = matches!(answer_sequence, Mark::Tcp(flags, _) if flags & RST != 0);
        // Of an answer that conntrack did not look at the connection is none the more established.
        if answered && !closes && packet.device.is_some() && !untracks {
            let (next, number, mark) = asked.next(cookie, answer_sequence);
            let heard = self.hear(|node| _ = node.world.send(&next, number));
            let found = heard.iter().find(|heard| heard.mark == mark);
            let said = found.map_or_else(|| vec!["lost".into()], |found| self.lines(found));
            let own = asked.own(self, &next);
            followed.push(asked.followed(self, "the next packet", Turn::Later, said, &own));
        }
        followed
    }

    /// The kernel's path of such a packet.
    pub fn lines(&self, heard: &Heard) -> Vec<String> {
        path::lines(&heard.testimony, &self.names(None, heard.mark))
    }

    /// What is needed to tell it.
    pub fn names(&self, mac: Option<u64>, mark: Mark) -> Names<'_> {
        let has_ports = !matches!(mark, Mark::Icmp(..));
        Names { rules: &self.rules, devices: &self.devices, chosen: None, mac, has_ports, answers: false }
    }
}

/// Whether a packet came to its end without being taken.
fn arrived(testimony: &Testimony) -> bool {
    testimony
        .passes
        .last()
        .is_some_and(|pass| pass.came_through("input").is_some() || pass.came_through("postrouting").is_some())
}

/// The packet that begins, with what was told of it.
struct Asked<'a> {
    packet: &'a Packet,
    host: &'a Host,
    port: u16,
    sequence: u32,
}

impl Asked<'_> {
    fn is_answer(&self, heard: &Heard) -> bool {
        match heard.mark {
            Mark::Tcp(flags, _) => {
                let after = self.sequence.wrapping_add(1);
                matches!(flags, 0x12 | 0x14) && heard.first.acknowledges == after
            }
            Mark::Icmp(kind, _) => matches!(kind, 0 | 14 | 129),
            Mark::Udp(_) => false,
        }
    }

    fn ip(&self) -> u128 {
        if self.packet.dst.is_ipv4() { 20 } else { 40 }
    }

    /// What the stack answers: with as many options as were asked with, to a first packet of its own.
    fn stack_answer(&self, mark: Mark) -> Own {
        let length = self.ip()
            + match mark {
                Mark::Tcp(flags, _) if flags & RST != 0 => 20,
                Mark::Tcp(..) if self.packet.device.is_none() => 40,
                Mark::Tcp(..) => 24,
                Mark::Udp(_) => 16,
                Mark::Icmp(..) => 16 + u128::from(self.packet.filling),
            };
        Own { ttl: 64, length, mac: None }
    }

    fn own(&self, node: &Node, packet: &Packet) -> Own {
        Own { ttl: packet.ttl, length: walked::length(packet), mac: node.mac(packet) }
    }

    /// An answer from beyond a device to what left there.
    fn made_answer(&self, device: String, seen: &Seen) -> Option<Packet> {
        let mut answer = self.packet.clone();
        (answer.device, answer.src, answer.dst) = (Some(device), Some(seen.dst), seen.src);
        (answer.ttl, answer.filling, answer.mark, answer.tos) = (64, 0, 0, 0);
        (answer.flags, answer.acknowledges) = (SYN | ACK, self.sequence.wrapping_add(1));
        answer.icmp = match self.packet.icmp.0 {
            8 => (0, 0),
            128 => (129, 0),
            _ if self.packet.protocol == Protocol::Icmp => return None,
            _ => answer.icmp,
        };
        Some(answer)
    }

    /// The next packet of who began.
    fn next(&self, cookie: u32, answer: Mark) -> (Packet, u32, Mark) {
        let mut next = self.packet.clone();
        next.flags = ACK;
        match answer {
            Mark::Tcp(_, sequence) => {
                next.acknowledges = sequence.wrapping_add(1);
                let own = self.sequence.wrapping_add(1);
                (next, own, Mark::Tcp(ACK, own))
            }
            Mark::Udp(_) => (next, cookie ^ 0x3c3c_0000, Mark::Udp(cookie ^ 0x3c3c_0000)),
            Mark::Icmp(..) => {
                let (kind, number) = (next.icmp.0, cookie.wrapping_add(0x100_0000));
                (next, number, Mark::Icmp(kind, number))
            }
        }
    }

    /// What whyport says of the packet of this turn.
    fn followed(&self, node: &Node, what: &'static str, turn: Turn, kernel: Vec<String>, own: &Own) -> Followed {
        let has_ports = self.packet.protocol != Protocol::Icmp;
        let names = Names {
            rules: &node.rules,
            devices: &node.devices,
            chosen: None,
            mac: node.mac(self.packet),
            has_ports,
            answers: false,
        };
        let mut query = walked::query(self.host, self.packet, self.port, names.mac);
        query.turn = turn;
        if turn == Turn::Later {
            query.set(Field::Length, ValueSet::one(own.length));
        }
        let walk = walk::walk(self.host, &query);
        let fitting: Vec<&Outcome> =
            walk.outcomes.iter().filter(|outcome| outcome.assumed.iter().all(|made| own.fits(&made.what))).collect();
        let lines = match fitting[..] {
            [one] if one.turn != turn => {
                let mut lines = walked::lines_of(self.host, one, &names);
                lines.insert(0, "nothing follows".into());
                lines
            }
            [one] => walked::lines_of(self.host, one, &names),
            _ => vec![format!("{} of {} outcomes fit: {:?}", fitting.len(), walk.outcomes.len(), own.length)],
        };
        // What depends on chance or on what came before may be either.
        let open = walk.outcomes.iter().flat_map(|one| &one.assumed).any(|made| !is_own(&made.what));
        let walk = if open && !lines.starts_with(&["nothing follows".into()]) { kernel.clone() } else { lines };
        Followed { what, kernel, walk }
    }
}

fn is_own(what: &Assumed) -> bool {
    matches!(what, Assumed::AnswerHas(_))
}

impl Own {
    fn fits(&self, what: &Assumed) -> bool {
        let Assumed::AnswerHas(condition) = what else { return true };
        let value: u128 = match condition.field {
            Field::Ttl => self.ttl.into(),
            Field::Length => self.length,
            Field::Tos | Field::Uid | Field::Gid => 0,
            Field::SrcMac => match self.mac {
                Some(mac) => mac.into(),
                None => return false,
            },
            other => panic!("nobody knows the {} of an answer", other.name()),
        };
        among(condition, value)
    }
}

fn among(condition: &Condition, value: u128) -> bool {
    let within = |values: &Values| match values {
        Values::Range(first, last) => (u128::from(*first)..=u128::from(*last)).contains(&value),
        Values::Set(_, values) => values.contains(value),
        Values::Net(_) | Values::Addresses(..) | Values::Name(_) => false,
    };
    let among = condition.values.iter().any(within);
    match condition.op {
        Op::In | Op::Is => among,
        Op::NotIn => !among,
    }
}

const BACKENDS: [Backends; 5] = [Backends::Nft, Backends::Native, Backends::All, Backends::Legacy, Backends::Both];

/// Rulesets of every kind, and what follows the packets that they let through.
pub fn play(default_rounds: u64) {
    let (seed, rounds) = (setting("WHYPORT_JUDGE_SEED", 1), setting("WHYPORT_JUDGE_ROUNDS", default_rounds));
    let first = setting("WHYPORT_JUDGE_BLOCK", 0);
    let goes_on = std::env::var_os("WHYPORT_JUDGE_GO_ON").is_some();
    let next = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(first));
    let told = std::sync::Arc::new(std::sync::Mutex::new((0, 0, Vec::new())));
    let (counter, shared) = (next, told.clone());
    apart_all(4, move || {
        loop {
            let block = counter.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let is_over = !goes_on && !shared.lock().unwrap().2.is_empty();
            if block >= first + rounds.div_ceil(10) || is_over {
                return;
            }
            let kind = (Shape::Any, BACKENDS[(block % 5) as usize]);
            let mut node = Node::build(&ROUTER.plan, MARKED_ROUTES, &[]);
            for round in 0..10 {
                let mut lot = Lot::new((seed.wrapping_mul(1_000_033).wrapping_add(block)) * 10 + round);
                let drawn = Round::draw(&mut lot, kind, round % 3 == 2, round);
                // An answer would meet other sets than its packet did.
                if drawn.changes() {
                    continue;
                }
                let (answers, wrong) = play_round(&mut lot, &mut node, drawn, (block * 100 + round * 10) as u16);
                let mut shared = shared.lock().unwrap();
                shared.0 += 1;
                shared.1 += answers;
                shared.2.extend(
                    wrong.map(|wrong| format!("WHYPORT_JUDGE_SEED={seed} WHYPORT_JUDGE_BLOCK={block}\n{wrong}")),
                );
            }
        }
    });
    let told = told.lock().unwrap();
    println!("{} packets followed others in {} rounds of seed {seed}: {} differed", told.1, told.0, told.2.len());
    assert!(told.2.is_empty(), "whyport does not say what the kernel does\n{}", told.2.join("\n"));
    assert!(told.1 > 0, "nothing was answered");
}

fn play_round(lot: &mut Lot, node: &mut Node, drawn: Round, number: u16) -> (usize, Option<String>) {
    drawn.load(node);
    let (host, untracks) = (read(node).live, drawn.text().contains("notrack"));
    let aim = Aim::at(&drawn.texts(), drawn.ip6);
    let mut count = 0;
    for at in 0..8 {
        let mut packet = random::packet(lot, ROUTER.places(drawn.ip6), &aim, number.wrapping_add(at));
        packet.flags = SYN;
        packet.icmp = (if drawn.ip6 { 128 } else { 8 }, 0);
        let followed = node.converse(&packet, &host, untracks);
        count += followed.len();
        if let Some(wrong) = followed.iter().find(|one| !one.agrees(&node.rules)) {
            let once = format!("{} of {}", wrong.what, difference(&packet, &wrong.kernel, &wrong.walk));
            return (count, Some(smallest(node, drawn, &packet, once)));
        }
    }
    (count, None)
}

/// Follows what comes after a packet under rules of iptables; `found`: conntrack finds the flow of the answer.
pub fn check(rules: &'static str, packet: &'static str, found: bool) {
    crate::world::apart(move || _ = follow(rules, packet, found));
}

/// The same in the thread of the caller, who gets the kernel's paths as lines, each packet under what it is.
pub fn follow(rules: &str, packet: &str, found: bool) -> String {
    let mut node = Node::build(&ROUTER.plan, MARKED_ROUTES, &[]);
    node.rules.load(Tool::Iptables, rules);
    follow_on(&mut node, packet, found)
}

/// The same on a node with rules of its own.
pub fn follow_on(node: &mut Node, packet: &str, found: bool) -> String {
    let host = read(node).live;
    let followed = node.converse(&Packet::read(packet), &host, !found);
    assert!(!followed.is_empty(), "nothing followed");
    let told = followed.into_iter().map(|one| {
        let same = may_be(&one.kernel, &one.walk);
        assert!(same, "{} of {}", one.what, difference(&Packet::read(packet), &one.kernel, &one.walk));
        format!("{}\n{}\n", one.what, one.kernel.join("\n"))
    });
    told.collect()
}

/// Takes rules away while something is still followed differently.
fn smallest(node: &mut Node, mut round: Round, packet: &Packet, once: String) -> String {
    let untracks = round.text().contains("notrack");
    let (mut report, mut line) = (format!("not seen again\n{once}"), 0);
    while let Some(smaller) = round.without(line, 1) {
        smaller.load(node);
        let host = read(node).live;
        let followed = node.converse(packet, &host, untracks);
        match followed.iter().find(|one| !one.agrees(&node.rules)) {
            Some(wrong) => {
                report = format!("{} of {}", wrong.what, difference(packet, &wrong.kernel, &wrong.walk));
                round = smaller;
            }
            None => line += 1,
        }
    }
    format!("{}{report}", round.text())
}
