//! What mail, terminals, web pages and people do to what tools print.

/// Chance that comes again: the same numbers for the same seed.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Dice {
        Dice((seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// A number below this one.
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit.max(1) as u64) as usize
    }

    fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }
}

/// A command and what it printed.
#[derive(Debug, Clone)]
pub struct Item {
    pub command: String,
    pub output: String,
}

/// A dump with all its counters at zero.
pub fn without_counters(dump: &str) -> String {
    let line = |line: &str| match line.split_once(" [") {
        Some((chain, _)) if line.starts_with(':') => format!("{chain} [0:0]\n"),
        _ => format!("{line}\n"),
    };
    dump.lines().map(line).collect()
}

/// The outputs one after the other, each under its prompt, marred; and what was done to them: each is to be told once.
pub fn mar(items: &[Item], dice: &mut Dice) -> (String, Vec<String>) {
    let mut oddities = Vec::new();
    let mut text = String::new();
    for item in items {
        if dice.one_in(3) {
            let prose =
                ["Hello,\n\nthis is what it says:\n", "It does not work since Monday!\n\n", "On Mon, Bob wrote:\n"];
            text += dice.pick(&prose);
            oddities.push("prose".to_owned());
        }
        let prompt =
            dice.pick(&["root@host:~# ", "$ sudo ", "[root@host ~]# ", "bash-5.1# ", "user@web-1:/etc$ sudo ", "## "]);
        text += &format!("{prompt}{}\n", item.command);
        let mut output = item.output.clone();
        if !item.command.starts_with("nft") {
            output = within(&output, &item.command, dice, &mut oddities);
        }
        text += &around(&output, dice, &mut oddities);
    }
    if dice.one_in(2) {
        text += "\nThanks for any help,\nBob\n";
        oddities.push("prose at the end".to_owned());
    }
    if dice.one_in(4) {
        text = text.replace('\n', "\r\n");
        oddities.push("CRLF".to_owned());
    }
    (text, oddities)
}

/// What is done to a whole output.
fn around(output: &str, dice: &mut Dice, oddities: &mut Vec<String>) -> String {
    let lines = |before: &str| output.lines().map(|line| format!("{before}{line}\n")).collect();
    let (name, text): (&str, String) = match dice.below(8) {
        0 => ("quoted", lines("> ")),
        1 => ("indented", lines("    ")),
        2 => ("fenced", format!("```\n{output}```\n")),
        3 => ("numbered", output.lines().enumerate().map(|(at, line)| format!("{:6}\t{line}\n", at + 1)).collect()),
        _ => return output.to_owned(),
    };
    oddities.push(name.to_owned());
    text
}

/// What is done to lines of iptables' or ipset's output.
fn within(output: &str, command: &str, dice: &mut Dice, oddities: &mut Vec<String>) -> String {
    let mut text = String::new();
    let is_save = command.contains("save") && !command.starts_with("ipset");
    for (at, line) in output.lines().enumerate() {
        // Prose may follow the last line: what stands together is told once.
        let is_last = at + 1 == output.lines().count();
        if is_save && line == "COMMIT" && dice.one_in(6) {
            oddities.push("no COMMIT".to_owned());
            continue;
        }
        match line.rfind(" -").filter(|_| line.starts_with("-A ") && !line.contains('"')) {
            Some(at) if at > 12 && dice.one_in(8) => {
                text += &format!("{}\n{}\n", &line[..at], &line[at + 1..]);
                oddities.push(format!("broken: {line}"));
            }
            _ => text += &format!("{line}\n"),
        }
        if !command.starts_with("ipset") && !line.starts_with('#') && !is_last && dice.one_in(12) {
            text += dice.pick(&[
                "# Warning: iptables-legacy tables present, use iptables-legacy-save to see them\n",
                "iptables: Resource temporarily unavailable.\n",
                "# Table `foo' is incompatible, use 'nft' tool.\n",
            ]);
            oddities.push("a warning".to_owned());
        }
    }
    text
}
