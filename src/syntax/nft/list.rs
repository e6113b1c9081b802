//! Native tables whole, as `nft list ruleset` prints them.
//!
//! Knows the layout: tables, sets, chains, elements by line. What the model has no place for stands in comments, so that
//! nothing is left out in silence.

mod parts;

use std::collections::HashMap;
use std::fmt::Write as _;
use std::ops::Range;
use std::sync::Arc;

use parts::{Inner, Part};

use super::objects::{self, object_name};
use super::reader::Tallies;
use super::relation::{self, Observed, Scope};
use super::values;
use super::{effects, type_of, types};
use crate::host::nft::{ChainFlags, Particulars, Set, SetFlags, TableFlags, Typeof};
use crate::host::xt::InterfacePattern;
use crate::host::{
    Backend, Base, Body, Chain, ChainId, ChainType, Family, Handle, Hook, Link, Name, ObjectId, Observations, Priority,
    QuickMap, Registration, Rule, RuleId, Ruleset, Table,
};
use crate::syntax::Pages;

/// A named set or map in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetText {
    /// `ipv4_addr . inet_service : verdict`.
    pub kind: String,
    /// `interval`, `timeout`, …
    pub flags: Vec<&'static str>,
    /// Its elements, each with what a map gives for it.
    pub elements: Vec<String>,
}

/// How nft writes what a set or map is, and what is in it.
pub fn set_words(table: &Table, set: &Set, links: &[Link]) -> SetText {
    let elements = relation::named_elements(Scope { table, links, observed: None }, set);
    SetText { kind: type_text(set), flags: flag_words(set), elements }
}

/// What the keys of a set or map are, and what it gives: `ipv4_addr . inet_service : verdict`.
pub fn set_type(set: &Set) -> String {
    type_text(set)
}

/// What is printed, and how.
#[derive(Debug, Clone, Copy)]
pub struct Listing<'a> {
    /// The tables: the native ones of them are printed.
    pub ruleset: &'a Ruleset,
    /// The devices there are.
    pub links: &'a [Link],
    /// What was counted.
    pub observations: &'a Observations,
    /// With handles.
    pub handles: bool,
}

/// The native tables, as `nft list ruleset` prints them.
pub fn list(listing: Listing<'_>) -> String {
    pages(listing).text()
}

/// The same in pages.
pub fn pages(listing: Listing<'_>) -> Pages<'_> {
    let mut pages = Pages::default();
    let tables = listing.ruleset.tables.iter().enumerate();
    for (index, table) in tables.filter(|(_, table)| table.backend == Backend::Nft) {
        let sets = (0..).zip(&table.sets).map(|(at, set)| (set.name.clone(), at)).collect();
        let orders = HashMap::new();
        let mut printer = Printer { listing, table, index: index as u32, inner: parts::inner(table), sets, orders };
        printer.orders = printer.orders();
        let printer = Arc::new(printer);
        for parts in parts::parts(table, &printer.inner) {
            let printer = Arc::clone(&printer);
            pages.push(move |out| parts.iter().for_each(|part| printer.part(out, part)));
        }
    }
    pages
}

/// A table that is printed.
struct Printer<'a> {
    listing: Listing<'a>,
    table: &'a Table,
    index: u32,
    inner: Inner,
    /// The positions of its sets, by their names.
    sets: QuickMap<Name, u32>,
    /// The order of the elements of sets, by their positions, where it is not that in which they stand.
    orders: HashMap<usize, Vec<u32>>,
}

fn line(out: &mut String, text: std::fmt::Arguments) {
    // Writing to a String cannot fail.
    let _ = writeln!(out, "{text}");
}

