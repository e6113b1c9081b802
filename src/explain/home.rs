//! Where a process is at home, by the path of its control group: the systemd unit that started it, the container it is in.
//!
//! It knows how systemd, Docker, Podman, containerd, CRI-O, LXC and systemd-nspawn name their groups. Deliberately does not
//! ask any of them: what a container is called by its engine is not known here.

/// Where a process is at home.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Home {
    /// The unit of systemd: `nginx.service`.
    pub unit: Option<String>,
    /// The container.
    pub container: Option<Container>,
    /// The pod of Kubernetes, by its uid.
    pub pod: Option<String>,
}

/// A container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container {
    /// What runs it, where its name tells.
    pub engine: Option<&'static str>,
    /// Its id, shortened as the engines do, or its name.
    pub id: String,
}

/// What stands before the id of a container in the name of its group.
const ENGINES: [(&str, &str); 7] = [
    ("docker-", "docker"),
    ("libpod-", "podman"),
    ("cri-containerd-", "containerd"),
    ("containerd-", "containerd"),
    ("crio-", "cri-o"),
    ("lxc.payload.", "lxc"),
    ("systemd-nspawn@", "nspawn"),
];

/// Engines that give containers a group below one of their own name.
const FOLDERS: [(&str, &str); 3] = [("docker", "docker"), ("lxc", "lxc"), ("libpod_parent", "podman")];

/// How much of an id engines show.
const SHORT: usize = 12;

/// Where a process with this control group is at home.
pub fn home(cgroup: &str) -> Home {
    let mut home = Home::default();
    let mut above = "";
    for name in cgroup.split('/').filter(|name| !name.is_empty()) {
        if let Some(uid) = pod(name) {
            home.pod = Some(uid);
        } else if let Some(container) = container(above, name) {
            home.container = Some(container);
            // What starts containers is not at home in them.
            home.unit = None;
        } else if let Some(unit) = unit(name) {
            home.unit = Some(unit);
        }
        above = name;
    }
    home
}

/// `kubepods-burstable-pod1234_5678.slice`, `pod1234-5678`.
fn pod(name: &str) -> Option<String> {
    let bare = name.strip_suffix(".slice").unwrap_or(name);
    let uid = match bare.strip_prefix("kubepods") {
        Some(rest) => rest.rsplit_once("-pod")?.1.replace('_', "-"),
        None => bare.strip_prefix("pod")?.to_owned(),
    };
    let plain = uid.len() >= 32 && uid.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
    plain.then_some(uid)
}

fn container(above: &str, name: &str) -> Option<Container> {
    let bare = name.strip_suffix(".scope").or_else(|| name.strip_suffix(".service")).unwrap_or(name);
    for (prefix, engine) in ENGINES {
        let is_named = matches!(engine, "lxc" | "nspawn");
        match bare.strip_prefix(prefix) {
            Some(id) if is_id(id) => return Some(Container { engine: Some(engine), id: short(id) }),
            Some(id) if is_named && !id.is_empty() => {
                return Some(Container { engine: Some(engine), id: unescape(id) });
            }
            _ => {}
        }
    }
    let engine = FOLDERS.into_iter().find(|(folder, _)| *folder == above).map(|(_, engine)| engine);
    match engine {
        Some("lxc") => Some(Container { engine, id: bare.to_owned() }),
        _ if is_id(bare) => Some(Container { engine, id: short(bare) }),
        _ => None,
    }
}

/// Ids are SHA-256 in hexadecimal.
fn is_id(text: &str) -> bool {
    text.len() == 64 && text.chars().all(|c| c.is_ascii_hexdigit())
}

fn short(id: &str) -> String {
    id.chars().take(SHORT).collect()
}

/// A service; or the scope of a program that somebody started, such as a session.
fn unit(name: &str) -> Option<String> {
    let is_unit = [".service", ".scope", ".socket"].iter().any(|kind| name.ends_with(kind));
    is_unit.then(|| unescape(name))
}

/// Undoes systemd's `\x2d` (systemd.unit(5)).
fn unescape(name: &str) -> String {
    let mut out = String::new();
    let mut rest = name;
    while let Some((before, after)) = rest.split_once("\\x") {
        out.push_str(before);
        let byte = after.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok()).filter(u8::is_ascii);
        match byte {
            Some(byte) => {
                out.push(char::from(byte));
                rest = &after[2..];
            }
            None => {
                out.push_str("\\x");
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    const POD: &str = "6e3d8f0a-1b2c-4d5e-8f90-123456789abc";

    /// `unit | engine id | pod`, with `-` for what is none.
    fn told(cgroup: &str) -> String {
        let home = home(&cgroup.replace("ID", ID).replace("POD", POD).replace("P_D", &POD.replace('-', "_")));
        let dash = || "-".to_owned();
        let container = home.container.map(|container| format!("{} {}", container.engine.unwrap_or("?"), container.id));
        [home.unit, container, home.pod].map(|one| one.unwrap_or_else(dash)).join(" | ")
    }

    #[test]
    fn a_unit_is_the_innermost_one() {
        assert_eq!(told("/system.slice/nginx.service"), "nginx.service | - | -");
        assert_eq!(told("/system.slice/system-getty.slice/getty@tty1.service"), "getty@tty1.service | - | -");
        assert_eq!(told("/user.slice/user-1000.slice/session-3.scope"), "session-3.scope | - | -");
        let of_user = "/user.slice/user-1000.slice/user@1000.service/app.slice/web.service";
        assert_eq!(told(of_user), "web.service | - | -");
        assert_eq!(told("/system.slice/dev\\x2dhugepages.service"), "dev-hugepages.service | - | -");
        for none in ["/", "", "/init.scope\\x", "/a/b"] {
            assert!(told(none).ends_with("- | -"), "{none}");
        }
    }

    #[test]
    fn a_container_is_known_by_its_group() {
        let short = "0123456789ab";
        let pod = format!(" | {POD}");
        let cases = [
            ("/system.slice/docker-ID.scope", "docker", " | -"),
            ("/docker/ID", "docker", " | -"),
            ("/machine.slice/libpod-ID.scope/container", "podman", " | -"),
            ("/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-ID.scope", "podman", " | -"),
            (
                "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-podP_D.slice/cri-containerd-ID.scope",
                "containerd",
                &pod,
            ),
            ("/kubepods.slice/kubepods-podP_D.slice/crio-ID.scope", "cri-o", &pod),
            ("/kubepods/besteffort/podPOD/ID", "?", &pod),
        ];
        for (cgroup, engine, pod) in cases {
            assert_eq!(told(cgroup), format!("- | {engine} {short}{pod}"), "{cgroup}");
        }
        assert_eq!(told("/lxc/web"), "- | lxc web | -");
        assert_eq!(told("/lxc.payload.web/system.slice/nginx.service"), "nginx.service | lxc web | -");
        assert_eq!(told("/machine.slice/systemd-nspawn@web.service/payload"), "- | nspawn web | -");
    }
}
