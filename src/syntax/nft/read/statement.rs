//! Statements of rules.

use super::token::Token;
use super::{Fault, Reader};
use crate::host::nft::{Limit, ObjectKind};
use crate::syntax::nft::tree::{Expr, NatKind, Rule, Rules, Sign, Statement};

impl<'t> Reader<'t> {
    /// A rule up to the end of its line; comments of `nft -a` tell its handle.
    fn rule(&mut self, rules: &mut Rules<'t>) {
        let (from, line) = (self.tokens.at, self.tokens.line);
        let first = rules.statements.len();
        let mut rule = Rule { text: "", line, handle: None, comment: None, statements: 0..0 };
        let found = self.rule_body(&mut rule, &mut rules.statements);
        // What is not understood is passed over, up to the end of the line and of the braces that it opens.
        if found.is_err() {
            rules.statements.truncate(first);
            rules.statements.push(Statement::Unread);
            self.tokens.at = from;
            self.tokens.line = line;
            rule.handle = self.skip_rule();
        }
        rule.text = self.tokens.between(from, self.end);
        rule.statements = first..rules.statements.len();
        rules.rules.push(rule);
    }

    fn rule_body(&mut self, rule: &mut Rule<'t>, statements: &mut Vec<Statement<'t>>) -> Result<(), Fault> {
        self.left = true;
        loop {
            self.end = self.tokens.at;
            match self.tokens.peek() {
                Token::Line => {
                    self.tokens.next();
                    return Ok(());
                }
                Token::Sign("}") | Token::End => return Ok(()),
                Token::Comment(comment) => {
                    self.tokens.next();
                    rule.handle = handle(comment).or(rule.handle);
                    // Its end is before the comment.
                    let end = self.end;
                    if self.tokens.peek() == Token::Line {
                        self.tokens.next();
                    }
                    self.end = end;
                    return Ok(());
                }
                Token::Word("comment") => {
                    self.tokens.next();
                    rule.comment = Some(self.need_text()?);
                }
                _ => {
                    let statement = self.statement()?;
                    statements.push(statement);
                }
            }
        }
    }

    /// Passes over a rule that is not understood.
    fn skip_rule(&mut self) -> Option<u64> {
        let mut depth = 0;
        let mut found = None;
        loop {
            self.end = self.tokens.at;
            match self.tokens.peek() {
                Token::Line if depth == 0 => break,
                Token::Sign("}") if depth == 0 => return found,
                Token::End => return found,
                Token::Sign("{") => depth += 1,
                Token::Sign("}") => depth -= 1,
                Token::Comment(comment) => {
                    let end = self.end;
                    found = handle(comment);
                    self.tokens.next();
                    if depth == 0 {
                        self.end = end;
                        break;
                    }
                    continue;
                }
                _ => {}
            }
            self.tokens.next();
        }
        if self.tokens.peek() == Token::Line {
            self.tokens.next();
        }
        found
    }

