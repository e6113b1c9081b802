//! A stand-in until the branch `syntax` is merged: take that side whole.
#![allow(missing_docs)]
use super::Diagnostic;
use crate::host::xt;
use crate::host::*;
pub struct Options {
    pub family: Option<IpFamily>,
    pub backend: Backend,
}
pub struct Dump {
    pub ruleset: Ruleset,
    pub observations: Observations,
    pub diagnostics: Vec<Diagnostic>,
    pub family: IpFamily,
}
pub fn parse(text: &str, options: &Options) -> Dump {
    let _ = text;
    Dump { ruleset: Ruleset::default(), observations: Observations::default(), diagnostics: Vec::new(), family: options.family.unwrap_or(IpFamily::V4) }
}
pub fn print(ruleset: &Ruleset, observations: Option<&Observations>, family: IpFamily, backend: Backend) -> String {
    let _ = (ruleset, observations, family, backend);
    String::new()
}
pub fn rule_text(table: &Table, chain: &Chain, rule: &xt::Rule) -> String {
    let _ = (table, chain, rule);
    "-A X".into()
}
pub fn rule_spec(table: &Table, rule: &xt::Rule) -> String {
    let _ = (table, rule);
    "-j X".into()
}
pub fn match_text(family: Family, m: &xt::Match) -> String {
    let _ = (family, m);
    "-m x".into()
}
pub fn target_text(table: &Table, t: &xt::Target) -> String {
    let _ = (table, t);
    "-j X".into()
}
