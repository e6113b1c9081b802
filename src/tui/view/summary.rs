//! The packet's way in one line, which stays in sight whatever is scrolled: where it comes from, what turns it, who gets it.
//!
//! Rules that turn nothing are left out. Where the line is narrow, it says less of each stop ([`Detail`]); then the middle is
//! left out, as both ends and what decides say most.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use super::super::look::{self, Tone};
use super::super::state::State;
use super::super::text::{Columns, fit};
use super::{Piece, netfilter};
use crate::explain::clean;
use crate::explain::fields::prefixes;
use crate::host::Policy;
use crate::walk::{Condition, Field, Op, Outcome, Pass, Query, Step, Values, Verdict};

const BETWEEN: &str = " → ";
const LEFT_OUT: &str = "…";
/// Whose packets they are, where that takes too many words.
pub(super) const SOME: &str = "some";
/// Columns that are enough to say which sources are meant.
const FEW: usize = 30;

/// What is told only where there is room for it, the first longest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Detail {
    /// Where it comes from, where its destination is turned, where it ends.
    None,
    /// The devices and namespaces that it comes by after the first.
    Device,
    /// What its source becomes.
    Source,
    /// The chain in which something happens.
    Chain,
}

/// A place that the packet comes by.
#[derive(Debug, Clone)]
struct Stop {
    detail: Detail,
    piece: Piece,
    /// Whether what happens there decides who answers.
    decides: bool,
}

/// The way of the packet that is looked at, in at most `width` columns; empty while none is known.
pub(super) fn line(state: &State, width: usize) -> Vec<Piece> {
    let Some(outcome) = state.outcome() else { return Vec::new() };
    let stops = stops(state, outcome);
    let with = |most: Detail| -> Vec<Stop> { stops.iter().filter(|stop| stop.detail <= most).cloned().collect() };
    let fits = |stops: &Vec<Stop>| cost(stops) <= width + BETWEEN.width();
    let told = [Detail::Chain, Detail::Source, Detail::Device].into_iter().map(with).find(fits);
    let told = match told {
        Some(stops) => stops.into_iter().map(|stop| stop.piece).collect(),
        None => shortened(with(Detail::None), width),
    };
    let mut line: Vec<Piece> = Vec::new();
    for piece in told {
        if !line.is_empty() {
            line.push((Tone::Dim, BETWEEN.to_owned()));
        }
        line.push(piece);
    }
    line
}

/// Columns of stops, each with what stands between it and the next.
fn cost(stops: &[Stop]) -> usize {
    stops.iter().map(|stop| stop.piece.1.width() + BETWEEN.width()).sum()
}

/// Where the packet comes by, from where it comes from to where it ends.
fn stops(state: &State, outcome: &Outcome) -> Vec<Stop> {
    let mut stops = Vec::new();
    let mut stop = |detail, tone: Tone, text: &str, decides: bool| {
        stops.push(Stop { detail, piece: (tone, clean(text).into_owned()), decides });
    };
    for pass in &outcome.passes {
        let detail = if pass.number == 1 { Detail::None } else { Detail::Device };
        for text in entrance(state, outcome, pass) {
            stop(detail, Tone::Plain, &text, false);
        }
        for step in outcome.steps().filter(|step| step.pass == pass.number) {
            let Some(done) = turn(&step.verdict) else { continue };
            let ruleset = &state.host.namespaces[pass.namespace].ruleset;
            let chain = format!("{} {}", ruleset.table(step.base).name, ruleset.chain(step.base).name);
            stop(Detail::Chain, Tone::Plain, &chain, false);
            let of_source = matches!(step.verdict, Verdict::Snat(_) | Verdict::Masquerade(_));
            let detail = if of_source { Detail::Source } else { Detail::None };
            stop(detail, netfilter::verdict_tone(&step.verdict), &done, decides(state, pass, step));
        }
    }
    stop(Detail::None, look::fate(&outcome.fate), &netfilter::end_text(state, outcome), false);
    stops
}

/// Whether the finding names this step.
fn decides(state: &State, pass: &Pass, step: &Step) -> bool {
    let because = state.answer().map(|answer| &answer.because);
    because.is_some_and(|because| {
        because.namespace == pass.namespace && because.by.as_ref().is_some_and(|by| by.at == step.at)
    })
}

