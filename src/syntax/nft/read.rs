//! nft's language as text → its tree.

mod again;
mod effect;
mod expr;
mod object;
mod statement;
#[cfg(test)]
mod tests;
mod token;

use super::tree::{Base, Chain, Gives, Priority, Rules, Set, Statement, Table, TypeOf};
use crate::host::Family;
use crate::host::nft::SetFlags;
use crate::syntax::{Diagnostic, DiagnosticKind};
use token::{Token, Tokens};

/// What was read is not what was looked for.
#[derive(Debug, Clone, Copy)]
struct Fault;

struct Reader<'t> {
    tokens: Tokens<'t>,
    /// Left sides are read: `mark` is `meta mark`.
    left: bool,
    depth: usize,
    /// Where the rule that is read ends.
    end: usize,
    /// What could not be read: the line, and what there is to say.
    faults: Vec<(usize, String)>,
}

/// The tables of a listing. What stands between them, a prompt or prose, is passed over.
pub(super) fn read<'t>(text: &'t str, diagnostics: &mut Vec<Diagnostic>) -> Vec<Table<'t>> {
    let tokens = Tokens::new(text);
    let mut reader = Reader { tokens, left: true, depth: 0, end: 0, faults: Vec::new() };
    let mut tables = Vec::new();
    loop {
        reader.skip_lines();
        let (start, line) = (reader.tokens, reader.tokens.line);
        match reader.tokens.next() {
            Token::End => break,
            Token::Word("table") => match reader.table() {
                Ok(table) => tables.push(table),
                Err(Fault) => {
                    reader.tokens = start;
                    reader.tokens.next();
                    reader.faults.push((line, "a table that is not understood".to_owned()));
                }
            },
            _ => {}
        }
    }
    let said = reader.faults.into_iter();
    diagnostics.extend(said.map(|(line, text)| Diagnostic { line, kind: DiagnosticKind::Damaged, text }));
    again::gathered(tables)
}

/// A statement that stands alone.
pub(super) fn statement(text: &str) -> Option<Statement<'_>> {
    let tokens = Tokens::new(text);
    let mut reader = Reader { tokens, left: true, depth: 0, end: 0, faults: Vec::new() };
    let found = reader.statement().ok()?;
    reader.skip_lines();
    (reader.tokens.next() == Token::End).then_some(found)
}

impl<'t> Reader<'t> {
    fn skip_lines(&mut self) {
        while matches!(self.tokens.peek(), Token::Line) {
            self.tokens.next();
        }
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = self.tokens.peek() == Token::Word(word);
        if found {
            self.tokens.next();
        }
        found
    }

    fn take_sign(&mut self, sign: &str) -> bool {
        let found = self.tokens.peek() == Token::Sign(sign);
        if found {
            self.tokens.next();
        }
        found
    }

    fn need(&mut self, word: &str) -> Result<(), Fault> {
        self.take_word(word).then_some(()).ok_or(Fault)
    }

    fn need_sign(&mut self, sign: &str) -> Result<(), Fault> {
        self.take_sign(sign).then_some(()).ok_or(Fault)
    }

