//! The order of base chains of equal priority, from the kernel's list of its hooks (`NFNL_SUBSYS_HOOK`, since Linux 5.14).
//!
//! The list of a hook is in the order in which the kernel runs what is registered there (`nfnl_hook_dump` in
//! net/netfilter/nfnetlink_hook.c). A chain of nf_tables is listed with its name; a legacy table by its function. Chains
//! of type nat are not in it: they hang within the dispatcher of nf_nat, and stay where the listing puts them. Knows
//! nothing of what chains do. Asks only where chains hang.

use std::collections::{BTreeMap, HashMap, VecDeque};

use netlink_sys::protocols::NETLINK_NETFILTER;

use super::netlink::{Answers, Attributes, Channel, Dumped, Failure, be, push_attribute, text};
use super::nft;
use crate::host::{Backend, ChainId, Family, Hook, Link, Place, Priority, Registration, Ruleset};

/// `NFNL_SUBSYS_HOOK` and `NFNL_MSG_HOOK_GET`.
const GET_HOOKS: u16 = 12 << 8;
/// `struct nfgenmsg`.
const GENERIC: usize = 4;
/// How often a list is asked for that changes meanwhile.
const TRIES: usize = 3;

/// `NFPROTO_*`, as far as hooks are listed by them: chains of inet tables hang at those of the others.
const IPV4: u8 = 2;
const ARP: u8 = 3;
const NETDEV: u8 = 5;
const BRIDGE: u8 = 7;
const IPV6: u8 = 10;

/// A list of the kernel's: family, number of the hook, device.
type Point = (u8, u32, Option<String>);

/// What stands in a list.
struct Entry {
    priority: Priority,
    function: Option<String>,
    /// Family, table and name of a chain. The first kernels that list hooks do not say the family.
    chain: Option<(Option<Family>, String, String)>,
}

/// Puts into a ruleset what the kernel tells of the order of its base chains; whether it tells anything.
///
/// # Errors
/// [`Failure::Forbidden`] without `CAP_NET_ADMIN`, and whatever else keeps the kernel from answering; the ruleset is as it
/// was.
pub(super) fn rank(answers: &Answers, links: &[Link], ruleset: &mut Ruleset) -> Result<bool, Failure> {
    let points = points(ruleset, links);
    if points.is_empty() {
        return Ok(false);
    }
    let mut channel = answers.open(NETLINK_NETFILTER)?;
    let known = Known::of(ruleset);
    let mut tells = false;
    let mut told = BTreeMap::<(Hook, Priority), Vec<Vec<ChainId>>>::new();
    for (point, hook) in points {
        let Some(entries) = list(&mut channel, &point)? else { continue };
        tells |= !entries.is_empty();
        let mut here = BTreeMap::<Priority, Vec<ChainId>>::new();
        for entry in &entries {
            if let Some(chain) = known.find(entry, point.0, hook) {
                here.entry(entry.priority).or_default().push(chain);
            }
        }
        for (priority, chains) in here {
            told.entry((hook, priority)).or_default().push(chains);
        }
    }
    for order in told.values().filter_map(|lists| merge(lists)) {
        put(ruleset, &order);
    }
    Ok(tells)
}

/// Where the ruleset has chains.
fn points(ruleset: &Ruleset, links: &[Link]) -> BTreeMap<Point, Hook> {
    let mut points = BTreeMap::new();
    for (id, chain) in ruleset.chains() {
        let Some(base) = chain.base.as_ref().filter(|base| is_registered(base.registration)) else { continue };
        let family = ruleset.table(id).family;
        if matches!(base.hook, Hook::Ingress | Hook::Egress) {
            let number = u32::from(base.hook == Hook::Egress);
            let named = |link: &&Link| {
                chain.details.devices.iter().any(|device| match device.prefix {
                    true => link.name.starts_with(&*device.name),
                    false => *link.name == *device.name,
                })
            };
            points
                .extend(links.iter().filter(named).map(|link| ((NETDEV, number, Some(link.name.clone())), base.hook)));
            continue;
        }
        let lists: &[u8] = match family {
            Family::Ip => &[IPV4],
            Family::Ip6 => &[IPV6],
            Family::Inet => &[IPV4, IPV6],
            Family::Arp => &[ARP],
            Family::Bridge => &[BRIDGE],
            Family::Netdev => &[],
        };
        points.extend(lists.iter().map(|list| ((*list, number(*list, base.hook), None), base.hook)));
    }
    points
}

