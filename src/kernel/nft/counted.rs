//! Sets of many elements: counted with the ruleset, and read when somebody asks what is in them.
//!
//! The kernel walks a set from its beginning for each message of a dump (`nf_tables_dump_set`, `nft_set_iter::skip`), so
//! that a million elements take many seconds, and seldom does a packet ask for them. Who asks is not known here.

use std::ops::ControlFlow;
use std::sync::{Arc, OnceLock};

use super::super::netlink::{Answers, Attributes, Failure, be};
use super::draft::Numbers;
use super::talk::Talk;
use super::{FAMILIES, GET_ELEMENTS, set};
use crate::host::nft::{Contents, Count, Counted, Set, SetFlags};
use crate::host::{Names, Ruleset, SetId, Table};

/// What is read of sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::kernel) enum Elements {
    /// All elements of all sets.
    All,
    /// Those of sets that have no more than [`Set::MANY`]: others are counted.
    OfSmall,
}

impl Elements {
    /// Whether those of this set are counted where they are many. A set that was made for a rule is a part of it.
    pub(super) fn may_leave_out(self, set: &Set) -> bool {
        self == Elements::OfSmall && !set.flags.contains(SetFlags::ANONYMOUS)
    }

    /// Notes that a set is counted, where the kernel tells that it has many elements.
    pub(super) fn count(self, body: &[u8], set: &mut Set, generation: u32) {
        let told = Attributes(body).get(COUNT).and_then(be).and_then(|count| u32::try_from(count).ok());
        if let Some(count) = told.filter(|count| *count > Set::MANY && self.may_leave_out(set)) {
            set.counted = Some(counted(Count::Exactly(count), generation));
        }
    }
}

/// `NFTA_SET_COUNT`, since 6.16.
const COUNT: u16 = 20;

/// A count of elements that nobody has read.
pub(super) fn counted(count: Count, generation: u32) -> Box<Counted> {
    Box::new(Counted { count, generation, contents: OnceLock::new(), needs: OnceLock::new() })
}

/// Reads what is in these sets of a ruleset, and puts it there. Sets that are read are not read again. Gives whether
/// the kernel's ruleset is still the one in which they were counted: if not, sets stay unread.
///
/// # Errors
/// As [`read`](super::read).
pub(in crate::kernel) fn fill(answers: &Answers, ruleset: &Ruleset, wanted: &[SetId]) -> Result<bool, Failure> {
    let mut talk = Talk::open(answers, 0)?;
    let mut names = Names::default();
    for id in wanted {
        let Some(table) = ruleset.tables.get(id.table as usize) else { continue };
        let Some(set) = table.sets.get(id.set as usize) else { continue };
        let Some(counted) = set.counted.as_ref().filter(|counted| counted.contents.get().is_none()) else { continue };
        talk.begin()?;
        if talk.generation() != counted.generation {
            return Ok(false);
        }
        let contents = contents(&mut talk, table, set, &mut names)?;
        if !talk.is_one_instant()? {
            return Ok(false);
        }
        // Somebody else may have read the same meanwhile.
        let _ = counted.contents.set(contents);
    }
    Ok(true)
}

/// Notes what it would take to read these sets, as that was tried in vain.
pub(in crate::kernel) fn give_up(ruleset: &Ruleset, wanted: &[SetId], needs: &str) {
    let set = |id: &SetId| ruleset.tables.get(id.table as usize)?.sets.get(id.set as usize);
    for counted in wanted.iter().filter_map(set).filter_map(|set| set.counted.as_deref()) {
        // What is known of the first try is true of the next ones.
        let _ = counted.needs.set(needs.into());
    }
}

fn contents(talk: &mut Talk, table: &Table, set: &Set, names: &mut Names) -> Result<Contents, Failure> {
    let chains = (0..).zip(&table.chains);
    let numbers: Numbers = chains.map(|(at, chain)| (chain.name.clone(), at)).collect();
    let family = FAMILIES.into_iter().find(|(_, family)| *family == table.family).map_or(0, |(number, _)| number);
    let asked = [(1, &*table.name), (2, &*set.name)];
    let progress = Arc::clone(talk.progress());
    let mut elements = Vec::new();
    talk.dump(GET_ELEMENTS, family, &asked, |_, attributes| {
        let before = elements.len();
        set::elements(attributes.0, &numbers, names, &mut elements);
        progress.read_elements(elements.len() - before);
    })?;
    let mut filled = set.clone();
    set::fill(&mut filled, elements, |_, _| {});
    Ok(Contents { elements: filled.elements, catch_all: filled.catch_all })
}

/// Goes on with a dump of elements as long as they are not too many.
pub(super) fn unless_many(read: usize, may_leave_out: bool) -> ControlFlow<()> {
    if may_leave_out && read > Set::MANY as usize { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}
