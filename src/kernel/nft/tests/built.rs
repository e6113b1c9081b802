//! What the test kernel lacks, from bytes as kernels that have it would tell it: attributes built by hand.

use super::*;
use crate::host::nft::{
    Boolean, BooleanOp, Expression, Extension, Flowtable, Geneve, Inner, MetaKey, ObjectBody, Operand, PayloadBase,
    Queues, Register, Tunnel, TunnelOptions, flowtable,
};
use crate::host::xt::InterfacePattern;
use crate::host::{Hook, Priority};

fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    push_attribute(&mut bytes, kind, value);
    bytes
}

fn number(kind: u16, value: u32) -> Vec<u8> {
    attribute(kind, &value.to_be_bytes())
}

fn short(kind: u16, value: u16) -> Vec<u8> {
    attribute(kind, &value.to_be_bytes())
}

fn expression(name: &str, parts: &[Vec<u8>]) -> Vec<u8> {
    let text = [name.as_bytes(), &[0]].concat();
    [attribute(1, &text), attribute(2, &parts.concat())].concat()
}

fn decoded(bytes: &[u8]) -> Expression {
    let (chains, ipsets, mut names) = (Default::default(), Default::default(), Names::default());
    let mut scope = expression::Scope { family: Family::Inet, chains: &chains, ipsets: &ipsets, names: &mut names };
    expression::decode(bytes, &mut scope, &mut None)
}

/// `NFT_REG32_00`, and two words further on.
const REG: u32 = 8;
const OTHER: u32 = 10;

#[test]
fn expressions_of_other_kernels() {
    let [reg, other] = [Register(0), Register(2)];
    let value = |bytes: &[u8]| attribute(1, bytes);
    let operands = |op| [number(1, REG), number(2, OTHER), number(3, 4), number(6, op)];
    let bitwise = |op, more: Vec<u8>| expression("bitwise", &[operands(op).concat(), more]);
    let boolean = |op, with| Expression::Boolean(Box::new(Boolean { op, from: reg, with, to: other, length: 4 }));
    let inner = |held: Vec<u8>| {
        expression("inner", &[number(1, 0), number(2, 1), number(3, 15), number(4, 8), attribute(5, &held)])
    };
    let within = |expression| Expression::Inner(Box::new(Inner { kind: 1, flags: 15, header_size: 8, expression }));
    let payload = expression("payload", &[number(1, REG), number(2, 4), number(3, 4), number(4, 3)]);
    for (bytes, told) in [
        (
            expression("queue", &[short(1, 3), short(2, 4), short(3, 3)]),
            Expression::Queue { to: Queues::Range(3, 6), bypass: true, fanout: true },
        ),
        (
            expression("queue", &[short(3, 1), number(4, REG)]),
            Expression::Queue { to: Queues::Register(reg), bypass: true, fanout: false },
        ),
        (expression("flow_offload", &[attribute(1, b"ft\0")]), Expression::FlowOffload { table: "ft".into() }),
        (
            expression(
                "exthdr",
                &[number(1, REG), attribute(2, &[5]), number(3, 0), number(4, 1), number(5, 1), number(6, 4)],
            ),
            Expression::Exthdr { within: Extension::DccpOption, kind: 5, offset: 0, length: 1, present: true, to: reg },
        ),
        (
            bitwise(1, attribute(7, &value(&8u32.to_ne_bytes()))),
            Expression::Shift { from: reg, to: other, left: true, length: 4, bits: 8 },
        ),
        (bitwise(4, number(8, OTHER)), boolean(BooleanOp::Or, Operand::Register(other))),
        (bitwise(5, attribute(7, &value(&[1, 2, 3, 4]))), boolean(BooleanOp::Xor, Operand::Data([1, 2, 3, 4].into()))),
        (inner(payload), within(Expression::Payload { base: PayloadBase::Tunnel, offset: 4, length: 3, to: reg })),
        (
            inner(expression("meta", &[number(1, REG), number(2, 1)])),
            within(Expression::Meta { key: MetaKey::PROTOCOL, to: reg }),
        ),
    ] {
        assert_eq!(decoded(&bytes), told);
    }
}

/// Nothing is taken for what it may not be: an attribute that is not known, an expression within one that holds none.
#[test]
fn what_is_not_known_stays_as_it_came() {
    let held =
        expression("inner", &[number(2, 1), number(3, 15), number(4, 8), attribute(5, &expression("inner", &[]))]);
    for bytes in [
        expression("queue", &[short(1, 3), short(9, 1)]),
        expression("notrack", &[number(1, 1)]),
        expression("last", &[number(1, 1), number(7, 1)]),
        expression("numgen", &[number(1, REG), number(2, 2), number(3, 7)]),
        held,
    ] {
        let Expression::Undecoded(kept) = decoded(&bytes) else { panic!("{:?}", decoded(&bytes)) };
        assert_eq!(Attributes(&bytes).get(2), Some(&*kept.data));
    }
}

