//! Matches that look into packets: string, u32, bpf, osf.

use crate::host::names::Name;
use crate::host::xt::Neg;

/// `-m string` (`struct xt_string_info`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StringMatch {
    /// `--string` or `--hex-string`: what is looked for.
    pub pattern: Neg<Box<[u8]>>,
    /// `--algo`.
    pub algorithm: Name,
    /// `--from`.
    pub from: u16,
    /// `--to`; 65535: to the end.
    pub to: u16,
    /// `--icase`.
    pub ignore_case: bool,
}

/// `-m u32` (`struct xt_u32`): all tests hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct U32 {
    /// Whether there is a `!`.
    pub not: bool,
    /// The tests.
    pub tests: Box<[U32Test]>,
}

/// A number of a packet, and the ranges of which one holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct U32Test {
    /// Where it begins: bytes from the IP header.
    pub start: u32,
    /// What is done with the number, in order.
    pub steps: Box<[(U32Op, u32)]>,
    /// First and last.
    pub ranges: Box<[(u32, u32)]>,
}

/// A step of `-m u32`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum U32Op {
    /// `&`.
    And,
    /// `<<`.
    Left,
    /// `>>`.
    Right,
    /// `@`: moves the start by what was found.
    At,
}

/// `-m bpf` (`struct xt_bpf_info_v1`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bpf {
    /// `--bytecode`.
    Code(Box<[BpfInstruction]>),
    /// `--object-pinned`: a path.
    Pinned(Name),
}

/// An instruction (`struct sock_filter`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BpfInstruction {
    /// What it does.
    pub code: u16,
    /// How many it skips where its test holds.
    pub then: u8,
    /// How many it skips where its test fails.
    pub otherwise: u8,
    /// Its number.
    pub k: u32,
}

/// `-m osf` (`struct xt_osf_info`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Osf {
    /// `--genre`.
    pub genre: Neg<Name>,
    /// `--ttl`.
    pub ttl: Option<u32>,
    /// `--log`.
    pub log: Option<u32>,
}
