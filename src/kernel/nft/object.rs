//! Stateful objects and flowtables: attributes → [`Object`], [`Flowtable`].
//!
//! `NFTA_OBJ_*` and `NFTA_FLOWTABLE_*` in include/uapi/linux/netfilter/nf_tables.h. An object that is not known, lacks what it
//! needs, or has an attribute that is not known here, is kept as it came.

use std::net::IpAddr;

use super::super::netlink::{Attributes, be, text};
use super::chain;
use super::expression::{stateful, synproxy};
use crate::host::nft::{
    CtExpectation, CtHelper, CtTimeout, Flowtable, Geneve, Object, ObjectBody, ObjectKind, Tunnel, TunnelOptions,
    address,
};
use crate::host::{Family, Handle, Hook, Names, Priority, Protocol, Tally};

/// Attributes of an object's data.
struct Data<'a>(Attributes<'a>);

impl<'a> Data<'a> {
    fn get(&self, kind: u16) -> Option<&'a [u8]> {
        self.0.get(kind)
    }

    fn number<N: TryFrom<u64>>(&self, kind: u16) -> Option<N> {
        self.get(kind).and_then(be).and_then(|number| N::try_from(number).ok())
    }

    fn only(&self, last: u16) -> Option<()> {
        self.0.clone().all(|(kind, _)| (1..=last).contains(&kind)).then_some(())
    }

    fn family(&self, kind: u16) -> Option<Family> {
        super::family(self.number(kind)?)
    }
}

/// An object, and what it has come to.
pub(super) fn object(attributes: &Attributes<'_>, names: &mut Names) -> Option<(Object, Option<Tally>)> {
    let number = |kind: u16| attributes.get(kind).and_then(be);
    let kind = ObjectKind(number(3)? as u32);
    let bytes = attributes.get(4).unwrap_or_default();
    let mut tally = None;
    let known = attributes.clone().all(|(kind, _)| (1..=8).contains(&kind));
    let body = known.then(|| body(kind, &Data(Attributes(bytes)), names, &mut tally)).flatten();
    let object = Object {
        name: names.intern(&text(attributes.get(2)?)),
        handle: number(6).map(Handle),
        comment: attributes.get(8).and_then(|user| chain::comment(user, names)),
        body: body.unwrap_or_else(|| ObjectBody::Undecoded(kind, bytes.into())),
    };
    Some((object, tally))
}

fn body(kind: ObjectKind, data: &Data<'_>, names: &mut Names, tally: &mut Option<Tally>) -> Option<ObjectBody> {
    Some(match kind {
        ObjectKind::COUNTER => {
            data.only(3)?;
            *tally = stateful::counters(&data.0).map(Tally::Counter);
            ObjectBody::Counter
        }
        ObjectKind::QUOTA => {
            let (bytes, over, consumed) = stateful::quota(&data.0)?;
            *tally = consumed.map(Tally::Consumed);
            ObjectBody::Quota { bytes, over }
        }
        ObjectKind::LIMIT => ObjectBody::Limit(stateful::limit(&data.0)?),
        ObjectKind::CT_HELPER => {
            data.only(3)?;
            let (family, protocol) = (data.family(2)?, Protocol(data.number(3)?));
            ObjectBody::CtHelper(CtHelper { helper: names.intern(&text(data.get(1)?)), family, protocol })
        }
        ObjectKind::CT_TIMEOUT => {
            data.only(3)?;
            let seconds = Attributes(data.get(3)?).map(|(state, value)| Some((state, be(value)?.try_into().ok()?)));
            let seconds = seconds.collect::<Option<_>>()?;
            ObjectBody::CtTimeout(CtTimeout { family: data.family(1)?, protocol: Protocol(data.number(2)?), seconds })
        }
        ObjectKind::CT_EXPECTATION => {
            data.only(5)?;
            ObjectBody::CtExpectation(CtExpectation {
                family: data.family(1)?,
                protocol: Protocol(data.number(2)?),
                dport: data.number(3)?,
                // The one number that is in the machine's order (`nft_ct_expect_obj_dump`).
                timeout: data.get(4)?.try_into().ok().map(u32::from_ne_bytes)?,
                size: data.number(5)?,
            })
        }
        ObjectKind::SECMARK => {
            data.only(1)?;
            ObjectBody::Secmark { context: names.intern(&text(data.get(1)?)) }
        }
        ObjectKind::SYNPROXY => {
            data.only(3)?;
            ObjectBody::Synproxy(synproxy(&data.0)?)
        }
        ObjectKind::TUNNEL => ObjectBody::Tunnel(Box::new(tunnel(data)?)),
        _ => return None,
    })
}

