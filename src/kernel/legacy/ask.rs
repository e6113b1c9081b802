//! Asking the kernel for a table: a socket and its options `IPT_SO_GET_INFO` and `IPT_SO_GET_ENTRIES`.
//!
//! The numbers of IPv6 are the same. Any socket of the family will do, so the cheapest is taken, which needs no right of
//! its own. Knows the two structs that are asked with (linux/netfilter_ipv4/ip_tables.h), not what an entry is.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use crate::host::IpFamily;

/// `XT_TABLE_MAXNAMELEN`.
const NAME: usize = 32;
/// `NF_INET_NUMHOOKS`.
pub(super) const HOOKS: usize = 5;
const GET_INFO: libc::c_int = 64;
const GET_ENTRIES: libc::c_int = 65;
/// `sizeof(struct ipt_getinfo)`.
const INFO: usize = NAME + 4 + 4 * HOOKS + 4 * HOOKS + 4 + 4;
/// `sizeof(struct ipt_get_entries)`: the entries begin where their counters are aligned.
const ENTRIES: usize = (NAME + 4).next_multiple_of(align_of::<u64>());

/// What the kernel says of a table as a whole (`struct ipt_getinfo`).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::kernel) struct Info {
    /// Which hooks it has chains for, as bits.
    pub(super) valid_hooks: u32,
    /// Where the chain of each hook begins.
    pub(super) hook_entry: [u32; HOOKS],
    /// Where the policy of each hook's chain is.
    pub(super) underflow: [u32; HOOKS],
    /// How many entries there are.
    pub(super) count: u32,
    /// How many bytes the entries take.
    pub(super) size: u32,
}

impl Info {
    /// Reads `struct ipt_getinfo`; what is cut off is zero.
    pub(super) fn from_bytes(answer: &[u8]) -> Info {
        let number = |n: usize| {
            let at = NAME + 4 * n;
            answer.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_ne_bytes)
        };
        Info {
            valid_hooks: number(0),
            hook_entry: std::array::from_fn(|hook| number(1 + hook)),
            underflow: std::array::from_fn(|hook| number(1 + HOOKS + hook)),
            count: number(1 + 2 * HOOKS),
            size: number(2 + 2 * HOOKS),
        }
    }
}

/// A socket of the network namespace of the thread that opened it.
pub(in crate::kernel) struct Socket {
    socket: OwnedFd,
    level: libc::c_int,
}

impl Socket {
    /// Opens one of this family.
    #[allow(unsafe_code, reason = "std's sockets are bound, and so seen by others; this one is not")]
    pub(in crate::kernel) fn open(family: IpFamily) -> io::Result<Socket> {
        let (domain, level) = match family {
            IpFamily::V4 => (libc::AF_INET, libc::IPPROTO_IP),
            IpFamily::V6 => (libc::AF_INET6, libc::IPPROTO_IPV6),
        };
        // SAFETY: socket(2) takes three numbers and touches no memory.
        let socket = unsafe { libc::socket(domain, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) };
        if socket < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor was just opened, and nothing else owns it.
        Ok(Socket { socket: unsafe { OwnedFd::from_raw_fd(socket) }, level })
    }

    /// What there is to say of a table. It must be one that is registered.
    pub(super) fn info(&self, name: &str) -> io::Result<Info> {
        let mut answer = request(name, INFO)?;
        self.ask(GET_INFO, &mut answer)?;
        Ok(Info::from_bytes(&answer))
    }

    /// The entries of a table; `EAGAIN` where they do not take `size` bytes any more.
    pub(super) fn entries(&self, name: &str, size: u32) -> io::Result<Vec<u8>> {
        let mut answer = request(name, ENTRIES + size as usize)?;
        answer[NAME..NAME + 4].copy_from_slice(&size.to_ne_bytes());
        self.ask(GET_ENTRIES, &mut answer)?;
        answer.drain(..ENTRIES);
        Ok(answer)
    }

    /// Asks for an option: the question stands where the answer will.
    #[allow(unsafe_code, reason = "no safe function asks for an option that is not known to a library")]
    pub(in crate::kernel) fn ask(&self, option: libc::c_int, answer: &mut [u8]) -> io::Result<()> {
        let mut length = libc::socklen_t::try_from(answer.len()).map_err(io::Error::other)?;
        // SAFETY: the kernel reads and writes at most `length` bytes from the start of `answer`, which has that many, and
        // both pointers are good until the call returns.
        let asked = unsafe {
            libc::getsockopt(self.socket.as_raw_fd(), self.level, option, answer.as_mut_ptr().cast(), &mut length)
        };
        if asked == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }
}

/// Zeros that begin with the name of a table.
fn request(name: &str, length: usize) -> io::Result<Vec<u8>> {
    if name.len() >= NAME {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut request = vec![0; length];
    request[..name.len()].copy_from_slice(name.as_bytes());
    Ok(request)
}
