//! The command line as clap reads it: every command and option of whyport, as plain text. What the words mean (targets,
//! packets, files) is worked out by the modules beside this one.

use std::path::PathBuf;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};

use super::target;
use crate::tui::action::{Keymap, ROWS};

/// Who really answers this port, and why?
#[derive(Debug, Parser)]
#[command(name = "whyport", version, about, max_term_width = 100, after_help = TARGETS, after_long_help = long_help())]
pub struct Arguments {
    /// The port to select: 80, udp/53, 10.0.0.5:80, `tcp/[::1]:80`
    pub target: Option<String>,
    /// Which host is looked at.
    #[command(flatten)]
    pub source: Source,
    /// When to use colours
    #[arg(long, global = true, value_enum, default_value_t = When::Auto, value_name = "WHEN")]
    pub color: When,
    /// How the explorer is painted: dark, light, high-contrast, colours16, mono, one of your own, or a file (default: what fits the terminal)
    #[arg(long, value_name = "NAME")]
    pub theme: Option<String>,
    /// What is to be done; without one, the explorer.
    #[command(subcommand)]
    pub command: Option<Command>,
}

const TARGETS: &str = "TARGET is 80, tcp/80, udp/53, 10.0.0.5:80, `tcp/[::1]:80`, icmp/10.0.0.5 or 'icmpv6/[::1]'.\n\
    Exit status: 0 done, 1 the answer could not be had, 2 wrong usage, 130 stopped by Ctrl-C.";

const READING: &str = "Where reading the live host takes long, a line on the terminal says how far it is, and Ctrl-C \
    stops it. Rules that change while they are read are read again, three times; then what there is is shown, and called \
    torn: answers that rest on it are not certain.";

const FORM: &str = "The packet form of the explorer (e) has a line for each thing that the options of trace say of a packet, with what holds \
    where nothing is said. What is typed is walked at once; Enter keeps it, Esc brings back what was before, Ctrl-R empties all lines, \
    Tab and the arrows go from line to line, → takes the name that is offered, Ctrl-N and Ctrl-P go through all. What is said \
    holds for every port that is selected, and for every place (o) and family (f) from which such packets can come, until E; a place or \
    family that is said in the form gives way to another that is chosen so. The signs of the ports stay those of usual packets. Y, and \
    Ctrl-Y in the form, copies the command of trace that asks the same.";

const SETTINGS: &str = "Settings: config.toml in $XDG_CONFIG_HOME/whyport (else ~/.config/whyport) says theme = \"light\", mouse = false, \
    link = \"slow\" or \"fast\" (over a slow one a step of the cursor shows the rows next to it, and the rest when no key was \
    pressed for a moment; where nothing is said, those of ssh and of serial lines are taken for slow), \
    and under [keys] which keys do something else: find = \"<C-s>\", next-origin = \
    [\"o\", \"<F5>\"]. Keys are characters, and others by name: <Enter>, <Space>, <PgDn>, <C-l>, <F1>. Themes of one's own are \
    themes/NAME.toml beside it: based-on = \"dark\", and what differs. NO_COLOR, COLORTERM, TERM and COLORFGBG choose a theme \
    where nothing else does.";

/// What `--help` and the manual page say at their end: the targets, how the host is read, the keys of the explorer, and
/// how other keys and themes are set.
fn long_help() -> String {
    let keymap = Keymap::default();
    let keys: String = ROWS.iter().map(|row| format!("\n  {:<16} {}", keymap.told(row), row.does)).collect();
    let names: Vec<&str> = Keymap::names().collect();
    let names = format!("What keys do is called, under [keys]: {}.", names.join(", "));
    format!("{TARGETS}\n\n{READING}\n\nKeys of the explorer:{keys}\n\n{FORM}\n\n{SETTINGS}\n\n{names}")
}

/// The name of an embedded host. A target is taken for one where it comes after `--demo`, and then seems to be missing.
fn demo(name: &str) -> Result<String, String> {
    match target::parse(name) {
        Ok(_) => Err(format!("TARGET goes before --demo: {name} --demo")),
        Err(_) => Ok(name.to_owned()),
    }
}

