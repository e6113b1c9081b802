//! Rules and tables as iptables-save 1.8.9 prints them.

use super::targets::{alter, label, note, steer};
use super::values::{self, push};
use super::words::push_word;
use super::{flow, ip_family, ports, rare, sets, sides, targets};
use crate::host::xt::{self, Match, Target};
use crate::host::{
    Backend, Body, Chain, ChainId, Counters, Family, IpFamily, Observations, Policy, RuleId, Ruleset, Table,
};

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

/// Appends all tables of one family and backend.
pub(super) fn push_dump(
    out: &mut String,
    ruleset: &Ruleset,
    seen: Option<&Observations>,
    (family, backend): (IpFamily, Backend),
    order: Order,
) {
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
    for (t, table) in tables {
        push_table(out, t as u32, table, seen);
    }
}

fn push_table(out: &mut String, t: u32, table: &Table, seen: Option<&Observations>) {
    out.push('*');
    out.push_str(&table.name);
    out.push('\n');
    let none = Counters::default();
    let chains = || table.chains.iter().enumerate().map(|(c, chain)| (ChainId { table: t, chain: c as u32 }, chain));
    for (id, chain) in chains() {
        let policy = match chain.base.as_ref().map(|base| base.policy) {
            Some(Policy::Accept) => "ACCEPT",
            Some(Policy::Drop) => "DROP",
            None => "-",
        };
        let Counters { packets, bytes } = seen.and_then(|seen| seen.policies.get(&id)).unwrap_or(&none);
        out.push(':');
        out.push_str(push_first(&chain.name).as_str());
        push(out, format_args!(" {policy} [{packets}:{bytes}]\n"));
    }
    // Without a single counter of a rule, the dump was made without -c.
    let seen = seen.filter(|seen| !seen.rules.is_empty());
    for (id, chain) in chains() {
        for (r, rule) in chain.rules.iter().enumerate() {
            if let Some(seen) = seen {
                let Counters { packets, bytes } =
                    seen.rules.get(&RuleId { chain: id, index: r as u32 }).unwrap_or(&none);
                push(out, format_args!("[{packets}:{bytes}] "));
            }
            match &rule.body {
                Body::Iptables(rule) => push_rule(out, table, chain, rule),
                // A table is iptables' only if every rule of it is.
                Body::Nft(_) => {}
            }
            out.push('\n');
        }
    }
    out.push_str("COMMIT\n");
}

/// A word without the blank before it.
fn push_first(word: &str) -> String {
    let mut text = String::new();
    push_word(&mut text, word);
    text.split_off(1)
}
