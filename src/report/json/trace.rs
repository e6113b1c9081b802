//! `whyport.trace/1`.

use serde::Serialize;

use super::ports::AnswerJson;
use super::{SocketJson, UnreadJson, print};
use crate::explain::back::{Back, back, replies_to};
use crate::explain::fields::mac_text;
use crate::explain::{Answer, group, words};
use crate::host::{ChainId, Host, IpFamily, RuleId, Ruleset};
use crate::report::namespace_name;
use crate::syntax::{part_text, rule_text};
use crate::walk::{
    Assumption, Condition, Endpoints, Fate, Field, Op, Origin, Outcome, Pass, Query, Share, Step, StepAt, Translation,
    Turn, Values, Verdict, Walk,
};

#[derive(Debug, Serialize)]
struct TraceJson {
    schema: &'static str,
    packet: PacketJson,
    unread: Vec<UnreadJson>,
    outcomes: Vec<OutcomeJson>,
    unexplored: usize,
    /// What becomes of all packets, where not every way was followed and it could be found; else empty.
    shares: Vec<ShareJson>,
    /// Who gets it, in words, from each device that it may come in by; none where the answer is followed.
    answers: Vec<AnswerJson>,
}

/// Packets that end alike, whatever their way.
#[derive(Debug, Serialize)]
struct ShareJson {
    kind: &'static str,
    ns: String,
    dst: Option<String>,
    dport: Option<u16>,
    socket: Option<SocketJson>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    group: Vec<SocketJson>,
    reason: Option<&'static str>,
    likely: f64,
}

#[derive(Debug, Serialize)]
struct PacketJson {
    origin: String,
    iif: Option<String>,
    /// The VRF that its sender is bound to.
    #[serde(skip_serializing_if = "Option::is_none")]
    vrf: Option<String>,
    family: &'static str,
    proto: String,
    src: Option<String>,
    sport: Option<u16>,
    dst: Option<String>,
    dport: Option<u16>,
    mark: Option<u64>,
    ct: Option<&'static str>,
    with: std::collections::BTreeMap<&'static str, u64>,
}

#[derive(Debug, Serialize)]
struct OutcomeJson {
    /// How likely it is among all outcomes, from 0 to 1, unknown fields taken as evenly spread.
    likely: f64,
    when: Vec<Vec<ConditionJson>>,
    certain: bool,
    assumed: Vec<AssumptionJson>,
    passes: Vec<PassJson>,
    steps: Vec<StepJson>,
    fate: FateJson,
    replies: Vec<ReplyJson>,
}

/// What becomes of answers to an outcome's packets.
#[derive(Debug, Serialize)]
struct ReplyJson {
    when: Vec<Vec<ConditionJson>>,
    certain: bool,
    assumed: Vec<AssumptionJson>,
    /// Null: it goes to where it cannot be followed, or leaves by another device than the one where it was asked.
    arrives: Option<bool>,
    fate: FateJson,
}

#[derive(Debug, Clone, Serialize)]
struct ConditionJson {
    field: &'static str,
    op: &'static str,
    values: Vec<String>,
}

#[derive(Debug, Serialize)]
struct AssumptionJson {
    text: String,
    holds: bool,
    why: &'static str,
}

#[derive(Debug, Serialize)]
struct PassJson {
    pass: u32,
    ns: String,
    iif: Option<String>,
    oif: Option<String>,
    /// The router; null where there is none, or nobody can tell which.
    via: Option<String>,
    enters: EndpointsJson,
    leaves: Option<EndpointsJson>,
}

#[derive(Debug, Serialize)]
struct EndpointsJson {
    src: Option<String>,
    sport: Option<u16>,
    dst: Option<String>,
    dport: Option<u16>,
}

#[derive(Debug, Serialize)]
struct StepJson {
    pass: u32,
    ns: String,
    hook: &'static str,
    priority: i32,
    backend: &'static str,
    family: &'static str,
    table: String,
    chain: String,
    rule: Option<RuleJson>,
    verdict: VerdictJson,
    #[serde(skip_serializing_if = "is_false")]
    sometimes: bool,
}

#[derive(Debug, Serialize)]
struct RuleJson {
    number: u32,
    handle: Option<u64>,
    text: String,
}

#[derive(Debug, Serialize)]
struct VerdictJson {
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<&'static str>,
}

