//! The kernel's own word on a packet: which rules it met, in which order, and where it was seen last.
//!
//! A table of the judge's own turns tracing on before every other chain of prerouting and output, and looks at the packet
//! again behind every other chain of each hook. nf_tables then tells each rule that held by `NFT_MSG_TRACE`
//! (nf_tables_trace.c), xtables by `TRACE:` lines through nfnetlink_log (`trace_packet` in ip_tables.c). Those come by
//! another socket: a legacy table's place among nf_tables' chains of one hook is told by priority and registration alone.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::netlink::{self, Channel, Message, attribute, number, text};
use crate::packet::{Mark, Seen};
use crate::world::run;

/// The judge's own table, which is no part of what is looked at.
pub const TABLE: &str = "judge";

const NFNLGRP_NFTRACE: u32 = 9;
const NFT_MSG_TRACE: u16 = 10 << 8 | 17;
const NFULNL_MSG_PACKET: u16 = 4 << 8;
const IPCTNL_MSG_CT_DELETE: u16 = 1 << 8 | 2;
const NFULNL_MSG_CONFIG: u16 = 4 << 8 | 1;
/// Tells in the log that a packet begins a pass.
const BEGINS: &str = "judge: begins";
/// The upper half of the number that a packet carries which tells that everything before it is done.
pub const BARRIER: u32 = 0xba22_0000;

/// Hooks in nf_tables' names, by number (`enum nf_inet_hooks`).
pub const HOOKS: [&str; 5] = ["prerouting", "input", "forward", "output", "postrouting"];

/// What `NFT_MSG_TRACE` says.
#[derive(Debug, Clone)]
pub struct NftEvent {
    id: u64,
    /// The table's family (`NFPROTO_*`).
    pub family: u8,
    /// The table.
    pub table: String,
    /// The chain.
    pub chain: String,
    /// What happened.
    pub what: NftWhat,
    seen: Option<Seen>,
    iif: u32,
    oif: u32,
}

/// What happened in a chain of nf_tables.
#[derive(Debug, Clone, PartialEq)]
pub enum NftWhat {
    /// The rule with this handle held.
    Rule(u64, NftVerdict),
    /// The base chain's policy decided; whether it lets the packet go on.
    Policy(bool),
    /// A chain has ended, by a verdict that no rule gave: it can be told without, but may be the first to show the packet.
    End,
}

/// `enum nft_verdicts` and those of netfilter.
#[derive(Debug, Clone, PartialEq)]
pub enum NftVerdict {
    /// NF_DROP
    Drop,
    /// NF_ACCEPT
    Accept,
    /// NF_STOLEN
    Stolen,
    /// NF_QUEUE
    Queue,
    /// NFT_CONTINUE
    Continue,
    /// NFT_JUMP
    Jump(String),
    /// NFT_GOTO
    Goto(String),
    /// NFT_RETURN
    Return,
}

impl NftVerdict {
    /// As lines of a path have it.
    pub fn word(&self) -> String {
        match self {
            NftVerdict::Drop => "drop".into(),
            NftVerdict::Accept => "accept".into(),
            NftVerdict::Stolen => "stolen".into(),
            NftVerdict::Queue => "queue".into(),
            NftVerdict::Continue => "continue".into(),
            NftVerdict::Jump(to) => format!("jump {to}"),
            NftVerdict::Goto(to) => format!("goto {to}"),
            NftVerdict::Return => "return".into(),
        }
    }
}

/// What a `TRACE:` line says: the place of a rule, counted from 1, the end of a chain included.
#[derive(Debug, Clone)]
pub struct LegacyEvent {
    /// The hook, by number.
    pub hook: usize,
    /// Whether it is an IPv6 table.
    pub ip6: bool,
    /// The table.
    pub table: String,
    /// The chain.
    pub chain: String,
    /// The number of the rule; one more than there are: the end.
    pub number: usize,
}

/// A packet as it was seen at one place.
#[derive(Debug, Clone)]
pub struct Sight {
    /// Its addresses.
    pub seen: Seen,
    /// The index of the device it came in by, 0 if none.
    pub iif: u32,
    /// The index of the device it goes out by, 0 if none.
    pub oif: u32,
}

