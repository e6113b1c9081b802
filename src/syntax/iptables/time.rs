//! `-m time`: times of the day, dates, days of the month and the week.

use super::option::{Asked, Extension, Opt, Takes, raise, set};
use super::values::{self, push};
use crate::host::Names;
use crate::host::xt::{Match, Rare, Time};

use Takes::{Nothing, One};

pub(super) const TIME: Extension<Match> = Extension {
    name: "time",
    family: None,
    options: &[
        ("--timestart", One),
        ("--timestop", One),
        ("--datestart", One),
        ("--datestop", One),
        ("--monthdays", One),
        ("--weekdays", One),
        ("--days", One),
        ("--kerneltz", Nothing),
        ("--localtz", Nothing),
        ("--utc", Nothing),
        ("--contiguous", Nothing),
    ],
    read: time,
};

const WEEKDAYS: [(&str, u8); 7] = [("Mon", 1), ("Tue", 2), ("Wed", 3), ("Thu", 4), ("Fri", 5), ("Sat", 6), ("Sun", 7)];

fn time(asked: &Asked, _: &mut Names) -> Option<Match> {
    let (mut day, mut date): ([_; 2], [_; 2]) = Default::default();
    let (mut monthdays, mut weekdays) = (None, None);
    let mut time = Time::default();
    for option in asked.options() {
        match option.name {
            "--timestart" => set(&mut day[0], second_of_day(option.plain()?)?)?,
            "--timestop" => set(&mut day[1], second_of_day(option.plain()?)?)?,
            "--datestart" => set(&mut date[0], seconds(option.plain()?)?)?,
            "--datestop" => set(&mut date[1], seconds(option.plain()?)?)?,
            "--monthdays" => set(&mut monthdays, days(&option, Time::ALL_MONTHDAYS, month_day)?)?,
            "--weekdays" | "--days" => set(&mut weekdays, days(&option, Time::ALL_WEEKDAYS.into(), week_day)?)?,
            "--kerneltz" | "--localtz" => {
                option.flag()?;
                time.kernel_zone = true;
            }
            "--utc" => option.flag()?,
            "--contiguous" => {
                option.flag()?;
                raise(&mut time.contiguous)?;
            }
            _ => return None,
        }
    }
    time.day = (day[0].unwrap_or(time.day.0), day[1].unwrap_or(time.day.1));
    time.date = (date[0].unwrap_or(time.date.0), date[1].unwrap_or(time.date.1));
    time.monthdays = monthdays.unwrap_or(time.monthdays);
    time.weekdays = weekdays.map_or(Some(time.weekdays), |days| days.try_into().ok())?;
    let refused = time.contiguous && time.day.0 < time.day.1;
    (!refused).then(|| Match::Rare(Box::new(Rare::Time(time))))
}

/// Days as bits; with `!`, all others.
fn days(option: &Opt, all: u32, bit: fn(&str) -> Option<u32>) -> Option<u32> {
    let mut days = 0;
    for day in option.value()?.split(',') {
        days |= 1 << bit(day)?;
    }
    // There is no day 0.
    Some(if option.not { days ^ all } else { days } & all)
}

fn month_day(text: &str) -> Option<u32> {
    values::number(text).filter(|day| *day < 32)
}

/// A day by its number, or by its name, of which two letters count.
fn week_day(text: &str) -> Option<u32> {
    if let Some(number) = values::number(text) {
        return Some(number).filter(|day| (1..8).contains(day));
    }
    let start = text.get(..2)?;
    WEEKDAYS.iter().find(|(name, _)| name.starts_with(start)).map(|(_, day)| u32::from(*day))
}

/// A decimal number with a limit.
fn part(text: &str, most: u32) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|sign| sign.is_ascii_digit());
    if digits { text.parse().ok().filter(|number| *number <= most) } else { None }
}

/// `hh:mm[:ss]`.
fn second_of_day(text: &str) -> Option<u32> {
    let mut parts = text.split(':');
    let (hour, minute) = (part(parts.next()?, 23)?, part(parts.next()?, 59)?);
    let second = parts.next().map_or(Some(0), |second| part(second, 59))?;
    parts.next().is_none().then_some(hour * 3600 + minute * 60 + second)
}