fn is_registered(registration: Registration) -> bool {
    matches!(registration, Registration::Registered(_))
}

/// The number of a hook: `NF_INET_*` and `NF_BR_*`, or `NF_ARP_*`.
fn number(family: u8, hook: Hook) -> u32 {
    match (family, hook) {
        (ARP, Hook::Output) => 1,
        (ARP, Hook::Forward) => 2,
        (ARP, _) => 0,
        (_, Hook::Input) => 1,
        (_, Hook::Forward) => 2,
        (_, Hook::Output) => 3,
        (_, Hook::Postrouting) => 4,
        (_, Hook::Prerouting | Hook::Ingress | Hook::Egress) => 0,
    }
}

/// One list, in its order; `None` where the kernel does not have it, or where it changed whenever it was read.
fn list(channel: &mut Channel, (family, hook, device): &Point) -> Result<Option<Vec<Entry>>, Failure> {
    let mut request = vec![*family, 0, 0, 0];
    push_attribute(&mut request, 1, &hook.to_be_bytes());
    if let Some(device) = device {
        push_attribute(&mut request, 3, &[device.as_bytes(), &[0]].concat());
    }
    for _ in 0..TRIES {
        let mut entries = Vec::new();
        let dumped = channel.dump(GET_HOOKS, &request, |message| {
            entries.extend(entry(&Attributes(message.body.get(GENERIC..).unwrap_or_default())));
        });
        match dumped {
            Ok(Dumped::Whole) => return Ok(Some(entries)),
            Ok(Dumped::Interrupted) => {}
            // A family that this kernel has no hooks of.
            Err(Failure::Missing) => return Ok(None),
            // A kernel that lists none (`nfnetlink_rcv_msg`), or a device that is gone.
            Err(Failure::Io(error)) if matches!(error.raw_os_error(), Some(libc::EINVAL | libc::ENODEV)) => {
                return Ok(None);
            }
            Err(failure) => return Err(failure),
        }
    }
    Ok(None)
}

fn entry(attributes: &Attributes<'_>) -> Option<Entry> {
    Some(Entry {
        priority: Priority(attributes.get(2).and_then(be)? as u32 as i32),
        function: attributes.get(4).map(|name| text(name).into_owned()),
        chain: attributes.get(6).and_then(|info| chain(&Attributes(info))),
    })
}

/// The chain of nf_tables that `NFNLA_HOOK_CHAIN_INFO` tells of.
fn chain(info: &Attributes<'_>) -> Option<(Option<Family>, String, String)> {
    const NF_TABLES: u64 = 1;
    if info.get(2).and_then(be) != Some(NF_TABLES) {
        return None;
    }
    let told = Attributes(info.get(1)?);
    let family = told.get(2).and_then(|family| nft::family(*family.first()?));
    Some((family, text(told.get(1)?).into_owned(), text(told.get(3)?).into_owned()))
}

/// The base chains of a ruleset, by what lists say of them.
#[derive(Default)]
struct Known {
    nf_tables: HashMap<(Family, String, String), ChainId>,
    legacy: HashMap<(Family, Hook, Priority), (ChainId, String)>,
    /// Where each hangs.
    places: HashMap<ChainId, (Hook, Priority)>,
}

impl Known {
    fn of(ruleset: &Ruleset) -> Known {
        let mut known = Known::default();
        for (id, chain) in ruleset.chains() {
            let Some(base) = chain.base.as_ref().filter(|base| is_registered(base.registration)) else { continue };
            let table = ruleset.table(id);
            known.places.insert(id, (base.hook, base.priority));
            if table.backend == Backend::IptablesLegacy {
                let place = (table.family, base.hook, base.priority);
                known.legacy.insert(place, (id, table.name.to_string()));
            } else {
                known.nf_tables.insert((table.family, table.name.to_string(), chain.name.to_string()), id);
            }
        }
        known
    }

