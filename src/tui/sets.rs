//! The sets and maps that rules look into, and what is in them, element by element: nf_tables' named ones and ipset's.
//!
//! Texts are made for the elements that are asked for, and not kept. What a packet met is not known here.

use crate::explain::uncounted;
use crate::host::ipset::{IpSet, Key, Seen, SetType};
use crate::host::nft::{self, Count, Expression, SetFlags};
use crate::host::xt::{Match, Target};
use crate::host::{Body, ElementId, Name, Namespace, RuleId, SetId, What};
use crate::syntax::{ipset, nft as language};
use crate::walk::why::Met;

/// Lists of sets within lists, as deep as they are followed.
const DEPTH: u8 = 4;

/// A set of a namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Holder {
    /// A set or map of nf_tables.
    Native(SetId),
    /// One of ipset's, by its position.
    Ipset(u32),
}

/// A set by the name that a rule has for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Named<'a> {
    /// One of the rule's table.
    Native(&'a Name),
    /// One of ipset's.
    Ipset(&'a Name),
}

/// The sets that a rule looks into, each with the part of the rule that does; `None`: what it does where everything holds.
pub(super) fn asked(body: &Body) -> impl Iterator<Item = (Option<u16>, Named<'_>)> {
    let native = match body {
        Body::Iptables(_) => &[][..],
        Body::Nft(rule) => &rule.expressions[..],
    };
    let native = (0..).zip(native).filter_map(|(part, expression)| match expression {
        Expression::Lookup { set, .. } | Expression::ObjectMap { set, .. } => Some((Some(part), Named::Native(set))),
        _ => None,
    });
    let ipsets = body.indexed_matches().filter_map(|(part, matched)| match matched {
        Match::Set(set) => Some((Some(part), Named::Ipset(&set.set.name))),
        _ => None,
    });
    let mapped = body.target().and_then(|target| match target {
        Target::Set(target) => target.map.as_ref().map(|map| (None, Named::Ipset(&map.name))),
        _ => None,
    });
    native.chain(ipsets).chain(mapped)
}

/// The set that a rule names; `None`: there is none that is known.
pub(super) fn holder(ns: &Namespace, rule: RuleId, named: Named<'_>) -> Option<Holder> {
    let at = match named {
        Named::Native(name) => {
            let sets = &ns.ruleset.table(rule.chain).sets;
            let set = sets.iter().position(|set| set.name == *name)? as u32;
            return Some(Holder::Native(SetId { table: rule.chain.table, set }));
        }
        Named::Ipset(name) => ns.ipsets.iter().position(|set| set.name == *name)?,
    };
    Some(Holder::Ipset(at as u32))
}

/// Where an element stands that a packet met: its set, and its position there.
pub(super) fn place(ns: &Namespace, met: Met) -> (Holder, usize) {
    match met {
        Met::Native(ElementId { table, set, element }) => {
            let holder = Holder::Native(SetId { table, set });
            let last = || holder.contents(ns).map_or(0, |contents| contents.count().saturating_sub(1));
            (holder, element.map_or_else(last, |element| element as usize))
        }
        Met::Ipset { set, element } => (Holder::Ipset(set), element as usize),
    }
}

impl Holder {
    /// The set; and, where it is a list of sets, those that are in it.
    pub(super) fn with_members(self, ns: &Namespace, number: &dyn Fn(&Name) -> Option<u32>) -> Vec<Holder> {
        let mut all = vec![self];
        let mut next = vec![(self, DEPTH)];
        while let Some((holder, depth)) = next.pop() {
            let Some(list) = holder.ipset(ns).filter(|set| depth > 0 && set.kind == SetType::ListSet) else { continue };
            for element in &list.elements {
                let Key::Set(name) = &element.key else { continue };
                let Some(member) = number(name).map(Holder::Ipset).filter(|member| !all.contains(member)) else {
                    continue;
                };
                all.push(member);
                next.push((member, depth - 1));
            }
        }
        all
    }

    /// Whether it is a list of sets that another one is in.
    pub(super) fn lists(self, ns: &Namespace, member: Holder) -> bool {
        let number = |name: &Name| ns.ipsets.iter().position(|set| set.name == *name).map(|at| at as u32);
        matches!(self, Holder::Ipset(_)) && self.with_members(ns, &number)[1..].contains(&member)
    }

    fn native(self, ns: &Namespace) -> Option<&nft::Set> {
        let Holder::Native(SetId { table, set }) = self else { return None };
        ns.ruleset.tables.get(table as usize)?.sets.get(set as usize)
    }

    fn ipset(self, ns: &Namespace) -> Option<&IpSet> {
        let Holder::Ipset(at) = self else { return None };
        ns.ipsets.get(at as usize)
    }

    /// Whether it was made for one rule, in whose text all of it stands.
    pub(super) fn is_anonymous(self, ns: &Namespace) -> bool {
        self.native(ns).is_some_and(|set| set.flags.contains(SetFlags::ANONYMOUS))
    }

    /// Whether it gives something for a key.
    pub(super) fn is_map(self, ns: &Namespace) -> bool {
        self.native(ns).is_some_and(|set| set.flags.intersects(SetFlags::MAP | SetFlags::OBJECT))
    }

    /// Its name, as its tool writes it in rules.
    pub(super) fn name(self, ns: &Namespace) -> String {
        match (self.native(ns), self.ipset(ns)) {
            (Some(set), _) => format!("@{}", set.name),
            (None, Some(set)) => set.name.to_string(),
            (None, None) => String::new(),
        }
    }

    /// What it is made of: `ipv4_addr . inet_service : verdict`, `hash:ip`.
    pub(super) fn kind(self, ns: &Namespace) -> String {
        match (self.native(ns), self.ipset(ns)) {
            (Some(set), _) => language::set_type(set),
            (None, Some(set)) => set.kind.name().to_owned(),
            (None, None) => String::new(),
        }
    }

    /// Whether it is known what is in it.
    pub(super) fn is_read(self, ns: &Namespace) -> bool {
        match self {
            Holder::Native(_) => self.native(ns).is_some_and(|set| set.contents().is_some()),
            Holder::Ipset(_) => ns.is_read(What::IpSets),
        }
    }

    /// What is in it; `None`: nobody has read that.
    pub(super) fn contents(self, ns: &Namespace) -> Option<Contents<'_>> {
        match self {
            Holder::Native(id) => language::Contents::of(ns, id).map(Contents::Native),
            Holder::Ipset(at) => {
                let set = self.ipset(ns).filter(|_| ns.is_read(What::IpSets))?;
                Some(Contents::Ipset(ns, set, ns.observations.ipsets.get(at as usize)))
            }
        }
    }

    /// How many elements it has, as far as that is known, and that nobody has read which; with what it would take.
    pub(super) fn unread(self, ns: &Namespace) -> String {
        let (count, needs) = match self.native(ns).and_then(|set| set.counted.as_deref()) {
            Some(counted) => (Some(counted.count), counted.needs.get().map(|needs| &**needs)),
            None => (None, ns.unread(What::IpSets).map(|unread| unread.needs.as_str())),
        };
        let count = match count {
            Some(Count::Exactly(count)) => format!("{count} elements, "),
            Some(Count::MoreThan(count)) => format!("more than {count} elements, "),
            None => String::new(),
        };
        format!("{count}{}", not_read(needs))
    }
}