/// One way of a packet through the namespace, as the kernel tells it.
#[derive(Debug, Clone)]
pub struct Pass {
    /// The hook it began at.
    pub begins: &'static str,
    /// As it was before the first chain.
    pub first: Sight,
    /// As it was behind the last chain of each hook it came through.
    pub behind: Vec<(&'static str, Sight)>,
    /// What nf_tables said of it.
    pub nft: Vec<NftEvent>,
    /// What xtables said of it.
    pub legacy: Vec<LegacyEvent>,
}

impl Pass {
    /// Whether it came through all chains of this hook.
    pub fn came_through(&self, hook: &str) -> Option<&Sight> {
        self.behind.iter().find(|(name, _)| *name == hook).map(|(_, sight)| sight)
    }
}

/// What the node's own stack answered to a TCP packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// SYN and ACK: something listens.
    Accepts,
    /// RST.
    Refuses,
}

/// Everything the kernel said of one packet.
#[derive(Debug, Clone, Default)]
pub struct Testimony {
    /// Its passes, in order.
    pub passes: Vec<Pass>,
    /// What was answered to it, by a rule or by the stack.
    pub answer: Option<Answer>,
}

/// Listens to the kernel, in one namespace.
pub struct Witness {
    trace: Channel,
    log: Channel,
    flows: Channel,
    barriers: u32,
    /// Rules keep the barriers away: what is over is told by silence.
    deaf: bool,
}

impl Witness {
    /// Begins to listen in the namespace of this thread.
    pub fn open() -> Witness {
        let mut table = format!("table inet {TABLE} {{\n");
        for hook in ["prerouting", "output"] {
            table += &format!(
                "chain first_{hook} {{ type filter hook {hook} priority -2000; policy accept;\n\
                 meta l4proto udp @th,64,32 0x6a756467 @th,96,16 {:#x} meta nftrace set 1 drop\n\
                 meta nftrace set 1 log prefix \"{BEGINS}\" group 0\n}}\n",
                BARRIER >> 16
            );
        }
        for hook in HOOKS {
            table += &format!(
                "chain behind_{hook} {{ type filter hook {hook} priority 2000; policy accept;\nmeta nftrace set 1\n}}\n"
            );
        }
        table += "}\n";
        let trace = Channel::open(Some(NFNLGRP_NFTRACE));
        let mut log = Channel::open(None);
        let copy_all = [0, 0, 0xff, 0xff, 2, 0];
        for family in [2, 10] {
            log.ask(NFULNL_MSG_CONFIG, family, 0, &[(1, &[3])]);
        }
        log.ask(NFULNL_MSG_CONFIG, 0, 0, &[(1, &[1])]);
        log.ask(NFULNL_MSG_CONFIG, 0, 0, &[(2, &copy_all)]);
        log.ask(NFULNL_MSG_CONFIG, 0, 0, &[(5, &1u32.to_be_bytes())]);
        run(&["nft", "-f", "-"], &table);
        Witness { trace, log, flows: Channel::open(None), barriers: 0, deaf: false }
    }

    /// Forgets what was said until now.
    pub fn forget(&mut self) {
        self.trace.drain();
        self.log.drain();
    }

    /// Empties the kernel's table of flows.
    pub fn forget_flows(&mut self) {
        self.flows.ask(IPCTNL_MSG_CT_DELETE, 0, 0, &[]);
    }

    /// Listens until all is said of a packet: `mark` tells it, or, while that is unknown, its source port.
    ///
    /// `barrier` sends a packet with a number. One CPU takes what comes to it in order (`enqueue_to_backlog`): when that packet
    /// is seen, everything that came before is done. What was done may have made packets that come after it, over lo
    /// for one: only when a barrier brings no news it is over.
    pub fn follow(&mut self, mut mark: Option<Mark>, port: u16, barrier: impl Fn(u32)) -> Testimony {
        let (traced, logged) = self.all(barrier);
        if mark.is_none() {
            mark = first_of(&traced, port);
        }
        mark.map(|mark| gather(&traced, &logged, mark)).unwrap_or_default()
    }