/// The options of every command that these take no notice of, and that their help does not tell therefore.
const UNUSED: [(&str, &[&str]); 3] = [
    ("demo", &["snapshot", "demo"]),
    ("completions", &["snapshot", "demo", "netns", "color"]),
    ("man", &["snapshot", "demo", "netns", "color"]),
];

/// The command line, as clap reads it and tells of it.
pub fn command() -> clap::Command {
    let command = Arguments::command();
    // An argument that a command has of its own stands for the one that all have.
    let hidden = |id: &&str| command.get_arguments().find(|arg| arg.get_id() == *id).cloned().map(|arg| arg.hide(true));
    let unused = UNUSED.map(|(name, ids)| (name, ids.iter().filter_map(hidden).collect::<Vec<_>>()));
    unused.into_iter().fold(command, |command, (name, args)| command.mut_subcommand(name, |one| one.args(args)))
}

/// The commands, as a list in words.
pub fn commands() -> String {
    let command = command();
    let names: Vec<_> = command.get_subcommands().filter(|one| !one.is_hide_set()).map(|one| one.get_name()).collect();
    names.join(", ")
}

/// Where the host comes from. Nothing given: the live one.
#[derive(Debug, Args)]
pub struct Source {
    /// Read a recorded host: a whyport snapshot, or a text in which iptables-save, iptables -S, nft list ruleset (with -j, too) or ipset save printed something, or commands of iptables stand, as people paste it (-: standard input)
    #[arg(long, global = true, value_name = "FILE", conflicts_with = "demo")]
    pub snapshot: Option<PathBuf>,
    /// Read an embedded host (without NAME: the k3s story)
    #[arg(long, global = true, value_name = "NAME", num_args = 0..=1, default_missing_value = "", value_parser = demo)]
    pub demo: Option<String>,
    /// Look from this network namespace: of the live host, or (by name) of a recorded one
    #[arg(long, global = true, value_name = "NAME|PID|PATH")]
    pub netns: Option<String>,
}

impl Source {
    /// Whether it is the live host.
    pub fn is_live(&self) -> bool {
        self.snapshot.is_none() && self.demo.is_none()
    }
}

/// When text is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum When {
    /// On a terminal, unless NO_COLOR says otherwise
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// What whyport does.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Every port of the host with who answers it: sockets and ghosts
    Ports {
        /// As JSON (schema whyport.ports/1)
        #[arg(long)]
        json: bool,
    },
    /// The path of a port's packets, as text
    Trace(TraceArguments),
    /// The whole ruleset as text, as the tools print it
    Rules(RulesArguments),
    /// A snapshot of the host, with every network namespace that can be entered and the command lines of what holds their sockets, in one file
    Record {
        /// Where to write it (default, and -: standard output)
        file: Option<PathBuf>,
    },
    /// The explorer's screen as a picture
    Shot(ShotArguments),
    /// The explorer on an embedded host (default: the k3s story), with a tour through it
    Demo {
        /// Which one
        #[arg(value_parser = demo)]
        name: Option<String>,
        /// How the explorer is painted (default: what fits the terminal)
        #[arg(long, value_name = "NAME")]
        theme: Option<String>,
    },
    /// Completions for a shell, on standard output
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// The manual page, on standard output (read it with: whyport man | man -l -)
    Man,
}

/// What `trace` is asked.
#[derive(Debug, Args)]
pub struct TraceArguments {
    /// The port: 80, udp/53, 10.0.0.5:80, `tcp/[::1]:80`, icmp/10.0.0.5
    pub target: String,
    /// As JSON (schema whyport.trace/1)
    #[arg(long)]
    pub json: bool,
    /// The packet.
    #[command(flatten)]
    pub packet: PacketArguments,
}