/// Whose packets an outcome tells of, where their source is open: `10.42.0.0/24`, `not 10.42.0.0/24`; in other words where that
/// takes many: `some`.
pub(super) fn whose(query: &Query, outcome: &Outcome) -> String {
    let of_source = |all: &Vec<Condition>| -> Vec<Condition> {
        all.iter().filter(|condition| condition.field == Field::Src).cloned().collect()
    };
    let asked: Vec<Vec<Condition>> = outcome.when.iter().map(of_source).collect();
    let told = match (query.fields.get(&Field::Src), asked.iter().all(Vec::is_empty)) {
        (None, true) => return "anyone".to_owned(),
        (Some(sources), true) => match prefixes(query.family, sources, 1).as_deref() {
            Some([only]) => Some(only.to_string()),
            Some(_) | None => None,
        },
        (None, false) => match &asked[0][..] {
            [only] if asked.iter().all(|other| *other == asked[0]) => condition(only),
            _ => None,
        },
        (Some(_), false) => None,
    };
    told.filter(|told| told.width() <= FEW).unwrap_or_else(|| SOME.to_owned())
}

/// A condition about the source in few words, if there are.
fn condition(condition: &Condition) -> Option<String> {
    let value = |value: &Values| match value {
        Values::Net(net) if net.network() == net.broadcast() => Some(net.network().to_string()),
        Values::Net(net) => Some(net.to_string()),
        Values::Addresses(first, last) => Some(format!("{first}-{last}")),
        Values::Range(..) | Values::Name(_) | Values::Set(..) => None,
    };
    let values = condition.values.iter().map(value).collect::<Option<Vec<_>>>()?.join(", ");
    Some(match condition.op {
        Op::In | Op::Is => values,
        Op::NotIn => format!("not {values}"),
    })
}

/// How a packet comes into a namespace: `10.0.0.2 → eth0`, `svclb:eth0`.
fn entrance(state: &State, outcome: &Outcome, pass: &Pass) -> Vec<String> {
    let first = pass.number == 1;
    let from = pass.enters.src.map(|src| src.to_string());
    let device = match &pass.iif {
        Some(iif) if pass.namespace == state.namespace => Some(iif.clone()),
        Some(iif) => Some(format!("{}:{iif}", state.host.namespaces[pass.namespace].name)),
        None => None,
    };
    let from = match (&device, from) {
        (_, from) if !first => from.filter(|_| device.is_none()),
        (Some(_), Some(from)) => Some(from),
        (Some(_), None) => state.answer().map(|answer| whose(&answer.walk.query, outcome)),
        (None, Some(from)) => Some(format!("this host {from}")),
        (None, None) => Some("somewhere".to_owned()),
    };
    from.into_iter().chain(device).collect()
}

/// What a rule or a policy does that turns the packet or ends its way.
pub(super) fn turn(verdict: &Verdict) -> Option<String> {
    let name = verdict.name().to_uppercase();
    Some(match verdict {
        Verdict::Dnat(to)
        | Verdict::Snat(to)
        | Verdict::Masquerade(to)
        | Verdict::Redirect(to)
        | Verdict::Netmap(to) => match (to.addr, to.port) {
            (Some(addr), Some(port)) => format!("{name} {}", SocketAddr::new(addr, port)),
            (Some(addr), None) => format!("{name} {addr}"),
            (None, Some(port)) => format!("{name} port {port}"),
            (None, None) => name,
        },
        Verdict::Tproxy | Verdict::Queue | Verdict::Stolen | Verdict::Drop | Verdict::Reject(_) => name,
        Verdict::Policy(Policy::Drop) => "policy DROP".to_owned(),
        Verdict::Policy(Policy::Accept)
        | Verdict::Accept
        | Verdict::Return
        | Verdict::Continue
        | Verdict::Jump(_)
        | Verdict::Goto(_)
        | Verdict::Notrack
        | Verdict::Unknown => return None,
    })
}

/// The same in too few columns for all stops, with another word for whose packets they are where those take too many.
fn shortened(mut stops: Vec<Stop>, width: usize) -> Vec<Piece> {
    let told = trimmed(&stops, width);
    match (told.first(), stops.first_mut()) {
        (Some((_, first)), Some(whose)) if first == LEFT_OUT && whose.piece.1.width() > SOME.width() => {
            whose.piece.1 = SOME.to_owned();
            trimmed(&stops, width)
        }
        _ => told,
    }
}

/// As many stops as there is room for: the last, the one that decides, and then from both ends; what is left out is marked.
fn trimmed(stops: &[Stop], width: usize) -> Vec<Piece> {
    let Some(end) = stops.len().checked_sub(1) else { return Vec::new() };
    let mut kept = BTreeSet::from([end]);
    if columns(stops, &kept) > width {
        // Not even where it ends has room.
        let (tone, text) = &stops[end].piece;
        return vec![(*tone, fit(text, width))];
    }
    let mut keep = |at: usize| {
        let added = kept.insert(at);
        let fits = columns(stops, &kept) <= width;
        if added && !fits {
            kept.remove(&at);
        }
        fits
    };
    if let Some(decides) = stops.iter().position(|stop| stop.decides) {
        keep(decides);
    }
    let (mut first, mut last) = (0, end);
    let mut stuck = 0;
    // Two of the first for one of the last: the device says little by itself.
    for from_the_end in [false, false, true].into_iter().cycle() {
        if stuck > 2 || first >= last {
            break;
        }
        match (keep(if from_the_end { last - 1 } else { first }), from_the_end) {
            (false, _) => stuck += 1,
            (true, true) => (last, stuck) = (last - 1, 0),
            (true, false) => (first, stuck) = (first + 1, 0),
        }
    }
    told(stops, &kept)
}

