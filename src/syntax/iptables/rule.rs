//! One rule: the words after `-A CHAIN` → [`xt::Rule`].
//!
//! Knows which option belongs to which extension. Deliberately does not know tables beyond the names of their chains.

use super::meaning::{Meaning, meaning};
use super::option::{self, Asked, Extension, Given, Row, Takes};
use super::words::Word;
use super::{matches, sides, targets, values};
use crate::host::xt::{self, Match, Neg, Target};
use crate::host::{Counters, IpFamily, Name, Names, Protocol, QuickMap};

/// What a rule is read with: shared by all rules of a table.
pub(super) struct Scope<'a> {
    /// The family of the table.
    pub(super) family: IpFamily,
    /// The chains that are declared so far, and their positions.
    pub(super) chains: &'a QuickMap<Name, u32>,
    /// Names that rules share.
    pub(super) names: &'a mut Names,
}

/// A rule as it was read.
pub(super) struct Found {
    /// The rule.
    pub(super) rule: xt::Rule,
    /// `-c PACKETS BYTES`.
    pub(super) counters: Option<Counters>,
    /// The name after `-j` or `-g` where it is no target and no chain yet, and whether it was `-g`.
    pub(super) unresolved: Option<(Name, bool)>,
}

/// An extension that a rule names.
pub(super) struct Open {
    /// Position of its name among the words; `None` where `-p` alone loads it.
    name: Option<usize>,
    kind: Kind,
}

enum Kind {
    Match(&'static Extension<Match>),
    Target(&'static Extension<Target>),
    OtherMatch,
    OtherTarget,
}

impl Open {
    /// The option of this name.
    pub(super) fn option(&self, name: &str) -> Option<Row> {
        match &self.kind {
            Kind::Match(known) => known.option(name),
            Kind::Target(known) => known.option(name),
            Kind::OtherMatch | Kind::OtherTarget => None,
        }
    }

    /// Whether it is the same extension once more.
    pub(super) fn is_again(&self, other: &Open) -> bool {
        matches!((&self.kind, &other.kind), (Kind::Match(one), Kind::Match(other)) if std::ptr::eq(*one, *other))
    }

    /// The options that begin so; `None` where nobody knows them.
    pub(super) fn beginning(&self, start: &str) -> Option<Vec<Row>> {
        match &self.kind {
            Kind::Match(known) => Some(known.beginning(start).collect()),
            Kind::Target(known) => Some(known.beginning(start).collect()),
            Kind::OtherMatch | Kind::OtherTarget => None,
        }
    }
}

/// The conditions that have no `-m`.
#[derive(Default)]
struct Basics {
    source: Option<Match>,
    destination: Option<Match>,
    incoming: Option<Match>,
    outgoing: Option<Match>,
    protocol: Option<Match>,
    fragment: Option<Match>,
}

/// Reads rules; keeps its room for the next.
#[derive(Default)]
pub(super) struct Reader {
    given: Vec<Given>,
    open: Vec<Open>,
    matches: Vec<Match>,
    /// Options that their extension does not know: its position, and that of the word.
    strays: Vec<(usize, usize)>,
    /// Names of the extensions of the last rule that were kept as words.
    pub(super) opaque: Vec<Name>,
}

/// The place in a line of words.
struct Cursor<'w> {
    words: &'w [Word<'w>],
    at: usize,
    not: bool,
}

impl<'w> Cursor<'w> {
    /// The value of the option before it; a `!` may stand in between, as old versions had it.
    fn value(&mut self, option: &str) -> Result<usize, String> {
        if self.words.get(self.at).is_some_and(Word::is_bang) && self.words.len() > self.at + 1 {
            if std::mem::replace(&mut self.not, true) {
                return Err("! stands there twice".to_owned());
            }
            self.at += 1;
        }
        match self.words.get(self.at) {
            Some(word) if !word.is_option() => self.anything(option),
            _ => Err(format!("{option} lacks its value")),
        }
    }

    /// The next word, even if it looks like an option.
    fn anything(&mut self, option: &str) -> Result<usize, String> {
        if self.at >= self.words.len() {
            return Err(format!("{option} lacks its value"));
        }
        self.at += 1;
        Ok(self.at - 1)
    }

    fn text(&mut self, option: &str) -> Result<&'w str, String> {
        self.value(option).map(|at| &*self.words[at].text)
    }

    /// Takes the `!` that came before.
    fn neg<T>(&mut self, value: T) -> Neg<T> {
        Neg { not: std::mem::take(&mut self.not), value }
    }

    fn upright(&self, option: &str) -> Result<(), String> {
        if self.not { Err(format!("! cannot stand before {option}")) } else { Ok(()) }
    }
}

