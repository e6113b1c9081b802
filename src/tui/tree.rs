//! The visible rows of a tree, in pre-order: which is where, and which is below which.
//!
//! Rows are identities; what is folded is not here at all, so that a chain of 100,000 rules costs nothing until somebody
//! opens it, and a frame looks at its window only. What rows mean and how they look is not known here.

/// A visible row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row<I> {
    /// Its identity.
    pub id: I,
    /// How deep it stands, from 0.
    pub depth: u16,
    /// Whether it is open; `None` where nothing is below it.
    pub open: Option<bool>,
}

/// The visible rows of a tree.
#[derive(Debug, Clone)]
pub struct Tree<I> {
    rows: Vec<Row<I>>,
}

impl<I> Default for Tree<I> {
    fn default() -> Self {
        Tree { rows: Vec::new() }
    }
}

impl<I: PartialEq> Tree<I> {
    /// A tree with these visible rows, in pre-order.
    pub fn new(rows: Vec<Row<I>>) -> Tree<I> {
        Tree { rows }
    }

    /// What held its rows, with room for as many as there were: a long tree is made anew with each row that is opened.
    pub fn emptied(mut self) -> Vec<Row<I>> {
        self.rows.clear();
        self.rows
    }

    /// How many rows are visible.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is no row at all.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The visible row at `place`, counted from 0.
    pub fn row(&self, place: usize) -> Option<&Row<I>> {
        self.rows.get(place)
    }

    /// Where the row with this identity stands.
    pub fn place(&self, id: &I) -> Option<usize> {
        self.rows.iter().position(|row| row.id == *id)
    }

    /// The place of the row that the row at `place` is below.
    pub fn parent(&self, place: usize) -> Option<usize> {
        let depth = self.row(place)?.depth;
        (0..place).rev().find(|&above| self.rows[above].depth < depth)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> Tree<&'static str> {
        let row = |id, depth, open| Row { id, depth, open };
        Tree::new(vec![row("a", 0, Some(true)), row("b", 1, Some(true)), row("c", 2, None), row("d", 1, Some(false))])
    }

    #[test]
    fn a_row_is_below_the_nearest_one_above_that_is_less_deep() {
        let tree = tree();
        assert_eq!(tree.parent(3), Some(0));
        assert_eq!(tree.parent(2), Some(1));
        assert_eq!(tree.parent(0), None);
        assert_eq!(tree.parent(9), None);
    }

    #[test]
    fn rows_are_found_by_identity() {
        assert_eq!(tree().place(&"c"), Some(2));
        assert_eq!(tree().place(&"x"), None);
    }
}
