//! Sets and maps of native tables, and what else is told of such a table.

use super::Verdict;
use crate::host::names::Name;

/// A set or a map.
#[derive(Debug, Clone, PartialEq)]
pub struct Set {
    /// Its name; anonymous ones are called `__set%d` or `__map%d` by their maker.
    pub name: Name,
    /// `NFT_SET_*`.
    pub flags: SetFlags,
    /// nft's number for the type of the keys (`NFTA_SET_KEY_TYPE`): the kernel keeps it and does not look at it. A
    /// concatenation has six bits for each part.
    pub key_type: u32,
    /// Bytes in a key, each part of a concatenation padded to four.
    pub key_length: u32,
    /// nft's number for the type of what a map gives (`NFTA_SET_DATA_TYPE`); `None`: not a map.
    pub data_type: Option<u32>,
    /// Bytes in what a map gives.
    pub data_length: u32,
    /// Bytes in each part of a concatenation with ranges (`NFTA_SET_DESC_CONCAT`); empty otherwise.
    pub parts: Box<[u32]>,
    /// What is in it, in the order of the keys; ranges of concatenations as the kernel lists them. A named one's are as they were when it was read.
    pub elements: Vec<Element>,
    /// What is given for every key that no element has (the catch-all element `*`).
    pub catch_all: Option<Option<ElementData>>,
    /// What no packet asks for.
    pub details: Details,
}

/// What is told of a set beside its elements.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Details {
    /// The admin's comment (`NFTNL_UDATA_SET_COMMENT`).
    pub comment: Option<Name>,
    /// How many elements it may have (`NFTA_SET_DESC_SIZE`); 0: as many as there are.
    pub size: u32,
    /// For how long an element stays, in milliseconds (`NFTA_SET_TIMEOUT`); 0: until it is taken out.
    pub timeout: u64,
    /// How often those whose time is over are taken out, in milliseconds (`NFTA_SET_GC_INTERVAL`); 0: when the kernel likes.
    pub gc_interval: u32,
    /// It is made to be small rather than fast (`NFT_SET_POL_MEMORY`).
    pub memory: bool,
    /// nft joins ranges that overlap (`NFTNL_UDATA_SET_MERGE_ELEMENTS`).
    pub merges: bool,
    /// The kind of objects that it gives (`NFT_OBJECT_*`); 0: none.
    pub objects: u32,
}

/// What is told of a native table beside its chains and sets.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Particulars {
    /// `NFT_TABLE_F_*`.
    pub flags: TableFlags,
    /// The admin's comment (`NFTNL_UDATA_TABLE_COMMENT`).
    pub comment: Option<Name>,
    /// What the kernel has in it and this model has no place for, each in a few words: `flowtable ft`.
    pub untold: Vec<Name>,
}

bitflags::bitflags! {
    /// The flags of a set (`enum nft_set_flags`).
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    pub struct SetFlags: u32 {
        /// Made for one rule, without a name of its own.
        const ANONYMOUS = 0x1;
        /// Its elements never change.
        const CONSTANT = 0x2;
        /// Its elements may be ranges.
        const INTERVAL = 0x4;
        /// It is a map.
        const MAP = 0x8;
        /// Its elements may time out.
        const TIMEOUT = 0x10;
        /// Rules add to it.
        const EVAL = 0x20;
        /// It gives stateful objects.
        const OBJECT = 0x40;
        /// Its keys are concatenations.
        const CONCAT = 0x80;
        /// Its elements hold expressions.
        const EXPR = 0x100;
    }
}

bitflags::bitflags! {
    /// The flags of a table (`enum nft_table_flags`).
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
    pub struct TableFlags: u32 {
        /// Its base chains hang nowhere.
        const DORMANT = 0x1;
        /// It goes when the process goes that made it.
        const OWNER = 0x2;
        /// It stays although it has an owner.
        const PERSIST = 0x4;
    }
}

/// An element of a set: keys from the first to the last, both included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Element {
    /// The first key. In a concatenation each part has its own range.
    pub first: Box<[u8]>,
    /// The last key.
    pub last: Box<[u8]>,
    /// What a map gives for it.
    pub data: Option<ElementData>,
}

/// What a map gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ElementData {
    /// Bytes.
    Value(Box<[u8]>),
    /// A verdict.
    Verdict(Verdict),
    /// The name of a stateful object.
    Object(Name),
}
