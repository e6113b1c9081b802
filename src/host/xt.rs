//! xtables matches and targets: the form of a rule that `iptables` or `ip6tables` made (iptables-extensions(8)).
//!
//! Types hold what the kernel's structs hold (include/uapi/linux/netfilter/xt_*.h), so that a rule read from text and the
//! same rule read from the kernel are equal. Extensions that are not known here are kept as [`Opaque`] words: they print
//! as they came and evaluate to unknown.

mod matches;
mod sets;
mod targets;

use std::net::IpAddr;

use ipnet::IpNet;

use super::names::Name;

pub use matches::*;
pub use sets::*;
pub use targets::*;

/// A rule: it holds when all matches hold, and then does what its target says.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// The conditions, in the order in which `iptables-save` prints them: source, destination, incoming and outgoing
    /// interface, protocol, fragment, then the `-m` matches as they were given.
    pub matches: Box<[Match]>,
    /// What happens when all of them hold.
    pub target: Target,
}

/// Something that a `!` before it turns around.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Neg<T> {
    /// Whether there is a `!`.
    pub not: bool,
    /// What is asked.
    pub value: T,
}

impl<T> Neg<T> {
    /// Asked as it stands.
    pub fn is(value: T) -> Neg<T> {
        Neg { not: false, value }
    }

    /// Asked with `!`.
    pub fn not(value: T) -> Neg<T> {
        Neg { not: true, value }
    }
}

/// Addresses that a mask selects.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum AddressMask {
    /// A prefix. The host bits are zero, as the kernel keeps them; only some extensions keep what they were given.
    Net(IpNet),
    /// An address and a mask that is no prefix (`10.0.0.1/255.0.0.255`), both of one family.
    Bits(Box<(IpAddr, IpAddr)>),
}

/// Interface names: one, or all that start alike (`veth+`).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct InterfacePattern {
    /// The name, or what the names start with.
    pub name: Name,
    /// Whether more may follow (a trailing `+`).
    pub prefix: bool,
}

impl InterfacePattern {
    /// Whether an interface with this name fits.
    pub fn fits(&self, name: &str) -> bool {
        if self.prefix { name.starts_with(&*self.name) } else { name == &*self.name }
    }

    /// The names that a register of 16 bytes equals as far as these go (`nft_cmp_eval`): nft compares fewer, without the zero that ends a
    /// name, where all that start so are meant.
    pub fn of_bytes(data: &[u8]) -> InterfacePattern {
        let prefix = !data.contains(&0) && data.len() < 16;
        InterfacePattern { name: name_in(data), prefix }
    }

    /// The names between two, both included, as bytes of a set or a range; `None`: they are not one name, nor all that start alike.
    pub fn between(first: &[u8], last: &[u8]) -> Option<InterfacePattern> {
        let end = first.iter().position(|byte| *byte == 0).unwrap_or(first.len());
        let prefix = first != last;
        let alike = last.get(..end) == first.get(..end);
        let wild = last.get(end..).is_some_and(|rest| rest.iter().all(|byte| *byte == 0xff));
        (!prefix || alike && wild).then(|| InterfacePattern { name: name_in(first), prefix })
    }
}

/// The name that bytes hold, up to the zero that ends it.
fn name_in(data: &[u8]) -> Name {
    let name = data.split(|byte| *byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(name).as_ref().into()
}

/// Ports from first to last, both included; a few extensions take them backwards, and then none fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PortRange {
    /// The first port.
    pub first: u16,
    /// The last port.
    pub last: u16,
}

impl PortRange {
    /// A range of one port.
    pub fn one(port: u16) -> PortRange {
        PortRange { first: port, last: port }
    }
}

/// A 32-bit value of which only the masked bits count: `value` equals the packet's `& mask`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Masked {
    /// The value, compared after masking.
    pub value: u32,
    /// The mask.
    pub mask: u32,
}

/// An extension that is kept as it came: a match (`-m NAME WORDS…`) or a target (`-j NAME WORDS…`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opaque {
    /// Its name.
    pub name: Name,
    /// The words after its name, unquoted; `!` is a word of its own.
    pub words: Box<[Name]>,
}
