//! What became of a rule, in words: the first thing it asks that did not hold, and what the packet had.
//!
//! Texts of rules come from whoever asks; which of the things that a rule asks matter is the walk's business.

use super::conditions::{VALUES, numbers};
use super::phrase::{Phrase, list, say, sentence};
use super::rules;
use crate::host::{IpFamily, Namespace, Protocol, RuleId};
use crate::walk::query::address;
use crate::walk::why::{Account, Check, Decided, End, Fact, Now, Part, Subject, Unreached, Way};
use crate::walk::{Field, StepAt, ValueSet, Verdict, Why};

/// At most this many things that held are told.
const CHECKS: usize = 6;
/// What may be in more ranges than this is not told by them.
const RANGES: usize = 2;

/// Texts of a rule's parts (`Some(index)`), or of its target (`None`).
pub(super) type Texts<'t> = &'t dyn Fn(RuleId, Option<u16>) -> String;

/// What became of a rule: one sentence for each account.
pub(super) fn account(
    ns: &Namespace,
    family: IpFamily,
    rule: RuleId,
    accounts: &[Account],
    texts: Texts<'_>,
) -> String {
    let teller = Teller { ns, family, texts };
    let told: Vec<String> = accounts.iter().map(|account| sentence(&teller.account(rule, account))).collect();
    told.join(&format!(" {} ", say(Phrase::ForOthers, &[])))
}

/// What the packet had of what a check asks; empty where that says nothing.
pub(super) fn had(ns: &Namespace, family: IpFamily, check: &Check) -> String {
    let taken = if check.holds == Some(false) { Phrase::TakenNot } else { Phrase::Taken };
    match &check.assumed {
        Some(assumed) => say(reason(assumed.why), &[("what", &say(taken, &[]))]),
        None if check.facts.is_empty() => String::new(),
        None => Teller { ns, family, texts: &|_, _| String::new() }.facts(&check.facts, check.holds),
    }
}

struct Teller<'t> {
    ns: &'t Namespace,
    family: IpFamily,
    texts: Texts<'t>,
}

