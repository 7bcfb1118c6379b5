//! A network of public hosts alone.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use crate::net::Net;

/// Another network, as far as it is public: connections to all other numbers are refused before they are tried.
#[derive(Clone, Debug)]
pub(super) struct PublicOnly<N>(pub(super) N);

impl<N: Net> Net for PublicOnly<N> {
    type Stream = N::Stream;
    type Listener = N::Listener;

    async fn bind(&self, _: SocketAddr) -> io::Result<Self::Listener> {
        Err(io::Error::from(io::ErrorKind::Unsupported))
    }

    async fn connect(&self, host: &str, port: u16) -> io::Result<Self::Stream> {
        let numbers = self.0.look_up(host).await?;
        // One number inside is enough: the next look-up might have it first.
        match numbers.first() {
            Some(first) if numbers.iter().all(is_public) => {
                self.0.connect(&first.to_string(), port).await
            }
            _ => Err(io::Error::new(io::ErrorKind::PermissionDenied, "the host is not public")),
        }
    }

    async fn look_up(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        self.0.look_up(host).await
    }
}

/// Whether a number is anybody's to connect to.
pub(crate) fn is_public(number: &IpAddr) -> bool {
    match number {
        IpAddr::V4(number) => is_public_v4(*number),
        IpAddr::V6(number) => is_public_v6(*number),
    }
}

/// Source: IANA's registry of special-purpose IPv4 addresses.
fn is_public_v4(number: Ipv4Addr) -> bool {
    let [a, b, c, _] = number.octets();
    let is_special = match (a, b) {
        (0 | 10 | 127 | 224.., _) => true,
        (100, 64..=127) | (169, 254) | (172, 16..=31) | (192, 168) | (198, 18 | 19) => true,
        (192, 0) => c == 0 || c == 2,
        (192, 88) => c == 99,
        (198, 51) => c == 100,
        (203, 0) => c == 113,
        _ => false,
    };
    !is_special
}

/// Source: IANA's registry of special-purpose IPv6 addresses. Those that carry an IPv4 address are not public.
fn is_public_v6(number: Ipv6Addr) -> bool {
    let [a, b, ..] = number.segments();
    let is_global_unicast = a & 0xe000 == 0x2000;
    let is_special =
        matches!((a, b), (0x2001, 0..=0x01ff | 0x0db8) | (0x2002, _) | (0x3fff, 0..=0x0fff));
    is_global_unicast && !is_special
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_inside_is_not_public() {
        let inside = [
            "0.0.0.0",
            "10.1.2.3",
            "127.0.0.1",
            "127.9.9.9",
            "100.64.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "192.0.0.8",
            "192.0.2.1",
            "198.18.0.1",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "fe80::1",
            "fd00::1",
            "ff02::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "64:ff9b::7f00:1",
            "2001::1",
        ];
        let public: Vec<_> =
            inside.into_iter().filter(|it| is_public(&it.parse().unwrap())).collect();
        assert_eq!(public, [""; 0]);
        for outside in ["1.1.1.1", "172.32.0.1", "100.128.0.1", "198.20.0.1", "2606:4700::1111"] {
            assert!(is_public(&outside.parse().unwrap()), "{outside}");
        }
    }
}
