//! The readers-writer lock of parking_lot.

use super::locked_map::{Inside, Lock, LockedMap};

/// The map behind it.
pub type ParkingLotRwLock = LockedMap<parking_lot::RwLock<Inside>, false>;

impl<T: Send + Sync> Lock<T> for parking_lot::RwLock<T> {
    const NAMES: [&'static str; 2] = ["parking_lot RwLock", "parking_lot RwLock + record"];

    fn new(value: T) -> Self {
        Self::new(value)
    }

    fn read<R>(&self, read: impl FnOnce(&T) -> R) -> R {
        read(&self.read())
    }

    fn write<R>(&self, write: impl FnOnce(&mut T) -> R) -> R {
        write(&mut self.write())
    }
}
