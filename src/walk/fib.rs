//! Routing tables, prepared for lookups: which routes cover an address, longest prefix first.
//!
//! It knows prefixes, metrics and dead next hops, as `fib_table_lookup` and `fib6_lookup` do; not policy rules, not packets.

use super::query::number;
use crate::host::{IpFamily, Namespace, QuickMap, Route};

/// Addresses from first to last that the same routes cover.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Covered {
    /// The first address.
    pub(super) first: u128,
    /// The last address.
    pub(super) last: u128,
    /// Indexes of the routes, in the order in which they are tried: more than one only where sources or services decide too.
    pub(super) routes: Box<[u32]>,
}

/// The tables of a namespace.
#[derive(Debug, Default)]
pub(super) struct Tables {
    tables: QuickMap<(u32, IpFamily), Vec<Covered>>,
}

impl Tables {
    /// Prepares every table of a namespace.
    pub(super) fn of(namespace: &Namespace) -> Tables {
        let mut by_table: QuickMap<(u32, IpFamily), Vec<u32>> = QuickMap::default();
        for (index, route) in namespace.routes.iter().enumerate() {
            by_table.entry((route.table, route.family())).or_default().push(index as u32);
        }
        let tables = by_table.into_iter().map(|(key, routes)| (key, covered(&namespace.routes, &routes))).collect();
        Tables { tables }
    }

    /// The ranges of a table, ascending and disjoint; addresses in none of them have no route there.
    pub(super) fn table(&self, table: u32, family: IpFamily) -> &[Covered] {
        self.tables.get(&(table, family)).map_or(&[], Vec::as_slice)
    }
}

/// The range that holds a value.
pub(super) fn find(ranges: &[Covered], value: u128) -> Option<&Covered> {
    let after = ranges.partition_point(|range| range.first <= value);
    after.checked_sub(1).map(|i| &ranges[i]).filter(|range| range.last >= value)
}

/// Whether a route can be taken at all: one of its next hops lives.
fn is_usable(route: &Route) -> bool {
    route.next_hops.is_empty() || route.next_hops.iter().any(|hop| !hop.dead)
}

/// The routes to one prefix.
struct Prefix {
    first: u128,
    last: u128,
    routes: Vec<u32>,
}

fn covered(routes: &[Route], indexes: &[u32]) -> Vec<Covered> {
    let mut usable: Vec<(u128, u128, u8, u8, u32, u32)> = indexes
        .iter()
        .map(|index| (*index, &routes[*index as usize]))
        .filter(|(_, route)| is_usable(route))
        .map(|(index, route)| {
            let from = route.from.map_or(0, |from| from.prefix_len());
            (number(route.dst.network()), number(route.dst.broadcast()), from, route.tos, route.metric, index)
        })
        .collect();
    // Outer prefixes before inner ones; to one prefix, the most specific source first, then what is for a service
    // (`fib_insert_alias`), then the lowest metric.
    usable.sort_by_key(|&(first, last, from, tos, metric, index)| {
        (first, u128::MAX - last, u8::MAX - from, u8::MAX - tos, metric, index)
    });
    let mut prefixes: Vec<Prefix> = Vec::new();
    for (first, last, .., index) in usable {
        match prefixes.last_mut() {
            Some(prefix) if prefix.first == first && prefix.last == last => prefix.routes.push(index),
            _ => prefixes.push(Prefix { first, last, routes: vec![index] }),
        }
    }
    let mut sweep = Sweep { routes, around: Vec::new(), ranges: Vec::new(), from: Some(0) };
    for prefix in prefixes {
        sweep.close(Some(prefix.first));
        sweep.emit(prefix.first.checked_sub(1));
        sweep.from = sweep.from.map(|from| from.max(prefix.first));
        sweep.around.push(prefix);
    }
    sweep.close(None);
    sweep.ranges
}

/// Prefixes nest: each inner one cuts its piece out of the one around it.
struct Sweep<'a> {
    routes: &'a [Route],
    around: Vec<Prefix>,
    ranges: Vec<Covered>,
    /// Where the next range begins; `None` beyond the last address.
    from: Option<u128>,
}