impl Printer<'_> {
    fn orders(&self) -> HashMap<usize, Vec<u32>> {
        let named = self.table.sets.iter().enumerate().filter(|(_, set)| !set.flags.contains(SetFlags::ANONYMOUS));
        named.filter_map(|(at, set)| Some((at, relation::named_order(self.scope(), set)?))).collect()
    }

    fn part(&self, out: &mut String, part: &Part) {
        let Listing { observations, handles, .. } = self.listing;
        let particulars = &self.table.particulars;
        match part {
            Part::Head => self.head(out),
            Part::Free => out.push('\n'),
            Part::Object(at) => {
                let counted = observations.objects.get(&ObjectId { table: self.index, object: *at });
                out.push_str(&objects::object_text(&particulars.objects[*at as usize], counted, handles));
            }
            Part::SetHead(at) => push_set_head(out, &self.table.sets[*at], handles),
            Part::Elements(at, some) => self.elements(out, *at, some.clone()),
            Part::SetEnd(at) => {
                out.push_str(if relation::count(&self.table.sets[*at]) > 0 { " }\n\t}\n" } else { "\t}\n" });
            }
            Part::Flowtable(at) => out.push_str(&objects::flowtable_text(&particulars.flowtables[*at], handles)),
            Part::ChainHead(at) => self.chain_head(out, &self.table.chains[*at]),
            Part::Rules(at, rules) => self.rules(out, *at as u32, rules.clone(), "\t\t"),
            Part::ChainEnd => out.push_str("\t}\n"),
            Part::End => out.push_str("}\n"),
        }
    }

    /// Some elements of a set.
    fn elements(&self, out: &mut String, at: usize, some: Range<usize>) {
        let set = &self.table.sets[at];
        let in_line = in_line(set.key_type);
        let order = self.orders.get(&at).map(Vec::as_slice);
        relation::some_named_elements(self.scope(), set, order, some, |place, text| {
            out.push_str(before_element(place, in_line));
            push_line(out, &text);
        });
    }

    fn head(&self, out: &mut String) {
        let table = self.table;
        line(out, format_args!("table {} {} {{{}", table.family, one_line(&table.name), self.beside_name()));
        for untold in &table.particulars.untold {
            line(out, format_args!("\t# not decoded: {}", one_line(untold)));
        }
        let flags = flags(table);
        if !flags.is_empty() {
            line(out, format_args!("\tflags {}", flags.join(",")));
        }
        if let Some(comment) = &table.particulars.comment {
            line(out, format_args!("\tcomment \"{}\"", one_line(comment)));
        }
        // nft leaves a line free after flags, and none after a comment alone.
        let particulars = &table.particulars;
        let named = table.sets.iter().any(|set| !set.flags.contains(SetFlags::ANONYMOUS));
        let is_empty = table.chains.is_empty() && !named;
        let has_more = !(is_empty && particulars.objects.is_empty() && particulars.flowtables.is_empty());
        if has_more && !flags.is_empty() {
            out.push('\n');
        }
    }

    fn scope(&self) -> Scope<'_> {
        let Listing { links, observations, .. } = self.listing;
        Scope {
            table: self.table,
            links,
            observed: Some(Observed { observations, table: self.index, sets: &self.sets }),
        }
    }

    /// The handle of the table, and whose it is: nft writes the name of the process, which is the host's to know.
    fn beside_name(&self) -> String {
        let Particulars { handle, owner, .. } = &self.table.particulars;
        let handle = handle.filter(|_| self.listing.handles).map(|Handle(handle)| format!(" handle {handle}"));
        let owner = owner.map(|owner| format!(" owner {owner}"));
        let all = handle.unwrap_or_default() + &owner.unwrap_or_default();
        if all.is_empty() { all } else { format!(" #{all}") }
    }

    fn chain_head(&self, out: &mut String, chain: &Chain) {
        let details = &chain.details;
        let handle = handle_text(details.handle, self.listing.handles);
        line(out, format_args!("\tchain {} {{{handle}", one_line(&chain.name)));
        if let Some(comment) = &details.comment {
            line(out, format_args!("\t\tcomment \"{}\"", one_line(comment)));
        }
        if let Some(base) = &chain.base {
            let kind = match base.kind {
                ChainType::Filter => "filter",
                ChainType::Nat => "nat",
                ChainType::Route => "route",
            };
            let (hook, policy) = (base.hook.name(), base.policy.name());
            let priority = priority(self.table.family, base.hook, base.priority);
            let devices = match &details.devices[..] {
                [] => String::new(),
                [one] => format!(" device \"{}\"", device(one)),
                several => format!(" devices = {{ {} }}", several.iter().map(device).collect::<Vec<_>>().join(", ")),
            };
            let offload = if details.flags.contains(ChainFlags::HW_OFFLOAD) { " flags offload;" } else { "" };
            let place = format!("type {kind} hook {hook}{devices} priority {priority}");
            line(out, format_args!("\t\t{place}; policy {policy};{offload}"));
        }
    }

    /// Some rules of a chain.
    fn rules(&self, out: &mut String, at: u32, rules: Range<usize>, indent: &str) {
        let id = ChainId { table: self.index, chain: at };
        let chain = &self.table.chains[at as usize];
        // nft leaves out those of rules within a rule.
        let handles = self.listing.handles && !is_bound(chain);
        let first = rules.start;
        for (index, rule) in (first..).zip(&chain.rules[rules]) {
            out.push_str(indent);
            self.rule(out, RuleId { chain: id, index: index as u32 }, rule);
            if let Some(Handle(handle)) = rule.handle.filter(|_| handles) {
                // Writing to a String cannot fail.
                let _ = write!(out, " # handle {handle}");
            }
            out.push('\n');
        }
    }

    /// A rule with the chains that are a part of it.
    fn rule(&self, out: &mut String, id: RuleId, rule: &Rule) {
        let Body::Nft(body) = &rule.body else {
            out.push_str(&crate::syntax::rule_text(self.listing.ruleset, id));
            return;
        };
        let scope = self.scope();
        let observations = self.listing.observations;
        let own = observations.rules.get(&id).copied().unwrap_or_default();
        let tallies = Tallies { own, others: Some((observations, id)) };
        let text = super::counted_text(scope, body, tallies);
        if self.inner.is_empty() {
            push_line(out, &text);
            return;
        }
        let mut text = one_line(&text);
        let mut within: Vec<u32> = parts::jumps(rule).collect();
        within.dedup();
        let here = (id.chain.chain, id.index as usize);
        for to in within.into_iter().filter(|to| self.inner.get(to) == Some(&here)) {
            let chain = &self.table.chains[to as usize];
            // nft indents what is within by one step, however deep it is.
            let mut inner = String::from("{\n");
            self.rules(&mut inner, to, 0..chain.rules.len(), "\t\t\t");
            inner.push_str("\t\t}");
            text = text.replacen(&one_line(&chain.name), &inner, 1);
        }
        out.push_str(&text);
    }
}

