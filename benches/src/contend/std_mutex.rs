//! The standard library's mutex: a futex, the strong baseline.

use super::locked_map::{Inside, Lock, LockedMap};

/// The map behind it.
pub type StdMutex = LockedMap<std::sync::Mutex<Inside>, false>;
/// The same, each change with its record.
pub type StdMutexRecorded = LockedMap<std::sync::Mutex<Inside>, true>;

impl<T: Send + Sync> Lock<T> for std::sync::Mutex<T> {
    const NAMES: [&'static str; 2] = ["std Mutex", "std Mutex + record"];

    fn new(value: T) -> Self {
        Self::new(value)
    }

    fn read<R>(&self, read: impl FnOnce(&T) -> R) -> R {
        read(&self.lock().expect("nobody panics"))
    }

    fn write<R>(&self, write: impl FnOnce(&mut T) -> R) -> R {
        write(&mut self.lock().expect("nobody panics"))
    }
}
