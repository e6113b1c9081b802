//! New names for old ones, of each kind its own, numbered as they are met. Names that everybody's rules have stay.
//!
//! Patterns of device names (`veth+`) go on fitting those that they fitted, and no other.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use crate::host::names::Name;
use crate::host::net::LinkKind;
use crate::host::ruleset::{BUILTIN, Hook};

/// What is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Kind {
    /// The host.
    Node,
    /// A network namespace.
    Namespace,
    /// A process.
    Process,
    /// A device.
    Device,
    /// A table.
    Table,
    /// A chain.
    Chain,
    /// A set or a map, of nft or of ipset.
    Set,
    /// A stateful object, or a flowtable.
    Object,
    /// A comment.
    Comment,
    /// What a line of a log begins with.
    Prefix,
    /// Something else that has a name: a list of recent addresses, a timer, a path.
    Thing,
    /// A word that is not understood.
    Word,
}

impl Kind {
    /// The kind's names begin so.
    fn stem(self) -> &'static str {
        match self {
            Kind::Node => "node",
            Kind::Namespace => "ns",
            Kind::Process => "process",
            Kind::Device => "dev",
            Kind::Table => "table",
            Kind::Chain => "chain",
            Kind::Set => "set",
            Kind::Object => "object",
            Kind::Comment => "comment ",
            Kind::Prefix => "log ",
            Kind::Thing => "name",
            Kind::Word => "word",
        }
    }

    /// Whether a name of this kind is everybody's.
    fn is_common(self, name: &str) -> bool {
        let hooks = || Hook::ALL.into_iter().map(Hook::name);
        name.is_empty()
            || match self {
                Kind::Device => ["lo", "all", "default"].contains(&name),
                Kind::Table => BUILTIN.iter().any(|known| known.table == name),
                Kind::Chain => {
                    let hook = hooks().any(|hook| hook == name);
                    hook || is_numbered(name, &["__chain"]) || BUILTIN.iter().any(|known| known.chain == name)
                }
                Kind::Set => is_numbered(name, &["__set", "__map"]),
                // What helpers of conntrack are called, and the list that has no other name.
                Kind::Thing => ["DEFAULT", "default"].contains(&name) || HELPERS.contains(&name),
                Kind::Word => name.starts_with('-') || name == "!",
                Kind::Node | Kind::Namespace | Kind::Process | Kind::Object | Kind::Comment | Kind::Prefix => false,
            }
    }
}

/// Helpers that the kernel has (net/netfilter/nf_conntrack_*.c).
const HELPERS: [&str; 11] =
    ["ftp", "tftp", "sip", "irc", "pptp", "amanda", "snmp", "netbios-ns", "sane", "RAS", "Q.931"];

fn is_numbered(name: &str, stems: &[&str]) -> bool {
    let number = |rest: &str| rest == "%d" || !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit());
    stems.iter().any(|stem| name.strip_prefix(stem).is_some_and(number))
}

/// The names of a host, and what becomes of them.
#[derive(Debug, Default)]
pub(super) struct Labels {
    /// In the order in which they are met.
    met: Vec<(Kind, Name)>,
    known: HashSet<(Kind, Name)>,
    /// What device names of a pattern begin with.
    beginnings: BTreeSet<Name>,
    /// What devices of a kind are called.
    stems: HashMap<Name, String>,
    new: HashMap<(Kind, Name), Name>,
    new_beginnings: BTreeMap<Name, Name>,
    /// Old names of every kind.
    old: HashSet<Name>,
}

impl Labels {
    /// Notes a name.
    pub fn note(&mut self, kind: Kind, name: &str) {
        if !kind.is_common(name) && !self.known.contains(&(kind, Name::from(name))) {
            let name = Name::from(name);
            self.known.insert((kind, Arc::clone(&name)));
            self.met.push((kind, name));
        }
    }

    /// Notes what kind of device this is.
    pub fn note_link(&mut self, name: &str, kind: &LinkKind) {
        let stem = match kind {
            LinkKind::Loopback => "lo",
            LinkKind::Plain => "eth",
            LinkKind::Veth => "veth",
            LinkKind::Bridge => "br",
            LinkKind::Macvlan(_) => "macvlan",
            LinkKind::Ipvlan(_) => "ipvlan",
            LinkKind::Vrf(_) => "vrf",
            LinkKind::Other(kind) if kind.len() <= 9 && kind.bytes().all(|byte| byte.is_ascii_lowercase()) => kind,
            LinkKind::Other(_) => Kind::Device.stem(),
        };
        self.note(Kind::Device, name);
        self.stems.entry(name.into()).or_insert_with(|| stem.to_owned());
    }

    /// Notes what the device names of a pattern begin with.
    pub fn note_beginning(&mut self, beginning: &str) {
        if !beginning.is_empty() {
            self.beginnings.insert(beginning.into());
        }
    }

    /// Finds a new name for each.
    pub fn settle(&mut self) {
        self.old = self.met.iter().map(|(_, name)| Arc::clone(name)).chain(self.beginnings.iter().cloned()).collect();
        // Shorter ones come first: one that begins as another does is called as that, with something behind it.
        for (number, beginning) in (1..).zip(&self.beginnings) {
            let outer = self.longest_beginning(beginning).map_or("if", |(_, new)| new);
            let new = self.fresh(|more| format!("{outer}{number}{}-", "x".repeat(more)));
            self.new_beginnings.insert(Arc::clone(beginning), new);
        }
        let mut counts: HashMap<String, usize> = HashMap::new();
        for (kind, name) in &self.met {
            let stem = match (kind, self.longest_beginning(name)) {
                (Kind::Device, Some((_, new))) => new.to_string(),
                (Kind::Device, None) => self.stems.get(name).map_or(kind.stem(), String::as_str).to_owned(),
                _ => kind.stem().to_owned(),
            };
            let count = counts.entry(stem.clone()).or_default();
            let mut new = String::new();
            while new.is_empty() || self.old.contains(new.as_str()) {
                *count += 1;
                new = format!("{stem}{count}");
            }
            self.new.insert((*kind, Arc::clone(name)), new.into());
        }
    }

    /// The first of these names that is no old one.
    fn fresh(&self, name: impl Fn(usize) -> String) -> Name {
        (0..).map(|more| Name::from(name(more))).find(|name| !self.old.contains(name)).unwrap_or_default()
    }

    /// The longest beginning of a pattern that a device's name has, and what stands for it.
    fn longest_beginning(&self, name: &str) -> Option<(&Name, &Name)> {
        self.new_beginnings.iter().filter(|(old, _)| name.starts_with(&***old)).max_by_key(|(old, _)| old.len())
    }

    /// The name that stands for one that was noted.
    pub fn replaced(&self, kind: Kind, name: &str) -> Name {
        self.new.get(&(kind, Name::from(name))).cloned().unwrap_or_else(|| Name::from(name))
    }

    /// What stands for the beginning of device names.
    pub fn replaced_beginning(&self, beginning: &str) -> Name {
        self.new_beginnings.get(beginning).cloned().unwrap_or_else(|| Name::from(beginning))
    }

    /// Whether something has this name that is replaced.
    pub fn has(&self, name: &str) -> bool {
        self.old.contains(name)
    }
}
