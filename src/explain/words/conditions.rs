//! Conditions and assumptions of outcomes, in words.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::phrase::{Phrase, list, say};
use super::{Texts, rules};
use crate::explain::brief;
use crate::explain::fields::mac_text;
use crate::host::nft;
use crate::host::xt::{CtStates, Match, Rare, RecentCheck, Target, TcpFlags, Time};
use crate::host::{Body, Host, IpFamily, Namespace, RuleId};
use crate::walk::{Assumed, Assumption, Condition, Field, Op, ValueSet, Values, Why};

/// At most this many values are told one by one.
pub(super) const VALUES: usize = 4;

/// A condition, in a few words.
pub(super) fn condition(condition: &Condition) -> String {
    let field = condition.field.name();
    if let ([Values::Range(first, last)], Op::NotIn) = (&condition.values[..], condition.op) {
        let greatest = ValueSet::full(condition.field.bits(IpFamily::V6)).ranges()[0].1;
        let (phrase, bound) = match (*first == 0, u128::from(*last) == greatest) {
            _ if !is_ordered(condition.field) => (None, 0),
            (true, false) if *last > 0 => (Some(Phrase::Above), *last),
            (false, true) if u128::from(*first) < greatest => (Some(Phrase::Below), *first),
            _ => (None, 0),
        };
        if let Some(phrase) = phrase {
            return say(phrase, &[("field", field), ("values", &numbers(condition.field, bound, bound).join(", "))]);
        }
    }
    let texts = values(condition.field, &condition.values);
    let one = texts.len() == 1;
    let phrase = match (&condition.values[..], condition.op) {
        ([Values::Range(first, last)], op) if first != last => {
            if op == Op::NotIn {
                Phrase::HasNot
            } else {
                Phrase::Has
            }
        }
        ([Values::Net(net)], Op::In) if net.prefix_len() < net.max_prefix_len() => Phrase::IsIn,
        ([Values::Net(net)], Op::NotIn) if net.prefix_len() < net.max_prefix_len() => Phrase::IsNotIn,
        ([Values::Addresses(..)], Op::In | Op::Is) => Phrase::IsIn,
        ([Values::Addresses(..)], Op::NotIn) => Phrase::IsNotIn,
        ([Values::Set(..)], Op::In | Op::Is) => Phrase::IsIn,
        ([Values::Set(..)], Op::NotIn) => Phrase::IsNotIn,
        (_, Op::In | Op::Is) if one => Phrase::Is,
        ([Values::Name(_), ..], Op::In | Op::Is) => Phrase::Is,
        (_, Op::NotIn) if one => Phrase::IsNot,
        ([Values::Name(_), ..], Op::NotIn) => Phrase::IsNone,
        (_, Op::NotIn) => Phrase::IsNotIn,
        (_, Op::In | Op::Is) => Phrase::IsIn,
    };
    let last = if phrase == Phrase::IsNone { Phrase::And } else { Phrase::Or };
    say(phrase, &[("field", field), ("values", &list(last, &texts, VALUES))])
}

/// Whether values of the field are more or less, and not just others.
fn is_ordered(field: Field) -> bool {
    match field {
        Field::Sport | Field::Dport | Field::Ttl | Field::Length | Field::Uid | Field::Gid | Field::Time => true,
        Field::Iif
        | Field::Src
        | Field::Dst
        | Field::Mark
        | Field::CtState
        | Field::TcpFlags
        | Field::IcmpType
        | Field::IcmpCode
        | Field::Pkttype
        | Field::SrcMac
        | Field::Tos => false,
    }
}

/// Values in words.
pub(super) fn values(field: Field, values: &[Values]) -> Vec<String> {
    values.iter().flat_map(|values| value(field, values)).collect()
}

fn value(field: Field, values: &Values) -> Vec<String> {
    match values {
        Values::Net(net) if net.prefix_len() == net.max_prefix_len() => vec![net.addr().to_string()],
        Values::Net(net) => vec![net.to_string()],
        Values::Addresses(first, last) => vec![format!("{first}–{last}")],
        Values::Name(name) | Values::Set(name, _) => vec![name.clone()],
        Values::Range(first, last) => numbers(field, *first, *last),
    }
}

pub(super) fn numbers(field: Field, first: u64, last: u64) -> Vec<String> {
    let many = |text: &dyn Fn(u64) -> String| {
        if first == last { vec![text(first)] } else { vec![format!("{}–{}", text(first), text(last))] }
    };
    match field {
        Field::CtState if last - first < 16 => {
            let states = CtStates::from_bits_truncate((first..=last).fold(0, |all, bit| all | bit as u16));
            states.iter_names().map(|(name, _)| name.to_lowercase()).collect()
        }
        Field::TcpFlags => many(&|flags| {
            let names: Vec<String> =
                TcpFlags::from_bits_truncate(flags as u8).iter_names().map(|(name, _)| name.to_lowercase()).collect();
            if names.is_empty() { "none".to_owned() } else { names.join(",") }
        }),
        Field::Mark => many(&|mark| format!("{mark:#x}")),
        Field::Pkttype => many(&|kind| {
            match kind {
                0 => "host",
                1 => "broadcast",
                2 => "multicast",
                _ => "other",
            }
            .to_owned()
        }),
        Field::SrcMac => many(&mac_text),
        _ => many(&|number| number.to_string()),
    }
}

