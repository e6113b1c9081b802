//! Packets that somebody described: where they can come from, who answers them, and how `trace` is asked the same.
//!
//! A place where no packet of that description comes from (a uid from another host, say) is left out.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::description::{Described, Description, Flaw, Part, ROWS};
use super::finding::{Answer, From, Target};
use super::{back, judge, places, survey};
use crate::host::{Host, IpFamily, Protocol};
use crate::walk::{Origin, Query};

/// Where packets come from, and of which family they are.
pub type Place = (From, IpFamily);

/// Who answers packets to `target` that fit a description, from every place that they can come from; the one that is
/// said stands first.
pub fn described_answers(host: &Host, namespace: usize, target: &Target, description: &Description) -> Vec<Answer> {
    let walks = survey::Walks::through(host, namespace);
    let mut asked: Vec<Query> = Vec::new();
    let mut answers = Vec::new();
    for (_, read) in readings(host, namespace, target, description) {
        let Ok(described) = read else { continue };
        for query in described.queries(host, namespace).unwrap_or_default() {
            // The place that is said may be one that is asked anyway.
            if asked.contains(&query) {
                continue;
            }
            let from = whence(&described.from, &query);
            let walk = walks.walk(&query);
            let replies = back::replies(&query, &walk, |query| walks.walk(query));
            answers.push(Answer { replies, ..judge::judge(host, &described.target, from, walk) });
            asked.push(query);
        }
    }
    answers
}

/// The place that is meant by somebody who looks from `wish` and describes packets to `target`; or all that is wrong with
/// the description of packets from there.
pub fn understood(
    host: &Host,
    namespace: usize,
    target: &Target,
    description: &Description,
    wish: Option<&Place>,
) -> Result<Place, Vec<Flaw>> {
    let mut readings = readings(host, namespace, target, description);
    if description.of(Part::Origin).is_some() {
        let families: Vec<IpFamily> = readings.iter().map(|((_, family), _)| *family).collect();
        // What is said stands first, once for each family.
        let said = families.iter().enumerate().take_while(|(at, family)| !families[..*at].contains(family)).count();
        readings.truncate(said);
    }
    let at = nearest(readings.iter().map(|((from, family), _)| (from, *family)), wish);
    let read = match at {
        Some(at) => readings.swap_remove(at).1,
        None => {
            let ns = &host.namespaces[namespace];
            description.read(ns, target, &From::Somewhere, target.family().unwrap_or(IpFamily::V4))
        }
    };
    let described = read?;
    let no_way = |says| {
        let said = [Part::Dst, Part::Family].into_iter().find(|part| description.of(*part).is_some());
        vec![Flaw { part: said.unwrap_or(Part::Origin), says }]
    };
    let queries = described.queries(host, namespace).map_err(no_way)?;
    let from = queries.first().map_or(described.from.clone(), |query| whence(&described.from, query));
    Ok((from, described.family))
}

/// The place among some that is most like another: the same, else that of the other family, else one of its kind, else the
/// first.
pub fn nearest<'a>(places: impl Iterator<Item = (&'a From, IpFamily)>, wish: Option<&Place>) -> Option<usize> {
    let Some((wished, family)) = wish else { return places.take(1).enumerate().map(|(at, _)| at).next() };
    let is_alike = |from: &From| match (from, wished) {
        (From::Local(_), From::Local(_)) | (From::Outside(_) | From::Somewhere, From::Somewhere) => true,
        (From::Local(_) | From::Outside(_) | From::Somewhere | From::Bridge(_), _) => false,
    };
    let likeness = |(from, other): (&From, IpFamily)| {
        let same = other == *family;
        (from == wished && same, from == wished, is_alike(from) && same, is_alike(from), same)
    };
    let all = places.map(likeness).enumerate();
    all.max_by_key(|(at, likeness)| (*likeness, std::cmp::Reverse(*at))).map(|(at, _)| at)
}

/// Where a packet comes from that was asked for from there: what comes by some device, or by a VRF, comes by one of them.
pub fn whence(from: &From, query: &Query) -> From {
    match (from, &query.origin) {
        (From::Somewhere | From::Outside(_), Origin::Device(device)) => From::Outside(device.clone()),
        (from, _) => from.clone(),
    }
}

