//! The mutex of parking_lot: who releases it often takes it again at once.

use super::locked_map::{Inside, Lock, LockedMap};

/// The map behind it.
pub type ParkingLotMutex = LockedMap<parking_lot::Mutex<Inside>, false>;
/// The same, each change with its record.
pub type ParkingLotMutexRecorded = LockedMap<parking_lot::Mutex<Inside>, true>;

impl<T: Send + Sync> Lock<T> for parking_lot::Mutex<T> {
    const NAMES: [&'static str; 2] = ["parking_lot Mutex", "parking_lot Mutex + record"];

    fn new(value: T) -> Self {
        Self::new(value)
    }

    fn read<R>(&self, read: impl FnOnce(&T) -> R) -> R {
        read(&self.lock())
    }

    fn write<R>(&self, write: impl FnOnce(&mut T) -> R) -> R {
        write(&mut self.lock())
    }
}
