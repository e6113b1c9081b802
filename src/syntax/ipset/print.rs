//! Sets as ipset 7.17 prints them: the options of each type in its own order (lib/ipset_*.c of ipset).

use std::fmt::Write as _;

use ipnet::IpNet;

use super::words::{is_plain, push_escaped};
use super::{Form, icmp};
use crate::host::ipset::{
    Element, Extras, Interface, IpSet, Key, Part, ProtoPort, Seen, SetOptions, SetRange, SetType,
};
use crate::host::{Counters, IpFamily, Mac, Protocol};
use crate::syntax::Pages;
use crate::syntax::iptables::{push_address, push_formatted as push};
use crate::syntax::pages::ROWS;

/// Adds a set with its elements.
pub(super) fn add_set<'a>(pages: &mut Pages<'a>, set: &'a IpSet, seen: Option<&'a Seen>, form: Form) {
    pages.push(move |out| push_head(out, set, seen, form));
    for (at, run) in set.elements.chunks(ROWS).enumerate() {
        pages.push(move |out| push_elements(out, set, (at * ROWS, run), seen, form));
    }
}

fn push_head(out: &mut String, set: &IpSet, seen: Option<&Seen>, form: Form) {
    if let (Form::Whole, Some(revision)) = (form, seen.and_then(|seen| seen.revision)) {
        push(out, format_args!("# revision {revision}\n"));
    }
    for untold in &set.untold {
        push(out, format_args!("# not understood: {}\n", one_line(untold)));
    }
    out.push_str("create ");
    push_name(out, &set.name, form);
    push(out, format_args!(" {}", set.kind.name()));
    push_options(out, set, form == Form::Whole && set.options.forceadd);
    out.push('\n');
}

/// Appends some of the elements, and the position of the first of them.
fn push_elements(
    out: &mut String,
    set: &IpSet,
    (first, elements): (usize, &[Element]),
    seen: Option<&Seen>,
    form: Form,
) {
    let mut name = String::new();
    push_name(&mut name, &set.name, form);
    for (at, element) in (first..).zip(elements) {
        out.push_str("add ");
        out.push_str(&name);
        out.push(' ');
        push_key(out, &element.key, form);
        push_extras(out, element, seen.map(|seen| (seen, at)), form);
        out.push('\n');
    }
}

/// What stays on its line, as a reader has it: blanks at its ends mean nothing.
fn one_line(text: &str) -> String {
    let text: String = text.chars().map(|sign| if sign.is_control() { ' ' } else { sign }).collect();
    text.trim().to_owned()
}

fn push_name(out: &mut String, name: &str, form: Form) {
    if form == Form::Tool || is_plain(name) && !name.starts_with('$') {
        out.push_str(name)
    } else {
        push_escaped(out, name)
    }
}

/// Appends the options of a set, each with a blank before it.
pub(super) fn push_options(out: &mut String, set: &IpSet, forceadd: bool) {
    let options = &set.options;
    if let Some(range) = options.range {
        out.push_str(" range ");
        match range {
            SetRange::Addresses(first, last) => push(out, format_args!("{first}-{last}")),
            SetRange::Ports(first, last) => push(out, format_args!("{first}-{last}")),
        }
    }
    if let Some(family) = options.family {
        out.push_str(if family == IpFamily::V4 { " family inet" } else { " family inet6" });
    }
    if let Some(mask) = options.markmask {
        push(out, format_args!(" markmask {mask:#010x}"));
    }
    for (name, number) in [(" hashsize ", options.hashsize), (" maxelem ", options.maxelem), (" size ", options.size)] {
        if let Some(number) = number {
            push(out, format_args!("{name}{number}"));
        }
    }
    // The types that had a netmask from the beginning print it here, those that got one later at the end.
    let early = matches!(set.kind, SetType::BitmapIp | SetType::HashIp | SetType::Other(_));
    if early {
        push_netmask(out, options);
        push_bitmask(out, options);
    }
    if let Some(timeout) = options.timeout {
        push(out, format_args!(" timeout {timeout}"));
    }
    for (word, given) in [
        (" counters", options.counters),
        (" comment", options.comment),
        (" forceadd", forceadd),
        (" skbinfo", options.skbinfo),
    ] {
        if given {
            out.push_str(word);
        }
    }
    if let Some(size) = options.bucketsize {
        push(out, format_args!(" bucketsize {size}"));
    }
    if let Some(value) = options.initval {
        push(out, format_args!(" initval {value:#010x}"));
    }
    if !early {
        // Only one of both can be given.
        push_netmask(out, options);
        push_bitmask(out, options);
    }
}

fn push_netmask(out: &mut String, options: &SetOptions) {
    if let Some(netmask) = options.netmask {
        push(out, format_args!(" netmask {netmask}"));
    }
}

fn push_bitmask(out: &mut String, options: &SetOptions) {
    if let Some(bitmask) = options.bitmask {
        out.push_str(" bitmask ");
        push_address(out, bitmask);
    }
}

/// Appends what an element is compared with.
pub(super) fn push_key(out: &mut String, key: &Key, form: Form) {
    let start = out.len();
    push_parts(out, key, form);
    let is_kept = match key {
        Key::NetIface(_) | Key::Ranges(_) | Key::Other(_) => form == Form::Tool || is_plain(&out[start..]),
        _ => true,
    };
    if !is_kept {
        let text = out.split_off(start);
        push_escaped(out, &text);
    }
}

