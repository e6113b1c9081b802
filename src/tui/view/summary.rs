//! The packet's way in one line, which stays in sight whatever is scrolled: where it comes from, what turns it, who gets it.
//!
//! Rules that turn nothing are left out. Where the line is narrow, it says less of each stop ([`Detail`]); then the middle is
//! left out, as both ends say most.

use std::net::SocketAddr;

use super::super::look::{self, Tone};
use super::super::state::State;
use super::super::text::{Columns, fit};
use super::{Piece, netfilter};
use crate::explain::clean;
use crate::host::Policy;
use crate::walk::{Outcome, Pass, Verdict};

const BETWEEN: &str = " → ";
const LEFT_OUT: &str = "…";

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

/// The way of the packet that is looked at, in at most `width` columns; empty while none is known.
pub(super) fn line(state: &State, width: usize) -> Vec<Piece> {
    let Some(outcome) = state.outcome() else { return Vec::new() };
    let stops = stops(state, outcome);
    let with = |most: Detail| -> Vec<Piece> {
        stops.iter().filter(|(detail, _)| *detail <= most).map(|(_, piece)| piece.clone()).collect()
    };
    let fits = |pieces: &Vec<Piece>| cost(pieces) <= width + BETWEEN.width();
    let told = [Detail::Chain, Detail::Source, Detail::Device].into_iter().map(with).find(fits);
    let told = told.unwrap_or_else(|| trimmed(with(Detail::None), width));
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
fn cost(stops: &[Piece]) -> usize {
    stops.iter().map(|(_, text)| text.width() + BETWEEN.width()).sum()
}

/// Where the packet comes by, from where it comes from to where it ends.
fn stops(state: &State, outcome: &Outcome) -> Vec<(Detail, Piece)> {
    let mut stops = Vec::new();
    let mut stop = |detail, tone: Tone, text: &str| stops.push((detail, (tone, clean(text).into_owned())));
    for pass in &outcome.passes {
        let detail = if pass.number == 1 { Detail::None } else { Detail::Device };
        for text in entrance(state, pass) {
            stop(detail, Tone::Plain, &text);
        }
        for step in outcome.steps().filter(|step| step.pass == pass.number) {
            let Some(done) = turn(&step.verdict) else { continue };
            let ruleset = &state.host.namespaces[pass.namespace].ruleset;
            let chain = format!("{} {}", ruleset.table(step.base).name, ruleset.chain(step.base).name);
            stop(Detail::Chain, Tone::Plain, &chain);
            let of_source = matches!(step.verdict, Verdict::Snat(_) | Verdict::Masquerade(_));
            let detail = if of_source { Detail::Source } else { Detail::None };
            stop(detail, netfilter::verdict_tone(&step.verdict), &done);
        }
    }
    stop(Detail::None, look::fate(&outcome.fate), &netfilter::end_text(state, outcome));
    stops
}

/// How a packet comes into a namespace: `10.0.0.2 → eth0`, `svclb:eth0`.
fn entrance(state: &State, pass: &Pass) -> Vec<String> {
    let first = pass.number == 1;
    let from = pass.enters.src.map(|src| src.to_string());
    let device = match &pass.iif {
        Some(iif) if pass.namespace == state.namespace => Some(iif.clone()),
        Some(iif) => Some(format!("{}:{iif}", state.host.namespaces[pass.namespace].name)),
        None => None,
    };
    let from = match (&device, from) {
        (_, from) if !first => from.filter(|_| device.is_none()),
        (Some(_), from) => Some(from.unwrap_or_else(|| "anyone".to_owned())),
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

/// As many stops as there is room for: from both ends, the last first; what is left out is marked.
fn trimmed(stops: Vec<Piece>, width: usize) -> Vec<Piece> {
    let between = BETWEEN.width();
    if cost(&stops) <= width + between {
        return stops;
    }
    let mut free = (width + between).saturating_sub(LEFT_OUT.width() + between);
    let (mut first, mut last) = (0, stops.len());
    let mut stuck = 0;
    // Two of the first for one of the last: the device says little by itself.
    for from_the_end in [true, false, false].into_iter().cycle() {
        if stuck > 2 || first >= last {
            break;
        }
        let next = if from_the_end { last - 1 } else { first };
        match free.checked_sub(cost(&stops[next..=next])) {
            Some(left) => {
                (free, stuck) = (left, 0);
                if from_the_end { last -= 1 } else { first += 1 }
            }
            None => stuck += 1,
        }
    }
    if last == stops.len() {
        // Not even where it ends has room.
        return stops.last().map(|(tone, text)| (*tone, fit(text, width))).into_iter().collect();
    }
    let mut kept = stops[..first].to_vec();
    kept.push((Tone::Dim, LEFT_OUT.to_owned()));
    kept.extend_from_slice(&stops[last..]);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(width: usize) -> String {
        let stops = ["anyone", "eth0", "nat PREROUTING", "DNAT 10.42.0.2:80", "nginx"];
        let stops = stops.map(|text| (Tone::Plain, text.to_owned())).to_vec();
        let kept: Vec<String> = trimmed(stops, width).into_iter().map(|(_, text)| text).collect();
        kept.join(BETWEEN)
    }

    #[test]
    fn the_middle_gives_way_and_the_ends_stay() {
        assert_eq!(told(80), "anyone → eth0 → nat PREROUTING → DNAT 10.42.0.2:80 → nginx");
        assert_eq!(told(58), "anyone → eth0 → nat PREROUTING → DNAT 10.42.0.2:80 → nginx");
        assert_eq!(told(57), "anyone → eth0 → … → DNAT 10.42.0.2:80 → nginx");
        assert_eq!(told(30), "anyone → eth0 → … → nginx");
        assert_eq!(told(10), "… → nginx");
        assert_eq!(told(4), "ngi…");
        for width in 0..60 {
            assert!(told(width).width() <= width, "{width}");
        }
    }
}
