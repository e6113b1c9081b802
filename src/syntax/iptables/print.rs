//! Rules and tables as iptables-save 1.8.9 prints them.

use super::targets::{alter, label, note, steer};
use super::values::{self, push};
use super::words::push_word;
use super::{flow, ip_family, ports, rare, sets, sides, targets};
use crate::host::xt::{self, Match, Target};
use crate::host::{
    Backend, Body, Chain, ChainId, Counters, Family, IpFamily, Observations, Policy, QuickMap, RuleId, Ruleset, Table,
};
use crate::syntax::Pages;
use crate::syntax::pages::ROWS;

/// Appends one match with a blank before it.
pub(super) fn push_match(out: &mut String, family: Family, m: &Match) {
    match m {
        Match::Source(net) => push_base(out, "-s", net.not, |out| values::push_address_mask(out, &net.value, false)),
        Match::Destination(net) => {
            push_base(out, "-d", net.not, |out| values::push_address_mask(out, &net.value, false));
        }
        Match::InInterface(dev) => {
            values::push_not(out, dev);
            out.push_str(" -i");
            sides::push_interface(out, &dev.value);
        }
        Match::OutInterface(dev) => {
            values::push_not(out, dev);
            out.push_str(" -o");
            sides::push_interface(out, &dev.value);
        }
        Match::Protocol(protocol) => {
            push_base(out, "-p", protocol.not, |out| push(out, format_args!("{}", protocol.value)));
        }
        Match::Fragment(fragment) => out.push_str(if fragment.not { " ! -f" } else { " -f" }),
        Match::Tcp(tcp) => ports::push_tcp(out, tcp),
        Match::Udp(udp) => ports::push_udp(out, udp),
        Match::Icmp(icmp) => ports::push_icmp(out, family, icmp),
        Match::Multiport(multiport) => ports::push_multiport(out, multiport),
        Match::Comment(comment) => sides::push_comment(out, comment),
        Match::State(state) => flow::push_state(out, state),
        Match::Conntrack(ct) => flow::push_conntrack(out, ct),
        Match::Addrtype(addrtype) => sides::push_addrtype(out, addrtype),
        Match::Mark(mark) => flow::push_mark(out, "mark", mark),
        Match::Connmark(mark) => flow::push_mark(out, "connmark", mark),
        Match::Limit(limit) => flow::push_limit(out, limit),
        Match::Statistic(statistic) => flow::push_statistic(out, statistic),
        Match::Recent(recent) => flow::push_recent(out, family, recent),
        Match::Set(set) => sets::push_match(out, set),
        Match::Owner(owner) => sides::push_owner(out, owner),
        Match::Mac(mac) => {
            out.push_str(" -m mac");
            values::push_not(out, mac);
            push(out, format_args!(" --mac-source {}", mac.value));
        }
        Match::Pkttype(kind) => sides::push_pkttype(out, kind),
        Match::Iprange(range) => sides::push_iprange(out, range),
        Match::Length(length) => sides::push_length(out, length),
        Match::Ttl(ttl) => sides::push_ttl(out, family, ttl),
        Match::Physdev(dev) => sides::push_physdev(out, dev),
        Match::Rare(found) => rare::push_rare(out, family, found),
        Match::Opaque(opaque) => {
            out.push_str(" -m");
            push_word(out, &opaque.name);
            sides::push_words(out, &opaque.words);
        }
    }
}

fn push_base(out: &mut String, option: &str, not: bool, value: impl Fn(&mut String)) {
    push(out, format_args!("{} {option} ", if not { " !" } else { "" }));
    value(out);
}

