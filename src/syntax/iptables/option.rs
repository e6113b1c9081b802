//! What a rule asks of an extension: its options in order, each with its values.
//!
//! Every extension is a row: its name, the options that it takes, and the function that makes a match or a target of
//! them. That function gives `None` for what it does not understand; the extension is then kept as words.

use std::net::IpAddr;
use std::ops::Range;

use super::words::Word;
use super::{sides, values};
use crate::host::xt::{AddressMask, Neg, Opaque};
use crate::host::{IpFamily, Names, QuickMap};

/// How many words an option takes after its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Takes {
    /// None.
    Nothing,
    /// One.
    One,
    /// One, or none where an option follows.
    Optional,
    /// Two.
    Two,
    /// One, which may look like an option.
    Any,
    /// One; unquoted, all words up to the next option: some tools write comments so.
    Text,
}

/// An option that an extension knows: its name with the dashes, and what it takes.
pub(super) type Row = (&'static str, Takes);

/// An extension: a match or a target that has a typed form.
pub(super) struct Extension<T: 'static> {
    /// Its name.
    pub(super) name: &'static str,
    /// The family it belongs to; `None`: both.
    pub(super) family: Option<IpFamily>,
    /// The options that it knows.
    pub(super) options: &'static [Row],
    /// Makes the typed form of what was asked.
    pub(super) read: fn(&Asked, &mut Names) -> Option<T>,
}

impl<T> Extension<T> {
    /// The option of this name, where the extension knows it.
    pub(super) fn option(&self, name: &str) -> Option<Row> {
        self.options.iter().find(|(known, _)| *known == name).copied()
    }

    /// The options that begin so.
    pub(super) fn beginning(&self, start: &str) -> impl Iterator<Item = Row> {
        self.options.iter().filter(move |(known, _)| known.starts_with(start)).copied()
    }
}

/// Extensions by their names: there are many, and each rule asks for some.
pub(super) struct Known<T: 'static> {
    rows: QuickMap<&'static str, Vec<&'static Extension<T>>>,
}

impl<T> Known<T> {
    /// Every row of these tables by its name.
    pub(super) fn of(tables: &[&'static [Extension<T>]]) -> Known<T> {
        let mut rows: QuickMap<_, Vec<_>> = QuickMap::default();
        for row in tables.iter().copied().flatten() {
            rows.entry(row.name).or_default().push(row);
        }
        Known { rows }
    }

    /// The extension of this name and family.
    pub(super) fn find(&self, name: &str, family: IpFamily) -> Option<&'static Extension<T>> {
        let rows = self.rows.get(name)?;
        rows.iter().find(|known| known.family.is_none_or(|only| only == family)).copied()
    }
}

/// An option as it stands in a rule: positions of its words in the line.
#[derive(Debug, Clone)]
pub(super) struct Given {
    /// Which extension of the rule it was given to.
    pub(super) extension: usize,
    /// Whether a `!` stands before it, or before its value.
    pub(super) not: bool,
    /// The option itself, as it is written.
    pub(super) written: usize,
    /// Its name, where the extension knows it: it may be written shorter.
    pub(super) name: Option<&'static str>,
    /// Its values.
    pub(super) values: Range<usize>,
}

/// All options that a rule gives to one extension.
pub(super) struct Asked<'w> {
    /// The family of the table.
    pub(super) family: IpFamily,
    /// Which extension of the rule this is.
    pub(super) extension: usize,
    /// The options of the whole rule.
    pub(super) given: &'w [Given],
    /// The words of the whole line.
    pub(super) words: &'w [Word<'w>],
}

impl<'w> Asked<'w> {
    /// The options of this extension, in order.
    pub(super) fn options(&self) -> impl Iterator<Item = Opt<'w>> {
        let words = self.words;
        let family = self.family;
        self.given.iter().filter(|given| given.extension == self.extension).map(move |given| Opt {
            family,
            name: given.name.unwrap_or(&words[given.written].text),
            not: given.not,
            values: &words[given.values.clone()],
        })
    }

    /// The extension as words.
    pub(super) fn opaque(&self, name: &str, names: &mut Names) -> Opaque {
        let mut words = Vec::new();
        for option in self.options() {
            if option.not {
                words.push(names.intern("!"));
            }
            words.push(names.intern(option.name));
            if sides::is_text(option.name) && !option.values.is_empty() {
                // It is printed in quotes, as one word, and needs none here.
                words.push(names.intern(&option.values().collect::<Vec<_>>().join(" ")));
            } else {
                words.extend(option.values.iter().map(|word| names.intern(&word.kept())));
            }
        }
        Opaque { name: names.intern(name), words: words.into() }
    }
}

/// An option with its values.
#[derive(Clone, Copy)]
pub(super) struct Opt<'w> {
    /// The family of the table.
    pub(super) family: IpFamily,
    /// Its name, with the dashes.
    pub(super) name: &'w str,
    /// Whether it is turned around.
    pub(super) not: bool,
    values: &'w [Word<'w>],
}

impl<'w> Opt<'w> {
    /// Its one value.
    pub(super) fn value(&self) -> Option<&'w str> {
        match self.values {
            [one] => Some(&one.text),
            _ => None,
        }
    }

    /// Its two values.
    pub(super) fn two(&self) -> Option<(&'w str, &'w str)> {
        match self.values {
            [first, second] => Some((&first.text, &second.text)),
            _ => None,
        }
    }

    /// All its values.
    pub(super) fn values(&self) -> impl Iterator<Item = &'w str> {
        self.values.iter().map(|word| &*word.text)
    }

    /// Its one value, where it is not turned around.
    pub(super) fn plain(&self) -> Option<&'w str> {
        if self.not { None } else { self.value() }
    }

    /// Its number, where it is not turned around.
    pub(super) fn number<N: TryFrom<u64>>(&self) -> Option<N> {
        values::number(self.plain()?)
    }

    /// That it stands there without a value and is not turned around.
    pub(super) fn flag(&self) -> Option<()> {
        (!self.not && self.values.is_empty()).then_some(())
    }

    /// Whether it is turned around, where it stands there without a value.
    pub(super) fn switch(&self) -> Option<Neg<()>> {
        self.values.is_empty().then_some(Neg { not: self.not, value: () })
    }

    /// The value with the option's `!`.
    pub(super) fn neg<T>(&self, value: T) -> Neg<T> {
        Neg { not: self.not, value }
    }

    /// Its address with a mask, which keeps the host bits.
    pub(super) fn host_mask(&self) -> Option<Neg<AddressMask>> {
        Some(self.neg(values::host_mask(self.value()?, self.family)?))
    }

    /// Its addresses from first to last.
    pub(super) fn address_range(&self) -> Option<Neg<(IpAddr, IpAddr)>> {
        Some(self.neg(values::address_range(self.value()?, self.family)?))
    }
}

/// Fills a slot that is empty; an option that is given twice is not understood.
pub(super) fn set<T>(slot: &mut Option<T>, value: T) -> Option<()> {
    slot.is_none().then(|| *slot = Some(value))
}

/// Raises a flag that is not up.
pub(super) fn raise(slot: &mut bool) -> Option<()> {
    (!std::mem::replace(slot, true)).then_some(())
}
