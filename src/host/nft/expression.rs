//! The expressions of a native rule, one variant for each kind and use.
//!
//! Rules are many: what is large is boxed, so that an expression stays at 24 bytes.

use super::{
    Boolean, Bytes, CompareOp, CtKey, Dynset, Extension, FibResult, Hash, Inner, Limit, Log, LookupResult, MetaKey,
    Nat, ObjectKind, PayloadBase, PayloadSet, Queues, Register, RejectKind, RtKey, SocketKey, Synproxy, TunnelKey,
    TunnelMode, Undecoded, Verdict, XfrmKey,
};
use crate::host::names::Name;
use crate::host::ruleset::Family;
use crate::host::xt::{self, CtDirection};

/// One step of a rule.
#[derive(Debug, Clone, PartialEq)]
pub enum Expression {
    /// Loads bytes of the packet (`payload`). Breaks the rule where the packet has no such header.
    Payload {
        /// From where.
        base: PayloadBase,
        /// The first byte, counted from the base.
        offset: u16,
        /// How many bytes.
        length: u16,
        /// Where they go.
        to: Register,
    },
    /// Writes bytes into the packet (`payload` with `NFTA_PAYLOAD_SREG`).
    PayloadSet(Box<PayloadSet>),
    /// Loads what the kernel knows about the packet (`meta`).
    Meta {
        /// What.
        key: MetaKey,
        /// Where it goes.
        to: Register,
    },
    /// Changes what the kernel knows about the packet (`meta … set`).
    MetaSet {
        /// What.
        key: MetaKey,
        /// Its new value.
        from: Register,
    },
    /// Loads what conntrack knows of the packet's flow (`ct`).
    Ct {
        /// What.
        key: CtKey,
        /// Of which direction, where that makes a difference.
        direction: Option<CtDirection>,
        /// Where it goes.
        to: Register,
    },
    /// Changes what conntrack knows of the flow (`ct … set`).
    CtSet {
        /// What.
        key: CtKey,
        /// Of which direction, where that makes a difference: of a zone alone.
        direction: Option<CtDirection>,
        /// Its new value.
        from: Register,
    },
    /// Asks the routing table (`fib`).
    Fib {
        /// What is wanted.
        result: FibResult,
        /// `NFTA_FIB_F_*`: saddr 1, daddr 2, mark 4, iif 8, oif 16, present 32.
        flags: u32,
        /// Where it goes.
        to: Register,
    },
    /// Loads bytes of an extension header or an option (`exthdr`). Breaks the rule where the packet has none, unless that is
    /// what is asked.
    Exthdr {
        /// Where it is looked for.
        within: Extension,
        /// The header's protocol or the option's kind (`NFTA_EXTHDR_TYPE`).
        kind: u8,
        /// The first byte.
        offset: u8,
        /// How many bytes.
        length: u8,
        /// Whether it is there is all that is wanted, 1 byte (`NFT_EXTHDR_F_PRESENT`).
        present: bool,
        /// Where they go.
        to: Register,
    },
    /// Writes into a TCP option (`exthdr` with `NFTA_EXTHDR_SREG`).
    ExthdrSet {
        /// Where the option is looked for.
        within: Extension,
        /// The option's kind.
        kind: u8,
        /// The first byte.
        offset: u8,
        /// How many bytes.
        length: u8,
        /// Where they come from.
        from: Register,
    },
    /// Overwrites a TCP option with no-operations (`exthdr` without any register, nft's `reset`).
    ExthdrReset {
        /// Where the option is looked for.
        within: Extension,
        /// The option's kind.
        kind: u8,
    },
    /// Loads what is known of the socket that the packet is for (`socket`). Breaks the rule where there is none.
    Socket {
        /// What.
        key: SocketKey,
        /// Where it goes.
        to: Register,
    },
    /// Loads what is known of the packet's route (`rt`).
    Rt {
        /// What.
        key: RtKey,
        /// Where it goes.
        to: Register,
    },
    /// Guesses the operating system that made a SYN, 16 bytes (`osf`).
    Osf {
        /// How the TTL is compared (`NFTA_OSF_TTL`): 0 exactly as on a local network, 1 less is enough, 2 not at all.
        ttl: u8,
        /// With its version (`NFT_OSF_F_VERSION`).
        version: bool,
        /// Where it goes.
        to: Register,
    },
    /// Loads what is known of the IPsec states that the packet passed or will pass (`xfrm`).
    Xfrm {
        /// What.
        key: XfrmKey,
        /// Of those that it will pass (`XFRM_POLICY_OUT`), instead of those that it came by.
        out: bool,
        /// Of the how manieth state (`NFTA_XFRM_SPNUM`).
        index: u8,
        /// Where it goes.
        to: Register,
    },
    /// Loads what is known of the tunnel of the packet (`tunnel`).
    Tunnel {
        /// What.
        key: TunnelKey,
        /// Of which tunnel.
        mode: TunnelMode,
        /// Where it goes.
        to: Register,
    },
    /// Loads from a packet within a tunnel (`inner`).
    Inner(Box<Inner>),
    /// Makes a number (`numgen`), 4 bytes in host order.
    Numgen {
        /// At random, instead of one after the other.
        random: bool,
        /// How many numbers there are.
        modulus: u32,
        /// What is added.
        offset: u32,
        /// Where it goes.
        to: Register,
    },
    /// Makes a number of bytes or of the packet (`hash`).
    Hash(Box<Hash>),
    /// Puts a constant into a register (`immediate`).
    Immediate {
        /// The register.
        to: Register,
        /// The constant.
        data: Box<[u8]>,
    },
    /// Gives a verdict (`immediate` into the verdict register).
    Verdict(Verdict),
    /// Compares with a constant (`cmp`): breaks the rule where the comparison fails.
    Compare {
        /// What is compared: as many bytes as the constant has.
        from: Register,
        /// How. Order is that of the bytes (`memcmp`).
        op: CompareOp,
        /// With what.
        data: Box<[u8]>,
    },
    /// Compares with a range (`range`): breaks the rule where that fails.
    Range {
        /// What is compared.
        from: Register,
        /// Outside instead of inside.
        not: bool,
        /// The first value and the last, both included, of equal length.
        ends: Box<(Bytes, Bytes)>,
    },
    /// `to = (from & mask) ^ xor` (`bitwise`, `NFT_BITWISE_MASK_XOR`).
    Bitwise {
        /// The operand.
        from: Register,
        /// The result.
        to: Register,
        /// The mask and what is flipped after it, of equal length.
        mask_xor: Box<(Bytes, Bytes)>,
    },
    /// Shifts a number whose bytes lie in host order (`bitwise`, `NFT_BITWISE_LSHIFT`, `NFT_BITWISE_RSHIFT`).
    Shift {
        /// The operand.
        from: Register,
        /// The result.
        to: Register,
        /// To the left, instead of to the right.
        left: bool,
        /// Bytes in it.
        length: u8,
        /// By how many bits (`NFTA_BITWISE_DATA`).
        bits: u32,
    },
    /// Combines two operands (`bitwise`, `NFT_BITWISE_AND`, `NFT_BITWISE_OR`, `NFT_BITWISE_XOR`).
    Boolean(Box<Boolean>),
    /// Turns numbers from host order to network order or back (`byteorder`).
    Byteorder {
        /// The operand.
        from: Register,
        /// The result.
        to: Register,
        /// Bytes in each number: 2, 4 or 8.
        size: u8,
        /// Bytes in all.
        length: u8,
        /// From host order to network order; `false`: the other way. Both swap on a little-endian machine.
        to_network: bool,
    },
    /// Looks the key up in a set (`lookup`).
    Lookup {
        /// The set's name, within the table.
        set: Name,
        /// The key.
        from: Register,
        /// In a map: where what was found goes; a verdict is given at once. `None`: a set.
        to: Option<LookupResult>,
        /// Breaks the rule where the key is there, instead of where it is not.
        not: bool,
    },
    /// Adds the key to a set, updates it or takes it out (`dynset`).
    Dynset(Box<Dynset>),
    /// Counts (`counter`).
    Counter,
    /// Breaks the rule above a rate (`limit`).
    Limit(Box<Limit>),
    /// Breaks the rule where more flows than these have come by, or than the element has that it is part of (`connlimit`).
    Connlimit {
        /// How many flows (`NFTA_CONNLIMIT_COUNT`).
        count: u32,
        /// Holds above the number instead of up to it (`NFT_CONNLIMIT_F_INV`).
        over: bool,
    },
    /// Breaks the rule once so many bytes have come by (`quota`).
    Quota {
        /// How many bytes (`NFTA_QUOTA_BYTES`).
        bytes: u64,
        /// Holds after them instead of up to them (`NFT_QUOTA_F_INV`).
        over: bool,
    },
    /// Notes when a packet came by (`last`).
    Last,
    /// Uses a stateful object (`objref`).
    Object {
        /// Its kind (`NFTA_OBJREF_IMM_TYPE`).
        kind: ObjectKind,
        /// Its name, within the table.
        name: Name,
    },
    /// Uses the stateful object that a map gives for the key (`objref`). Breaks the rule where it gives none.
    ObjectMap {
        /// The map's name.
        set: Name,
        /// The key.
        from: Register,
    },
    /// Writes a line to the kernel's log, or to user space (`log`).
    Log(Box<Log>),
    /// Keeps conntrack from tracking the packet (`notrack`).
    Notrack,
    /// Translates an address (`nat`), and ends the chain with accept.
    Nat(Box<Nat>),
    /// Translates the source to the outgoing device's address (`masq`).
    Masquerade {
        /// The first and the last port.
        ports: Option<(Register, Register)>,
        /// `NF_NAT_RANGE_*`.
        flags: u32,
    },
    /// Translates the destination to this host (`redir`).
    Redirect {
        /// The first and the last port.
        ports: Option<(Register, Register)>,
        /// `NF_NAT_RANGE_*`.
        flags: u32,
    },
    /// Gives the packet to a socket of this host (`tproxy`). Breaks the rule where none listens.
    Tproxy {
        /// The family of the address (`NFTA_TPROXY_FAMILY`); `None`: both.
        family: Option<Family>,
        /// The address that it listens on.
        address: Option<Register>,
        /// The port.
        port: Option<Register>,
    },
    /// Sends a copy of the packet elsewhere (`dup`).
    Dup {
        /// The host that gets it.
        address: Option<Register>,
        /// The index of the device that it leaves by.
        device: Option<Register>,
    },
    /// Sends the packet out by a device (`fwd`), which is the end of its way here.
    Fwd {
        /// The index of the device.
        device: Register,
        /// The next hop.
        address: Option<Register>,
        /// The family of its address (`NFTA_FWD_NFPROTO`).
        family: Option<Family>,
    },
    /// Hands the packet to user space (`queue`).
    Queue {
        /// To which queues.
        to: Queues,
        /// Accepted where nobody listens (`NFT_QUEUE_FLAG_BYPASS`).
        bypass: bool,
        /// Spread by CPU instead of by flow (`NFT_QUEUE_FLAG_CPU_FANOUT`).
        fanout: bool,
    },
    /// Answers for a server until a handshake is done (`synproxy`).
    Synproxy(Synproxy),
    /// Lets a flowtable carry the flow from here on (`flow_offload`).
    FlowOffload {
        /// The flowtable's name.
        table: Name,
    },
    /// Drops the packet and answers (`reject`).
    Reject {
        /// With what.
        kind: RejectKind,
        /// The code of the answer, by its kind.
        code: u8,
    },
    /// An xtables match within a native rule (`match`): breaks the rule where it does not hold.
    Match(Box<xt::Match>),
    /// An xtables target within a native rule (`target`).
    Target(Box<xt::Target>),
    /// One that is not known here, or has an attribute that is not.
    Undecoded(Box<Undecoded>),
}

impl Expression {
    /// Whether it keeps a state of its own (`NFT_EXPR_STATEFUL`): elements of sets may hold such.
    pub fn is_stateful(&self) -> bool {
        matches!(
            self,
            Expression::Counter
                | Expression::Limit(_)
                | Expression::Connlimit { .. }
                | Expression::Quota { .. }
                | Expression::Last
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_small() {
        assert_eq!(size_of::<Expression>(), 24);
    }
}