/// The packet that `trace` follows.
#[derive(Debug, Default, Args)]
pub struct PacketArguments {
    /// Where it starts: another host, this host, or a device it arrives on
    #[arg(long, value_name = "outside|local|DEV", default_value = "outside")]
    pub origin: String,
    /// Source address or prefix (default: unknown)
    #[arg(long, value_name = "ADDR[/LEN]")]
    pub src: Option<String>,
    /// Source port, or a range of them (default: unknown)
    #[arg(long, value_name = "N[-LAST]")]
    pub sport: Option<String>,
    /// Destination address, where TARGET has none
    #[arg(long, value_name = "ADDR")]
    pub dst: Option<String>,
    /// IPv4 (the default where TARGET has no address)
    #[arg(short = '4', conflicts_with = "ipv6")]
    pub ipv4: bool,
    /// IPv6
    #[arg(short = '6')]
    pub ipv6: bool,
    /// Packet mark, or a range of them: 0x1, 0-255 (default: 0)
    #[arg(long, value_name = "N[-LAST]")]
    pub mark: Option<String>,
    /// The sender's uid, or a range of them, for --origin local
    #[arg(long, value_name = "N[-LAST]")]
    pub uid: Option<String>,
    /// The sender's gid, or a range of them, for --origin local
    #[arg(long, value_name = "N[-LAST]")]
    pub gid: Option<String>,
    /// The VRF that the sender is bound to, for --origin local (as by: ip vrf exec NAME)
    #[arg(long, value_name = "NAME")]
    pub vrf: Option<String>,
    /// TCP flags: syn,ack or none (default: syn)
    #[arg(long, value_name = "LIST")]
    pub tcp_flags: Option<String>,
    /// Any other field that rules ask for: pkttype=host, ttl=64, length=60-1500, icmp-type=8, time=2026-11-30T12:00 (UTC)
    #[arg(long = "with", value_name = "FIELD=VALUE")]
    pub with: Vec<String>,
    /// conntrack state: new, established, related, invalid, untracked
    #[arg(long, value_name = "STATE")]
    pub ct: Option<String>,
    /// Which way it goes: reply follows the answer to the packet that the other options describe (and TCP flags are its own)
    #[arg(long, value_name = "WAY", value_enum, default_value_t = Direction::Original)]
    pub direction: Direction,
}

/// Which way of a connection a packet goes.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Direction {
    /// That of the first packet.
    #[default]
    Original,
    /// That of its answer.
    Reply,
}

/// What `rules` prints.
#[derive(Debug, Args)]
pub struct RulesArguments {
    /// One kind alone, exactly as that tool prints it
    #[arg(long = "as", value_name = "KIND", value_enum)]
    pub kind: Option<RulesKind>,
    /// With packet and byte counters
    #[arg(long)]
    pub counters: bool,
    /// With the handles that nft list ruleset -a shows, of native tables and of what is in them
    #[arg(long)]
    pub handles: bool,
    /// As JSON (schema whyport.rules/1)
    #[arg(long, conflicts_with_all = ["kind", "counters", "handles"])]
    pub json: bool,
}

/// The kinds of text that `rules` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RulesKind {
    /// iptables-legacy, IPv4
    IptablesLegacySave,
    /// iptables-legacy, IPv6
    #[value(name = "ip6tables-legacy-save")]
    Ip6tablesLegacySave,
    /// iptables-nft, IPv4
    IptablesNftSave,
    /// iptables-nft, IPv6
    #[value(name = "ip6tables-nft-save")]
    Ip6tablesNftSave,
    /// Native nftables; what of a table is not decoded stands in comments and brackets
    Nft,
    /// ipset
    IpsetSave,
}

/// The picture that `shot` makes.
#[derive(Debug, Args)]
pub struct ShotArguments {
    /// The port to select
    pub target: Option<String>,
    /// Where to write it: FILE.svg, FILE.txt or FILE.ansi
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// Columns and rows of the screen
    #[arg(long, value_name = "COLSxROWS", default_value = "120x36")]
    pub size: String,
    /// Keys to press first: characters, and others by name: `80<Enter><Down>?`
    #[arg(long, value_name = "KEYS", default_value = "")]
    pub keys: String,
    /// How it is painted: dark (unless colours are not wanted), light, high-contrast, colours16, mono, one of your own, or a file
    #[arg(long, value_name = "NAME")]
    pub theme: Option<String>,
    /// Replace addresses, names and comments, each by the same one wherever it stands; packets go the same way (keys are pressed, and said, as they are)
    #[arg(long)]
    pub redact: bool,
    /// The title of the picture's window
    #[arg(long, value_name = "TEXT", default_value = super::picture::TITLE)]
    pub title: String,
}
