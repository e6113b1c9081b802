//! The story's host with names of every script in it.

use whyport::host::{Host, Name, Program};
use whyport::snapshot;

/// Names that are hard to set: Chinese, Japanese and Korean, whole and in parts; half and full width; marks that combine; emoji
/// that join, wave, and have a skin; letters that are one in print.
pub const NAMES: [&str; 11] = [
    "网络服务器",
    "ウェブサーバー",
    "ｳｪﾌﾞ，ｻｰﾊﾞｰ",
    "웹서버",
    "\u{1112}\u{1161}\u{11ab}\u{1100}\u{116e}\u{11a8}",
    "e\u{301}a\u{308}\u{323}o\u{302}\u{300}n\u{303}",
    "👩\u{200d}🚀👨\u{200d}👩\u{200d}👧",
    "\u{1f1e9}\u{1f1ea}\u{1f1ef}\u{1f1f5}\u{1f1e9}",
    "👍\u{1f3fd}❤\u{fe0f}1\u{fe0f}\u{20e3}",
    "\u{644}\u{627}\u{644}\u{622}سلام",
    "नमस्ते क्षि \u{a4fc}\u{a4f8}",
];

/// The story's host with names of every script in it.
pub fn named() -> Host {
    called(&NAMES)
}

/// The story's host with these names.
pub fn called(names: &[&str]) -> Host {
    let mut host = snapshot::parse(snapshot::demo("k3s-port-80").unwrap()).host;
    host.node = Some(names.concat());
    let mut all = names.iter().cycle();
    let mut next = || (*all.next().unwrap()).to_owned();
    for ns in &mut host.namespaces {
        for socket in &mut ns.sockets {
            for process in &mut socket.processes {
                process.name = next();
                let program = Program {
                    command: names.join(" "),
                    user: Some(next()),
                    cgroup: Some(next()),
                    ..Default::default()
                };
                ns.programs.insert(process.pid, program);
            }
        }
        for table in &mut ns.ruleset.tables {
            let own = table.chains.iter_mut().filter(|chain| chain.base.is_none());
            own.for_each(|chain| chain.name = Name::from(format!("{}-{}", next(), &chain.name[..4])));
        }
    }
    host
}
