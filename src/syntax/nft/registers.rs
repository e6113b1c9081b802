//! What lies in the registers while a rule is read, as words rather than values.
//!
//! Knows which expression put what where. Deliberately does not know what it is called: that depends on the headers which
//! the rule has asked for by then.

use super::fields::Loaded;
use crate::host::Name;
use crate::host::nft::{Extension, PayloadBase, Register};

/// What a register holds.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Operand {
    /// Bytes of the packet.
    Payload {
        base: PayloadBase,
        /// Bytes from the base.
        offset: u16,
        /// In bytes.
        length: u16,
    },
    /// What `meta`, `ct` or `fib` loaded.
    Loaded(Loaded),
    /// A constant.
    Constant(Box<[u8]>),
    /// `(of & mask) ^ xor`.
    Masked { of: Box<Operand>, mask: Box<[u8]>, xor: Box<[u8]> },
    /// Bytes of an extension header or an option.
    Extension {
        within: Extension,
        kind: u8,
        /// Bytes from its start.
        offset: u8,
        /// In bytes.
        length: u8,
        /// Whether it is there is all that is asked.
        present: bool,
    },
    /// Shifted by some bits.
    Shifted { of: Box<Operand>, left: bool, bits: u32 },
    /// Two, with a sign between them.
    Combined { of: Box<(Operand, Operand)>, sign: &'static str },
    /// The same with its bytes turned around.
    Swapped(Box<Operand>),
    /// What a map gives for a key.
    Mapped { key: Box<Operand>, set: Name },
    /// Several, one after the other.
    Concatenation(Vec<Operand>),
    /// Nothing that is known: how it is written.
    Unknown(String),
}

impl Default for Operand {
    fn default() -> Operand {
        Operand::Constant(Box::default())
    }
}

/// An operand, how many bytes it fills, and which expressions made it.
#[derive(Debug, Clone, Default)]
pub(super) struct Held {
    pub operand: Operand,
    /// Bytes; 0: not known.
    pub length: u16,
    /// Indices of the expressions.
    pub parts: Vec<u16>,
}

/// The register file.
#[derive(Debug, Default)]
pub(super) struct Registers {
    words: [Option<Held>; Register::COUNT as usize],
}

impl Registers {
    /// Puts something into a register and those that follow, as far as it reaches.
    pub fn put(&mut self, to: Register, held: Held) {
        let first = usize::from(to.0);
        let words = usize::from(held.length).div_ceil(4).max(1);
        for slot in self.words.iter_mut().skip(first).take(words) {
            *slot = None;
        }
        if let Some(slot) = self.words.get_mut(first) {
            *slot = Some(held);
        }
    }

    /// Nothing is known of any register any more but that this expression, written like this, may have written to it.
    pub fn forget(&mut self, text: &str, part: u16) {
        let held = Held { operand: Operand::Unknown(text.to_owned()), length: 0, parts: vec![part] };
        self.words.fill(Some(held));
    }

    /// What is in a register, up to `length` bytes: several parts, where one does not fill them.
    pub fn take(&self, from: Register, length: usize) -> Held {
        let unknown = || Held {
            operand: Operand::Unknown(format!("[register {}]", from.0)),
            length: length as u16,
            parts: Vec::new(),
        };
        let mut at = usize::from(from.0);
        let mut found: Vec<&Held> = Vec::new();
        let mut bytes = 0;
        loop {
            let Some(held) = self.words.get(at).and_then(Option::as_ref) else { return unknown() };
            found.push(held);
            let words = usize::from(held.length).div_ceil(4);
            bytes += words * 4;
            at += words;
            if words == 0 || bytes >= length {
                break;
            }
        }
        match found[..] {
            [one] => one.clone(),
            _ => Held {
                operand: Operand::Concatenation(found.iter().map(|held| held.operand.clone()).collect()),
                length: bytes as u16,
                parts: found.iter().flat_map(|held| held.parts.iter().copied()).collect(),
            },
        }
    }
}