#[test]
fn flowtables() {
    let names = [attribute(1, b"eth0\0"), attribute(2, b"veth\0")].concat();
    let hook = [number(1, 0), number(2, 5), attribute(3, &names)].concat();
    let body = [
        attribute(1, b"t\0"),
        attribute(2, b"ft\0"),
        attribute(3, &hook),
        number(4, 1),
        attribute(5, &7u64.to_be_bytes()),
        number(7, 3),
    ];
    let mut untold = Vec::new();
    let found = object::flowtable(Family::Inet, &Attributes(&body.concat()), &mut Names::default(), &mut untold);
    let device = |name: &str, prefix| InterfacePattern { name: name.into(), prefix };
    let told = Flowtable {
        name: "ft".into(),
        handle: Some(Handle(7)),
        hook: Hook::Ingress,
        priority: Priority(5),
        devices: [device("eth0", false), device("veth", true)].into(),
        flags: flowtable::HW_OFFLOAD | flowtable::COUNTER,
    };
    assert_eq!((found, untold), (Some(told), Vec::<String>::new()));
}

#[test]
fn tunnels() {
    let ends = [attribute(1, &[10, 0, 0, 1]), attribute(2, &[10, 0, 0, 2])].concat();
    let geneve = [short(1, 0x102), attribute(2, &[3]), attribute(3, &[1, 2, 3, 4])].concat();
    let data = [
        number(1, 42),
        attribute(2, &ends),
        number(4, 1),
        attribute(5, &[8]),
        attribute(6, &[64]),
        short(7, 1000),
        short(8, 6081),
        attribute(9, &attribute(3, &geneve)),
    ];
    let body = [attribute(2, b"tun\0"), number(3, 6), attribute(4, &data.concat())].concat();
    let (found, tally) = object::object(&Attributes(&body), &mut Names::default()).expect("an object");
    let option = Geneve { class: 0x102, kind: 3, data: [1, 2, 3, 4].into() };
    let tunnel = Tunnel {
        id: 42,
        addresses: Some(([10, 0, 0, 1].into(), [10, 0, 0, 2].into())),
        flow_label: 0,
        flags: 1,
        tos: 8,
        ttl: 64,
        sport: 1000,
        dport: 6081,
        options: TunnelOptions::Geneve([option].into()),
    };
    assert_eq!((found.body, tally), (ObjectBody::Tunnel(Box::new(tunnel)), None));
}

/// A set of so many elements, as kernels before 6.16 tell it: each element in a message of its own.
fn set_of(elements: u32, flags: u32) -> Answers {
    let mut messages = Vec::new();
    let mut message = |kind: u16, parts: &[Vec<u8>]| {
        let body = [vec![2, 0, 0, 0], parts.concat()].concat();
        frame(&mut messages, SUBSYSTEM | kind, 0, 0, &body);
    };
    let named = || vec![attribute(1, b"t\0"), attribute(2, b"s\0")];
    message(0, &[attribute(1, b"t\0")]);
    message(9, &[named(), vec![number(3, flags), number(4, 7), number(5, 4)]].concat());
    for key in 0..elements {
        let element = attribute(1, &attribute(1, &(2 * key + 1).to_be_bytes()));
        let end = [attribute(1, &attribute(1, &(2 * key + 2).to_be_bytes())), number(3, 1)].concat();
        let ends = if flags & 4 != 0 { attribute(1, &end) } else { Vec::new() };
        message(12, &[named(), vec![attribute(3, &[attribute(1, &element), ends].concat())]].concat());
    }
    Answers::Recorded(messages.into())
}

#[test]
fn elements_that_the_kernel_has_not_counted_are_read_until_they_are_too_many() {
    use crate::host::nft::{Count, Set};
    let read = |answers: &Answers, elements| {
        let ipsets = SetNames::none();
        let mut reader = Reader::open(answers, &ipsets, elements).expect("a channel");
        let (mut ruleset, _) = reader.all().expect("a ruleset");
        ruleset.tables.remove(0).sets.remove(0)
    };
    const INTERVAL: u32 = 4;
    const ANONYMOUS: u32 = 1;
    for flags in [0, INTERVAL] {
        let small = read(&set_of(Set::MANY, flags), Elements::OfSmall);
        assert_eq!((small.elements.len() as u32, small.counted), (Set::MANY, None));
        let large = read(&set_of(Set::MANY + 1, flags), Elements::OfSmall);
        assert_eq!(large.counted.as_ref().map(|counted| counted.count), Some(Count::MoreThan(Set::MANY)));
        assert!(large.elements.is_empty() && large.contents().is_none());
        let whole = read(&set_of(Set::MANY + 1, flags), Elements::All);
        assert_eq!((whole.elements.len() as u32, whole.counted), (Set::MANY + 1, None));
    }
    let anonymous = read(&set_of(Set::MANY + 1, ANONYMOUS), Elements::OfSmall);
    assert!(anonymous.counted.is_none(), "a part of a rule");
}

