//! What asks ipset's sets, and what changes them: `-m set` and `-j SET`.

use super::option::{Asked, Extension, Opt, Takes, raise, set};
use super::values::{self, push};
use super::words::push_word;
use crate::host::Names;
use crate::host::xt::{CounterOp, CounterTest, Match, SetMatch, SetRef, SetTarget, Target};

use Takes::{Nothing, One, Two};

pub(super) const MATCH: Extension<Match> = Extension {
    name: "set",
    family: None,
    options: &[
        ("--match-set", Two),
        ("--set", Two),
        ("--return-nomatch", Nothing),
        ("--update-counters", Nothing),
        ("--update-subcounters", Nothing),
        ("--packets-eq", One),
        ("--packets-lt", One),
        ("--packets-gt", One),
        ("--bytes-eq", One),
        ("--bytes-lt", One),
        ("--bytes-gt", One),
    ],
    read: set_match,
};

pub(super) const TARGET: Extension<Target> = Extension {
    name: "SET",
    family: None,
    options: &[
        ("--add-set", Two),
        ("--del-set", Two),
        ("--map-set", Two),
        ("--exist", Nothing),
        ("--timeout", One),
        ("--map-mark", Nothing),
        ("--map-prio", Nothing),
        ("--map-queue", Nothing),
    ],
    read: target,
};

/// `IPSET_DIM_MAX`.
const DIMENSIONS: usize = 6;

/// A set's name and `src,dst,…`.
fn set_ref(option: &Opt, names: &mut Names) -> Option<SetRef> {
    let (name, sides) = option.two()?;
    let side = |side: &str| match side {
        "src" => Some(true),
        "dst" => Some(false),
        _ => None,
    };
    let directions = sides.split(',').map(side).collect::<Option<Box<[bool]>>>()?;
    (directions.len() <= DIMENSIONS).then(|| SetRef { name: names.intern(name), directions })
}

fn set_match(asked: &Asked, names: &mut Names) -> Option<Match> {
    let (mut found, mut not) = (None, false);
    let (mut return_nomatch, mut keeps_counters, mut keeps_subcounters) = (false, false, false);
    let (mut packets, mut bytes) = (None, None);
    for option in asked.options() {
        match option.name {
            "--match-set" | "--set" => {
                set(&mut found, set_ref(&option, names)?)?;
                not = option.not;
            }
            "--return-nomatch" => {
                option.flag()?;
                return_nomatch = true;
            }
            // Without a `!` it is what happens anyway.
            "--update-counters" => keeps_counters |= option.switch()?.not,
            "--update-subcounters" => keeps_subcounters |= option.switch()?.not,
            name => {
                let (counter, op) = name.rsplit_once('-')?;
                let op = match (op, option.not) {
                    ("eq", false) => CounterOp::Equal,
                    ("eq", true) => CounterOp::NotEqual,
                    ("lt", false) => CounterOp::Less,
                    ("gt", false) => CounterOp::Greater,
                    _ => return None,
                };
                let slot = if counter == "--packets" { &mut packets } else { &mut bytes };
                set(slot, CounterTest { op, value: values::number(option.value()?)? })?;
            }
        }
    }
    let found = SetMatch { set: found?, not, return_nomatch, keeps_counters, keeps_subcounters, packets, bytes };
    Some(Match::Set(Box::new(found)))
}

fn push_set_ref(out: &mut String, set: &SetRef) {
    push_word(out, &set.name);
    for (at, source) in set.directions.iter().enumerate() {
        out.push(if at == 0 { ' ' } else { ',' });
        out.push_str(if *source { "src" } else { "dst" });
    }
}

pub(super) fn push_match(out: &mut String, set: &SetMatch) {
    out.push_str(" -m set");
    if set.not {
        out.push_str(" !");
    }
    out.push_str(" --match-set");
    push_set_ref(out, &set.set);
    for (option, given) in [
        (" --return-nomatch", set.return_nomatch),
        (" ! --update-counters", set.keeps_counters),
        (" ! --update-subcounters", set.keeps_subcounters),
    ] {
        if given {
            out.push_str(option);
        }
    }
    for (counter, test) in [("packets", set.packets), ("bytes", set.bytes)] {
        if let Some(CounterTest { op, value }) = test {
            let (not, op) = match op {
                CounterOp::Equal => ("", "eq"),
                CounterOp::NotEqual => (" !", "eq"),
                CounterOp::Less => ("", "lt"),
                CounterOp::Greater => ("", "gt"),
            };
            push(out, format_args!("{not} --{counter}-{op} {value}"));
        }
    }
}

fn target(asked: &Asked, names: &mut Names) -> Option<Target> {
    let mut found = SetTarget::default();
    for option in asked.options() {
        if option.not {
            return None;
        }
        match option.name {
            "--add-set" => set(&mut found.add, set_ref(&option, names)?)?,
            "--del-set" => set(&mut found.del, set_ref(&option, names)?)?,
            "--map-set" => set(&mut found.map, set_ref(&option, names)?)?,
            // The greatest number stands for no timeout of its own.
            "--timeout" => {
                set(&mut found.timeout, values::number(option.value()?).filter(|timeout| *timeout != u32::MAX)?)?;
            }
            "--exist" => raise(&mut found.exist)?,
            "--map-mark" => raise(&mut found.map_mark)?,
            "--map-prio" => raise(&mut found.map_prio)?,
            "--map-queue" => raise(&mut found.map_queue)?,
            _ => return None,
        }
    }
    (found.add.is_some() || found.del.is_some() || found.map.is_some()).then(|| Target::Set(Box::new(found)))
}

pub(super) fn push_target(out: &mut String, target: &SetTarget) {
    out.push_str(" -j SET");
    let push_set = |out: &mut String, option: &str, set: &Option<SetRef>| {
        if let Some(set) = set {
            out.push_str(option);
            push_set_ref(out, set);
        }
    };
    push_set(out, " --add-set", &target.add);
    if target.exist {
        out.push_str(" --exist");
    }
    if let Some(timeout) = target.timeout {
        push(out, format_args!(" --timeout {timeout}"));
    }
    push_set(out, " --del-set", &target.del);
    push_set(out, " --map-set", &target.map);
    for (option, given) in
        [(" --map-mark", target.map_mark), (" --map-prio", target.map_prio), (" --map-queue", target.map_queue)]
    {
        if given {
            out.push_str(option);
        }
    }
}
