//! Sets and maps of native tables, and their elements.
//!
//! Configuration alone: when an element expires and what it counted stands in [`Observations`](crate::host::Observations).

use std::sync::OnceLock;

use super::{Bytes, Expression, Key, ObjectKind, Verdict};
use crate::host::names::Name;
use crate::host::ruleset::Handle;

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
    pub catch_all: Option<Box<CatchAll>>,
    /// It has so many elements that they were counted when the ruleset was read: it has none here. `None`: they are here.
    pub counted: Option<Box<Counted>>,
    /// What no packet asks for.
    pub details: Details,
}

impl Set {
    /// More elements than this are counted where nobody asked for them: so many are read in the time of a few questions.
    pub const MANY: u32 = 10_000;

    /// What is in it, as far as that is known: of a set that was counted, once somebody read it.
    pub fn contents(&self) -> Option<(&[Element], Option<&CatchAll>)> {
        match &self.counted {
            None => Some((&self.elements, self.catch_all.as_deref())),
            Some(counted) => {
                let contents = counted.contents.get()?;
                Some((&contents.elements, contents.catch_all.as_deref()))
            }
        }
    }
}

/// What is known of a set whose elements were counted, and not read.
#[derive(Debug, Clone, PartialEq)]
pub struct Counted {
    /// How many it has.
    pub count: Count,
    /// The generation of the ruleset in which they were counted (`NFTA_GEN_ID`).
    pub generation: u32,
    /// What is in it, of the same generation: filled once, when somebody asks for it.
    pub contents: OnceLock<Contents>,
    /// What it would take to read it, where somebody tried in vain, as [`Unread::needs`](crate::host::Unread::needs).
    pub needs: OnceLock<Box<str>>,
}

/// A number of elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// So many.
    Exactly(u32),
    /// More than so many: kernels before 6.16 do not tell (`NFTA_SET_COUNT`), and nobody went on counting.
    MoreThan(u32),
}

/// What is in a set.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Contents {
    /// As [`Set::elements`].
    pub elements: Vec<Element>,
    /// As [`Set::catch_all`].
    pub catch_all: Option<Box<CatchAll>>,
}

/// What is told of a set beside its elements.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Details {
    /// Its handle, where known (`NFTA_SET_HANDLE`).
    pub handle: Option<Handle>,
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
    /// The kind of objects that it gives (`NFTA_SET_OBJ_TYPE`).
    pub objects: Option<ObjectKind>,
    /// The order of bytes in its keys, as nft notes it (`NFTNL_UDATA_SET_KEYBYTEORDER`).
    pub key_order: Option<ByteOrder>,
    /// That of what it gives (`NFTNL_UDATA_SET_DATABYTEORDER`).
    pub data_order: Option<ByteOrder>,
    /// What it gives are ranges (`NFTNL_UDATA_SET_DATA_INTERVAL`).
    pub data_interval: bool,
    /// What its keys are taken from, where it is declared by `typeof` (`NFTNL_UDATA_SET_KEY_TYPEOF`).
    pub key_typeof: Option<Box<Typeof>>,
    /// What the values of a map are taken from (`NFTNL_UDATA_SET_DATA_TYPEOF`).
    pub data_typeof: Option<Box<Typeof>>,
    /// What each of its elements holds (`NFTA_SET_EXPR`, `NFTA_SET_EXPRESSIONS`).
    pub expressions: Box<[Expression]>,
}

/// The order of bytes in the keys of a set (`enum byteorder` of nft).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ByteOrder {
    /// None that is known.
    Invalid,
    /// That of the machine.
    Host,
    /// That of the network.
    Network,
}

/// An expression of nft's language that stands for a type, as nft keeps it.
///
/// `NFTNL_UDATA_SET_TYPEOF_EXPR` and `NFTNL_UDATA_SET_TYPEOF_DATA`: the kernel does not look at them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Typeof {
    /// nft's number for the kind of expression (`enum expr_types`): payload 7, meta 9, ct 12, concatenation 13, …
    pub expression: u32,
    /// What tells which one of its kind it is: types, lengths and values of a byte, a byte and some bytes.
    pub data: Bytes,
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

/// An element of a set: keys from the first to the last, both included.
#[derive(Debug, Clone, PartialEq)]
pub struct Element {
    /// The first key. In a concatenation each part has its own range.
    pub first: Key,
    /// The last key.
    pub last: Key,
    /// What a map gives for it.
    pub data: Option<ElementData>,
    /// What else is told of it; most elements have nothing.
    pub details: Option<Box<ElementDetails>>,
}

/// The element that stands for every key that no other has (`NFT_SET_ELEM_CATCHALL`).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CatchAll {
    /// What a map gives for it.
    pub data: Option<ElementData>,
    /// What else is told of it.
    pub details: Option<Box<ElementDetails>>,
}

/// What is told of an element beside its key and what is given for it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ElementDetails {
    /// The admin's comment (`NFTNL_UDATA_SET_ELEM_COMMENT`).
    pub comment: Option<Name>,
    /// For how long it stays, in milliseconds, where that is not the set's time (`NFTA_SET_ELEM_TIMEOUT`); 0: for ever.
    pub timeout: Option<u64>,
    /// What it holds (`NFTA_SET_ELEM_EXPR`, `NFTA_SET_ELEM_EXPRESSIONS`).
    pub expressions: Box<[Expression]>,
}

/// What a map gives.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ElementData {
    /// Bytes.
    Value(Box<[u8]>),
    /// A verdict.
    Verdict(Verdict),
    /// The name of a stateful object.
    Object(Name),
}