/// `YYYY[-MM[-DD[Thh[:mm[:ss]]]]]` as seconds since 1970. The tools take no year after 2038; the kernel may have one.
fn seconds(text: &str) -> Option<u32> {
    let (date, time) = text.split_once('T').map_or((text, None), |(date, time)| (date, Some(time)));
    let mut parts = date.split('-');
    let year = part(parts.next()?, 2106).filter(|year| *year >= 1970)?;
    let month = parts.next().map_or(Some(1), |month| part(month, 12)).filter(|month| *month > 0)?;
    let day = parts.next().map_or(Some(1), |day| part(day, 31)).filter(|day| *day > 0)?;
    if parts.next().is_some() || time.is_some() && date.matches('-').count() != 2 {
        return None;
    }
    let mut parts = time.into_iter().flat_map(|time| time.split(':'));
    let mut next = |most| parts.next().map_or(Some(0), |text| part(text, most));
    let (hour, minute, second) = (next(23)?, next(59)?, next(59)?);
    if parts.next().is_some() {
        return None;
    }
    let days = days_since_1970(year, month, day);
    (days * 86_400 + u64::from(hour * 3600 + minute * 60 + second)).try_into().ok()
}

/// Days from the first of January 1970 (which is day 719,468 of a calendar whose years begin in March of year 0).
fn days_since_1970(year: u32, month: u32, day: u32) -> u64 {
    let year = u64::from(if month < 3 { year - 1 } else { year });
    let of_year = u64::from((month + 9) % 12 * 153 + 2) / 5 + u64::from(day) - 1;
    year * 365 + year / 4 - year / 100 + year / 400 + of_year - 719_468
}

/// Year, month and day of such a day.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let era = days / 146_097;
    let of_era = days % 146_097;
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + u64::from(month < 3), month, day)
}

pub(super) fn push_time(out: &mut String, time: &Time) {
    if time.day != (0, Time::LAST_SECOND) {
        for (option, second) in [("--timestart", time.day.0), ("--timestop", time.day.1)] {
            push(out, format_args!(" {option} {:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60));
        }
    }
    if time.monthdays != Time::ALL_MONTHDAYS {
        push_days(out, "--monthdays", time.monthdays, 31, |out, day| push(out, format_args!("{day}")));
    }
    if time.weekdays != Time::ALL_WEEKDAYS {
        push_days(out, "--weekdays", time.weekdays.into(), 7, |out, day| out.push_str(WEEKDAYS[day as usize - 1].0));
    }
    if time.date.0 != 0 {
        push_date(out, "--datestart", time.date.0);
    }
    push_date(out, "--datestop", time.date.1);
    if time.kernel_zone {
        out.push_str(" --kerneltz");
    }
    if time.contiguous {
        out.push_str(" --contiguous");
    }
}

/// Appends days. None of them is not all of them: the tools print no day then, which nothing can read.
fn push_days(out: &mut String, option: &str, days: u32, last: u32, name: fn(&mut String, u32)) {
    let none = days == 0;
    push(out, format_args!("{} {option} ", if none { " !" } else { "" }));
    for (at, day) in (1..=last).filter(|day| none || days & 1 << day != 0).enumerate() {
        out.push_str(if at == 0 { "" } else { "," });
        name(out, day);
    }
}

/// Appends a date.
fn push_date(out: &mut String, option: &str, date: u32) {
    let (year, month, day) = civil(u64::from(date) / 86_400);
    let (hour, minute, second) = (date / 3600 % 24, date / 60 % 60, date % 60);
    push(out, format_args!(" {option} {year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_told_as_they_were_read() {
        for (text, number) in [
            ("1970-01-01T00:00:01", 1),
            ("2001-02-03T04:05:06", 981_173_106),
            ("2000-02-29T23:59:59", 951_868_799),
            ("2000-03-01T00:00:00", 951_868_800),
            ("2038-01-19T03:14:07", i32::MAX as u32),
        ] {
            assert_eq!(seconds(text), Some(number), "{text}");
            let mut out = String::new();
            push_date(&mut out, "--at", number);
            assert_eq!(out, format!(" --at {text}"));
        }
        assert_eq!(seconds("2001"), seconds("2001-01-01T00:00:00"));
        assert_eq!(seconds("2001-02-30T10"), seconds("2001-03-02T10:00"));
        for text in ["", "1969", "2001-13", "2001-1-32", "2001T10", "2001-01-01T24", "2001-01-01T1:2:3:4", "x"] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }
}
