//! The cells that are compared, each asked for an owned value.

use std::ops::Deref;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, RwLock};

use arc_swap::ArcSwap;

/// What is stored: two numbers that belong together.
#[derive(Debug, Clone, Copy)]
pub struct Value {
    pub number: u64,
    pub twice: u64,
}

impl Value {
    pub fn new(number: u64) -> Self {
        Self { number, twice: 2 * number }
    }
}

/// A place that one thread stores to and others load from.
pub trait Cell: Send + Sync {
    const NAME: &'static str;

    fn new(value: Value) -> Self;

    /// One thread's way to load.
    fn reader(&self) -> impl FnMut() -> Self::Owned;

    /// The one writer's way to store.
    fn writer(&self) -> impl FnMut(Value);

    type Owned: Deref<Target = Value>;
}

/// As posbook's root: shells are never freed but used again, and what is loaded is what they hold.
pub struct Shelled(ArcSwap<Shell>);

struct Shell {
    tag: u32,
    value: Arc<Value>,
}

impl Cell for Shelled {
    const NAME: &'static str = "arc-swap, shells used again";
    type Owned = Arc<Value>;

    fn new(value: Value) -> Self {
        Self(ArcSwap::from_pointee(Shell { tag: 7, value: Arc::new(value) }))
    }

    fn reader(&self) -> impl FnMut() -> Arc<Value> {
        || {
            loop {
                let shell = self.0.load();
                if shell.tag == 7 {
                    return Arc::clone(&shell.value);
                }
            }
        }
    }

    fn writer(&self) -> impl FnMut(Value) {
        let mut pool: Vec<Arc<Shell>> = Vec::new();
        move |value| {
            let value = Arc::new(value);
            let free = pool.iter_mut().position(|shell| Arc::get_mut(shell).is_some());
            let shell = match free.map(|at| pool.swap_remove(at)) {
                Some(mut shell) => {
                    Arc::get_mut(&mut shell).unwrap().value = value;
                    shell
                }
                None => Arc::new(Shell { tag: 7, value }),
            };
            let found = self.0.load_full();
            let before = self.0.compare_and_swap(&found, shell);
            assert!(Arc::ptr_eq(&before, &found), "there is one writer");
            drop((before, found.tag));
            pool.push(found);
        }
    }
}

/// Every store is an object of its own.
pub struct Bare(ArcSwap<Value>);

impl Cell for Bare {
    const NAME: &'static str = "arc-swap";
    type Owned = Arc<Value>;

    fn new(value: Value) -> Self {
        Self(ArcSwap::from_pointee(value))
    }

    fn reader(&self) -> impl FnMut() -> Arc<Value> {
        || self.0.load_full()
    }

    fn writer(&self) -> impl FnMut(Value) {
        |value| self.0.store(Arc::new(value))
    }
}

impl Cell for Mutex<Arc<Value>> {
    const NAME: &'static str = "std Mutex<Arc>";
    type Owned = Arc<Value>;

    fn new(value: Value) -> Self {
        Self::new(Arc::new(value))
    }

    fn reader(&self) -> impl FnMut() -> Arc<Value> {
        || Arc::clone(&self.lock().unwrap())
    }

    fn writer(&self) -> impl FnMut(Value) {
        |value| {
            let new = Arc::new(value);
            // What was there is freed behind the lock, not under it.
            let _old = std::mem::replace(&mut *self.lock().unwrap(), new);
        }
    }
}

impl Cell for RwLock<Arc<Value>> {
    const NAME: &'static str = "std RwLock<Arc>";
    type Owned = Arc<Value>;

    fn new(value: Value) -> Self {
        Self::new(Arc::new(value))
    }

    fn reader(&self) -> impl FnMut() -> Arc<Value> {
        || Arc::clone(&self.read().unwrap())
    }

    fn writer(&self) -> impl FnMut(Value) {
        |value| {
            let new = Arc::new(value);
            let _old = std::mem::replace(&mut *self.write().unwrap(), new);
        }
    }
}

impl Cell for parking_lot::RwLock<Arc<Value>> {
    const NAME: &'static str = "parking_lot RwLock<Arc>";
    type Owned = Arc<Value>;

    fn new(value: Value) -> Self {
        Self::new(Arc::new(value))
    }

    fn reader(&self) -> impl FnMut() -> Arc<Value> {
        || Arc::clone(&self.read())
    }

    fn writer(&self) -> impl FnMut(Value) {
        |value| {
            let new = Arc::new(value);
            let _old = std::mem::replace(&mut *self.write(), new);
        }
    }
}

/// Its handles change when they look, so every thread has one of its own; the first is only cloned.
pub struct Shift(Mutex<arcshift::ArcShift<Arc<Value>>>);

impl Shift {
    fn own(&self) -> arcshift::ArcShift<Arc<Value>> {
        let mut first = self.0.lock().unwrap();
        first.reload();
        first.clone()
    }
}

impl Cell for Shift {
    const NAME: &'static str = "arcshift";
    type Owned = Arc<Value>;

    fn new(value: Value) -> Self {
        Self(Mutex::new(arcshift::ArcShift::new(Arc::new(value))))
    }

    fn reader(&self) -> impl FnMut() -> Arc<Value> {
        let mut own = self.own();
        move || Arc::clone(own.get())
    }

    fn writer(&self) -> impl FnMut(Value) {
        let mut own = self.own();
        move |value| own.update(Arc::new(value))
    }
}

/// Hazard pointers beside counts.
pub struct Haz(hazarc::AtomicArc<Value>);

impl Cell for Haz {
    const NAME: &'static str = "hazarc";
    type Owned = Arc<Value>;

    fn new(value: Value) -> Self {
        Self(hazarc::AtomicArc::new(Arc::new(value)))
    }

    fn reader(&self) -> impl FnMut() -> Arc<Value> {
        || self.0.load_owned()
    }

    fn writer(&self) -> impl FnMut(Value) {
        |value| self.0.store(Arc::new(value))
    }
}

/// What was replaced is freed when every thread has passed by.
pub struct Epochs(sdd::AtomicShared<Value>);

impl Cell for Epochs {
    const NAME: &'static str = "sdd";
    type Owned = sdd::Shared<Value>;

    fn new(value: Value) -> Self {
        Self(sdd::AtomicShared::new(value))
    }

    fn reader(&self) -> impl FnMut() -> sdd::Shared<Value> {
        || self.0.get_shared(Ordering::Acquire, &sdd::Guard::new()).unwrap()
    }

    fn writer(&self) -> impl FnMut(Value) {
        |value| drop(self.0.swap((Some(sdd::Shared::new(value)), sdd::Tag::None), Ordering::AcqRel))
    }
}
