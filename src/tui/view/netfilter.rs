//! The tree pane: the rows that can be seen, with the packet's way in a gutter at the left. The way is told by signs as
//! well as by colour.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::super::frames::{FrameId, Place};
use super::super::look::{self, Tone};
use super::super::outline::Id;
use super::super::path::{Grouping, Section, TableAt, comes_by};
use super::super::search::base_text;
use super::super::state::{Pane, State};
use super::super::text::{Columns, fit, wrap};
use super::super::tree::Row;
use super::counts::Room;
use super::why::elsewhere;
use super::{Piece, counts, put, put_right};
use crate::explain::{Who, brief, clean, words};
use crate::host::{Body, Policy, Registration, Table, What, xt};
use crate::syntax::{self, iptables};
use crate::walk::{Event, FateKind, Origin, Outcome, Pass, RouteDecision, StepAt, Turn, Verdict};

/// The deepest row that still moves to the right.
const DEEPEST: u16 = 7;
/// So much of a rule stays visible beside what is said of it at the right.
const RULE: usize = 16;
/// The same where the new address stands there, which says more than the conditions: `1 … -j DNAT`.
const TARGET: usize = 11;

/// How much of a rule stays visible beside this.
fn least(right: &Piece) -> usize {
    if right.0 == Tone::Changed { TARGET } else { RULE }
}

/// What the tree shows, for its frame.
pub(super) fn heading(state: &State) -> String {
    if let Some(reading) = state.reading_text().filter(|_| state.is_opening() && !state.tree.is_empty()) {
        return reading;
    }
    let told = match (state.grouping, state.outcome()) {
        (Grouping::Table, _) => "table by table",
        (Grouping::Packet, Some(_)) => "as the packet meets it",
        (Grouping::Packet, None) => "every hook",
    };
    told.to_owned()
}

pub(super) fn draw(state: &State, buffer: &mut Buffer, area: Rect) {
    let height = usize::from(area.height);
    if state.tree.is_empty() {
        let rules = |what: What| matches!(what, What::NfTables | What::LegacyIp | What::LegacyIp6);
        let unread = || words::unread(state.ns().unread.iter().filter(|unread| rules(unread.what)));
        let none = || unread().unwrap_or_else(|| "No base chain: netfilter has no rules here.".to_owned());
        let text = state.opening_text().unwrap_or_else(none);
        for (row, line) in (0..area.height).zip(wrap(&clean(&text), usize::from(area.width))) {
            put(buffer, Rect { y: area.y + row, height: 1, ..area }, state.look, &[(Tone::Dim, line)]);
        }
        return;
    }
    let offset = super::window(state.offsets.tree, state.cursor, state.tree.len(), height);
    for line in 0..height {
        let place = offset + line;
        let Some(row) = state.tree.row(place) else { break };
        let at = Rect { y: area.y + line as u16, height: 1, ..area };
        let on_the_way = state.end.is_some_and(|end| place < end);
        draw_row(state, buffer, at, row, on_the_way);
        if place == state.cursor && state.focus == Pane::Netfilter && state.is_bare() {
            state.look.select(buffer, at);
        }
    }
}

fn draw_row(state: &State, buffer: &mut Buffer, area: Rect, row: &Row<Id>, on_the_way: bool) {
    let way = state.outcome().map_or(Tone::Plain, |outcome| look::fate(&outcome.fate));
    // The last column stays free.
    let whole = Rect { width: area.width.saturating_sub(1), ..area };
    let (counts, area) = counts(state, row, whole);
    let width = usize::from(area.width);
    let (pieces, right) = tell(state, row, width);
    let mut line = prefix(state, row, on_the_way, way);
    line.extend(pieces);
    let text: usize = line.iter().map(|(_, text)| text.width()).sum();
    if let Some(counts) = counts {
        put_right(buffer, whole, state.look, &counts, 0);
    }
    let beside = right.1.width();
    if beside > 0 && text.min(head(row) + least(&right)) + 2 + beside <= width {
        let left = (width - beside - 2) as u16;
        put(buffer, Rect { width: left, ..area }, state.look, &line);
        put_right(buffer, area, state.look, &right, 0);
    } else {
        put(buffer, area, state.look, &line);
    }
}