impl Teller<'_> {
    fn account(&self, rule: RuleId, account: &Account) -> String {
        match account {
            Account::Held { verdict: _, checks } => {
                let told: Vec<String> = checks.iter().filter_map(|check| self.held(rule, check)).collect();
                match told.is_empty() {
                    true => say(Phrase::MatchesAll, &[]),
                    false => say(Phrase::Matches, &[("why", &self.joined(&told))]),
                }
            }
            Account::Depends(Decided { by: check, .. }) => {
                let text = (self.texts)(rule, Some(check.part));
                match check.open {
                    Some(field) => say(Phrase::DependsOn, &[("text", &text), ("field", field.name())]),
                    None => say(Phrase::DependsOpen, &[("text", &text)]),
                }
            }
            Account::Failed(decided) => say(Phrase::MatchesNot, &[("why", &self.failed(rule, &decided.by))]),
            Account::Unreached(unreached) => self.unreached(unreached),
        }
    }

    fn joined(&self, told: &[String]) -> String {
        let mut told: Vec<&str> = told.iter().map(String::as_str).collect();
        told.dedup();
        let more = told.len().saturating_sub(CHECKS);
        let text = told[..told.len() - more].join("; ");
        if more > 0 { say(Phrase::AndMore, &[("items", &text), ("count", &more.to_string())]) } else { text }
    }

    /// What held; nothing to tell of what holds for every packet.
    fn held(&self, rule: RuleId, check: &Check) -> Option<String> {
        let text = (self.texts)(rule, Some(check.part));
        let why = check.assumed.as_ref().map(|assumed| say(reason(assumed.why), &[("what", &say(Phrase::Taken, &[]))]));
        match (why, check.facts.is_empty()) {
            (Some(why), _) => Some(format!("{text}: {why}")),
            (None, true) => None,
            (None, false) => Some(format!("{text}: {}", self.facts(&check.facts, Some(true)))),
        }
    }

    fn failed(&self, rule: RuleId, check: &Check) -> String {
        let text = (self.texts)(rule, Some(check.part));
        match &check.assumed {
            Some(assumed) => format!("{text}: {}", say(reason(assumed.why), &[("what", &say(Phrase::TakenNot, &[]))])),
            None if check.facts.is_empty() => text,
            None => format!("{text}: {}", self.facts(&check.facts, Some(false))),
        }
    }

    fn facts(&self, facts: &[Fact], held: Option<bool>) -> String {
        let mut told: Vec<String> = facts.iter().map(|fact| self.fact(fact, held)).collect();
        // Who comes, goes and is says it once.
        let packet = say(Phrase::ThePacket, &[]);
        let mut is_named = false;
        for text in &mut told {
            let rest = text.strip_prefix(&packet).filter(|_| is_named).map(str::to_owned);
            is_named = rest.is_some() || text.starts_with(&packet);
            *text = rest.unwrap_or_else(|| std::mem::take(text));
        }
        list(Phrase::And, &told, VALUES)
    }

    fn fact(&self, fact: &Fact, held: Option<bool>) -> String {
        let thing = say(noun(fact.subject), &[]);
        let phrase = match &fact.now {
            Now::Nothing => return say(Phrase::HasNothing, &[("thing", &thing)]),
            Now::Unseen => return say(Phrase::NotSeen, &[]),
            Now::Untracked => return say(Phrase::NotTracked, &[]),
            Now::Among(set) if set.ranges().len() > RANGES => {
                let phrase = match held {
                    Some(true) => Phrase::ThingFits,
                    Some(false) => Phrase::ThingIsAnother,
                    None => Phrase::IsOpen,
                };
                return say(phrase, &[("thing", &thing)]);
            }
            Now::Open => return say(Phrase::IsOpen, &[("thing", &thing)]),
            Now::Unpredictable(why) => {
                let open = say(Phrase::IsOpen, &[("thing", &thing)]);
                return say(reason(*why), &[("what", &open)]);
            }
            Now::Known(_) | Now::Among(_) | Now::Devices(_) => match fact.subject {
                Subject::Header(End::Source, Part::Address) => Phrase::ComesFrom,
                Subject::Header(End::Destination, Part::Address) => Phrase::GoesTo,
                Subject::Header(End::Source, Part::Port) => Phrase::FromPort,
                Subject::Header(End::Destination, Part::Port) => Phrase::ToPort,
                Subject::Protocol | Subject::Family => Phrase::PacketIs,
                Subject::Iif => Phrase::ComesBy,
                Subject::Oif => Phrase::LeavesByOne,
                Subject::Entering(Field::TcpFlags) => Phrase::FlagsAre,
                _ => Phrase::ThingIs,
            },
        };
        let values = list(Phrase::Or, &self.values(fact), VALUES);
        say(phrase, &[("thing", &thing), ("values", &values)])
    }

    fn values(&self, fact: &Fact) -> Vec<String> {
        match &fact.now {
            Now::Known(value) => self.set(fact.subject, &ValueSet::one(*value)),
            Now::Among(set) => self.set(fact.subject, set),
            Now::Devices(names) => names.clone(),
            Now::Nothing | Now::Unseen | Now::Untracked | Now::Open | Now::Unpredictable(_) => Vec::new(),
        }
    }

    fn set(&self, subject: Subject, set: &ValueSet) -> Vec<String> {
        let ranges = set.ranges().iter();
        let told = ranges.flat_map(|(first, last)| match subject {
            Subject::Header(_, Part::Address) | Subject::Flow(_, _, Part::Address) => {
                let ends = [first, last].map(|end| address(self.family, *end).to_string());
                vec![if first == last { ends[0].clone() } else { ends.join("–") }]
            }
            Subject::Protocol => vec![Protocol(*first as u8).to_string()],
            Subject::Family => vec![say(if *first == 32 { Phrase::Ipv4 } else { Phrase::Ipv6 }, &[])],
            Subject::Mark | Subject::FlowMark => numbers(Field::Mark, *first as u64, *last as u64),
            Subject::CtState => numbers(Field::CtState, *first as u64, *last as u64),
            Subject::Pkttype => numbers(Field::Pkttype, *first as u64, *last as u64),
            Subject::SrcMac => numbers(Field::SrcMac, *first as u64, *last as u64),
            Subject::Tos => vec![format!("{first:#04x}")],
            Subject::Entering(field) | Subject::Sender(field) => numbers(field, *first as u64, *last as u64),
            Subject::Header(..) | Subject::Flow(..) | Subject::Ttl => numbers(Field::Ttl, *first as u64, *last as u64),
            Subject::HasFlow | Subject::Iif | Subject::Oif => Vec::new(),
        });
        told.collect()
    }

    fn unreached(&self, unreached: &Unreached) -> String {
        match unreached {
            Unreached::After(rule, verdict) => {
                let deed = self.deed(verdict);
                say(Phrase::NotReached, &[("number", &rule.number().to_string()), ("deed", &deed)])
            }
            Unreached::NotLed(rule, account) => {
                let why = self.account(*rule, account);
                say(Phrase::NotCalled, &[("rule", &rules::rule_place(self.ns, *rule)), ("why", &why)])
            }
            Unreached::LedElsewhere(rule) => say(Phrase::LedElsewhere, &[("rule", &rules::rule_place(self.ns, *rule))]),
            Unreached::Ended => say(Phrase::EndedBefore, &[]),
            Unreached::Hook => say(Phrase::NotAtHook, &[]),
            Unreached::Untracked => say(Phrase::NatUntracked, &[]),
            Unreached::Translated(StepAt::Rule(rule)) => {
                say(Phrase::NatTranslated, &[("rule", &rules::rule_place(self.ns, *rule))])
            }
            Unreached::Translated(StepAt::End(_)) | Unreached::Bound => say(Phrase::NatBound, &[]),
        }
    }

    /// What the rule did by which a packet left a chain.
    fn deed(&self, verdict: &Verdict) -> String {
        let chain = |chain| rules::chain(self.ns, chain);
        match verdict {
            Verdict::Accept => say(Phrase::DidAccept, &[]),
            Verdict::Drop | Verdict::Policy(_) => say(Phrase::DidDrop, &[]),
            Verdict::Reject(_) => say(Phrase::DidReject, &[]),
            Verdict::Return => say(Phrase::DidReturn, &[]),
            Verdict::Goto(to) => say(Phrase::WentTo, &[("chain", &chain(*to))]),
            Verdict::Jump(to) => say(Phrase::EndedIn, &[("chain", &chain(*to))]),
            Verdict::Queue => say(Phrase::DidQueue, &[]),
            Verdict::Dnat(_)
            | Verdict::Snat(_)
            | Verdict::Masquerade(_)
            | Verdict::Redirect(_)
            | Verdict::Netmap(_) => say(Phrase::DidTranslate, &[]),
            verdict => say(Phrase::DidDecide, &[("verdict", verdict.name())]),
        }
    }
}

