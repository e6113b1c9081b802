//! Matches on what the kernel knows of a flow, and on what it counts: state, conntrack, marks, limit, statistic, recent.

use super::option::{Asked, Extension, Opt, Takes, set};
use super::rows;
use super::values::{self, push};
use crate::host::xt::{
    AddressMask, Conntrack, CtDirection, CtStates, CtStatuses, Limit, Masked, Match, Neg, PortRange, Recent,
    RecentCheck, Statistic,
};
use crate::host::{Family, Names};

use Takes::{Nothing, One};

pub(super) const STATE: Extension<Match> =
    Extension { name: "state", family: None, options: &[("--state", One)], read: state };

pub(super) const CONNTRACK: Extension<Match> = Extension {
    name: "conntrack",
    family: None,
    options: &[
        ("--ctstate", One),
        ("--ctproto", One),
        ("--ctorigsrc", One),
        ("--ctorigdst", One),
        ("--ctreplsrc", One),
        ("--ctrepldst", One),
        ("--ctorigsrcport", One),
        ("--ctorigdstport", One),
        ("--ctreplsrcport", One),
        ("--ctrepldstport", One),
        ("--ctstatus", One),
        ("--ctexpire", One),
        ("--ctdir", One),
    ],
    read: conntrack,
};

pub(super) const MARK: Extension<Match> =
    Extension { name: "mark", family: None, options: &[("--mark", One)], read: mark };

pub(super) const CONNMARK: Extension<Match> =
    Extension { name: "connmark", family: None, options: &[("--mark", One)], read: connmark };

pub(super) const LIMIT: Extension<Match> =
    Extension { name: "limit", family: None, options: &[("--limit", One), ("--limit-burst", One)], read: limit };

pub(super) const STATISTIC: Extension<Match> = Extension {
    name: "statistic",
    family: None,
    options: &[("--mode", One), ("--probability", One), ("--every", One), ("--packet", One)],
    read: statistic,
};

pub(super) const RECENT: Extension<Match> = Extension {
    name: "recent",
    family: None,
    options: &[
        ("--set", Nothing),
        ("--rcheck", Nothing),
        ("--update", Nothing),
        ("--remove", Nothing),
        ("--seconds", One),
        ("--reap", Nothing),
        ("--hitcount", One),
        ("--rttl", Nothing),
        ("--name", One),
        ("--mask", One),
        ("--rsource", Nothing),
        ("--rdest", Nothing),
    ],
    read: recent,
};

/// In the order in which the tools print them.
const STATES: [(&str, CtStates); 7] = [
    ("INVALID", CtStates::INVALID),
    ("NEW", CtStates::NEW),
    ("RELATED", CtStates::RELATED),
    ("ESTABLISHED", CtStates::ESTABLISHED),
    ("UNTRACKED", CtStates::UNTRACKED),
    ("SNAT", CtStates::SNAT),
    ("DNAT", CtStates::DNAT),
];

const STATUSES: [(&str, CtStatuses); 4] = [
    ("EXPECTED", CtStatuses::EXPECTED),
    ("SEEN_REPLY", CtStatuses::SEEN_REPLY),
    ("ASSURED", CtStatuses::ASSURED),
    ("CONFIRMED", CtStatuses::CONFIRMED),
];

fn states(option: &Opt) -> Option<Neg<CtStates>> {
    Some(option.neg(values::flags(option.value()?, |name| values::flag(name, &STATES))?))
}

fn state(asked: &Asked, _: &mut Names) -> Option<Match> {
    let mut state = None;
    for option in asked.options() {
        let given = states(&option)?;
        if given.value.intersects(CtStates::SNAT | CtStates::DNAT) {
            return None;
        }
        set(&mut state, given)?;
    }
    state.map(Match::State)
}

pub(super) fn push_state(out: &mut String, state: &Neg<CtStates>) {
    out.push_str(" -m state");
    values::push_not(out, state);
    out.push_str(" --state ");
    values::push_flags(out, state.value, &STATES);
}

fn conntrack(asked: &Asked, _: &mut Names) -> Option<Match> {
    let mut ct = Conntrack::default();
    for option in asked.options() {
        conntrack_option(&mut ct, &option)?;
    }
    (ct != Conntrack::default()).then(|| Match::Conntrack(Box::new(ct)))
}