/// Appends text of the admin's on one line, whatever is in it.
fn push_line(out: &mut String, text: &str) {
    match text.chars().any(char::is_control) {
        true => out.push_str(&one_line(text)),
        false => out.push_str(text),
    }
}

/// Text of the admin's on one line, whatever is in it.
pub(super) fn one_line(text: &str) -> String {
    text.chars().map(|sign| if sign.is_control() { '\u{fffd}' } else { sign }).collect()
}

fn flags(table: &Table) -> Vec<String> {
    const WORDS: [(TableFlags, &str); 3] =
        [(TableFlags::DORMANT, "dormant"), (TableFlags::OWNER, "owner"), (TableFlags::PERSIST, "persist")];
    let mut flags = table.particulars.flags;
    let sleeps = |base: &Base| base.registration == Registration::Dormant;
    if table.chains.iter().filter_map(|chain| chain.base.as_ref()).any(sleeps) {
        flags |= TableFlags::DORMANT;
    }
    let known = WORDS.iter().filter(|(flag, _)| flags.contains(*flag)).map(|(_, word)| (*word).to_owned());
    let more = flags.difference(TableFlags::all()).bits();
    known.chain((more != 0).then(|| format!("[{more:#x}]"))).collect()
}

/// Whether a chain is a part of a rule (`jump { … }`, `NFT_CHAIN_BINDING`): the kernel names those, and nobody else can.
fn is_bound(chain: &Chain) -> bool {
    chain.details.flags.contains(ChainFlags::BINDING) || chain.name.starts_with("__chain") && chain.base.is_none()
}

/// ` # handle 5`, where handles are wanted.
pub(super) fn handle_text(handle: Option<Handle>, wanted: bool) -> String {
    handle.filter(|_| wanted).map_or(String::new(), |Handle(handle)| format!(" # handle {handle}"))
}

/// A device, or all whose names begin alike.
pub(super) fn device(device: &InterfacePattern) -> String {
    format!("{}{}", one_line(&device.name), if device.prefix { "*" } else { "" })
}

/// The lines of a set up to its elements.
fn push_set_head(out: &mut String, set: &Set, handles: bool) {
    let is_map = set.flags.intersects(SetFlags::MAP | SetFlags::OBJECT);
    let (kind, handle) = (if is_map { "map" } else { "set" }, handle_text(set.details.handle, handles));
    line(out, format_args!("\t{kind} {} {{{handle}", one_line(&set.name)));
    properties(set).iter().for_each(|property| line(out, format_args!("\t\t{property}")));
    if relation::count(set) > 0 {
        out.push_str("\t\telements = { ");
    }
}

/// What stands before an element, by its place.
fn before_element(place: usize, in_line: usize) -> &'static str {
    match place {
        0 => "",
        _ if place.is_multiple_of(in_line) => ",\n\t\t\t     ",
        _ => ", ",
    }
}

/// How many elements stand in a line, by their type (`calculate_delim`).
fn in_line(key_type: u32) -> usize {
    match key_type {
        2 | 4 | 11..=13 | 15 | 16 | 19 | 20 | 23..=25 | 27 => 5,
        7 | 26 | 28 | 31 => 2,
        _ => 1,
    }
}

