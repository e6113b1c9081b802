//! How the rows of the screen are shared: the pane below gives those that it does not need to the tree, and of the path so
//! much is open as the tree has room for.
//!
//! Who moves through ports or rules wants to see them move, and nothing else: what is given stays given for as long as both
//! panes have what they need. Where the panes stand is not known here.

use std::sync::Arc;

use super::outline::rows_of_way;
use super::path::Weight;
use super::state::State;
use super::view;

/// So many lines the pane below keeps, where it has them: a rule, where it stands, and what came of it.
const LEAST: u16 = 5;

impl State {
    /// Opens as much of the path as there is room for, and gives the tree the rows that it takes. This is asked once for each
    /// way and size of the screen: what somebody folds or looks at later moves nothing.
    pub(super) fn make_room(&mut self) {
        let Some(usual) = view::usual_lower(self).filter(|_| self.outcome().is_some()) else { return };
        let said = u16::try_from(view::said(self)).unwrap_or(u16::MAX);
        let needed = said.clamp(LEAST.min(usual), usual);
        let kept = self.lower.unwrap_or(usual).clamp(needed, usual);
        let room = |state: &State| view::panes(state).map_or(0, |panes| panes.tree.inner_height());
        self.lower = Some(needed);
        let Some(way) = self.open_what_fits(room(self)) else { return };
        for lines in (needed..=kept).rev() {
            self.lower = Some(lines);
            if room(self) >= way {
                break;
            }
        }
    }

    /// Opens all that held, where the way then fits into so many rows; else what let the packet pass, else what decides alone.
    /// Gives how many rows the way takes; `None`: more than there are.
    fn open_what_fits(&mut self, rows: usize) -> Option<usize> {
        let host = Arc::clone(&self.host);
        for from in [Weight::Held, Weight::Accepts, Weight::Decides] {
            if !self.path.open_from(from) {
                break;
            }
            let way = rows_of_way(&host, &self.path, &mut self.frames, &self.turned, rows);
            if way.is_some() {
                return way;
            }
        }
        None
    }
}