fn push_parts(out: &mut String, key: &Key, form: Form) {
    match key {
        Key::Net(net) => push_net(out, net),
        Key::NetMac(both) => {
            push_net(out, &both.0);
            out.push(',');
            push_mac(out, both.1);
        }
        Key::Port(port) => push(out, format_args!("{port}")),
        Key::Mac(mac) => push_mac(out, *mac),
        Key::NetPort(net, port) => {
            push_net(out, net);
            out.push(',');
            push_port(out, *port);
        }
        Key::NetNet(both) => {
            push_net(out, &both.0);
            out.push(',');
            push_net(out, &both.1);
        }
        Key::NetPortNet(all) => {
            push_net(out, &all.0);
            out.push(',');
            push_port(out, all.1);
            out.push(',');
            push_net(out, &all.2);
        }
        Key::NetMark(net, mark) => {
            push_net(out, net);
            push(out, format_args!(",{mark:#010x}"));
        }
        Key::NetIface(both) => {
            push_net(out, &both.0);
            out.push(',');
            push_interface(out, &both.1);
        }
        Key::Set(name) => push_name(out, name, form),
        Key::Ranges(parts) => {
            for (at, part) in parts.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                push_part(out, part);
            }
        }
        Key::Other(words) => out.push_str(words),
    }
}

fn push_part(out: &mut String, part: &Part) {
    match part {
        Part::Net(net) => push_net(out, net),
        Part::Addresses(first, last) => {
            push_address(out, *first);
            out.push('-');
            push_address(out, *last);
        }
        Part::Ports(protocol, first, last) => {
            match protocol {
                Some(protocol) => push_port(out, ProtoPort { protocol: *protocol, port: *first }),
                None => push(out, format_args!("{first}")),
            }
            if first != last {
                push(out, format_args!("-{last}"));
            }
        }
        Part::Mark(mark) => push(out, format_args!("{mark:#010x}")),
        Part::Mac(mac) => push_mac(out, *mac),
        Part::Interface(interface) => push_interface(out, interface),
    }
}

fn push_net(out: &mut String, net: &IpNet) {
    push_address(out, net.addr());
    if net.prefix_len() != net.max_prefix_len() {
        push(out, format_args!("/{}", net.prefix_len()));
    }
}

fn push_mac(out: &mut String, Mac([a, b, c, d, e, f]): Mac) {
    push(out, format_args!("{a:02X}:{b:02X}:{c:02X}:{d:02X}:{e:02X}:{f:02X}"));
}

fn push_port(out: &mut String, ProtoPort { protocol, port }: ProtoPort) {
    push(out, format_args!("{protocol}:"));
    let [kind, code] = port.to_be_bytes();
    match (protocol, icmp::name(protocol, kind, code)) {
        (_, Some(name)) => out.push_str(name),
        (Protocol::ICMP | Protocol::ICMPV6, None) => push(out, format_args!("{kind}/{code}")),
        (_, None) => push(out, format_args!("{port}")),
    }
}

fn push_interface(out: &mut String, interface: &Interface) {
    if interface.physdev {
        out.push_str("physdev:");
    }
    out.push_str(&interface.name);
}

/// The interface of an element.
fn interface(key: &Key) -> Option<&Interface> {
    match key {
        Key::NetIface(both) => Some(&both.1),
        Key::Ranges(parts) => parts.iter().find_map(|part| match part {
            Part::Interface(interface) => Some(interface),
            _ => None,
        }),
        _ => None,
    }
}

/// Appends what an element has beside what is compared, and what was seen of it, by its position.
pub(super) fn push_extras(out: &mut String, element: &Element, seen: Option<(&Seen, usize)>, form: Form) {
    let timeout = seen.and_then(|(seen, at)| seen.timeouts.get(at));
    let counters = seen.and_then(|(seen, at)| seen.counters.get(at));
    if let Some(timeout) = timeout {
        push(out, format_args!(" timeout {timeout}"));
    }
    let extras = element.extras.as_deref();
    if extras.is_some_and(|extras| extras.nomatch) {
        out.push_str(" nomatch");
    }
    if interface(&element.key).is_some_and(|interface| interface.wildcard) {
        out.push_str(" wildcard");
    }
    if let Some(Counters { packets, bytes }) = counters {
        push(out, format_args!(" packets {packets} bytes {bytes}"));
    }
    let Some(Extras { comment, mark, priority, queue, .. }) = extras else { return };
    if let Some(comment) = comment {
        out.push_str(" comment ");
        push_comment(out, comment, form);
    }
    match mark {
        Some((mark, u32::MAX)) => push(out, format_args!(" skbmark {mark:#x}")),
        Some((mark, mask)) => push(out, format_args!(" skbmark {mark:#x}/{mask:#x}")),
        None => {}
    }
    if let Some(priority) = priority {
        push(out, format_args!(" skbprio {:x}:{:x}", priority >> 16, priority & 0xffff));
    }
    if let Some(queue) = queue {
        push(out, format_args!(" skbqueue {queue}"));
    }
}

fn push_comment(out: &mut String, comment: &str, form: Form) {
    if form == Form::Whole && comment.contains(|sign: char| sign.is_control() || sign == '"') {
        return push_escaped(out, comment);
    }
    // Writing to a String cannot fail.
    let _ = write!(out, "\"{comment}\"");
}
