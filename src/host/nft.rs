//! Native nf_tables rules: expressions over registers, and the sets they look things up in, as the kernel keeps them.
//!
//! The kernel's form (include/uapi/linux/netfilter/nf_tables.h), not nft's language: what a rule looks like to an admin is
//! the business of `syntax`. Numbers are in host order where the kernel's attribute is a number; data that is compared with
//! packets stays as bytes, in the order in which they lie in the registers. An expression that is not known here is kept
//! with its name and bytes, and evaluates to unknown.

mod expression;
mod key;
mod keys;
mod object;
mod set;
mod statement;
mod table;

use std::net::IpAddr;

use super::names::Name;

pub use expression::Expression;
pub use key::Key;
pub use keys::{
    CtKey, Extension, FibResult, HashKind, MetaKey, PayloadBase, RtKey, SocketKey, TunnelKey, TunnelMode, XfrmKey, fib,
};
pub use object::{
    CtExpectation, CtHelper, CtTimeout, Flowtable, Geneve, Object, ObjectBody, ObjectKind, Tunnel, TunnelOptions,
    flowtable,
};
pub use set::{
    ByteOrder, CatchAll, Contents, Count, Counted, Details, Element, ElementData, ElementDetails, Set, SetFlags, Typeof,
};
pub use statement::{
    Boolean, BooleanOp, Checksum, CompareOp, Dynset, DynsetOp, Hash, Inner, Limit, Log, LookupResult, Nat, Operand,
    PayloadSet, Queues, RejectKind, Synproxy, range, synproxy,
};
pub use table::{ChainDetails, ChainFlags, Particulars, TableFlags};

/// A native rule: its expressions run in order, until one breaks it or gives a verdict.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// What it does, step by step.
    pub expressions: Box<[Expression]>,
    /// The admin's comment (`NFTNL_UDATA_RULE_COMMENT` in `NFTA_RULE_USERDATA`).
    pub comment: Option<Name>,
}

/// One of the sixteen 32-bit words of the register file, from 0. A value of more than four bytes takes the words that follow.
///
/// `NFT_REG32_00` is word 0; `NFT_REG_1` to `NFT_REG_4` name words 0, 4, 8 and 12 (`nft_parse_register`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Register(pub u8);

impl Register {
    /// How many words there are.
    pub const COUNT: u8 = 16;
}

/// Data as it lies in registers.
pub type Bytes = Box<[u8]>;

/// A verdict (`enum nft_verdicts`, `enum nf_inet_hook` verdicts).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// The base chain ends and lets the packet go on.
    Accept,
    /// The packet is dropped.
    Drop,
    /// The next rule.
    Continue,
    /// The rule ends as if it did not match.
    Break,
    /// Back to the chain that jumped here.
    Return,
    /// Another chain, and back.
    Jump(ChainRef),
    /// Another chain, and not back.
    Goto(ChainRef),
    /// To user space (`NF_QUEUE` as a verdict; `queue` is an expression of its own).
    Queue {
        /// The queue (`NF_QUEUE_NR`).
        queue: u16,
        /// Accepted where nobody listens (`NF_VERDICT_FLAG_QUEUE_BYPASS`).
        bypass: bool,
    },
}

/// A chain of the same table: index into [`super::Table::chains`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ChainRef(pub u32);

/// An expression that is kept as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undecoded {
    /// Its name (`NFTA_EXPR_NAME`).
    pub name: Name,
    /// Its attributes (`NFTA_EXPR_DATA`), as the kernel gave them.
    pub data: Box<[u8]>,
}

impl Undecoded {
    /// The name of what is kept as the text of nft's language that it was read from: it could not be made of it.
    pub const TEXT: &str = "text";
}

/// An address as it lies in a register: four bytes or sixteen.
pub fn address(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        4 => <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from),
        16 => <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from),
        _ => None,
    }
}
