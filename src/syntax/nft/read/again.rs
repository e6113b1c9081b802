//! What a text writes twice is one thing: the second adds to the first, as where `nft -f` reads it.
//!
//! What the kernel refuses (a chain at two hooks, a set of two types) stays what it was first.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;
use std::mem::{discriminant, take};

use crate::syntax::nft::tree::{Chain, Flowtable, Object, ObjectBody, Rule, Rules, Table};

/// Each table once, with each of its chains, sets, objects and flowtables once.
pub(super) fn gathered(tables: Vec<Table<'_>>) -> Vec<Table<'_>> {
    let mut tables = gather(tables, |table| (table.family, table.name), add_table);
    for table in &mut tables {
        table.chains = gather(take(&mut table.chains), |chain| chain.name, add_chain);
        table.sets = gather(take(&mut table.sets), |set| set.name, |first, more| first.elements.extend(more.elements));
        table.objects =
            gather(take(&mut table.objects), |object| (discriminant(&object.body), object.name), add_object);
        table.flowtables = gather(take(&mut table.flowtables), |table| table.name, add_flowtable);
    }
    tables
}

fn gather<T, K: Hash + Eq>(things: Vec<T>, key: impl Fn(&T) -> K, add: impl Fn(&mut T, T)) -> Vec<T> {
    let mut places = HashMap::with_capacity(things.len());
    let mut all: Vec<T> = Vec::with_capacity(things.len());
    for thing in things {
        match places.entry(key(&thing)) {
            Entry::Occupied(place) => add(&mut all[*place.get()], thing),
            Entry::Vacant(place) => {
                place.insert(all.len());
                all.push(thing);
            }
        }
    }
    all
}

/// Flags are those that were told last (`nf_tables_updtable`), a comment the first.
fn add_table<'t>(first: &mut Table<'t>, more: Table<'t>) {
    first.flags = more.flags;
    first.chains.extend(more.chains);
    first.sets.extend(more.sets);
    first.objects.extend(more.objects);
    first.flowtables.extend(more.flowtables);
}

/// A policy is the last that was told (`nf_tables_updchain`).
fn add_chain<'t>(first: &mut Chain<'t>, more: Chain<'t>) {
    if let (Some(base), Some(more)) = (&mut first.base, more.base) {
        base.policy_drop = more.policy_drop.or(base.policy_drop);
    }
    let Rules { rules, statements } = more.rules;
    let before = first.rules.statements.len();
    first.rules.statements.extend(statements);
    first.rules.rules.extend(
        rules
            .into_iter()
            .map(|rule| Rule { statements: rule.statements.start + before..rule.statements.end + before, ..rule }),
    );
}

/// Only a quota changes (`nft_quota_obj_update`).
fn add_object<'t>(first: &mut Object<'t>, more: Object<'t>) {
    if let ObjectBody::Quota { bytes, over, .. } = more.body
        && let ObjectBody::Quota { bytes: known, over: was_over, .. } = &mut first.body
    {
        (*known, *was_over) = (bytes, over);
    }
}

fn add_flowtable<'t>(first: &mut Flowtable<'t>, more: Flowtable<'t>) {
    for device in more.devices {
        if !first.devices.contains(&device) {
            first.devices.push(device);
        }
    }
}
