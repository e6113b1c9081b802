//! Tables: chains with their places, objects, flowtables, and the order in which nft makes the rest.
//!
//! Sets with a name come first, then those of rules, chain by chain: so the kernel numbers them.

use std::collections::HashMap;

use super::protocol::Seen;
use super::rule::{Maker, Trouble};
use crate::host::nft::{
    self, ChainDetails, ChainFlags, CtExpectation, CtHelper, CtTimeout, Flowtable, Object, ObjectBody, Particulars,
    Synproxy, TableFlags, Undecoded, flowtable,
};
use crate::host::xt::InterfacePattern;
use crate::host::{
    Backend, Base, Body, Chain, ChainId, ChainType, Counters, Family, Handle, Hook, Link, Names, ObjectId,
    Observations, Place, Policy, Priority, Protocol, Registration, Rule, RuleId, Table, Tally,
};
use crate::syntax::nft::list;
use crate::syntax::nft::tree;
use crate::syntax::{Diagnostic, DiagnosticKind};

/// Makes a table of what was written; `index` is its place among the tables.
pub(super) fn table<'a>(
    written: &'a tree::Table<'a>,
    index: u32,
    links: &'a [Link],
    names: &'a mut Names,
    observations: &mut Observations,
    diagnostics: &mut Vec<Diagnostic>,
) -> Table {
    let chains = written.chains.iter().enumerate();
    let chains: HashMap<_, _> = chains.map(|(at, chain)| (names.intern(chain.name), at as u32)).collect();
    let mut maker = Maker::new(written.family, links, names, chains);
    for set in &written.sets {
        if let Err(trouble) = maker.declare_named(set) {
            diagnostics.push(told(set.line, format!("set {}: {trouble}", set.name)));
        }
    }
    for set in &written.sets {
        if let Err(trouble) = maker.fill(set, index, observations) {
            diagnostics.push(told(set.line, format!("elements of set {}: {trouble}", set.name)));
        }
    }
    let made = chains_of(&mut maker, written, index, observations, diagnostics);
    let objects = written.objects.iter().enumerate().map(|(at, written)| {
        let (object, tally) = object(written, maker.family, maker.names);
        if let Some(tally) = tally {
            observations.objects.insert(ObjectId { table: index, object: at as u32 }, tally);
        }
        object
    });
    let particulars = Particulars {
        handle: written.handle.map(Handle),
        flags: TableFlags::from_bits_retain(written.flags),
        objects: objects.collect(),
        flowtables: written.flowtables.iter().map(|written| flowtable_of(written, maker.names)).collect(),
        comment: written.comment.map(|comment| maker.names.intern(comment)),
        ..Particulars::default()
    };
    let name = maker.names.intern(written.name);
    Table { family: written.family, name, backend: Backend::Nft, chains: made, sets: maker.sets, particulars }
}

/// The chains with their rules, and after them those that stand within rules.
fn chains_of<'a>(
    maker: &mut Maker<'a>,
    written: &'a tree::Table<'a>,
    table: u32,
    observations: &mut Observations,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<Chain> {
    let dormant = TableFlags::from_bits_retain(written.flags).contains(TableFlags::DORMANT);
    let mut made = Vec::with_capacity(written.chains.len());
    for chain in &written.chains {
        let id = ChainId { table, chain: made.len() as u32 };
        let rules = maker.rules(&chain.rules, id, observations, diagnostics);
        let base = chain.base.as_ref().map(|base| base_of(written.family, base, dormant));
        made.push(Chain { name: maker.names.intern(chain.name), base, rules, details: details(chain, maker.names) });
    }
    let mut at = 0;
    while let Some(block) = maker.blocks.get(at).copied() {
        at += 1;
        let id = ChainId { table, chain: made.len() as u32 };
        let rules = maker.rules(block, id, observations, diagnostics);
        let details = ChainDetails { flags: ChainFlags::BINDING, ..ChainDetails::default() };
        // The kernel counts them for as long as it runs.
        let name = maker.names.intern(&format!("__chain{at}"));
        made.push(Chain { name, base: None, rules, details });
    }
    made
}

