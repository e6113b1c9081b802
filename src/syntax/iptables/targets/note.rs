//! Targets that tell somebody: NFLOG, ULOG, AUDIT, TRACE, IDLETIMER, LED, RATEEST.

use super::super::option::{Asked, Extension, Takes, raise, set};
use super::super::values::{self, push};
use super::super::words::{self, push_string, push_value};
use crate::host::xt::{AuditType, Idletimer, Led, Nflog, NflogSize, Rateest, Target, Ulog};
use crate::host::{IpFamily, Names};

use Takes::{Any, Nothing, One, Text};

pub(in super::super) static TARGETS: [Extension<Target>; 7] = [
    Extension {
        name: "NFLOG",
        family: None,
        options: &[
            ("--nflog-prefix", Text),
            ("--nflog-group", One),
            ("--nflog-size", One),
            ("--nflog-range", One),
            ("--nflog-threshold", One),
        ],
        read: nflog,
    },
    Extension { name: "TRACE", family: None, options: &[], read: |_, _| Some(Target::Trace) },
    Extension { name: "AUDIT", family: None, options: &[("--type", One)], read: audit },
    Extension {
        name: "IDLETIMER",
        family: None,
        options: &[("--timeout", One), ("--label", Any), ("--alarm", Nothing)],
        read: idletimer,
    },
    Extension {
        name: "LED",
        family: None,
        options: &[("--led-trigger-id", Any), ("--led-delay", One), ("--led-always-blink", Nothing)],
        read: led,
    },
    Extension {
        name: "RATEEST",
        family: None,
        options: &[("--rateest-name", Any), ("--rateest-interval", One), ("--rateest-ewmalog", One)],
        read: rateest,
    },
    Extension {
        name: "ULOG",
        family: Some(IpFamily::V4),
        options: &[
            ("--ulog-prefix", Text),
            ("--ulog-nlgroup", One),
            ("--ulog-cprange", One),
            ("--ulog-qthreshold", One),
        ],
        read: ulog,
    },
];

fn nflog(asked: &Asked, names: &mut Names) -> Option<Target> {
    let (mut prefix, mut group, mut size, mut threshold) = (None, None, None, None);
    for option in asked.options() {
        match option.name {
            "--nflog-prefix" if !option.not => set(&mut prefix, option.values().collect::<Vec<_>>().join(" "))?,
            "--nflog-group" => set(&mut group, option.number()?)?,
            "--nflog-size" => set(&mut size, NflogSize::Bytes(option.number()?))?,
            "--nflog-range" => set(&mut size, NflogSize::Range(option.number()?))?,
            "--nflog-threshold" => set(&mut threshold, option.number()?)?,
            _ => return None,
        }
    }
    // A range of nothing is none.
    let size = size.filter(|size| *size != NflogSize::Range(0)).unwrap_or_default();
    Some(Target::Nflog(Box::new(Nflog {
        prefix: names.intern(&prefix.unwrap_or_default()),
        group: group.unwrap_or(0),
        size,
        threshold: threshold.unwrap_or(0),
    })))
}

pub(in super::super) fn push_nflog(out: &mut String, nflog: &Nflog) {
    out.push_str(" -j NFLOG");
    if !nflog.prefix.is_empty() {
        out.push_str(" --nflog-prefix");
        push_string(out, &nflog.prefix);
    }
    if nflog.group != 0 {
        push(out, format_args!(" --nflog-group {}", nflog.group));
    }
    match nflog.size {
        NflogSize::Whole => {}
        NflogSize::Bytes(size) => push(out, format_args!(" --nflog-size {size}")),
        NflogSize::Range(size) => push(out, format_args!(" --nflog-range {size}")),
    }
    if nflog.threshold != 0 {
        push(out, format_args!(" --nflog-threshold {}", nflog.threshold));
    }
}

fn ulog(asked: &Asked, names: &mut Names) -> Option<Target> {
    let (mut prefix, mut group, mut range, mut threshold) = (None, None, None, None);
    for option in asked.options() {
        match option.name {
            "--ulog-prefix" if !option.not => set(&mut prefix, option.values().collect::<Vec<_>>().join(" "))?,
            "--ulog-nlgroup" => set(&mut group, option.number().filter(|group| (1..=32).contains(group))?)?,
            "--ulog-cprange" => set(&mut range, option.number()?)?,
            "--ulog-qthreshold" => set(&mut threshold, option.number().filter(|most| (1..=50).contains(most))?)?,
            _ => return None,
        }
    }
    Some(Target::Ulog(Box::new(Ulog {
        prefix: names.intern(&prefix.unwrap_or_default()),
        group: group.unwrap_or(1),
        range: range.unwrap_or(0),
        threshold: threshold.unwrap_or(1),
    })))
}

pub(in super::super) fn push_ulog(out: &mut String, ulog: &Ulog) {
    out.push_str(" -j ULOG");
    if !ulog.prefix.is_empty() {
        out.push_str(" --ulog-prefix");
        push_string(out, &ulog.prefix);
    }
    if ulog.group != 1 {
        push(out, format_args!(" --ulog-nlgroup {}", ulog.group));
    }
    if ulog.range != 0 {
        push(out, format_args!(" --ulog-cprange {}", ulog.range));
    }
    if ulog.threshold != 1 {
        push(out, format_args!(" --ulog-qthreshold {}", ulog.threshold));
    }
}

const AUDIT_TYPES: [(&str, AuditType); 3] =
    [("accept", AuditType::Accept), ("drop", AuditType::Drop), ("reject", AuditType::Reject)];