    /// The chain that stands in the list of a family and hook.
    fn find(&self, entry: &Entry, list: u8, hook: Hook) -> Option<ChainId> {
        let found = match &entry.chain {
            Some((family, table, name)) => self.of_nf_tables(*family, list, table, name)?,
            None => self.of_legacy(entry, list, hook)?,
        };
        (self.places.get(&found) == Some(&(hook, entry.priority))).then_some(found)
    }

    fn of_nf_tables(&self, family: Option<Family>, list: u8, table: &str, name: &str) -> Option<ChainId> {
        let of = |family: Family| self.nf_tables.get(&(family, table.to_owned(), name.to_owned())).copied();
        if let Some(family) = family {
            return of(family);
        }
        // Without its family it is one of the list's, or of inet; where both have one of that name, nobody knows.
        match (nft::family(list).and_then(of), of(Family::Inet)) {
            (Some(chain), None) | (None, Some(chain)) => Some(chain),
            (Some(_), Some(_)) | (None, None) => None,
        }
    }

    /// A legacy table by its function: some have one of their own (`iptable_mangle_hook`), all others share one
    /// (`ipt_do_table`), and then the priority tells them apart.
    fn of_legacy(&self, entry: &Entry, list: u8, hook: Hook) -> Option<ChainId> {
        let (family, shared, prefix) = match list {
            IPV4 => (Family::Ip, "ipt_do_table", "iptable_"),
            IPV6 => (Family::Ip6, "ip6t_do_table", "ip6table_"),
            _ => return None,
        };
        let (chain, table) = self.legacy.get(&(family, hook, entry.priority))?;
        // What a compiler makes of a function ends in `.isra.0` and the like.
        let function = entry.function.as_deref()?.split('.').next()?;
        let own = function.strip_prefix(prefix).and_then(|rest| rest.strip_suffix("_hook"));
        (function == shared || own == Some(table.as_str())).then_some(*chain)
    }
}

/// One order in which all lists agree, that of IPv4 and that of IPv6, say, in which chains of inet tables stand both;
/// `None` where there is none: then a chain stands at several devices, and not in the same order at each.
fn merge(lists: &[Vec<ChainId>]) -> Option<Vec<ChainId>> {
    let mut after: HashMap<ChainId, Vec<ChainId>> = HashMap::new();
    let mut waits_for: BTreeMap<ChainId, usize> = BTreeMap::new();
    for list in lists {
        for chain in list {
            waits_for.entry(*chain).or_default();
        }
        for pair in list.windows(2) {
            after.entry(pair[0]).or_default().push(pair[1]);
            *waits_for.entry(pair[1]).or_default() += 1;
        }
    }
    let mut ready: VecDeque<ChainId> = waits_for.iter().filter(|(_, count)| **count == 0).map(|(id, _)| *id).collect();
    let mut order = Vec::with_capacity(waits_for.len());
    while let Some(chain) = ready.pop_front() {
        order.push(chain);
        for next in after.remove(&chain).unwrap_or_default() {
            let count = waits_for.get_mut(&next)?;
            *count -= 1;
            if *count == 0 {
                ready.push_back(next);
            }
        }
    }
    (order.len() == waits_for.len()).then_some(order)
}

/// Gives chains their places; the others of the same hook and priority stay guessed, behind them.
fn put(ruleset: &mut Ruleset, order: &[ChainId]) {
    let place = |base: &crate::host::Base| (base.hook, base.priority);
    let Some(here) = order.first().and_then(|id| ruleset.chain(*id).base.as_ref()).map(place) else { return };
    let ranks: HashMap<ChainId, u32> = order.iter().zip(0..).map(|(id, rank)| (*id, rank)).collect();
    for (t, table) in ruleset.tables.iter_mut().enumerate() {
        for (c, chain) in table.chains.iter_mut().enumerate() {
            let Some(base) = chain.base.as_mut().filter(|base| place(base) == here) else { continue };
            let Registration::Registered(before) = base.registration else { continue };
            let id = ChainId { table: t as u32, chain: c as u32 };
            base.registration = Registration::Registered(match ranks.get(&id) {
                Some(rank) => Place::Known(*rank),
                None => Place::Guessed(before.rank().saturating_add(order.len() as u32)),
            });
        }
    }
}
