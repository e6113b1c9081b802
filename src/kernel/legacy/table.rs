//! The entries of a table, one after the other → chains and rules.
//!
//! A table is one run of entries. The chain of a hook begins where the table says; any other chain begins with an `ERROR`
//! entry that bears its name. The last entry of a built-in chain is its policy, that of any other chain a bare return that
//! no one wrote; one more `ERROR` ends the table. Jumps are offsets.

use std::collections::HashMap;

use super::Counted;
use super::ask::{HOOKS, Info};
use super::entry::{Action, Entry};
use crate::host::ruleset::builtin;
use crate::host::xt::{self, Target};
use crate::host::{
    Backend, Base, Body, Chain, Counters, Family, IpFamily, Names, Place, Policy, Registration, Rule, Table,
};
use crate::kernel::xt::{Around, SetNames, decode_target, opaque};

/// The built-in chains by the number of their hook (`NF_INET_*`).
const BUILTIN: [&str; HOOKS] = ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"];

const ACCEPT: i32 = verdict(1);
const DROP: i32 = verdict(0);
const QUEUE: i32 = verdict(3);
/// `XT_RETURN`, which is what `NF_REPEAT` would be.
const RETURN: i32 = verdict(4);

/// `NF_*` as a standard target holds it.
const fn verdict(number: i32) -> i32 {
    -number - 1
}

/// A chain while it is read.
struct Run<'a> {
    /// Its name, as the kernel has it.
    name: &'a [u8],
    /// The hook that it is built in for.
    hook: Option<usize>,
    /// Where its first rule is, which is where jumps to it go.
    start: usize,
    /// Its entries, each with where the next begins.
    entries: Vec<(Entry<'a>, usize)>,
}

/// Reads a table. `None` where the entries are cut off, or make no sense.
pub(super) fn decode(
    family: IpFamily,
    name: &str,
    (info, bytes): (&Info, &[u8]),
    sets: &SetNames,
    names: &mut Names,
) -> Option<Counted> {
    let mut runs = runs(family, info, bytes)?;
    // As libiptc has them: built-in chains as they come, then all others by name.
    runs.sort_by_key(|run| (run.hook.is_none(), if run.hook.is_none() { run.name } else { b"" }));
    let starts: HashMap<usize, u32> = runs.iter().enumerate().map(|(at, run)| (run.start, at as u32)).collect();
    let table_family = match family {
        IpFamily::V4 => Family::Ip,
        IpFamily::V6 => Family::Ip6,
    };
    let table = Table {
        family: table_family,
        name: names.intern(name),
        backend: Backend::IptablesLegacy,
        chains: Vec::new(),
        sets: Vec::new(),
        particulars: Default::default(),
    };
    let mut counted = Counted { table, policies: Vec::new(), rules: Vec::new() };
    for run in runs {
        push_chain(&mut counted, run, &starts, Around { family: table_family, sets }, names)?;
    }
    Some(counted)
}

/// The chains with their entries, as they come.
fn runs<'a>(family: IpFamily, info: &Info, bytes: &'a [u8]) -> Option<Vec<Run<'a>>> {
    let hook_at = |offset: usize| {
        (0..HOOKS).find(|hook| info.valid_hooks & 1 << hook != 0 && info.hook_entry[*hook] as usize == offset)
    };
    let mut runs: Vec<Run> = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let (entry, length) = Entry::first(family, &bytes[at..])?;
        let next = at + length;
        if let Some(hook) = hook_at(at) {
            runs.push(Run { name: BUILTIN[hook].as_bytes(), hook: Some(hook), start: at, entries: Vec::new() });
        }
        match entry.action()? {
            Action::Error(_) if next == bytes.len() => {}
            Action::Error(name) => runs.push(Run { name, hook: None, start: next, entries: Vec::new() }),
            Action::Standard(..) | Action::Extension(..) => runs.last_mut()?.entries.push((entry, next)),
        }
        at = next;
    }
    Some(runs)
}

fn push_chain(
    counted: &mut Counted,
    mut run: Run,
    starts: &HashMap<usize, u32>,
    place: Around<'_>,
    names: &mut Names,
) -> Option<()> {
    let chain = counted.table.chains.len() as u32;
    let name = names.intern(&String::from_utf8_lossy(run.name));
    let mut base = None;
    if run.hook.is_some() {
        let (policy, seen) = policy(&run.entries.pop()?.0)?;
        base = base_of(&counted.table.name, &name, policy);
        counted.policies.push((chain, seen));
    } else if run.entries.last().is_some_and(|(entry, _)| {
        entry.is_unconditional() && matches!(entry.action(), Some(Action::Standard(RETURN, _)))
    }) {
        run.entries.pop();
    }
    let mut rules = Vec::with_capacity(run.entries.len());
    for (entry, next) in &run.entries {
        let matches = entry.matches(place.sets, names)?.into();
        let target = target(place, entry.action()?, *next, starts, names);
        counted.rules.push((chain, rules.len() as u32, entry.counters()?));
        rules.push(Rule { handle: None, body: Body::Iptables(xt::Rule { matches, target }) });
    }
    counted.table.chains.push(Chain { name, base, rules, details: Default::default() });
    Some(())
}

/// What the last entry of a built-in chain says.
fn policy(entry: &Entry) -> Option<(Policy, Counters)> {
    let policy = match entry.action()? {
        Action::Standard(ACCEPT, _) => Policy::Accept,
        Action::Standard(DROP, _) => Policy::Drop,
        Action::Standard(..) | Action::Error(_) | Action::Extension(..) => return None,
    };
    Some((policy, entry.counters()?))
}

/// Where a built-in chain hangs. `None` for tables that are not the kernel's own: nothing tells their priority.
fn base_of(table: &str, chain: &str, policy: Policy) -> Option<Base> {
    let known = builtin(table, chain)?;
    Some(Base {
        kind: known.kind,
        hook: known.hook,
        priority: known.priority(Backend::IptablesLegacy),
        policy,
        registration: Registration::Registered(Place::Guessed(0)),
    })
}

fn target(place: Around<'_>, action: Action, next: usize, starts: &HashMap<usize, u32>, names: &mut Names) -> Target {
    let (verdict, goto) = match action {
        Action::Standard(verdict, goto) => (verdict, goto),
        Action::Extension(name, revision, bytes) => {
            return decode_target(place, &String::from_utf8_lossy(name), revision, bytes, names);
        }
        // Those begin chains; none is left here.
        Action::Error(name) => return Target::Opaque(opaque("ERROR", 0, name, names)),
    };
    match verdict {
        ACCEPT => return Target::Accept,
        DROP => return Target::Drop,
        QUEUE => return Target::Queue,
        RETURN => return Target::Return,
        _ => {}
    }
    match usize::try_from(verdict) {
        Ok(there) if there == next => return Target::Continue,
        Ok(there) => match starts.get(&there) {
            Some(chain) if goto => return Target::Goto(*chain),
            Some(chain) => return Target::Jump(*chain),
            None => {}
        },
        Err(_) => {}
    }
    // A jump into the middle of a chain, or a verdict that no tool gives.
    Target::Opaque(opaque("standard", u8::from(goto), &verdict.to_ne_bytes(), names))
}
