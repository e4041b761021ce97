//! A small generator (splitmix64): the same choices from the same seed, on every machine.

/// Where choices come from.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// The choices of one thread in one round.
    pub fn new(seed: u64, round: u64, thread: u64) -> Self {
        let mut dice = Self(seed);
        for part in [round, thread] {
            dice.0 = dice.next() ^ part.wrapping_mul(0xD1B5_4A32_D192_ED03);
        }
        dice
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `n`; 0 if there is none.
    pub fn below(&mut self, n: u64) -> u64 {
        self.next() % n.max(1)
    }

    /// A number from `low` to `high`.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        low.saturating_add_unsigned(self.below(high.abs_diff(low) + 1))
    }

    /// Yes in so many cases of a hundred.
    pub fn percent(&mut self, yes: u64) -> bool {
        self.below(100) < yes
    }

    /// One of these.
    pub fn one_of<'a, T>(&mut self, all: &'a [T]) -> Option<&'a T> {
        all.get(usize::try_from(self.below(all.len() as u64)).unwrap_or_default())
    }
}
