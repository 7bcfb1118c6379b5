//! Where the twins of a run listen on the machine's own sockets, and the port that its gateway gets.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    ops::Range,
    path::Path,
    sync::atomic::{AtomicU16, Ordering},
};

use creel_gateway::net::{Net, TokioNet};

use super::Error;
use crate::{
    base::{self, Addresses},
    scenario::Scenario,
};

/// What the twins of a run listen with.
pub(super) type Listener = <TokioNet as Net>::Listener;

/// Listens for the twins of a scenario's channels and for the provider's.
pub(super) async fn listen(
    scenario: &Scenario,
    sandbox: &Path,
    zero_unix_s: i64,
) -> Result<(Addresses, BTreeMap<String, Listener>, Listener), Error> {
    let io = |what: &'static str| move |it: std::io::Error| Error::Target(format!("{what}: {it}"));
    let mut channels = BTreeMap::new();
    let mut channel_addresses = BTreeMap::new();
    for channel in base::channels(scenario) {
        let listener =
            TokioNet.bind(loopback(0)).await.map_err(io("listen for a channel's twin"))?;
        let address = address_of(&listener).map_err(io("read a port"))?;
        channel_addresses.insert(channel.clone(), address);
        channels.insert(channel, listener);
    }
    let provider = TokioNet.bind(loopback(0)).await.map_err(io("listen for the provider twin"))?;
    let addresses = Addresses {
        gateway_port: free_port().map_err(io("find a free port"))?,
        channels: channel_addresses,
        provider: address_of(&provider).map_err(io("read a port"))?,
        workspaces: sandbox.join("workspaces").display().to_string(),
        zero_unix_s,
    };
    Ok((addresses, channels, provider))
}

pub(super) fn loopback(port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}

fn address_of(listener: &impl axum::serve::Listener<Addr = SocketAddr>) -> std::io::Result<String> {
    listener.local_addr().map(|it| format!("http://{it}"))
}

/// The ports from which gateways get theirs: below those that systems hand out by themselves, so that no socket that
/// anybody opens meanwhile takes one.
const GATEWAY_PORTS: Range<u16> = 20_000..32_000;

/// A port that is free, and that no other run of this process gets.
pub(super) fn free_port() -> std::io::Result<u16> {
    static TAKEN: AtomicU16 = AtomicU16::new(0);
    let count = GATEWAY_PORTS.end - GATEWAY_PORTS.start;
    // Two processes begin at different places.
    let first = u16::try_from(std::process::id() % u32::from(count)).unwrap_or_default();
    for _ in 0..count {
        let step = TAKEN.fetch_add(1, Ordering::Relaxed);
        let port = GATEWAY_PORTS.start + (first + step % count) % count;
        if std::net::TcpListener::bind(loopback(port)).is_ok() {
            return Ok(port);
        }
    }
    Err(std::io::Error::other("no port from 20000 to 31999 is free"))
}
