//! Devices as numbers, so that "which device" is a field like any other.
//!
//! Where the links of a namespace were read, every link is a class of its own. Where they were not (a bare dump), the names
//! that rules ask for are, and one more class stands for every other device that starts alike, or for any other at all.

mod behind;
mod native;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::OnceLock;

use ipnet::IpNet;

use super::names::cover;
use super::outcome::Values;
use super::set::ValueSet;
use crate::host::xt::{InterfacePattern, Match};
use crate::host::{Body, Namespace, What};

/// A class of devices that no rule tells apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    /// The device with this name.
    Named(String),
    /// Every other device whose name starts like this; with nothing: every other device.
    Others(String),
}

impl Class {
    fn told(&self) -> String {
        match self {
            Class::Named(name) => name.clone(),
            Class::Others(start) => format!("{start}+"),
        }
    }
}

/// The devices of a namespace.
#[derive(Debug, Clone, Default)]
pub(super) struct Devices {
    classes: Vec<Class>,
    /// Those that rules make an exception for (`! -i docker0`), where links were not read.
    excepted: ValueSet,
    /// By which of them networks lie as far as rules let it be seen, where links were not read; looked up when it is first asked.
    behind: OnceLock<Vec<(IpNet, ValueSet)>>,
}

/// How likely a packet comes in by a device that rules make an exception for, beside another: such rules tell what comes from outside
/// from what comes out of a network within.
const WITHIN: f64 = 0.125;
/// How likely a packet leaves by another device than the one by which rules let its network be seen.
const ASIDE: f64 = 0.125;

impl Devices {
    /// The devices of a namespace: its links, or what its rules ask for.
    pub(super) fn of(namespace: &Namespace) -> Devices {
        if namespace.is_read(What::Links) {
            let classes = namespace.links.iter().map(|link| Class::Named(link.name.clone())).collect();
            return Devices { classes, ..Devices::default() };
        }
        let mut classes = BTreeSet::from([Class::Named("lo".to_owned()), Class::Others(String::new())]);
        let mut excepted = BTreeSet::new();
        let mut ask = |(pattern, not): (&InterfacePattern, bool)| {
            let name = pattern.name.to_string();
            let class = if pattern.prefix { Class::Others(name) } else { Class::Named(name) };
            if not && class != Class::Others(String::new()) {
                excepted.insert(class.clone());
            }
            classes.insert(class);
        };
        for (id, chain) in namespace.ruleset.chains() {
            for rule in &chain.rules {
                rule.body.matches().flat_map(patterns).for_each(&mut ask);
                if let Body::Nft(rule) = &rule.body {
                    let asked = native::asked(namespace.ruleset.table(id), rule);
                    asked.iter().map(|(pattern, not)| (pattern, *not)).for_each(&mut ask);
                }
            }
            chain.details.devices.iter().map(|pattern| (pattern, false)).for_each(&mut ask);
        }
        let classes: Vec<Class> = classes.into_iter().collect();
        let excepted = (0..).zip(&classes).filter(|(_, class)| excepted.contains(class)).map(|(i, _)| (i, i));
        let excepted = ValueSet::from_ranges(excepted);
        Devices { excepted, classes, behind: OnceLock::new() }
    }

    fn behind(&self, namespace: &Namespace) -> &[(IpNet, ValueSet)] {
        self.behind.get_or_init(|| {
            if namespace.is_read(What::Links) {
                return Vec::new();
            }
            let rules = namespace.ruleset.chains().flat_map(|(_, chain)| &chain.rules);
            rules.filter_map(behind::told).map(|(net, pattern)| (net, self.fitting(&pattern))).collect()
        })
    }

    /// How likely a packet to this address leaves by one of these devices of the namespace, compared with others.
    pub(super) fn weight_leaving(&self, namespace: &Namespace, to: Option<IpAddr>, set: &ValueSet) -> f64 {
        let behind = self.behind(namespace);
        let around = || behind.iter().filter(|(net, _)| to.is_some_and(|to| net.contains(&to)));
        let Some(nearest) = around().map(|(net, _)| net.prefix_len()).max() else { return set.size() };
        let those = around().filter(|(net, _)| net.prefix_len() == nearest);
        let there = those.fold(ValueSet::empty(), |all, (_, by)| all.or(by)).and(set).size();
        there + ASIDE * (set.size() - there)
    }

    /// How likely a packet comes in by one of these devices, compared with others.
    pub(super) fn weight(&self, set: &ValueSet) -> f64 {
        let within = set.and(&self.excepted).size();
        set.size() - within + WITHIN * within
    }

    /// The number of the device with this name.
    pub(super) fn number(&self, name: &str) -> Option<u128> {
        self.classes.iter().position(|class| matches!(class, Class::Named(known) if known == name)).map(|i| i as u128)
    }

