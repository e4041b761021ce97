//! What threads do in a measurement: named workloads, each a few roles, each role a mix of operations over some keys.

use crate::mix::{Kind, Mix};

/// Which keys a role touches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keys {
    /// Any.
    All,
    /// This one.
    One(usize),
}

/// What one thread does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Role {
    /// What.
    pub mix: Mix,
    /// Where.
    pub keys: Keys,
}

/// A measurement's threads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workload {
    /// Its name.
    pub name: String,
    /// One role a thread.
    pub roles: Vec<Role>,
}

/// Why there is no such workload.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WorkloadError {
    /// None of that name.
    #[error("no workload is called {0:?}; there are {known}", known = Workload::NAMES.join(", "))]
    Unknown(String),
    /// Its threads are fixed.
    #[error("the threads of {0} are fixed; --threads is for {some}", some = Workload::SCALE.join(", "))]
    Fixed(String),
    /// Too few for what they do, or too many.
    #[error("{name} takes {least} to {most} threads, not {got}", most = Workload::MOST_THREADS)]
    Threads {
        /// The workload.
        name: String,
        /// The least.
        least: usize,
        /// What was asked for.
        got: usize,
    },
}

const fn role(mix: Mix) -> Role {
    Role { mix, keys: Keys::All }
}

const fn only(kind: Kind) -> Role {
    role(Mix::only(kind))
}

/// A bot's strategy: it looks far more than it acts.
const STRATEGY: Role = role(Mix::of([(Kind::Read, 90), (Kind::Fill, 8), (Kind::Take, 2)]));

impl Workload {
    /// The named ones, with the threads they have unless others are asked for.
    pub const NAMES: [&str; 19] = [
        "read",
        "read-2",
        "get",
        "read-beside-writer",
        "get-beside-writer",
        "tick",
        "tick-2",
        "fill",
        "fill-2-one-key",
        "fill-2-two-keys",
        "fill-read",
        "batch",
        "snapshot",
        "sweep",
        "sweep-beside-ticks",
        "churn",
        "mixed-2",
        "mixed-4",
        "mixed-8",
    ];

    /// Those that take any number of threads, `NAME-N`. `fill`: over the same keys. `mixed`: every other thread ticks, the rest are
    /// strategies. `read-beside-writer`, `get-beside-writer`: one thread writes, the rest read.
    pub const SCALE: [&str; 7] =
        ["read", "get", "tick", "fill", "mixed", "read-beside-writer", "get-beside-writer"];

    /// The most threads.
    pub const MOST_THREADS: usize = 64;

    /// A workload by its name.
    ///
    /// # Errors
    /// There is none of that name.
    pub fn named(name: &str) -> Result<Self, WorkloadError> {
        let one = |key| Role { mix: Mix::only(Kind::Fill), keys: Keys::One(key) };
        let roles = match name {
            "fill-2-one-key" => vec![one(0), one(0)],
            "fill-2-two-keys" => vec![one(0), one(1)],
            "fill-read" => vec![role(Mix::of([(Kind::Read, 1), (Kind::Fill, 1)]))],
            "batch" => vec![only(Kind::Batch)],
            "snapshot" => vec![only(Kind::Take)],
            "sweep" => vec![only(Kind::Sweep)],
            "sweep-beside-ticks" => vec![only(Kind::Tick), only(Kind::Sweep)],
            "churn" => vec![only(Kind::Churn)],
            scaling => return Self::scaled(scaling),
        };
        Ok(Self { name: name.to_owned(), roles })
    }

    fn scaled(name: &str) -> Result<Self, WorkloadError> {
        let (base, threads) = match name.rsplit_once('-').map(|(base, n)| (base, n.parse())) {
            Some((base, Ok(threads))) => (base, Some(threads)),
            _ => (name, None),
        };
        let base = Self::SCALE.into_iter().find(|known| *known == base);
        let base = base.ok_or_else(|| WorkloadError::Unknown(name.to_owned()))?;
        let least = if matches!(base, "mixed" | "read-beside-writer" | "get-beside-writer") { 2 } else { 1 };
        let threads = threads.unwrap_or(least);
        if !(least..=Self::MOST_THREADS).contains(&threads) {
            return Err(WorkloadError::Threads { name: base.to_owned(), least, got: threads });
        }
        let roles = (0..threads).map(|n| match base {
            "read" => only(Kind::Read),
            "get" => only(Kind::Get),
            "tick" => only(Kind::Tick),
            "fill" => only(Kind::Fill),
            "mixed" if n % 2 == 0 => only(Kind::Tick),
            "mixed" => STRATEGY,
            // The reader is first: its cost is the row's.
            _ if n + 1 == threads => only(Kind::Fill),
            "get-beside-writer" => only(Kind::Get),
            _ => only(Kind::Read),
        });
        let plain = base != "mixed" && threads == least;
        let name = if plain { base.to_owned() } else { format!("{base}-{threads}") };
        Ok(Self { name, roles: roles.collect() })
    }

    /// The same with so many threads.
    ///
    /// # Errors
    /// Its threads are fixed, or it does not take so many.
    pub fn with_threads(&self, threads: usize) -> Result<Self, WorkloadError> {
        // The name without its own number of threads; a longer name that begins so has a meaning of its own.
        let base = Self::SCALE.into_iter().find(|base| {
            let rest = self.name.strip_prefix(base).map(|rest| rest.strip_prefix('-').unwrap_or(rest));
            rest.is_some_and(|rest| rest.is_empty() || rest.parse::<usize>().is_ok())
        });
        let base = base.ok_or_else(|| WorkloadError::Fixed(self.name.clone()))?;
        Self::scaled(&format!("{base}-{threads}"))
    }

    /// So many threads that all do this.
    ///
    /// # Errors
    /// Not a number of threads.
    pub fn of_mix(mix: Mix, threads: usize) -> Result<Self, WorkloadError> {
        if !(1..=Self::MOST_THREADS).contains(&threads) {
            return Err(WorkloadError::Threads { name: "a mix".to_owned(), least: 1, got: threads });
        }
        Ok(Self { name: format!("{mix} x{threads}"), roles: vec![role(mix); threads] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_a_workload_of_that_name() {
        for name in Workload::NAMES {
            assert_eq!(Workload::named(name).unwrap().name, name);
        }
        assert_eq!(Workload::named("reads"), Err(WorkloadError::Unknown("reads".to_owned())));
        assert_eq!(Workload::named("read-x"), Err(WorkloadError::Unknown("read-x".to_owned())));
    }

    #[test]
    fn threads_are_readers_writers_or_a_mix() {
        let threads = |name: &str, n| Workload::named(name).unwrap().with_threads(n);
        let four = threads("read", 4).unwrap();
        assert_eq!((four.name.as_str(), four.roles), ("read-4", vec![only(Kind::Read); 4]));
        assert_eq!(threads("read-2", 1).unwrap(), Workload::named("read").unwrap());
        assert_eq!(threads("mixed-8", 2).unwrap(), Workload::named("mixed-2").unwrap());
        let beside = threads("read-beside-writer", 3).unwrap();
        assert_eq!(beside.roles, vec![only(Kind::Read), only(Kind::Read), only(Kind::Fill)]);
        for fixed in ["fill-2-one-key", "fill-read", "batch", "churn", "sweep-beside-ticks"] {
            assert_eq!(threads(fixed, 2), Err(WorkloadError::Fixed(fixed.to_owned())));
        }
        for (name, got) in [("mixed-2", 1), ("read", 0), ("fill", 65)] {
            assert!(matches!(threads(name, got), Err(WorkloadError::Threads { .. })), "{name} {got}");
        }
    }
}
