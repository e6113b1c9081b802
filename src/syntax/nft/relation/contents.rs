//! What is in a named set or map, one element at a time: those of a set that was counted too, once somebody read them.
//!
//! The order is that in which the elements stand, not that in which nft prints them: sorting takes a look at all of them.

use super::*;
use crate::host::nft::{CatchAll, Element};
use crate::host::{Namespace, SetId};

/// The elements of a named set or map, as nft writes them.
pub struct Contents<'a> {
    scope: Scope<'a>,
    set: &'a Set,
    shapes: Vec<Shape<'a>>,
    elements: &'a [Element],
    catch_all: Option<&'a CatchAll>,
    observations: &'a Observations,
    id: SetId,
}

impl<'a> Contents<'a> {
    /// Those of a set of a namespace; `None`: nobody has read them, or there is no such set.
    pub fn of(ns: &'a Namespace, id: SetId) -> Option<Contents<'a>> {
        let table = ns.ruleset.tables.get(id.table as usize)?;
        let set = table.sets.get(id.set as usize)?;
        let (elements, catch_all) = set.contents()?;
        let scope = Scope { table, links: &ns.links, observed: None };
        let shapes = named_shapes(scope, set);
        Some(Contents { scope, set, shapes, elements, catch_all, observations: &ns.observations, id })
    }

    /// How many there are, the one that stands for all others among them.
    pub fn count(&self) -> usize {
        self.elements.len() + usize::from(self.catch_all.is_some())
    }

    /// The element at this position, with what a map gives for it, its times and its comment; that which stands for all
    /// others is the last. Empty behind that.
    pub fn text(&self, at: usize) -> String {
        let (mut text, details, data, element) = match (self.elements.get(at), self.catch_all) {
            (Some(element), _) => {
                let text = key(&self.shapes, &element.first, &element.last);
                (text, &element.details, &element.data, Some(at as u32))
            }
            (None, Some(all)) if at == self.elements.len() => ("*".to_owned(), &all.details, &all.data, None),
            (None, _) => return String::new(),
        };
        let SetId { table, set } = self.id;
        let state = self.observations.elements.get(&ElementId { table, set, element });
        push_beside(&mut text, details.as_deref(), state);
        push_data(&mut text, self.scope, self.set, data.as_ref());
        text
    }
}
