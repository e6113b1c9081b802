//! The key of an element of a set: bytes, in place where there are few.
//!
//! A set may have 100,000 elements with two keys each; an address, a port or a few of them take no allocation. Knows
//! nothing of what the bytes mean.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::{Deref, DerefMut};

/// How many bytes stand in place: as many as fit beside their number where an allocation would be.
const IN_PLACE: usize = 22;

/// A key, as the kernel has it.
#[derive(Clone)]
pub struct Key(Place);

#[derive(Clone)]
enum Place {
    Here { length: u8, bytes: [u8; IN_PLACE] },
    Apart(Box<[u8]>),
}

impl Deref for Key {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Place::Here { length, bytes } => &bytes[..usize::from(*length)],
            Place::Apart(bytes) => bytes,
        }
    }
}

impl DerefMut for Key {
    fn deref_mut(&mut self) -> &mut [u8] {
        match &mut self.0 {
            Place::Here { length, bytes } => &mut bytes[..usize::from(*length)],
            Place::Apart(bytes) => bytes,
        }
    }
}

impl From<&[u8]> for Key {
    fn from(key: &[u8]) -> Key {
        let mut bytes = [0; IN_PLACE];
        Key(match bytes.get_mut(..key.len()) {
            Some(place) => {
                place.copy_from_slice(key);
                Place::Here { length: key.len() as u8, bytes }
            }
            None => Place::Apart(key.into()),
        })
    }
}

impl<const N: usize> From<[u8; N]> for Key {
    fn from(key: [u8; N]) -> Key {
        key[..].into()
    }
}

impl From<Box<[u8]>> for Key {
    fn from(key: Box<[u8]>) -> Key {
        if key.len() > IN_PLACE { Key(Place::Apart(key)) } else { key[..].into() }
    }
}

impl Default for Key {
    fn default() -> Key {
        [].into()
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Key) -> bool {
        **self == **other
    }
}

impl Eq for Key {}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Key) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Key {
    /// The order of bytes.
    fn cmp(&self, other: &Key) -> Ordering {
        self[..].cmp(&other[..])
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self[..].hash(state);
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self[..].fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_its_bytes_wherever_they_are() {
        assert_eq!(size_of::<Key>(), 24);
        for length in [0, 1, 4, 21, 22, 23, 24, 64] {
            let bytes: Vec<u8> = (0..length).collect();
            let key = Key::from(&bytes[..]);
            assert_eq!(*key, *bytes);
            assert_eq!(key, Key::from(bytes.clone().into_boxed_slice()));
            let mut greater = bytes.clone();
            greater.push(0);
            assert!(Key::from(&greater[..]) > key, "{length}");
        }
        assert!(Key::from([2]) > Key::from([1, 0xff]));
    }
}