    /// The number of the class that a device with this name belongs to: its own, or that of the others that start alike.
    pub(super) fn class_of(&self, name: &str) -> u128 {
        let others = |class: &Class| match class {
            Class::Others(start) if name.starts_with(start.as_str()) => Some(start.len()),
            Class::Others(_) | Class::Named(_) => None,
        };
        let best = || {
            let fitting = self.classes.iter().enumerate().filter_map(|(i, class)| Some((others(class)?, i)));
            fitting.max().map(|(_, i)| i as u128)
        };
        self.number(name).or_else(best).unwrap_or(self.classes.len() as u128)
    }

    /// The name of a device, where the number stands for just one.
    pub(super) fn name(&self, number: u128) -> Option<&str> {
        match self.classes.get(usize::try_from(number).ok()?)? {
            Class::Named(name) => Some(name),
            Class::Others(_) => None,
        }
    }

    /// Whether the devices with this number fit the pattern: all of them do, or none.
    pub(super) fn fits(&self, number: u128, pattern: &InterfacePattern) -> bool {
        match usize::try_from(number).ok().and_then(|i| self.classes.get(i)) {
            Some(Class::Named(name)) => pattern.fits(name),
            Some(Class::Others(start)) => pattern.prefix && start.starts_with(&*pattern.name),
            None => false,
        }
    }

    /// The numbers of the devices that fit the pattern.
    pub(super) fn those(&self, pattern: &InterfacePattern) -> impl Iterator<Item = u128> {
        (0..self.classes.len() as u128).filter(|i| self.fits(*i, pattern))
    }

    /// The devices that fit the pattern.
    pub(super) fn fitting(&self, pattern: &InterfacePattern) -> ValueSet {
        ValueSet::from_ranges(self.those(pattern).map(|i| (i, i)))
    }

    /// Every device but `lo`.
    pub(super) fn all_but_loopback(&self) -> ValueSet {
        let all = ValueSet::range(0, self.classes.len() as u128 - 1);
        match self.number("lo") {
            Some(lo) => all.minus(&ValueSet::one(lo)),
            None => all,
        }
    }

    /// Whether the set holds the class of all devices that nothing names.
    pub(super) fn is_open(&self, set: &ValueSet) -> bool {
        self.classes
            .iter()
            .position(|class| *class == Class::Others(String::new()))
            .is_some_and(|i| set.contains(i as u128))
    }

    /// The names in a set, for people: `veth+` for all that start alike.
    pub(super) fn names(&self, set: &ValueSet) -> Vec<String> {
        self.classes
            .iter()
            .enumerate()
            .filter(|(i, _)| set.contains(*i as u128))
            .map(|(_, class)| class.told())
            .collect()
    }

    /// The classes by which a set is told best, and those that these seem to have too but that are among `others`.
    pub(super) fn cover(&self, set: &ValueSet, others: &ValueSet) -> (ValueSet, ValueSet) {
        let (told, except) = cover(&self.names(set), &self.names(others));
        let numbers = |names: Vec<String>| {
            let is_one = |(_, class): &(usize, &Class)| names.contains(&class.told());
            let found = self.classes.iter().enumerate().filter(is_one);
            ValueSet::from_ranges(found.map(|(i, _)| (i as u128, i as u128)))
        };
        (numbers(told), numbers(except))
    }

    /// The names in a set as values of a condition.
    pub(super) fn values(&self, set: &ValueSet) -> Vec<Values> {
        self.names(set).into_iter().map(Values::Name).collect()
    }
}

/// The interface patterns that a match asks for, and whether it holds for all other devices.
fn patterns(matched: &Match) -> impl Iterator<Item = (&InterfacePattern, bool)> {
    match matched {
        Match::InInterface(pattern) | Match::OutInterface(pattern) => Some((&pattern.value, pattern.not)),
        _ => None,
    }
    .into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bare(names: &[&str]) -> Devices {
        let mut classes = BTreeSet::from([Class::Named("lo".to_owned()), Class::Others(String::new())]);
        for name in names {
            classes.insert(match name.strip_suffix('+') {
                Some(start) => Class::Others(start.to_owned()),
                None => Class::Named((*name).to_owned()),
            });
        }
        Devices { classes: classes.into_iter().collect(), ..Devices::default() }
    }

    fn pattern(text: &str) -> InterfacePattern {
        match text.strip_suffix('+') {
            Some(start) => InterfacePattern { name: start.into(), prefix: true },
            None => InterfacePattern { name: text.into(), prefix: false },
        }
    }

    #[test]
    fn patterns_select_the_classes_whose_every_device_fits() {
        let devices = bare(&["veth+", "veth0", "v+", "docker0"]);
        let fitting = |text: &str| devices.names(&devices.fitting(&pattern(text)));
        assert_eq!(fitting("veth0"), ["veth0"]);
        assert_eq!(fitting("veth+"), ["veth0", "veth+"]);
        assert_eq!(fitting("v+"), ["veth0", "v+", "veth+"]);
        assert_eq!(fitting("eth9"), Vec::<String>::new());
        assert_eq!(devices.names(&devices.all_but_loopback()), ["docker0", "veth0", "+", "v+", "veth+"]);
    }
}