fn conntrack_option(ct: &mut Conntrack, option: &Opt) -> Option<()> {
    // These the tools take backwards too; none fits then.
    let port = || {
        let text = option.value()?;
        let backwards = || rows::span(text, u16::MAX).map(|(first, last)| PortRange { first, last });
        Some(option.neg(values::ports(text, ':').or_else(backwards)?))
    };
    match option.name {
        "--ctstate" => set(&mut ct.state, states(option)?),
        "--ctproto" => set(&mut ct.protocol, option.neg(values::protocol(option.value()?)?)),
        "--ctorigsrc" => set(&mut ct.orig_src, option.host_mask()?),
        "--ctorigdst" => set(&mut ct.orig_dst, option.host_mask()?),
        "--ctreplsrc" => set(&mut ct.reply_src, option.host_mask()?),
        "--ctrepldst" => set(&mut ct.reply_dst, option.host_mask()?),
        "--ctorigsrcport" => set(&mut ct.orig_sport, port()?),
        "--ctorigdstport" => set(&mut ct.orig_dport, port()?),
        "--ctreplsrcport" => set(&mut ct.reply_sport, port()?),
        "--ctrepldstport" => set(&mut ct.reply_dport, port()?),
        "--ctstatus" => {
            let status = |name: &str| match name {
                "NONE" => Some(CtStatuses::empty()),
                _ => values::flag(name, &STATUSES),
            };
            set(&mut ct.status, option.neg(values::flags(option.value()?, status)?))
        }
        "--ctexpire" => set(&mut ct.expire, option.neg(rows::span(option.value()?, u32::MAX)?)),
        "--ctdir" => {
            let direction = match option.plain()?.to_ascii_uppercase().as_str() {
                "ORIGINAL" => CtDirection::Original,
                "REPLY" => CtDirection::Reply,
                _ => return None,
            };
            set(&mut ct.direction, direction)
        }
        _ => None,
    }
}

pub(super) fn push_conntrack(out: &mut String, ct: &Conntrack) {
    out.push_str(" -m conntrack");
    if let Some(state) = &ct.state {
        values::push_not(out, state);
        out.push_str(" --ctstate ");
        values::push_flags(out, state.value, &STATES);
    }
    if let Some(protocol) = &ct.protocol {
        values::push_not(out, protocol);
        push(out, format_args!(" --ctproto {}", protocol.value.0));
    }
    push_address(out, "--ctorigsrc", &ct.orig_src);
    push_address(out, "--ctorigdst", &ct.orig_dst);
    push_address(out, "--ctreplsrc", &ct.reply_src);
    push_address(out, "--ctrepldst", &ct.reply_dst);
    push_port(out, "--ctorigsrcport", &ct.orig_sport);
    push_port(out, "--ctorigdstport", &ct.orig_dport);
    push_port(out, "--ctreplsrcport", &ct.reply_sport);
    push_port(out, "--ctrepldstport", &ct.reply_dport);
    if let Some(status) = &ct.status {
        values::push_not(out, status);
        out.push_str(" --ctstatus ");
        if status.value.is_empty() {
            out.push_str("NONE");
        } else {
            values::push_flags(out, status.value, &STATUSES);
        }
    }
    if let Some(expire) = &ct.expire {
        values::push_not(out, expire);
        out.push_str(" --ctexpire ");
        values::push_range(out, expire.value.0, expire.value.1, ':');
    }
    match ct.direction {
        Some(CtDirection::Original) => out.push_str(" --ctdir ORIGINAL"),
        Some(CtDirection::Reply) => out.push_str(" --ctdir REPLY"),
        None => {}
    }
}

fn push_address(out: &mut String, option: &str, address: &Option<Neg<AddressMask>>) {
    if let Some(address) = address {
        values::push_not(out, address);
        push(out, format_args!(" {option} "));
        values::push_address_mask(out, &address.value, true);
    }
}

