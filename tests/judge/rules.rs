//! Rules as they are loaded by the tools themselves, and what the kernel then has of them.
//!
//! Keeps account of what no listing tells: in which order base chains were registered, and which tool made a table.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use crate::witness;
use crate::world::run;

/// A tool that loads rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    /// `iptables-nft-restore`
    Iptables,
    /// `ip6tables-nft-restore`
    Ip6tables,
    /// `iptables-legacy-restore`
    Legacy,
    /// `ip6tables-legacy-restore`
    Legacy6,
    /// `nft -f`
    Nft,
}

impl Tool {
    /// Every tool.
    pub const ALL: [Tool; 5] = [Tool::Iptables, Tool::Ip6tables, Tool::Legacy, Tool::Legacy6, Tool::Nft];

    /// The same tool of the other backend, for rules that both can hold.
    pub fn legacy(self) -> Tool {
        match self {
            Tool::Iptables | Tool::Legacy => Tool::Legacy,
            Tool::Ip6tables | Tool::Legacy6 => Tool::Legacy6,
            Tool::Nft => Tool::Nft,
        }
    }

    /// The tool that a test's text names.
    pub fn named(word: &str) -> Option<Tool> {
        Some(match word {
            "iptables" => Tool::Iptables,
            "ip6tables" => Tool::Ip6tables,
            "iptables-legacy" => Tool::Legacy,
            "ip6tables-legacy" => Tool::Legacy6,
            "nft" => Tool::Nft,
            _ => return None,
        })
    }

    /// The backend's name.
    pub fn backend(self) -> &'static str {
        match self {
            Tool::Iptables | Tool::Ip6tables => "iptables-nft",
            Tool::Legacy | Tool::Legacy6 => "iptables-legacy",
            Tool::Nft => "nft",
        }
    }

    fn load(self) -> &'static [&'static str] {
        match self {
            Tool::Iptables => &["iptables-nft-restore"],
            Tool::Ip6tables => &["ip6tables-nft-restore"],
            Tool::Legacy => &["iptables-legacy-restore"],
            Tool::Legacy6 => &["ip6tables-legacy-restore"],
            Tool::Nft => &["nft", "-f", "-"],
        }
    }

    /// The section of a snapshot that holds what this tool shows, and the command.
    pub fn save(self) -> Option<&'static str> {
        match self {
            Tool::Iptables => Some("iptables-nft-save"),
            Tool::Ip6tables => Some("ip6tables-nft-save"),
            Tool::Legacy => Some("iptables-legacy-save"),
            Tool::Legacy6 => Some("ip6tables-legacy-save"),
            Tool::Nft => None,
        }
    }
}

/// A base chain that is registered with a hook.
#[derive(Debug, Clone, PartialEq)]
pub struct Registered {
    /// The hook.
    pub hook: String,
    /// The priority that it declares.
    pub priority: i64,
    /// The family of its table.
    pub family: String,
    /// Its table.
    pub table: String,
    /// Its name.
    pub chain: String,
    /// What made it.
    pub tool: Tool,
    /// The number of its table: another one is another table, by whatever name.
    table_handle: u64,
    /// Its policy: whether packets go on at its end.
    pub accepts: bool,
    /// Whether it is a nat chain.
    pub nat: bool,
}

impl Registered {
    /// Where the kernel runs it: nat chains are all run by one dispatcher (`nf_nat_register_fn`).
    pub fn runs_at(&self) -> i64 {
        match (self.nat, self.hook.as_str()) {
            (true, "prerouting" | "output") => -100,
            (true, _) => 100,
            (false, _) => self.priority,
        }
    }
}

/// The handles of a chain's rules, in order, as nf_tables knows them.
#[derive(Debug, Clone, PartialEq)]
pub struct Handles {
    /// The family of its table.
    pub family: String,
    /// Its table.
    pub table: String,
    /// The chain.
    pub chain: String,
    /// What made it.
    pub tool: Tool,
    /// One for each rule.
    pub handles: Vec<u64>,
}

/// What is loaded, and what is known of it beside the listings.
#[derive(Debug, Default)]
pub struct Rules {
    /// Base chains in the order in which they were registered.
    pub registered: Vec<Registered>,
    /// All chains of nf_tables.
    pub chains: Vec<Handles>,
    /// What `iptables-legacy-save` and its twin print.
    pub legacy: Vec<(Tool, String)>,
    /// Whether some rule draws by lot, or counts what came before.
    pub draw: bool,
    /// Whether some chain stands just where the dispatcher of nat chains does, and nothing tells which of them is first.
    pub even: bool,
    /// Whether some rule has the kernel choose addresses or ports.
    pub random: bool,
    loaded: Vec<Tool>,
}

