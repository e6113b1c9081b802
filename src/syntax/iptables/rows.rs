//! Options of an extension as rows: one row reads an option and prints it, in the order in which the tools print.
//!
//! A row names a field, the kind of its value, and the option. Deliberately does not know any extension.

use std::fmt::Display;

use super::option::{Opt, Takes, set};
use super::values::{self, push};
use super::words::push_string;
use crate::host::xt::{AddressMask, Masked, Neg, PortRange};
use crate::host::{Name, Names};

/// A kind of value: how many words it takes, how they are read, and how it is printed, with a blank before it.
pub(super) struct Kind<T: 'static> {
    /// How many words it takes.
    pub(super) takes: Takes,
    /// Reads it.
    pub(super) read: fn(&Opt, &mut Names) -> Option<T>,
    /// Prints it.
    pub(super) push: fn(&mut String, &T),
}

/// The field of an option: empty until it was given.
pub(super) trait Slot<T> {
    /// Fills it; `None` where it is full, or where it cannot be turned around.
    fn fill(&mut self, not: bool, value: T) -> Option<()>;
    /// What is asked, and whether it is turned around.
    fn asked(&self) -> Option<(bool, &T)>;
}

impl<T> Slot<T> for Option<Neg<T>> {
    fn fill(&mut self, not: bool, value: T) -> Option<()> {
        set(self, Neg { not, value })
    }

    fn asked(&self) -> Option<(bool, &T)> {
        self.as_ref().map(|asked| (asked.not, &asked.value))
    }
}

impl<T> Slot<T> for Option<T> {
    fn fill(&mut self, not: bool, value: T) -> Option<()> {
        if not { None } else { set(self, value) }
    }

    fn asked(&self) -> Option<(bool, &T)> {
        self.as_ref().map(|value| (false, value))
    }
}

impl Slot<()> for bool {
    fn fill(&mut self, not: bool, (): ()) -> Option<()> {
        (!not && !std::mem::replace(self, true)).then_some(())
    }

    fn asked(&self) -> Option<(bool, &())> {
        self.then_some((false, &()))
    }
}

/// Appends an option, where it is asked for.
pub(super) fn push_row<T>(out: &mut String, option: &str, slot: &impl Slot<T>, kind: &Kind<T>) {
    if let Some((not, value)) = slot.asked() {
        push_one(out, option, not, value, kind);
    }
}

/// Appends an option.
pub(super) fn push_one<T>(out: &mut String, option: &str, not: bool, value: &T, kind: &Kind<T>) {
    out.push_str(if not { " ! " } else { " " });
    out.push_str(option);
    (kind.push)(out, value);
}

/// An extension whose options are rows of a struct: its constant, and the function that prints it. `check` says whether it is
/// whole, and may put right what the tools put right.
macro_rules! rows {
    ($place:ident, $push:ident, $name:literal, $family:expr, $kind:ident($type:ty), $check:expr, {
        $($($field:ident).+: $value:expr, $option:literal $(| $alias:literal)*;)*
    }) => {
        pub(super) const $place: Extension<Match> = Extension {
            name: $name,
            family: $family,
            options: &[$(($option, $value.takes) $(, ($alias, $value.takes))*),*],
            read: |asked, names| {
                let mut found = <$type>::default();
                for option in asked.options() {
                    match option.name {
                        $($option $(| $alias)* => {
                            let value = ($value.read)(&option, names)?;
                            $crate::syntax::iptables::rows::Slot::fill(&mut found.$($field).+, option.not, value)?;
                        })*
                        _ => return None,
                    }
                }
                let check: fn(&mut $type) -> bool = $check;
                check(&mut found).then(|| Match::Rare(Box::new(Rare::$kind(found))))
            },
        };

        pub(super) fn $push(out: &mut String, found: &$type) {
            $($crate::syntax::iptables::rows::push_row(out, $option, &found.$($field).+, &$value);)*
        }
    };
}

/// An extension with one option that must be there.
macro_rules! single {
    ($place:ident, $name:literal, $family:expr, $kind:ident, $value:expr, $option:literal $(| $alias:literal)*) => {
        pub(super) const $place: Extension<Match> = Extension {
            name: $name,
            family: $family,
            options: &[($option, $value.takes) $(, ($alias, $value.takes))*],
            read: |asked, names| {
                let mut found = None;
                for option in asked.options() {
                    let value = ($value.read)(&option, names)?;
                    set(&mut found, Neg { not: option.not, value })?;
                }
                found.map(|found| Match::Rare(Box::new(Rare::$kind(found))))
            },
        };
    };
}

