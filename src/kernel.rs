//! The kernel's own forms: what nf_tables, xtables, rtnetlink, sock_diag and procfs say of a host, read into a [`Host`].
//!
//! The one room that talks to the kernel. It reads, and changes nothing: no module is loaded, no table registered, no tool
//! run. It decides nothing about packets and knows no text syntax; what it cannot decode it keeps with its name, revision
//! and bytes. What may not be read is *unread* in the host, with what it would take.

mod hooks;
mod ipset;
mod legacy;
mod loaded;
mod namespaces;
mod netfilter;
mod netlink;
mod nft;
mod processes;
mod programs;
mod progress;
pub mod recorded;
mod replay;
mod route;
mod sockets;
mod sysctls;
mod watch;
mod whole;
mod xt;

#[cfg(test)]
mod tests;

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::thread;

use crate::host::{Host, Namespace, Ruleset, SetId, What};
use loaded::Loaded;
use namespaces::Found;
use netlink::{Answers, Channel};
use nft::counted::Elements;
use processes::Held;

pub use namespaces::NoEntry;
pub use netlink::Failure;
pub use progress::Progress;
pub use watch::{Bell, Counted, Ear, News, Wanted, Watch, bell};

/// Where the files are that tell of the kernel.
#[derive(Debug, Clone, Copy)]
pub struct Places<'a> {
    /// The root of procfs, `/proc`.
    pub proc: &'a Path,
    /// Where the modules of all kernels are, `/lib/modules`.
    pub modules: &'a Path,
}

