//! Whatever bytes come, the decoders end: with what they made of it, or with nothing.

use std::net::Ipv6Addr;

use super::super::netlink::push_attribute;
use super::super::tests::damaged;
use super::*;

/// A listening TCP socket on `[::]:80`, bound to device 2, transparent.
fn listener() -> Vec<u8> {
    let mut body = vec![libc::AF_INET6 as u8, 10, 0, 0];
    body.extend([0, 80, 0, 0]);
    body.extend([0; 32]);
    body.extend(2u32.to_ne_bytes());
    body.extend([0; 8]);
    for number in [0u32, 0, 8, 1000, 4711] {
        body.extend(number.to_ne_bytes());
    }
    push_attribute(&mut body, 11, &[1]);
    push_attribute(&mut body, 22, &[if cfg!(target_endian = "big") { 0x04 } else { 0x20 }, 0]);
    body
}

fn source(protocol: Protocol) -> &'static Source {
    SOURCES.iter().find(|source| source.protocol == protocol).unwrap()
}

#[test]
fn a_message_is_decoded() {
    let socket = diag::decode(&listener(), source(Protocol::TCP), &[]).unwrap();
    let expected = Socket {
        protocol: Protocol::TCP,
        addr: Ipv6Addr::UNSPECIFIED.into(),
        port: 80,
        v6only: Some(true),
        device: Some("if2".into()),
        peer: None,
        inode: 4711,
        uid: Some(1000),
        transparent: Some(true),
        processes: Vec::new(),
    };
    assert_eq!(socket, expected);
    assert_eq!(diag::decode(&listener(), source(Protocol::UDP), &[]), None, "no UDP socket listens");
}

#[test]
fn no_bytes_make_a_decoder_panic() {
    let mut decoded = 0;
    damaged(&[listener(), vec![0xff; 90]], 20_000, |body| {
        for source in &SOURCES {
            decoded += u32::from(diag::decode(body, source, &[]).is_some());
        }
    });
    assert!(decoded > 1000);
    let line =
        "   1: 0000000000000000FFFF00000100007F:1F90 00000000000000000000000000000000:0000 0A 0:0 0:0 0 1000 0 4712 1";
    let eps = "0 0 2 10 29 11111 1000 4713 127.0.0.1 *2001:db8::1 ü";
    damaged(&[line.into(), eps.into()], 20_000, |bytes| {
        let text = String::from_utf8_lossy(bytes);
        for source in &SOURCES {
            let _ = (text::socket(&text, source, IpFamily::V4), text::socket(&text, source, IpFamily::V6));
        }
        let _ = text::sctp(&text);
    });
}
