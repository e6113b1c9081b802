//! What stands between braces, and what is said of the elements of named sets: keys, what is given for them, and what they
//! hold.

use super::anonymous::Gives;
use super::effect::length;
use super::elements::{Item, Key};
use super::evaluate::{Wanted, parts};
use super::number::{Number, ones};
use super::operand::{Operand, What};
use super::relation::{Undo, Value};
use super::rule::{Maker, Trouble};
use crate::host::nft::{ElementData, ElementDetails, Expression, SetFlags};
use crate::host::{ElementState, Tally};
use crate::syntax::nft::tree::{self, Expr};

impl Maker<'_> {
    /// Elements of a set without values.
    pub(super) fn items(&mut self, written: &[tree::Item<'_>], key: &[Wanted]) -> Result<Vec<Item>, Trouble> {
        self.items_of(written, key, &Gives::Nothing)
    }

    /// Elements, with what a map gives for them.
    pub(super) fn items_of(
        &mut self,
        written: &[tree::Item<'_>],
        key: &[Wanted],
        gives: &Gives,
    ) -> Result<Vec<Item>, Trouble> {
        let mut items = Vec::with_capacity(written.len());
        for item in written {
            let details = self.details(item)?;
            let data = match &item.data {
                Some(data) => Some(self.data(data, gives)?),
                None => None,
            };
            items.push(Item { key: self.key(&item.key, key)?, data, details, state: state(item) });
        }
        Ok(items)
    }

    /// A key of these parts.
    fn key(&mut self, expr: &Expr<'_>, wanted: &[Wanted]) -> Result<Key, Trouble> {
        match (expr, wanted) {
            (Expr::Any, _) => Ok(Key::Any),
            (Expr::Concat(written), wanted) if written.len() == wanted.len() => {
                let parts = written.iter().zip(wanted).map(|(part, wanted)| self.value(part, *wanted));
                Ok(Key::Several(parts.collect::<Result<Vec<Value>, Trouble>>()?))
            }
            (expr, [wanted]) => Ok(Key::One(self.value(expr, *wanted)?)),
            _ => Err(Trouble::Meaningless("a key of so many parts")),
        }
    }

    /// What a map gives.
    fn data(&mut self, expr: &Expr<'_>, gives: &Gives) -> Result<ElementData, Trouble> {
        match (expr, gives) {
            (Expr::Verdict(verdict), Gives::Verdicts) => Ok(ElementData::Verdict(self.verdict(verdict)?)),
            (Expr::Word(name) | Expr::Text(name), Gives::Objects(_)) => {
                Ok(ElementData::Object(self.names.intern(name)))
            }
            (expr, Gives::Values { parts, ranges }) => {
                let values = match (expr, &parts[..]) {
                    (Expr::Concat(written), wanted) if written.len() == wanted.len() => {
                        let each = written.iter().zip(wanted).map(|(part, wanted)| self.value(part, *wanted));
                        each.collect::<Result<Vec<Value>, Trouble>>()?
                    }
                    (expr, [wanted]) => vec![self.value(expr, *wanted)?],
                    _ => return Err(Trouble::Meaningless("a value of so many parts")),
                };
                let is_range = values.iter().any(|value| !matches!(value, Value::One(_)));
                Ok(ElementData::Value(given(&values, parts, *ranges || is_range)))
            }
            _ => Err(Trouble::Meaningless("what is given for it")),
        }
    }

    fn details(&mut self, item: &tree::Item<'_>) -> Result<Option<Box<ElementDetails>>, Trouble> {
        if item.comment.is_none() && item.timeout.is_none() && item.statements.is_empty() {
            return Ok(None);
        }
        let comment = item.comment.map(|comment| self.names.intern(comment));
        let expressions = self.stateful(&item.statements)?;
        Ok(Some(Box::new(ElementDetails { comment, timeout: item.timeout, expressions })))
    }

    /// A key that is looked up in a map, in the order of bytes that the map has; and the place of the map.
    pub(super) fn map_key(
        &mut self,
        key: &Expr<'_>,
        map: &Expr<'_>,
        mut gives: Gives,
    ) -> Result<(Operand, usize), Trouble> {
        let mut key = self.operand(key)?;
        let at = match map {
            Expr::Reference(name) => self.set(name)?,
            Expr::Braces(written) => {
                let ranges = |item: &tree::Item<'_>| item.data.as_ref().is_some_and(is_range);
                if let Gives::Values { ranges: are, .. } = &mut gives {
                    *are = written.iter().any(ranges);
                }
                let items = self.items_of(written, &parts(&key), &gives)?;
                let undo = match key.what {
                    What::Concatenation(_) => None,
                    _ => Undo::of(&key),
                };
                let at = self.declare(&key, items, undo, &gives)?;
                if let Some(undo) = undo {
                    undo.strip(&mut key);
                }
                at
            }
            _ => return Err(Trouble::Meaningless("something that is no map")),
        };
        if self.sets[at].flags.contains(SetFlags::INTERVAL) {
            key = key.ordered(super::number::Order::Network);
        }
        Ok((key, at))
    }

    /// Expressions that elements hold.
    pub(super) fn stateful(&mut self, statements: &[tree::Statement<'_>]) -> Result<Box<[Expression]>, Trouble> {
        statements.iter().map(|statement| super::statement::stateful(statement)).collect()
    }
}

/// What an element has come to, as far as it is told.
fn state(item: &tree::Item<'_>) -> Option<Box<ElementState>> {
    let tally = |statement: &tree::Statement<'_>| super::statement::tally(statement);
    let tallies: Box<[Option<Tally>]> = item.statements.iter().map(tally).collect();
    let told = item.expires.is_some() || tallies.iter().any(Option::is_some);
    told.then(|| Box::new(ElementState { expires: item.expires, tallies }))
}

/// Whether a value that a map gives is a range, or has one.
fn is_range(expr: &Expr<'_>) -> bool {
    match expr {
        Expr::Prefix(..) | Expr::Range(_) => true,
        Expr::Concat(parts) => parts.iter().any(is_range),
        _ => false,
    }
}

/// The bytes of what a map gives: where values are ranges, the first one and then the last.
fn given(values: &[Value], parts: &[Wanted], ranges: bool) -> Box<[u8]> {
    let mut out = Vec::with_capacity(2 * length(parts));
    for last in [false, true].into_iter().take(if ranges { 2 } else { 1 }) {
        for value in values {
            end(*value, last).push(&mut out);
            if parts.len() > 1 || ranges {
                out.resize(out.len().next_multiple_of(4), 0);
            }
        }
    }
    out.into()
}

fn end(value: Value, last: bool) -> Number {
    match value {
        Value::One(number) => number,
        Value::Range(first, _) if !last => first,
        Value::Range(_, last) => last,
        Value::Prefix(number, _) if !last => number,
        Value::Prefix(number, length) => {
            Number { value: number.value | ones(number.bits.saturating_sub(length)), ..number }
        }
    }
}
