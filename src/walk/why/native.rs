//! What the expressions of a native rule ask, each as the rule runs.
//!
//! What a comparison is about is read from the expressions before it: those that loaded its registers.

use super::super::condition::Scene;
use super::super::engine::Engine;
use super::super::field::Field;
use super::super::native::Tried;
use super::super::state::State;
use super::fact::{End, Part, Subject, Way};
use super::met::{self, Met};
use super::subject::{self, DPORT, DST, SPORT, SRC};
use super::{Check, check};
use crate::host::nft::{CtKey, Expression, MetaKey, PayloadBase, Register, Rule};
use crate::host::xt::CtDirection;
use crate::host::{Hook, IpFamily, Protocol, RuleId};

/// Words of the register file.
const WORDS: usize = Register::COUNT as usize;
/// Bytes in a word.
const WORD: usize = 4;

/// What a rule asks: up to the first thing that does not hold, and what it would have asked after that. With the elements of
/// sets that the packet met, where they are `wanted`.
pub(super) fn checks(
    engine: &Engine<'_>,
    state: &State,
    hook: Hook,
    rule: &Rule,
    id: RuleId,
    wanted: bool,
) -> Vec<Check> {
    let mut loaded = Loaded::default();
    let mut checks = Vec::new();
    engine.tried(state, hook, rule, (id, wanted), &mut |scene, expression, part, tried| {
        let Tried { holds, met } = tried;
        let subjects = loaded.asked(scene, expression, (id, part));
        if is_question(expression) || holds.as_ref().is_some_and(|holds| *holds != Ok(true)) {
            let mut check = check(scene, (id, part), holds.as_ref(), subjects);
            check.met = match expression {
                Expression::Match(matched) if wanted => met::in_match(scene, matched, (id, part)),
                _ => met.map(Met::Native).into_iter().collect(),
            };
            checks.push(check);
        }
    });
    checks
}

/// Whether an expression does nothing but ask.
pub(super) fn is_question(expression: &Expression) -> bool {
    matches!(
        expression,
        Expression::Compare { .. }
            | Expression::Range { .. }
            | Expression::Lookup { .. }
            | Expression::Match(_)
            | Expression::Limit(_)
            | Expression::Connlimit { .. }
            | Expression::Quota { .. }
    )
}

/// Which things of the packet the registers were loaded from, by their words.
#[derive(Default)]
struct Loaded([Vec<Subject>; WORDS]);

impl Loaded {
    /// What an expression asks; what it loads is remembered.
    fn asked(&mut self, scene: &Scene<'_>, expression: &Expression, at: (RuleId, u16)) -> Vec<Subject> {
        match expression {
            Expression::Payload { base, offset, length, to } => {
                self.load(*to, usize::from(*length), payload(scene, *base, *offset, *length))
            }
            Expression::Meta { key, to } => self.load(*to, WORD, meta(*key)),
            Expression::Ct { key, direction, to } => self.load(*to, WORD, ct(*key, *direction)),
            Expression::Fib { flags, to, .. } => self.load(*to, WORD, fib(*flags)),
            Expression::Bitwise { from, to, mask_xor } => self.moved(*from, *to, mask_xor.0.len()),
            Expression::Byteorder { from, to, length, .. } | Expression::Shift { from, to, length, .. } => {
                self.moved(*from, *to, usize::from(*length))
            }
            Expression::Immediate { to, .. } | Expression::Numgen { to, .. } => self.load(*to, WORD, Vec::new()),
            Expression::Compare { from, data, .. } => self.held(*from, data.len()),
            Expression::Range { from, ends, .. } => self.held(*from, ends.0.len()),
            Expression::Lookup { set, from, .. } => {
                let content = scene.plan.contents.set(at.0.chain.table, set);
                self.held(*from, content.map_or(WORD, |content| content.set.key_length as usize))
            }
            Expression::Match(matched) => subject::of_match(scene, matched, at),
            _ => Vec::new(),
        }
    }

    fn load(&mut self, to: Register, length: usize, subjects: Vec<Subject>) -> Vec<Subject> {
        for word in self.words(to, length) {
            self.0[word].clear();
        }
        if let Some(word) = self.0.get_mut(usize::from(to.0)) {
            word.clone_from(&subjects);
        }
        subjects
    }

    fn moved(&mut self, from: Register, to: Register, length: usize) -> Vec<Subject> {
        let held: Vec<Vec<Subject>> = self.words(from, length).map(|word| self.0[word].clone()).collect();
        for (word, subjects) in self.words(to, length).zip(held) {
            self.0[word] = subjects;
        }
        Vec::new()
    }

