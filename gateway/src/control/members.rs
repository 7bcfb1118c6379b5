//! Who is connected as which device, so that those go whose device may not come any more.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    sync::{Arc, Mutex, MutexGuard},
};

use tokio::sync::oneshot;

use super::scope::Role;

/// The connections that came as a device. A clone is the same list.
#[derive(Clone, Debug, Default)]
pub struct Members(Arc<Mutex<List>>);

#[derive(Debug, Default)]
struct List {
    next: u64,
    places: BTreeMap<u64, Place>,
}

#[derive(Debug)]
struct Place {
    device_id: String,
    role: Role,
    /// Nothing is ever sent: it is gone with the place.
    _kept: oneshot::Sender<Infallible>,
}

/// A connection's place in the list. Dropping it takes it away.
#[derive(Debug)]
pub struct Member {
    members: Members,
    id: u64,
    lost: oneshot::Receiver<Infallible>,
}

impl Members {
    fn list(&self) -> MutexGuard<'_, List> {
        self.0.lock().expect("no holder of this lock panics")
    }

    /// Takes a connection in.
    pub fn join(&self, device_id: &str, role: Role) -> Member {
        let (kept, lost) = oneshot::channel();
        let mut list = self.list();
        list.next += 1;
        let id = list.next;
        let place = Place { device_id: device_id.to_owned(), role, _kept: kept };
        list.places.insert(id, place);
        Member { members: self.clone(), id, lost }
    }

    /// Everybody who came as a device has to go.
    pub fn dismiss(&self, device_id: &str) {
        self.list().places.retain(|_, it| it.device_id != device_id);
    }

    /// Everybody who came as a device in a role has to go.
    pub fn dismiss_role(&self, device_id: &str, role: Role) {
        self.list().places.retain(|_, it| it.device_id != device_id || it.role != role);
    }
}

impl Member {
    /// Returns when the connection has to go.
    pub async fn dismissed(&mut self) {
        // An error is all that can come: the place is gone.
        _ = (&mut self.lost).await;
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.members.list().places.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn those_go_who_came_as_the_device() {
        let members = Members::default();
        let came = [("d", Role::Operator), ("d", Role::Node), ("e", Role::Operator)];
        let mut all = came.map(|(device, role)| members.join(device, role));
        let mut gone = || {
            let gone = all
                .iter_mut()
                .map(|it| it.lost.is_terminated() || it.dismissed().now_or_never().is_some());
            gone.collect::<Vec<bool>>()
        };
        assert_eq!(gone(), [false, false, false]);
        members.dismiss_role("d", Role::Node);
        assert_eq!(gone(), [false, true, false]);
        members.dismiss("d");
        assert_eq!(gone(), [true, true, false]);
        drop(all);
        assert!(members.list().places.is_empty());
    }
}
