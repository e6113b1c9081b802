//! What is told of VRFs: who has a socket on a port, and does not hear what comes by one.

use super::because::Teller;
use super::phrase::{Phrase, list, say, sentence};
use super::{FEW, socket_holder};
use crate::explain::sockets::hears;
use crate::host::{Protocol, Socket};
use crate::walk::{Field, Outcome, hears_by};

/// `sshd (8) does not hear it there`, where the packet comes by a VRF and only sockets that are bound to no device listen.
pub(super) fn unheard(teller: &Teller<'_>, outcome: &Outcome) -> Option<String> {
    let pass = outcome.passes.last().filter(|pass| pass.namespace == teller.namespace)?;
    let device = pass.iif.as_deref()?;
    let vrf = teller.ns.vrf_of(teller.ns.link(device)?)?;
    let query = &teller.answer.walk.query;
    let dst = outcome.fate.endpoints.dst;
    let deaf = |socket: &&Socket| {
        socket.protocol == query.protocol
            && query.known(Field::Dport) == Some(socket.port.into())
            && hears(socket, query.family)
            && (socket.addr.is_unspecified() || Some(socket.addr) == dst)
            && socket.device.is_none()
            && !hears_by(teller.ns, socket, Some(device))
    };
    let mut who: Vec<String> = Vec::new();
    for socket in teller.ns.sockets.iter().filter(deaf) {
        let holder = socket_holder(socket);
        if !who.contains(&holder) {
            who.push(holder);
        }
    }
    let sysctl = match query.protocol {
        Protocol::UDP | Protocol::UDPLITE => "udp_l3mdev_accept",
        _ => "tcp_l3mdev_accept",
    };
    let fills = [("vrf", vrf.name.as_str()), ("who", &list(Phrase::And, &who, FEW)), ("sysctl", sysctl)];
    (!who.is_empty()).then(|| sentence(&say(Phrase::UnheardInVrf, &fills)))
}
