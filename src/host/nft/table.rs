//! What is told of native tables and of their chains beside rules and sets.

use super::{Flowtable, Object};
use crate::host::names::Name;
use crate::host::ruleset::Handle;
use crate::host::xt::InterfacePattern;

/// What is told of a native table beside its chains and sets.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Particulars {
    /// Its handle, where known (`NFTA_TABLE_HANDLE`).
    pub handle: Option<Handle>,
    /// `NFT_TABLE_F_*`.
    pub flags: TableFlags,
    /// The netlink port of the process that owns it, which is its process id as a rule (`NFTA_TABLE_OWNER`).
    pub owner: Option<u32>,
    /// The admin's comment (`NFTNL_UDATA_TABLE_COMMENT`).
    pub comment: Option<Name>,
    /// Its stateful objects, in the order of the listing.
    pub objects: Vec<Object>,
    /// Its flowtables.
    pub flowtables: Vec<Flowtable>,
    /// What the kernel has in it and this model has no place for, each in a few words: `properties of set s`.
    pub untold: Vec<Name>,
}

impl Particulars {
    /// Whether nothing is told.
    pub fn is_empty(&self) -> bool {
        *self == Particulars::default()
    }
}

/// What is told of a chain beside its place and its rules; of chains of iptables nothing is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChainDetails {
    /// Its handle, where known (`NFTA_CHAIN_HANDLE`).
    pub handle: Option<Handle>,
    /// The admin's comment (`NFTNL_UDATA_CHAIN_COMMENT`).
    pub comment: Option<Name>,
    /// The devices that a base chain hangs at (`NFTA_HOOK_DEV`, `NFTA_HOOK_DEVS`), by name; those of the
    /// families that hang at no device are none.
    pub devices: Box<[InterfacePattern]>,
    /// `NFT_CHAIN_*`.
    pub flags: ChainFlags,
}

bitflags::bitflags! {
    /// The flags of a chain (`enum nft_chain_flags`); that it is a base chain its place tells.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
    pub struct ChainFlags: u32 {
        /// The device runs it (`flags offload`).
        const HW_OFFLOAD = 0x2;
        /// It is a part of a rule (`jump { … }`), and goes with it.
        const BINDING = 0x4;
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
