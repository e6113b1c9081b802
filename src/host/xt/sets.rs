//! What rules ask of ipset's sets, and what they do with them: `-m set` and `-j SET`.
//!
//! Sets are named: the kernel keeps their numbers in rules, and whoever reads it looks their names up.

use crate::host::names::Name;

/// A set, and the part of the packet that each dimension of its elements is compared with (`struct xt_set_info`).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SetRef {
    /// The set's name.
    pub name: Name,
    /// Which side of the packet each dimension is taken from: `true` is `src`.
    pub directions: Box<[bool]>,
}

/// `-m set` (`struct xt_set_info_match_v4`).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SetMatch {
    /// `--match-set`.
    pub set: SetRef,
    /// Whether there is a `!` before `--match-set`.
    pub not: bool,
    /// `--return-nomatch`: an element with `nomatch` matches.
    pub return_nomatch: bool,
    /// `! --update-counters`: the element does not count.
    pub keeps_counters: bool,
    /// `! --update-subcounters`: of a list of sets, the elements of its members do not count.
    pub keeps_subcounters: bool,
    /// `--packets-eq` and the like: what the element has counted.
    pub packets: Option<CounterTest>,
    /// `--bytes-eq` and the like.
    pub bytes: Option<CounterTest>,
}

/// What is asked of an element's counter (`struct ip_set_counter_match`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CounterTest {
    /// How it is compared.
    pub op: CounterOp,
    /// With what.
    pub value: u64,
}

/// How `-m set` compares counters (`IPSET_COUNTER_*`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CounterOp {
    /// `--packets-eq`.
    Equal,
    /// `! --packets-eq`.
    NotEqual,
    /// `--packets-lt`.
    Less,
    /// `--packets-gt`.
    Greater,
}

/// `-j SET` (`struct xt_set_info_target_v3`). The packet goes on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SetTarget {
    /// `--add-set`.
    pub add: Option<SetRef>,
    /// `--exist`: what is added is renewed where it is there already.
    pub exist: bool,
    /// `--timeout` of what is added, in seconds.
    pub timeout: Option<u32>,
    /// `--del-set`.
    pub del: Option<SetRef>,
    /// `--map-set`: the packet takes what its element has.
    pub map: Option<SetRef>,
    /// `--map-mark`: the mark.
    pub map_mark: bool,
    /// `--map-prio`: the priority.
    pub map_prio: bool,
    /// `--map-queue`: the hardware queue.
    pub map_queue: bool,
}
