//! What rules count, in few columns: `1.2k`, `34/s`.

use super::super::counting::At;
use super::super::look::Tone;
use super::super::source::Source;
use super::super::state::State;
use super::super::text::Columns;
use super::Piece;
use super::netfilter::plural;

/// The sign of a rule that counts now: it says so without colour, too.
pub(super) const GLOWS: &str = "•";

/// A whole number in five columns at most: `812`, `1.2k`, `12k`, `3.4M`.
fn short(number: u64) -> String {
    const UNITS: [&str; 7] = ["", "k", "M", "G", "T", "P", "E"];
    if number < 1000 {
        return number.to_string();
    }
    let unit = (number.ilog10() / 3) as usize;
    let scale = 1000_u64.pow(unit as u32);
    let (whole, tenth) = (number / scale, number % scale / (scale / 10));
    if whole < 10 { format!("{whole}.{tenth}{}", UNITS[unit]) } else { format!("{whole}{}", UNITS[unit]) }
}

/// Something per second: `0.2`, `34`, `1.2k`.
fn per_second(rate: f64) -> String {
    if rate < 9.95 { format!("{:.1}", rate.max(0.1)) } else { short(rate.round() as u64) }
}

/// How much stands beside a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Room {
    /// That it counts now.
    Sign,
    /// How fast it counts now, else what it counted.
    One,
    /// Both.
    Both,
}

impl Room {
    /// Every one, the widest first.
    pub(super) const ALL: [Room; 3] = [Room::Both, Room::One, Room::Sign];

    /// From how many columns of a row on there is so much.
    pub(super) fn from(self) -> usize {
        match self {
            Room::Both => 55,
            Room::One => 40,
            Room::Sign => 0,
        }
    }

    /// Columns that are kept free for it, whatever stands there now.
    pub(super) fn columns(self) -> usize {
        match self {
            Room::Both => "• 1.2k/s 1.2k".width(),
            Room::One => "• 1.2k/s".width(),
            Room::Sign => GLOWS.width(),
        }
    }
}

/// Whether a rule of a live host counts, be it now or not.
pub(super) fn counts(state: &State, rule: At) -> bool {
    (state.is_live() || state.source == Source::Live) && state.counted(rule).is_some()
}

/// What stands beside a rule that counts. The tone says whether it glows.
pub(super) fn beside(state: &State, rule: At, room: Room) -> Option<Piece> {
    let all = short(state.counted(rule)?.packets);
    let now = state.rate(rule).map(|rate| format!("{GLOWS} {}/s", per_second(rate.packets)));
    match (room, now) {
        (Room::Both, Some(now)) => Some((Tone::Glow, format!("{now} {all}"))),
        (Room::One, Some(now)) => Some((Tone::Glow, now)),
        (Room::Sign, Some(_)) => Some((Tone::Glow, GLOWS.to_owned())),
        (Room::Both | Room::One, None) => Some((Tone::Dim, all)),
        (Room::Sign, None) => None,
    }
}

/// What a rule counted since it was made, or since somebody set it to nothing, and how fast it counts now.
pub(super) fn told(state: &State, rule: At) -> Option<Piece> {
    let counters = state.counted(rule)?;
    let all = format!("{}, {}", plural(counters.packets, "packet"), plural(counters.bytes, "byte"));
    Some(match state.rate(rule) {
        Some(rate) => {
            let (packets, bytes) = (per_second(rate.packets), per_second(rate.bytes));
            (Tone::Glow, format!("{all}; {packets} packets and {bytes} bytes a second now"))
        }
        None => (Tone::Plain, all),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_take_five_columns_at_most() {
        let told: Vec<String> =
            [0, 999, 1000, 1299, 9999, 10_000, 999_999, 1_000_000, 34_567_890, u64::MAX].map(short).to_vec();
        assert_eq!(told, ["0", "999", "1.0k", "1.2k", "9.9k", "10k", "999k", "1.0M", "34M", "18E"]);
        let rates: Vec<String> = [0.01, 0.25, 9.9, 9.96, 34.4, 1234.0].map(per_second).to_vec();
        assert_eq!(rates, ["0.1", "0.2", "9.9", "10", "34", "1.2k"]);
    }
}