/// `nft_tunnel_obj_dump`.
fn tunnel(data: &Data<'_>) -> Option<Tunnel> {
    data.only(9)?;
    let ends = |kind: u16, last: u16| -> Option<Option<(IpAddr, IpAddr)>> {
        let Some(nested) = data.get(kind) else { return Some(None) };
        let ends = Data(Attributes(nested));
        ends.only(last)?;
        Some(Some((address(ends.get(1)?)?, address(ends.get(2)?)?)))
    };
    let flow_label = data.get(3).and_then(|nested| Attributes(nested).get(3)).and_then(be).unwrap_or(0);
    Some(Tunnel {
        id: data.number(1)?,
        addresses: match (ends(2, 2)?, ends(3, 3)?) {
            (Some(_), Some(_)) => return None,
            (v4, v6) => v4.or(v6),
        },
        flow_label: flow_label.try_into().ok()?,
        flags: data.number(4).unwrap_or(0),
        tos: data.number(5).unwrap_or(0),
        ttl: data.number(6).unwrap_or(0),
        sport: data.number(7).unwrap_or(0),
        dport: data.number(8).unwrap_or(0),
        options: match data.get(9) {
            Some(options) => tunnel_options(options)?,
            None => TunnelOptions::None,
        },
    })
}

fn tunnel_options(nested: &[u8]) -> Option<TunnelOptions> {
    let mut kinds = Attributes(nested);
    let Some((kind, options)) = kinds.next() else { return Some(TunnelOptions::None) };
    kinds.next().is_none().then_some(())?;
    let data = Data(Attributes(options));
    Some(match kind {
        1 => {
            data.only(1)?;
            TunnelOptions::Vxlan { gbp: data.number(1)? }
        }
        2 => {
            data.only(4)?;
            match data.number::<u32>(1)? {
                1 => TunnelOptions::Erspan1 { index: data.number(2)? },
                2 => TunnelOptions::Erspan2 { hardware: data.number(3)?, direction: data.number(4)? },
                _ => return None,
            }
        }
        3 => TunnelOptions::Geneve(geneve(data.0)?),
        _ => return None,
    })
}

/// Class, type and data of one option after the other, without anything around them.
fn geneve(mut parts: Attributes<'_>) -> Option<Box<[Geneve]>> {
    let mut found = Vec::new();
    while let Some(first) = parts.next() {
        let (Some((2, kind)), Some((3, data))) = (parts.next(), parts.next()) else { return None };
        let class = Some(first).filter(|(number, _)| *number == 1).and_then(|(_, class)| be(class))?;
        let (class, kind) = (class.try_into().ok()?, be(kind)?.try_into().ok()?);
        found.push(Geneve { class, kind, data: data.into() });
    }
    Some(found.into())
}

/// A flowtable; what has no place in the model is added to `untold`.
pub(super) fn flowtable(
    family: Family,
    attributes: &Attributes<'_>,
    names: &mut Names,
    untold: &mut Vec<String>,
) -> Option<Flowtable> {
    let name = text(attributes.get(2)?);
    let hook = Data(Attributes(attributes.get(3).unwrap_or_default()));
    if attributes.clone().any(|(kind, _)| !(1..=7).contains(&kind)) || hook.only(3).is_none() {
        untold.push(format!("properties of flowtable {name}"));
    }
    let at = match (family, hook.number::<u32>(1).unwrap_or(0)) {
        (Family::Netdev, 1) => Hook::Egress,
        _ => Hook::Ingress,
    };
    Some(Flowtable {
        name: names.intern(&name),
        handle: attributes.get(5).and_then(be).map(Handle),
        hook: at,
        priority: Priority(hook.number::<u32>(2).unwrap_or(0) as i32),
        devices: chain::devices(None, hook.get(3), names),
        flags: attributes.get(7).and_then(be).unwrap_or(0) as u32,
    })
}