    /// The same of every packet that can be told again, in the order in which they set out, each as it was then.
    pub fn hear_all(&mut self, barrier: impl Fn(u32)) -> Vec<(Mark, Seen, Testimony)> {
        let (traced, logged) = self.all(barrier);
        let mut all: Vec<(Mark, Seen, Testimony)> = Vec::new();
        let begun = traced.iter().filter(|event| begins(event).is_some() && !is_barrier(event));
        for seen in begun.filter_map(|event| event.seen) {
            if let Some(mark) = seen.mark.filter(|mark| all.iter().all(|(known, ..)| known != mark)) {
                all.push((mark, seen, gather(&traced, &logged, mark)));
            }
        }
        all
    }

    fn all(&mut self, barrier: impl Fn(u32)) -> (Vec<NftEvent>, Vec<Logged>) {
        let (mut traced, mut logged) = (Vec::new(), Vec::new());
        loop {
            let known = traced.len();
            self.barriers = (self.barriers + 1) & 0xffff;
            let sought = BARRIER | self.barriers;
            barrier(sought);
            self.hear(sought, &mut traced, &mut logged);
            if traced[known..].iter().all(is_barrier) {
                return (traced, logged);
            }
        }
    }

    /// Listens until this barrier is heard.
    fn hear(&mut self, sought: u32, traced: &mut Vec<NftEvent>, logged: &mut Vec<Logged>) {
        /// Where no barrier comes through, so long nothing more may come.
        const SILENCE: Duration = Duration::from_millis(60);
        /// A busy machine lets what has arrived lie for some time (ksoftirqd).
        const PATIENCE: Duration = Duration::from_secs(2);
        let began = Instant::now();
        let seen = |event: &NftEvent| event.seen.and_then(|seen| seen.mark) == Some(Mark::Udp(sought));
        loop {
            let known = traced.len();
            let quiet = !netlink::wait(&[&self.trace, &self.log], SILENCE);
            traced.extend(self.trace.drain().iter().filter_map(nft_event));
            logged.extend(self.log.drain().iter().filter_map(logged_line));
            self.deaf |= began.elapsed() > PATIENCE;
            if traced[known..].iter().any(seen) || quiet && self.deaf {
                return;
            }
        }
    }
}

/// The packet that a socket with this port made first.
fn first_of(events: &[NftEvent], port: u16) -> Option<Mark> {
    let begin = events
        .iter()
        .find(|event| begins(event) == Some("output") && event.seen.is_some_and(|seen| seen.src.port() == port))?;
    begin.seen?.mark
}

fn is_barrier(event: &NftEvent) -> bool {
    matches!(event.seen.and_then(|seen| seen.mark), Some(Mark::Udp(number)) if number & 0xffff_0000 == BARRIER)
}

/// The hook at which this event begins a pass.
fn begins(event: &NftEvent) -> Option<&'static str> {
    own(event, "first_")
}

/// The hook behind whose chains this event was seen.
fn ends(event: &NftEvent) -> Option<&'static str> {
    own(event, "behind_")
}

fn own(event: &NftEvent, prefix: &str) -> Option<&'static str> {
    if event.table != TABLE || !matches!(event.what, NftWhat::Rule(..)) {
        return None;
    }
    let hook = event.chain.strip_prefix(prefix)?;
    HOOKS.into_iter().find(|name| *name == hook)
}