#[derive(Debug, Serialize)]
struct FateJson {
    kind: &'static str,
    ns: String,
    oif: Option<String>,
    src: Option<String>,
    sport: Option<u16>,
    dst: Option<String>,
    dport: Option<u16>,
    socket: Option<SocketJson>,
    /// Others that may get it as well: only chance, or what cannot be seen, decides among them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    group: Vec<SocketJson>,
    by: Option<StepJson>,
    reason: Option<&'static str>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

/// What happens to a packet, as JSON. `origin` is what was asked for (`outside`, `local`, a device). Several walks are
/// of one packet that may come in by several devices: their outcomes say by which.
pub fn trace(host: &Host, namespace: usize, origin: &str, answers: &[Answer]) -> String {
    let walks: Vec<&Walk> = answers.iter().map(|answer| &answer.walk).collect();
    let several = walks.len() > 1;
    let mut outcomes: Vec<(&Outcome, Option<&str>, Option<&Walk>)> = Vec::new();
    for answer in answers {
        let device = if several { device(&answer.walk.query) } else { None };
        let replies = answer.replies.as_ref();
        outcomes.extend(answer.walk.outcomes.iter().map(|outcome| (outcome, device, replies)));
    }
    if several {
        let rank = |outcome: &Outcome| outcome.fate.kind == crate::walk::FateKind::Martian;
        outcomes.sort_by(|(a, ..), (b, ..)| rank(a).cmp(&rank(b)).then(b.weight.total_cmp(&a.weight)));
    }
    let context = Context { host, namespace };
    let mut unread = Vec::new();
    for entry in walks.iter().flat_map(|walk| &walk.unread) {
        if !unread.contains(entry) {
            unread.push(entry.clone());
        }
    }
    print(&TraceJson {
        schema: "whyport.trace/1",
        packet: packet(origin, &walks),
        unread: unread
            .iter()
            .map(|(at, unread)| UnreadJson::of(namespace_name(host, namespace, *at), unread))
            .collect(),
        outcomes: outcomes
            .into_iter()
            .map(|(outcome, device, replies)| OutcomeJson {
                likely: outcome.weight / walks.len() as f64,
                ..context.outcome(outcome, device, replies)
            })
            .collect(),
        unexplored: walks.iter().map(|walk| walk.unexplored).sum(),
        shares: walks
            .iter()
            .flat_map(|walk| &walk.shares)
            .map(|share| context.share(share, walks.len() as f64))
            .collect(),
        answers: answers
            .iter()
            .filter(|one| one.walk.query.turn != Turn::Reply)
            .map(|one| told(host, namespace, one))
            .collect(),
    })
}

/// Who gets it, with the conditions.
fn told(host: &Host, namespace: usize, answer: &Answer) -> AnswerJson {
    AnswerJson { who: words::answerer(host, namespace, answer, part_text), ..AnswerJson::of(host, namespace, answer) }
}

fn device(query: &Query) -> Option<&str> {
    match &query.origin {
        Origin::Device(name) => Some(name),
        Origin::Somewhere | Origin::Local => None,
    }
}

/// The packet that was asked for: what the walks have in common.
fn packet(origin: &str, walks: &[&Walk]) -> PacketJson {
    let queries: Vec<_> = walks.iter().map(|walk| &walk.query).collect();
    let first = queries.first().copied();
    let common = |field: Field| {
        let values = first?.fields.get(&field)?;
        queries.iter().all(|query| query.fields.get(&field) == Some(values)).then(|| values.clone())
    };
    let number = |field: Field| common(field).and_then(|set| set.only());
    let family = first.map_or(IpFamily::V4, |query| query.family);
    let text = |field: Field| {
        let set = common(field)?;
        let nets = crate::explain::fields::prefixes(family, &set, 1)?;
        nets.first().map(|net| prefix_text(*net))
    };
    // What has a key of its own; and the time, which is that of the asking.
    const OWN: [Field; 8] =
        [Field::Iif, Field::Src, Field::Dst, Field::Sport, Field::Dport, Field::Mark, Field::CtState, Field::Time];
    let with = Field::ALL.into_iter().filter(|field| !OWN.contains(field));
    PacketJson {
        origin: origin.to_owned(),
        iif: if queries.len() == 1 { first.and_then(device).map(str::to_owned) } else { None },
        vrf: first.and_then(|query| query.vrf.clone()),
        family: match family {
            IpFamily::V4 => "ip",
            IpFamily::V6 => "ip6",
        },
        proto: first.map(|query| query.protocol.to_string()).unwrap_or_default(),
        src: text(Field::Src),
        sport: number(Field::Sport).map(|port| port as u16),
        dst: text(Field::Dst),
        dport: number(Field::Dport).map(|port| port as u16),
        mark: number(Field::Mark).map(|mark| mark as u64),
        ct: number(Field::CtState).and_then(crate::explain::fields::ct_state_name),
        with: with.filter_map(|field| Some((field.name(), number(field)? as u64))).collect(),
    }
}

/// A prefix as text; one of full length is an address.
fn prefix_text(net: ipnet::IpNet) -> String {
    if net.prefix_len() == net.max_prefix_len() { net.addr().to_string() } else { net.to_string() }
}

fn condition(condition: &Condition) -> ConditionJson {
    ConditionJson {
        field: condition.field.name(),
        op: match condition.op {
            Op::In => "in",
            Op::NotIn => "not-in",
            Op::Is => "is",
        },
        values: condition.values.iter().flat_map(|values| value_texts(condition.field, values)).collect(),
    }
}

fn value_texts(field: Field, values: &Values) -> Vec<String> {
    let number = |number: u64| if field == Field::SrcMac { mac_text(number) } else { number.to_string() };
    match values {
        Values::Net(net) => vec![prefix_text(*net)],
        Values::Addresses(first, last) => {
            crate::explain::fields::span(*first, *last).into_iter().map(prefix_text).collect()
        }
        Values::Range(first, last) if first == last => vec![number(*first)],
        Values::Range(first, last) => vec![format!("{}-{}", number(*first), number(*last))],
        Values::Name(name) | Values::Set(name, _) => vec![name.clone()],
    }
}

/// Where names are looked up.
struct Context<'a> {
    host: &'a Host,
    namespace: usize,
}

