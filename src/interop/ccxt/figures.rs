//! What a row's own figures prove. Value, profit and margin of a position are amount x contract size x price, so with the
//! prices they tell a contract size that the row leaves out or has wrong, base units from contracts, and long from short. A
//! proof is one only if it comes out at a power of ten (contract sizes are), and only figures that the exchange itself wrote
//! count, not those that ccxt computed from the contract size in question.

use rust_decimal::Decimal;

use super::info::Info;
use super::json::Fields;
use super::names;
use crate::model::Side;

/// The figures of a row that can prove something. All of them may be missing.
#[derive(Debug, Clone, Default)]
pub(super) struct Figures {
    pub entry: Option<Decimal>,
    pub mark: Option<Decimal>,
    pub values: Vec<Decimal>,
    pub profit: Option<Decimal>,
    pub margin: Option<Decimal>,
    pub leverage: Option<Decimal>,
    /// The amount in the base currency, if a name says that it is.
    pub base: Option<Decimal>,
    /// Profit is paid in the base currency. `None`: unknown.
    pub inverse: Option<bool>,
}

/// What an amount is multiplied by, as one figure has it, and how near to it that figure is known to be.
#[derive(Debug, Clone, Copy)]
struct Proof {
    figure: Figure,
    size: Decimal,
    within: Decimal,
    /// A value or a margin is of the whole position. A profit may be of the day or of a settlement: it confirms or disturbs
    /// what another figure shows, and shows nothing alone.
    whole: bool,
}

/// Which figure a proof is of: one figure can be held against two prices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Figure {
    Value(Decimal),
    Base,
    Margin,
    Profit,
}

/// What the figures of a row say of a contract size that others know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing against it.
    Kept,
    /// The amount is in base units.
    Base,
    /// Something else.
    Disproved,
}

impl Figures {
    pub fn of(
        row: &Fields<'_>,
        info: &Info<'_>,
        own_row: bool,
        entry: Option<Decimal>,
        inverse: Option<bool>,
    ) -> Self {
        // What the unified row says counts if the exchange said it, or if there is no row of the exchange.
        let said = |unified: &[&str], names: &[&str]| -> Vec<Decimal> {
            match unified.iter().find_map(|name| row.extra(name)) {
                Some(n) if own_row || info.states(n.value) => vec![n.value],
                Some(_) => Vec::new(),
                None => info.numbers(names),
            }
        };
        let price = |unified: &str, names: &[&str]| {
            let found = row.extra(unified).or_else(|| info.number(names));
            found.map(|n| n.value).filter(|price| *price > Decimal::ZERO)
        };
        Self {
            entry: entry.filter(|price| *price > Decimal::ZERO),
            mark: price("markPrice", &names::MARKS),
            values: said(&["notional"], &names::VALUES),
            profit: said(&["unrealizedPnl", "unrealizedProfit"], &names::PROFITS).first().copied(),
            margin: said(&["initialMargin"], &names::MARGINS).first().copied(),
            leverage: price("leverage", &names::LEVERAGES),
            base: info.number(&["sizecurrency"]).map(|n| n.value.abs()).filter(|base| !base.is_zero()),
            inverse,
        }
    }

    /// The contract size, given that this many contracts are open and what the row says the size is. The row's word is kept
    /// unless its figures disprove it.
    pub fn contract_size(
        &self,
        amount: Decimal,
        side: Option<Side>,
        said: Option<Decimal>,
    ) -> Option<Decimal> {
        let proofs = self.proofs(amount, side);
        let said = said.filter(|size| *size > Decimal::ZERO);
        if let Some(said) = said
            && proofs.iter().any(|proof| proof.allows(said))
        {
            return Some(said);
        }
        let shown = agreed(&proofs, |proof| proof.power_of_ten());
        // One value may be in a unit of its own: it takes another figure to overrule the row.
        let lone = |size| matches!(figures(&proofs, size).as_slice(), [Figure::Value(_)]);
        shown.filter(|size| said.is_none() || !lone(*size)).or(said)
    }