impl Sweep<'_> {
    /// Ends the prefixes that end before `until`.
    fn close(&mut self, until: Option<u128>) {
        while let Some(last) = self.around.last().map(|prefix| prefix.last) {
            if until.is_some_and(|until| last >= until) {
                break;
            }
            self.emit(Some(last));
            self.around.pop();
        }
    }

    /// The addresses up to `last` belong to the innermost prefix.
    fn emit(&mut self, last: Option<u128>) {
        let (Some(first), Some(last)) = (self.from, last) else {
            return;
        };
        if self.around.is_empty() || first > last {
            return;
        }
        let mut tried = Vec::new();
        'tried: for prefix in self.around.iter().rev() {
            for index in &prefix.routes {
                tried.push(*index);
                let route = &self.routes[*index as usize];
                if route.tos == 0 && route.from.is_none_or(|from| from.prefix_len() == 0) {
                    break 'tried;
                }
            }
        }
        self.ranges.push(Covered { first, last, routes: tried.into() });
        self.from = last.checked_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::{NextHop, RouteKind, Scope};

    fn route(dst: &str, metric: u32, dead: bool) -> Route {
        Route {
            table: 254,
            kind: RouteKind::Unicast,
            dst: dst.parse().expect("a prefix"),
            from: None,
            tos: 0,
            metric,
            prefsrc: None,
            scope: Scope::Global,
            next_hops: vec![NextHop { gateway: None, link: 1, weight: 1, dead }],
        }
    }

    fn chosen(routes: &[Route], address: &str) -> Option<String> {
        let indexes: Vec<u32> = (0..routes.len() as u32).collect();
        let ranges = covered(routes, &indexes);
        let value = number(address.parse().expect("an address"));
        find(&ranges, value).map(|range| {
            let route = &routes[range.routes[0] as usize];
            format!("{} {}", route.dst, route.metric)
        })
    }

    #[test]
    fn the_longest_prefix_that_lives_wins() {
        let routes = [
            route("0.0.0.0/0", 100, false),
            route("10.0.0.0/8", 0, false),
            route("10.1.0.0/16", 0, true),
            route("10.1.2.0/24", 20, false),
            route("10.1.2.0/24", 10, false),
        ];
        let cases = [
            ("9.9.9.9", "0.0.0.0/0 100"),
            ("10.0.0.1", "10.0.0.0/8 0"),
            ("10.1.0.1", "10.0.0.0/8 0"),
            ("10.1.2.3", "10.1.2.0/24 10"),
            ("10.255.255.255", "10.0.0.0/8 0"),
            ("11.0.0.0", "0.0.0.0/0 100"),
            ("255.255.255.255", "0.0.0.0/0 100"),
        ];
        for (address, expected) in cases {
            assert_eq!(chosen(&routes, address).as_deref(), Some(expected), "{address}");
        }
        assert_eq!(chosen(&routes[1..], "9.9.9.9"), None);
        assert_eq!(chosen(&routes[1..], "0.0.0.0"), None);
    }

    #[test]
    fn ranges_are_ascending_and_apart() {
        let routes = [route("0.0.0.0/0", 0, false), route("10.0.0.0/8", 0, false), route("10.0.0.0/9", 0, false)];
        let ranges = covered(&routes, &[0, 1, 2]);
        assert!(ranges.windows(2).all(|pair| pair[0].last + 1 == pair[1].first), "{ranges:?}");
        assert_eq!((ranges[0].first, ranges[ranges.len() - 1].last), (0, u128::from(u32::MAX)));
    }

    #[test]
    fn a_route_for_some_sources_leaves_the_next_one_to_the_others() {
        let mut special = route("::/0", 0, false);
        special.from = Some("2001:db8::/32".parse().expect("a prefix"));
        let routes = [route("::/0", 1024, false), special];
        let ranges = covered(&routes, &[0, 1]);
        assert_eq!(ranges.len(), 1);
        assert_eq!(*ranges[0].routes, [1, 0]);
    }
}