impl Context<'_> {
    fn outcome(&self, outcome: &Outcome, device: Option<&str>, replies: Option<&Walk>) -> OutcomeJson {
        let mut when: Vec<Vec<_>> = outcome.when.iter().map(|all| all.iter().map(condition).collect()).collect();
        if let Some(device) = device {
            let iif = ConditionJson { field: Field::Iif.name(), op: "is", values: vec![device.to_owned()] };
            if when.is_empty() {
                when.push(Vec::new());
            }
            for alternative in &mut when {
                alternative.insert(0, iif.clone());
            }
        }
        OutcomeJson {
            likely: outcome.weight,
            when,
            certain: outcome.is_certain(),
            assumed: outcome.assumed.iter().map(|assumption| self.assumption(assumption)).collect(),
            passes: outcome.passes.iter().map(|pass| self.pass(outcome, pass)).collect(),
            steps: outcome.steps().map(|step| self.step(self.at(outcome, step.pass), step)).collect(),
            fate: self.fate(&outcome.fate),
            replies: replies.map_or_else(Vec::new, |replies| {
                replies_to(outcome, replies).map(|reply| self.reply(&replies.query, reply)).collect()
            }),
        }
    }

    /// A share of the packets of one of so many walks.
    fn share(&self, share: &Share, walks: f64) -> ShareJson {
        let EndpointsJson { dst, dport, .. } = endpoints(&share.to);
        ShareJson {
            kind: share.kind.name(),
            ns: namespace_name(self.host, self.namespace, share.namespace).to_owned(),
            dst,
            dport,
            socket: share.socket.and_then(|socket| self.socket(share.namespace, socket)),
            group: self.group(share.namespace, share.socket, &share.to),
            reason: share.reason.map(crate::walk::Reason::name),
            likely: share.weight / walks,
        }
    }

    fn reply(&self, query: &Query, reply: &Outcome) -> ReplyJson {
        ReplyJson {
            when: reply.when.iter().map(|all| all.iter().map(condition).collect()).collect(),
            certain: reply.is_certain(),
            assumed: reply.assumed.iter().map(|assumption| self.assumption(assumption)).collect(),
            arrives: match back(self.host, query, reply) {
                Back::Arrives => Some(true),
                Back::Lost => Some(false),
                Back::Elsewhere | Back::Unknown => None,
            },
            fate: self.fate(&reply.fate),
        }
    }

    /// The namespace of a pass.
    fn at(&self, outcome: &Outcome, pass: u32) -> usize {
        outcome.pass(pass).map_or(self.namespace, |pass| pass.namespace)
    }

    fn ruleset(&self, namespace: usize) -> &Ruleset {
        &self.host.namespaces[namespace].ruleset
    }

    fn assumption(&self, assumption: &Assumption) -> AssumptionJson {
        let text = |rule: RuleId, index: Option<u16>| part_text(self.ruleset(assumption.namespace), rule, index);
        AssumptionJson {
            text: words::assumption(self.host, assumption, &text),
            holds: assumption.holds,
            why: assumption.why.name(),
        }
    }

    fn pass(&self, outcome: &Outcome, pass: &Pass) -> PassJson {
        let via = match outcome.routers(pass.number) {
            [router] if pass.leaves.is_some() => Some(router.to_string()),
            _ => None,
        };
        PassJson {
            via,
            pass: pass.number,
            ns: namespace_name(self.host, self.namespace, pass.namespace).to_owned(),
            iif: pass.iif.clone(),
            oif: pass.oif.clone(),
            enters: endpoints(&pass.enters),
            leaves: pass.leaves.as_ref().map(endpoints),
        }
    }

    fn step(&self, namespace: usize, step: &Step) -> StepJson {
        let ruleset = self.ruleset(namespace);
        let chain = step.at.chain();
        let table = ruleset.table(chain);
        let rule = match step.at {
            StepAt::End(_) => None,
            StepAt::Rule(rule) => Some(RuleJson {
                number: rule.number(),
                handle: ruleset.rule(rule).handle.map(|handle| handle.0),
                text: rule_text(ruleset, rule),
            }),
        };
        StepJson {
            pass: step.pass,
            ns: namespace_name(self.host, self.namespace, namespace).to_owned(),
            hook: step.hook.name(),
            priority: step.priority.0,
            backend: table.backend.name(),
            family: table.family.name(),
            table: table.name.to_string(),
            chain: ruleset.chain(chain).name.to_string(),
            rule,
            verdict: verdict(ruleset, &step.verdict),
            sometimes: step.sometimes,
        }
    }

    fn socket(&self, namespace: usize, socket: usize) -> Option<SocketJson> {
        SocketJson::at(self.host, self.namespace, namespace, socket)
    }

    /// The others of the group that a socket is of.
    fn group(&self, namespace: usize, socket: Option<usize>, to: &Endpoints) -> Vec<SocketJson> {
        let group = group(&self.host.namespaces[namespace], socket, to);
        group.into_iter().filter_map(|index| self.socket(namespace, index)).collect()
    }

    fn fate(&self, fate: &Fate) -> FateJson {
        let EndpointsJson { src, sport, dst, dport } = endpoints(&fate.endpoints);
        FateJson {
            kind: fate.kind.name(),
            ns: namespace_name(self.host, self.namespace, fate.namespace).to_owned(),
            oif: fate.oif.clone(),
            src,
            sport,
            dst,
            dport,
            socket: fate.socket.and_then(|socket| self.socket(fate.namespace, socket)),
            group: self.group(fate.namespace, fate.socket, &fate.endpoints),
            by: fate.by.as_ref().map(|step| self.step(fate.namespace, step)),
            reason: fate.reason.map(crate::walk::Reason::name),
        }
    }
}