    /// Whether the figures hold this many contracts against the size that the markets know. One figure that fits keeps it, and
    /// it takes two to disprove it.
    pub fn verdict(&self, amount: Decimal, side: Option<Side>, known: Decimal) -> Verdict {
        let proofs = self.proofs(amount, side);
        let two = |size| {
            figures(&proofs, size).len() > 1 && proofs.iter().any(|proof| proof.whole && proof.allows(size))
        };
        if known.is_zero() || proofs.iter().any(|proof| proof.whole && proof.allows(known)) {
            Verdict::Kept
        } else if two(Decimal::ONE) {
            Verdict::Base
        } else if agreed(&proofs, |proof| proof.power_of_ten()).is_some_and(two) {
            Verdict::Disproved
        } else {
            Verdict::Kept
        }
    }

    /// Whether a figure of the whole position shows that so much is open, in contracts or in base units.
    pub fn fits(&self, amount: Decimal, sizes: [Option<Decimal>; 2]) -> bool {
        let units = || sizes.into_iter().flatten().chain([Decimal::ONE]);
        self.proofs(amount, None).iter().any(|proof| proof.whole && units().any(|unit| proof.allows(unit)))
    }

    /// What one unit of the amount is, in base units: 1 says that the amount is in base units. `None`: it cannot be told.
    pub fn unit(&self, amount: Decimal, side: Option<Side>, size: Option<Decimal>) -> Option<Decimal> {
        let proofs = self.proofs(amount, side);
        agreed(&proofs, |proof| match size {
            Some(size) => [Decimal::ONE, size].into_iter().find(|unit| proof.allows(*unit)),
            None => proof.power_of_ten(),
        })
    }

    /// Long or short, by the sign of the profit since the entry, if its amount fits the position.
    pub fn side(&self, amount: Decimal, size: Option<Decimal>) -> Option<Side> {
        let (profit, entry, mark) = (self.profit?, self.entry?, self.mark?);
        let size = size.filter(|size| *size > Decimal::ZERO);
        // Which way it goes is the same for both kinds of contract; only the amount needs to fit one of them.
        let fits =
            self.kinds().filter_map(|inverse| self.by_profit(amount, inverse)).any(|proof| match size {
                Some(size) => proof.allows(size),
                None => proof.power_of_ten().is_some(),
            });
        fits.then_some(if (mark > entry) == (profit > Decimal::ZERO) { Side::Long } else { Side::Short })
    }

    /// A value below zero that is this amount's is that of a short position; one above zero says nothing, most exchanges leave
    /// the sign out.
    pub fn negative_value(&self, amount: Decimal, size: Option<Decimal>) -> bool {
        let size = size.filter(|size| *size > Decimal::ZERO);
        let fits = |proof: Proof| match size {
            Some(size) => proof.allows(size),
            None => proof.power_of_ten().is_some(),
        };
        self.values.iter().filter(|value| **value < Decimal::ZERO).map(|value| value.abs()).any(|value| {
            let of_kind = |inverse| self.by_value(value, amount, Some(Side::Short), inverse);
            value == amount || self.kinds().flat_map(of_kind).flatten().any(fits)
        })
    }

    /// Linear, inverse, or, where nobody says it, both: a figure that fits one of them hardly fits the other.
    fn kinds(&self) -> impl Iterator<Item = bool> + use<> {
        let inverse = self.inverse;
        [false, true].into_iter().filter(move |kind| inverse.is_none_or(|inverse| inverse == *kind))
    }

    fn proofs(&self, amount: Decimal, side: Option<Side>) -> Vec<Proof> {
        let mut proofs = Vec::new();
        for inverse in self.kinds() {
            // Some rows repeat the amount as the value.
            for value in self.values.iter().map(|value| value.abs()).filter(|value| *value != amount) {
                proofs.extend(self.by_value(value, amount, side, inverse).into_iter().flatten());
            }
            proofs.extend(self.by_profit(amount, inverse));
            proofs.extend(self.by_margin(amount, inverse));
        }
        if let (Some(base), Some(false)) = (self.base, self.inverse)
            && let Some(size) = base.checked_div(amount)
        {
            proofs.push(Proof { figure: Figure::Base, size, within: Decimal::new(1, 2), whole: true });
        }
        proofs
    }