fn put(slot: &mut Option<Match>, option: &str, value: Match) -> Result<(), String> {
    option::set(slot, value).ok_or_else(|| format!("{option} is given twice"))
}

impl Reader {
    /// Reads a rule; the error says what is wrong with its line.
    pub(super) fn read(&mut self, words: &[Word], scope: &mut Scope) -> Result<Found, String> {
        self.given.clear();
        self.open.clear();
        self.strays.clear();
        self.opaque.clear();
        let mut basics = Basics::default();
        let mut target: Option<Target> = None;
        let mut unresolved = None;
        let mut counters = None;
        let mut cursor = Cursor { words, at: 0, not: false };
        while let Some(word) = words.get(cursor.at) {
            cursor.at += 1;
            let option = &*word.text;
            if word.is_bang() {
                cursor.upright("!")?;
                cursor.not = true;
                continue;
            }
            if !word.is_option() {
                return Err(format!("{option:?} belongs to no option"));
            }
            let (owner, letter) = match meaning(option, &self.open) {
                Meaning::Own(extension, row) => (Some((extension, row)), None),
                Meaning::Every(letter) => (None, Some(letter)),
                Meaning::Unknown => (None, None),
            };
            match letter {
                Some(b'm') => {
                    cursor.upright(option)?;
                    let at = cursor.value(option)?;
                    self.open_match(at, words, scope)?;
                }
                Some(letter @ (b'j' | b'g')) => {
                    cursor.upright(option)?;
                    if target.is_some() || self.has_target() {
                        return Err(format!("{option} is not the only target"));
                    }
                    let at = cursor.value(option)?;
                    target = self.target(at, letter == b'g', words, scope, &mut unresolved)?;
                }
                Some(b'c') => {
                    cursor.upright(option)?;
                    counters = Some(read_counters(&mut cursor)?);
                }
                Some(letter) if basics.read(letter, option, &mut cursor, scope)? => {}
                _ => self.option(option, owner, &mut cursor, &basics, scope)?,
            }
        }
        cursor.upright("nothing")?;
        self.check_strays(words, &basics, scope)?;
        let target = self.finish(words, scope, basics, target);
        let rule = xt::Rule { matches: self.matches.drain(..).collect(), target };
        Ok(Found { rule, counters, unresolved })
    }

    fn has_target(&self) -> bool {
        self.open.iter().any(|open| matches!(open.kind, Kind::Target(_) | Kind::OtherTarget))
    }

    fn open_match(&mut self, at: usize, words: &[Word], scope: &Scope) -> Result<(), String> {
        let name = &*words[at].text;
        if name.is_empty() || words[at].is_option() {
            return Err("-m lacks its name".to_owned());
        }
        let known = match name {
            "icmpv6" | "ipv6-icmp" => "icmp6",
            name => name,
        };
        let kind = matches::find(known, scope.family).map_or(Kind::OtherMatch, Kind::Match);
        self.open.push(Open { name: Some(at), kind });
        Ok(())
    }

    /// What `-j` or `-g` names: a verdict, a chain, or a target that may have options, which is opened.
    fn target(
        &mut self,
        at: usize,
        goto: bool,
        words: &[Word],
        scope: &mut Scope,
        unresolved: &mut Option<(Name, bool)>,
    ) -> Result<Option<Target>, String> {
        let name = &*words[at].text;
        if name.is_empty() || name.starts_with(['-', '!']) {
            return Err("the target lacks its name".to_owned());
        }
        // No chain may have the name of a target, and one that has it all the same is not meant (`command_jump` in xshared.c).
        let known = targets::find(name, scope.family).filter(|_| !goto);
        if let (Some(chain), None) = (scope.chains.get(name), known) {
            return Ok(Some(if goto { Target::Goto(*chain) } else { Target::Jump(*chain) }));
        }
        if goto {
            *unresolved = Some((scope.names.intern(name), true));
            // A stand-in: whoever knows all chains puts the right one there.
            return Ok(Some(Target::Continue));
        }
        Ok(match name {
            "ACCEPT" => Some(Target::Accept),
            "DROP" => Some(Target::Drop),
            "RETURN" => Some(Target::Return),
            "QUEUE" => Some(Target::Queue),
            _ => {
                let kind = match known {
                    Some(known) => Kind::Target(known),
                    None => {
                        *unresolved = Some((scope.names.intern(name), false));
                        Kind::OtherTarget
                    }
                };
                self.open.push(Open { name: Some(at), kind });
                None
            }
        })
    }

