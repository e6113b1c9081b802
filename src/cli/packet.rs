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
    use clap::CommandFactory;

    use super::super::arguments::Arguments;
    use super::*;

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
}