/// What a rule counts, as far as it has a place in the row, and the row without that place. It is kept free for each rule that
/// counts, be it now or not, so that no text moves.
fn counts(state: &State, row: &Row<Id>, area: Rect) -> (Option<Piece>, Rect) {
    let Id::Rule(frame, index) = row.id else { return (None, area) };
    let at = state.frames.get(frame);
    let rule = (at.place.namespace, at.rule(index));
    if !counts::counts(state, rule) {
        return (None, area);
    }
    let number = rule.1.number().to_string().width() + 1;
    let right = turned_to(state, frame, index).map(|text| (Tone::Changed, text));
    let told = right.map_or(number + RULE, |right| number + least(&right) + 2 + right.1.width());
    let fits = |room: &Room| {
        let width = usize::from(area.width);
        width >= room.from() && head(row) + told + room.columns() + 2 <= width
    };
    let room = Room::ALL.into_iter().find(fits).unwrap_or(Room::Sign);
    let width = area.width.saturating_sub(room.columns() as u16 + 2);
    (counts::beside(state, rule, room), Rect { width, ..area })
}

/// The new address that a rule gives the packet: `→ 10.42.0.2:80`.
fn turned_to(state: &State, frame: FrameId, index: u32) -> Option<String> {
    let held = state.path.trodden.get(&frame)?.held.get(&index)?;
    let to = held.verdict.translation()?;
    Some(match (to.addr?, to.port) {
        (addr, Some(port)) => format!("→ {}", std::net::SocketAddr::new(addr, port)),
        (addr, None) => format!("→ {addr}"),
    })
}

/// The gutter, the space for the depth, and whether the row is open.
fn prefix(state: &State, row: &Row<Id>, on_the_way: bool, way: Tone) -> Vec<Piece> {
    let fold = match row.open {
        Some(true) => Some("▾"),
        Some(false) => Some("▸"),
        None => None,
    };
    let space = 1 + 2 * usize::from(row.depth.min(DEEPEST));
    let sign = match row.id {
        Id::Pass(_) => return vec![(way, "▼ ".to_owned())],
        Id::Route(_) => return vec![(way, "◇ ".to_owned())],
        Id::Fate => return vec![(way, "◉ ".to_owned())],
        Id::Rule(frame, index) => {
            let held = state.path.trodden.get(&frame).and_then(|trodden| trodden.held.get(&index));
            held.map(|mark| (mark.decides(), ends_here(state, StepAt::Rule(state.frames.get(frame).rule(index)))))
        }
        Id::End(frame) if is_drop(state, frame) => {
            Some((true, ends_here(state, StepAt::End(state.frames.get(frame).chain))))
        }
        Id::Hook(_) | Id::Table(_) | Id::Base(_) | Id::Run { .. } | Id::End(_) => None,
    };
    match sign {
        None => {
            let gutter = if on_the_way { "┃" } else { " " };
            let rest = format!("{}{} ", " ".repeat(space), fold.unwrap_or(" "));
            vec![(way, gutter.to_owned()), (Tone::Dim, rest)]
        }
        Some((decides, ends)) => {
            let corner = if ends { "┗" } else { "┣" };
            let line = match (fold, decides) {
                (Some(fold), _) => format!("{corner}{} {fold} ", "━".repeat(space - 1)),
                (None, true) => format!("{corner}{}▶ ", "━".repeat(space)),
                (None, false) => format!("{corner}{}╸ ", "━".repeat(space)),
            };
            vec![(way, line)]
        }
    }
}

/// Whether the packet's way ends at a rule or policy.
fn ends_here(state: &State, at: StepAt) -> bool {
    state.outcome().and_then(|outcome| outcome.fate.by.as_ref()).is_some_and(|step| {
        step.at == at && !matches!(state.outcome().map(|outcome| outcome.fate.kind), Some(FateKind::Delivered))
    })
}

fn is_drop(state: &State, frame: FrameId) -> bool {
    state.path.trodden.get(&frame).and_then(|trodden| trodden.end) == Some(Verdict::Policy(Policy::Drop))
}

