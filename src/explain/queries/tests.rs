//! Which packets are asked for, and from which places.

use super::queries as asked_from;
use crate::explain::finding::{From, Target};
use crate::explain::fixture::{addr, default_route, node, tcp};
use crate::explain::{places, words};
use crate::host::{Host, IpFamily, Unread, What};
use crate::walk::{Field, Origin, Query};

fn queries(host: &Host, namespace: usize, target: &Target, from: &From, family: IpFamily) -> Vec<Query> {
    asked_from(&host.namespaces[namespace], namespace, target, from, family)
}

#[test]
fn queries_take_the_defaults_of_trace() {
    let mut host = node();
    let origins = |host: &Host, from: From, family| -> Vec<(Origin, Option<String>)> {
        queries(host, 0, &tcp(80, None), &from, family)
            .into_iter()
            .map(|query| (query.origin.clone(), query.known_address(Field::Dst).map(|dst| dst.to_string())))
            .collect()
    };
    let by = |device: &str, dst: &str| (Origin::Device(device.to_owned()), Some(dst.to_owned()));
    assert_eq!(origins(&host, From::Somewhere, IpFamily::V4), [by("eth0", "192.168.66.100")]);
    // No default route in IPv6: the first device that is up and has an address.
    assert_eq!(origins(&host, From::Somewhere, IpFamily::V6), [by("eth0", "fe80::2")]);
    assert_eq!(origins(&host, From::Bridge("cni0".to_owned()), IpFamily::V4), [by("cni0", "10.42.0.1")]);
    assert_eq!(origins(&host, From::Bridge("cni0".to_owned()), IpFamily::V6), []);
    assert_eq!(origins(&host, From::Local(addr("::1")), IpFamily::V6), [(Origin::Local, Some("::1".to_owned()))]);
    assert_eq!(origins(&host, From::Local(addr("::1")), IpFamily::V4), []);

    host.namespaces[0].routes.push(default_route(3, 50));
    let both = [by("cni0", "10.42.0.1"), by("eth0", "192.168.66.100")];
    assert_eq!(origins(&host, From::Somewhere, IpFamily::V4), both);

    let away = Target { addr: Some(addr("fe80::9")), ..tcp(80, None) };
    assert!(queries(&host, 0, &away, &From::Outside("eth0".to_owned()), IpFamily::V4).is_empty());
}

#[test]
fn a_bare_dump_is_asked_at_some_address_of_its_own() {
    let mut host = Host { namespaces: vec![Default::default()], ..Host::default() };
    host.namespaces[0].unread = [What::Links, What::Addresses, What::Routes, What::Sockets]
        .map(|what| Unread { what, needs: String::new(), torn: false })
        .to_vec();
    let asked = queries(&host, 0, &tcp(8080, None), &From::Somewhere, IpFamily::V4);
    let [query] = &asked[..] else { panic!("one query: {asked:?}") };
    assert_eq!((&query.origin, query.dst_is_local, query.known(Field::Dport)), (&Origin::Somewhere, true, Some(8080)));
    assert_eq!(query.known(Field::Dst), None);

    let target = Target { addr: Some(addr("10.0.0.5")), ..tcp(8080, None) };
    let asked = queries(&host, 0, &target, &From::Outside("docker0".to_owned()), IpFamily::V4);
    assert_eq!(asked[0].known_address(Field::Dst), target.addr);
    assert!(!asked[0].dst_is_local);

    let places: Vec<From> = places::places(&host, 0, &tcp(8080, None)).into_iter().map(|(from, _)| from).collect();
    assert_eq!(places, [From::Somewhere, From::Local(addr("0.0.0.0")), From::Local(addr("127.0.0.1"))]);
}

#[test]
fn places_are_those_that_can_ask_the_socket() {
    let mut host = node();
    let places = |host: &Host, target: &Target| -> Vec<String> {
        places::places(host, 0, target)
            .into_iter()
            .map(|(from, family)| format!("{family:?} {}", words::from(&from)))
            .collect()
    };
    let v4 = ["V4 outside by eth0", "V4 own address 192.168.66.100", "V4 localhost", "V4 container bridge cni0"];
    assert_eq!(places(&host, &tcp(80, Some(0))), v4);
    let v6 = ["V6 outside by eth0", "V6 own address fe80::2", "V6 localhost"];
    assert_eq!(places(&host, &tcp(80, Some(2))), v6);
    host.namespaces[0].sockets[2].v6only = Some(false);
    assert_eq!(places(&host, &tcp(80, Some(2))), [&v4[..], &v6].concat());
    let only = Target { addr: Some(addr("127.0.0.1")), ..tcp(80, None) };
    assert_eq!(places(&host, &only), ["V4 localhost"]);
    let pods = Target { addr: Some(addr("10.42.0.1")), ..tcp(80, None) };
    assert_eq!(places(&host, &pods), ["V4 outside by eth0", "V4 own address 10.42.0.1", "V4 container bridge cni0"]);
}
