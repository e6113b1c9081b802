//! A tree of rows in pre-order: which are visible, and where each stands.
//!
//! A row has an identity, a depth and the length of its subtree; folding a row skips its subtree. The visible rows are
//! kept as an index, made anew by one pass when something folds or unfolds, so that a frame looks at its window only.
//! What rows mean and how they look is not known here.

/// A row of the tree.
#[derive(Debug, Clone)]
struct Node<I> {
    id: I,
    depth: u16,
    /// How many rows follow that are below this one.
    below: u32,
    open: bool,
}

/// Rows in pre-order, some folded.
#[derive(Debug, Clone)]
pub struct Tree<I> {
    nodes: Vec<Node<I>>,
    visible: Vec<u32>,
}

impl<I> Default for Tree<I> {
    fn default() -> Self {
        Tree { nodes: Vec::new(), visible: Vec::new() }
    }
}

impl<I: PartialEq> Tree<I> {
    /// A tree of rows in pre-order: identity, depth (at most one more than the row before), and whether it is open.
    pub fn new(rows: impl IntoIterator<Item = (I, u16, bool)>) -> Tree<I> {
        let mut nodes: Vec<Node<I>> = Vec::new();
        let mut ancestors: Vec<usize> = Vec::new();
        for (id, depth, open) in rows {
            let depth = depth.min(ancestors.len() as u16);
            close(&mut nodes, &mut ancestors, usize::from(depth));
            ancestors.push(nodes.len());
            nodes.push(Node { id, depth, below: 0, open });
        }
        close(&mut nodes, &mut ancestors, 0);
        let mut tree = Tree { nodes, visible: Vec::new() };
        tree.index();
        tree
    }

    /// How many rows are visible.
    pub fn len(&self) -> usize {
        self.visible.len()
    }

    /// Whether there is no row at all.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// The visible row at `place`, counted from 0: its identity, its depth, and whether it is open (`None`: nothing is
    /// below it).
    pub fn row(&self, place: usize) -> Option<(&I, u16, Option<bool>)> {
        let node = &self.nodes[*self.visible.get(place)? as usize];
        Some((&node.id, node.depth, (node.below > 0).then_some(node.open)))
    }

    /// Where the row with this identity stands among the visible ones.
    pub fn place(&self, id: &I) -> Option<usize> {
        self.visible.iter().position(|&at| self.nodes[at as usize].id == *id)
    }

    /// The place of the row that the visible row at `place` is below.
    pub fn parent(&self, place: usize) -> Option<usize> {
        let (_, depth, _) = self.row(place)?;
        (0..place).rev().find(|&above| self.row(above).is_some_and(|(_, other, _)| other < depth))
    }

    /// Folds or unfolds the visible row at `place`.
    pub fn toggle(&mut self, place: usize) {
        if let Some(&at) = self.visible.get(place) {
            let node = &mut self.nodes[at as usize];
            node.open = !node.open;
            self.index();
        }
    }

    /// Folds or unfolds every row.
    pub fn set_all(&mut self, open: bool) {
        for node in &mut self.nodes {
            node.open = open;
        }
        self.index();
    }

    /// Unfolds what the row with this identity is below, so that it can be seen.
    pub fn reveal(&mut self, id: &I) {
        let Some(target) = self.nodes.iter().position(|node| node.id == *id) else { return };
        let mut depth = self.nodes[target].depth;
        for node in self.nodes[..target].iter_mut().rev() {
            if node.depth < depth {
                node.open = true;
                depth = node.depth;
            }
        }
        self.index();
    }

    fn index(&mut self) {
        self.visible.clear();
        let mut at = 0;
        while let Some(node) = self.nodes.get(at) {
            self.visible.push(at as u32);
            at += 1 + if node.open { 0 } else { node.below as usize };
        }
    }
}

/// Ends the subtrees that are deeper than `depth`.
fn close<I>(nodes: &mut [Node<I>], ancestors: &mut Vec<usize>, depth: usize) {
    let end = nodes.len();
    for at in ancestors.drain(depth..) {
        nodes[at].below = (end - at - 1) as u32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(tree: &Tree<&'static str>) -> Vec<&'static str> {
        (0..tree.len()).filter_map(|place| tree.row(place).map(|(id, _, _)| *id)).collect()
    }

    fn tree() -> Tree<&'static str> {
        Tree::new([("a", 0, true), ("b", 1, false), ("c", 2, true), ("d", 1, true), ("e", 0, false), ("f", 1, true)])
    }

    #[test]
    fn folded_rows_hide_what_is_below_them() {
        assert_eq!(shown(&tree()), ["a", "b", "d", "e"]);
    }

    #[test]
    fn a_toggle_shows_and_hides_one_subtree() {
        let mut tree = tree();
        tree.toggle(1);
        assert_eq!(shown(&tree), ["a", "b", "c", "d", "e"]);
        tree.toggle(0);
        assert_eq!(shown(&tree), ["a", "e"]);
    }

    #[test]
    fn a_revealed_row_is_visible_below_its_parents() {
        let mut tree = tree();
        tree.reveal(&"c");
        assert_eq!(tree.place(&"c"), Some(2));
        assert_eq!(tree.parent(2), Some(1));
        assert_eq!(tree.place(&"f"), None);
    }

    #[test]
    fn a_row_without_children_cannot_be_open() {
        let tree = tree();
        assert_eq!(tree.row(2), Some((&"d", 1, None)));
        assert_eq!(tree.row(3), Some((&"e", 0, Some(false))));
    }

    #[test]
    fn a_depth_that_skips_levels_is_taken_as_one() {
        let tree = Tree::new([("a", 3, true), ("b", 9, true)]);
        assert_eq!(tree.row(1), Some((&"b", 1, None)));
    }
}
