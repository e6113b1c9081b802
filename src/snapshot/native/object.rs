//! Stateful objects and flowtables of a native table as lines, the printer's form and the reader's side by side.

use std::net::IpAddr;

use super::expression::{FAMILIES, limit, limit_text, synproxy, synproxy_text, value_of};
use super::tally;
use super::words::{Cursor, Word, devices, devices_text, hex, name, quoted, value};
use crate::host::nft::{
    CtExpectation, CtHelper, CtTimeout, Flowtable, Geneve, Object, ObjectBody, ObjectKind, Tunnel, TunnelOptions,
};
use crate::host::{Family, Handle, Hook, Name, Priority, Protocol, Tally};

/// `object NAME handle=5 packets=1 bytes=60 = counter`.
pub(super) fn text(object: &Object, counted: Option<&Tally>) -> String {
    let Object { name: own, handle, comment, body } = object;
    let handle = handle.map_or(String::new(), |Handle(handle)| format!(" handle={handle}"));
    let comment = comment.as_ref().map_or(String::new(), |comment| format!(" comment={}", quoted(comment)));
    format!("object {}{handle}{comment}{} = {}", name(own), tally::text(counted), body_text(body))
}

/// Reads what [`text`] writes, after its first word.
pub(super) fn object(words: &[Word]) -> Option<(Object, Option<Tally>)> {
    let (own, words) = words.split_first()?;
    let at = words.iter().position(|word| word.text == "=" && !word.quoted)?;
    let told = &words[..at];
    let known = |word: &Word| word.text.starts_with("handle=") || word.text.starts_with("comment=");
    let counted = tally::parse(told, known)?;
    let mut cursor = Cursor::new(&words[at + 1..]);
    let body = body(&mut cursor).filter(|_| cursor.is_empty())?;
    let object = Object {
        name: own.text.as_str().into(),
        handle: handle(told)?,
        comment: value(told, "comment").map(Name::from),
        body,
    };
    Some((object, counted))
}

/// `handle=5`; the outer `None`: it cannot be read.
pub(super) fn handle(words: &[Word]) -> Option<Option<Handle>> {
    value(words, "handle").map_or(Some(None), |handle| handle.parse().ok().map(|handle| Some(Handle(handle))))
}

fn body_text(body: &ObjectBody) -> String {
    match body {
        ObjectBody::Counter => "counter".to_owned(),
        ObjectBody::Quota { bytes, over } => format!("quota {bytes}{}", if *over { " over" } else { "" }),
        ObjectBody::CtHelper(CtHelper { helper, family, protocol }) => {
            format!("ct-helper {} {family} {}", name(helper), protocol.0)
        }
        ObjectBody::Limit(limit) => limit_text(limit),
        ObjectBody::Tunnel(tunnel) => tunnel_text(tunnel),
        ObjectBody::CtTimeout(CtTimeout { family, protocol, seconds }) => {
            let each: String = seconds.iter().map(|(state, seconds)| format!(" {state} {seconds}")).collect();
            format!("ct-timeout {family} {}{each}", protocol.0)
        }
        ObjectBody::Secmark { context } => format!("secmark {}", name(context)),
        ObjectBody::CtExpectation(CtExpectation { family, protocol, dport, timeout, size }) => {
            format!("ct-expectation {family} {} {dport} {timeout} {size}", protocol.0)
        }
        ObjectBody::Synproxy(synproxy) => synproxy_text(synproxy),
        ObjectBody::Undecoded(kind, data) => format!("undecoded {} {}", kind.0, hex(data)),
    }
}

fn family(cursor: &mut Cursor) -> Option<Family> {
    value_of(FAMILIES, cursor.text()?)
}

fn body(cursor: &mut Cursor) -> Option<ObjectBody> {
    Some(match cursor.text()? {
        "counter" => ObjectBody::Counter,
        "quota" => ObjectBody::Quota { bytes: cursor.number()?, over: cursor.skip("over") },
        "ct-helper" => {
            let (helper, family) = (cursor.name()?, family(cursor)?);
            ObjectBody::CtHelper(CtHelper { helper, family, protocol: Protocol(cursor.number()?) })
        }
        "limit" => ObjectBody::Limit(limit(cursor)?),
        "tunnel" => ObjectBody::Tunnel(Box::new(tunnel(cursor)?)),
        "ct-timeout" => {
            let (family, protocol) = (family(cursor)?, Protocol(cursor.number()?));
            let mut seconds = Vec::new();
            while !cursor.is_empty() {
                seconds.push((cursor.number()?, cursor.number()?));
            }
            ObjectBody::CtTimeout(CtTimeout { family, protocol, seconds: seconds.into() })
        }
        "secmark" => ObjectBody::Secmark { context: cursor.name()? },
        "ct-expectation" => ObjectBody::CtExpectation(CtExpectation {
            family: family(cursor)?,
            protocol: Protocol(cursor.number()?),
            dport: cursor.number()?,
            timeout: cursor.number()?,
            size: cursor.number()?,
        }),
        "synproxy" => ObjectBody::Synproxy(synproxy(cursor)?),
        "undecoded" => ObjectBody::Undecoded(ObjectKind(cursor.number()?), cursor.bytes()?),
        _ => return None,
    })
}