/// Why there is no host.
#[derive(Debug, thiserror::Error)]
pub enum NotRead {
    /// Its namespace cannot be entered.
    #[error(transparent)]
    NoEntry(#[from] NoEntry),
    /// The kernel does not answer.
    #[error(transparent)]
    Unanswered(Failure),
    /// The reading was stopped ([`Progress::cancel`]).
    #[error("the reading was stopped")]
    Cancelled,
}

/// What is the same in all namespaces, and costs too much to be read for each.
struct Common {
    answers: Answers,
    loaded: Loaded,
    held: Held,
    /// Every namespace that can be found, that of the thread which looked first.
    found: Vec<Found>,
    /// Which elements of sets are read.
    elements: Elements,
}

impl Common {
    fn read(places: &Places<'_>, answers: Answers) -> Common {
        let progress = answers.progress();
        progress.begin(What::Processes);
        let held = Held::read(places.proc, &progress);
        let found = namespaces::list(places.proc, &held);
        Common { answers, loaded: Loaded::read(places.proc, places.modules), held, found, elements: Elements::All }
    }
}

/// Reads the network namespace of this process, or the one that `netns` names (NAME, PID or PATH). `progress` tells other
/// threads how far it is, and stops it.
///
/// # Errors
/// Where that namespace cannot be entered, or the reading was stopped. What of it cannot be read is unread in the host,
/// which is no error.
pub fn read(places: &Places<'_>, netns: Option<&str>, progress: &Arc<Progress>) -> Result<Host, NotRead> {
    host(places, netns, progress, false, Elements::All)
}

/// The same with every other namespace that can be entered.
///
/// # Errors
/// As [`read`].
pub fn read_all(places: &Places<'_>, netns: Option<&str>, progress: &Arc<Progress>) -> Result<Host, NotRead> {
    host(places, netns, progress, true, Elements::All)
}

/// The same, but of sets with many elements only how many they are: [`read_sets`] reads those that somebody asks for.
///
/// # Errors
/// As [`read`].
pub fn read_counting(places: &Places<'_>, netns: Option<&str>, progress: &Arc<Progress>) -> Result<Host, NotRead> {
    host(places, netns, progress, true, Elements::OfSmall)
}

/// Reads what is in these sets of `ruleset`, which was read in the network namespace that `netns` names, and puts it there.
/// Gives whether that ruleset is still the kernel's: if not, sets stay unread, and only another reading of everything helps.
///
/// # Errors
/// As [`read`], and where the kernel does not answer. What it would take is noted at the sets then.
pub fn read_sets(
    places: &Places<'_>,
    netns: Option<&str>,
    ruleset: &Ruleset,
    wanted: &[SetId],
    progress: &Arc<Progress>,
) -> Result<bool, NotRead> {
    let read = apart(|| {
        enter(places, netns)?;
        progress.begin(What::Elements);
        match nft::counted::fill(&Answers::Kernel(Arc::clone(progress)), ruleset, wanted) {
            Err(Failure::Cancelled) => Err(NotRead::Cancelled),
            Err(failure) => Err(NotRead::Unanswered(failure)),
            Ok(same) => Ok(same),
        }
    });
    progress.end();
    match &read {
        Ok(_) => {}
        Err(NotRead::Unanswered(failure)) => nft::counted::give_up(ruleset, wanted, &needs(failure, "CAP_NET_ADMIN")),
        Err(NotRead::Cancelled) => nft::counted::give_up(ruleset, wanted, "another try: the reading was stopped"),
        Err(NotRead::NoEntry(error)) => nft::counted::give_up(ruleset, wanted, &format!("another try: {error}")),
    }
    read
}

/// Reads the sockets of that namespace, which takes a few milliseconds, and with `holders` who has them, which takes longer
/// where there are many processes. Everything else is unread in the host, but for the devices that sockets name.
///
/// # Errors
/// As [`read`].
pub fn read_sockets(places: &Places<'_>, netns: Option<&str>, holders: bool) -> Result<Host, NotRead> {
    apart(|| {
        enter(places, netns)?;
        let progress = Arc::default();
        let answers = Answers::Kernel(Arc::clone(&progress));
        let mut ns = Namespace::default();
        for what in What::ALL {
            ns.mark_unread(what, "the reading that goes on".to_owned());
        }
        if let Ok(links) = route::open(&answers).and_then(|mut channel| route::links(&mut channel)) {
            ns.links = links;
            ns.unread.retain(|unread| unread.what != What::Links);
        }
        let loaded = Loaded::read(places.proc, places.modules);
        if let Ok(sockets) = sockets::read(places.proc, &loaded, &answers, &ns.links) {
            ns.sockets = sockets;
            ns.unread.retain(|unread| unread.what != What::Sockets);
        }
        if holders {
            Held::read(places.proc, &progress).give(&mut ns.sockets);
        }
        Ok(Host { namespaces: vec![ns], ..Host::default() })
    })
}

/// Reads the rules and sets of that namespace alone, and the devices that rules name: everything else is unread in the host.
///
/// # Errors
/// As [`read`].
pub fn read_rules(places: &Places<'_>, netns: Option<&str>, progress: &Arc<Progress>) -> Result<Host, NotRead> {
    apart(|| {
        enter(places, netns)?;
        let loaded = Loaded::read(places.proc, places.modules);
        let answers = Answers::Kernel(Arc::clone(progress));
        let common = Common { answers, loaded, held: Held::default(), found: Vec::new(), elements: Elements::All };
        let mut ns = Namespace::default();
        progress.found_namespaces(1);
        progress.enter();
        match route::open(&common.answers) {
            Ok(mut channel) => ns.links = take(&mut channel, &mut ns, What::Links, route::links),
            Err(failure) => ns.mark_unread(What::Links, needs(&failure, "CAP_NET_ADMIN")),
        }
        netfilter::read(places.proc, &common, &mut ns);
        for what in What::ALL.into_iter().filter(|what| !what.is_of_rules()) {
            ns.mark_unread(what, "a reading of the whole host".to_owned());
        }
        let mut host = Host { namespaces: vec![ns], ..Host::default() };
        identify(places, &mut host);
        if progress.is_cancelled() { Err(NotRead::Cancelled) } else { Ok(host) }
    })
}

fn host(
    places: &Places<'_>,
    netns: Option<&str>,
    progress: &Arc<Progress>,
    others: bool,
    elements: Elements,
) -> Result<Host, NotRead> {
    apart(|| {
        enter(places, netns)?;
        let common = Common { elements, ..Common::read(places, Answers::Kernel(Arc::clone(progress))) };
        // Without procfs nobody knows what the own one is called, but it is read all the same.
        let name = common.found.first().map(|own| own.name.clone()).unwrap_or_default();
        progress.found_namespaces(if others { common.found.len().max(1) } else { 1 });
        let mut host = Host { namespaces: vec![namespace(places, &common, name)], ..Host::default() };
        for found in common.found.iter().skip(1).filter(|_| others && !progress.is_cancelled()) {
            let read = || namespaces::enter_found(found).map(|()| namespace(places, &common, found.name.clone()));
            host.namespaces.extend(apart(read).ok());
        }
        identify(places, &mut host);
        if progress.is_cancelled() { Err(NotRead::Cancelled) } else { Ok(host) }
    })
}

/// Does something on a thread of its own: one that has been in another namespace is not used again.
fn apart<T: Send>(task: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| match scope.spawn(task).join() {
        Ok(done) => done,
        Err(panic) => std::panic::resume_unwind(panic),
    })
}