/// What a row of `width` columns says, and what stands at its right end.
fn tell(state: &State, row: &Row<Id>, width: usize) -> (Vec<Piece>, Piece) {
    let nothing = (Tone::Dim, String::new());
    match row.id {
        Id::Pass(pass) => (pass_text(state, pass), nothing),
        Id::Hook(place) => hook(state, row, place),
        Id::Table(at) => table(state, row, at),
        Id::Base(frame) => base(state, row, frame, width),
        Id::Rule(frame, index) => rule(state, row, frame, index, width),
        Id::Run { count, reached, .. } => {
            let what = if reached { "rules that do not match" } else { "rules never reached" };
            (vec![(Tone::Dim, format!("· {count} {what} ·"))], nothing)
        }
        Id::End(frame) => {
            let policy = match state.path.trodden.get(&frame).and_then(|trodden| trodden.end) {
                Some(Verdict::Policy(policy)) => format!("policy {}", policy.name()),
                _ => "end".to_owned(),
            };
            let tone = if is_drop(state, frame) { Tone::Bad } else { Tone::Dim };
            (vec![(tone, policy)], nothing)
        }
        Id::Route(event) => (route(state, event), nothing),
        Id::Fate => (fate(state), nothing),
    }
}

fn pass_text(state: &State, pass: u32) -> Vec<Piece> {
    let Some(pass) = state.outcome().and_then(|outcome| outcome.pass(pass)) else {
        return Vec::new();
    };
    let text = entrance(state, pass) + &elsewhere(state, pass.namespace);
    vec![(Tone::Strong, clean(&text).into_owned()), (Tone::Dim, format!(", {}", words::endpoints(&pass.enters)))]
}

fn hook(state: &State, row: &Row<Id>, place: Place) -> (Vec<Piece>, Piece) {
    let section = state.path.sections.iter().find_map(|section| match section {
        Section::Hook { place: known, reached, chains } if *known == place => Some((*reached, chains.as_slice())),
        _ => None,
    });
    let (reached, chains) = section.unwrap_or((None, &[]));
    let name = place.hook.name().to_owned();
    let count = |n: usize, what: &str| if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") };
    let right = match reached {
        Some(false)
            if state.outcome().is_some_and(|outcome| comes_by(outcome, place.namespace, place.hook).is_some()) =>
        {
            "no chain sees it".to_owned()
        }
        Some(false) => "never reached".to_owned(),
        None => count(chains.len(), "chain"),
        Some(true) if row.open == Some(true) => first_pass(state, place).unwrap_or_default(),
        Some(true) => match state.path.held_at(place, &state.frames) {
            0 => format!("{}, no rule holds", count(chains.len(), "chain")),
            1 => "1 rule holds".to_owned(),
            held => format!("{held} rules hold"),
        },
    };
    let tone = match reached {
        Some(true) => Tone::Strong,
        Some(false) => Tone::Dim,
        None => Tone::Plain,
    };
    (vec![(tone, name)], (Tone::Dim, right))
}

/// Where the packet enters, beside the first hook of a way of one pass.
fn first_pass(state: &State, place: Place) -> Option<String> {
    let outcome = state.outcome()?;
    let first = outcome.steps().next()?;
    let [pass] = &outcome.passes[..] else { return None };
    if first.hook != place.hook {
        return None;
    }
    Some(clean(&entrance(state, pass)).into_owned())
}

/// How a pass begins.
fn entrance(state: &State, pass: &Pass) -> String {
    let query = state.answer().map(|answer| &answer.walk.query);
    let made = query.is_some_and(|query| query.origin == Origin::Local || query.turn == Turn::Reply);
    match &pass.iif {
        Some(iif) => format!("enters by {iif}"),
        None if made && pass.number == 1 && pass.namespace == state.namespace => "made by this host".to_owned(),
        None if made && pass.number == 1 => "made".to_owned(),
        None => "enters by a device unknown".to_owned(),
    }
}