fn push_port(out: &mut String, option: &str, port: &Option<Neg<PortRange>>) {
    if let Some(port) = port {
        values::push_not(out, port);
        push(out, format_args!(" {option} "));
        values::push_range(out, port.value.first, port.value.last, ':');
    }
}

fn one_mark(asked: &Asked) -> Option<Neg<Masked>> {
    let mut mark = None;
    for option in asked.options() {
        set(&mut mark, option.neg(values::masked(option.value()?)?))?;
    }
    mark
}

fn mark(asked: &Asked, _: &mut Names) -> Option<Match> {
    one_mark(asked).map(Match::Mark)
}

fn connmark(asked: &Asked, _: &mut Names) -> Option<Match> {
    one_mark(asked).map(Match::Connmark)
}

pub(super) fn push_mark(out: &mut String, name: &str, mark: &Neg<Masked>) {
    push(out, format_args!(" -m {name}"));
    values::push_not(out, mark);
    push(out, format_args!(" --mark 0x{:x}", mark.value.value));
    if mark.value.mask != u32::MAX {
        push(out, format_args!("/0x{:x}", mark.value.mask));
    }
}

/// How much `avg` counts as one second (`XT_LIMIT_SCALE`).
const SECOND: u32 = 10_000;

/// Units of a rate, from the longest on, as `print_rate` goes through them.
const UNITS: [(&str, &str, u32); 4] = [
    ("day", "day", 86_400 * SECOND),
    ("hour", "hour", 3_600 * SECOND),
    ("min", "minute", 60 * SECOND),
    ("sec", "second", SECOND),
];

fn rate(text: &str) -> Option<u32> {
    let (count, unit) = text.split_once('/').unwrap_or((text, "second"));
    let fits = |whole: &str| !unit.is_empty() && whole.starts_with(&unit.to_ascii_lowercase());
    let (.., period) = UNITS.iter().find(|(_, whole, _)| fits(whole))?;
    let avg = period.checked_div(count.parse().ok()?)?;
    (avg != 0).then_some(avg)
}

fn limit(asked: &Asked, _: &mut Names) -> Option<Match> {
    let (mut avg, mut burst) = (None, None);
    for option in asked.options() {
        match option.name {
            "--limit" => set(&mut avg, rate(option.plain()?)?)?,
            "--limit-burst" => set(&mut burst, option.number()?)?,
            _ => return None,
        }
    }
    // 3/hour at most, 5 at once: what libxt_limit begins with.
    Some(Match::Limit(Limit { avg: avg.unwrap_or(1_200 * SECOND), burst: burst.unwrap_or(5) }))
}

pub(super) fn push_limit(out: &mut String, limit: &Limit) {
    out.push_str(" -m limit --limit ");
    // As print_rate goes: down the units, to the last before the rate would come out worse.
    let worse =
        |unit: u32| unit.checked_div(limit.avg).is_none_or(|count| limit.avg > unit || count < unit % limit.avg);
    let end = UNITS[1..].iter().position(|(.., unit)| worse(*unit)).map_or(UNITS.len(), |at| at + 1);
    let (name, _, unit) = UNITS[end - 1];
    match unit.checked_div(limit.avg) {
        Some(count) => push(out, format_args!("{count}/{name}")),
        None => out.push_str("inf"),
    }
    if limit.burst != 5 {
        push(out, format_args!(" --limit-burst {}", limit.burst));
    }
}

/// The kernel holds probabilities in parts of this.
const CERTAIN: f64 = 2_147_483_648.0;

fn statistic(asked: &Asked, _: &mut Names) -> Option<Match> {
    let (mut mode, mut probability, mut every, mut packet) = (None, None, None, None);
    for option in asked.options() {
        match option.name {
            "--mode" => set(&mut mode, option.plain()?)?,
            "--probability" => {
                let part: f64 = option.value()?.parse().ok()?;
                let known = (0.0..=1.0).contains(&part);
                set(&mut probability, option.neg(known.then_some((part * CERTAIN).round() as u32)?))?;
            }
            "--every" => set(&mut every, option.neg(values::number::<u32>(option.value()?)?))?,
            "--packet" => set(&mut packet, option.number::<u32>()?)?,
            _ => return None,
        }
    }
    let statistic = match (mode?, probability, every) {
        ("random", Some(probability), None) if packet.is_none() => Statistic::Random(probability),
        ("nth", None, Some(every)) if every.value > 0 && packet.unwrap_or(0) < every.value => {
            Statistic::Nth(Neg { not: every.not, value: (every.value, packet.unwrap_or(0)) })
        }
        _ => return None,
    };
    Some(Match::Statistic(statistic))
}

