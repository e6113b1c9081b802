//! Where who has a port listens, and who gets there: told beside what becomes of a packet.

use super::because::Teller;
use super::phrase::{Phrase, list, say, sentence};
use super::{FEW, rules, socket_holder};
use crate::explain::finding::Who;
use crate::explain::sockets;

/// `It listens on 127.0.0.1 only: nobody outside gets there.`, where that is so: a rule brings packets there from outside only by a
/// device with `route_localnet`, or to a transparent socket.
pub(super) fn here_only(teller: &Teller<'_>) -> Option<String> {
    let Who::Socket { socket, namespace, .. } = teller.answer.who else { return None };
    let ns = &teller.host.namespaces[namespace];
    let socket =
        ns.sockets.get(socket).filter(|socket| socket.addr.is_loopback() && socket.transparent != Some(true))?;
    let is_let_in = teller.ns.sysctls.ip.values().any(|device| device.route_localnet == Some(true));
    let all = || sockets::on_port(ns, teller.protocol(), socket.port);
    let mut heard: Vec<String> = all().map(|other| other.addr.to_string()).collect();
    heard.sort();
    heard.dedup();
    let only = || sentence(&say(Phrase::HeardHereOnly, &[("addr", &list(Phrase::And, &heard, FEW))]));
    (!is_let_in && all().all(|other| other.addr.is_loopback())).then(only)
}

/// `nginx (7) listens on 127.0.0.1:80 only`: who has the port where the packet does not arrive.
pub(super) fn elsewhere(teller: &Teller<'_>) -> Option<String> {
    let outcome = teller.outcome()?;
    let ns = &teller.host.namespaces[outcome.fate.namespace];
    let port = outcome.fate.endpoints.dport?;
    let mut told: Vec<(String, Vec<String>)> = Vec::new();
    for socket in sockets::on_port(ns, teller.protocol(), port) {
        let addr = rules::endpoint(Some(socket.addr), Some(port)).unwrap_or_default();
        let place = match &socket.device {
            Some(device) => say(Phrase::OnDevice, &[("addr", &addr), ("device", device)]),
            None => addr,
        };
        let holder = socket_holder(socket);
        match told.iter_mut().find(|(known, _)| *known == holder) {
            Some((_, places)) => places.push(place),
            None => told.push((holder, vec![place])),
        }
    }
    let each = told
        .iter()
        .map(|(who, places)| say(Phrase::ListensOnly, &[("who", who), ("places", &list(Phrase::And, places, FEW))]));
    let each: Vec<String> = each.collect();
    (!each.is_empty()).then(|| list(Phrase::And, &each, FEW))
}