/// The type of a set or map, its flags and what else it has (`set_print_declaration`).
fn properties(set: &Set) -> Vec<String> {
    let mut found = vec![match type_of_text(set) {
        Some(of) => format!("typeof {of}"),
        None => format!("type {}", type_text(set)),
    }];
    let details = &set.details;
    if !set.flags.contains(SetFlags::CONSTANT) {
        found.extend(details.memory.then(|| "policy memory".to_owned()));
        found.extend((details.size > 0).then(|| format!("size {}", details.size)));
    }
    let flags = flag_words(set);
    let only_timeout = flags == ["timeout"] && details.timeout > 0;
    if !flags.is_empty() && !only_timeout {
        found.push(format!("flags {}", flags.join(",")));
    }
    let held: Vec<String> = details.expressions.iter().map(|held| effects::stateful(held, None)).collect();
    found.extend((!held.is_empty()).then(|| one_line(&held.join(" "))));
    found.extend(details.merges.then(|| "auto-merge".to_owned()));
    found.extend((details.timeout > 0).then(|| format!("timeout {}", values::time(details.timeout.into()))));
    let gc_interval = details.gc_interval;
    found.extend((gc_interval > 0).then(|| format!("gc-interval {}", values::time(gc_interval.into()))));
    found.extend(details.comment.as_ref().map(|comment| format!("comment \"{}\"", one_line(comment))));
    found
}

/// The flags that nft has words for.
fn flag_words(set: &Set) -> Vec<&'static str> {
    const WORDS: [(SetFlags, &str); 4] = [
        (SetFlags::CONSTANT, "constant"),
        (SetFlags::EVAL, "dynamic"),
        (SetFlags::INTERVAL, "interval"),
        (SetFlags::TIMEOUT, "timeout"),
    ];
    WORDS.iter().filter(|(flag, _)| set.flags.contains(*flag)).map(|(_, word)| *word).collect()
}

/// `ip saddr . tcp dport : verdict`, where the set is declared so.
fn type_of_text(set: &Set) -> Option<String> {
    let words = |of: &Typeof| {
        let terms = type_of::terms(of)?;
        Some(terms.iter().map(|term| term.text.as_str()).collect::<Vec<_>>().join(" . "))
    };
    let mut text = words(set.details.key_typeof.as_deref()?)?;
    if let Some(number) = set.data_type {
        let data = set.details.data_typeof.as_deref().and_then(words).unwrap_or_else(|| types::type_name(number));
        let interval = if set.details.data_interval { "interval " } else { "" };
        text.push_str(&format!(" : {interval}{data}"));
    } else if set.flags.contains(SetFlags::OBJECT) {
        text.push_str(&format!(" : {}", set.details.objects.and_then(object_name).unwrap_or("[object]")));
    }
    Some(text)
}

/// `ipv4_addr . inet_service : verdict`.
fn type_text(set: &Set) -> String {
    let mut text = types::type_name(set.key_type);
    if let Some(data) = set.data_type {
        let ranges = if relation::gives_ranges(set) { "interval " } else { "" };
        // Writing to a String cannot fail.
        let _ = write!(text, " : {ranges}{}", types::type_name(data));
    } else if set.flags.contains(SetFlags::OBJECT) {
        let kind = set.details.objects.and_then(object_name).unwrap_or("[object]");
        let _ = write!(text, " : {kind}");
    }
    text
}

/// The names of priorities.
const PRIORITIES: [(i32, &str); 6] =
    [(-300, "raw"), (-150, "mangle"), (-100, "dstnat"), (0, "filter"), (50, "security"), (100, "srcnat")];
/// The names that they have on a bridge.
const PRIORITIES_OF_BRIDGES: [(i32, &str); 4] = [(-300, "dstnat"), (-200, "filter"), (100, "out"), (300, "srcnat")];

fn priorities(family: Family) -> &'static [(i32, &'static str)] {
    if family == Family::Bridge { &PRIORITIES_OF_BRIDGES } else { &PRIORITIES }
}

/// The priority that a name stands for.
pub(super) fn priority_named(family: Family, name: &str) -> Option<i32> {
    priorities(family).iter().find(|(_, known)| *known == name).map(|(number, _)| *number)
}

/// A priority by the name that it is near to (`prio2str`).
pub(super) fn priority(family: Family, hook: Hook, Priority(priority): Priority) -> String {
    let names = priorities(family);
    let near = names.iter().find(|(number, _)| priority.abs_diff(*number) <= 10);
    let is_ip = matches!(family, Family::Inet | Family::Ip | Family::Ip6);
    let fits = |name: &str| match name {
        "filter" => true,
        "dstnat" => (is_ip || family == Family::Bridge) && hook == Hook::Prerouting,
        "srcnat" => (is_ip || family == Family::Bridge) && hook == Hook::Postrouting,
        "out" => hook == Hook::Output,
        _ => is_ip,
    };
    match near.filter(|(_, name)| fits(name)) {
        Some((number, name)) if priority == *number => (*name).to_owned(),
        Some((number, name)) if priority > *number => format!("{name} + {}", priority - number),
        Some((number, name)) => format!("{name} - {}", number - priority),
        None => priority.to_string(),
    }
}