fn tunnel_text(tunnel: &Tunnel) -> String {
    let Tunnel { id, addresses, flow_label, flags, tos, ttl, sport, dport, options } = tunnel;
    let addresses = addresses.map_or(String::new(), |(from, to)| format!(" from {from} to {to}"));
    let options = match options {
        TunnelOptions::None => String::new(),
        TunnelOptions::Vxlan { gbp } => format!(" vxlan {gbp}"),
        TunnelOptions::Erspan1 { index } => format!(" erspan1 {index}"),
        TunnelOptions::Erspan2 { hardware, direction } => format!(" erspan2 {hardware} {direction}"),
        TunnelOptions::Geneve(options) => {
            let each = options.iter().map(|Geneve { class, kind, data }| format!(" {class} {kind} {}", hex(data)));
            format!(" geneve{}", each.collect::<String>())
        }
    };
    format!(
        "tunnel {id}{addresses} label {flow_label} flags {flags} tos {tos} ttl {ttl} ports {sport} {dport}{options}"
    )
}

fn tunnel(cursor: &mut Cursor) -> Option<Tunnel> {
    let id = cursor.number()?;
    let addresses: Option<(IpAddr, IpAddr)> = match cursor.skip("from") {
        true => {
            let from = cursor.number()?;
            Some((from, cursor.skip("to").then(|| cursor.number())??))
        }
        false => None,
    };
    let flow_label = cursor.skip("label").then(|| cursor.number())??;
    let flags = cursor.skip("flags").then(|| cursor.number())??;
    let tos = cursor.skip("tos").then(|| cursor.number())??;
    let ttl = cursor.skip("ttl").then(|| cursor.number())??;
    let (sport, dport) = cursor.skip("ports").then(|| Some((cursor.number()?, cursor.number()?)))??;
    let options = match cursor.text() {
        None => TunnelOptions::None,
        Some("vxlan") => TunnelOptions::Vxlan { gbp: cursor.number()? },
        Some("erspan1") => TunnelOptions::Erspan1 { index: cursor.number()? },
        Some("erspan2") => TunnelOptions::Erspan2 { hardware: cursor.number()?, direction: cursor.number()? },
        Some("geneve") => {
            let mut options = Vec::new();
            while !cursor.is_empty() {
                options.push(Geneve { class: cursor.number()?, kind: cursor.number()?, data: cursor.bytes()? });
            }
            TunnelOptions::Geneve(options.into())
        }
        Some(_) => return None,
    };
    Some(Tunnel { id, addresses, flow_label, flags, tos, ttl, sport, dport, options })
}

/// `flowtable NAME handle=5 hook=ingress priority=0 flags=1 device=eth0`.
pub(super) fn flowtable_text(flowtable: &Flowtable) -> String {
    let Flowtable { name: own, handle, hook, priority, devices, flags } = flowtable;
    let handle = handle.map_or(String::new(), |Handle(handle)| format!(" handle={handle}"));
    let devices = devices_text(devices);
    format!("flowtable {}{handle} hook={hook} priority={priority} flags={flags}{devices}", name(own))
}

/// Reads what [`flowtable_text`] writes, after its first word.
pub(super) fn flowtable(words: &[Word]) -> Option<Flowtable> {
    let (own, words) = words.split_first()?;
    let keys = ["handle=", "hook=", "priority=", "flags=", "device=", "devices="];
    words.iter().all(|word| keys.iter().any(|key| word.text.starts_with(key))).then_some(())?;
    Some(Flowtable {
        name: own.text.as_str().into(),
        handle: handle(words)?,
        hook: Hook::from_name(value(words, "hook")?)?,
        priority: Priority(value(words, "priority")?.parse().ok()?),
        devices: devices(words),
        flags: value(words, "flags")?.parse().ok()?,
    })
}
