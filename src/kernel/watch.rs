//! What tells that the host changed: events, where the kernel has some, and now and then a look where it has none.
//!
//! - nf_tables tells of each transaction to whoever joined `NFNLGRP_NFTABLES` (`nf_tables_commit_release`), rtnetlink of
//!   devices, addresses, routes, policy rules and of most of the sysctls that steer packets (`RTNLGRP_*`, rtnetlink(7)).
//! - Of sockets only those that close are told (`SKNLGRP_INET_TCP_DESTROY`, sock_diag(7)), and connections with them: who
//!   listens is looked up.
//! - Legacy tables have no events at all (`__do_replace` tells nobody): `IPT_SO_GET_INFO` shows when they grow or shrink,
//!   and the entries themselves when a rule is replaced by another of the same size.
//! - Nor have ipset's sets (`ip_set_core.c` sends nothing that nobody asked for): they are listed.
//!
//! A look is followed by a pause that is so much longer than the look took, that looking costs next to nothing whatever the
//! host's size. Events of other namespaces are told like those of this one, as far as devices lead there
//! (`NETLINK_LISTEN_ALL_NSID`, netlink(7)); who listens there is not. Deliberately does not say what became of what changed,
//! and does not tell of neighbours, of flows and of connected UDP sockets: these come and go with the traffic.

mod counts;
mod events;
mod look;

use std::io;
use std::marker::PhantomData;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::{Duration, Instant};

use netlink_sys::Socket;
use netlink_sys::protocols::{NETLINK_NETFILTER, NETLINK_ROUTE};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::loaded::Loaded;
use super::netlink::io_failure;
use super::{NotRead, Places, enter};
use crate::host::{Changes, What};
use counts::Counting;
use look::{Look, Pace};

pub(super) use events::told;

pub use counts::{Bell, Counted, Ear, Wanted, bell};

/// What belongs together comes together: so long nothing may come before it is told.
const QUIET: Duration = Duration::from_millis(100);

/// So long it is waited for quiet at most.
const PATIENCE: Duration = Duration::from_secs(1);

/// Room for one datagram of events.
const BUFFER: usize = 32 * 1024;

/// What is told.
#[derive(Debug)]
pub enum News {
    /// So much may be other than it was.
    Changed(Changes),
    /// What rules counted that somebody looks at.
    Counted(Counted),
}

/// Somebody who watches a network namespace. What is told belongs to the thread that began: a thread's namespace decides
/// what it sees of procfs.
pub struct Watch<'a> {
    places: Places<'a>,
    loaded: Loaded,
    sources: Vec<Source>,
    look: Look,
    pace: Pace,
    counting: Counting,
    buffer: Vec<u8>,
    _of_this_thread: PhantomData<*const ()>,
}

/// Where events come from.
struct Source {
    socket: Socket,
    protocol: isize,
}