impl Rules {
    /// Loads rules on top of what there is.
    pub fn load(&mut self, tool: Tool, text: &str) {
        run(tool.load(), text);
        self.draw |= ["statistic", "numgen", "limit", "recent", "-j SET"].iter().any(|word| text.contains(word));
        self.random |= text.replace("--mode random", "").contains("random");
        // Of a range of ports the kernel chooses one, where a packet's own is not in it.
        let ports = text.split("--to-ports ").skip(1).filter_map(|rest| rest.split_whitespace().next());
        self.random |= ports.into_iter().any(|ports| ports.contains('-'));
        self.even |= ["priority -100; ", "priority 100; "]
            .iter()
            .any(|priority| text.lines().any(|line| !line.contains("type nat") && line.contains(priority)));
        if !self.loaded.contains(&tool) {
            self.loaded.push(tool);
        }
        match tool {
            Tool::Legacy | Tool::Legacy6 => self.read_legacy(tool),
            Tool::Iptables | Tool::Ip6tables | Tool::Nft => self.read_nft(tool),
        }
    }

    /// Takes away what nf_tables has. Legacy tables stay: the kernel does not forget them.
    pub fn clear(&mut self) {
        let mut tables: Vec<(&str, &str)> = Vec::new();
        for chain in &self.chains {
            if !tables.contains(&(&chain.family, &chain.table)) {
                tables.push((&chain.family, &chain.table));
            }
        }
        let lines: String = tables.iter().map(|(family, table)| format!("delete table {family} {table}\n")).collect();
        run(&["nft", "-f", "-"], &lines);
        (self.draw, self.even, self.random) = (false, false, false);
        self.chains.clear();
        self.registered.retain(|one| matches!(one.tool, Tool::Legacy | Tool::Legacy6));
        self.loaded.retain(|tool| matches!(tool, Tool::Legacy | Tool::Legacy6));
    }

    /// Whether native nf_tables rules are there.
    pub fn has_native(&self) -> bool {
        self.loaded.contains(&Tool::Nft)
    }

    fn read_legacy(&mut self, tool: Tool) {
        let save = tool.save().expect("legacy has a save command");
        let text = run(&[save], "");
        let family = if tool == Tool::Legacy { "ip" } else { "ip6" };
        let mut table = "";
        for line in text.lines() {
            if let Some(name) = line.strip_prefix('*') {
                table = name;
            }
            let Some((chain, policy)) = line.strip_prefix(':').and_then(|rest| rest.split_once(' ')) else { continue };
            let Some((hook, priority)) = built_in(table, chain) else { continue };
            let accepts = policy.starts_with("ACCEPT");
            let is_it = |one: &&mut Registered| one.tool == tool && one.table == table && one.chain == chain;
            match self.registered.iter_mut().find(is_it) {
                Some(known) => known.accepts = accepts,
                None => self.registered.push(Registered {
                    hook: hook.into(),
                    priority,
                    family: family.into(),
                    table: table.into(),
                    chain: chain.into(),
                    tool,
                    table_handle: 0,
                    accepts,
                    nat: table == "nat",
                }),
            }
        }
        self.legacy.retain(|(known, _)| *known != tool);
        self.legacy.push((tool, text));
    }

    fn read_nft(&mut self, tool: Tool) {
        let text = run(&["nft", "-a", "-j", "list", "ruleset"], "");
        let listing: Value = serde_json::from_str(&text).expect("JSON");
        let known = std::mem::take(&mut self.chains);
        let maker = |family: &str, table: &str| {
            known.iter().find(|one| one.family == family && one.table == table).map_or(tool, |one| one.tool)
        };
        let mut there = Vec::new();
        let mut tables: HashMap<(String, String), u64> = HashMap::new();
        let dormant = dormant();
        for object in listing["nftables"].as_array().expect("a list") {
            let word = |object: &Value, key: &str| object[key].as_str().unwrap_or_default().to_owned();
            if let Some(table) = object.get("table") {
                let handle = table["handle"].as_u64().expect("a handle");
                let key = (word(table, "family"), word(table, "name"));
                tables.insert(key, handle);
            } else if let Some(chain) = object.get("chain").filter(|chain| chain["table"] != witness::TABLE) {
                let (family, table, name) = (word(chain, "family"), word(chain, "table"), word(chain, "name"));
                let tool = maker(&family, &table);
                if chain.get("hook").is_some() && !dormant.contains(&(family.clone(), table.clone())) {
                    there.push(Registered {
                        hook: word(chain, "hook"),
                        priority: chain["prio"].as_i64().unwrap_or(0),
                        family: family.clone(),
                        table: table.clone(),
                        chain: name.clone(),
                        tool,
                        table_handle: tables.get(&(family.clone(), table.clone())).copied().unwrap_or(0),
                        accepts: chain["policy"] != "drop",
                        nat: chain["type"] == "nat",
                    });
                }
                self.chains.push(Handles { family, table, chain: name, tool, handles: Vec::new() });
            } else if let Some(rule) = object.get("rule").filter(|rule| rule["table"] != witness::TABLE) {
                let (family, table, chain) = (word(rule, "family"), word(rule, "table"), word(rule, "chain"));
                let of =
                    self.chains.iter_mut().find(|of| of.family == family && of.table == table && of.chain == chain);
                of.expect("its chain").handles.push(rule["handle"].as_u64().expect("a handle"));
            }
        }
        let same = |a: &Registered, b: &Registered| {
            (&a.family, &a.table, &a.chain, a.table_handle) == (&b.family, &b.table, &b.chain, b.table_handle)
        };
        let legacy = |one: &Registered| one.tool.legacy() == one.tool && one.tool != Tool::Nft;
        self.registered.retain(|old| legacy(old) || there.iter().any(|new| same(old, new)));
        for new in there {
            match self.registered.iter_mut().find(|old| !legacy(old) && same(old, &new)) {
                Some(old) => *old = new,
                None => self.registered.push(new),
            }
        }
    }