/// What a description says of packets from each place that they can come from: the one that it says first, in each family.
/// What packets of the target's protocol do not have is not asked of them.
fn readings(
    host: &Host,
    namespace: usize,
    target: &Target,
    description: &Description,
) -> Vec<(Place, Result<Described, Vec<Flaw>>)> {
    let ns = &host.namespaces[namespace];
    let description = description.of_protocol(target.protocol);
    let elsewhere = description.without(Part::Origin);
    let places = places::places(host, namespace, &asked(host, namespace, target, &elsewhere));
    let mut families: Vec<IpFamily> = places.iter().map(|(_, family)| *family).collect();
    families.dedup();
    if description.of(Part::Origin).is_none() {
        families.clear();
    }
    let said = families.into_iter().map(|family| {
        let read = description.read(ns, target, &From::Somewhere, family);
        let from = read.as_ref().map_or(From::Somewhere, |described| described.from.clone());
        ((from, family), read)
    });
    let others = places.into_iter().map(|(from, family)| {
        let read = elsewhere.read(ns, target, &from, family);
        ((from, family), read)
    });
    said.chain(others).collect()
}

/// The target with the destination and the family that are said, whatever else is wrong with what is said.
fn asked(host: &Host, namespace: usize, target: &Target, description: &Description) -> Target {
    let mut of = Description::default();
    for part in [Part::Dst, Part::Family] {
        description.of(part).iter().for_each(|text| of.say(part, text));
    }
    let read = of.read(&host.namespaces[namespace], target, &From::Somewhere, IpFamily::V4);
    let Ok(described) = read else { return target.clone() };
    let addr = match (described.target.addr, described.family) {
        (None, IpFamily::V4) if of.of(Part::Family).is_some() => Some(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
        (None, IpFamily::V6) if of.of(Part::Family).is_some() => Some(IpAddr::V6(Ipv6Addr::UNSPECIFIED)),
        (addr, _) => addr,
    };
    Target { addr, ..described.target }
}

/// How `trace` is asked for the packets of a description that come from a place: `whyport trace tcp/80 --origin eth0`.
pub fn command(target: &Target, (from, family): &Place, description: &Description) -> Vec<String> {
    let said = description.of(Part::Dst).and_then(|text| text.parse().ok());
    let addr = said.or(target.one_addr()).or(match from {
        From::Local(addr) if !addr.is_loopback() => Some(*addr),
        From::Local(_) | From::Outside(_) | From::Bridge(_) | From::Somewhere => None,
    });
    let mut words = vec!["whyport".to_owned(), "trace".to_owned()];
    words.push(match (addr.filter(|addr| !addr.is_unspecified()), target.port) {
        (Some(addr), Some(port)) => format!("{}/{}", target.protocol, SocketAddr::new(addr, port)),
        (Some(addr @ IpAddr::V6(_)), None) => format!("{}/[{addr}]", target.protocol),
        (Some(addr), None) => format!("{}/{addr}", target.protocol),
        (None, Some(port)) => format!("{}/{port}", target.protocol),
        (None, None) => target.protocol.to_string(),
    });
    let unknown = addr.filter(IpAddr::is_unspecified);
    words.extend(unknown.into_iter().flat_map(|addr| ["--dst".to_owned(), addr.to_string()]));
    match from {
        From::Outside(device) | From::Bridge(device) => words.extend(["--origin".to_owned(), device.clone()]),
        From::Local(_) => words.extend(["--origin".to_owned(), "local".to_owned()]),
        From::Somewhere => {}
    }
    if addr.is_none() && *family == IpFamily::V6 && target.protocol != Protocol::ICMPV6 {
        words.push("-6".to_owned());
    }
    for row in ROWS.iter().filter(|row| !matches!(row.part, Part::Origin | Part::Dst | Part::Family)) {
        let Some(text) = description.of(row.part).filter(|_| row.is_of(target.protocol)) else { continue };
        words.extend(match row.option {
            Some(option) => [option.to_owned(), text.to_owned()],
            None => ["--with".to_owned(), format!("{}={text}", row.name)],
        });
    }
    words
}

/// Words as a shell reads them.
pub fn shell(words: &[String]) -> String {
    let plain =
        |word: &String| !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || "_./:,=-+@%".contains(c));
    let quoted =
        words.iter().map(|word| if plain(word) { word.clone() } else { format!("'{}'", word.replace('\'', "'\\''")) });
    quoted.collect::<Vec<_>>().join(" ")
}
