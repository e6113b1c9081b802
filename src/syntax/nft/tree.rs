//! nft's language as a tree: what was written. What it means to the kernel is decided by `compile`.

use std::ops::Range;

use super::extensions::{Optional, Part};
use super::fields::Field;
use crate::host::Family;
use crate::host::nft::{CtKey, DynsetOp, FibResult, Limit, MetaKey, PayloadBase, SocketKey};
use crate::host::xt::CtDirection;

#[derive(Debug, Clone)]
pub(super) enum Expr<'t> {
    Word(&'t str),
    Number(u64),
    Text(&'t str),
    Reference(&'t str),
    Any,
    Payload(&'static Field),
    Raw { base: PayloadBase, bit: u32, bits: u16 },
    Optional(&'static Optional, Option<&'static Part>),
    TcpOption { kind: u8, bit: u16, bits: u16 },
    Meta(MetaKey),
    Ct { key: CtKey, direction: Option<CtDirection> },
    Fib { result: FibResult, flags: u32 },
    Rt { key: &'t str, family: Option<Family> },
    Socket(SocketKey),
    Osf { ttl: u8, version: bool },
    Xfrm { key: &'t str, family: Option<Family>, out: bool, index: u8 },
    Numgen { random: bool, modulus: u32, offset: u32 },
    Hash { of: Option<Box<Expr<'t>>>, modulus: u32, seed: Option<u32>, offset: u32 },
    Binary(BinaryOp, Box<(Expr<'t>, Expr<'t>)>),
    Prefix(Box<Expr<'t>>, u16),
    Range(Box<(Expr<'t>, Expr<'t>)>),
    Concat(Vec<Expr<'t>>),
    List(Vec<Expr<'t>>),
    Braces(Vec<Item<'t>>),
    Map(Box<(Expr<'t>, Expr<'t>)>),
    Verdict(Verdict<'t>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BinaryOp {
    And,
    Or,
    Xor,
    Left,
    Right,
}

#[derive(Debug, Clone)]
pub(super) enum Verdict<'t> {
    Accept,
    Drop,
    Continue,
    Break,
    Return,
    Jump(&'t str),
    Goto(&'t str),
}

#[derive(Debug, Clone)]
pub(super) struct Item<'t> {
    pub key: Expr<'t>,
    pub data: Option<Expr<'t>>,
    pub comment: Option<&'t str>,
    pub timeout: Option<u64>,
    pub expires: Option<u64>,
    pub statements: Vec<Statement<'t>>,
}

#[derive(Debug, Clone)]
pub(super) enum Statement<'t> {
    /// Something that is not understood.
    Unread,
    /// The same, as it was written, within a rule of which the rest is.
    Kept(&'t str),
    /// A match or a target of iptables, of which only the name is told.
    Xt {
        target: bool,
        name: &'t str,
    },
    Match {
        left: Expr<'t>,
        sign: Sign,
        right: Expr<'t>,
    },
    Verdict(Verdict<'t>),
    /// `jump { … }`
    Block {
        goto: bool,
        rules: Rules<'t>,
    },
    VerdictMap {
        key: Expr<'t>,
        map: Expr<'t>,
    },
    Counter {
        packets: u64,
        bytes: u64,
    },
    Limit(Limit),
    Quota {
        bytes: u64,
        over: bool,
        used: u64,
    },
    Connlimit {
        count: u32,
        over: bool,
    },
    Last(Option<u64>),
    Object {
        kind: u32,
        name: Expr<'t>,
    },
    Set {
        left: Expr<'t>,
        value: Expr<'t>,
    },
    Reset(Expr<'t>),
    Log(Log<'t>),
    Reject {
        with: Reject<'t>,
    },
    Nat(Box<Nat<'t>>),
    Tproxy {
        family: Option<Family>,
        address: Option<Expr<'t>>,
        port: Option<Expr<'t>>,
    },
    Dup {
        to: Expr<'t>,
        device: Option<Expr<'t>>,
    },
    Fwd {
        family: Option<Family>,
        address: Option<Expr<'t>>,
        device: Expr<'t>,
    },
    Queue {
        to: Option<Expr<'t>>,
        bypass: bool,
        fanout: bool,
    },
    Synproxy {
        mss: u16,
        window_scale: u8,
        flags: u32,
    },
    Notrack,
    FlowOffload(&'t str),
    Change(Box<Change<'t>>),
    Meter {
        name: &'t str,
        size: u32,
        key: Expr<'t>,
        timeout: Option<u64>,
        statement: Box<Statement<'t>>,
    },
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Sign {
    Implied,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Not,
}

#[derive(Debug, Clone)]
pub(super) enum Reject<'t> {
    Default,
    Icmp(Expr<'t>),
    Icmp6(Expr<'t>),
    Icmpx(Expr<'t>),
    Reset,
}

#[derive(Debug, Clone)]
pub(super) struct Nat<'t> {
    pub kind: NatKind,
    pub family: Option<Family>,
    pub address: Option<Expr<'t>>,
    pub port: Option<Expr<'t>>,
    /// `addr . port`
    pub both: bool,
    pub flags: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NatKind {
    Snat,
    Dnat,
    Masquerade,
    Redirect,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Log<'t> {
    pub prefix: Option<&'t str>,
    pub level: Option<u32>,
    pub flags: u32,
    pub group: Option<u16>,
    pub snaplen: Option<u32>,
    pub qthreshold: Option<u16>,
}

#[derive(Debug, Clone)]
pub(super) struct Rule<'t> {
    pub text: &'t str,
    pub line: usize,
    pub handle: Option<u64>,
    pub comment: Option<&'t str>,
    /// Its statements, among those of [`Rules`].
    pub statements: Range<usize>,
}

/// Rules in their order. The statements of all of them lie in one room: a listing has as many rules as it has lines, and each would
/// ask for one of its own.
#[derive(Debug, Clone, Default)]
pub(super) struct Rules<'t> {
    pub rules: Vec<Rule<'t>>,
    pub statements: Vec<Statement<'t>>,
}

impl<'t> Rules<'t> {
    /// Each rule with its statements.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Rule<'t>, &[Statement<'t>])> {
        self.rules.iter().map(|rule| (rule, self.statements.get(rule.statements.clone()).unwrap_or_default()))
    }
}

/// `type ipv4_addr . inet_service` or `typeof ip saddr . tcp dport`.
#[derive(Debug, Clone)]
pub(super) enum TypeOf<'t> {
    Names(Vec<&'t str>),
    Exprs(Expr<'t>),
}

#[derive(Debug, Clone)]
pub(super) enum Gives<'t> {
    Nothing,
    Verdict,
    Object(u32),
    Values { of: TypeOf<'t>, interval: bool },
}

#[derive(Debug, Clone)]
pub(super) struct Set<'t> {
    /// The line at which it stands, from 1.
    pub line: usize,
    pub name: &'t str,
    pub handle: Option<u64>,
    pub map: bool,
    pub key: TypeOf<'t>,
    pub gives: Gives<'t>,
    pub flags: u32,
    pub timeout: u64,
    pub gc_interval: u64,
    pub size: u32,
    pub memory: bool,
    pub merges: bool,
    pub comment: Option<&'t str>,
    pub statements: Vec<Statement<'t>>,
    pub elements: Vec<Item<'t>>,
}

#[derive(Debug, Clone)]
pub(super) struct Table<'t> {
    pub family: Family,
    pub name: &'t str,
    pub handle: Option<u64>,
    pub flags: u32,
    pub comment: Option<&'t str>,
    pub chains: Vec<Chain<'t>>,
    pub sets: Vec<Set<'t>>,
    pub objects: Vec<Object<'t>>,
    pub flowtables: Vec<Flowtable<'t>>,
}

#[derive(Debug, Clone)]
pub(super) struct Chain<'t> {
    pub name: &'t str,
    pub handle: Option<u64>,
    pub comment: Option<&'t str>,
    pub base: Option<Base<'t>>,
    pub offload: bool,
    pub rules: Rules<'t>,
}

#[derive(Debug, Clone)]
pub(super) struct Base<'t> {
    pub kind: &'t str,
    pub hook: &'t str,
    pub devices: Vec<&'t str>,
    pub priority: Priority<'t>,
    /// Whether the policy is drop, where one is told.
    pub policy_drop: Option<bool>,
}

/// A number, or a name and what is added.
#[derive(Debug, Clone)]
pub(super) struct Priority<'t> {
    pub name: Option<&'t str>,
    pub number: i32,
}

#[derive(Debug, Clone)]
pub(super) struct Flowtable<'t> {
    pub name: &'t str,
    pub handle: Option<u64>,
    pub priority: Priority<'t>,
    pub devices: Vec<&'t str>,
    pub offload: bool,
    pub counter: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Object<'t> {
    pub name: &'t str,
    pub handle: Option<u64>,
    pub comment: Option<&'t str>,
    pub body: ObjectBody<'t>,
}

#[derive(Debug, Clone)]
pub(super) enum ObjectBody<'t> {
    Counter { packets: u64, bytes: u64 },
    Quota { bytes: u64, over: bool, used: u64 },
    Limit(Limit),
    CtHelper { helper: &'t str, protocol: &'t str, family: Option<Family> },
    CtTimeout { protocol: &'t str, family: Option<Family>, policy: Vec<(&'t str, u64)> },
    CtExpectation { protocol: &'t str, family: Option<Family>, dport: u16, timeout: u64, size: u8 },
    Secmark(&'t str),
    Synproxy { mss: u16, window_scale: u8, flags: u32 },
}

/// `add @set { key : data }`.
#[derive(Debug, Clone)]
pub(super) struct Change<'t> {
    pub op: DynsetOp,
    pub set: &'t str,
    pub key: Expr<'t>,
    pub timeout: Option<u64>,
    pub data: Option<Expr<'t>>,
    pub statements: Vec<Statement<'t>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trees_are_small() {
        assert_eq!((size_of::<Expr<'_>>(), size_of::<Statement<'_>>()), (32, 80));
    }
}
