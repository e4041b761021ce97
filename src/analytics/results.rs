//! What lives came to: how many won, what they earned on average, and how that compares with what the others lost.

use rust_decimal::Decimal;

use super::figure::{Figure, Sum, Unknown};

/// Statistics over lives, one settle currency at a time. A win is a life whose [`result`](super::Life::result) is above zero.
///
/// ```
/// use posbook::analytics::{Figure, Results};
///
/// let mut results = Results::default();
/// for result in ["300", "-100", "-100", "50"] {
///     results.add(Figure::Known(result.parse()?));
/// }
/// assert_eq!(results.win_rate().to_string(), "0.5");
/// assert_eq!(results.profit_factor().to_string(), "1.75");
/// assert_eq!(results.expectancy().to_string(), "37.5");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Results {
    wins: u64,
    losses: u64,
    even: u64,
    unknown: u64,
    profit: Sum,
    loss: Sum,
    largest_win: Decimal,
    largest_loss: Decimal,
}

impl Results {
    /// Takes one result in: of a life, or of whatever else won or lost.
    pub fn add(&mut self, result: Figure) {
        match result {
            Figure::Unknown(_) => self.unknown += 1,
            Figure::Known(result) if result.is_zero() => self.even += 1,
            Figure::Known(result) if result.is_sign_negative() => {
                self.losses += 1;
                self.loss.take(result);
                self.largest_loss = self.largest_loss.min(result);
            }
            Figure::Known(result) => {
                self.wins += 1;
                self.profit.add(result);
                self.largest_win = self.largest_win.max(result);
            }
        }
    }

    /// How many earned something.
    pub const fn wins(&self) -> u64 {
        self.wins
    }

    /// How many lost something.
    pub const fn losses(&self) -> u64 {
        self.losses
    }

    /// How many did neither.
    pub const fn even(&self) -> u64 {
        self.even
    }

    /// Of how many nobody knows. They are in no other figure.
    pub const fn unknown(&self) -> u64 {
        self.unknown
    }

    /// How many have a result.
    pub const fn known(&self) -> u64 {
        self.wins + self.losses + self.even
    }

    /// The sum of what was won.
    pub fn profit(&self) -> Figure {
        self.profit.figure()
    }

    /// The sum of what was lost, as a positive number.
    pub fn loss(&self) -> Figure {
        self.loss.figure()
    }

    /// What all of it came to.
    pub fn net(&self) -> Figure {
        self.sum().figure()
    }

    fn sum(&self) -> Sum {
        Sum::of([self.profit.get(), self.loss.get().map(|loss| -loss)])
    }

    /// The share that won: wins / known (J. D. Schwager, *Getting Started in Technical Analysis*, Wiley 1999, on evaluating
    /// systems).
    pub fn win_rate(&self) -> Figure {
        self.mean(Sum::of([Some(self.wins.into())]), self.known())
    }

    /// What one earns on average: (win rate x average win) - (loss rate x average loss), which is net / known (V. K. Tharp,
    /// *Trade Your Way to Financial Freedom*, McGraw-Hill 1999, on expectancy; there it is divided by the risk taken once
    /// more, which nobody states here).
    pub fn expectancy(&self) -> Figure {
        self.mean(self.sum(), self.known())
    }

    /// Profit / loss (R. Pardo, *The Evaluation and Optimization of Trading Strategies*, Wiley 2008). Above 1 it earns. Unknown
    /// as long as nothing was lost: it is not infinite.
    pub fn profit_factor(&self) -> Figure {
        Figure::ratio(self.profit.get(), self.loss.get(), "loss")
    }

    /// Profit / wins.
    pub fn average_win(&self) -> Figure {
        self.mean(self.profit, self.wins)
    }

    /// Loss / losses, as a positive number.
    pub fn average_loss(&self) -> Figure {
        self.mean(self.loss, self.losses)
    }

    /// The best.
    pub fn largest_win(&self) -> Figure {
        self.extreme(self.wins, self.largest_win)
    }

    /// The worst, as a positive number.
    pub fn largest_loss(&self) -> Figure {
        self.extreme(self.losses, -self.largest_loss)
    }

    fn mean(&self, sum: Sum, of: u64) -> Figure {
        match of {
            0 => Figure::Unknown(Unknown::TooFew { has: 0, needs: 1 }),
            of => Figure::ratio(sum.get(), Some(of.into()), "result"),
        }
    }

    fn extreme(&self, of: u64, value: Decimal) -> Figure {
        match of {
            0 => Figure::Unknown(Unknown::TooFew { has: 0, needs: 1 }),
            _ => Figure::Known(value),
        }
    }
}