    /// A value is of now or of the entry. Without a mark it is of now or of the entry too: what was paid is the value less
    /// the profit, or not far from it.
    fn by_value(
        &self,
        value: Decimal,
        amount: Decimal,
        side: Option<Side>,
        inverse: bool,
    ) -> [Option<Proof>; 2] {
        let figure = Figure::Value(value);
        let sized = |value, price, within| sized(figure, value, amount, price, within, inverse);
        let (near, nearer) = (Decimal::new(7, 2), Decimal::new(1, 2));
        match (self.mark, self.entry) {
            (Some(mark), entry) => {
                [sized(value, mark, nearer), entry.and_then(|entry| sized(value, entry, nearer))]
            }
            (None, Some(entry)) => match (side, self.profit) {
                (Some(side), Some(profit)) if !inverse => {
                    let profit = if side == Side::Long { profit } else { -profit };
                    let paid = value.checked_sub(profit);
                    [paid.and_then(|paid| sized(paid, entry, nearer)), sized(value, entry, nearer)]
                }
                _ => [sized(value, entry, near), None],
            },
            (None, None) => [None, None],
        }
    }

    fn by_margin(&self, amount: Decimal, inverse: bool) -> Option<Proof> {
        let value = self.margin?.checked_mul(self.leverage?)?;
        sized(Figure::Margin, value, amount, self.entry?, Decimal::new(7, 2), inverse)
    }

    fn by_profit(&self, amount: Decimal, inverse: bool) -> Option<Proof> {
        let (entry, mark) = (self.entry?, self.mark?);
        let moved = match inverse {
            false => mark.checked_sub(entry)?,
            true => Decimal::ONE.checked_div(entry)?.checked_sub(Decimal::ONE.checked_div(mark)?)?,
        };
        let size = self.profit?.abs().checked_div(amount.checked_mul(moved.abs())?)?;
        (!size.is_zero()).then_some(Proof {
            figure: Figure::Profit,
            size,
            within: Decimal::new(5, 2),
            whole: false,
        })
    }
}

/// value = amount x size x price, or amount x size / price where profit is paid in the base currency.
fn sized(
    figure: Figure,
    value: Decimal,
    amount: Decimal,
    price: Decimal,
    within: Decimal,
    inverse: bool,
) -> Option<Proof> {
    let size = match inverse {
        false => value.checked_div(amount.checked_mul(price)?)?,
        true => value.checked_mul(price)?.checked_div(amount)?,
    };
    (size > Decimal::ZERO).then_some(Proof { figure, size, within, whole: true })
}

impl Proof {
    fn allows(&self, size: Decimal) -> bool {
        let ratio = self.size.checked_div(size);
        ratio.is_some_and(|ratio| (ratio - Decimal::ONE).abs() <= self.within)
    }

    /// The power of ten that it shows, from a thousand millionth to a thousand millions.
    fn power_of_ten(&self) -> Option<Decimal> {
        let small = (1..=9).map(|scale| Decimal::new(1, scale));
        let great = (0..=9_u32).map(|power| Decimal::from(10_u64.pow(power)));
        small.chain(great).find(|power| self.allows(*power))
    }
}

/// The figures that allow a size, each once.
fn figures(proofs: &[Proof], size: Decimal) -> Vec<Figure> {
    let mut figures = Vec::new();
    for proof in proofs.iter().filter(|proof| proof.allows(size)) {
        if !figures.contains(&proof.figure) {
            figures.push(proof.figure);
        }
    }
    figures
}

/// The one size that all figures which show a size agree on; one of them must be of the whole position.
fn agreed(proofs: &[Proof], size: impl Fn(&Proof) -> Option<Decimal>) -> Option<Decimal> {
    let mut shown = proofs.iter().filter_map(|proof| Some((size(proof)?, proof.whole)));
    let (first, mut whole) = shown.next()?;
    for (size, of_whole) in shown {
        if size != first {
            return None;
        }
        whole |= of_whole;
    }
    whole.then_some(first)
}