fn told(line: usize, text: String) -> Diagnostic {
    Diagnostic { line, kind: DiagnosticKind::Unknown, text }
}

impl<'a> Maker<'a> {
    fn new(family: Family, links: &'a [Link], names: &'a mut Names, chains: HashMap<crate::host::Name, u32>) -> Self {
        Maker {
            family,
            links,
            names,
            sets: Vec::new(),
            named: HashMap::new(),
            chains,
            seen: Seen::new(family),
            steps: Default::default(),
            questions: Vec::new(),
            blocks: Vec::new(),
            anonymous: [0; 3],
            by_name: false,
        }
    }

    fn rules(
        &mut self,
        written: &'a tree::Rules<'a>,
        chain: ChainId,
        observations: &mut Observations,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Vec<Rule> {
        let each = written.iter().zip(0..);
        each.map(|(rule, index)| self.rule(rule, RuleId { chain, index }, observations, diagnostics)).collect()
    }

    fn rule(
        &mut self,
        (written, statements): (&'a tree::Rule<'a>, &'a [tree::Statement<'a>]),
        id: RuleId,
        observations: &mut Observations,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Rule {
        self.steps.clear();
        self.seen = Seen::new(self.family);
        let (sets, anonymous, blocks) = (self.sets.len(), self.anonymous, self.blocks.len());
        let mut made = statements.iter().try_for_each(|statement| self.statement(statement));
        // What was made of half a rule goes, and its sets with it.
        let undo = |maker: &mut Self| {
            maker.sets.truncate(sets);
            maker.anonymous = anonymous;
            maker.blocks.truncate(blocks);
        };
        if let (Err(Trouble::Word(_)), true) = (&made, self.links.is_empty()) {
            undo(self);
            self.steps.clear();
            self.seen = Seen::new(self.family);
            self.by_name = true;
            let again = statements.iter().try_for_each(|statement| self.statement(statement));
            self.by_name = false;
            made = again.or(made);
        }
        let is_read = made.is_ok();
        let expressions = match made {
            Ok(()) => self.steps.finish(),
            Err(trouble) => {
                undo(self);
                diagnostics.push(told(written.line, format!("{}: {trouble}", written.text)));
                let name = self.names.intern(nft::Undecoded::TEXT);
                let data = written.text.as_bytes().into();
                Box::new([nft::Expression::Undecoded(Box::new(Undecoded { name, data }))])
            }
        };
        note(statements, &expressions, id, observations);
        // What is kept as text has its comment in it.
        let comment = if is_read { written.comment } else { None };
        let comment = comment.map(|comment| self.names.intern(comment));
        let body = Body::Nft(Box::new(nft::Rule { expressions, comment }));
        Rule { handle: written.handle.map(Handle), body }
    }
}

/// Notes what the expressions of a rule have come to: those that keep a state are in the order of their statements.
fn note(statements: &[tree::Statement<'_>], made: &[nft::Expression], id: RuleId, observations: &mut Observations) {
    let stateful = made.iter().zip(0..).filter(|(expression, _)| expression.is_stateful()).map(|(_, at)| at);
    let told = statements.iter().filter(|statement| super::statement::stateful(statement).is_ok());
    let tallies = told.zip(stateful).filter_map(|(statement, at)| Some((at, super::statement::tally(statement)?)));
    observations.note(id, tallies);
}

fn details(chain: &tree::Chain<'_>, names: &mut Names) -> ChainDetails {
    let devices = chain.base.iter().flat_map(|base| &base.devices);
    let mut flags = ChainFlags::empty();
    flags.set(ChainFlags::HW_OFFLOAD, chain.offload);
    ChainDetails {
        handle: chain.handle.map(Handle),
        comment: chain.comment.map(|comment| names.intern(comment)),
        devices: patterns(devices, names),
        flags,
    }
}

/// Devices by name.
fn patterns<'a>(devices: impl IntoIterator<Item = &'a &'a str>, names: &mut Names) -> Box<[InterfacePattern]> {
    let mut all: Box<[InterfacePattern]> = devices.into_iter().map(|device| pattern(device, names)).collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}

fn pattern(device: &str, names: &mut Names) -> InterfacePattern {
    match device.strip_suffix('*') {
        Some(start) => InterfacePattern { name: names.intern(start), prefix: true },
        None => InterfacePattern { name: names.intern(device), prefix: false },
    }
}

fn base_of(family: Family, base: &tree::Base<'_>, dormant: bool) -> Base {
    Base {
        kind: match base.kind {
            "nat" => ChainType::Nat,
            "route" => ChainType::Route,
            _ => ChainType::Filter,
        },
        hook: Hook::from_name(base.hook).unwrap_or(Hook::Ingress),
        priority: priority(family, &base.priority),
        policy: if base.policy_drop == Some(true) { Policy::Drop } else { Policy::Accept },
        registration: if dormant { Registration::Dormant } else { Registration::Registered(Place::Guessed(0)) },
    }
}

fn priority(family: Family, written: &tree::Priority<'_>) -> Priority {
    let named = written.name.and_then(|name| list::priority_named(family, name)).unwrap_or(0);
    Priority(named.saturating_add(written.number))
}

fn flowtable_of(written: &tree::Flowtable<'_>, names: &mut Names) -> Flowtable {
    let offload = if written.offload { flowtable::HW_OFFLOAD } else { 0 };
    let counter = if written.counter { flowtable::COUNTER } else { 0 };
    Flowtable {
        name: names.intern(written.name),
        handle: written.handle.map(Handle),
        hook: Hook::Ingress,
        priority: priority(Family::Netdev, &written.priority),
        devices: patterns(&written.devices, names),
        flags: offload | counter,
    }
}

/// An object, and what it has come to.
fn object(written: &tree::Object<'_>, family: Family, names: &mut Names) -> (Object, Option<Tally>) {
    let of = |told: &Option<Family>| told.unwrap_or(family);
    let protocol = |name: &str| Protocol::from_name(name).unwrap_or(Protocol(0));
    let mut tally = None;
    let body = match &written.body {
        tree::ObjectBody::Counter { packets, bytes } => {
            tally = Some(Tally::Counter(Counters { packets: *packets, bytes: *bytes }));
            ObjectBody::Counter
        }
        tree::ObjectBody::Quota { bytes, over, used } => {
            tally = Some(Tally::Consumed(*used));
            ObjectBody::Quota { bytes: *bytes, over: *over }
        }
        tree::ObjectBody::Limit(limit) => ObjectBody::Limit(*limit),
        tree::ObjectBody::CtHelper { helper, protocol: name, family } => ObjectBody::CtHelper(CtHelper {
            helper: names.intern(helper),
            family: of(family),
            protocol: protocol(name),
        }),
        tree::ObjectBody::CtTimeout { protocol: name, family, policy } => ObjectBody::CtTimeout(CtTimeout {
            family: of(family),
            protocol: protocol(name),
            seconds: super::timeouts::seconds(protocol(name), policy),
        }),
        tree::ObjectBody::CtExpectation { protocol: name, family, dport, timeout, size } => {
            ObjectBody::CtExpectation(CtExpectation {
                family: of(family),
                protocol: protocol(name),
                dport: *dport,
                timeout: u32::try_from(*timeout).unwrap_or(u32::MAX),
                size: *size,
            })
        }
        tree::ObjectBody::Secmark(context) => ObjectBody::Secmark { context: names.intern(context) },
        tree::ObjectBody::Synproxy { mss, window_scale, flags } => {
            ObjectBody::Synproxy(Synproxy { mss: *mss, window_scale: *window_scale, flags: *flags })
        }
    };
    let comment = written.comment.map(|comment| names.intern(comment));
    (Object { name: names.intern(written.name), handle: written.handle.map(Handle), comment, body }, tally)
}