/// An assumption as a clause.
pub(super) fn assumption(
    host: &Host,
    assumption: &Assumption,
    match_text: &dyn Fn(RuleId, Option<u16>) -> String,
) -> String {
    let what = assumed(host, assumption, match_text);
    let why = match assumption.why {
        Why::Order => Phrase::WhyOrder,
        Why::Rate => Phrase::WhyRate,
        Why::State => Phrase::WhyState,
        Why::Hash => Phrase::WhyHash,
        Why::Random => Phrase::WhyRandom,
        Why::Undecoded => Phrase::WhyUndecoded,
        Why::Unread if matches!(assumption.what, Assumed::Torn(_)) => Phrase::WhyTorn,
        Why::Unread => Phrase::WhyUnread,
    };
    say(why, &[("what", &what)])
}

/// The same without a word of why it can only be assumed.
pub(super) fn assumed(
    host: &Host,
    assumption: &Assumption,
    match_text: &dyn Fn(RuleId, Option<u16>) -> String,
) -> String {
    what(&host.namespaces[assumption.namespace], assumption, match_text)
}

fn what(ns: &Namespace, assumption: &Assumption, match_text: &dyn Fn(RuleId, Option<u16>) -> String) -> String {
    let either = |holds: Phrase, fails: Phrase| if assumption.holds { holds } else { fails };
    let of_rule = |phrase: Phrase, rule: RuleId, index: Option<u16>| {
        say(phrase, &[("text", &match_text(rule, index)), ("rule", &rules::rule_place(ns, rule))])
    };
    match &assumption.what {
        Assumed::Match { rule, index } => of_rule(either(Phrase::MatchHolds, Phrase::MatchFails), *rule, Some(*index)),
        Assumed::ChosenFits { rule, index } => {
            of_rule(either(Phrase::ChosenFits, Phrase::ChosenFitsNot), *rule, Some(*index))
        }
        Assumed::Draws { rule, index, number } => {
            let (text, place) = (match_text(*rule, Some(*index)), rules::rule_place(ns, *rule));
            let fills = [("text", text.as_str()), ("rule", &place), ("number", &number.to_string())];
            say(either(Phrase::Drawn, Phrase::DrawnNot), &fills)
        }
        Assumed::TargetContinues(rule) => of_rule(either(Phrase::TargetContinues, Phrase::TargetStops), *rule, None),
        Assumed::GivesPort(rule) => of_rule(Phrase::GivesPort, *rule, None),
        Assumed::Order { first, second } => {
            let (first, second) = if assumption.holds { (first, second) } else { (second, first) };
            say(Phrase::RunsBefore, &[("first", &rules::chain(ns, *first)), ("second", &rules::chain(ns, *second))])
        }
        Assumed::TracksBefore(chain) => {
            say(either(Phrase::TracksBefore, Phrase::TracksAfter), &[("chain", &rules::chain(ns, *chain))])
        }
        Assumed::LeavesBy(devices) if devices.is_empty() => {
            say(either(Phrase::LeavesNowhere, Phrase::LeavesSomewhere), &[])
        }
        Assumed::LeavesBy(devices) => {
            say(either(Phrase::LeavesBy, Phrase::LeavesNotBy), &[("devices", &list(Phrase::Or, devices, VALUES))])
        }
        Assumed::Local(endpoints) => {
            let dst = rules::endpoint(endpoints.dst, None).unwrap_or_else(|| say(Phrase::SomeAddress, &[]));
            say(either(Phrase::IsLocal, Phrase::IsNotLocal), &[("dst", &dst)])
        }
        Assumed::Forwards => say(either(Phrase::Forwards, Phrase::ForwardsNot), &[]),
        Assumed::MarkFits(priority) => {
            say(either(Phrase::MarkFits, Phrase::MarkFitsNot), &[("priority", &priority.to_string())])
        }
        Assumed::ReversePathAccepts => say(either(Phrase::ReverseAccepts, Phrase::ReverseRefuses), &[]),
        Assumed::Vlans(device) => say(either(Phrase::VlansPass, Phrase::VlansStop), &[("device", device)]),
        Assumed::NoTranslation => say(either(Phrase::NoTranslation, Phrase::Translation), &[]),
        Assumed::Established => say(either(Phrase::Established, Phrase::EstablishedNot), &[]),
        Assumed::AnswerHas(has) => say(Phrase::AnswerHas, &[("condition", &condition(has))]),
        Assumed::ChosenAmong { values, .. } => {
            let ranges: Vec<String> = values.ranges().iter().map(|range| chosen(*range)).collect();
            say(either(Phrase::ChosenAmong, Phrase::ChosenNotAmong), &[("values", &list(Phrase::Or, &ranges, VALUES))])
        }
        Assumed::SocketAnswers => say(either(Phrase::SocketAnswers, Phrase::SocketSilent), &[]),
        Assumed::UnreadRulesPass(kind) => {
            say(either(Phrase::UnreadRulesPass, Phrase::UnreadRulesStop), &[("rules", &kind.to_string())])
        }
        Assumed::Torn(what) => say(either(Phrase::AsRead, Phrase::NotAsRead), &[("what", &what.to_string())]),
    }
}