impl<'a> Watch<'a> {
    /// Begins to watch the network namespace that `netns` names (NAME, PID or PATH), or that of this process. The calling
    /// thread enters it, and stays there. What happens from now on is told.
    ///
    /// # Errors
    /// Where that namespace cannot be entered, or the kernel has no rtnetlink.
    pub fn begin(places: &Places<'a>, netns: Option<&str>, ear: Ear) -> Result<Watch<'a>, NotRead> {
        enter(places, netns)?;
        let loaded = Loaded::read(places.proc, places.modules);
        let open = |protocol, groups| Source::open(protocol, groups).map_err(io_failure);
        let mut sources = vec![open(NETLINK_ROUTE, &events::ROUTE_GROUPS).map_err(NotRead::Unanswered)?];
        // To join a group of a subsystem that is not there would load it (`nfnetlink_bind`). Whoever may not join may not
        // read the rules either.
        if loaded.has("nfnetlink") && loaded.has("nf_tables") {
            sources.extend(open(NETLINK_NETFILTER, &[events::NFTABLES_GROUP]).ok());
        }
        let mut watch = Watch {
            places: *places,
            loaded,
            sources,
            look: Look::default(),
            pace: Pace::default(),
            counting: Counting::new(ear),
            buffer: vec![0; BUFFER],
            _of_this_thread: PhantomData,
        };
        watch.look();
        Ok(watch)
    }

    /// Waits until something changed, and until nothing more did for a moment, or until it is time to count again; tells what.
    /// A burst is told once.
    ///
    /// # Errors
    /// What the operating system says where it cannot be waited.
    pub fn wait(&mut self) -> io::Result<News> {
        loop {
            let due = self.pace.next();
            let mut changes = self.events(self.counting.next().map_or(due, |other| other.min(due)))?;
            let begun = Instant::now();
            while !changes.is_empty() {
                let more = self.events((Instant::now() + QUIET).min(begun + PATIENCE))?;
                if more.is_empty() || begun.elapsed() >= PATIENCE {
                    break;
                }
                changes = changes.with(more);
            }
            if self.pace.next() <= Instant::now() {
                changes = changes.with(self.look());
            }
            if !changes.is_empty() {
                return Ok(News::Changed(changes));
            }
            if self.counting.next().is_some_and(|next| next <= Instant::now())
                && let Some(counted) = self.counting.count(&self.places)
            {
                return Ok(News::Counted(counted));
            }
        }
    }

    fn look(&mut self) -> Changes {
        let Watch { places, loaded, look, pace, .. } = self;
        let changes = pace.took(|| look.again(places, loaded));
        changes.with(look.entries(places, loaded))
    }

    /// What events tell, once some came or somebody rang, or the time has come.
    fn events(&mut self, until: Instant) -> io::Result<Changes> {
        let Watch { sources, buffer, counting, .. } = self;
        wait_for(sources, counting, until)?;
        counting.hear();
        Ok(sources.iter().fold(Changes::NONE, |changes, source| changes.with(source.drain(buffer))))
    }
}

/// Waits until there is something to receive, or the time has come.
#[allow(unsafe_code, reason = "netlink-sys lends no descriptor that poll(2) takes")]
fn wait_for(sources: &[Source], counting: &Counting, until: Instant) -> io::Result<()> {
    // SAFETY: the sockets outlive this call, and nothing closes them.
    let lent = |source: &Source| unsafe { BorrowedFd::borrow_raw(source.socket.as_raw_fd()) };
    let borrowed: Vec<BorrowedFd<'_>> = sources.iter().map(lent).chain([counting.fd()]).collect();
    let mut all: Vec<PollFd<'_>> = borrowed.iter().map(|source| PollFd::new(*source, PollFlags::POLLIN)).collect();
    // A millisecond more, so that it does not wake up just before its time.
    let left = until.saturating_duration_since(Instant::now()) + Duration::from_millis(1);
    let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
    match poll(&mut all, timeout) {
        Ok(_) | Err(Errno::EINTR) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

impl Source {
    fn open(protocol: isize, groups: &[u32]) -> io::Result<Source> {
        let mut socket = Socket::new(protocol)?;
        socket.bind_auto()?;
        // Who may not listen to other namespaces hears this one. Those that have a number here are heard: what devices lead to.
        let _ = socket.set_listen_all_namespaces(true);
        groups.iter().try_for_each(|group| socket.add_membership(*group))?;
        socket.set_non_blocking(true)?;
        Ok(Source { socket, protocol })
    }

    /// Takes all events that came, and tells what changed. Where more came than there was room for (`ENOBUFS`), everything
    /// may have that these events tell of.
    fn drain(&self, buffer: &mut [u8]) -> Changes {
        let all = || match self.protocol {
            NETLINK_NETFILTER => Changes::from(What::NfTables),
            _ => events::OF_ROUTE.into_iter().collect(),
        };
        let mut changes = Changes::NONE;
        loop {
            match self.socket.recv(&mut &mut buffer[..], 0) {
                Ok(length) => changes = changes.with(events::told(self.protocol, &buffer[..length])),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => changes = changes.with(all()),
                Err(_) => return changes,
            }
        }
    }
}