    /// An option of an extension: the last one that knows it, the protocol's own, or else the last one.
    fn option(
        &mut self,
        option: &str,
        owner: Option<(usize, Row)>,
        cursor: &mut Cursor,
        basics: &Basics,
        scope: &Scope,
    ) -> Result<(), String> {
        let (extension, row) = match owner.or_else(|| self.implied(option, basics, scope)) {
            Some((at, row)) => (at, Some(row)),
            None if self.open.is_empty() => return Err(format!("{option} belongs to no extension")),
            None => (self.open.len() - 1, None),
        };
        let (written, name, takes) = (cursor.at - 1, row.map(|row| row.0), row.map(|row| row.1));
        if takes.is_none() {
            self.strays.push((extension, written));
        }
        let start = match takes {
            Some(Takes::Nothing) => cursor.at,
            Some(Takes::Text | Takes::Any) => cursor.anything(option)?,
            Some(Takes::One) => cursor.value(option)?,
            Some(Takes::Optional) => {
                let start = cursor.at;
                cursor.at += usize::from(cursor.words.get(start).is_some_and(|word| !word.is_option()));
                start
            }
            Some(Takes::Two) => {
                let first = cursor.value(option)?;
                cursor.value(option)?;
                first
            }
            None if sides::is_text(option) => cursor.anything(option)?,
            None if option.starts_with("--") => cursor.at,
            None => return Err(format!("{option} is no option of a rule")),
        };
        let open_ended = match takes {
            None => !sides::is_text(option),
            Some(Takes::Text) => !cursor.words[start].quoted && !cursor.words[start].is_option(),
            Some(_) => false,
        };
        while open_ended && cursor.words.get(cursor.at).is_some_and(|word| !word.is_option()) {
            if takes.is_none() && cursor.words[cursor.at].text.starts_with(['-', '!']) && cursor.words[cursor.at].quoted
            {
                return Err(format!("the value of {option} looks like an option"));
            }
            cursor.at += 1;
        }
        let given = Given { extension, not: std::mem::take(&mut cursor.not), written, name, values: start..cursor.at };
        self.given.push(given);
        Ok(())
    }

    /// Opens the match that `-p` alone loads, where the option is one of its own then (`command_default` in xshared.c).
    fn implied(&mut self, option: &str, basics: &Basics, scope: &Scope) -> Option<(usize, Row)> {
        let known = basics.own_match(scope.family)?;
        self.open.push(Open { name: None, kind: Kind::Match(known) });
        let last = self.open.len() - 1;
        match meaning(option, &self.open) {
            Meaning::Own(extension, row) if extension == last => Some((extension, row)),
            Meaning::Own(..) | Meaning::Every(_) | Meaning::Unknown => {
                self.open.pop();
                None
            }
        }
    }

    /// Refuses options that came before what they belong to: printed in order, they would mean something else.
    fn check_strays(&self, words: &[Word], basics: &Basics, scope: &Scope) -> Result<(), String> {
        for (extension, name) in &self.strays {
            let option = &*words[*name].text;
            let of_target = matches!(self.open[*extension].kind, Kind::Target(_) | Kind::OtherTarget);
            let by_match = || match meaning(option, &self.open) {
                Meaning::Own(at, _) => matches!(self.open[at].kind, Kind::Match(_)),
                Meaning::Every(_) | Meaning::Unknown => false,
            };
            let by_protocol = basics.own_match(scope.family).is_some_and(|known| known.beginning(option).count() == 1);
            if by_protocol || of_target && by_match() {
                return Err(format!("{option} stands before what it belongs to"));
            }
        }
        Ok(())
    }

    /// Makes matches and the target of what was given.
    fn finish(&mut self, words: &[Word], scope: &mut Scope, basics: Basics, target: Option<Target>) -> Target {
        let Basics { source, destination, incoming, outgoing, protocol, fragment } = basics;
        self.matches.clear();
        self.matches.extend([source, destination, incoming, outgoing, protocol, fragment].into_iter().flatten());
        let mut target = target;
        for (extension, open) in self.open.iter().enumerate() {
            let asked = Asked { family: scope.family, extension, given: &self.given, words };
            let written = |own: &'static str| open.name.map_or(own, |at| &*words[at].text);
            // An option that an extension does not know makes it one that is not understood, whatever else it says.
            let whole = self.strays.iter().all(|(of, _)| *of != extension);
            match &open.kind {
                Kind::Match(known) => match whole.then(|| (known.read)(&asked, scope.names)).flatten() {
                    Some(found) => self.matches.push(found),
                    None => {
                        let opaque = asked.opaque(known.name, scope.names);
                        self.opaque.push(opaque.name.clone());
                        self.matches.push(Match::Opaque(Box::new(opaque)));
                    }
                },
                Kind::OtherMatch => {
                    let opaque = asked.opaque(written(""), scope.names);
                    self.opaque.push(opaque.name.clone());
                    self.matches.push(Match::Opaque(Box::new(opaque)));
                }
                Kind::Target(known) => match whole.then(|| (known.read)(&asked, scope.names)).flatten() {
                    Some(found) => target = Some(found),
                    None => {
                        let opaque = asked.opaque(known.name, scope.names);
                        self.opaque.push(opaque.name.clone());
                        target = Some(Target::Opaque(Box::new(opaque)));
                    }
                },
                Kind::OtherTarget => {
                    let opaque = asked.opaque(written(""), scope.names);
                    target = Some(Target::Opaque(Box::new(opaque)));
                }
            }
        }
        target.unwrap_or(Target::Continue)
    }
}