pub(super) use {rows, single};

/// No value.
pub(super) const NOTHING: Kind<()> =
    Kind { takes: Takes::Nothing, read: |option, _| option.switch().map(|_| ()), push: |_, ()| {} };

/// Numbers, printed in tens.
pub(super) const BYTE: Kind<u8> = decimal();
pub(super) const SHORT: Kind<u16> = decimal();
pub(super) const NUMBER: Kind<u32> = decimal();
pub(super) const LONG: Kind<u64> = decimal();

const fn decimal<N: TryFrom<u64> + Display>() -> Kind<N> {
    Kind {
        takes: Takes::One,
        read: |option, _| values::number(option.value()?),
        push: |out, number| push(out, format_args!(" {number}")),
    }
}

/// A number, printed in sixteens with `0x` before it.
pub(super) const HEX: Kind<u32> = Kind {
    takes: Takes::One,
    read: |option, _| values::number(option.value()?),
    push: |out, number| push(out, format_args!(" {number:#x}")),
};

/// Numbers from first to last; an empty side is the least or the greatest number.
pub(super) const SPAN: Kind<(u32, u32)> = Kind {
    takes: Takes::One,
    read: |option, _| span(option.value()?, u32::MAX),
    push: |out, (first, last)| push_span(out, *first, *last),
};

/// First and last of a range, which may be backwards.
pub(super) fn span<N: TryFrom<u64> + Copy + From<u8>>(text: &str, most: N) -> Option<(N, N)> {
    let side = |text: &str, or| if text.is_empty() { Some(or) } else { values::number(text) };
    match text.split_once(':') {
        Some((first, last)) => Some((side(first, N::from(0))?, side(last, most)?)),
        None => values::number(text).map(|one| (one, one)),
    }
}

/// Appends a blank and a range.
pub(super) fn push_span<N: Display + PartialEq>(out: &mut String, first: N, last: N) {
    out.push(' ');
    values::push_range(out, first, last, ':');
}

/// All numbers there are is what no option at all means.
pub(super) fn drop_whole(slot: &mut Option<Neg<(u32, u32)>>) {
    *slot = slot.filter(|asked| asked.not || asked.value != (0, u32::MAX));
}

/// Ports from first to last.
pub(super) const PORTS: Kind<PortRange> = Kind {
    takes: Takes::One,
    read: |option, _| values::ports(option.value()?, ':'),
    push: |out, ports| push_span(out, ports.first, ports.last),
};

/// A port.
pub(super) const PORT: Kind<u16> = Kind {
    takes: Takes::One,
    read: |option, _| {
        values::ports(option.value()?, ':').filter(|ports| ports.first == ports.last).map(|one| one.first)
    },
    push: SHORT.push,
};

/// A text, in quotes where `xtables_save_string` puts it there.
pub(super) const TEXT: Kind<Name> = Kind {
    takes: Takes::Any,
    read: |option, names| option.value().map(|text| names.intern(text)),
    push: |out, text| push_string(out, text),
};

/// Appends a value with a mask, in sixteens.
fn push_masked(out: &mut String, masked: &Masked) {
    push(out, format_args!(" {:#x}", masked.value));
    if masked.mask != u32::MAX {
        push(out, format_args!("/{:#x}", masked.mask));
    }
}

/// An address with a mask, which keeps its host bits; a host's mask is not printed.
pub(super) const HOST_MASK: Kind<AddressMask> = Kind {
    takes: Takes::One,
    read: |option, _| values::host_mask(option.value()?, option.family),
    push: |out, address| {
        out.push(' ');
        values::push_address_mask(out, address, true);
    },
};

/// Masked numbers of which the file of iproute2 names the first.
pub(super) fn push_named(out: &mut String, masked: &Masked, zero: &str) {
    match masked {
        Masked { value: 0, mask: u32::MAX } => push(out, format_args!(" {zero}")),
        _ => push_masked(out, masked),
    }
}

/// Reads such a number; the name of the first is known.
pub(super) fn named(option: &Opt, zero: &str) -> Option<Masked> {
    match option.value()? {
        text if text == zero => Some(Masked { value: 0, mask: u32::MAX }),
        text => values::masked(text),
    }
}
