//! Legacy xtables: the tables of `iptables-legacy` and `ip6tables-legacy`, read from the kernel.
//!
//! Asks only for tables that /proc lists as registered: asking for another would register it, and load its module. What
//! matches and targets mean is the business of `xt`. Deliberately does not know in which order tables of equal priority
//! run: their place is a guess, for whoever knows all tables to put right.

mod ask;
mod entry;
mod table;
#[cfg(test)]
mod tests;

pub(super) use ask::{Info, Socket};

use std::fs;
use std::hash::Hasher;
use std::io;
use std::path::Path;

use super::netlink::{Dumped, Failure, io_failure};
use super::progress::Progress;
use super::whole::until_whole;
use super::xt::SetNames;
use crate::host::{ChainId, Counters, IpFamily, Names, Observations, RuleId, Ruleset, Table};

/// A table with what it counted.
pub(super) struct Counted {
    /// The table.
    pub(super) table: Table,
    /// What the policies counted, by the chain's position.
    pub(super) policies: Vec<(u32, Counters)>,
    /// What the rules counted, by the positions of chain and rule.
    pub(super) rules: Vec<(u32, u32, Counters)>,
}

impl Counted {
    /// Adds the table to others, and its counters to theirs.
    pub(super) fn add_to(self, ruleset: &mut Ruleset, observations: &mut Observations) {
        let table = ruleset.tables.len() as u32;
        let id = |chain| ChainId { table, chain };
        observations.policies.extend(self.policies.into_iter().map(|(chain, seen)| (id(chain), seen)));
        let rule = |(chain, index, seen)| (RuleId { chain: id(chain), index }, seen);
        observations.rules.extend(self.rules.into_iter().map(rule));
        ruleset.tables.push(self.table);
    }
}

/// The tables of a family.
#[derive(Default)]
pub(super) struct Tables {
    /// Those that were read, in the order in which /proc lists them.
    pub(super) tables: Vec<Counted>,
    /// One of them changed whenever it was read.
    pub(super) torn: bool,
    /// One has another size whenever it is asked for, so that nothing of it was read.
    pub(super) missing: bool,
}

/// Reads all tables of a family that are registered in the network namespace of this thread; `proc` is where /proc is
/// mounted.
///
/// # Errors
/// [`Failure::Forbidden`] where the list of tables (root's alone) or the tables (`CAP_NET_ADMIN`) may not be read; what the
/// kernel says else. A kernel without legacy tables has none: that is no error.
pub(super) fn read(
    proc: &Path,
    family: IpFamily,
    ipsets: &SetNames,
    names: &mut Names,
    progress: &Progress,
) -> Result<Tables, Failure> {
    let registered = registered(proc, family)?;
    let mut all = Tables::default();
    if registered.is_empty() {
        return Ok(all);
    }
    let socket = ask::Socket::open(family).map_err(io_failure)?;
    for name in &registered {
        if progress.is_cancelled() {
            return Err(Failure::Cancelled);
        }
        let (told, dumped) = until_whole(progress, || ask_table(&socket, name))?;
        let Some((info, entries)) = told else {
            all.missing = true;
            continue;
        };
        all.torn |= dumped == Dumped::Interrupted;
        let read = table::decode(family, name, (&info, &entries), ipsets, names).ok_or(Failure::Malformed)?;
        progress.read_table(read.table.chains.len(), read.rules.len());
        all.tables.push(read);
    }
    Ok(all)
}

/// A table by what the kernel answers when asked for it: `struct ipt_getinfo`, and the entries. `None` where they are cut
/// off, or make no sense.
pub(super) fn decode(family: IpFamily, name: &str, info: &[u8], entries: &[u8], names: &mut Names) -> Option<Counted> {
    table::decode(family, name, (&ask::Info::from_bytes(info), entries), &SetNames::none(), names)
}

/// How large the tables of a family are that are registered in the network namespace of this thread, by their names. To
/// ask that takes no longer for a large table.
///
/// # Errors
/// As [`read`].
pub(super) fn sizes(proc: &Path, family: IpFamily) -> Result<Vec<(String, Info)>, Failure> {
    let registered = registered(proc, family)?;
    if registered.is_empty() {
        return Ok(Vec::new());
    }
    let socket = ask::Socket::open(family).map_err(io_failure)?;
    let size = |name: String| socket.info(&name).map(|info| (name, info)).map_err(io_failure);
    registered.into_iter().map(size).collect()
}

/// What rules of a table counted. It is asked for whole, as there is no other way; rules of a chain that has another length
/// than it had are left out.
///
/// # Errors
/// As [`read`].
pub(super) fn counts(
    proc: &Path,
    family: IpFamily,
    table: &Table,
    rules: &[RuleId],
) -> Result<Vec<(RuleId, Counters)>, Failure> {
    // Somebody may have taken it away: to ask for it then would register it again.
    if !registered(proc, family)?.iter().any(|name| *table.name == **name) {
        return Ok(Vec::new());
    }
    let socket = ask::Socket::open(family).map_err(io_failure)?;
    let info = socket.info(&table.name).map_err(io_failure)?;
    let entries = socket.entries(&table.name, info.size).map_err(io_failure)?;
    table::counts(family, &info, &entries, table, rules).ok_or(Failure::Malformed)
}

/// Mixes in all entries of the same tables, but for what they counted.
///
/// # Errors
/// As [`read`].
pub(super) fn hash_entries(proc: &Path, family: IpFamily, hasher: &mut impl Hasher) -> Result<(), Failure> {
    let registered = registered(proc, family)?;
    if registered.is_empty() {
        return Ok(());
    }
    let socket = ask::Socket::open(family).map_err(io_failure)?;
    for name in &registered {
        let info = socket.info(name).map_err(io_failure)?;
        let entries = socket.entries(name, info.size).map_err(io_failure)?;
        let mut left = &entries[..];
        hasher.write(name.as_bytes());
        while let Some((entry, length)) = entry::Entry::first(family, left) {
            entry.hash_but_counters(hasher);
            left = left.get(length..).unwrap_or_default();
        }
    }
    Ok(())
}

/// The names of the tables that are registered.
fn registered(proc: &Path, family: IpFamily) -> Result<Vec<String>, Failure> {
    let file = match family {
        IpFamily::V4 => "ip_tables_names",
        IpFamily::V6 => "ip6_tables_names",
    };
    // Of this thread: /proc/net is the main thread's.
    match fs::read_to_string(proc.join("thread-self/net").join(file)) {
        Ok(text) => Ok(text.lines().filter(|name| !name.is_empty()).map(str::to_owned).collect()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(io_failure(error)),
    }
}

/// What the kernel says of a table, and its entries.
type Told = (ask::Info, Vec<u8>);

/// Asks for a table, once: it is whole where the kernel says the same of it before and after. `None` where
/// they take another size each time (`EAGAIN`).
fn ask_table(socket: &ask::Socket, name: &str) -> Result<(Option<Told>, Dumped), Failure> {
    let info = socket.info(name).map_err(io_failure)?;
    let entries = match socket.entries(name, info.size) {
        Err(error) if error.raw_os_error() == Some(libc::EAGAIN) => return Ok((None, Dumped::Interrupted)),
        entries => entries.map_err(io_failure)?,
    };
    // The size alone tells nothing of a table in which only the places changed.
    let same = socket.info(name).map_err(io_failure)? == info;
    Ok((Some((info, entries)), if same { Dumped::Whole } else { Dumped::Interrupted }))
}
