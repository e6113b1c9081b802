//! The sentences that say who answers a port, and why.

use super::phrase::{Phrase, list, say, sentence, sentence_of_name};
use super::{Texts, back, cases, devices, heard, kernel, onward, out, port_text, rules, socket_holder, vrf, with_home};
use crate::explain::finding::{Answer, AnswerVerdict, Cause, Finding, Who};
use crate::explain::judge::{self, Judged};
use crate::explain::listed::{self, Told};
use crate::explain::{plausible, sockets};
use std::collections::HashSet;

use crate::host::{ChainId, Hook, Host, Namespace, Protocol, Socket, What};
use crate::walk::{Assumed, FateKind, Field, Outcome, Step, StepAt, Verdict, Walk, Why};

/// One or two sentences, plain.
pub(super) fn because(host: &Host, namespace: usize, answer: &Answer, texts: Texts) -> String {
    if let Some(told) = &answer.told {
        return told.because.clone();
    }
    let teller = Teller::of(host, namespace, answer, texts);
    let text = decides(&teller, answer);
    let all = [Some(text), cases::exceptions(&teller), back::lost(&teller), devices::dead(&teller), teller.otherwise()];
    all.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// Who answers, in a few words: where it depends, on what.
pub(super) fn who(host: &Host, namespace: usize, answer: &Answer, texts: Texts) -> String {
    if let Some(told) = &answer.told {
        return told.who.clone();
    }
    if !is_open(answer) {
        let who = super::who(host, namespace, &answer.who);
        let is_elsewhere = matches!(answer.who, Who::Address { .. } | Who::OneOf(_));
        let is_unheard = is_elsewhere && Teller::of(host, namespace, answer, texts).is_unheard();
        return if is_unheard { say(Phrase::NobodyAfter, &[("what", &who)]) } else { who };
    }
    let teller = Teller::of(host, namespace, answer, texts);
    match teller.is_let_through() {
        true => say(Phrase::LetThroughUnread, &[]),
        false => {
            let told = cases::briefly(&teller).or_else(|| cases::named(&teller));
            told.unwrap_or_else(|| say(Phrase::Unknown, &[]))
        }
    }
}

/// The same in fewer words: where it depends, who may get it, and nothing of what it depends on.
pub(super) fn among(host: &Host, namespace: usize, answer: &Answer, texts: Texts) -> String {
    let told = is_open(answer).then(|| cases::named(&Teller::of(host, namespace, answer, texts)));
    told.flatten().unwrap_or_else(|| super::who(host, namespace, &answer.who))
}

/// Whether outcomes tell who answers, each something else.
fn is_open(answer: &Answer) -> bool {
    answer.who == Who::Unknown && matches!(answer.because.cause, Cause::OutcomesDiffer | Cause::Undecided)
}

fn decides(teller: &Teller<'_>, answer: &Answer) -> String {
    let finding = &answer.because;
    let unread = judge::rests_on_unread_rules(&answer.from, teller.ns, &answer.walk);
    let text = match finding.cause {
        Cause::SocketListens => return teller.gets(unread),
        Cause::KernelAnswers if unread => return sentence(&say(Phrase::KernelAnswersUnread, &[])),
        Cause::KernelAnswers => return sentence(&say(Phrase::KernelAnswers, &[])),
        Cause::EchoIgnored => teller.ignored(),
        Cause::AnotherSocket => teller.another_socket(),
        Cause::NobodyListens => teller.nobody(),
        Cause::Translated => teller.translated(),
        Cause::Redirected => teller.redirected(),
        Cause::DroppedByRule
        | Cause::RejectedByRule
        | Cause::DroppedByRules
        | Cause::RejectedByRules
        | Cause::RefusedByRules
        | Cause::DroppedByPolicy
        | Cause::Kernel(_) => cases::of_nobody(teller).unwrap_or_else(|| teller.blocked()),
        Cause::NotHere => sentence(&out::not_here(teller)),
        Cause::SentAside => sentence(&say(Phrase::SentAside, &[("what", &teller.decision(finding, None))])),
        Cause::Queued => sentence(&say(Phrase::Queued, &[("what", &teller.decision(finding, None))])),
        Cause::OutcomesDiffer => cases::sentence(teller),
        Cause::Undecided => teller.undecided(),
    };
    if unread { format!("{text} {}", sentence(&say(Phrase::UnreadMay, &[]))) } else { text }
}

/// What a sentence is told from.
pub(super) struct Teller<'a> {
    pub(super) host: &'a Host,
    pub(super) namespace: usize,
    pub(super) ns: &'a Namespace,
    pub(super) answer: &'a Answer,
    /// What parts of rules say.
    pub(super) texts: Texts,
    /// The outcomes that the answer is about, with what each says.
    pub(super) judged: Vec<Told<'a>>,
    /// Those of hardly any packets, which rules refuse.
    pub(super) exceptions: Vec<Told<'a>>,
    /// The outcomes that count, of either kind, by where they stand in memory.
    counted: HashSet<*const Outcome>,
}

