//! The devices of a running gateway, and the file that has them for its next life.

use std::sync::{Arc, Mutex};

use super::{Devices, disk};
use crate::state::StateFolder;

/// Where the devices are kept, below the state folder.
pub const FILE: &str = "devices/creel.json";

/// The devices and their file. A clone is the same.
#[derive(Clone, Debug)]
pub struct Shelf {
    devices: Arc<Mutex<Devices>>,
    folder: StateFolder,
    /// The file is written by one at a time.
    pen: Arc<tokio::sync::Mutex<()>>,
}

impl Shelf {
    /// These devices, which are kept in this folder.
    pub fn new(devices: Devices, folder: StateFolder) -> Self {
        Self { devices: Arc::new(Mutex::new(devices)), folder, pen: Arc::default() }
    }

    /// Looks at the devices, or changes them.
    pub fn with<T>(&self, look: impl FnOnce(&mut Devices) -> T) -> T {
        look(&mut self.devices.lock().expect("no holder of this lock panics"))
    }

    /// Writes the devices down, where the next life of the gateway finds them. What is written is what they are when it is this
    /// one's turn, so that an older state never comes after a newer one.
    pub async fn keep(&self) {
        // The pen goes with the work, which goes on if nobody waits for it any more.
        let pen = self.pen.clone().lock_owned().await;
        let (shelf, folder) = (self.clone(), self.folder.clone());
        let write = move || {
            let written = shelf.folder.replace(FILE, &shelf.with(|it| disk::write(it)));
            drop(pen);
            written
        };
        // What may connect now may until the end; that it is not kept is for the operator to know.
        if let Err(error) = folder.apart(write).await {
            tracing::error!(file = FILE, %error, "the devices were not kept");
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::task::JoinSet;

    use super::*;
    use crate::control::{
        devices::{About, Access, Consent},
        scope::{Role, Scopes},
    };

    fn access(device: String) -> Access {
        Access {
            public_key: format!("key of {device}"),
            device_id: device,
            role: Role::Operator,
            scopes: Scopes::NONE,
            about: About::default(),
            consent: Consent::Asked,
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn the_file_has_the_newest_devices_whoever_writes_it() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateFolder::Disk(folder.path().to_owned());
        let shelf = Shelf::new(Devices::default(), state.clone());
        let mut writers = JoinSet::new();
        for number in 0..24 {
            let shelf = shelf.clone();
            writers.spawn(async move {
                let id = format!("r{number}");
                let device = access(format!("{}{number}", "d".repeat(number * 100)));
                shelf.with(|it| it.request(device, &id, 0).map(drop)).unwrap();
                shelf.keep().await;
                if number % 2 == 0 {
                    shelf.with(|it| it.reject(&id));
                    shelf.keep().await;
                }
            });
        }
        while let Some(ended) = writers.join_next().await {
            ended.unwrap();
        }
        let kept = disk::read(&state.read(FILE).unwrap().unwrap()).unwrap();
        assert_eq!(kept.all_pending().len(), 12);
        assert_eq!(kept, shelf.with(|it| it.clone()));
    }
}
