//! `TARGET`: the port that is asked about, as people write it. It opens nothing and knows no host.

use std::net::{IpAddr, Ipv6Addr};

use super::refusal::Refusal;
use crate::explain::{Target, fields};
use crate::host::Protocol;

const FORMS: &str = "write 80, udp/53, 10.0.0.5:80, 'tcp/[::1]:80' or icmp/10.0.0.5";

/// Reads a `TARGET`.
pub fn parse(text: &str) -> Result<Target, Refusal> {
    let (protocol, rest) = match text.split_once('/') {
        Some((name, rest)) => (protocol(name)?, rest),
        None => match Protocol::from_name(text).filter(|protocol| !protocol.has_ports()) {
            Some(protocol) => (protocol, ""),
            None => (Protocol::TCP, text),
        },
    };
    let (addr, port) = if protocol.has_ports() { with_port(rest)? } else { (without_port(protocol, rest)?, None) };
    check_family(protocol, addr)?;
    Ok(Target { protocol, addr, port, socket: None })
}

fn protocol(name: &str) -> Result<Protocol, Refusal> {
    Protocol::from_name(&name.to_ascii_lowercase()).or_else(|| name.parse().ok().map(Protocol)).ok_or_else(|| {
        Refusal::usage(format!("“{name}” is no protocol; write tcp, udp, sctp, icmp, icmpv6 or a number"))
    })
}

/// `80`, `10.0.0.5:80`, `[::1]:80`.
fn with_port(text: &str) -> Result<(Option<IpAddr>, Option<u16>), Refusal> {
    if let Some(rest) = text.strip_prefix('[') {
        let (addr, after) = rest
            .split_once(']')
            .ok_or_else(|| Refusal::usage(format!("“{text}” has no “]” after its address; {FORMS}")))?;
        let port = after
            .strip_prefix(':')
            .ok_or_else(|| Refusal::usage(format!("“{text}” has no port; write [{addr}]:80")))?;
        return Ok((Some(address(addr)?), Some(self::port(port)?)));
    }
    if let Ok(addr) = text.parse::<IpAddr>() {
        let example = match text.rsplit_once(':') {
            // What seems to be the last group may be meant as a port.
            Some((before, last)) if before.parse::<Ipv6Addr>().is_ok() && port(last).is_ok() => {
                format!("[{before}]:{last}, or [{addr}]:80 where all of it is the address")
            }
            Some(_) => format!("[{addr}]:80"),
            None => format!("{addr}:80"),
        };
        return Err(Refusal::usage(format!("“{text}” is an address without a port; write {example}")));
    }
    match text.rsplit_once(':') {
        None => Ok((None, Some(port(text)?))),
        Some((addr, _)) if addr.contains(':') => {
            Err(Refusal::usage(format!("“{text}” needs brackets around its IPv6 address: [::1]:80")))
        }
        Some((addr, port)) => Ok((Some(address(addr)?), Some(self::port(port)?))),
    }
}

/// `10.0.0.5`, `[::1]`, or nothing.
fn without_port(protocol: Protocol, text: &str) -> Result<Option<IpAddr>, Refusal> {
    if text.is_empty() {
        return Ok(None);
    }
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    match bare.parse() {
        Ok(addr) => Ok(Some(addr)),
        Err(_) => Err(Refusal::usage(format!(
            "“{text}” is no address, and {protocol} has no ports; write {protocol}/10.0.0.5"
        ))),
    }
}

fn address(text: &str) -> Result<IpAddr, Refusal> {
    text.parse().map_err(|_| Refusal::usage(format!("“{text}” is no address; {FORMS}")))
}

fn port(text: &str) -> Result<u16, Refusal> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(port) if digits && port != 0 => Ok(port),
        _ if fields::is_name(text) => Err(Refusal::usage(format!(
            "“{text}” is a name, and a port is a number: getent services {text} tells it; {FORMS}"
        ))),
        _ if is_range(text) => Err(Refusal::usage(format!(
            "“{text}” is several ports, and one is asked about: {FORMS} (whyport ports tells of all)"
        ))),
        _ => Err(Refusal::usage(format!("“{text}” is no port: a port is a number from 1 to 65535; {FORMS}"))),
    }
}