/// What is in a set.
pub(super) enum Contents<'a> {
    Native(language::Contents<'a>),
    Ipset(&'a Namespace, &'a IpSet, Option<&'a Seen>),
}

impl Contents<'_> {
    /// How many elements there are.
    pub(super) fn count(&self) -> usize {
        match self {
            Contents::Native(contents) => contents.count(),
            Contents::Ipset(_, set, _) => set.elements.len(),
        }
    }

    /// The element at this position, as its tool writes it. It comes from outside.
    pub(super) fn text(&self, at: usize) -> String {
        match self {
            Contents::Native(contents) => {
                let text = contents.text(at);
                if text.contains("counter ") { uncounted(&text).into_owned() } else { text }
            }
            Contents::Ipset(_, set, seen) => set.elements.get(at).map_or_else(String::new, |element| {
                let timeout = seen.and_then(|seen| seen.timeouts.get(at)).copied().filter(|seconds| *seconds > 0);
                ipset::timed_text(element, timeout)
            }),
        }
    }

    /// The same; of a list of sets with what each of them is.
    pub(super) fn told(&self, at: usize) -> String {
        let text = self.text(at);
        let member = match self {
            Contents::Ipset(ns, set, _) => match set.elements.get(at).map(|element| &element.key) {
                Some(Key::Set(name)) => ns.ipsets.iter().find(|set| set.name == *name),
                _ => None,
            },
            Contents::Native(_) => None,
        };
        match member {
            Some(set) => format!("{text} ({}, {})", set.kind.name(), count_text(set.elements.len())),
            None => text,
        }
    }
}

/// That nobody has read what is in a set that a rule names, and there is nothing of it.
pub(super) fn absent(ns: &Namespace, named: Named<'_>) -> String {
    let needs = ns.unread(What::IpSets).map(|unread| unread.needs.as_str());
    match named {
        Named::Native(name) => format!("@{name} · {}", not_read(None)),
        Named::Ipset(name) => format!("{name} · {}", not_read(needs)),
    }
}

fn not_read(needs: Option<&str>) -> String {
    match needs.filter(|needs| !needs.is_empty()) {
        Some(needs) => format!("not read (needs {needs})"),
        None => "not read yet".to_owned(),
    }
}

/// `no elements`, `1 element`, `12 elements`.
pub(super) fn count_text(count: usize) -> String {
    match count {
        0 => "no elements".to_owned(),
        1 => "1 element".to_owned(),
        _ => format!("{count} elements"),
    }
}
