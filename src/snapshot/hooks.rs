//! Which base chains are registered, in which order, and which handle each rule has: what the tools' text loses.
//!
//! Knows the order of a listing and of `[hooks]`. Deliberately does not know how the hooks treat priorities (that nat
//! chains share a dispatcher, say).

use std::collections::HashMap;

use super::Trouble;
use super::native;
use super::section::Section;
use crate::host::{
    Backend, Base, ChainId, Family, Handle, Hook, Namespace, Place, Priority, Registration, Ruleset, What,
};

/// A chain that no list of hooks, or a damaged one, told to be missing may well be registered.
pub(super) fn forget(ruleset: &mut Ruleset) {
    let bases = ruleset.tables.iter_mut().flat_map(|table| &mut table.chains).filter_map(|chain| chain.base.as_mut());
    for base in bases.filter(|base| base.registration == Registration::Absent) {
        base.registration = Registration::Registered(Place::Guessed(0));
    }
}

/// Reads `[hooks]`: what is not in it is not registered.
pub(super) fn parse(section: &Section, ruleset: &mut Ruleset, trouble: &mut Trouble) {
    let mut guessed = false;
    let mut ranks: HashMap<(Hook, Priority), u32> = HashMap::new();
    let mut found: HashMap<ChainId, Registration> = HashMap::new();
    let chains = chains_by_name(ruleset);
    for (line, text) in section.lines() {
        if let Some(order) = text.strip_prefix("order:") {
            match order.trim() {
                "known" => guessed = false,
                "guessed" => guessed = true,
                _ => trouble.bad(line, "order is either known or guessed"),
            }
            continue;
        }
        let Some(hook_line) = HookLine::read(text) else {
            trouble.bad(line, "not a line such as: prerouting -100 ip nat PREROUTING iptables-nft");
            continue;
        };
        let (family, backend) = (hook_line.family.name(), hook_line.backend.name());
        let chain = chains.get(&(family, backend, hook_line.table, hook_line.chain.clone()));
        let base = chain.and_then(|chain| ruleset.chain(*chain).base.as_ref().map(|base| (*chain, base)));
        let Some((chain, base)) = base.filter(|(_, base)| base.hook == hook_line.hook) else {
            trouble.bad(line, "no rules of this recording have such a base chain");
            continue;
        };
        let rank = ranks.entry((base.hook, base.priority)).or_default();
        let registration = match &*hook_line.state {
            "dormant" => Registration::Dormant,
            "guessed" => Registration::Registered(Place::Guessed(*rank)),
            _ if guessed => Registration::Registered(Place::Guessed(*rank)),
            _ => Registration::Registered(Place::Known(*rank)),
        };
        if registration != Registration::Dormant {
            *rank += 1;
        }
        if base.priority != hook_line.priority {
            trouble.bad(line, format!("{} has priority {} in its table", hook_line.chain, base.priority));
        }
        if found.insert(chain, registration).is_some() {
            trouble.bad(line, format!("{} was there before", hook_line.chain));
        }
    }
    for (t, table) in ruleset.tables.iter_mut().enumerate() {
        for (c, chain) in table.chains.iter_mut().enumerate() {
            if let Some(base) = &mut chain.base {
                let id = ChainId { table: t as u32, chain: c as u32 };
                base.registration = found.get(&id).copied().unwrap_or(Registration::Absent);
            }
        }
    }
}

type ChainName = (&'static str, &'static str, String, String);

fn chains_by_name(ruleset: &Ruleset) -> HashMap<ChainName, ChainId> {
    ruleset
        .chains()
        .map(|(id, chain)| {
            let table = ruleset.table(id);
            ((table.family.name(), table.backend.name(), table.name.to_string(), chain.name.to_string()), id)
        })
        .collect()
}

/// `prerouting -100 ip nat PREROUTING iptables-nft`, perhaps with `dormant` or `guessed` after it.
struct HookLine {
    hook: Hook,
    priority: Priority,
    family: Family,
    table: String,
    chain: String,
    backend: Backend,
    state: String,
}

impl HookLine {
    fn read(text: &str) -> Option<HookLine> {
        let words = native::split(text)?;
        let mut words = words.into_iter().map(|word| word.text);
        let line = HookLine {
            hook: Hook::from_name(&words.next()?)?,
            priority: Priority(words.next()?.parse().ok()?),
            family: family(&words.next()?)?,
            table: words.next()?,
            chain: words.next()?,
            backend: backend(&words.next()?)?,
            state: words.next().unwrap_or_default(),
        };
        (matches!(&*line.state, "" | "dormant" | "guessed") && words.next().is_none()).then_some(line)
    }
}

