//! Sets and maps with a name: their types, and what is in them (`set_evaluate` of nft).

use super::anonymous::{self, Gives, VERDICT, order_of};
use super::elements::{self, Key, Shape};
use super::evaluate::{Wanted, parts};
use super::kept;
use super::number::{Order, bytes};
use super::operand::{Operand, Type, What};
use super::rule::{Maker, Trouble};
use crate::host::nft::{ByteOrder, CatchAll, Details, ElementDetails, ObjectKind, Set, SetFlags, Typeof};
use crate::host::{ElementId, ElementState, Handle, Observations};
use crate::syntax::nft::tree::{self, TypeOf};
use crate::syntax::nft::types;
use crate::syntax::nft::values;

/// What the parts of a key or value are, and what nft keeps of where they are taken from.
struct Typed {
    parts: Vec<Wanted>,
    order: ByteOrder,
    kept: Option<Box<Typeof>>,
}

impl Maker<'_> {
    /// Adds a set or map without its elements: those of maps may name chains and sets that come later.
    pub(super) fn declare_named(&mut self, set: &tree::Set<'_>) -> Result<(), Trouble> {
        let key = self.typed(&set.key)?;
        let gives = self.gives(set)?;
        let mut flags = SetFlags::from_bits_retain(set.flags);
        let several = key.parts.len() > 1;
        if set.timeout > 0 {
            flags |= SetFlags::TIMEOUT;
        }
        if several && flags.contains(SetFlags::INTERVAL) {
            flags |= SetFlags::CONCAT;
        }
        match gives {
            Gives::Nothing => {}
            Gives::Objects(_) => flags |= SetFlags::OBJECT,
            Gives::Verdicts | Gives::Values { .. } => flags |= SetFlags::MAP,
        }
        if set.statements.len() > 1 {
            flags |= SetFlags::EXPR;
        }
        let (data_type, data_length) = anonymous::data(&gives);
        let number = key.parts.iter().fold(0, |number, part| number << 6 | part.kind.number & 0x3f);
        let lengths: Vec<usize> = key.parts.iter().map(|part| bytes(part.bits)).collect();
        let key_length = match &lengths[..] {
            [one] => *one,
            several => several.iter().map(|length| length.next_multiple_of(4)).sum(),
        };
        let concat = flags.contains(SetFlags::CONCAT);
        let name = self.names.intern(set.name);
        let details = Details {
            handle: set.handle.map(Handle),
            comment: set.comment.map(|comment| self.names.intern(comment)),
            size: set.size,
            timeout: set.timeout,
            gc_interval: u32::try_from(set.gc_interval).unwrap_or(u32::MAX),
            memory: set.memory,
            merges: set.merges,
            key_order: Some(key.order),
            key_typeof: key.kept,
            expressions: self.stateful(&set.statements)?,
            ..self.details_of_data(set, &gives)?
        };
        self.named.insert(name.clone(), self.sets.len());
        self.sets.push(Set {
            name,
            flags,
            key_type: number,
            key_length: key_length as u32,
            data_type,
            data_length,
            parts: if concat { lengths.iter().map(|length| *length as u32).collect() } else { Box::default() },
            elements: Vec::new(),
            catch_all: None,
            counted: None,
            details,
        });
        Ok(())
    }

    /// Puts the elements into a set that was declared.
    pub(super) fn fill(
        &mut self,
        set: &tree::Set<'_>,
        table: u32,
        observations: &mut Observations,
    ) -> Result<(), Trouble> {
        if set.elements.is_empty() {
            return Ok(());
        }
        let at = self.set(set.name)?;
        let key = self.typed(&set.key)?;
        let gives = self.gives(set)?;
        let mut items = self.items_of(&set.elements, &key.parts, &gives)?;
        let held = self.sets[at].details.expressions.clone();
        if !held.is_empty() {
            // Elements that are told without a state have one nevertheless.
            for item in items.iter_mut().filter(|item| item.key != Key::Any) {
                let details = item.details.get_or_insert_with(|| Box::new(ElementDetails::default()));
                if details.expressions.is_empty() {
                    details.expressions = held.clone();
                }
            }
        }
        let interval = self.sets[at].flags.contains(SetFlags::INTERVAL);
        let all = items.iter().find(|item| item.key == Key::Any);
        let catch_all = all.map(|all| Box::new(CatchAll { data: all.data.clone(), details: all.details.clone() }));
        let shape = Shape { interval, joins: set.merges, undo: None, length: self.sets[at].key_length as usize };
        let several = key.parts.len() > 1;
        let set = &mut self.sets[at];
        let mut note = |element: Option<u32>, state: ElementState| {
            observations.elements.insert(ElementId { table, set: at as u32, element }, state);
        };
        if let Some(state) = items.iter_mut().find(|item| item.key == Key::Any).and_then(|all| all.state.take()) {
            note(None, *state);
        }
        set.elements = elements::elements(items, shape, |element, state| note(Some(element), state));
        if set.flags.contains(SetFlags::CONSTANT) {
            set.details.size = elements::size(&set.elements, catch_all.is_some(), interval && !several);
        }
        set.catch_all = catch_all;
        Ok(())
    }

    fn typed(&mut self, of: &TypeOf<'_>) -> Result<Typed, Trouble> {
        match of {
            TypeOf::Names(names) => {
                let parts = names.iter().map(|name| named_type(name)).collect::<Result<Vec<Wanted>, Trouble>>()?;
                Ok(match &parts[..] {
                    [one] => Typed { order: order_of_type(one), kept: None, parts },
                    _ => Typed { order: ByteOrder::Invalid, kept: Some(kept::of_types()), parts },
                })
            }
            TypeOf::Exprs(expr) => {
                let operand = self.unasked(expr)?;
                let kept = kept::of(bare(&operand));
                Ok(Typed { parts: parts(&operand), order: anonymous::order(&operand), kept })
            }
        }
    }

    /// An operand of which only the type is wanted: nothing is asked for it.
    fn unasked(&mut self, expr: &tree::Expr<'_>) -> Result<Operand, Trouble> {
        let known = self.seen.clone();
        let steps = self.steps.steps.len();
        let operand = match expr {
            tree::Expr::Payload(field) => Ok(super::field::plain(field)),
            tree::Expr::Concat(written) => {
                let each = written.iter().map(|part| self.unasked(part));
                each.collect::<Result<Vec<Operand>, Trouble>>().map(super::operand::concatenated)
            }
            other => self.operand(other),
        };
        self.seen = known;
        self.steps.steps.truncate(steps);
        operand
    }

    fn gives(&mut self, set: &tree::Set<'_>) -> Result<Gives, Trouble> {
        Ok(match &set.gives {
            tree::Gives::Nothing => Gives::Nothing,
            tree::Gives::Verdict => Gives::Verdicts,
            tree::Gives::Object(kind) => Gives::Objects(ObjectKind(*kind)),
            tree::Gives::Values { of, interval } => Gives::Values { parts: self.typed(of)?.parts, ranges: *interval },
        })
    }

    fn details_of_data(&mut self, set: &tree::Set<'_>, gives: &Gives) -> Result<Details, Trouble> {
        let mut details = anonymous::details(gives);
        if let (tree::Gives::Verdict, TypeOf::Names(_)) = (&set.gives, &set.key) {
            details.data_typeof = None;
        }
        if let tree::Gives::Values { of, .. } = &set.gives {
            let typed = self.typed(of)?;
            (details.data_order, details.data_typeof) = (Some(typed.order), typed.kept);
        }
        Ok(details)
    }
}

