//! What a table's text is made of, a page at a time.
//!
//! Knows what stands where. How each part is written is the business of `list`.

use std::collections::HashMap;
use std::ops::Range;

use super::super::relation;
use super::is_bound;
use crate::host::nft::{Expression, SetFlags, Verdict};
use crate::host::{Body, Rule, Table};
use crate::syntax::pages::ROWS;

/// A part of a table's text.
pub(super) enum Part {
    /// The line of the table, and what is told of it beside what is in it.
    Head,
    /// The free line between two things.
    Free,
    Object(u32),
    SetHead(usize),
    /// Some elements of a set, by their places in the order in which they are printed.
    Elements(usize, Range<usize>),
    SetEnd(usize),
    Flowtable(usize),
    ChainHead(usize),
    /// Some rules of a chain.
    Rules(usize, Range<usize>),
    ChainEnd,
    End,
}

/// The chains that are printed within a rule: for each, the chain and the number of the rule that has it.
pub(super) type Inner = HashMap<u32, (u32, usize)>;

/// Which chains that are a part of a rule stand in which: in the first that has them, and nothing stands in itself.
pub(super) fn inner(table: &Table) -> Inner {
    let mut inner = Inner::new();
    if !table.chains.iter().any(is_bound) {
        return inner;
    }
    let mut alone = Vec::new();
    for bound in [false, true] {
        for at in chains(table, bound) {
            if !inner.contains_key(&at) {
                alone.push(at);
                find_inner(table, at, &alone, &mut inner);
            }
        }
    }
    inner
}

fn find_inner(table: &Table, from: u32, alone: &[u32], inner: &mut Inner) {
    let mut next = vec![from];
    while let Some(at) = next.pop() {
        for (number, rule) in table.chains[at as usize].rules.iter().enumerate() {
            for to in jumps(rule) {
                let is_inner = table.chains.get(to as usize).is_some_and(is_bound) && !alone.contains(&to);
                if is_inner && !inner.contains_key(&to) {
                    inner.insert(to, (at, number));
                    next.push(to);
                }
            }
        }
    }
}

/// The chains of a table that are a part of a rule, or those that are not.
fn chains(table: &Table, bound: bool) -> impl Iterator<Item = u32> {
    (0..).zip(&table.chains).filter(move |(_, chain)| is_bound(chain) == bound).map(|(at, _)| at)
}

/// Where a rule jumps to.
pub(super) fn jumps(rule: &Rule) -> impl Iterator<Item = u32> {
    let expressions = match &rule.body {
        Body::Nft(body) => &body.expressions[..],
        Body::Iptables(_) => &[],
    };
    expressions.iter().filter_map(|expression| match expression {
        Expression::Verdict(Verdict::Jump(to) | Verdict::Goto(to)) => Some(to.0),
        _ => None,
    })
}

/// The parts of a table, a page of them at a time.
pub(super) fn parts(table: &Table, inner: &Inner) -> Vec<Vec<Part>> {
    let mut book = Book { pages: Vec::new(), page: vec![Part::Head], rows: 0, empty: true };
    (0..table.particulars.objects.len() as u32).for_each(|at| book.add(1, Part::Object(at)));
    for (at, set) in table.sets.iter().enumerate().filter(|(_, set)| !set.flags.contains(SetFlags::ANONYMOUS)) {
        book.add(1, Part::SetHead(at));
        book.run(relation::count(set), |some| Part::Elements(at, some));
        book.push(0, Part::SetEnd(at));
    }
    (0..table.particulars.flowtables.len()).for_each(|at| book.add(1, Part::Flowtable(at)));
    // A chain that is a part of a rule stands in it; where no rule has it, it stands by itself.
    for bound in [false, true] {
        for at in chains(table, bound).filter(|at| !inner.contains_key(at)) {
            let at = at as usize;
            book.add(1, Part::ChainHead(at));
            book.run(table.chains[at].rules.len(), |some| Part::Rules(at, some));
            book.push(0, Part::ChainEnd);
        }
    }
    book.push(0, Part::End);
    book.pages.push(book.page);
    book.pages
}

/// Parts as they are put on pages.
struct Book {
    pages: Vec<Vec<Part>>,
    /// The last page, and how many rows it has.
    page: Vec<Part>,
    rows: usize,
    /// There is nothing but the head yet.
    empty: bool,
}

impl Book {
    /// Adds a part of so many rows that stands for itself: a free line before all but the first.
    fn add(&mut self, rows: usize, part: Part) {
        if !std::mem::replace(&mut self.empty, false) {
            self.push(1, Part::Free);
        }
        self.push(rows, part);
    }

    /// Adds so many rows in parts that fit on a page each.
    fn run(&mut self, rows: usize, part: impl Fn(Range<usize>) -> Part) {
        for first in (0..rows).step_by(ROWS) {
            let after = rows.min(first + ROWS);
            self.push(after - first, part(first..after));
        }
    }

    fn push(&mut self, rows: usize, part: Part) {
        if self.rows > 0 && self.rows + rows > ROWS {
            self.pages.push(std::mem::take(&mut self.page));
            self.rows = 0;
        }
        self.rows += rows;
        self.page.push(part);
    }
}
