//! A quick hash for the many short names and numbers of a ruleset.
//!
//! The tables that use it are filled from dumps that strangers wrote: each table mixes with two numbers that nobody can
//! know beforehand, so that no dump can be made whose names fall together. Deliberately nothing that is kept or compared
//! between processes.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};

/// A map that hashes quickly.
pub type QuickMap<K, V> = HashMap<K, V, Quick>;

/// Makes hashers that mix with the same two numbers.
#[derive(Debug, Clone)]
pub struct Quick {
    keys: [u64; 2],
}

impl Default for Quick {
    fn default() -> Quick {
        let random = RandomState::new();
        Quick { keys: [random.hash_one(0u8), random.hash_one(1u8)] }
    }
}

impl BuildHasher for Quick {
    type Hasher = QuickHasher;

    fn build_hasher(&self) -> QuickHasher {
        QuickHasher { state: self.keys[0], key: self.keys[1] }
    }
}

/// Mixes 16 bytes at a time by one wide multiplication.
#[derive(Debug, Clone)]
pub struct QuickHasher {
    state: u64,
    key: u64,
}

impl QuickHasher {
    fn mix(&mut self, first: u64, second: u64) {
        let wide = u128::from(self.state ^ first) * u128::from(self.key ^ second);
        self.state = (wide as u64) ^ (wide >> 64) as u64;
    }
}

/// The first eight bytes, zeros where there are fewer.
fn eight(bytes: &[u8]) -> u64 {
    match bytes.first_chunk() {
        Some(whole) => u64::from_le_bytes(*whole),
        None => {
            let mut padded = [0; 8];
            padded[..bytes.len()].copy_from_slice(bytes);
            u64::from_le_bytes(padded)
        }
    }
}

impl Hasher for QuickHasher {
    fn write(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while let Some((chunk, more)) = rest.split_first_chunk::<16>() {
            self.mix(eight(chunk), eight(&chunk[8..]));
            rest = more;
        }
        // The length tells zeros from nothing.
        self.mix(eight(rest), eight(rest.get(8..).unwrap_or_default()) ^ (bytes.len() as u64) << 56);
    }

    fn write_u8(&mut self, number: u8) {
        self.state ^= u64::from(number);
    }

    fn write_u32(&mut self, number: u32) {
        self.write_u64(u64::from(number));
    }

    fn write_u64(&mut self, number: u64) {
        self.mix(number, 0);
    }

    fn write_u128(&mut self, number: u128) {
        self.mix(number as u64, (number >> 64) as u64);
    }

    fn write_isize(&mut self, number: isize) {
        self.write_u64(number as u64);
    }

    fn write_usize(&mut self, number: usize) {
        self.write_u64(number as u64);
    }

    fn finish(&self) -> u64 {
        self.state
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn what_differs_hashes_differently() {
        let quick = Quick::default();
        let mut texts: Vec<Vec<u8>> = (0..40).map(|length| vec![0; length]).collect();
        texts.extend((0..40).map(|length| vec![b'a'; length]));
        texts.extend((0..10_000).map(|number| format!("KUBE-SEP-{number:x}").into_bytes()));
        let hashes: HashSet<u64> = texts.iter().skip(1).map(|text| quick.hash_one(text)).collect();
        assert_eq!(hashes.len(), texts.iter().skip(1).collect::<HashSet<_>>().len());
        assert_eq!(quick.hash_one("eth0"), quick.clone().hash_one("eth0"));
        assert_ne!(quick.hash_one("eth0"), Quick::default().hash_one("eth0"));
    }
}