/// Appends the target with a blank before it; nothing where there is none.
pub(super) fn push_target(out: &mut String, table: &Table, target: &Target) {
    match target {
        Target::Continue => {}
        Target::Accept => out.push_str(" -j ACCEPT"),
        Target::Drop => out.push_str(" -j DROP"),
        Target::Return => out.push_str(" -j RETURN"),
        Target::Queue => out.push_str(" -j QUEUE"),
        Target::Jump(chain) => push_chain(out, " -j", table, *chain),
        Target::Goto(chain) => push_chain(out, " -g", table, *chain),
        Target::Reject(with) => targets::push_reject(out, table.family, *with),
        Target::Log(log) => targets::push_log(out, log),
        Target::Mark(mark) => {
            out.push_str(" -j MARK");
            targets::push_xmark(out, *mark);
        }
        Target::Connmark(connmark) => targets::push_connmark(out, connmark),
        Target::Dnat(nat) => targets::push_nat(out, "DNAT", "--to-destination", nat),
        Target::Snat(nat) => targets::push_nat(out, "SNAT", "--to-source", nat),
        Target::Masquerade(nat) => targets::push_nat(out, "MASQUERADE", "--to-ports", nat),
        Target::Redirect(nat) => targets::push_nat(out, "REDIRECT", "--to-ports", nat),
        Target::Netmap(net) => {
            out.push_str(" -j NETMAP --to ");
            values::push_address_mask(out, &xt::AddressMask::Net(**net), false);
        }
        Target::Notrack { own_name: false } => out.push_str(" -j CT --notrack"),
        Target::Notrack { own_name: true } => out.push_str(" -j NOTRACK"),
        Target::Nfqueue(queue) => targets::push_nfqueue(out, queue),
        Target::Set(set) => sets::push_target(out, set),
        Target::Ct(ct) => steer::push_ct(out, ct),
        Target::Tproxy(proxy) => steer::push_tproxy(out, proxy),
        Target::Tee(tee) => steer::push_tee(out, tee),
        Target::Synproxy(proxy) => steer::push_synproxy(out, proxy),
        Target::Clusterip(cluster) => steer::push_clusterip(out, cluster.as_deref()),
        Target::Tcpmss(size) => alter::push_tcpmss(out, *size),
        Target::Tcpoptstrip(options) => alter::push_tcpoptstrip(out, options),
        Target::Checksum => out.push_str(" -j CHECKSUM --checksum-fill"),
        Target::Ttl(change) => alter::push_ttl(out, table.family, *change),
        Target::Dscp(code) => push(out, format_args!(" -j DSCP --set-dscp 0x{code:02x}")),
        Target::Tos(change) => {
            push(out, format_args!(" -j TOS --set-tos 0x{:02x}/0x{:02x}", change.value, change.mask));
        }
        Target::Ecn(change) => alter::push_ecn(out, *change),
        Target::Npt(npt) => alter::push_npt(out, npt),
        Target::Classify(class) => label::push_classify(out, *class),
        Target::Secmark(context) => label::push_secmark(out, context),
        Target::Connsecmark(way) => label::push_connsecmark(out, *way),
        Target::Hmark(hmark) => label::push_hmark(out, hmark),
        Target::Nflog(nflog) => note::push_nflog(out, nflog),
        Target::Ulog(ulog) => note::push_ulog(out, ulog),
        Target::Audit(kind) => note::push_audit(out, *kind),
        Target::Trace => out.push_str(" -j TRACE"),
        Target::Idletimer(timer) => note::push_idletimer(out, timer),
        Target::Led(led) => note::push_led(out, led),
        Target::Rateest(rateest) => note::push_rateest(out, rateest),
        Target::Opaque(opaque) => {
            out.push_str(" -j");
            push_word(out, &opaque.name);
            sides::push_words(out, &opaque.words);
        }
    }
}

fn push_chain(out: &mut String, option: &str, table: &Table, chain: u32) {
    out.push_str(option);
    match table.chains.get(chain as usize) {
        Some(chain) => push_word(out, &chain.name),
        None => push(out, format_args!(" chain-{chain}")),
    }
}

/// Appends a rule's matches and target, with a blank before each.
pub(super) fn push_spec(out: &mut String, table: &Table, rule: &xt::Rule) {
    rule.matches.iter().for_each(|m| push_match(out, table.family, m));
    push_target(out, table, &rule.target);
}

/// Appends `-A CHAIN` and the rule.
pub(super) fn push_rule(out: &mut String, table: &Table, chain: &Chain, rule: &xt::Rule) {
    out.push_str("-A");
    push_word(out, &chain.name);
    push_spec(out, table, rule);
}

/// In which order tables are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// As they stand in the ruleset.
    AsTheyStand,
    /// As their tool prints them.
    OfTheTool,
}

/// In which order iptables-nft-save prints tables, whatever their order in the kernel (`enum nft_table_type`).
const NFT_ORDER: [&str; 5] = ["mangle", "security", "raw", "filter", "nat"];

/// What was counted, and what of it is told.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen<'a> {
    pub(super) observations: Option<&'a Observations>,
    /// That of rules too.
    pub(super) counters: bool,
}

