//! New addresses and names, on their own.

use proptest::prelude::*;

use super::*;
use crate::host::net::LinkKind;

fn settled(addresses: &[IpAddr], nets: &[&str]) -> Words {
    let mut words = Words::default();
    for address in addresses {
        words.address(&mut address.clone());
    }
    for net in nets {
        words.net(&mut net.parse().expect("a prefix"));
    }
    words.enter(Stage::Replace);
    words
}

fn now(words: &Words, address: IpAddr) -> IpAddr {
    words.addresses.replaced(address)
}

fn addr(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

/// How many leading bits two addresses of one family have in common.
fn common(one: IpAddr, other: IpAddr) -> u32 {
    match (one, other) {
        (IpAddr::V4(one), IpAddr::V4(other)) => (u32::from(one) ^ u32::from(other)).leading_zeros(),
        (IpAddr::V6(one), IpAddr::V6(other)) => (u128::from(one) ^ u128::from(other)).leading_zeros(),
        _ => 0,
    }
}

/// Addresses, of which many are near each other.
fn some() -> impl Strategy<Value = Vec<IpAddr>> {
    let v4 =
        (prop::sample::select(vec![0x0a00_0000u32, 0xc0a8_0000, 0x0808_0000, 0xac11_0000]), any::<u32>(), 0..24u32)
            .prop_map(|(base, more, keep)| IpAddr::V4((base | more & (0x00ff_ffff >> keep)).into()));
    let v6 = (prop::sample::select(vec![0x2001_0db8u128 << 96, 0xfd00u128 << 112, 0xfe80u128 << 112]), any::<u64>())
        .prop_map(|(base, more)| IpAddr::V6((base | u128::from(more)).into()));
    prop::collection::vec(prop_oneof![v4, v6], 1..30)
}

proptest! {
    #[test]
    fn order_and_common_bits_stay(addresses in some()) {
        let words = settled(&addresses, &[]);
        for one in &addresses {
            prop_assert_eq!(one.is_ipv4(), now(&words, *one).is_ipv4());
            for other in &addresses {
                let (first, second) = (now(&words, *one), now(&words, *other));
                prop_assert_eq!(one.cmp(other), first.cmp(&second));
                prop_assert_eq!(common(*one, *other), common(first, second));
            }
        }
    }
}

#[test]
fn what_has_a_meaning_of_its_own_keeps_it() {
    for plain in ["0.0.0.0", "127.0.0.1", "127.0.0.53", "255.255.255.255", "224.0.0.251", "::", "::1", "ff02::1"] {
        let words = settled(&[addr(plain)], &[]);
        assert_eq!(now(&words, addr(plain)), addr(plain));
    }
    for (own, net) in [
        ("10.42.0.2", "10.0.0.0/8"),
        ("172.17.0.1", "172.16.0.0/12"),
        ("192.168.66.100", "192.168.0.0/16"),
        ("169.254.169.254", "169.254.0.0/16"),
        ("100.64.3.4", "100.64.0.0/10"),
        ("fe80::42:acff:fe11:2", "fe80::/64"),
        ("fd12:3456::1", "fd00::/8"),
        ("2a01:4f8:1::1", "2000::/3"),
    ] {
        let words = settled(&[addr(own)], &[]);
        let now = now(&words, addr(own));
        assert!(now != addr(own) && net.parse::<IpNet>().expect("a net").contains(&now), "{own}: {now}");
    }
    let public = now(&settled(&[addr("93.184.216.34")], &[]), addr("93.184.216.34"));
    let private = |net: &str| net.parse::<IpNet>().expect("a net").contains(&public);
    assert!(!["10.0.0.0/8", "127.0.0.0/8", "224.0.0.0/3", "192.168.0.0/16"].into_iter().any(private), "{public}");
}

#[test]
fn an_address_of_ipv4_within_ipv6_is_the_one_that_it_is_elsewhere() {
    let words = settled(&[addr("10.1.2.3"), addr("::ffff:10.1.2.3")], &[]);
    let IpAddr::V4(v4) = now(&words, addr("10.1.2.3")) else { panic!("IPv4 stays IPv4") };
    assert_eq!(now(&words, addr("::ffff:10.1.2.3")), IpAddr::V6(v4.to_ipv6_mapped()));
}

#[test]
fn prefixes_hold_what_they_held() {
    let (inside, outside) = (addr("10.42.7.9"), addr("10.43.7.9"));
    let words = settled(&[inside, outside], &["10.42.0.0/16", "10.42.7.0/24"]);
    for net in ["10.42.0.0/16", "10.42.7.0/24"] {
        let mut net: IpNet = net.parse().expect("a prefix");
        let length = net.prefix_len();
        let mut replacing =
            Words { stage: Stage::Replace, ..settled(&[inside, outside], &["10.42.0.0/16", "10.42.7.0/24"]) };
        replacing.net(&mut net);
        assert_eq!((net.prefix_len(), net.addr()), (length, net.network()));
        assert!(net.contains(&now(&words, inside)) && !net.contains(&now(&words, outside)));
    }
}

#[test]
fn ranges_beside_each_other_stay_so() {
    let ends = ["10.0.0.0", "10.0.3.99", "10.0.3.100", "10.0.9.7"].map(addr);
    let mut words = Words::default();
    let ranges = |words: &mut Words| {
        let [mut a, mut b, mut c, mut d] = ends;
        words.range(&mut a, &mut b);
        words.range(&mut c, &mut d);
        [a, b, c, d]
    };
    ranges(&mut words);
    words.enter(Stage::Replace);
    let [a, b, c, d] = ranges(&mut words);
    assert!(a < b && c < d, "{a} {b} {c} {d}");
    let number = |address| if let IpAddr::V4(v4) = address { u32::from(v4) } else { 0 };
    assert_eq!(number(b) + 1, number(c), "{b} {c}");
}

#[test]
fn patterns_of_devices_fit_what_they_fitted() {
    let mut words = Words::default();
    let names = ["cali123", "cali9", "calico", "eth0", "veth+", "lo"];
    let all = |words: &mut Words| {
        let mut beginnings = [Name::from("cali"), Name::from("cali1")];
        beginnings.iter_mut().for_each(|name| places::pattern(words, name, true));
        let mut now = names.map(Name::from);
        now.iter_mut().for_each(|name| places::pattern(words, name, false));
        (beginnings, now)
    };
    words.labels.note_link("eth0", &LinkKind::Plain);
    all(&mut words);
    words.enter(Stage::Replace);
    let ([long, short], now) = all(&mut words);
    for (old, new) in names.iter().zip(&now) {
        assert_eq!(old.starts_with("cali"), new.starts_with(&*long), "{old} {new} {long}");
        assert_eq!(old.starts_with("cali1"), new.starts_with(&*short), "{old} {new} {short}");
        assert!(new.len() <= 15, "{new}");
        assert_eq!(**old == **new, *old == "lo", "{old}");
    }
    assert_eq!(&*now[3], "eth1", "devices are called by their kind");
}

#[test]
fn equal_names_of_a_kind_stay_equal_and_new_ones_are_no_old_ones() {
    let mut words = Words::default();
    let old = ["web", "chain1", "web", "PREROUTING", "input"];
    let all = |words: &mut Words| {
        let mut now = old.map(Name::from);
        now.iter_mut().for_each(|name| words.label(Kind::Chain, name));
        now
    };
    all(&mut words);
    words.enter(Stage::Replace);
    let now = all(&mut words);
    assert_eq!(now[0], now[2]);
    assert_ne!(now[0], now[1]);
    assert!(now[..3].iter().all(|name| !old.contains(&&**name)), "{now:?}");
    assert_eq!((&*now[3], &*now[4]), ("PREROUTING", "input"));
}

#[test]
fn what_processes_are_told_of_is_left_out() {
    let programs = [(7, crate::host::Program { command: "backup --password 1".to_owned(), ..Default::default() })];
    let ns = crate::host::Namespace { programs: programs.into(), ..Default::default() };
    let (host, _) = redacted(&Host { namespaces: vec![ns], ..Host::default() }, &[]);
    assert!(host.namespaces[0].programs.is_empty());
}