/// The stops that are kept, with a mark where others are left out.
fn told(stops: &[Stop], kept: &BTreeSet<usize>) -> Vec<Piece> {
    let mut told = Vec::new();
    let mut next = 0;
    for at in kept {
        if *at > next {
            told.push((Tone::Dim, LEFT_OUT.to_owned()));
        }
        told.push(stops[*at].piece.clone());
        next = at + 1;
    }
    told
}

/// How many columns that takes.
fn columns(stops: &[Stop], kept: &BTreeSet<usize>) -> usize {
    let told = told(stops, kept);
    told.iter().map(|(_, text)| text.width()).sum::<usize>() + BETWEEN.width() * told.len().saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explain::fixture::{outcome, packet};
    use crate::walk::FateKind;

    /// The line in so many columns, where one of the stops decides.
    fn told(decides: Option<usize>, width: usize) -> String {
        let stops = ["anyone", "eth0", "nat PREROUTING", "DNAT 10.42.0.2:80", "DNAT 10.42.0.59:8000", "nginx"];
        let stop = |(at, text): (usize, &str)| Stop {
            detail: Detail::None,
            piece: (Tone::Plain, text.to_owned()),
            decides: decides == Some(at),
        };
        let stops: Vec<Stop> = stops.into_iter().enumerate().map(stop).collect();
        let kept: Vec<String> = trimmed(&stops, width).into_iter().map(|(_, text)| text).collect();
        kept.join(BETWEEN)
    }

    #[test]
    fn the_middle_gives_way_and_the_ends_stay() {
        let whole = "anyone → eth0 → nat PREROUTING → DNAT 10.42.0.2:80 → DNAT 10.42.0.59:8000 → nginx";
        assert_eq!(told(None, 90), whole);
        assert_eq!(told(None, whole.width()), whole);
        assert_eq!(told(None, 57), "anyone → eth0 → … → DNAT 10.42.0.59:8000 → nginx");
        assert_eq!(told(None, 30), "anyone → eth0 → … → nginx");
        assert_eq!(told(None, 10), "… → nginx");
        assert_eq!(told(None, 4), "ngi…");
        for decides in [None, Some(0), Some(2), Some(3), Some(4)] {
            for width in 0..90 {
                assert!(told(decides, width).width() <= width, "{width}");
            }
        }
    }

    #[test]
    fn what_decides_stays_before_what_comes_later() {
        assert_eq!(told(Some(3), 57), "anyone → eth0 → … → DNAT 10.42.0.2:80 → … → nginx");
        assert_eq!(told(Some(3), 38), "… → DNAT 10.42.0.2:80 → … → nginx");
        assert_eq!(told(Some(3), 24), "anyone → … → nginx");
        assert_eq!(told(Some(4), 57), "anyone → eth0 → … → DNAT 10.42.0.59:8000 → nginx");
    }

    #[test]
    fn packets_are_anyones_where_nothing_is_asked_of_their_source_only() {
        let net = |text: &str| Values::Net(text.parse().expect("a prefix"));
        let source = |op, values: &[&str]| {
            let values = values.iter().copied().map(net).collect();
            Condition { field: Field::Src, op, values }
        };
        let mark = Condition { field: Field::Mark, op: Op::In, values: vec![Values::Range(1, 1)] };
        let of = |when: Vec<Vec<Condition>>| {
            let mut outcome = outcome(FateKind::Delivered, "192.168.66.100", 80, Vec::new());
            outcome.when = when;
            whose(&packet(80), &outcome)
        };
        assert_eq!(of(vec![]), "anyone");
        assert_eq!(of(vec![vec![mark.clone()]]), "anyone");
        assert_eq!(of(vec![vec![source(Op::In, &["10.42.0.0/24"])]]), "10.42.0.0/24");
        assert_eq!(of(vec![vec![source(Op::NotIn, &["10.42.0.0/24"]), mark.clone()]]), "not 10.42.0.0/24");
        assert_eq!(of(vec![vec![source(Op::In, &["10.42.0.7/32"])]]), "10.42.0.7");
        assert_eq!(of(vec![vec![source(Op::In, &["10.42.0.0/24"])], vec![mark]]), "some");
        let many = ["192.168.66.0/24", "192.168.67.0/24", "192.168.68.0/24"];
        assert_eq!(of(vec![vec![source(Op::In, &many)]]), "some");
    }
}