impl<'a> Teller<'a> {
    pub(super) fn of(host: &'a Host, namespace: usize, answer: &'a Answer, texts: Texts) -> Teller<'a> {
        let ns = &host.namespaces[namespace];
        let all: Vec<(&Outcome, Judged)> = judge::counted(host, answer).collect();
        let counted = all.iter().map(|(one, _)| std::ptr::from_ref(*one)).collect();
        let excepted = listed::exceptions(host, &answer.from, &answer.walk, &all);
        let (exceptions, judged): (Vec<_>, Vec<_>) = all.into_iter().zip(excepted).partition(|(_, excepted)| *excepted);
        let told =
            |some: Vec<((&'a Outcome, Judged), bool)>| listed::joined(some.into_iter().map(|(one, _)| one).collect());
        Teller { host, namespace, ns, answer, texts, judged: told(judged), exceptions: told(exceptions), counted }
    }

    /// That packets with sources that do not belong there come through, should there be any, where others do not, or not for
    /// sure: the first such outcome. That they are refused, too, is no news.
    fn otherwise(&self) -> Option<String> {
        let all = &self.answer.walk.outcomes;
        let counts = |one: &Outcome| self.counted.contains(&std::ptr::from_ref(one));
        let is_other = |one: &Outcome| {
            let judged = judge::of_answer(self.host, self.answer, one);
            let same = |(outcome, known): &Told<'_>| {
                known.verdict == judged.verdict
                    && judge::same_who(self.host, &known.who, &judged.who)
                    && outcome.assumed == one.assumed
            };
            !matches!(judged.verdict, AnswerVerdict::Blocked | AnswerVerdict::Unanswered)
                && !self.judged.iter().any(same)
        };
        let found = |one: &Outcome| !counts(one) && !plausible::is_refused_source(one) && is_other(one);
        let number = all.iter().position(found)? + 1;
        let (number, all) = (number.to_string(), all.len().to_string());
        Some(say(Phrase::OtherSources, &[("number", &number), ("all", &all)]))
    }

    /// What would be said of some outcomes, of which one says this, were they all that count.
    pub(super) fn alone(&self, judged: &Judged, outcomes: Vec<Told<'_>>) -> String {
        let query = self.answer.walk.query.clone();
        let answer = Answer {
            from: self.answer.from.clone(),
            family: self.answer.family,
            verdict: judged.verdict,
            who: judged.who.clone(),
            because: judged.because.clone(),
            walk: Walk { query, unread: vec![], outcomes: vec![], unexplored: 0, shares: vec![], needs: vec![] },
            replies: None,
            told: None,
        };
        let (host, namespace, ns, texts) = (self.host, self.namespace, self.ns, self.texts);
        let alone = Teller {
            host,
            namespace,
            ns,
            answer: &answer,
            texts,
            judged: outcomes,
            exceptions: Vec::new(),
            counted: HashSet::new(),
        };
        decides(&alone, &answer)
    }

