//! The ratio of what a period earns to how much that varies, from exact sums.

use num_bigint::BigInt;
use rust_decimal::Decimal;

use super::figure::{Figure, Unknown};

/// Sums of numbers and of their squares, exact however many there are: a square has twice the digits, which no decimal holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Moments {
    /// Both sums are in units of 10^-scale, and its square.
    scale: u32,
    sum: BigInt,
    squares: BigInt,
}

/// Decimals of a Sharpe ratio; what is beyond them is cut off.
const DECIMALS: u32 = 18;

impl Moments {
    pub(super) fn add(&mut self, number: Decimal) {
        let number = number.normalize();
        if let Some(more) = number.scale().checked_sub(self.scale) {
            let up = ten_to(more);
            self.sum *= &up;
            self.squares *= &up * &up;
            self.scale = number.scale();
        }
        let mantissa = BigInt::from(number.mantissa()) * ten_to(self.scale - number.scale());
        self.squares += &mantissa * &mantissa;
        self.sum += mantissa;
    }

    /// Mean / standard deviation of `count` numbers, of which those that were not added are zero; the deviation is that of a
    /// sample, with count - 1. Its square is (sum^2 x (n - 1)) / (n x (n x squares - sum^2)): one division and one root, both of
    /// whole numbers, so it does not depend on the order of anything. 18 decimals, the rest cut off.
    pub(super) fn sharpe(&self, count: u64) -> Figure {
        if count < 2 {
            return Figure::Unknown(Unknown::TooFew { has: count, needs: 2 });
        }
        let (n, squared) = (BigInt::from(count), &self.sum * &self.sum);
        // Not negative, whatever the numbers (Cauchy and Schwarz).
        let spread = &n * &self.squares - &squared;
        if spread <= BigInt::ZERO {
            return Figure::Unknown(Unknown::Nothing { of: "difference between the periods" });
        }
        let square: BigInt = squared * (&n - 1) * ten_to(2 * DECIMALS) / (n * spread);
        let root = i128::try_from(square.sqrt()).ok();
        let ratio = root.and_then(|root| Decimal::try_from_i128_with_scale(root, DECIMALS).ok());
        let falls = self.sum < BigInt::ZERO;
        ratio.map(|ratio| if falls { -ratio } else { ratio }).into()
    }
}

fn ten_to(power: u32) -> BigInt {
    BigInt::from(10).pow(power)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(numbers: &[&str], count: u64) -> Figure {
        let mut moments = Moments::default();
        numbers.iter().for_each(|number| moments.add(number.parse().unwrap()));
        moments.sharpe(count)
    }

    #[test]
    fn zeros_that_were_not_added_count_and_signs_stay() {
        assert_eq!(of(&["1", "0", "0", "3"], 4), of(&["1", "3"], 4));
        assert_eq!(of(&["-1", "-3"], 4).known().map(|r| -r), of(&["1", "3"], 4).known());
        assert_eq!(of(&["0.5", "1"], 2), of(&["1000", "2000"], 2), "it has no unit");
        assert_eq!(
            of(&["0.00000001", "12345678901234567890"], 2),
            of(&["12345678901234567890", "0.00000001"], 2)
        );
    }

    #[test]
    fn too_few_and_equal_ones_have_none() {
        assert_eq!(of(&["5"], 1), Figure::Unknown(Unknown::TooFew { has: 1, needs: 2 }));
        assert!(of(&["5", "5", "5"], 3).unknown().is_some());
    }
}
