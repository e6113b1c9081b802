//! The packet that `trace` follows: its options, as a description of it.

use super::arguments::{Direction, PacketArguments};
use super::refusal::Refusal;
use crate::explain::description::{Description, Flaw, Part, ROWS};
use crate::explain::{From, Target};
use crate::host::{Host, IpFamily};
use crate::walk::{Field, Query, ValueSet};

/// What `trace` follows.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The port, with its destination where `--dst` gives it.
    pub target: Target,
    /// Where the packet comes from.
    pub from: From,
    /// The packets: one, or one for each device that it may come in by.
    pub queries: Vec<Query>,
}

/// The packets that a target and the options of `trace` describe. They come `now`, in seconds since 1970, where that is
/// known and no other time is given.
pub fn ask(
    host: &Host,
    namespace: usize,
    target: Target,
    options: &PacketArguments,
    now: Option<u64>,
) -> Result<Asked, Refusal> {
    if options.dst.is_some() && target.addr.is_some() {
        return Err(Refusal::usage("TARGET has an address already; leave out --dst"));
    }
    let (description, with) = described(options)?;
    let ns = &host.namespaces[namespace];
    let read = description.read(ns, &target, &From::Somewhere, IpFamily::V4);
    let described = read.map_err(|flaws| refusal(&flaws, &with))?;
    let mut queries = described.queries(host, namespace).map_err(Refusal::unanswered)?;
    if let Some(now) = now.filter(|_| description.of(Part::Field(Field::Time)).is_none()) {
        queries.iter_mut().for_each(|query| query.set(Field::Time, ValueSet::one(now.into())));
    }
    Ok(Asked { target: described.target, from: described.from, queries })
}

/// What the options say, and which fields of it `--with` gives.
fn described(options: &PacketArguments) -> Result<(Description, Vec<Field>), Refusal> {
    let family = match (options.ipv4, options.ipv6) {
        (true, _) => Some("4".to_owned()),
        (_, true) => Some("6".to_owned()),
        _ => None,
    };
    let single = [
        (Part::Origin, &Some(options.origin.clone())),
        (Part::Dst, &options.dst),
        (Part::Family, &family),
        (Part::Direction, &(options.direction == Direction::Reply).then(|| "reply".to_owned())),
        (Part::Field(Field::Src), &options.src),
        (Part::Field(Field::Sport), &options.sport),
        (Part::Field(Field::Mark), &options.mark),
        (Part::Field(Field::Uid), &options.uid),
        (Part::Field(Field::Gid), &options.gid),
        (Part::Field(Field::TcpFlags), &options.tcp_flags),
        (Part::Field(Field::CtState), &options.ct),
        (Part::Vrf, &options.vrf),
    ];
    let mut description = Description::default();
    for (part, text) in single {
        text.iter().for_each(|text| description.say(part, text));
    }
    let mut given = Vec::new();
    for with in &options.with {
        let (name, value) =
            with.split_once('=').ok_or_else(|| Refusal::usage(format!("--with: “{with}” is not FIELD=VALUE")))?;
        let field = Field::from_name(name).ok_or_else(|| {
            let names: Vec<_> = Field::ALL.iter().map(|field| field.name()).collect();
            Refusal::usage(format!("--with: “{name}” is no field; there are {}", names.join(", ")))
        })?;
        description.say(Part::Field(field), value);
        given.push(field);
    }
    Ok((description, given))
}

/// The first flaw of a description, with the option that it is about.
fn refusal(flaws: &[Flaw], with: &[Field]) -> Refusal {
    let Some(Flaw { part, says }) = flaws.first() else { return Refusal::usage("the packet is not understood") };
    let by_with = matches!(part, Part::Field(field) if with.contains(field));
    let row = ROWS.iter().find(|row| row.part == *part && !by_with);
    Refusal::usage(match part {
        // What does not fit together names the options itself.
        Part::Family | Part::Direction => says.clone(),
        Part::Origin | Part::Dst | Part::Vrf | Part::Field(_) => {
            format!("{}: {says}", row.and_then(|row| row.option).unwrap_or("--with"))
        }
    })
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::super::arguments::{Arguments, Command};
    use super::super::target;
    use super::*;
    use crate::explain::{self, command, described_answers};
    use crate::snapshot;
    use crate::walk::Walker;

    #[test]
    fn the_options_of_trace_are_those_of_the_table() {
        let arguments = Arguments::command();
        let trace = arguments.get_subcommands().find(|one| one.get_name() == "trace").expect("trace");
        for row in ROWS.iter().filter(|row| row.part != Part::Family) {
            let Some(option) = row.option else {
                assert_eq!(Field::from_name(row.name).map(Part::Field), Some(row.part));
                continue;
            };
            assert_eq!(option, format!("--{}", row.name));
            let known = trace.get_arguments().find(|known| known.get_long() == Some(row.name)).expect(option);
            let form = known.get_value_names().and_then(|names| names.first()).map(|name| name.as_str());
            let of_words: Vec<_> =
                known.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect();
            assert!(form == Some(row.form) || of_words.join("|") == row.form, "{option}: {form:?}");
        }
    }

    #[test]
    fn every_field_that_can_be_said_has_a_row() {
        let elsewhere = [Field::Iif, Field::Dst, Field::Dport];
        for field in Field::ALL.into_iter().filter(|field| !elsewhere.contains(field)) {
            assert_eq!(ROWS.iter().filter(|row| row.part == Part::Field(field)).count(), 1, "{field:?}");
        }
    }

    #[test]
    fn the_command_that_is_told_asks_for_the_same_packets() {
        let host = snapshot::parse(snapshot::demo("k3s-port-80").expect("the demo")).host;
        let at = host.viewed;
        let said: [&[(Part, &str)]; 6] = [
            &[],
            &[(Part::Field(Field::Src), "10.1.0.0/16"), (Part::Field(Field::TcpFlags), "syn,ack"), (Part::Vrf, "")],
            &[(Part::Dst, "10.42.0.2"), (Part::Field(Field::Mark), "0x1"), (Part::Field(Field::Ttl), "64")],
            &[(Part::Origin, "local"), (Part::Field(Field::Uid), "0-99"), (Part::Family, "6")],
            &[(Part::Origin, "cni0"), (Part::Direction, "reply"), (Part::Field(Field::Pkttype), "host")],
            &[(Part::Family, "6"), (Part::Field(Field::CtState), "established")],
        ];
        let mut compared = 0;
        for entry in explain::ports(&host, at).ports {
            for parts in said {
                let mut description = Description::default();
                parts.iter().filter(|(_, text)| !text.is_empty()).for_each(|(part, text)| description.say(*part, text));
                for answer in described_answers(&host, at, &entry.target(), &description) {
                    let words = command(&entry.target(), &(answer.from.clone(), answer.family), &description);
                    let arguments = Arguments::try_parse_from(&words).expect("a command");
                    let Some(Command::Trace(trace)) = arguments.command else { panic!("{words:?}") };
                    let target = target::parse(&trace.target).expect("a target");
                    let asked = ask(&host, at, target, &trace.packet, None).expect("packets");
                    // The walk tells the state that conntrack gives it.
                    let told: Vec<_> =
                        asked.queries.iter().map(|query| Walker::new(&host, at).walk(query).query).collect();
                    assert_eq!(told, [answer.walk.query], "{words:?}");
                    compared += 1;
                }
            }
        }
        assert!(compared > 60, "{compared}");
    }
}
