//! A table while it is read: what is listed of it, and whether it is to be in iptables' form.
//!
//! A table is iptables' if it has the name and the base chains of one that iptables-nft makes, nothing beside them that iptables has no
//! place for, and if all of its rules lift: the last of this shows only when they are read.

use super::Listed;
use crate::host::ruleset::{BUILTIN, BuiltinChain, builtin};
use crate::host::{
    Backend, Base, Chain, ChainId, Counters, Family, Name, Observations, Policy, QuickMap, Registration, Table, nft,
};

/// The chains of a table, and what their policies counted.
pub(super) type Chains = Vec<(Chain, Option<Counters>)>;

/// The positions of a table's chains, by their names.
pub(super) type Numbers = QuickMap<Name, u32>;

/// A table as far as it is read.
pub(super) struct Draft {
    pub(super) listed: Listed,
    pub(super) chains: Chains,
    pub(super) numbers: Numbers,
    pub(super) sets: Vec<nft::Set>,
    /// What of it the model has no place for.
    pub(super) untold: Vec<String>,
    /// It is to be in iptables' form.
    pub(super) lifting: bool,
}

impl Draft {
    /// A table with what is listed of it, to be in iptables' form if it looks like one of iptables'.
    pub(super) fn new(listed: Listed, mut chains: Chains, sets: Vec<nft::Set>, untold: Vec<String>) -> Draft {
        let lifting = sets.is_empty() && untold.is_empty() && may_be_iptables(&listed, &chains);
        if lifting {
            // iptables has no handles of chains.
            chains.iter_mut().for_each(|(chain, _)| chain.details = Default::default());
            arrange(&listed.name, &mut chains);
        }
        Draft { numbers: numbers(&chains), listed, chains, sets, untold, lifting }
    }

    /// Makes it a native table, with its chains as they are listed.
    pub(super) fn make_native(&mut self, chains: Chains) {
        self.numbers = numbers(&chains);
        self.chains = chains;
        self.lifting = false;
    }

    /// The table without its rules: whether it is iptables' is what it looks like so far.
    pub(super) fn outline(&self) -> Table {
        Table {
            family: self.listed.family,
            name: self.listed.name.clone(),
            backend: self.backend(),
            chains: self.chains.iter().map(|(chain, _)| chain.clone()).collect(),
            sets: Vec::new(),
            particulars: nft::Particulars::default(),
        }
    }

    fn backend(&self) -> Backend {
        if self.lifting { Backend::IptablesNft } else { Backend::Nft }
    }

    /// The table, at this position, once everything is read; what its policies counted is noted.
    pub(super) fn finish(self, index: u32, observations: &mut Observations) -> Table {
        let backend = self.backend();
        let Draft { listed: Listed { number: _, family, name, particulars }, chains, sets, lifting, .. } = self;
        let policies = chains.iter().enumerate().filter_map(|(at, (_, counted))| Some((at as u32, (*counted)?)));
        observations.policies.extend(policies.map(|(chain, counted)| (ChainId { table: index, chain }, counted)));
        Table {
            family,
            name,
            backend,
            chains: chains.into_iter().map(|(chain, _)| chain).collect(),
            sets,
            // iptables has no place for any.
            particulars: if lifting { nft::Particulars::default() } else { particulars },
        }
    }
}

fn numbers(chains: &Chains) -> Numbers {
    chains.iter().enumerate().map(|(at, (chain, _))| (chain.name.clone(), at as u32)).collect()
}

/// Whether a table has the name and the base chains of one that iptables-nft makes (`nft_is_table_compatible`).
fn may_be_iptables(listed: &Listed, chains: &Chains) -> bool {
    let nft::Particulars { handle: _, flags: _, owner: _, comment: _, objects, flowtables, untold } =
        &listed.particulars;
    matches!(listed.family, Family::Ip | Family::Ip6)
        && objects.is_empty()
        && flowtables.is_empty()
        && untold.is_empty()
        && chains.iter().all(|(chain, _)| is_plain(&chain.details))
        && BUILTIN.iter().any(|known| known.table == &*listed.name)
        && chains.iter().all(|(chain, _)| match &chain.base {
            None => builtin(&listed.name, &chain.name).is_none(),
            Some(base) => builtin(&listed.name, &chain.name).is_some_and(|known| is_like(base, known)),
        })
}

/// Whether nothing is told of a chain that iptables has no place for.
fn is_plain(nft::ChainDetails { handle: _, comment, devices, flags }: &nft::ChainDetails) -> bool {
    comment.is_none() && devices.is_empty() && flags.is_empty()
}

fn is_like(base: &Base, known: &BuiltinChain) -> bool {
    (base.kind, base.hook, base.priority) == (known.kind, known.hook, known.priority(Backend::IptablesNft))
}

/// Puts the chains of an iptables table into the order in which iptables-save lists them: the built-in ones by their
/// hook, those that are not there as absent, then the user's by name.
fn arrange(table: &str, chains: &mut Chains) {
    let place = |name: &str| BUILTIN.iter().position(|known| known.table == table && known.chain == name);
    for known in BUILTIN.iter().filter(|known| known.table == table) {
        if !chains.iter().any(|(chain, _)| &*chain.name == known.chain) {
            let base = Base {
                kind: known.kind,
                hook: known.hook,
                priority: known.priority(Backend::IptablesNft),
                policy: Policy::Accept,
                registration: Registration::Absent,
            };
            let (name, base) = (known.chain.into(), Some(base));
            chains.push((Chain { name, base, rules: Vec::new(), details: Default::default() }, None));
        }
    }
    chains.sort_by(|(a, _), (b, _)| {
        let key = |chain: &Chain| place(&chain.name).unwrap_or(usize::MAX);
        key(a).cmp(&key(b)).then_with(|| a.name.cmp(&b.name))
    });
}