fn verdict(ruleset: &Ruleset, verdict: &Verdict) -> VerdictJson {
    let name = |chain: &ChainId| ruleset.chain(*chain).name.to_string();
    let (to, policy) = match verdict {
        Verdict::Jump(chain) | Verdict::Goto(chain) => (Some(name(chain)), None),
        Verdict::Policy(policy) => (None, Some(policy.name())),
        Verdict::Dnat(to)
        | Verdict::Snat(to)
        | Verdict::Masquerade(to)
        | Verdict::Redirect(to)
        | Verdict::Netmap(to) => (translation(to), None),
        Verdict::Accept
        | Verdict::Drop
        | Verdict::Reject(_)
        | Verdict::Return
        | Verdict::Continue
        | Verdict::Queue
        | Verdict::Stolen
        | Verdict::Tproxy
        | Verdict::Notrack
        | Verdict::Unknown => (None, None),
    };
    VerdictJson { kind: verdict.name(), to, policy }
}

/// The new address and port as text; `None` where neither is decided.
fn translation(to: &Translation) -> Option<String> {
    match (to.addr, to.port) {
        (Some(addr), Some(port)) => Some(std::net::SocketAddr::new(addr, port).to_string()),
        (Some(addr), None) => Some(addr.to_string()),
        (None, Some(port)) => Some(format!(":{port}")),
        (None, None) => None,
    }
}

fn endpoints(endpoints: &Endpoints) -> EndpointsJson {
    EndpointsJson {
        src: endpoints.src.map(|addr| addr.to_string()),
        sport: endpoints.sport,
        dst: endpoints.dst.map(|addr| addr.to_string()),
        dport: endpoints.dport,
    }
}