    /// All outcomes that count.
    pub(super) fn told(&self) -> impl Iterator<Item = &Told<'a>> {
        self.judged.iter().chain(&self.exceptions)
    }

    pub(super) fn protocol(&self) -> Protocol {
        self.answer.walk.query.protocol
    }

    /// `tcp 80`.
    pub(super) fn port(&self) -> String {
        port_text(self.protocol(), self.answer.walk.query.known(Field::Dport))
    }

    pub(super) fn who(&self, who: &Who) -> String {
        super::who(self.host, self.namespace, who)
    }

    /// The outcome that the answer speaks of.
    pub(super) fn outcome(&self) -> Option<&Outcome> {
        self.judged.first().map(|(outcome, _)| &**outcome)
    }

    /// The socket that listens on the port here, by its process.
    fn holder(&self) -> Option<String> {
        self.answer.because.holder.and_then(|index| self.ns.sockets.get(index)).map(socket_holder)
    }

    /// `nginx (1103) never gets this packet. `, where somebody listens here.
    fn never_gets(&self) -> Option<String> {
        let holder = self.answer.because.holder.and_then(|index| self.ns.sockets.get(index))?;
        Some(about(holder, &say(Phrase::NeverGets, &[("who", &socket_holder(holder))])))
    }

    pub(super) fn decision(&self, finding: &Finding, to: Option<&str>) -> String {
        let ns = &self.host.namespaces[finding.namespace];
        self.there(finding.namespace, rules::decision(ns, finding, self.protocol(), to))
    }

    /// A clause, with the namespace in which that happens, unless it is the one that is looked at.
    fn there(&self, namespace: usize, what: String) -> String {
        if namespace == self.namespace {
            return what;
        }
        let name = &self.host.namespaces[namespace].name;
        say(Phrase::There, &[("namespace", name), ("what", &what)])
    }

    /// The new destination of the step that decides, with the namespace that has it.
    fn new_destination(&self, finding: &Finding, outcome: Option<&Outcome>) -> Option<String> {
        let to = finding.by.as_ref()?.verdict.translation()?;
        let text = rules::translation(to);
        let oif = outcome.and_then(|outcome| outcome.fate.oif.as_deref());
        Some(with_home(self.host, self.namespace, oif, to.addr, text))
    }

    /// The socket that answers.
    fn answering(&self) -> Option<&'a Socket> {
        match &self.answer.who {
            Who::Socket { socket, namespace, .. } => self.host.namespaces[*namespace].sockets.get(*socket),
            Who::Address { .. } | Who::OneOf(_) | Who::Kernel | Who::Nobody | Who::Unknown => None,
        }
    }

    /// The socket that answers, where no other may answer as well: a sentence begins with its holder.
    fn named(&self) -> Option<&'a Socket> {
        let is_one = |who: &Who| matches!(who, Who::Socket { group, .. } if group.is_empty());
        self.answering().filter(|_| is_one(&self.answer.who))
    }

    /// The last rule of the input hook that lets the packet through, where it is not a policy that does.
    fn accepts(&self) -> Option<StepAt> {
        let input = |step: &&Step| step.hook == Hook::Input && matches!(step.verdict, Verdict::Accept);
        self.outcome()?.steps().filter(input).last().map(|step| step.at)
    }

    fn gets(&self, unread: bool) -> String {
        let who = self.who(&self.answer.who);
        let text = match self.accepts() {
            _ if unread => say(Phrase::GetsUnread, &[("who", &who)]),
            Some(at) => say(Phrase::GetsAccepted, &[("who", &who), ("rule", &rules::place(self.ns, at))]),
            None => say(Phrase::Gets, &[("who", &who)]),
        };
        let text = self.named().map_or_else(|| sentence(&text), |socket| about(socket, &text));
        match heard::here_only(self) {
            Some(only) => format!("{text} {only}"),
            None => text,
        }
    }

    fn another_socket(&self) -> String {
        let socket = self.answering();
        let bound = socket.and_then(|socket| rules::endpoint(Some(socket.addr), Some(socket.port))).unwrap_or_default();
        let fills = [
            ("who", self.who(&self.answer.who)),
            ("holder", self.holder().unwrap_or_else(|| say(Phrase::Nobody, &[]))),
            ("socket", bound),
        ];
        let text = say(Phrase::FitsBetter, &fills.each_ref().map(|(name, fill)| (*name, fill.as_str())));
        self.named().map_or_else(|| sentence(&text), |socket| about(socket, &text))
    }

    fn nobody(&self) -> String {
        let finding = &self.answer.because;
        if finding.by.is_some() {
            let to = self.new_destination(finding, self.outcome());
            let what = self.decision(finding, to.as_deref());
            let text = join(self.never_gets(), sentence(&say(Phrase::NobodyAfter, &[("what", &what)])));
            return match heard::elsewhere(self) {
                Some(what) => format!("{text} {}", sentence_of_name(&what)),
                None => text,
            };
        }
        if let Some(unheard) = self.outcome().and_then(|outcome| vrf::unheard(self, outcome)) {
            return unheard;
        }
        let is_tcp = self.protocol() == Protocol::TCP;
        let to_many = |outcome: &Outcome| {
            let ns = &self.host.namespaces[outcome.fate.namespace];
            outcome.fate.endpoints.dst.is_some_and(|dst| sockets::is_to_many(ns, dst))
        };
        if self.outcome().is_some_and(to_many) {
            return sentence(&say(Phrase::NobodyOfMany, &[("port", &self.port())]));
        }
        match heard::elsewhere(self) {
            Some(what) => {
                sentence(&say(if is_tcp { Phrase::ElsewhereTcp } else { Phrase::ElsewhereOther }, &[("what", &what)]))
            }
            None => {
                let phrase = if is_tcp { Phrase::NobodyTcp } else { Phrase::NobodyOther };
                sentence(&say(phrase, &[("port", &self.port())]))
            }
        }
    }

    fn ignored(&self) -> String {
        let outcome = self.outcome();
        let sysctl = outcome.and_then(|outcome| {
            let ns = &self.host.namespaces[outcome.fate.namespace];
            sockets::echo_ignored(ns, self.answer.walk.query.family, outcome.fate.endpoints.dst)
        });
        sentence(&say(Phrase::EchoIgnored, &[("sysctl", sysctl.unwrap_or_default())]))
    }

    fn translated(&self) -> String {
        let finding = &self.answer.because;
        let what = match &self.answer.who {
            Who::OneOf(_) => self.choice(),
            _ if self.turns().len() > 1 => self.choice(),
            _ => self.decision(finding, self.new_destination(finding, self.outcome()).as_deref()),
        };
        let before = self.never_gets().or_else(|| {
            let known = self.ns.is_read(What::Sockets) && self.answer.walk.query.known(Field::Dport).is_some();
            known.then(|| sentence(&say(Phrase::NoSocketOn, &[("port", &self.port())])))
        });
        let what = match self.answer.because.holder {
            Some(_) => say(Phrase::BeforeSocket, &[("what", &what)]),
            None => what,
        };
        let text = join(before, sentence(&what));
        match onward::then(self) {
            Some(then) => format!("{text} {then}"),
            None => text,
        }
    }

    /// The destinations that rules give in the outcomes, each once.
    fn turns(&self) -> Vec<String> {
        let mut turns = Vec::new();
        for (_, judged) in &self.judged {
            let to = judged.because.by.as_ref().and_then(|by| by.verdict.translation());
            if let Some(text) = to.map(rules::translation).filter(|text| !turns.contains(text)) {
                turns.push(text);
            }
        }
        turns
    }

    /// How packets come to one of several addresses: the chain in which their ways part.
    fn choice(&self) -> String {
        // Where two ways go on from one rule to different chains, they part there.
        let goes_to = |step: &Step| match step.verdict {
            Verdict::Jump(chain) | Verdict::Goto(chain) => (step.at, Some(chain)),
            _ => (step.at, None),
        };
        let ways: Vec<Vec<(StepAt, Option<ChainId>)>> = self
            .judged
            .iter()
            .filter_map(|(_, judged)| {
                let by = judged.because.by.as_ref()?;
                Some(judged.because.leads.iter().chain([by]).map(goes_to).collect())
            })
            .collect();
        let who = match &self.answer.who {
            Who::OneOf(endpoints) => {
                let texts: Vec<String> = endpoints.iter().filter_map(|to| rules::endpoint(to.dst, to.dport)).collect();
                list(Phrase::Or, &texts, super::FEW)
            }
            _ => list(Phrase::Or, &self.turns(), super::FEW),
        };
        let random = self.judged.iter().all(|(outcome, _)| {
            let of_chance = |why| matches!(why, Why::Random);
            outcome
                .assumed
                .iter()
                .any(|one| matches!(one.what, Assumed::Match { .. } | Assumed::Draws { .. }) && of_chance(one.why))
        });
        let who = if random { say(Phrase::WhyRandom, &[("what", &who)]) } else { who };
        let first = ways.first().map_or(&[][..], Vec::as_slice);
        let shared = (0..first.len()).take_while(|i| ways.iter().all(|way| way.get(*i) == first.get(*i))).count();
        let parting = first.get(shared).or_else(|| first.last()).map(|(at, _)| at.chain());
        let ns = &self.host.namespaces[self.answer.because.namespace];
        let chain = parting.map_or_else(String::new, |chain| rules::chain(ns, chain));
        let led: Vec<StepAt> = first[..shared].iter().map(|(at, _)| *at).collect();
        match led.first() {
            Some(StepAt::Rule(rule)) => {
                let what = rules::asked(ns, &led, self.protocol());
                let place = rules::rule_place(ns, *rule);
                let jumped =
                    parting.map_or_else(String::new, |to| rules::led_to(ns, led.iter().map(|at| at.chain()), to));
                let fills = [("rule", place.as_str()), ("what", &what), ("chain", &jumped), ("to", &who)];
                say(Phrase::SendsPick, &fills)
            }
            _ => say(Phrase::Picks, &[("chain", &chain), ("to", &who)]),
        }
    }

    fn redirected(&self) -> String {
        let finding = &self.answer.because;
        let translates = finding.by.as_ref().is_some_and(|by| by.verdict.translation().is_some());
        let to = if translates {
            let endpoints = self.outcome().map(|outcome| outcome.fate.endpoints);
            endpoints.and_then(|endpoints| rules::endpoint(endpoints.dst, endpoints.dport))
        } else {
            self.answering().and_then(|socket| rules::endpoint(Some(socket.addr), Some(socket.port)))
        };
        let to = to.map(|to| say(Phrase::PortOfThisHost, &[("to", &to)]));
        let what = self.decision(finding, to.as_deref());
        let what = say(Phrase::Redirected, &[("what", &what), ("who", &self.who(&self.answer.who))]);
        join(self.never_gets(), sentence(&what))
    }

    fn blocked(&self) -> String {
        let clause = self.blocking(&self.answer.because, self.outcome());
        let translation = self.outcome().and_then(|outcome| Some((outcome, judge::translation(outcome)?)));
        let clause = match translation {
            Some((outcome, by)) => {
                let leads = judge::leads(outcome, &by);
                let at = outcome.pass(by.pass);
                let namespace = at.map_or(self.namespace, |pass| pass.namespace);
                let turned = Finding { cause: Cause::Translated, namespace, by: Some(by), leads, holder: None };
                let to = self.new_destination(&turned, Some(outcome));
                say(Phrase::AndThen, &[("first", &self.decision(&turned, to.as_deref())), ("second", &clause)])
            }
            None => clause,
        };
        join(self.never_gets(), sentence(&clause))
    }

    /// What blocks, as a clause.
    pub(super) fn blocking(&self, finding: &Finding, outcome: Option<&Outcome>) -> String {
        match (finding.cause, &finding.by) {
            (Cause::Kernel(reason), _) => {
                let namespace = outcome.map_or(self.namespace, |outcome| outcome.fate.namespace);
                let ns = &self.host.namespaces[namespace];
                self.there(namespace, kernel::reason(ns, self.answer.family, outcome, reason))
            }
            (Cause::DroppedByRules, Some(by)) => self.refusing(Phrase::RulesDrop, finding, by),
            (Cause::RejectedByRules, Some(by)) => self.refusing(Phrase::RulesReject, finding, by),
            (Cause::RefusedByRules, Some(by)) => self.refusing(Phrase::RulesRefuse, finding, by),
            (Cause::DroppedByPolicy, Some(by)) => {
                let ns = &self.host.namespaces[finding.namespace];
                let chain = rules::chain(ns, by.at.chain());
                self.there(finding.namespace, say(Phrase::DroppedByPolicy, &[("chain", &chain)]))
            }
            _ => self.decision(finding, None),
        }
    }

    /// That several rules of the chain of one of them refuse it.
    fn refusing(&self, phrase: Phrase, finding: &Finding, by: &Step) -> String {
        let ns = &self.host.namespaces[finding.namespace];
        self.there(finding.namespace, say(phrase, &[("chain", &rules::chain(ns, by.at.chain()))]))
    }

    /// Whether all packets get to where no socket listens.
    fn is_unheard(&self) -> bool {
        let is_unheard = |outcome: &Outcome| {
            let fate = &outcome.fate;
            let there = &self.host.namespaces[fate.namespace];
            fate.kind == FateKind::Delivered && fate.socket.is_none() && there.is_read(What::Sockets)
        };
        self.answer.walk.unexplored == 0
            && !self.judged.is_empty()
            && self.judged.iter().all(|(outcome, _)| is_unheard(outcome))
    }

    /// Whether all packets arrive, and nobody has read who listens.
    fn is_let_through(&self) -> bool {
        !self.judged.is_empty() && self.judged.iter().all(|(outcome, judged)| cases::is_let_through(outcome, judged))
    }

    fn undecided(&self) -> String {
        let finding = &self.answer.because;
        if finding.by.is_some() {
            return sentence(&self.decision(finding, None));
        }
        let arrives = self.outcome().is_some_and(|outcome| outcome.fate.kind == FateKind::Delivered);
        sentence(&match (arrives, self.accepts()) {
            (true, Some(at)) => {
                let rule = rules::place(self.ns, at);
                say(Phrase::AcceptedUnread, &[("rule", &rule), ("port", &self.port())])
            }
            (true, None) => say(Phrase::ArrivesUnread, &[("port", &self.port())]),
            (false, _) => say(Phrase::NoWalk, &[]),
        })
    }
}

/// A sentence that begins with the socket's holder: the name of a process is written as it is.
fn about(socket: &Socket, text: &str) -> String {
    if socket.processes.is_empty() { sentence(text) } else { sentence_of_name(text) }
}

fn join(first: Option<String>, second: String) -> String {
    match first {
        Some(first) => format!("{first} {second}"),
        None => second,
    }
}
