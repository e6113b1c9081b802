//! What nft itself cannot be asked: what it has no words for, and which statement an expression belongs to.

use super::*;
use crate::host::nft::{CompareOp, Expression, MetaKey, PayloadBase, Register, Undecoded, Verdict};
use crate::host::{Backend, Family, xt};

fn table() -> Table {
    Table {
        family: Family::Inet,
        name: "t".into(),
        backend: Backend::Nft,
        chains: Vec::new(),
        sets: Vec::new(),
        particulars: Default::default(),
    }
}

fn rule(expressions: Vec<Expression>) -> Rule {
    Rule { expressions: expressions.into(), comment: None }
}

fn compare(data: &[u8]) -> Expression {
    Expression::Compare { from: Register(0), op: CompareOp::Equal, data: data.into() }
}

fn port_80() -> Vec<Expression> {
    vec![
        Expression::Meta { key: MetaKey::L4PROTO, to: Register(0) },
        compare(&[6]),
        Expression::Payload { base: PayloadBase::Transport, offset: 2, length: 2, to: Register(0) },
        compare(&[0, 80]),
    ]
}

#[test]
fn an_expression_belongs_to_a_statement() {
    let mut expressions = port_80();
    expressions.push(Expression::Counter);
    expressions.push(Expression::Verdict(Verdict::Drop));
    let rule = rule(expressions);
    assert_eq!(rule_text(&table(), &rule), "tcp dport 80 counter packets 0 bytes 0 drop");
    let table = table();
    let scope = Scope { table: &table, links: &[], observed: None };
    let counted =
        counted_text(scope, &rule, Tallies { own: crate::host::Counters { packets: 7, bytes: 420 }, others: None });
    assert_eq!(counted, "tcp dport 80 counter packets 7 bytes 420 drop");
    for (index, text) in [
        (Some(0), "meta l4proto tcp"),
        (Some(1), "meta l4proto tcp"),
        (Some(2), "tcp dport 80"),
        (Some(3), "tcp dport 80"),
        (Some(4), "counter packets 0 bytes 0"),
        (Some(5), "drop"),
        (Some(6), ""),
        (None, "drop"),
    ] {
        assert_eq!(part_text(&table, &rule, index), text, "{index:?}");
    }
    assert_eq!(part_text(&table, &super::Rule { expressions: port_80().into(), comment: None }, None), "");
}

#[test]
fn what_is_not_decoded_is_told() {
    let unknown =
        |name: &str| Expression::Undecoded(Box::new(Undecoded { name: name.into(), data: [0x0a, 0xff][..].into() }));
    let mut expressions = port_80();
    expressions.extend([unknown("quota"), Expression::Verdict(Verdict::Accept)]);
    assert_eq!(rule_text(&table(), &rule(expressions)), "tcp dport 80 [quota 0aff] accept");
    // It may have written what is compared after it.
    let expressions = vec![unknown("numgen"), compare(&[0, 0, 0, 1])];
    assert_eq!(rule_text(&table(), &rule(expressions)), "[numgen 0aff] 0x1");
    // Nothing was ever loaded.
    assert_eq!(rule_text(&table(), &rule(vec![compare(&[1])])), "[register 0] 0x1");
}

#[test]
fn xtables_parts_are_in_iptables_words() {
    let expressions = vec![
        Expression::Match(Box::new(xt::Match::Comment("a b".into()))),
        Expression::Target(Box::new(xt::Target::Mark(xt::Masked { value: 1, mask: 0xffff_ffff }))),
    ];
    let text = rule_text(&table(), &rule(expressions));
    assert_eq!(text, "xt -m comment --comment \"a b\" xt -j MARK --set-xmark 0x1/0xffffffff");
}

/// Loads and values of every length, from every register: something is printed, and nothing panics.
#[test]
fn no_expressions_make_it_fail() {
    let mut seed = 7u64;
    let mut next = |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    for _ in 0..20_000 {
        let mut expressions = Vec::new();
        for _ in 0..next(6) {
            let register = Register(next(18) as u8);
            let bytes: Box<[u8]> =
                (0..next(20)).map(|_| [0, 1, 4, 6, 0xff, next(256) as u8][next(6) as usize]).collect();
            let other: Box<[u8]> = (0..next(20)).map(|_| next(256) as u8).collect();
            expressions.push(match next(8) {
                0 => Expression::Payload {
                    base: [PayloadBase::Link, PayloadBase::Network, PayloadBase::Transport, PayloadBase::Inner]
                        [next(4) as usize],
                    offset: [0, 1, 2, 8, 9, 12, 65535][next(7) as usize],
                    length: [0, 1, 2, 4, 8, 16, 65535][next(7) as usize],
                    to: register,
                },
                1 => Expression::Meta { key: MetaKey(next(40) as u32), to: register },
                2 => Expression::Bitwise { from: register, to: Register(0), mask_xor: Box::new((bytes, other)) },
                3 => Expression::Range { from: register, not: next(2) == 0, ends: Box::new((bytes, other)) },
                4 => Expression::Byteorder { from: register, to: register, size: 4, length: 4, to_network: true },
                5 => Expression::Ct { key: crate::host::nft::CtKey(next(30) as u32), direction: None, to: register },
                6 => Expression::MetaSet { key: MetaKey(next(40) as u32), from: register },
                _ => Expression::Compare { from: register, op: CompareOp::Equal, data: bytes },
            });
        }
        let rule = rule(expressions);
        let _ = rule_text(&table(), &rule);
        for index in 0..rule.expressions.len() {
            let _ = part_text(&table(), &rule, Some(index as u16));
        }
    }
}
