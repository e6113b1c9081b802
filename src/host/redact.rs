//! A host that can be shown to strangers: addresses, names and comments are replaced, each by the same one wherever it
//! stands, and everything else is as it was.
//!
//! What a packet does in it is what it does in the host that it was made of: addresses keep their family and what has a
//! meaning of its own (loopback, private and multicast networks), prefixes that two of them have in common, and their order;
//! built-in chains, the device `lo` and the tables of iptables keep their names; numbers (ports, marks, uids, counters) stay.
//! What is not understood, and might hold anything, is emptied. The new values tell nothing of the old ones but how they lie
//! among each other: they are not computed from them.
//!
//! Deliberately does not look for secrets in numbers, nor in what a person types.

mod addresses;
mod ipsets;
mod iptables;
mod labels;
mod native;
mod places;
mod registers;

use std::net::IpAddr;

use ipnet::IpNet;

use super::Host;
use super::names::Name;
use super::net::Mac;
use addresses::Addresses;
use labels::{Kind, Labels};

/// The host with everything replaced, and these addresses as they are called in it.
pub fn redacted(host: &Host, asked: &[IpAddr]) -> (Host, Vec<IpAddr>) {
    let (mut host, mut asked) = (host.clone(), asked.to_vec());
    let mut words = Words::default();
    for stage in [Stage::Gather, Stage::Replace] {
        words.enter(stage);
        places::host(&mut words, &mut host);
        asked.iter_mut().for_each(|address| words.address(address));
    }
    (host, asked)
}

/// What is done to each word that is met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Stage {
    /// It is noted: what becomes of one depends on all.
    #[default]
    Gather,
    /// It is replaced.
    Replace,
}

/// What is replaced, and by what.
#[derive(Debug, Default)]
struct Words {
    stage: Stage,
    addresses: Addresses,
    labels: Labels,
}

impl Words {
    fn enter(&mut self, stage: Stage) {
        self.stage = stage;
        if stage == Stage::Replace {
            self.addresses.settle();
            self.labels.settle();
        }
    }

    /// An address.
    fn address(&mut self, address: &mut IpAddr) {
        match self.stage {
            Stage::Gather => self.addresses.note(*address),
            Stage::Replace => *address = self.addresses.replaced(*address),
        }
    }

    /// A prefix, be it with an address in it.
    fn net(&mut self, net: &mut IpNet) {
        match self.stage {
            Stage::Gather => {
                self.addresses.note_net(net.trunc());
                if net.addr() != net.network() {
                    self.addresses.note(net.addr());
                }
            }
            Stage::Replace => {
                let address = match net.addr() == net.network() {
                    true => self.addresses.replaced_net(*net),
                    false => self.addresses.replaced(net.addr()),
                };
                *net = IpNet::new(address, net.prefix_len()).unwrap_or(*net);
            }
        }
    }

    /// The addresses from the first to the last.
    fn range(&mut self, first: &mut IpAddr, last: &mut IpAddr) {
        if let Some(mut net) = addresses::prefix(*first, *last) {
            self.net(&mut net);
            (*first, *last) = (net.network(), net.broadcast());
            return;
        }
        match self.stage {
            Stage::Gather => self.addresses.note_range(*first, *last),
            Stage::Replace => {
                (*first, *last) = (self.addresses.replaced(*first), self.addresses.replaced(*last));
            }
        }
    }

    /// A link-layer address.
    fn mac(&mut self, mac: &mut Mac) {
        match self.stage {
            Stage::Gather => self.addresses.note_mac(*mac),
            Stage::Replace => *mac = self.addresses.replaced_mac(*mac),
        }
    }

    /// A name or a text.
    fn label(&mut self, kind: Kind, text: &mut Name) {
        match self.stage {
            Stage::Gather => self.labels.note(kind, text),
            Stage::Replace => *text = self.labels.replaced(kind, text),
        }
    }

    /// The same of one that nobody shares.
    fn string(&mut self, kind: Kind, text: &mut String) {
        match self.stage {
            Stage::Gather => self.labels.note(kind, text),
            Stage::Replace => *text = self.labels.replaced(kind, text).as_ref().to_owned(),
        }
    }

    /// A text of which what is replaced elsewhere may be a part.
    fn prose(&mut self, text: &mut String) {
        if self.stage == Stage::Replace {
            let known =
                text.split(|c: char| c.is_whitespace() || ",;()\"'“”[]".contains(c)).filter(|word| !word.is_empty());
            let address = |word: &str| word.parse::<IpNet>().is_ok() || word.parse::<IpAddr>().is_ok();
            if known.clone().any(|word| address(word) || self.labels.has(word)) {
                *text = "what is not told".to_owned();
            }
        }
    }
}

#[cfg(test)]
mod tests;
