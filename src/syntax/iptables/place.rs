//! Matches on where a packet comes from and goes: policy, rpfilter, socket, cgroup, cpu, devgroup, realm.

use bitflags::Flags;

use super::option::{Asked, Extension, Opt, Takes, raise, set};
use super::rows::{HEX, HOST_MASK, Kind, NUMBER, Slot, TEXT, named, push_named, push_row, rows, single};
use super::values::{self, push};
use crate::host::xt::{
    Cgroup, Devgroup, Masked, Match, Neg, Policy, PolicyElement, PolicyMode, Rare, Rpfilter, SocketMatch,
};
use crate::host::{IpFamily, Names, Protocol};

use Takes::{Nothing, One};

pub(super) const POLICY: Extension<Match> = Extension {
    name: "policy",
    family: None,
    options: &[
        ("--dir", One),
        ("--pol", One),
        ("--strict", Nothing),
        ("--reqid", One),
        ("--spi", One),
        ("--proto", One),
        ("--mode", One),
        ("--tunnel-dst", One),
        ("--tunnel-src", One),
        ("--next", Nothing),
    ],
    read: policy,
};

fn policy(asked: &Asked, names: &mut Names) -> Option<Match> {
    const MOST: usize = 4;
    let (mut out, mut none, mut strict) = (None, None, false);
    let mut elements = vec![PolicyElement::default()];
    for option in asked.options() {
        match option.name {
            "--dir" => set(&mut out, one_of(option.plain()?, "in", "out")?)?,
            "--pol" => set(&mut none, one_of(option.plain()?, "ipsec", "none")?)?,
            "--strict" => {
                option.flag()?;
                raise(&mut strict)?;
            }
            "--next" => {
                option.flag()?;
                elements.push(PolicyElement::default());
            }
            _ => element_option(elements.last_mut()?, &option, names)?,
        }
    }
    let none = none.unwrap_or(false);
    let refused = none && (strict || elements.len() > 1)
        || elements.len() > MOST
        || elements.len() > 1 && !strict
        || strict && elements.contains(&PolicyElement::default());
    if none {
        // What is asked of a transformation is not stored where there is none.
        elements.clear();
    }
    let policy = Policy { out: out?, none, strict, elements: elements.into() };
    (!refused).then(|| Match::Rare(Box::new(Rare::Policy(policy))))
}

/// Which of two words it is: the second is true.
fn one_of(text: &str, no: &str, yes: &str) -> Option<bool> {
    (text == no || text == yes).then_some(text == yes)
}

const MODES: [(&str, PolicyMode); 2] = [("transport", PolicyMode::Transport), ("tunnel", PolicyMode::Tunnel)];

const MODE: Kind<PolicyMode> = Kind {
    takes: One,
    read: |option, _| MODES.iter().find(|(name, _)| Some(*name) == option.value()).map(|(_, mode)| *mode),
    push: |out, mode| {
        let name = MODES.iter().find(|(_, known)| known == mode).map_or("", |(name, _)| name);
        push(out, format_args!(" {name}"));
    },
};

const PROTOCOL: Kind<Protocol> = Kind {
    takes: One,
    read: |option, _| values::protocol(option.value()?).filter(|protocol| matches!(protocol.0, 50 | 51 | 108)),
    push: |out, protocol| push(out, format_args!(" {protocol}")),
};

fn element_option(element: &mut PolicyElement, option: &Opt, names: &mut Names) -> Option<()> {
    fn take<T>(slot: &mut Option<Neg<T>>, option: &Opt, names: &mut Names, kind: &Kind<T>) -> Option<()> {
        slot.fill(option.not, (kind.read)(option, names)?)
    }
    match option.name {
        "--reqid" => take(&mut element.reqid, option, names, &NUMBER),
        "--spi" => take(&mut element.spi, option, names, &HEX),
        "--proto" => take(&mut element.protocol, option, names, &PROTOCOL),
        "--mode" => take(&mut element.mode, option, names, &MODE),
        "--tunnel-dst" => take(&mut element.destination, option, names, &HOST_MASK),
        "--tunnel-src" => take(&mut element.source, option, names, &HOST_MASK),
        _ => None,
    }
}