    /// The base chains in the order in which they run: of equal ones the last registered first (`nf_hook_entries_grow`).
    pub fn in_order(&self) -> Vec<&Registered> {
        let mut chains: Vec<(usize, &Registered)> = self.registered.iter().enumerate().collect();
        let hook = |name: &str| witness::HOOKS.iter().position(|known| *known == name);
        chains.sort_by_key(|(at, one)| (hook(&one.hook), one.runs_at(), one.priority, std::cmp::Reverse(*at)));
        chains.into_iter().map(|(_, one)| one).collect()
    }
}

/// Tables whose chains are not registered; waking registers them anew. nft's JSON does not tell.
fn dormant() -> HashSet<(String, String)> {
    let text = run(&["nft", "list", "ruleset"], "");
    let lines: Vec<&str> = text.lines().collect();
    let pairs = lines.windows(2).filter(|pair| pair[1].trim() == "flags dormant");
    let words = pairs.map(|pair| pair[0].split(' ').map(str::to_owned).collect::<Vec<String>>());
    words.map(|words| (words[1].clone(), words[2].clone())).collect()
}

/// The hook and priority of a built-in chain (iptables(8); `xt_hook_ops_alloc` of each table).
fn built_in(table: &str, chain: &str) -> Option<(&'static str, i64)> {
    let hook = match chain {
        "PREROUTING" => "prerouting",
        "INPUT" => "input",
        "FORWARD" => "forward",
        "OUTPUT" => "output",
        "POSTROUTING" => "postrouting",
        _ => return None,
    };
    let priority = match (table, hook) {
        ("raw", _) => -300,
        ("mangle", _) => -150,
        ("nat", "prerouting" | "output") => -100,
        ("nat", _) => 100,
        ("filter", _) => 0,
        ("security", _) => 50,
        _ => return None,
    };
    Some((hook, priority))
}

/// A rule of a legacy table, from the text of `iptables-legacy-save`.
pub struct LegacyChain<'a> {
    /// Its rules, each without `-A CHAIN`.
    pub rules: Vec<&'a str>,
    /// Its policy in small letters, where it is a base chain.
    pub policy: Option<&'static str>,
}

/// A chain in the text of `iptables-legacy-save`.
pub fn legacy_chain<'a>(text: &'a str, table: &str, chain: &str) -> LegacyChain<'a> {
    let mut found = LegacyChain { rules: Vec::new(), policy: None };
    let mut here = false;
    for line in text.lines() {
        if let Some(name) = line.strip_prefix('*') {
            here = name == table;
        } else if here && let Some((name, rest)) = line.strip_prefix(':').and_then(|rest| rest.split_once(' ')) {
            if name == chain {
                found.policy = match rest.split(' ').next() {
                    Some("ACCEPT") => Some("accept"),
                    Some("DROP") => Some("drop"),
                    _ => None,
                };
            }
        } else if here && let Some(rule) = line.strip_prefix("-A ") {
            let (name, spec) = rule.split_once(' ').unwrap_or((rule, ""));
            if name == chain {
                found.rules.push(spec);
            }
        }
    }
    found
}

/// What a legacy rule does to a packet that fits it, in the words of [`crate::path`].
pub fn legacy_verdict(spec: &str) -> String {
    let words: Vec<&str> = spec.split(' ').collect();
    let after = |option: &str| words.iter().rposition(|word| *word == option).and_then(|at| words.get(at + 1)).copied();
    if let Some(chain) = after("-g") {
        return format!("goto {chain}");
    }
    match after("-j") {
        Some("ACCEPT" | "DNAT" | "SNAT" | "MASQUERADE" | "REDIRECT" | "NETMAP") => "accept".into(),
        Some("DROP" | "REJECT") => "drop".into(),
        Some("RETURN") => "return".into(),
        None
        | Some(
            "MARK" | "CONNMARK" | "LOG" | "NFLOG" | "CT" | "NOTRACK" | "TTL" | "HL" | "DSCP" | "TCPMSS" | "SET" | "TOS"
            | "ECN" | "CLASSIFY" | "TEE" | "CHECKSUM" | "HMARK" | "TCPOPTSTRIP" | "AUDIT",
        ) => "continue".into(),
        Some(chain) => format!("jump {chain}"),
    }
}