/// A table of a namespace that the packet comes through.
fn table(state: &State, row: &Row<Id>, at: TableAt) -> (Vec<Piece>, Piece) {
    let nothing = (Tone::Dim, String::new());
    let Some(table) = state.host.namespaces[at.namespace].ruleset.tables.get(at.index as usize) else {
        return (Vec::new(), nothing);
    };
    let name = clean(&format!("{} {}", table.family, table.name)).into_owned();
    let right = if row.open == Some(false) { (Tone::Dim, plural(table.chains.len() as u64, "chain")) } else { nothing };
    let place = clean(&elsewhere(state, at.namespace)).into_owned();
    (vec![(Tone::Strong, name), (Tone::Dim, format!("  {}", table.backend)), (Tone::Strong, place)], right)
}

fn base(state: &State, row: &Row<Id>, frame: FrameId, width: usize) -> (Vec<Piece>, Piece) {
    let at = state.frames.get(frame);
    let ruleset = &state.host.namespaces[at.place.namespace].ruleset;
    let (table, chain) = (ruleset.table(at.chain), ruleset.chain(at.chain));
    let trodden = state.path.trodden.get(&frame);
    let tone = if trodden.is_some() {
        Tone::Strong
    } else if state.outcome().is_some() {
        Tone::Dim
    } else {
        Tone::Plain
    };
    let by_table = state.grouping == Grouping::Table;
    let name = if by_table { clean(&chain.name).into_owned() } else { base_text(ruleset, at.chain) };
    let mut text = vec![(tone, name)];
    let Some(base) = &chain.base else { return (text, (Tone::Dim, plural(chain.rules.len() as u64, "rule"))) };
    text.push(match by_table {
        true => (Tone::Dim, format!("  {} {}", base.hook, base.priority)),
        false => (Tone::Dim, format!("  {} {} {}", table.family, base.priority, table.backend)),
    });
    let policy = match (base.registration, trodden.and_then(|trodden| trodden.end)) {
        (Registration::Dormant, _) => "dormant".to_owned(),
        (_, Some(Verdict::Policy(policy))) => format!("policy {}", policy.name()),
        (_, _) => String::new(),
    };
    let all = chain.rules.len();
    let right = match (trodden, row.open) {
        (Some(trodden), Some(false)) => join(&held_of(trodden.held.len(), trodden.seen(all as u32) as usize), &policy),
        (Some(_), _) => policy.clone(),
        // Its rules are still to come.
        (None, _) if all == 0 && state.is_opening() => policy.clone(),
        (None, _) => join(&plural(all as u64, "rule"), &policy),
    };
    // Beside rules that held it would say that the packet came to it.
    let decided = policy.is_empty() && (trodden.is_none() || right.is_empty());
    let spare = decided && base.registration != Registration::Absent;
    let told = if spare { join(&right, &format!("policy {}", base.policy.name())) } else { right.clone() };
    let used: usize = text.iter().map(|(_, text)| text.width()).sum();
    let fits = head(row) + used + 2 + told.width() <= width;
    (text, (Tone::Dim, if fits { told } else { right }))
}

/// How many columns stand before the text of a row.
fn head(row: &Row<Id>) -> usize {
    usize::from(1 + 2 * row.depth.min(DEEPEST)) + 3
}