/// The field itself, without what gets at its bits: `typeof` speaks of nothing else.
fn bare(operand: &Operand) -> &Operand {
    match &operand.what {
        What::Bitwise { of, .. } | What::Shift { of, .. } => bare(of),
        What::Load(_) | What::Swap { .. } | What::Concatenation(_) | What::Map { .. } | What::Constant(_) => operand,
    }
}

/// The order in which nft notes that values of a type lie: of some it knows none.
fn order_of_type(wanted: &Wanted) -> ByteOrder {
    const NF_PROTO: u32 = 2;
    const INET_PROTO: u32 = 12;
    const DCCP_PKTTYPE: u32 = 16;
    const CT_DIR: u32 = 27;
    match wanted.kind.number {
        NF_PROTO | INET_PROTO | DCCP_PKTTYPE | CT_DIR | super::BOOLEAN => ByteOrder::Invalid,
        _ => order_of(wanted.order),
    }
}

/// A type by its name.
fn named_type(name: &str) -> Result<Wanted, Trouble> {
    let known = types::type_named(name).ok_or_else(|| Trouble::Word(name.to_owned()))?;
    let order = match known.kind {
        values::Kind::Name => Order::Text,
        _ if known.host => Order::Host,
        _ => Order::Network,
    };
    Ok(Wanted { kind: Type { number: known.number, kind: known.kind }, bits: known.bits(), order })
}

/// What the keys of a set are, and the values of a map.
pub(super) fn wanted(set: &Set) -> [Vec<Wanted>; 2] {
    let data = set.data_type.filter(|number| *number != VERDICT).unwrap_or(0);
    [set.key_type, data].map(|number| {
        let types = types::data_types(number).unwrap_or_default();
        types.iter().filter_map(|known| named_type(known.name).ok()).collect()
    })
}