/// Addresses, or ports, which are the smaller numbers.
fn chosen((first, last): (u128, u128)) -> String {
    let name = |number: u128| match (u16::try_from(number), u32::try_from(number)) {
        (Ok(port), _) => port.to_string(),
        (_, Ok(address)) => Ipv4Addr::from(address).to_string(),
        _ => Ipv6Addr::from(number).to_string(),
    };
    if first == last { name(first) } else { format!("{}–{}", name(first), name(last)) }
}

/// A match (or the target) of a rule by its name and what tells it from others: enough for a sentence. What takes few words
/// is told in full.
pub(super) fn gist(ns: &Namespace, rule: RuleId, index: Option<u16>, texts: Texts) -> String {
    let gist = name_of(ns, rule, index);
    let is_name = gist.split(' ').count() <= 2;
    let full = || brief(&texts(&ns.ruleset, rule, index)).into_owned();
    let is_short = |text: &String| !text.is_empty() && text.chars().count() <= SHORT;
    let told = is_name.then(full).filter(is_short).unwrap_or(gist);
    // A sentence is not to quote nothing.
    if told.is_empty() { "…".to_owned() } else { told }
}

/// What is longer than this is told by its name.
const SHORT: usize = 80;

/// A match (or the target) of a rule by its name, and what there is to tell it from others.
fn name_of(ns: &Namespace, rule: RuleId, index: Option<u16>) -> String {
    let rule = match &ns.ruleset.rule(rule).body {
        Body::Iptables(rule) => rule,
        Body::Nft(rule) => return expression_gist(rule, index),
    };
    match index.map(|index| rule.matches.get(usize::from(index))) {
        None => target_name(&rule.target),
        Some(None) => String::new(),
        Some(Some(matched)) => match_gist(matched),
    }
}

/// An expression of a native rule by its name; without an index, what the rule does in the end.
fn expression_gist(rule: &nft::Rule, index: Option<u16>) -> String {
    let Some(index) = index else { return rule.expressions.iter().rev().find_map(deed).unwrap_or_default() };
    match rule.expressions.get(usize::from(index)) {
        Some(nft::Expression::Match(matched)) => match_gist(matched),
        Some(nft::Expression::Target(target)) => target_name(target),
        Some(nft::Expression::Undecoded(undecoded)) => undecoded.name.to_string(),
        Some(nft::Expression::Limit(limit)) => {
            let unit = match limit.unit {
                1 => "second",
                60 => "minute",
                3600 => "hour",
                86400 => "day",
                _ => "week",
            };
            let (over, bytes) = (if limit.over { "over " } else { "" }, if limit.bytes { " bytes" } else { "" });
            format!("limit rate {over}{}{bytes}/{unit}", limit.rate)
        }
        Some(nft::Expression::Connlimit { count, over }) => {
            format!("ct count {}{count}", if *over { "over " } else { "" })
        }
        Some(nft::Expression::Quota { bytes, over }) => {
            format!("quota {}{bytes} bytes", if *over { "over " } else { "" })
        }
        Some(nft::Expression::Lookup { set, .. }) => format!("@{set}"),
        // Its own words are the printer's.
        Some(_) | None => String::new(),
    }
}

/// What an expression does with the packet, in a word or two.
fn deed(expression: &nft::Expression) -> Option<String> {
    Some(match expression {
        nft::Expression::Nat(nat) => (if nat.destination { "dnat" } else { "snat" }).to_owned(),
        nft::Expression::Masquerade { .. } => "masquerade".to_owned(),
        nft::Expression::Redirect { .. } => "redirect".to_owned(),
        nft::Expression::Lookup { set, to: Some(nft::LookupResult::Verdict), .. } => format!("vmap @{set}"),
        nft::Expression::Target(target) => target_name(target),
        nft::Expression::Undecoded(undecoded) => undecoded.name.to_string(),
        _ => return None,
    })
}

