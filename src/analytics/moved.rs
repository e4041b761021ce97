//! What a change moved: the difference between two records of a key, by currency.

use rust_decimal::Decimal;

use crate::model::{Currency, Sums, exact_sub};

/// Every currency whose sum differs, and by how much. `None` in place of an amount: the exact difference does not fit.
pub(super) fn moved<'a>(
    was: Option<&'a Sums>,
    is: &'a Sums,
) -> impl Iterator<Item = (&'a Currency, Option<Decimal>)> {
    let sum = move |currency: &Currency| was.map_or(Decimal::ZERO, |was| was.of(currency));
    let here = is.iter().map(move |(currency, now)| (currency, sum(currency), now));
    // A sum that became zero is not listed any more.
    let gone = was.into_iter().flat_map(Sums::iter).filter(|(currency, _)| is.of(currency).is_zero());
    let gone = gone.map(|(currency, then)| (currency, then, Decimal::ZERO));
    here.chain(gone)
        .filter(|(_, then, now)| then != now)
        .map(|(currency, then, now)| (currency, exact_sub("what moved", now, then).ok()))
}