    fn need_word(&mut self) -> Result<&'t str, Fault> {
        match self.tokens.next() {
            Token::Word(word) => Ok(word),
            _ => Err(Fault),
        }
    }

    fn need_name(&mut self) -> Result<&'t str, Fault> {
        match self.tokens.next() {
            Token::Word(word) | Token::Text(word) => Ok(word),
            _ => Err(Fault),
        }
    }

    fn need_text(&mut self) -> Result<&'t str, Fault> {
        self.need_name()
    }

    fn number<N: TryFrom<u64>>(&mut self) -> Result<N, Fault> {
        let word = self.need_word()?;
        let number = match word.strip_prefix("0x") {
            Some(digits) => u64::from_str_radix(digits, 16),
            None => word.parse(),
        };
        N::try_from(number.map_err(|_| Fault)?).map_err(|_| Fault)
    }

    /// A time in milliseconds.
    fn time(&mut self) -> Result<u64, Fault> {
        let word = self.need_word()?;
        super::compile::time(word).and_then(|time| u64::try_from(time).ok()).ok_or(Fault)
    }

    /// How many blanks come before the next word.
    fn skipped(&self) -> usize {
        let mut copy = self.tokens;
        let Token::Word(word) = copy.next() else { return 0 };
        copy.at - word.len() - self.tokens.at
    }

    /// What follows an opening brace in `nft -a`.
    fn open(&mut self) -> Result<Option<u64>, Fault> {
        self.need_sign("{")?;
        if let Token::Comment(comment) = self.tokens.peek() {
            self.tokens.next();
            return Ok(statement::handle(comment));
        }
        Ok(None)
    }

    fn table(&mut self) -> Result<Table<'t>, Fault> {
        let family = match self.need_word()? {
            "ip" => Family::Ip,
            "ip6" => Family::Ip6,
            "inet" => Family::Inet,
            "arp" => Family::Arp,
            "bridge" => Family::Bridge,
            "netdev" => Family::Netdev,
            _ => return Err(Fault),
        };
        let name = self.need_name()?;
        let mut table = Table {
            family,
            name,
            handle: self.open()?,
            flags: 0,
            comment: None,
            chains: Vec::new(),
            sets: Vec::new(),
            objects: Vec::new(),
            flowtables: Vec::new(),
        };
        loop {
            self.skip_lines();
            let (start, line) = (self.tokens, self.tokens.line);
            match self.tokens.peek() {
                Token::Sign("}") | Token::End => {
                    self.close();
                    return Ok(table);
                }
                _ if self.item_of_table(&mut table).is_ok() => {}
                _ => {
                    self.tokens = start;
                    self.depth = 0;
                    self.skip_item();
                    let text = self.tokens.between(start.at, self.tokens.at).lines().next().unwrap_or_default();
                    self.faults.push((line, format!("{text}: it is not understood")));
                }
            }
        }
    }

    /// A closing brace; a text that ends before it is not whole.
    fn close(&mut self) {
        const CUT: &str = "the text ends within a table";
        // A chain that does not end is told: so is its table.
        if !self.take_sign("}") && self.faults.last().is_none_or(|(_, text)| text != CUT) {
            self.faults.push((self.tokens.line_before(), CUT.to_owned()));
        }
    }

    /// Passes over something in a table, up to the end of the line or of the braces that it opens.
    fn skip_item(&mut self) {
        let mut depth = 0;
        loop {
            match self.tokens.next() {
                Token::Sign("{") => depth += 1,
                Token::Sign("}") if depth <= 1 => return,
                Token::Sign("}") => depth -= 1,
                Token::Line if depth == 0 => return,
                Token::End => return,
                _ => {}
            }
        }
    }

    fn item_of_table(&mut self, table: &mut Table<'t>) -> Result<(), Fault> {
        match self.tokens.next() {
            Token::Comment(_) => {}
            Token::Word("flags") => loop {
                table.flags |= match self.need_word()? {
                    "dormant" => 1,
                    "owner" => 2,
                    _ => return Err(Fault),
                };
                if !self.take_sign(",") {
                    break;
                }
            },
            Token::Word("comment") => table.comment = Some(self.need_text()?),
            Token::Word("chain") => table.chains.push(self.chain()?),
            Token::Word(word @ ("set" | "map")) => {
                let set = self.set(word == "map")?;
                match &set.key {
                    TypeOf::Names(names) if names.is_empty() => {
                        self.faults.push((set.line, format!("{word} {}: its type is not told", set.name)));
                    }
                    TypeOf::Names(_) | TypeOf::Exprs(_) => table.sets.push(set),
                }
            }
            Token::Word("flowtable") => table.flowtables.push(self.flowtable()?),
            Token::Word(word @ ("counter" | "quota" | "limit" | "synproxy" | "secmark" | "ct")) => {
                table.objects.push(self.object_of(word)?);
            }
            _ => return Err(Fault),
        }
        Ok(())
    }

    fn chain(&mut self) -> Result<Chain<'t>, Fault> {
        let name = self.need_name()?;
        let handle = self.open()?;
        let mut chain = Chain { name, handle, comment: None, base: None, offload: false, rules: Rules::default() };
        loop {
            self.skip_lines();
            match self.tokens.peek() {
                Token::Word("type") => {
                    self.tokens.next();
                    chain.base = Some(self.base(&mut chain.offload)?);
                }
                Token::Word("comment") => {
                    self.tokens.next();
                    chain.comment = Some(self.need_text()?);
                }
                _ => break,
            }
        }
        chain.rules = self.rules()?;
        self.close();
        Ok(chain)
    }

    fn base(&mut self, offload: &mut bool) -> Result<Base<'t>, Fault> {
        let kind = self.need_word()?;
        self.need("hook")?;
        let hook = self.need_word()?;
        let mut base =
            Base { kind, hook, devices: Vec::new(), priority: Priority { name: None, number: 0 }, policy_drop: None };
        loop {
            match self.tokens.peek() {
                Token::Word("device" | "devices") => {
                    self.tokens.next();
                    base.devices = self.devices()?;
                }
                Token::Word("priority") => {
                    self.tokens.next();
                    base.priority = self.priority()?;
                }
                Token::Word("policy") => {
                    self.tokens.next();
                    base.policy_drop = Some(self.need_word()? == "drop");
                }
                Token::Word("flags") => {
                    self.tokens.next();
                    *offload = self.need_word()? == "offload";
                }
                // A semicolon, or the end of the line.
                Token::Line => {
                    let line = self.tokens.line;
                    self.tokens.next();
                    if self.tokens.line != line {
                        return Ok(base);
                    }
                }
                _ => return Ok(base),
            }
        }
    }

    fn devices(&mut self) -> Result<Vec<&'t str>, Fault> {
        let _ = self.take_sign("=");
        if !self.take_sign("{") {
            return Ok(vec![self.need_name()?]);
        }
        let mut devices = Vec::new();
        loop {
            self.skip_lines();
            if self.take_sign("}") {
                return Ok(devices);
            }
            devices.push(self.need_name()?);
            let _ = self.take_sign(",");
        }
    }

    fn priority(&mut self) -> Result<Priority<'t>, Fault> {
        let word = self.need_word()?;
        if let Ok(number) = word.parse() {
            return Ok(Priority { name: None, number });
        }
        let number = match self.tokens.peek() {
            Token::Word("+") => {
                self.tokens.next();
                self.number::<u32>()? as i32
            }
            Token::Word("-") => {
                self.tokens.next();
                -(self.number::<u32>()? as i32)
            }
            _ => 0,
        };
        Ok(Priority { name: Some(word), number })
    }

    fn type_names(&mut self) -> Result<TypeOf<'t>, Fault> {
        let mut names = vec![self.need_word()?];
        while self.take_word(".") {
            names.push(self.need_word()?);
        }
        Ok(TypeOf::Names(names))
    }

    fn set(&mut self, map: bool) -> Result<Set<'t>, Fault> {
        let line = self.tokens.line;
        let name = self.need_name()?;
        let mut set = Set {
            line,
            name,
            handle: self.open()?,
            map,
            key: TypeOf::Names(Vec::new()),
            gives: Gives::Nothing,
            flags: 0,
            timeout: 0,
            gc_interval: 0,
            size: 0,
            memory: false,
            merges: false,
            comment: None,
            statements: Vec::new(),
            elements: Vec::new(),
        };
        loop {
            self.skip_lines();
            match self.tokens.peek() {
                Token::Sign("}") => {
                    self.tokens.next();
                    return Ok(set);
                }
                Token::Word(word) => self.property(word, &mut set)?,
                _ => return Err(Fault),
            }
        }
    }

    fn property(&mut self, word: &'t str, set: &mut Set<'t>) -> Result<(), Fault> {
        if let "counter" | "limit" | "quota" | "ct" | "last" = word {
            let statement = self.statement()?;
            set.statements.push(statement);
            return Ok(());
        }
        self.tokens.next();
        match word {
            "type" => {
                set.key = self.type_names()?;
                if set.map {
                    self.need(":")?;
                    set.gives = self.gives(false)?;
                }
            }
            "typeof" => {
                set.key = TypeOf::Exprs(self.concat()?);
                if set.map {
                    self.need(":")?;
                    set.gives = self.gives(true)?;
                }
            }
            "flags" => loop {
                set.flags |= match self.need_word()? {
                    "constant" => SetFlags::CONSTANT,
                    "interval" => SetFlags::INTERVAL,
                    "timeout" => SetFlags::TIMEOUT,
                    "dynamic" => SetFlags::EVAL,
                    _ => return Err(Fault),
                }
                .bits();
                if !self.take_sign(",") {
                    break;
                }
            },
            "timeout" => set.timeout = self.time()?,
            "gc-interval" => set.gc_interval = self.time()?,
            "size" => set.size = self.number()?,
            "policy" => set.memory = self.need_word()? == "memory",
            "auto-merge" => set.merges = true,
            "comment" => set.comment = Some(self.need_text()?),
            "elements" => {
                self.need_sign("=")?;
                set.elements = self.braces()?;
            }
            _ => return Err(Fault),
        }
        Ok(())
    }

    fn gives(&mut self, exprs: bool) -> Result<Gives<'t>, Fault> {
        let interval = self.take_word("interval");
        match self.tokens.peek() {
            Token::Word("verdict") => {
                self.tokens.next();
                return Ok(Gives::Verdict);
            }
            Token::Word(word) if matches!(word, "counter" | "quota" | "limit" | "synproxy" | "secmark") => {
                self.tokens.next();
                return Ok(Gives::Object(object::object_kind(word)));
            }
            _ => {}
        }
        let of = if exprs { TypeOf::Exprs(self.concat()?) } else { self.type_names()? };
        Ok(Gives::Values { of, interval })
    }
}