pub(super) fn push_policy(out: &mut String, policy: &Policy) {
    out.push_str(if policy.out { " --dir out" } else { " --dir in" });
    out.push_str(if policy.none { " --pol none" } else { " --pol ipsec" });
    if policy.strict {
        out.push_str(" --strict");
    }
    for (at, element) in policy.elements.iter().enumerate() {
        if at > 0 {
            out.push_str(" --next");
        }
        push_row(out, "--reqid", &element.reqid, &NUMBER);
        push_row(out, "--spi", &element.spi, &HEX);
        push_row(out, "--proto", &element.protocol, &PROTOCOL);
        push_row(out, "--mode", &element.mode, &MODE);
        push_row(out, "--tunnel-dst", &element.destination, &HOST_MASK);
        push_row(out, "--tunnel-src", &element.source, &HOST_MASK);
    }
}

const RPFILTER_FLAGS: [(&str, Rpfilter); 4] = [
    ("--loose", Rpfilter::LOOSE),
    ("--validmark", Rpfilter::VALIDMARK),
    ("--accept-local", Rpfilter::ACCEPT_LOCAL),
    ("--invert", Rpfilter::INVERT),
];

pub(super) const RPFILTER: Extension<Match> = Extension {
    name: "rpfilter",
    family: None,
    options: &[("--loose", Nothing), ("--validmark", Nothing), ("--accept-local", Nothing), ("--invert", Nothing)],
    read: |asked, _| Some(Match::Rare(Box::new(Rare::Rpfilter(switches(asked, &RPFILTER_FLAGS)?)))),
};

pub(super) fn push_rpfilter(out: &mut String, flags: Rpfilter) {
    push_switches(out, flags, &RPFILTER_FLAGS);
}

const SOCKET_FLAGS: [(&str, SocketMatch); 3] = [
    ("--transparent", SocketMatch::TRANSPARENT),
    ("--nowildcard", SocketMatch::NOWILDCARD),
    ("--restore-skmark", SocketMatch::RESTORE_SKMARK),
];

pub(super) const SOCKET: Extension<Match> = Extension {
    name: "socket",
    family: None,
    options: &[("--transparent", Nothing), ("--nowildcard", Nothing), ("--restore-skmark", Nothing)],
    read: |asked, _| Some(Match::Rare(Box::new(Rare::Socket(switches(asked, &SOCKET_FLAGS)?)))),
};

pub(super) fn push_socket(out: &mut String, flags: SocketMatch) {
    push_switches(out, flags, &SOCKET_FLAGS);
}

/// Options without values, each a flag that is given once at most.
fn switches<F: Flags + Copy>(asked: &Asked, known: &[(&str, F)]) -> Option<F> {
    let mut flags = F::empty();
    for option in asked.options() {
        option.flag()?;
        let (_, flag) = known.iter().find(|(name, _)| *name == option.name)?;
        if flags.contains(*flag) {
            return None;
        }
        flags.insert(*flag);
    }
    Some(flags)
}

fn push_switches<F: Flags + Copy>(out: &mut String, flags: F, known: &[(&str, F)]) {
    for (name, _) in known.iter().filter(|(_, flag)| flags.contains(*flag)) {
        push(out, format_args!(" {name}"));
    }
}

rows!(CGROUP, push_cgroup, "cgroup", None, Cgroup(Cgroup), |cgroup| cgroup.path.is_some() != cgroup.class.is_some(), {
    path: TEXT, "--path";
    class: NUMBER, "--cgroup";
});

single!(CPU, "cpu", None, Cpu, NUMBER, "--cpu");

/// What the files of iproute2 call group 0 and realm 0.
const GROUP: &str = "default";
const COSMOS: &str = "cosmos";

const DEVICE_GROUP: Kind<Masked> =
    Kind { takes: One, read: |option, _| named(option, GROUP), push: |out, group| push_named(out, group, GROUP) };

rows!(DEVGROUP, push_devgroup, "devgroup", None, Devgroup(Devgroup), |group| *group != Devgroup::default(), {
    source: DEVICE_GROUP, "--src-group";
    destination: DEVICE_GROUP, "--dst-group";
});

/// `--realm`.
pub(super) const REALM_ID: Kind<Masked> =
    Kind { takes: One, read: |option, _| named(option, COSMOS), push: |out, realm| push_named(out, realm, COSMOS) };
single!(REALM, "realm", Some(IpFamily::V4), Realm, REALM_ID, "--realm");
