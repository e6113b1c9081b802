//! The entries of a table, one after the other → chains and rules.
//!
//! A table is one run of entries. The chain of a hook begins where the table says; any other chain begins with an `ERROR`
//! entry that bears its name. The last entry of a built-in chain is its policy, that of any other chain a bare return that
//! no one wrote; one more `ERROR` ends the table. Jumps are offsets.

use std::thread;

use super::Counted;
use super::ask::{HOOKS, Info};
use super::entry::{Action, Entry};
use crate::host::ruleset::builtin;
use crate::host::xt::{self, Target};
use crate::host::{
    Backend, Base, Body, Chain, Counters, Family, IpFamily, Names, Place, Policy, QuickMap, Registration, Rule, RuleId,
    Table,
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

/// The positions of chains, by where they start.
type Starts = QuickMap<usize, u32>;

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
    let starts: Starts = runs.iter().enumerate().map(|(at, run)| (run.start, at as u32)).collect();
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
    let place = Around { family: table_family, sets };
    let mut counted = Counted { table, policies: Vec::new(), rules: Vec::new() };
    let (shares, table) = (shares(runs), &counted.table.name);
    let parts: Option<Vec<Part>> = match <[Share; 1]>::try_from(shares) {
        Ok([all]) => part(all, table, &starts, place, names).map(|part| vec![part]),
        Err(shares) => thread::scope(|scope| {
            // Names are shared with nobody: each part has its own.
            let decode = |share| part(share, table, &starts, place, &mut Names::default());
            let parts: Vec<_> = shares.into_iter().map(|share| scope.spawn(move || decode(share))).collect();
            let joined = parts.into_iter().map(|part| match part.join() {
                Ok(part) => part,
                Err(panic) => std::panic::resume_unwind(panic),
            });
            joined.collect()
        }),
    };
    for part in parts? {
        counted.table.chains.extend(part.chains);
        counted.policies.extend(part.policies);
        counted.rules.extend(part.rules);
    }
    Some(counted)
}

/// How many decode at once, at most.
const HANDS: usize = 4;
/// How many entries are worth a thread of their own.
const WORTH: usize = 2000;

/// Chains that one thread decodes, and the position of the first.
struct Share<'a> {
    first: u32,
    runs: Vec<Run<'a>>,
}

/// Chains, and what their policies and rules counted.
#[derive(Default)]
struct Part {
    chains: Vec<Chain>,
    policies: Vec<(u32, Counters)>,
    rules: Vec<(u32, u32, Counters)>,
}

/// The chains in shares of about as many entries each, in their order: one at least.
fn shares(runs: Vec<Run<'_>>) -> Vec<Share<'_>> {
    let entries: usize = runs.iter().map(|run| run.entries.len()).sum();
    let hands = thread::available_parallelism().map_or(1, usize::from).min(HANDS).min(entries / WORTH).max(1);
    let mut shares = vec![Share { first: 0, runs: Vec::new() }];
    let mut filled = 0;
    for (at, run) in (0..).zip(runs) {
        if filled >= entries.div_ceil(hands) {
            shares.push(Share { first: at, runs: Vec::new() });
            filled = 0;
        }
        filled += run.entries.len();
        if let Some(share) = shares.last_mut() {
            share.runs.push(run);
        }
    }
    shares
}

fn part(share: Share<'_>, table: &str, starts: &Starts, place: Around<'_>, names: &mut Names) -> Option<Part> {
    let mut part = Part::default();
    for (chain, run) in (share.first..).zip(share.runs) {
        push_chain(&mut part, (table, chain), run, starts, place, names)?;
    }
    Some(part)
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

/// What rules of a table counted that was read before. Those of a chain that has another length now are left out. `None`
/// where the entries are cut off, or make no sense.
pub(super) fn counts(
    family: IpFamily,
    info: &Info,
    bytes: &[u8],
    table: &Table,
    rules: &[RuleId],
) -> Option<Vec<(RuleId, Counters)>> {
    let runs = runs(family, info, bytes)?;
    let of_rule = |rule: &RuleId| {
        let chain = table.chains.get(rule.chain.chain as usize)?;
        let mut named = runs.iter().filter(|run| run.name == chain.name.as_bytes());
        // A user's chain may be called like a hook that the table has not.
        let run = named.find(|run| run.hook.is_some() == chain.base.is_some())?;
        // The last entry is the policy, or the return that no one wrote.
        let same = run.entries.len() == chain.rules.len() + 1;
        let (entry, _) = run.entries.get(rule.index as usize).filter(|_| same)?;
        Some((*rule, entry.counters()?))
    };
    Some(rules.iter().filter_map(of_rule).collect())
}

fn push_chain(
    part: &mut Part,
    (table, chain): (&str, u32),
    mut run: Run,
    starts: &Starts,
    place: Around<'_>,
    names: &mut Names,
) -> Option<()> {
    let name = names.intern(&String::from_utf8_lossy(run.name));
    let mut base = None;
    if run.hook.is_some() {
        let (policy, seen) = policy(&run.entries.pop()?.0)?;
        base = base_of(table, &name, policy);
        part.policies.push((chain, seen));
    } else if run.entries.last().is_some_and(|(entry, _)| {
        entry.is_unconditional() && matches!(entry.action(), Some(Action::Standard(RETURN, _)))
    }) {
        run.entries.pop();
    }
    let mut rules = Vec::with_capacity(run.entries.len());
    for (entry, next) in &run.entries {
        let matches = entry.matches(place.sets, names)?.into();
        let target = target(place, entry.action()?, *next, starts, names);
        part.rules.push((chain, rules.len() as u32, entry.counters()?));
        rules.push(Rule { handle: None, body: Body::Iptables(xt::Rule { matches, target }) });
    }
    part.chains.push(Chain { name, base, rules, details: Default::default() });
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

fn target(place: Around<'_>, action: Action, next: usize, starts: &Starts, names: &mut Names) -> Target {
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