impl<'a> Seen<'a> {
    /// Everything that was counted. Without a single counter of a rule, a dump was made without `-c`.
    pub(super) fn of(observations: Option<&'a Observations>) -> Seen<'a> {
        Seen { observations, counters: true }
    }

    fn rules(self) -> Option<&'a QuickMap<RuleId, Counters>> {
        let rules = self.observations.filter(|_| self.counters).map(|seen| &seen.rules);
        rules.filter(|rules| !rules.is_empty())
    }
}

/// All tables of one family and backend.
pub(super) fn dump<'a>(
    ruleset: &'a Ruleset,
    seen: Seen<'a>,
    (family, backend): (IpFamily, Backend),
    order: Order,
) -> Pages<'a> {
    let is_meant = |table: &Table| {
        let known = matches!(table.family, Family::Ip | Family::Ip6);
        table.backend == backend && known && ip_family(table.family) == family
    };
    let mut tables: Vec<(usize, &Table)> =
        ruleset.tables.iter().enumerate().filter(|(_, table)| is_meant(table)).collect();
    if order == Order::OfTheTool && backend == Backend::IptablesNft {
        let place = |table: &Table| NFT_ORDER.iter().position(|name| *name == &*table.name);
        tables.sort_by_key(|(_, table)| place(table).unwrap_or(NFT_ORDER.len()));
    }
    let mut pages = Pages::default();
    for (t, table) in tables {
        let t = t as u32;
        pages.push(move |out| push_head(out, t, table, seen));
        for (from, to) in runs(table) {
            pages.push(move |out| push_rules(out, t, table, seen, (from, to)));
        }
        pages.push(|out| out.push_str("COMMIT\n"));
    }
    pages
}

/// A place between two rules of a table: the chain, and how many of its rules stand before.
type Between = (usize, usize);

/// The rules of a table in runs of a page each, from one place to another.
fn runs(table: &Table) -> Vec<(Between, Between)> {
    let mut runs = Vec::new();
    let (mut from, mut room) = ((0, 0), ROWS);
    for (c, chain) in table.chains.iter().enumerate() {
        let mut done = 0;
        while chain.rules.len() - done >= room {
            done += room;
            runs.push((from, (c, done)));
            (from, room) = ((c, done), ROWS);
        }
        room -= chain.rules.len() - done;
    }
    if room < ROWS {
        runs.push((from, (table.chains.len(), 0)));
    }
    runs
}

/// The line of a table, and those of its chains.
fn push_head(out: &mut String, t: u32, table: &Table, seen: Seen<'_>) {
    out.push('*');
    out.push_str(&table.name);
    out.push('\n');
    for (c, chain) in (0..).zip(&table.chains) {
        let policy = match chain.base.as_ref().map(|base| base.policy) {
            Some(Policy::Accept) => "ACCEPT",
            Some(Policy::Drop) => "DROP",
            None => "-",
        };
        let id = ChainId { table: t, chain: c };
        let counted = seen.observations.and_then(|seen| seen.policies.get(&id)).copied();
        let Counters { packets, bytes } = counted.unwrap_or_default();
        out.push(':');
        push_first(out, &chain.name);
        push(out, format_args!(" {policy} [{packets}:{bytes}]\n"));
    }
}

/// The rules from one place to another.
fn push_rules(out: &mut String, t: u32, table: &Table, seen: Seen<'_>, (from, to): (Between, Between)) {
    let counted = seen.rules();
    let mut head = String::new();
    for (c, chain) in table.chains.iter().enumerate().take(to.0 + 1).skip(from.0) {
        let first = if c == from.0 { from.1 } else { 0 };
        let after = if c == to.0 { to.1 } else { chain.rules.len() };
        head.clear();
        head.push_str("-A");
        push_word(&mut head, &chain.name);
        for (r, rule) in chain.rules.iter().enumerate().take(after).skip(first) {
            if let Some(counted) = counted {
                let id = RuleId { chain: ChainId { table: t, chain: c as u32 }, index: r as u32 };
                let Counters { packets, bytes } = counted.get(&id).copied().unwrap_or_default();
                push(out, format_args!("[{packets}:{bytes}] "));
            }
            match &rule.body {
                Body::Iptables(rule) => {
                    out.push_str(&head);
                    push_spec(out, table, rule);
                }
                // A table is iptables' only if every rule of it is.
                Body::Nft(_) => {}
            }
            out.push('\n');
        }
    }
}

/// Appends a word without the blank before it.
fn push_first(out: &mut String, word: &str) {
    let start = out.len();
    push_word(out, word);
    out.remove(start);
}