fn enter(places: &Places<'_>, netns: Option<&str>) -> Result<(), NoEntry> {
    netns.map_or(Ok(()), |target| namespaces::enter(places.proc, target))
}

/// Everything of this thread's namespace.
fn namespace(places: &Places<'_>, common: &Common, name: String) -> Namespace {
    let mut ns = Namespace { name, ..Namespace::default() };
    common.answers.progress().enter();
    surroundings(places, common, &mut ns);
    netfilter::read(places.proc, common, &mut ns);
    ns
}

/// The kernel's release (`uname -r`).
fn release(proc: &Path) -> Option<String> {
    let bytes = fs::read(proc.join("sys/kernel/osrelease")).ok()?;
    Some(String::from_utf8_lossy(&bytes).trim().to_owned())
}

/// Fills in what a host is called and which kernel it runs.
fn identify(places: &Places<'_>, host: &mut Host) {
    let name = fs::read(places.proc.join("sys/kernel/hostname")).ok();
    host.node = name.map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned());
    host.kernel = release(places.proc);
}

/// Fills in everything of this thread's namespace but netfilter's rules.
fn surroundings(places: &Places<'_>, common: &Common, ns: &mut Namespace) {
    match route::open(&common.answers) {
        Ok(mut channel) => routing(&mut channel, places, common, ns),
        Err(failure) => {
            for what in [What::Links, What::Addresses, What::Routes, What::PolicyRules, What::Neighbours] {
                ns.mark_unread(what, needs(&failure, "CAP_NET_ADMIN"));
            }
        }
    }
    let progress = common.answers.progress();
    progress.begin(What::Sysctls);
    ns.sysctls = sysctls::read(places.proc);
    if ns.sysctls.ip.is_empty() {
        ns.mark_unread(What::Sysctls, format!("{}, readable", places.proc.join("sys/net").display()));
    }
    progress.begin(What::Sockets);
    match sockets::read(places.proc, &common.loaded, &common.answers, &ns.links) {
        Ok(sockets) => ns.sockets = sockets,
        Err(failure) => ns.mark_unread(What::Sockets, needs(&failure, "root")),
    }
    if let Some(needs) = common.held.give(&mut ns.sockets) {
        ns.mark_unread(What::Processes, needs.to_owned());
    }
    ns.programs = programs::read(places.proc, &ns.sockets);
}

/// Fills in what rtnetlink tells.
fn routing(channel: &mut Channel, places: &Places<'_>, common: &Common, ns: &mut Namespace) {
    ns.links = take(channel, ns, What::Links, route::links);
    ns.addresses = take(channel, ns, What::Addresses, route::addresses);
    ns.routes = take(channel, ns, What::Routes, route::routes);
    let has_ip6 = places.proc.join("sys/net/ipv6").exists();
    let policy_rules = |channel: &mut Channel| route::policy_rules(channel, has_ip6);
    let (rules, unmodelled) = take(channel, ns, What::PolicyRules, policy_rules);
    ns.policy_rules = rules;
    if let Some((priority, selector)) = unmodelled.first() {
        let needs = format!("a whyport that knows {selector}, which rule {priority} asks for");
        ns.mark_unread(What::PolicyRules, needs);
    }
    ns.neighbours = take(channel, ns, What::Neighbours, route::neighbours);
    ns.fdb = take(channel, ns, What::Neighbours, route::fdb);
    ns.ids = route::ids(channel, &common.found);
}

/// What rtnetlink tells of one thing, and whether that is of one moment.
fn take<T: Default>(
    channel: &mut Channel,
    ns: &mut Namespace,
    what: What,
    read: impl FnOnce(&mut Channel) -> Result<T, Failure>,
) -> T {
    channel.progress().begin(what);
    let read = read(channel);
    if channel.take_torn() {
        ns.mark_torn(what);
    }
    read.unwrap_or_else(|failure| {
        ns.mark_unread(what, needs(&failure, "CAP_NET_ADMIN"));
        T::default()
    })
}

/// What would make readable what failed.
fn needs(failure: &Failure, capability: &str) -> String {
    match failure {
        Failure::Forbidden => capability.to_owned(),
        Failure::Missing => "a kernel that has it".to_owned(),
        Failure::Malformed | Failure::Cancelled | Failure::Io(_) => format!("another try: {failure}"),
    }
}
