//! What rules count, in few columns: `1.2k`, `34/s`.

use super::super::counting::At;
use super::super::look::Tone;
use super::super::source::Source;
use super::super::state::State;
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

/// What stands beside a rule of a live host; `None` where it counts nothing, or the host is not live. The tone says whether
/// it glows.
pub(super) fn beside(state: &State, rule: At) -> Option<Piece> {
    let counters = state.counted(rule).filter(|_| state.is_live() || state.source == Source::Live)?;
    Some(match state.rate(rule) {
        Some(rate) => (Tone::Glow, format!("{GLOWS} {}/s {}", per_second(rate.packets), short(counters.packets))),
        None => (Tone::Dim, short(counters.packets)),
    })
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