impl Basics {
    /// The match that the protocol alone loads.
    fn own_match(&self, family: IpFamily) -> Option<&'static Extension<Match>> {
        let Some(Match::Protocol(Neg { not: false, value })) = self.protocol else { return None };
        let name = match value {
            Protocol::TCP => "tcp",
            Protocol::UDP => "udp",
            Protocol::ICMP => "icmp",
            Protocol::ICMPV6 => "icmp6",
            Protocol::SCTP => "sctp",
            Protocol::DCCP => "dccp",
            Protocol(50) => "esp",
            Protocol(51) => "ah",
            Protocol(108) => "ipcomp",
            Protocol(135) => "mh",
            _ => return None,
        };
        matches::find(name, family)
    }

    /// Reads a condition that has no `-m`; `false` where the option is none.
    fn read(&mut self, letter: u8, option: &str, cursor: &mut Cursor, scope: &mut Scope) -> Result<bool, String> {
        match letter {
            b's' => {
                let net = address(option, cursor, scope.family)?;
                if !is_always(&net) {
                    put(&mut self.source, option, Match::Source(net))?;
                }
            }
            b'd' => {
                let net = address(option, cursor, scope.family)?;
                if !is_always(&net) {
                    put(&mut self.destination, option, Match::Destination(net))?;
                }
            }
            b'i' => {
                let name = values::interface(cursor.text(option)?, scope.names);
                let asked = cursor.neg(name);
                if asked.not || !asked.value.prefix || !asked.value.name.is_empty() {
                    put(&mut self.incoming, option, Match::InInterface(asked))?;
                }
            }
            b'o' => {
                let name = values::interface(cursor.text(option)?, scope.names);
                let asked = cursor.neg(name);
                if asked.not || !asked.value.prefix || !asked.value.name.is_empty() {
                    put(&mut self.outgoing, option, Match::OutInterface(asked))?;
                }
            }
            b'p' => {
                let name = cursor.text(option)?;
                let protocol = values::protocol(name).ok_or_else(|| format!("{name:?} is no protocol known here"))?;
                let asked = cursor.neg(protocol);
                match (protocol.0, asked.not) {
                    (0, false) => {}
                    (0, true) => return Err("! -p all never holds".to_owned()),
                    _ => put(&mut self.protocol, option, Match::Protocol(asked))?,
                }
            }
            b'f' if scope.family == IpFamily::V4 => {
                put(&mut self.fragment, option, Match::Fragment(cursor.neg(())))?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}

fn address(option: &str, cursor: &mut Cursor, family: IpFamily) -> Result<Neg<xt::AddressMask>, String> {
    let text = cursor.text(option)?;
    let net = values::address_mask(text, family).ok_or_else(|| {
        let kind = if family == IpFamily::V4 { "IPv4" } else { "IPv6" };
        format!("{text:?} is no {kind} address")
    })?;
    Ok(cursor.neg(net))
}

/// `-s 0.0.0.0/0` is no condition: the tools do not print it either.
fn is_always(net: &Neg<xt::AddressMask>) -> bool {
    !net.not && values::is_everything(&net.value)
}

fn read_counters(cursor: &mut Cursor) -> Result<Counters, String> {
    let first = cursor.text("-c")?;
    let (packets, bytes) = match first.split_once(',') {
        Some(both) => both,
        None => (first, cursor.text("-c")?),
    };
    counters(packets, bytes).ok_or_else(|| "-c takes a number of packets and one of bytes".to_owned())
}

/// A packet and a byte counter.
pub(super) fn counters(packets: &str, bytes: &str) -> Option<Counters> {
    Some(Counters { packets: packets.parse().ok()?, bytes: bytes.parse().ok()? })
}