/// A flag without a meaning here could say anything: what has one is kept as it came, or told beside the chain.
#[test]
fn flags_that_are_not_known_are_told() {
    for (name, parts) in [
        ("nat", vec![number(1, 0), number(2, 2), number(3, REG), number(7, 0x80)]),
        ("masq", vec![number(1, 0x80)]),
        ("redir", vec![number(3, 0x80)]),
        ("log", vec![number(5, 4), number(6, 0x40)]),
        ("synproxy", vec![short(1, 1460), attribute(2, &[7]), number(3, 0x20)]),
        ("counter", vec![attribute(1, &[0; 8]), attribute(2, &[0; 8]), number(9, 1)]),
    ] {
        let told = decoded(&expression(name, &parts));
        assert!(matches!(&told, Expression::Undecoded(kept) if &*kept.name == name), "{name}: {told:?}");
    }
    let hook = |place: u32| attribute(4, &[number(1, place), number(2, 0)].concat());
    for (chain, told) in [
        ([hook(1), attribute(7, b"filter\0"), number(10, 1)].concat(), 0),
        ([hook(6), attribute(7, b"filter\0"), number(10, 1)].concat(), 1),
        ([hook(1), attribute(7, b"new\0"), number(10, 1)].concat(), 1),
        ([hook(1), attribute(7, b"filter\0"), number(10, 0x81)].concat(), 1),
    ] {
        let mut found = Vec::new();
        chain::untold("c", &Attributes(&chain), &mut found);
        assert_eq!(found.len(), told, "{chain:?}");
    }
}

/// What an element has without a meaning here is counted, so that it is named beside the table: an attribute, a flag, or
/// what a map gives for it.
#[test]
fn elements_that_are_not_wholly_known_are_told() {
    let key = |key: u8| attribute(1, &attribute(1, &[key; 4]));
    let verdict = |code: u32| attribute(2, &attribute(2, &number(1, code)));
    let elements = [
        ([key(1), verdict(1)].concat(), false),
        ([key(2), number(3, 1)].concat(), false),
        ([number(3, 2), verdict(0)].concat(), false),
        ([key(4), attribute(2, &attribute(1, &[7; 4]))].concat(), false),
        ([key(5), attribute(9, b"object\0")].concat(), false),
        ([key(6), number(12, 0)].concat(), true),
        ([key(7), number(3, 4)].concat(), true),
        ([key(8), verdict(77)].concat(), true),
        ([key(9), attribute(2, &attribute(3, &[7; 4]))].concat(), true),
    ];
    for (element, is_told) in &elements {
        let list = attribute(3, &attribute(1, element));
        let unknown = set::elements(&list, &Default::default(), &mut Names::default(), &mut Vec::new());
        assert_eq!(unknown, usize::from(*is_told), "{element:?}");
    }
    let mut messages = Vec::new();
    let mut message = |kind: u16, parts: &[Vec<u8>]| {
        let body = [vec![2, 0, 0, 0], parts.concat()].concat();
        frame(&mut messages, SUBSYSTEM | kind, 0, 0, &body);
    };
    let named = || vec![attribute(1, b"t\0"), attribute(2, b"m\0")];
    message(0, &[attribute(1, b"t\0")]);
    message(9, &[named(), vec![number(3, 8), number(4, 7), number(5, 4)]].concat());
    let list = elements.iter().map(|(element, _)| attribute(1, element)).collect::<Vec<_>>().concat();
    message(12, &[named(), vec![attribute(3, &list)]].concat());
    let ipsets = SetNames::none();
    let answers = Answers::Recorded(messages.into());
    let mut reader = Reader::open(&answers, &ipsets, Elements::All).expect("a channel");
    let (ruleset, _) = reader.all().expect("a ruleset");
    let untold = &ruleset.tables[0].particulars.untold;
    assert_eq!(untold.iter().map(|what| &**what).collect::<Vec<_>>(), ["properties of elements of set m: 4"]);
}
