//! What is replaced of ipset's sets.

use std::net::IpAddr;

use super::labels::Kind;
use super::{Stage, Words};
use crate::host::ipset::{Element, Extras, Interface, IpSet, Key, Part, SetOptions, SetRange, SetType};
use crate::host::names::Name;

pub(super) fn set(words: &mut Words, set: &mut IpSet) {
    let IpSet { name, kind, options, elements, untold } = set;
    words.label(Kind::Set, name);
    if let SetType::Other(kind) = kind {
        words.label(Kind::Word, kind);
    }
    let SetOptions { range, .. } = options;
    if let Some(SetRange::Addresses(first, last)) = range {
        let (mut low, mut high) = (IpAddr::V4(*first), IpAddr::V4(*last));
        words.range(&mut low, &mut high);
        if let (IpAddr::V4(low), IpAddr::V4(high)) = (low, high) {
            (*first, *last) = (low, high);
        }
    }
    for Element { key, extras } in elements {
        self::key(words, key);
        if let Some(Extras { nomatch: _, comment: Some(comment), mark: _, priority: _, queue: _ }) =
            extras.as_deref_mut()
        {
            boxed(words, Kind::Comment, comment);
        }
    }
    untold.iter_mut().for_each(|text| words.label(Kind::Word, text));
}

/// A text that nobody shares.
fn boxed(words: &mut Words, kind: Kind, text: &mut Box<str>) {
    let mut name = Name::from(&**text);
    words.label(kind, &mut name);
    if words.stage == Stage::Replace {
        *text = Box::from(&*name);
    }
}

fn key(words: &mut Words, key: &mut Key) {
    match key {
        Key::Net(net) | Key::NetPort(net, _) | Key::NetMark(net, _) => words.net(net),
        Key::NetMac(both) => {
            words.net(&mut both.0);
            words.mac(&mut both.1);
        }
        Key::Port(_) => {}
        Key::Mac(mac) => words.mac(mac),
        Key::NetNet(both) => {
            words.net(&mut both.0);
            words.net(&mut both.1);
        }
        Key::NetPortNet(all) => {
            words.net(&mut all.0);
            words.net(&mut all.2);
        }
        Key::NetIface(both) => {
            words.net(&mut both.0);
            interface(words, &mut both.1);
        }
        Key::Set(name) => words.label(Kind::Set, name),
        Key::Ranges(parts) => parts.iter_mut().for_each(|part| self::part(words, part)),
        Key::Other(text) => boxed(words, Kind::Word, text),
    }
}

fn interface(words: &mut Words, interface: &mut Interface) {
    let Interface { name, physdev: _, wildcard } = interface;
    super::places::pattern(words, name, *wildcard);
}

fn part(words: &mut Words, part: &mut Part) {
    match part {
        Part::Net(net) => words.net(net),
        Part::Addresses(first, last) => words.range(first, last),
        Part::Ports(..) | Part::Mark(_) => {}
        Part::Mac(mac) => words.mac(mac),
        Part::Interface(interface) => self::interface(words, interface),
    }
}
