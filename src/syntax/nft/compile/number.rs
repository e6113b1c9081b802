//! Numbers and the bytes they are compared as.
//!
//! Every value of nft's is a number of so many bits; here, of up to 128.

/// The order in which the bytes of a number lie in a register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// That of the machine.
    Host,
    /// That of the network.
    Network,
    /// Text: its first letter comes first, and is the number's lowest byte.
    Text,
}

impl Order {
    /// The highest byte comes first.
    pub(super) fn is_big(self) -> bool {
        match self {
            Order::Network => true,
            Order::Host => cfg!(target_endian = "big"),
            Order::Text => false,
        }
    }
}

/// A number of so many bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Number {
    pub(super) value: u128,
    pub(super) bits: u16,
    pub(super) order: Order,
}

impl Number {
    pub(super) fn new(value: u128, bits: u16, order: Order) -> Number {
        Number { value, bits, order }
    }

    /// How many bytes it fills.
    pub(super) fn bytes(self) -> usize {
        bytes(self.bits)
    }

    /// Appends its bytes.
    pub(super) fn push(self, out: &mut Vec<u8>) {
        push(out, self.value, self.bytes(), self.order);
    }

    /// Its bytes.
    pub(super) fn data(self) -> Box<[u8]> {
        data(self.value, self.bytes(), self.order)
    }
}

/// How many bytes so many bits fill.
pub(super) fn bytes(bits: u16) -> usize {
    usize::from(bits).div_ceil(8)
}

/// How many words of the register file so many bits fill.
pub(super) fn words(bits: u16) -> u8 {
    u8::try_from(usize::from(bits).div_ceil(32)).unwrap_or(u8::MAX)
}

/// All ones, so many.
pub(super) fn ones(bits: u16) -> u128 {
    match bits {
        0 => 0,
        1..=127 => (1 << bits) - 1,
        _ => u128::MAX,
    }
}

/// The bits of a number of `bits` that a prefix of `length` covers.
pub(super) fn prefix(bits: u16, length: u16) -> u128 {
    ones(bits) & !ones(bits.saturating_sub(length))
}

/// Appends the bytes of a number; what is beyond sixteen is zero.
fn push(out: &mut Vec<u8>, value: u128, length: usize, order: Order) {
    let at = |place: usize| if place < 16 { (value >> (8 * place)) as u8 } else { 0 };
    if order.is_big() {
        out.extend((0..length).rev().map(at));
    } else {
        out.extend((0..length).map(at));
    }
}

/// The bytes of a number.
pub(super) fn data(value: u128, length: usize, order: Order) -> Box<[u8]> {
    let big = value.to_be_bytes();
    let little = value.to_le_bytes();
    match (order.is_big(), length) {
        (true, ..=16) => big[16 - length..].into(),
        (false, ..=16) => little[..length].into(),
        _ => {
            let mut out = Vec::with_capacity(length);
            push(&mut out, value, length, order);
            out.into()
        }
    }
}

/// The number with its bytes turned around.
pub(super) fn swapped(value: u128, length: usize) -> u128 {
    value.swap_bytes() >> (128 - 8 * length.clamp(1, 16))
}
