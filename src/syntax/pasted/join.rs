//! Several dumps → one.
//!
//! Knows that a table may be listed twice, and by two tools. Deliberately does not know where dumps come from.

use crate::host::{Backend, Observations, Ruleset, Table};

/// Rules that were joined.
#[derive(Default)]
pub(super) struct Joined {
    pub(super) ruleset: Ruleset,
    pub(super) observations: Observations,
}

/// What becomes of a table.
enum Fate {
    Added(u32),
    /// The same table is there.
    Known,
    /// Another table of that name is there.
    Other,
}

impl Joined {
    /// Adds tables. Returns the names of those that are left out, since other ones are there of that name.
    pub(super) fn add(&mut self, ruleset: Ruleset, seen: Observations) -> Vec<String> {
        let mut left_out = Vec::new();
        let mut places = Vec::with_capacity(ruleset.tables.len());
        for table in ruleset.tables {
            let fate = self.fate(&table);
            match fate {
                Fate::Added(_) => self.ruleset.tables.push(table),
                Fate::Known => {}
                Fate::Other => left_out.push(format!("{} {}", table.family, table.name)),
            }
            places.push(match fate {
                Fate::Added(at) => Some(at),
                Fate::Known | Fate::Other => None,
            });
        }
        self.observations.take_in(seen, |table| places.get(table as usize).copied().flatten());
        left_out
    }

    /// Whether iptables' own words of this table of nf_tables are there.
    pub(super) fn is_of_iptables(&self, family: &str, name: &str) -> bool {
        self.ruleset.tables.iter().any(|table| {
            table.backend == Backend::IptablesNft && table.family.to_string() == family && *table.name == *name
        })
    }

    fn fate(&self, table: &Table) -> Fate {
        let mut same_name = self.ruleset.tables.iter().filter(|known| {
            (known.family, &known.name) == (table.family, &table.name) && is_nf_tables(known) == is_nf_tables(table)
        });
        match same_name.next() {
            None => Fate::Added(self.ruleset.tables.len() as u32),
            // nf_tables has one table of a name: that of iptables is what nft lists of it.
            Some(known) if known.backend != table.backend || known == table => Fate::Known,
            Some(_) => Fate::Other,
        }
    }
}

fn is_nf_tables(table: &Table) -> bool {
    match table.backend {
        Backend::IptablesNft | Backend::Nft => true,
        Backend::IptablesLegacy => false,
    }
}
