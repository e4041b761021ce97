//! What threads do in a measurement: named workloads, each a few roles, each role a mix of operations over some keys.

use crate::Random;

/// How often a role does what, in parts of the sum.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Mix {
    /// Reads of one position.
    pub read: u32,
    /// Ticks.
    pub tick: u32,
    /// Fills.
    pub fill: u32,
    /// Pictures that are taken and let go.
    pub take: u32,
    /// Pictures that are gone over.
    pub sweep: u32,
    /// Batches over every position.
    pub batch: u32,
}

/// One kind of operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the fields of Mix say what they are")]
pub enum Kind {
    Read,
    Tick,
    Fill,
    Take,
    Sweep,
    Batch,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 6] = [Self::Read, Self::Tick, Self::Fill, Self::Take, Self::Sweep, Self::Batch];

    /// In one word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Tick => "tick",
            Self::Fill => "fill",
            Self::Take => "snapshot",
            Self::Sweep => "sweep",
            Self::Batch => "batch",
        }
    }
}

impl Mix {
    /// The parts, by kind.
    pub const fn parts(&self) -> [u32; 6] {
        [self.read, self.tick, self.fill, self.take, self.sweep, self.batch]
    }

    /// One kind only.
    pub const fn only(kind: Kind) -> Self {
        let mut mix = Self { read: 0, tick: 0, fill: 0, take: 0, sweep: 0, batch: 0 };
        match kind {
            Kind::Read => mix.read = 1,
            Kind::Tick => mix.tick = 1,
            Kind::Fill => mix.fill = 1,
            Kind::Take => mix.take = 1,
            Kind::Sweep => mix.sweep = 1,
            Kind::Batch => mix.batch = 1,
        }
        mix
    }

    /// Draws a kind.
    pub fn draw(&self, random: &mut Random) -> Kind {
        let parts = self.parts();
        let mut at = random.below(parts.iter().map(|part| u64::from(*part)).sum());
        for (kind, part) in Kind::ALL.into_iter().zip(parts) {
            match at.checked_sub(u64::from(part)) {
                None => return kind,
                Some(left) => at = left,
            }
        }
        Kind::Read
    }
}

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

const fn role(mix: Mix) -> Role {
    Role { mix, keys: Keys::All }
}

/// A bot's strategy: it looks far more than it acts.
const STRATEGY: Mix = Mix { read: 90, tick: 0, fill: 8, take: 2, sweep: 0, batch: 0 };

impl Workload {
    /// The named ones.
    pub const NAMES: [&str; 16] = [
        "read",
        "read-2",
        "read-beside-writer",
        "tick",
        "tick-2",
        "fill",
        "fill-2-one-key",
        "fill-2-two-keys",
        "batch",
        "snapshot",
        "sweep",
        "sweep-beside-ticks",
        "mixed-2",
        "mixed-4",
        "mixed-8",
        "fill-read",
    ];

    /// A workload by its name. `None`: there is none of that name.
    pub fn named(name: &str) -> Option<Self> {
        let only = |kind| role(Mix::only(kind));
        let ticker = only(Kind::Tick);
        let strategy = role(STRATEGY);
        let one = |key| Role { mix: Mix::only(Kind::Fill), keys: Keys::One(key) };
        let mixed = |threads: usize| {
            (0..threads).map(|n| if n % 2 == 0 { ticker } else { strategy }).collect::<Vec<_>>()
        };
        let roles = match name {
            "read" => vec![only(Kind::Read)],
            "read-2" => vec![only(Kind::Read); 2],
            "read-beside-writer" => vec![only(Kind::Read), only(Kind::Fill)],
            "tick" => vec![ticker],
            "tick-2" => vec![ticker; 2],
            "fill" => vec![only(Kind::Fill)],
            "fill-2-one-key" => vec![one(0), one(0)],
            "fill-2-two-keys" => vec![one(0), one(1)],
            "batch" => vec![only(Kind::Batch)],
            "snapshot" => vec![only(Kind::Take)],
            "sweep" => vec![only(Kind::Sweep)],
            "sweep-beside-ticks" => vec![ticker, only(Kind::Sweep)],
            "mixed-2" => mixed(2),
            "mixed-4" => mixed(4),
            "mixed-8" => mixed(8),
            "fill-read" => vec![role(Mix { read: 1, fill: 1, ..Mix::default() })],
            _ => return None,
        };
        Some(Self { name: name.to_owned(), roles })
    }
}
