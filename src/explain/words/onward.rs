//! What becomes of a packet after it was sent elsewhere: who turns it once more, and who listens at the end.

use super::because::Teller;
use super::phrase::{Phrase, list, say, sentence};
use super::{rules, socket_holder};
use crate::host::What;
use crate::walk::{FateKind, Outcome, Step, Verdict};

/// So many translations are told one by one.
const TURNS: usize = 4;

/// `Then svclb turns it to 10.43.0.10:80 and this host to traefik (4365) at 10.42.0.3:8000.` Nothing where the outcomes that count
/// differ in that, or the first translation says it all.
pub(super) fn then(teller: &Teller<'_>) -> Option<String> {
    let mut told = teller.judged.iter().map(|(outcome, _)| of(teller, outcome));
    let first = told.next()??;
    told.all(|other| other.as_ref() == Some(&first)).then_some(first)
}

fn of(teller: &Teller<'_>, outcome: &Outcome) -> Option<String> {
    let fate = &outcome.fate;
    let there = &teller.host.namespaces[fate.namespace];
    let nobody = fate.kind == FateKind::Delivered && there.is_read(What::Sockets) && fate.socket.is_none();
    let steps: Vec<&Step> = outcome.steps().filter(|step| is_destination(step)).skip(1).collect();
    let Some(last) = steps.last() else {
        return nobody.then(|| sentence(&say(Phrase::NobodyThere, &[])));
    };
    let listens = fate.socket.and_then(|socket| there.sockets.get(socket)).map(socket_holder);
    let turns: Vec<String> = steps
        .iter()
        .enumerate()
        .filter_map(|(at, step)| {
            let (host, to) = turn(teller, outcome, step)?;
            let to = match &listens {
                Some(who) if step == last => say(Phrase::At, &[("who", who), ("to", &to)]),
                _ => to,
            };
            let phrase = if at == 0 { Phrase::ThenTurns } else { Phrase::ThenTurnsToo };
            Some(say(phrase, &[("host", &host), ("to", &to)]))
        })
        .collect();
    let what = say(Phrase::Then, &[("turns", &list(Phrase::And, &turns, TURNS))]);
    Some(sentence(&if nobody { say(Phrase::NobodyAfter, &[("what", &what)]) } else { what }))
}

fn is_destination(step: &Step) -> bool {
    matches!(step.verdict, Verdict::Dnat(_) | Verdict::Redirect(_))
}

/// Who turns it, and to what: `svclb`, `10.43.0.10:80`.
fn turn(teller: &Teller<'_>, outcome: &Outcome, step: &Step) -> Option<(String, String)> {
    let to = step.verdict.translation()?;
    let pass = outcome.pass(step.pass)?;
    let host = match pass.namespace == teller.namespace {
        true => say(Phrase::ThisHost, &[]),
        false => teller.host.namespaces[pass.namespace].name.clone(),
    };
    Some((host, rules::translation(to)))
}