/// `no rules`, `1 rule`, `2 rules`.
pub(super) fn plural(count: u64, what: &str) -> String {
    match count {
        0 => format!("no {what}s"),
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}

fn join(first: &str, second: &str) -> String {
    if first.is_empty() || second.is_empty() { format!("{first}{second}") } else { format!("{first}, {second}") }
}

fn held_of(held: usize, seen: usize) -> String {
    match (held, seen) {
        (0, 0) => String::new(),
        (0, seen) => format!("none of {seen} holds"),
        (1, seen) => format!("1 of {seen} holds"),
        (held, seen) => format!("{held} of {seen} hold"),
    }
}

fn rule(state: &State, row: &Row<Id>, frame: FrameId, index: u32, width: usize) -> (Vec<Piece>, Piece) {
    let at = state.frames.get(frame);
    let ruleset = &state.host.namespaces[at.place.namespace].ruleset;
    let rule = at.rule(index);
    let held = state.path.trodden.get(&frame).and_then(|trodden| trodden.held.get(&index));
    let tone = match held {
        None if state.outcome().is_some() => Tone::Dim,
        None => Tone::Plain,
        Some(mark) if mark.decides() => verdict_tone(&mark.verdict),
        Some(_) => Tone::Strong,
    };
    let number = (if held.is_some() { tone } else { Tone::Dim }, format!("{} ", rule.number()));
    let right = match held.map(|mark| mark.verdict) {
        Some(verdict) if verdict.translation().is_some() => {
            (Tone::Changed, turned_to(state, frame, index).unwrap_or_default())
        }
        Some(Verdict::Jump(_) | Verdict::Goto(_)) if row.open == Some(false) => (Tone::Dim, below(state, frame, index)),
        _ => (Tone::Dim, String::new()),
    };
    let used = head(row) + number.1.width();
    let beside = if right.1.is_empty() { 0 } else { right.1.width() + 2 };
    let room = width.saturating_sub(used);
    let whole = clean(&brief(&syntax::rule_spec(ruleset, rule))).into_owned();
    let translates = held.is_some_and(|mark| mark.verdict.translation().is_some());
    if whole.width() <= room.saturating_sub(if translates { 0 } else { beside }) {
        let right = if translates { (Tone::Dim, String::new()) } else { right };
        return (vec![number, (tone, whole)], right);
    }
    let room = if room + number.1.width() >= beside + least(&right) { room - beside } else { room };
    let mut pieces = vec![number];
    match &ruleset.rule(rule).body {
        Body::Iptables(body) => pieces.extend(spec(ruleset.table(rule.chain), body, tone, room, translates)),
        Body::Nft(body) => {
            let does = clean(&brief(&syntax::part_text(ruleset, rule, None))).into_owned();
            let comment = body.comment.as_ref().map(|comment| clean(&format!(" comment \"{comment}\"")).into_owned());
            let bare = comment.and_then(|comment| whole.strip_suffix(comment.as_str())).unwrap_or(&whole);
            pieces.extend(squeezed(bare, &does, tone, room));
        }
    }
    (pieces, right)
}

/// A rule in `room` columns that may not hold all of it: the middle gives way, so that what it does stays in sight.
fn squeezed(text: &str, does: &str, tone: Tone, room: usize) -> Vec<Piece> {
    let asks = text.strip_suffix(does).map(str::trim_end).filter(|asks| !asks.is_empty() && !does.is_empty());
    let Some(asks) = asks.filter(|_| text.width() > room) else { return vec![(tone, fit(text, room))] };
    // The conditions get two fifths, or what the target leaves; a short one (`-j DNAT`) stands whole.
    let left = room.saturating_sub(does.width() + 1);
    let most = if does.width() < TARGET && left > 1 { left } else { room };
    let least = (room * 2 / 5).min(asks.width()).min(most);
    let does = fit(does, room.saturating_sub(least + 1));
    vec![(tone, fit(asks, room.saturating_sub(does.width() + 1))), (tone, format!(" {does}"))]
}

/// A rule in `room` columns that do not hold all of it: its comment gives way first, then what goes without saying, then
/// the middle, so that what it does stays in sight. `translates`: what it translates to stands elsewhere.
fn spec(table: &Table, body: &xt::Rule, tone: Tone, room: usize, translates: bool) -> Vec<Piece> {
    let is_comment = |part: &&xt::Match| matches!(part, xt::Match::Comment(_));
    let comment = body.matches.iter().find(is_comment);
    let bare = xt::Rule {
        matches: body.matches.iter().filter(|part| !is_comment(part)).cloned().collect(),
        target: body.target.clone(),
    };
    let text = clean(&iptables::rule_spec(table, &bare)).into_owned();
    if text.width() <= room {
        let mut pieces = vec![(tone, text)];
        if let Some(xt::Match::Comment(comment)) = comment {
            pieces.push((Tone::Dim, format!("  # {}", clean(comment))));
        }
        return pieces;
    }
    let does = clean(&iptables::target_text(table, &bare.target)).into_owned();
    let Some(asks) = text.strip_suffix(does.as_str()) else { return vec![(tone, fit(&text, room))] };
    let (mut asks, mut does) = (asks.to_owned(), does);
    for protocol in ["tcp", "udp", "sctp"] {
        // `-p` loads the match of its protocol by itself.
        asks = asks.replacen(&format!("-p {protocol} -m {protocol} "), &format!("-p {protocol} "), 1);
    }
    if translates && let Some((name, _)) = does.split_once(" --") {
        does = name.to_owned();
    }
    squeezed(&format!("{asks}{does}"), &does, tone, room)
}

/// What came of a chain that is folded: how many of its rules held, and whether it came back.
fn below(state: &State, frame: FrameId, index: u32) -> String {
    let led = state.path.trodden.iter().find(|(id, _)| state.frames.get(**id).parent == Some((frame, index)));
    let Some((below, trodden)) = led else { return String::new() };
    let at = state.frames.get(*below);
    let all = state.host.namespaces[at.place.namespace].ruleset.chain(at.chain).rules.len() as u32;
    // A goto never comes back.
    let entered = state.path.trodden.get(&frame).and_then(|from| from.held.get(&index)).map(|mark| mark.verdict);
    let back = match (trodden.end, entered) {
        (None, _) => "",
        (Some(_), Some(Verdict::Goto(_))) => "ends",
        (Some(_), _) => "returns",
    };
    join(&held_of(trodden.held.len(), trodden.seen(all) as usize), back)
}

fn route(state: &State, event: usize) -> Vec<Piece> {
    let Some(Event::Route(route)) = state.outcome().and_then(|outcome| outcome.events.get(event)) else {
        return Vec::new();
    };
    let tone = if matches!(route.decision, RouteDecision::Refused(_)) { Tone::Bad } else { Tone::Plain };
    vec![(Tone::Strong, "route ".to_owned()), (tone, clean(&words::route(route)).into_owned())]
}

fn fate(state: &State) -> Vec<Piece> {
    let Some(outcome) = state.outcome() else { return Vec::new() };
    let tone = look::fate(&outcome.fate);
    let text = words::fate(&outcome.fate) + &elsewhere(state, outcome.fate.namespace);
    let mut pieces = vec![(tone, clean(&text).into_owned())];
    if outcome.fate.kind == FateKind::Delivered {
        let who = by_kernel(state).unwrap_or_else(|| words::receiver(&state.host, &outcome.fate));
        pieces.push((Tone::Plain, format!(": {}", clean(&who))));
    }
    pieces
}

/// How the way ends, in a few words: `traefik (4365)`, `dropped`.
pub(super) fn end_text(state: &State, outcome: &Outcome) -> String {
    match outcome.fate.kind {
        FateKind::Delivered => by_kernel(state).unwrap_or_else(|| words::holder(&state.host, &outcome.fate)),
        _ => words::fate(&outcome.fate),
    }
}

/// The kernel, where it answers by itself.
fn by_kernel(state: &State) -> Option<String> {
    let who = state.answer().map(|answer| &answer.who).filter(|who| **who == Who::Kernel)?;
    Some(words::who(&state.host, state.namespace, who))
}

/// The tone of a verdict.
pub(super) fn verdict_tone(verdict: &Verdict) -> Tone {
    match verdict {
        Verdict::Accept => Tone::Good,
        Verdict::Drop | Verdict::Reject(_) | Verdict::Policy(Policy::Drop) => Tone::Bad,
        Verdict::Dnat(_)
        | Verdict::Snat(_)
        | Verdict::Masquerade(_)
        | Verdict::Redirect(_)
        | Verdict::Netmap(_)
        | Verdict::Tproxy
        | Verdict::Stolen => Tone::Changed,
        Verdict::Unknown | Verdict::Queue => Tone::Unsure,
        Verdict::Return
        | Verdict::Continue
        | Verdict::Jump(_)
        | Verdict::Goto(_)
        | Verdict::Policy(Policy::Accept)
        | Verdict::Notrack => Tone::Strong,
    }
}