    pub(super) fn statement(&mut self) -> Result<Statement<'t>, Fault> {
        if let Some(verdict) = self.block_or_verdict()? {
            return Ok(verdict);
        }
        let Token::Word(word) = self.tokens.peek() else { return self.matching() };
        let start = self.tokens;
        self.tokens.next();
        Ok(match word {
            "counter" => self.counter()?,
            "limit" => self.limit_or_name()?,
            "quota" => self.quota_or_name()?,
            "last" => Statement::Last(if self.take_word("used") { self.last()? } else { None }),
            "log" => Statement::Log(self.log()?),
            "reject" => Statement::Reject { with: self.reject()? },
            "snat" => Statement::Nat(Box::new(self.nat(NatKind::Snat)?)),
            "dnat" => Statement::Nat(Box::new(self.nat(NatKind::Dnat)?)),
            "masquerade" => Statement::Nat(Box::new(self.nat(NatKind::Masquerade)?)),
            "redirect" => Statement::Nat(Box::new(self.nat(NatKind::Redirect)?)),
            "tproxy" => self.tproxy()?,
            "dup" => {
                self.need("to")?;
                let to = self.mapped()?;
                let device = if self.take_word("device") { Some(self.mapped()?) } else { None };
                Statement::Dup { to, device }
            }
            "fwd" => self.fwd()?,
            "queue" => self.queue()?,
            "synproxy" => self.synproxy_or_name()?,
            "notrack" => Statement::Notrack,
            "flow" => {
                let _ = self.take_word("add") || self.take_word("offload");
                Statement::FlowOffload(self.need_word()?.trim_start_matches('@'))
            }
            "add" | "update" | "delete" => self.change(word)?,
            "meter" => self.meter()?,
            "reset" => Statement::Reset(self.expr()?),
            "ct" => match self.ct_statement()? {
                Some(statement) => statement,
                None => {
                    self.tokens = start;
                    return self.matching();
                }
            },
            _ => {
                self.tokens = start;
                return self.matching();
            }
        })
    }

    fn block_or_verdict(&mut self) -> Result<Option<Statement<'t>>, Fault> {
        if let Token::Word(word @ ("jump" | "goto")) = self.tokens.peek() {
            let start = self.tokens;
            self.tokens.next();
            if self.take_sign("{") {
                let rules = self.rules()?;
                self.need_sign("}")?;
                return Ok(Some(Statement::Block { goto: word == "goto", rules }));
            }
            self.tokens = start;
        }
        Ok(self.verdict()?.map(Statement::Verdict))
    }

    /// Rules up to a closing brace.
    pub(super) fn rules(&mut self) -> Result<Rules<'t>, Fault> {
        self.depth += 1;
        if self.depth > 16 {
            return Err(Fault);
        }
        let mut rules = Rules::default();
        loop {
            self.skip_lines();
            match self.tokens.peek() {
                Token::Sign("}") | Token::End => break,
                Token::Comment(_) => {
                    self.tokens.next();
                }
                _ => self.rule(&mut rules),
            }
        }
        self.depth -= 1;
        Ok(rules)
    }

    fn matching(&mut self) -> Result<Statement<'t>, Fault> {
        let left = self.concat()?;
        if self.take_word("vmap") {
            let map = self.set_or_braces()?;
            return Ok(Statement::VerdictMap { key: left, map });
        }
        self.left = false;
        let found = self.right_of(left);
        self.left = true;
        found
    }

    fn right_of(&mut self, left: Expr<'t>) -> Result<Statement<'t>, Fault> {
        if self.take_word("set") {
            self.left = true;
            let value = self.list_or_mapped()?;
            return Ok(Statement::Set { left, value });
        }
        let sign = match self.tokens.peek() {
            Token::Sign("==") => Sign::Equal,
            Token::Sign("!=") => Sign::NotEqual,
            Token::Sign("<") => Sign::Less,
            Token::Sign("<=") => Sign::LessOrEqual,
            Token::Sign(">") => Sign::Greater,
            Token::Sign(">=") => Sign::GreaterOrEqual,
            Token::Sign("!") => Sign::Not,
            _ => Sign::Implied,
        };
        if !matches!(sign, Sign::Implied) {
            self.tokens.next();
        }
        let right = match self.tokens.peek() {
            Token::Sign("{") => Expr::Braces(self.braces()?),
            _ => self.list()?,
        };
        if self.take_word("/") {
            let mask = self.list()?;
            let left = Expr::Binary(crate::syntax::nft::tree::BinaryOp::And, Box::new((left, mask)));
            let sign = if matches!(sign, Sign::Implied) { Sign::Equal } else { sign };
            return Ok(Statement::Match { left, sign, right });
        }
        Ok(Statement::Match { left, sign, right })
    }

    /// Values with commas between them.
    fn list(&mut self) -> Result<Expr<'t>, Fault> {
        let first = self.concat()?;
        if self.tokens.peek() != Token::Sign(",") {
            return Ok(first);
        }
        let mut list = vec![first];
        while self.take_sign(",") {
            list.push(self.expr()?);
        }
        Ok(Expr::List(list))
    }

    fn list_or_mapped(&mut self) -> Result<Expr<'t>, Fault> {
        let first = self.mapped()?;
        if self.tokens.peek() != Token::Sign(",") {
            return Ok(first);
        }
        let mut list = vec![first];
        while self.take_sign(",") {
            list.push(self.expr()?);
        }
        Ok(Expr::List(list))
    }

    /// `name "x"`: an object.
    pub(super) fn object(&mut self, kind: ObjectKind) -> Result<Option<Statement<'t>>, Fault> {
        if !self.take_word("name") {
            return Ok(None);
        }
        let name = self.mapped()?;
        Ok(Some(Statement::Object { kind: kind.0, name }))
    }

    fn counter(&mut self) -> Result<Statement<'t>, Fault> {
        if let Some(object) = self.object(ObjectKind::COUNTER)? {
            return Ok(object);
        }
        let packets = if self.take_word("packets") { self.number()? } else { 0 };
        let bytes = if self.take_word("bytes") { self.number()? } else { 0 };
        Ok(Statement::Counter { packets, bytes })
    }

    fn limit_or_name(&mut self) -> Result<Statement<'t>, Fault> {
        if let Some(object) = self.object(ObjectKind::LIMIT)? {
            return Ok(object);
        }
        Ok(Statement::Limit(self.limit()?))
    }

    /// `rate over 10/second burst 5 packets`
    pub(super) fn limit(&mut self) -> Result<Limit, Fault> {
        self.need("rate")?;
        let over = self.take_word("over");
        let _ = self.take_word("until");
        let word = self.need_word()?;
        let (rate, unit, bytes) = match word.split_once('/') {
            Some((rate, unit)) => (rate.parse().map_err(|_| Fault)?, unit_of(unit)?, false),
            None => {
                let rate: u64 = word.parse().map_err(|_| Fault)?;
                let (size, unit) = self.need_word()?.split_once('/').ok_or(Fault)?;
                (rate.checked_mul(size_of(size)?).ok_or(Fault)?, unit_of(unit)?, true)
            }
        };
        let mut burst = if bytes { 0 } else { 5 };
        if self.take_word("burst") {
            let number: u64 = self.number()?;
            let size = match self.need_word()? {
                "packets" => 1,
                size => size_of(size)?,
            };
            burst = u32::try_from(number.checked_mul(size).ok_or(Fault)?).map_err(|_| Fault)?;
        }
        Ok(Limit { rate, unit, burst, bytes, over })
    }

    fn quota_or_name(&mut self) -> Result<Statement<'t>, Fault> {
        if let Some(object) = self.object(ObjectKind::QUOTA)? {
            return Ok(object);
        }
        let (bytes, over, used) = self.quota()?;
        Ok(Statement::Quota { bytes, over, used })
    }

    pub(super) fn quota(&mut self) -> Result<(u64, bool, u64), Fault> {
        let over = self.take_word("over");
        let _ = self.take_word("until");
        let bytes = self.bytes()?;
        let used = if self.take_word("used") { self.bytes()? } else { 0 };
        Ok((bytes, over, used))
    }

    fn bytes(&mut self) -> Result<u64, Fault> {
        let number: u64 = self.number()?;
        let size = size_of(self.need_word()?)?;
        number.checked_mul(size).ok_or(Fault)
    }

    fn last(&mut self) -> Result<Option<u64>, Fault> {
        if self.take_word("never") { Ok(None) } else { self.time().map(Some) }
    }
}

/// The handle in a comment of `nft -a`.
pub(super) fn handle(comment: &str) -> Option<u64> {
    comment.trim().strip_prefix("handle ")?.trim().parse().ok()
}

fn unit_of(word: &str) -> Result<u64, Fault> {
    Ok(match word {
        "second" => 1,
        "minute" => 60,
        "hour" => 3_600,
        "day" => 86_400,
        "week" => 604_800,
        _ => return Err(Fault),
    })
}

fn size_of(word: &str) -> Result<u64, Fault> {
    Ok(match word {
        "bytes" => 1,
        "kbytes" => 1024,
        "mbytes" => 1024 * 1024,
        _ => return Err(Fault),
    })
}