fn audit(asked: &Asked, _: &mut Names) -> Option<Target> {
    let mut kind = None;
    for option in asked.options() {
        set(&mut kind, values::flag(option.plain()?, &AUDIT_TYPES)?)?;
    }
    kind.map(Target::Audit)
}

pub(in super::super) fn push_audit(out: &mut String, kind: AuditType) {
    out.push_str(" -j AUDIT");
    if let Some((name, _)) = AUDIT_TYPES.iter().find(|(_, known)| *known == kind) {
        push(out, format_args!(" --type {name}"));
    }
}

fn idletimer(asked: &Asked, names: &mut Names) -> Option<Target> {
    let (mut timeout, mut label, mut alarm) = (None, None, false);
    for option in asked.options() {
        match option.name {
            "--timeout" => set(&mut timeout, option.number()?)?,
            "--label" => set(&mut label, names.intern(option.plain()?))?,
            _ => {
                option.flag()?;
                raise(&mut alarm)?;
            }
        }
    }
    Some(Target::Idletimer(Box::new(Idletimer { timeout: timeout?, label: label?, alarm })))
}

pub(in super::super) fn push_idletimer(out: &mut String, timer: &Idletimer) {
    push(out, format_args!(" -j IDLETIMER --timeout {} --label", timer.timeout));
    push_value(out, &timer.label);
    if timer.alarm {
        out.push_str(" --alarm");
    }
}

fn led(asked: &Asked, names: &mut Names) -> Option<Target> {
    let (mut trigger, mut delay, mut always_blink) = (None, None, false);
    for option in asked.options() {
        match option.name {
            "--led-trigger-id" => set(&mut trigger, names.intern(option.plain()?))?,
            "--led-delay" => {
                let text = option.plain()?;
                let for_ever = text.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("inf"));
                set(&mut delay, if for_ever { u32::MAX } else { values::number(text)? })?;
            }
            _ => {
                option.flag()?;
                raise(&mut always_blink)?;
            }
        }
    }
    Some(Target::Led(Box::new(Led { trigger: trigger?, delay: delay.unwrap_or(0), always_blink })))
}

/// The tool writes delays above two milliards, and that without end, as negative numbers, which it does not read again:
/// they are told as they are.
pub(in super::super) fn push_led(out: &mut String, led: &Led) {
    out.push_str(" -j LED --led-trigger-id \"");
    for sign in led.trigger.chars() {
        match sign {
            '\n' => out.push_str(words::NEWLINE),
            '"' | '\\' => out.extend(['\\', sign]),
            sign => out.push(sign),
        }
    }
    out.push('"');
    match led.delay {
        0 => {}
        u32::MAX => out.push_str(" --led-delay inf"),
        delay => push(out, format_args!(" --led-delay {delay}")),
    }
    if led.always_blink {
        out.push_str(" --led-always-blink");
    }
}

/// Microseconds in a second.
const SECOND: u32 = 1_000_000;

/// A time in microseconds: a number, and `s`, `ms` or `us`, in which it counts; whole microseconds are kept.
fn time(text: &str) -> Option<u32> {
    let end = text.find(|sign: char| !sign.is_ascii_digit() && sign != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let factor = match unit.to_ascii_lowercase().as_str() {
        "s" | "sec" | "secs" => f64::from(SECOND),
        "ms" | "msec" | "msecs" => 1000.0,
        "" | "us" | "usec" | "usecs" => 1.0,
        _ => return None,
    };
    let time = number.parse::<f64>().ok()? * factor;
    (time <= f64::from(u32::MAX)).then_some(time as u32)
}

fn rateest(asked: &Asked, names: &mut Names) -> Option<Target> {
    let (mut name, mut interval, mut average) = (None, None, None);
    for option in asked.options() {
        match option.name {
            "--rateest-name" => set(&mut name, names.intern(option.plain()?))?,
            "--rateest-interval" => set(&mut interval, time(option.plain()?)?)?,
            _ => set(&mut average, time(option.plain()?)?)?,
        }
    }
    let (interval_time, average) = (interval?, average?);
    // The kernel knows times by their logarithms: of the interval that which is not less, of the average that which is not
    // more (`RATEEST_final_check`).
    let interval = (0..=5i8).find(|log| interval_time <= (SECOND / 4) << log)? - 2;
    let reaches = |log: &u8| {
        let weight = 1.0 - 1.0 / f64::from(1u32 << log);
        f64::from(interval_time) / -weight.ln() > f64::from(average)
    };
    let ewma_log = (1..32).find(reaches).unwrap_or(32) - 1;
    let sound = (1..=30).contains(&ewma_log);
    let name = name?;
    sound.then(|| Target::Rateest(Box::new(Rateest { name, interval, ewma_log })))
}

fn push_time(out: &mut String, time: u32) {
    let tenths = |unit: u32| f64::from(time) / f64::from(unit);
    if time >= SECOND {
        push(out, format_args!(" {:.1}s", tenths(SECOND)));
    } else if time >= SECOND / 1000 {
        push(out, format_args!(" {:.1}ms", tenths(SECOND / 1000)));
    } else {
        push(out, format_args!(" {time}us"));
    }
}

pub(in super::super) fn push_rateest(out: &mut String, rateest: &Rateest) {
    out.push_str(" -j RATEEST --rateest-name");
    push_value(out, &rateest.name);
    let interval = (SECOND / 4).wrapping_shl(i32::from(rateest.interval).saturating_add(2).max(0) as u32);
    out.push_str(" --rateest-interval");
    push_time(out, interval);
    out.push_str(" --rateest-ewmalog");
    // It is a number of 32 bits for the tool too.
    push_time(out, interval.wrapping_mul(1u32.wrapping_shl(u32::from(rateest.ewma_log))));
}
