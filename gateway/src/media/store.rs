//! What was fetched for the model, so that a conversation's later requests do not fetch it again.
//!
//! What could not be had is remembered too: a request that is repeated shows what the one before it showed.

use std::{collections::VecDeque, sync::Mutex};

use creel_core::{
    ids::{AccountId, Channel},
    media::{Received, Source},
};

use super::{Picture, Unavailable};

/// How many bytes of pictures are kept. The oldest go first, and are fetched again if they are asked for.
const BYTES_MAX: usize = 64 * super::MIB;

/// How many pictures are kept, with those that could not be had.
const PICTURES_MAX: usize = 1_000;

type Key = (Channel, AccountId, String);

type Found = Result<Picture, Unavailable>;

/// The pictures, the oldest first. Tasks that ask providers share it.
#[derive(Debug, Default)]
pub struct Store(Mutex<VecDeque<(Key, Found)>>);

impl Store {
    /// A picture that was fetched before, if it is still here.
    pub fn find(&self, received: &Received) -> Option<Found> {
        let key = key(received)?;
        let held = self.0.lock().expect("no holder of this lock panics");
        held.iter().find(|(it, _)| *it == key).map(|(_, found)| found.clone())
    }

    /// Keeps what came of fetching a picture.
    pub fn keep(&self, received: &Received, found: &Found) {
        let Some(key) = key(received) else { return };
        let mut held = self.0.lock().expect("no holder of this lock panics");
        held.retain(|(it, _)| *it != key);
        held.push_back((key, found.clone()));
        let size = |it: &(Key, Found)| it.1.as_ref().map_or(0, |picture| picture.bytes.len());
        let mut bytes: usize = held.iter().map(size).sum();
        while bytes > BYTES_MAX || held.len() > PICTURES_MAX {
            bytes -= held.pop_front().as_ref().map_or(0, size);
        }
    }
}

fn key(received: &Received) -> Option<Key> {
    let Received { route, image } = received;
    match &image.source {
        Source::Platform(name) => {
            Some((route.channel.clone(), route.account.clone(), name.to_string()))
        }
        Source::Inline(_) => None,
    }
}