fn family(name: &str) -> Option<Family> {
    [Family::Ip, Family::Ip6, Family::Inet, Family::Arp, Family::Bridge, Family::Netdev]
        .into_iter()
        .find(|family| family.name() == name)
}

fn backend(name: &str) -> Option<Backend> {
    [Backend::IptablesLegacy, Backend::IptablesNft, Backend::Nft].into_iter().find(|backend| backend.name() == name)
}

/// Writes `[hooks]` in the order in which the chains run.
pub(super) fn print(out: &mut String, ns: &Namespace) {
    let ruleset = &ns.ruleset;
    let mut bases: Vec<(ChainId, &Base)> = ruleset
        .chains()
        .filter_map(|(id, chain)| chain.base.as_ref().map(|base| (id, base)))
        .filter(|(_, base)| base.registration != Registration::Absent)
        .collect();
    let rank = |base: &Base| match base.registration {
        Registration::Registered(place) => place.rank(),
        Registration::Dormant | Registration::Absent => u32::MAX,
    };
    bases.sort_by_key(|(_, base)| (base.hook, base.priority, rank(base)));
    let known = bases.iter().any(|(_, base)| matches!(base.registration, Registration::Registered(Place::Known(_))));
    let known = known || ns.is_read(What::Hooks) && bases.is_empty();
    out.push_str(if known { "order: known\n" } else { "order: guessed\n" });
    for (id, base) in bases {
        let table = ruleset.table(id);
        let state = match base.registration {
            Registration::Registered(Place::Guessed(_)) if known => " guessed",
            Registration::Dormant => " dormant",
            Registration::Registered(_) | Registration::Absent => "",
        };
        let (chain, name) = (native::name(&ruleset.chain(id).name), native::name(&table.name));
        let (family, backend) = (table.family, table.backend);
        out.push_str(&format!("{} {} {family} {name} {chain} {backend}{state}\n", base.hook, base.priority));
    }
}

/// Reads `[handles]`: `iptables-nft ip nat PREROUTING: 14 15 -`, one for each rule.
pub(super) fn parse_handles(section: &Section, ruleset: &mut Ruleset, trouble: &mut Trouble) {
    let chains = chains_by_name(ruleset);
    for (line, text) in section.lines() {
        let Some((names, handles)) = text.rsplit_once(": ") else {
            trouble.bad(line, "not a line such as: iptables-nft ip nat PREROUTING: 14 15");
            continue;
        };
        let words: Vec<String> = native::split(names).into_iter().flatten().map(|word| word.text).collect();
        let chain = match &words[..] {
            [tool, kin, table, chain] => backend(tool).zip(family(kin)).and_then(|(backend, family)| {
                chains.get(&(family.name(), backend.name(), table.clone(), chain.clone())).copied()
            }),
            _ => None,
        };
        let Some(id) = chain else {
            trouble.bad(line, "no rules of this recording have such a chain");
            continue;
        };
        let rules = &mut ruleset.tables[id.table as usize].chains[id.chain as usize].rules;
        let handles: Vec<&str> = handles.split_whitespace().collect();
        if handles.len() != rules.len() {
            trouble.bad(line, format!("{} handles for {} rules: they are not read", handles.len(), rules.len()));
            continue;
        }
        for (rule, handle) in rules.iter_mut().zip(handles) {
            rule.handle = handle.parse().ok().map(Handle);
        }
    }
}

/// Writes `[handles]` for the chains that have any; nothing at all where none has. Native rules have theirs beside them.
pub(super) fn print_handles(out: &mut String, ruleset: &Ruleset) {
    let mut titled = false;
    let listed = |id| ruleset.table(id).backend != Backend::Nft;
    let chains = ruleset.chains().filter(|(id, _)| listed(*id));
    for (id, chain) in chains.filter(|(_, chain)| chain.rules.iter().any(|rule| rule.handle.is_some())) {
        if !std::mem::replace(&mut titled, true) {
            out.push_str("\n[handles]\n");
        }
        let table = ruleset.table(id);
        let (name, of) = (native::name(&chain.name), native::name(&table.name));
        out.push_str(&format!("{} {} {of} {name}:", table.backend, table.family));
        for rule in &chain.rules {
            match rule.handle {
                Some(Handle(handle)) => out.push_str(&format!(" {handle}")),
                None => out.push_str(" -"),
            }
        }
        out.push('\n');
    }
}
