//! The standard library's readers-writer lock.

use super::locked_map::{Inside, Lock, LockedMap};

/// The map behind it.
pub type StdRwLock = LockedMap<std::sync::RwLock<Inside>, false>;

impl<T: Send + Sync> Lock<T> for std::sync::RwLock<T> {
    const NAMES: [&'static str; 2] = ["std RwLock", "std RwLock + record"];

    fn new(value: T) -> Self {
        Self::new(value)
    }

    fn read<R>(&self, read: impl FnOnce(&T) -> R) -> R {
        read(&self.read().expect("nobody panics"))
    }

    fn write<R>(&self, write: impl FnOnce(&mut T) -> R) -> R {
        write(&mut self.write().expect("nobody panics"))
    }
}