fn target_name(target: &Target) -> String {
    match target {
        Target::Opaque(opaque) => {
            let words: Vec<&str> = opaque.words.iter().map(|word| &**word).collect();
            format!("-j {} {}", opaque.name, words.join(" ")).trim_end().to_owned()
        }
        Target::Nfqueue(_) | Target::Queue => "-j NFQUEUE".to_owned(),
        Target::Tproxy(proxy) => format!("-j TPROXY --on-port {}", proxy.port),
        Target::Synproxy(_) => "-j SYNPROXY".to_owned(),
        Target::Clusterip(_) => "-j CLUSTERIP".to_owned(),
        Target::Npt(npt) => (if npt.destination { "-j DNPT" } else { "-j SNPT" }).to_owned(),
        _ => "-j".to_owned(),
    }
}

fn match_gist(matched: &Match) -> String {
    match matched {
        Match::Set(set) => {
            let sides: Vec<&str> = set.set.directions.iter().map(|src| if *src { "src" } else { "dst" }).collect();
            format!("-m set {}--match-set {} {}", if set.not { "! " } else { "" }, set.set.name, sides.join(","))
        }
        Match::Recent(recent) => {
            let check = match recent.check {
                RecentCheck::Set => "set",
                RecentCheck::Rcheck => "rcheck",
                RecentCheck::Update => "update",
                RecentCheck::Remove => "remove",
            };
            let number = |name: &str, value: Option<u32>| value.map(|value| format!(" --{name} {value}"));
            let numbers = [number("seconds", recent.seconds), number("hitcount", recent.hitcount)];
            let numbers: String = numbers.into_iter().flatten().collect();
            let not = if recent.not { "! " } else { "" };
            format!("-m recent {not}--{check}{numbers} --name {}", recent.name)
        }
        Match::Rare(found) => rare_gist(found),
        Match::Opaque(opaque) => {
            let words: Vec<&str> = opaque.words.iter().map(|word| &**word).collect();
            format!("-m {} {}", opaque.name, words.join(" ")).trim_end().to_owned()
        }
        other => match_name(other).to_owned(),
    }
}

/// One of the rarer matches by its name, and what tells it from others of that name.
fn rare_gist(found: &Rare) -> String {
    let name = found.name();
    match found {
        Rare::Hashlimit(limit) => format!("-m {name} --hashlimit-name {}", limit.name),
        Rare::Connlimit(limit) => {
            format!("-m {name} --connlimit-{} {}", if limit.above { "above" } else { "upto" }, limit.limit)
        }
        Rare::String(string) => {
            let not = if string.pattern.not { "! " } else { "" };
            format!("-m {name} {not}--string {:?}", String::from_utf8_lossy(&string.pattern.value))
        }
        Rare::Helper(helper) => format!("-m {name} {}--helper {}", if helper.not { "! " } else { "" }, helper.value),
        Rare::Time(time) => {
            let ends = [("timestart", time.day.0, 0), ("timestop", time.day.1, Time::LAST_SECOND)];
            let told = ends.iter().filter(|(_, second, all)| second != all);
            let told = told.map(|(name, second, _)| format!(" --{name} {:02}:{:02}", second / 3600, second / 60 % 60));
            format!("-m {name}{}", told.collect::<String>())
        }
        Rare::Nfacct(account) => format!("-m {name} --nfacct-name {account}"),
        _ => format!("-m {name}"),
    }
}

fn match_name(matched: &Match) -> &'static str {
    match matched {
        Match::Source(_) => "-s",
        Match::Destination(_) => "-d",
        Match::InInterface(_) => "-i",
        Match::OutInterface(_) => "-o",
        Match::Protocol(_) => "-p",
        Match::Fragment(_) => "-f",
        Match::Tcp(_) => "-m tcp",
        Match::Udp(_) => "-m udp",
        Match::Icmp(_) => "-m icmp",
        Match::Multiport(_) => "-m multiport",
        Match::Comment(_) => "-m comment",
        Match::State(_) => "-m state",
        Match::Conntrack(_) => "-m conntrack",
        Match::Addrtype(_) => "-m addrtype",
        Match::Mark(_) => "-m mark",
        Match::Connmark(_) => "-m connmark",
        Match::Limit(_) => "-m limit",
        Match::Statistic(_) => "-m statistic",
        Match::Recent(_) => "-m recent",
        Match::Set(_) => "-m set",
        Match::Owner(_) => "-m owner",
        Match::Mac(_) => "-m mac",
        Match::Pkttype(_) => "-m pkttype",
        Match::Iprange(_) => "-m iprange",
        Match::Length(_) => "-m length",
        Match::Ttl(_) => "-m ttl",
        Match::Physdev(_) => "-m physdev",
        Match::Rare(_) | Match::Opaque(_) => "-m",
    }
}