/// What of all that was said is about the packet with this mark.
fn gather(traced: &[NftEvent], logged: &[Logged], mark: Mark) -> Testimony {
    let mut testimony = Testimony::default();
    // The kernel's id of a packet tells packets apart only while they are underway: it is made of where they lie in memory.
    let mut open: HashMap<u64, usize> = HashMap::new();
    for event in traced {
        let sight = event.seen.map(|seen| Sight { seen, iif: event.iif, oif: event.oif });
        if let Some(hook) = begins(event) {
            open.remove(&event.id);
            let Some(first) = sight else { continue };
            if first.seen.mark == Some(mark) {
                open.insert(event.id, testimony.passes.len());
                let pass = Pass { begins: hook, first, behind: Vec::new(), nft: Vec::new(), legacy: Vec::new() };
                testimony.passes.push(pass);
            } else if hook == "output" {
                testimony.answer = testimony.answer.or(answer(&first.seen, mark));
            }
            continue;
        }
        // The id is also made of the device, which is the bridge's when a port hands a frame up to the host.
        let is_ours = sight.as_ref().is_some_and(|sight| sight.seen.mark == Some(mark));
        if is_ours && !open.contains_key(&event.id) && !testimony.passes.is_empty() {
            open.insert(event.id, testimony.passes.len() - 1);
        }
        let Some(pass) = open.get(&event.id).map(|at| &mut testimony.passes[*at]) else { continue };
        if let Some(hook) = ends(event) {
            pass.behind.extend(sight.map(|sight| (hook, sight)));
        } else if event.table != TABLE && event.what != NftWhat::End {
            pass.nft.push(event.clone());
        }
    }
    let mut number = 0;
    for line in logged.iter().filter(|line| line.mark == mark) {
        match &line.event {
            None => number += 1,
            Some(event) => {
                if let Some(pass) = testimony.passes.get_mut(number.max(1) - 1) {
                    pass.legacy.push(event.clone());
                }
            }
        }
    }
    testimony
}

fn answer(seen: &Seen, to: Mark) -> Option<Answer> {
    let (Mark::Tcp(asked, sequence), Some(Mark::Tcp(flags, _))) = (to, seen.mark) else { return None };
    match flags {
        0x12 if seen.acknowledges == sequence.wrapping_add(1) => Some(Answer::Accepts),
        0x14 if seen.acknowledges == sequence.wrapping_add(u32::from(asked & 0x02 != 0)) => Some(Answer::Refuses),
        _ => None,
    }
}

/// What a message of the kernel says, where it is a trace.
pub fn nft_event(message: &Message) -> Option<NftEvent> {
    if message.kind != NFT_MSG_TRACE {
        return None;
    }
    let get = |kind: u16| message.attribute(kind);
    let word = |kind: u16| get(kind).map(number);
    let verdict = get(5).and_then(|nested| {
        let chain = || attribute(nested, 2).map(text).unwrap_or_default();
        Some(match number(attribute(nested, 1)?) as u32 as i32 {
            0 => NftVerdict::Drop,
            1 => NftVerdict::Accept,
            2 => NftVerdict::Stolen,
            -3 => NftVerdict::Jump(chain()),
            -4 => NftVerdict::Goto(chain()),
            -5 => NftVerdict::Return,
            code if code & 0xff == 3 => NftVerdict::Queue,
            code if code & 0xff == 0 => NftVerdict::Drop,
            _ => NftVerdict::Continue,
        })
    });
    let what = match (word(4)?, word(3), verdict) {
        (1, ..) => NftWhat::Policy(word(16)? as u32 == 1),
        (3, Some(handle), Some(verdict)) => NftWhat::Rule(handle, verdict),
        (_, _, _) => NftWhat::End,
    };
    Some(NftEvent {
        id: word(6)?,
        family: message.family,
        table: text(get(1)?),
        chain: text(get(2)?),
        what,
        seen: get(8).zip(get(9)).and_then(|(network, transport)| Seen::read(network, transport)),
        iif: word(10).unwrap_or(0) as u32,
        oif: word(12).unwrap_or(0) as u32,
    })
}

/// A packet in the log.
struct Logged {
    mark: Mark,
    /// `None`: it begins a pass.
    event: Option<LegacyEvent>,
}

fn logged_line(message: &Message) -> Option<Logged> {
    if message.kind != NFULNL_MSG_PACKET {
        return None;
    }
    let hook = usize::from(*message.attribute(1)?.get(2)?);
    let payload = message.attribute(9)?;
    let mark = Seen::read_whole(payload)?.mark?;
    let prefix = text(message.attribute(10)?);
    if prefix == BEGINS {
        return Some(Logged { mark, event: None });
    }
    let mut parts = prefix.strip_prefix("TRACE: ")?.trim_end().rsplitn(3, ':');
    let (number, _label, names) = (parts.next()?.parse().ok()?, parts.next()?, parts.next()?);
    let (table, chain) = names.split_once(':')?;
    let ip6 = payload.first()? >> 4 == 6;
    let event = LegacyEvent { hook, ip6, table: table.to_owned(), chain: chain.to_owned(), number };
    Some(Logged { mark, event: Some(event) })
}