fn is_range(text: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.split_once(['-', ':', ',']).is_some_and(|(first, last)| is_number(first) && is_number(last))
}

fn check_family(protocol: Protocol, addr: Option<IpAddr>) -> Result<(), Refusal> {
    match (protocol, addr) {
        (Protocol::ICMP, Some(addr @ IpAddr::V6(_))) => {
            Err(Refusal::usage(format!("icmp is IPv4's, and {addr} is not; write 'icmpv6/[{addr}]'")))
        }
        (Protocol::ICMPV6, Some(addr @ IpAddr::V4(_))) => {
            Err(Refusal::usage(format!("icmpv6 is IPv6's, and {addr} is not; write icmp/{addr}")))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::refusal::Fault;
    use super::*;

    fn read(text: &str) -> (Protocol, Option<String>, Option<u16>) {
        let target = parse(text).unwrap();
        (target.protocol, target.addr.map(|addr| addr.to_string()), target.port)
    }

    #[test]
    fn the_last_group_of_an_address_may_be_a_port() {
        let refusal = |text: &str| parse(text).unwrap_err().line;
        assert!(refusal("::1:80").contains("write [::1]:80, or [::1:80]:80 where"), "{}", refusal("::1:80"));
        assert!(refusal("fd00::1").ends_with("write [fd00::1]:80"), "{}", refusal("fd00::1"));
        assert!(refusal("10.0.0.5").ends_with("write 10.0.0.5:80"), "{}", refusal("10.0.0.5"));
    }

    #[test]
    fn names_and_ranges_are_refused_with_what_to_do() {
        let refusal = |text: &str| parse(text).unwrap_err().line;
        assert!(refusal("udp/ntp").contains("getent services ntp tells it"), "{}", refusal("udp/ntp"));
        assert!(refusal("8000-8010").contains("whyport ports tells of all"), "{}", refusal("8000-8010"));
    }

    #[test]
    fn every_form_of_the_contract_is_read() {
        let v4 = Some("10.0.0.5".to_owned());
        let v6 = Some("::1".to_owned());
        assert_eq!(read("80"), (Protocol::TCP, None, Some(80)));
        assert_eq!(read("tcp/80"), (Protocol::TCP, None, Some(80)));
        assert_eq!(read("UDP/53"), (Protocol::UDP, None, Some(53)));
        assert_eq!(read("10.0.0.5:80"), (Protocol::TCP, v4.clone(), Some(80)));
        assert_eq!(read("tcp/[::1]:80"), (Protocol::TCP, v6.clone(), Some(80)));
        assert_eq!(read("[::1]:80"), (Protocol::TCP, v6.clone(), Some(80)));
        assert_eq!(read("sctp/10.0.0.5:9"), (Protocol::SCTP, v4.clone(), Some(9)));
        assert_eq!(read("icmp/10.0.0.5"), (Protocol::ICMP, v4.clone(), None));
        assert_eq!(read("icmpv6/[::1]"), (Protocol::ICMPV6, v6.clone(), None));
        assert_eq!(read("icmpv6/::1"), (Protocol::ICMPV6, v6, None));
        assert_eq!(read("icmp"), (Protocol::ICMP, None, None));
        assert_eq!(read("47/10.0.0.5"), (Protocol(47), v4, None));
    }

    #[test]
    fn what_is_no_target_is_refused_as_wrong_usage() {
        for text in [
            "80a",
            "70000",
            "0",
            "",
            "-1",
            "+80",
            "８０",
            "http",
            "8000-8010",
            "tpc/80",
            "tcp/",
            "tcp/x/80",
            "10.0.0.5",
            "::1",
            "::1:80",
            "[::1]",
            "[::1]80",
            "[::1:80",
            "10.0.0.256:80",
            "10.0.0.5:",
            "icmp/::1",
            "icmpv6/10.0.0.5",
            "icmp/80",
            "256/10.0.0.1",
            "tcp/10.0.0.5:80:90",
            "tcp/[fe80::1%eth0]:80",
        ] {
            let refusal = parse(text).expect_err(text);
            assert_eq!(refusal.fault, Fault::Usage, "{text}");
            assert!(!refusal.line.contains('\n'), "{text}");
        }
    }
}
