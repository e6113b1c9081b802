//! The numbers of sets where netlink does not tell them (before Linux 4.20): asked as iptables does, by an option of a
//! socket (`ip_set_sockfn_get`).

use crate::host::{IpFamily, Name};
use crate::kernel::legacy::Socket;

/// `SO_IP_SET`.
const OPTION: libc::c_int = 83;
/// `IP_SET_OP_GET_BYNAME`.
const GET_BY_NAME: u32 = 6;
/// The oldest version that is spoken, which every kernel knows.
const VERSION: u32 = 6;
/// `IPSET_MAXNAMELEN`, with the NUL at its end.
const NAME: usize = 32;
/// `IPSET_INVALID_ID`.
const NONE: u16 = u16::MAX;

/// The numbers of the sets with these names; those that are gone have none.
pub(super) fn all(names: impl Iterator<Item = Name>) -> Vec<(u16, Name)> {
    let Ok(socket) = Socket::open(IpFamily::V4) else { return Vec::new() };
    names.filter_map(|name| Some((of(&socket, &name)?, name))).collect()
}

fn of(socket: &Socket, name: &str) -> Option<u16> {
    // `struct ip_set_req_get_set`: operation, version, and the name, in whose place the answer stands.
    let mut question = [0; 8 + NAME];
    question[..4].copy_from_slice(&GET_BY_NAME.to_ne_bytes());
    question[4..8].copy_from_slice(&VERSION.to_ne_bytes());
    question.get_mut(8..8 + NAME - 1)?.get_mut(..name.len())?.copy_from_slice(name.as_bytes());
    socket.ask(OPTION, &mut question).ok()?;
    Some(u16::from_ne_bytes([question[8], question[9]])).filter(|number| *number != NONE)
}