pub(super) fn push_statistic(out: &mut String, statistic: &Statistic) {
    match statistic {
        Statistic::Random(probability) => {
            out.push_str(" -m statistic --mode random");
            values::push_not(out, probability);
            push(out, format_args!(" --probability {:.11}", f64::from(probability.value) / CERTAIN));
        }
        Statistic::Nth(nth) => {
            out.push_str(" -m statistic --mode nth");
            values::push_not(out, nth);
            push(out, format_args!(" --every {} --packet {}", nth.value.0, nth.value.1));
        }
    }
}

fn recent(asked: &Asked, names: &mut Names) -> Option<Match> {
    let (mut check, mut not) = (None, false);
    let (mut seconds, mut hitcount, mut name, mut mask) = (None, None, None, None);
    let (mut reap, mut rttl, mut side) = (None, None, None);
    for option in asked.options() {
        let kind = match option.name {
            "--set" => RecentCheck::Set,
            "--rcheck" => RecentCheck::Rcheck,
            "--update" => RecentCheck::Update,
            "--remove" => RecentCheck::Remove,
            "--seconds" => {
                set(&mut seconds, option.number()?)?;
                continue;
            }
            "--hitcount" => {
                set(&mut hitcount, option.number::<u32>()?)?;
                continue;
            }
            "--name" => {
                set(&mut name, option.plain()?)?;
                continue;
            }
            "--mask" => {
                set(&mut mask, values::address(option.plain()?, option.family)?)?;
                continue;
            }
            "--reap" => {
                set(&mut reap, option.flag()?)?;
                continue;
            }
            "--rttl" => {
                set(&mut rttl, option.flag()?)?;
                continue;
            }
            "--rsource" | "--rdest" => {
                option.flag()?;
                set(&mut side, option.name == "--rdest")?;
                continue;
            }
            _ => return None,
        };
        not = option.switch()?.not;
        set(&mut check, kind)?;
    }
    Some(Match::Recent(Box::new(Recent {
        not,
        check: check?,
        seconds,
        reap: reap.is_some(),
        hitcount: hitcount.filter(|count| *count != 0),
        rttl: rttl.is_some(),
        name: names.intern(name.unwrap_or("DEFAULT")),
        mask: mask.filter(|mask| *mask != whole_mask(asked.family)),
        destination: side.unwrap_or(false),
    })))
}

/// The mask that compares whole addresses.
fn whole_mask(family: crate::host::IpFamily) -> std::net::IpAddr {
    match family {
        crate::host::IpFamily::V4 => std::net::Ipv4Addr::BROADCAST.into(),
        crate::host::IpFamily::V6 => std::net::Ipv6Addr::from([0xff; 16]).into(),
    }
}

pub(super) fn push_recent(out: &mut String, family: Family, recent: &Recent) {
    out.push_str(" -m recent");
    if recent.not {
        out.push_str(" !");
    }
    out.push_str(match recent.check {
        RecentCheck::Set => " --set",
        RecentCheck::Rcheck => " --rcheck",
        RecentCheck::Update => " --update",
        RecentCheck::Remove => " --remove",
    });
    if let Some(seconds) = recent.seconds {
        push(out, format_args!(" --seconds {seconds}"));
    }
    if recent.reap {
        out.push_str(" --reap");
    }
    if let Some(hitcount) = recent.hitcount {
        push(out, format_args!(" --hitcount {hitcount}"));
    }
    if recent.rttl {
        out.push_str(" --rttl");
    }
    out.push_str(" --name");
    super::words::push_word(out, &recent.name);
    out.push_str(" --mask ");
    values::push_address(out, recent.mask.unwrap_or_else(|| whole_mask(super::ip_family(family))));
    out.push_str(if recent.destination { " --rdest" } else { " --rsource" });
}
