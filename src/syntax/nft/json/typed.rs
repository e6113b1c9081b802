//! The types of sets that nft's JSON does not tell.
//!
//! Of `typeof vlan id` it says `integer`, and not how long: a rule that asks the set says what the type was taken from, or
//! something like it.

use crate::syntax::nft::tree::{BinaryOp, Expr, Statement, Table, TypeOf};

/// Types whose length is told nowhere.
const OPEN: [&str; 2] = ["integer", "string"];

/// Completes the types of a table's sets as far as its rules tell them. Of others the elements have no form: they are left out,
/// and the names of those sets returned.
pub(super) fn complete<'t>(table: &mut Table<'t>) -> Vec<&'t str> {
    let mut left_out = Vec::new();
    let is_open = |of: &TypeOf<'_>| match of {
        TypeOf::Names(names) => names.iter().any(|name| OPEN.contains(name)),
        TypeOf::Exprs(_) => false,
    };
    for at in 0..table.sets.len() {
        if !is_open(&table.sets[at].key) {
            continue;
        }
        let name = table.sets[at].name;
        let statements = table.chains.iter().flat_map(|chain| &chain.rules.statements);
        let key = statements.into_iter().find_map(|statement| key_of(statement, name)).cloned();
        match key {
            Some(key) => table.sets[at].key = TypeOf::Exprs(key),
            None => {
                table.sets[at].elements.clear();
                left_out.push(name);
            }
        }
    }
    left_out
}

/// What a statement looks up in this set.
fn key_of<'a, 't>(statement: &'a Statement<'t>, set: &str) -> Option<&'a Expr<'t>> {
    let is_it = |expr: &Expr<'_>| matches!(expr, Expr::Reference(name) if *name == set);
    match statement {
        Statement::Match { left, right, .. } if is_it(right) => Some(left),
        Statement::VerdictMap { key, map } if is_it(map) => Some(key),
        Statement::Change(change) if change.set == set => Some(&change.key),
        Statement::Set { value: expr, .. } | Statement::Object { name: expr, .. } => key_of_map(expr, &is_it),
        Statement::Nat(nat) => nat.address.iter().chain(&nat.port).find_map(|expr| key_of_map(expr, &is_it)),
        _ => None,
    }
}

fn key_of_map<'a, 't>(expr: &'a Expr<'t>, is_it: &impl Fn(&Expr<'_>) -> bool) -> Option<&'a Expr<'t>> {
    match expr {
        Expr::Map(sides) if is_it(&sides.1) => Some(&sides.0),
        Expr::Binary(BinaryOp::Or | BinaryOp::And | BinaryOp::Xor | BinaryOp::Left | BinaryOp::Right, sides) => {
            key_of_map(&sides.0, is_it)
        }
        _ => None,
    }
}
