//! How many sockets there may be: few whose client has not said who it is, many whose client has. The few never take the places
//! of the many, nor those of other machines the places of this one.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::control::{
    connect::Peer,
    guesses,
    networks::{Networks, Share},
};

/// How many clients may be connected.
pub(super) const CLIENTS_MAX: usize = 16_384;

/// How many sockets from this machine may be before their handshake.
pub(super) const NEAR_MAX: usize = 4_096;

/// How many from other machines,
pub(super) const FAR_MAX: usize = 256;

/// and how many of these from one network.
pub(super) const NETWORK_MAX: usize = 32;

/// The places. A clone is the same ones.
#[derive(Clone, Debug)]
pub(super) struct Places {
    clients: Arc<Semaphore>,
    near: Arc<Semaphore>,
    far: Arc<Semaphore>,
    networks: Networks,
}

/// There is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Full {
    /// For one more client.
    #[error("too many clients")]
    Clients,
    /// For one more that may become one.
    #[error("too many connections before their handshake")]
    Strangers,
}

/// A place before the handshake. Dropping it takes it away.
#[derive(Debug)]
pub(super) struct Stranger {
    _permit: OwnedSemaphorePermit,
    _share: Option<Share>,
}

/// A client's place. Dropping it takes it away.
#[derive(Debug)]
pub(super) struct Client(#[expect(dead_code, reason = "held")] OwnedSemaphorePermit);

impl Default for Places {
    fn default() -> Self {
        let of = |size| Arc::new(Semaphore::new(size));
        Self {
            clients: of(CLIENTS_MAX),
            near: of(NEAR_MAX),
            far: of(FAR_MAX),
            networks: Networks::default(),
        }
    }
}

impl Places {
    /// A place for a socket that was opened.
    pub(super) fn begin(&self, peer: &Peer) -> Result<Stranger, Full> {
        let place =
            |all: &Arc<Semaphore>| all.clone().try_acquire_owned().map_err(|_| Full::Strangers);
        let Peer::Remote(address) = peer else {
            return Ok(Stranger { _permit: place(&self.near)?, _share: None });
        };
        let permit = place(&self.far)?;
        let share = self.networks.share(guesses::network(address), NETWORK_MAX);
        Ok(Stranger { _permit: permit, _share: Some(share.ok_or(Full::Strangers)?) })
    }

    /// A place for a client that was accepted.
    pub(super) fn settle(&self) -> Result<Client, Full> {
        self.clients.clone().try_acquire_owned().map(Client).map_err(|_| Full::Clients)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn far(network: usize) -> Peer {
        Peer::Remote(format!("192.0.2.{network}"))
    }

    #[test]
    fn strangers_elsewhere_take_nobodys_place() {
        let places = Places::default();
        let begin = |network, count| -> Vec<_> {
            (0..count).filter_map(|_| places.begin(&far(network)).ok()).collect()
        };
        let mut all = begin(1, 2 * NETWORK_MAX);
        assert_eq!(all.len(), NETWORK_MAX);
        assert_eq!(places.begin(&far(1)).unwrap_err(), Full::Strangers);
        (2..100).for_each(|it| all.extend(begin(it, NETWORK_MAX)));
        assert_eq!(all.len(), FAR_MAX);
        let near: Vec<_> =
            (0..2 * NEAR_MAX).filter_map(|_| places.begin(&Peer::Program).ok()).collect();
        assert_eq!(near.len(), NEAR_MAX);
        let clients: Vec<_> = (0..2 * CLIENTS_MAX).filter_map(|_| places.settle().ok()).collect();
        assert_eq!(clients.len(), CLIENTS_MAX);
        drop(all);
        assert!(places.networks.are_empty());
        assert_eq!(begin(1, 1).len(), 1);
    }
}
