//! Text on a grid of cells: how wide it is and where it is cut. What it says is not known here.

use ratatui::buffer::CellWidth;
use unicode_segmentation::UnicodeSegmentation;

/// How many columns text takes.
pub trait Columns {
    /// Its columns on a grid in which each cluster stands by itself, as a buffer has it. What terminals show is that, not what a whole word would
    /// take in print: lam and alef are two there.
    fn width(&self) -> usize;
}

impl Columns for str {
    fn width(&self) -> usize {
        if self.is_ascii() { self.len() } else { self.graphemes(true).map(columns).sum() }
    }
}

/// The columns of a cluster. What is one byte takes one; a buffer does not measure control characters, which it never holds.
fn columns(cluster: &str) -> usize {
    if cluster.len() == 1 { 1 } else { usize::from(cluster.cell_width()) }
}

/// `text` in at most `width` columns: what does not fit gives way to `…`. No grapheme cluster is split.
pub fn fit(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    if width == 0 {
        return String::new();
    }
    let mut out = String::new();
    let mut used = 0;
    for cluster in text.graphemes(true) {
        let next = used + cluster.width();
        if next > width - 1 {
            break;
        }
        out.push_str(cluster);
        used = next;
    }
    out.push('…');
    out
}

/// `text` in exactly `width` columns: cut or filled with spaces.
pub fn pad(text: &str, width: usize) -> String {
    let mut out = fit(text, width);
    let missing = width.saturating_sub(out.width());
    out.extend(std::iter::repeat_n(' ', missing));
    out
}

/// `text` in lines of at most `width` columns, broken at spaces where there are any, within words that are longer, and
/// within clusters that are wider. Only a character that is two columns wide stands out of a line of one.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let fits = used == 0 || used + 1 + word.width() <= width;
        for (index, cluster) in word.graphemes(true).flat_map(|cluster| pieces(cluster, width)).enumerate() {
            let gap = usize::from(index == 0 && used > 0 && fits);
            if used > 0 && (index == 0 && !fits || used + gap + cluster.width() > width) {
                lines.push(String::new());
                used = 0;
            }
            if let Some(line) = lines.last_mut() {
                line.extend(std::iter::repeat_n(' ', gap));
                line.push_str(cluster);
            }
            used += gap + cluster.width();
        }
    }
    lines
}

/// A cluster whole, or in its characters where it is wider than a line: those that stand before another (UAX #29, GB9b)
/// make one cluster with it however many there are.
fn pieces(cluster: &str, width: usize) -> impl Iterator<Item = &str> {
    let wider = cluster.width() > width;
    cluster.split_inclusive(move |_| wider)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_as_wide_as_its_clusters() {
        for (text, width) in [
            ("nginx", 5),
            ("名前", 4),
            ("e\u{301}", 1),
            ("\u{644}\u{627}", 2),
            // A voiced half-width kana is two in a terminal: a buffer gives it three.
            ("\u{ff8c}\u{ff9e}", 3),
            // A Khmer letter below another takes no column of a buffer; terminals give it one, and the cursor is placed anew behind it.
            ("\u{1780}\u{17d2}\u{1780}", 1),
        ] {
            assert_eq!(text.width(), width, "{text}");
            assert_eq!(pad(text, 6).graphemes(true).map(CellWidth::cell_width).sum::<u16>(), 6, "{text}");
        }
    }

    #[test]
    fn a_cut_never_splits_a_cluster() {
        assert_eq!(fit("nginx", 5), "nginx");
        assert_eq!(fit("nginx", 4), "ngi…");
        assert_eq!(fit("名前名前", 6), "名前…");
        assert_eq!(fit("ae\u{301}bc", 3), "ae\u{301}…");
        assert_eq!(fit("👩‍🚀👩‍🚀", 3), "👩‍🚀…");
        assert_eq!(fit("nginx", 0), "");
    }

    #[test]
    fn padded_text_fills_its_columns() {
        assert_eq!(pad("名前名前", 6).width(), 6);
        assert_eq!(pad("a", 3), "a  ");
    }

    #[test]
    fn lines_break_at_spaces_and_within_long_words() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("abcdefgh ij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(wrap("a 名前名前", 4), ["a", "名前", "名前"]);
        assert_eq!(wrap("  ", 4), [""]);
        assert_eq!(wrap("\u{600}\u{600}a", 2), ["\u{600}\u{600}", "a"]);
    }
}