fn reason(why: Why) -> Phrase {
    match why {
        Why::Order => Phrase::WhyOrder,
        Why::Rate => Phrase::WhyRate,
        Why::State => Phrase::WhyState,
        Why::Hash => Phrase::WhyHash,
        Why::Random => Phrase::WhyRandom,
        Why::Undecoded => Phrase::WhyUndecoded,
        Why::Unread => Phrase::WhyUnread,
    }
}

/// What a thing is called where a sentence is about it.
fn noun(subject: Subject) -> Phrase {
    match subject {
        Subject::Header(End::Source, Part::Address) => Phrase::TheSource,
        Subject::Header(End::Destination, Part::Address) => Phrase::TheDestination,
        Subject::Header(End::Source, Part::Port) => Phrase::TheSport,
        Subject::Header(End::Destination, Part::Port) => Phrase::TheDport,
        Subject::Flow(Way::Original, End::Source, Part::Address) => Phrase::FlowSource,
        Subject::Flow(Way::Original, End::Destination, Part::Address) => Phrase::FlowDestination,
        Subject::Flow(Way::Original, End::Source, Part::Port) => Phrase::FlowSport,
        Subject::Flow(Way::Original, End::Destination, Part::Port) => Phrase::FlowDport,
        Subject::Flow(Way::Reply, End::Source, Part::Address) => Phrase::ReplySource,
        Subject::Flow(Way::Reply, End::Destination, Part::Address) => Phrase::ReplyDestination,
        Subject::Flow(Way::Reply, End::Source, Part::Port) => Phrase::ReplySport,
        Subject::Flow(Way::Reply, End::Destination, Part::Port) => Phrase::ReplyDport,
        Subject::Family => Phrase::TheFamily,
        Subject::Protocol => Phrase::TheProtocol,
        Subject::Iif => Phrase::TheIif,
        Subject::Oif => Phrase::TheOif,
        Subject::Mark => Phrase::TheMark,
        Subject::FlowMark => Phrase::TheFlowMark,
        Subject::HasFlow => Phrase::TheFlow,
        Subject::CtState => Phrase::TheCtState,
        Subject::Tos => Phrase::TheTos,
        Subject::Ttl => Phrase::TheTtl,
        Subject::Pkttype => Phrase::ThePkttype,
        Subject::SrcMac => Phrase::TheMac,
        Subject::Sender(Field::Gid) => Phrase::TheGid,
        Subject::Sender(_) => Phrase::TheUid,
        Subject::Entering(Field::TcpFlags) => Phrase::TheFlags,
        Subject::Entering(Field::IcmpType) => Phrase::TheIcmpType,
        Subject::Entering(Field::IcmpCode) => Phrase::TheIcmpCode,
        Subject::Entering(Field::Length) => Phrase::TheLength,
        Subject::Entering(_) => Phrase::TheTime,
    }
}