    fn held(&self, from: Register, length: usize) -> Vec<Subject> {
        self.words(from, length).flat_map(|word| self.0[word].iter().copied()).collect()
    }

    fn words(&self, from: Register, length: usize) -> std::ops::Range<usize> {
        let first = usize::from(from.0).min(WORDS);
        first..(first + length.div_ceil(WORD)).min(WORDS)
    }
}

/// What bytes of a header are.
fn payload(scene: &Scene<'_>, base: PayloadBase, offset: u16, length: u16) -> Vec<Subject> {
    let rows: &[(u16, Subject)] = match (base, scene.query.family, scene.query.protocol) {
        (PayloadBase::Link, ..) => &[(6, Subject::SrcMac), (12, Subject::Family)],
        (PayloadBase::Network, IpFamily::V4, _) => &[
            (1, Subject::Tos),
            (2, Subject::Entering(Field::Length)),
            (8, Subject::Ttl),
            (9, Subject::Protocol),
            (12, SRC),
            (16, DST),
        ],
        (PayloadBase::Network, IpFamily::V6, _) => {
            &[(0, Subject::Tos), (6, Subject::Protocol), (7, Subject::Ttl), (8, SRC), (24, DST)]
        }
        (PayloadBase::Transport, _, Protocol::ICMP | Protocol::ICMPV6) => {
            &[(0, Subject::Entering(Field::IcmpType)), (1, Subject::Entering(Field::IcmpCode))]
        }
        (PayloadBase::Transport, ..) => &[(0, SPORT), (2, DPORT), (13, Subject::Entering(Field::TcpFlags))],
        (PayloadBase::Inner | PayloadBase::Tunnel, ..) => &[],
    };
    let inside = rows.iter().filter(|(first, _)| (offset..offset.saturating_add(length)).contains(first));
    inside.map(|(_, subject)| *subject).collect()
}

fn meta(key: MetaKey) -> Vec<Subject> {
    vec![match key {
        MetaKey::LEN => Subject::Entering(Field::Length),
        MetaKey::PROTOCOL | MetaKey::NFPROTO => Subject::Family,
        MetaKey::L4PROTO => Subject::Protocol,
        MetaKey::MARK => Subject::Mark,
        MetaKey::IIF | MetaKey::IIFNAME | MetaKey::IIFTYPE | MetaKey::IIFGROUP | MetaKey::IIFKIND => Subject::Iif,
        MetaKey::OIF | MetaKey::OIFNAME | MetaKey::OIFTYPE | MetaKey::OIFGROUP | MetaKey::OIFKIND => Subject::Oif,
        MetaKey::SKUID => Subject::Sender(Field::Uid),
        MetaKey::SKGID => Subject::Sender(Field::Gid),
        MetaKey::PKTTYPE => Subject::Pkttype,
        MetaKey::TIME_NS | MetaKey::TIME_DAY | MetaKey::TIME_HOUR => Subject::Entering(Field::Time),
        _ => return Vec::new(),
    }]
}

fn ct(key: CtKey, direction: Option<CtDirection>) -> Vec<Subject> {
    let way = if direction == Some(CtDirection::Reply) { Way::Reply } else { Way::Original };
    vec![match key {
        CtKey::STATE => Subject::CtState,
        CtKey::MARK => Subject::FlowMark,
        CtKey::SRC | CtKey::SRC_IP | CtKey::SRC_IP6 => Subject::Flow(way, End::Source, Part::Address),
        CtKey::DST | CtKey::DST_IP | CtKey::DST_IP6 => Subject::Flow(way, End::Destination, Part::Address),
        CtKey::PROTO_SRC => Subject::Flow(way, End::Source, Part::Port),
        CtKey::PROTO_DST => Subject::Flow(way, End::Destination, Part::Port),
        CtKey::PROTOCOL => Subject::Protocol,
        _ => Subject::HasFlow,
    }]
}

/// `NFTA_FIB_F_*`: of which address, on which device.
fn fib(flags: u32) -> Vec<Subject> {
    use crate::host::nft::fib;
    let rows = [
        (fib::SADDR, SRC),
        (fib::DADDR, DST),
        (fib::MARK, Subject::Mark),
        (fib::IIF, Subject::Iif),
        (fib::OIF, Subject::Oif),
    ];
    rows.into_iter().filter(|(flag, _)| flags & flag != 0).map(|(_, subject)| subject).collect()
}
