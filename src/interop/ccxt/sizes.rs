//! Contract sizes that the costs of trades prove: cost = amount x contract size x price (inverse: / price), whatever the exchange
//! and whatever its own name of the contract.

use std::collections::HashMap;

use rust_decimal::Decimal;

use super::Source;
use super::json::{self, Fields};
use super::problem::Unreadable;
use crate::model::Symbol;

/// What each symbol's trades say one contract is: base units, of an inverse contract quote units. The markets win; a symbol whose
/// costs prove nothing, or prove two things, is left out. A proof comes out at a power of ten within 1 %.
///
/// ```
/// use posbook::interop::ccxt::{self, Source};
///
/// let text = r#"[{"id": "1", "symbol": "LTC/USDT:USDT", "side": "sell", "price": 68.42, "amount": 1, "cost": 6.842}]"#;
/// let sizes = ccxt::contract_sizes(text, &Source::new("gate"))?;
/// assert_eq!(sizes.get(&"LTC/USDT:USDT".parse()?).map(|size| size.to_string()), Some("0.1".to_owned()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// The text is no JSON, no array, or has more than 100,000 rows.
pub fn contract_sizes(text: &str, source: &Source) -> Result<HashMap<Symbol, Decimal>, Unreadable> {
    // `None`: two trades prove two sizes.
    let mut proved: HashMap<Symbol, Option<Decimal>> = HashMap::new();
    for row in json::rows(text)? {
        let Ok(fields) = Fields::of(row) else { continue };
        let Ok(said) = fields.name::<Symbol>("symbol") else { continue };
        let known = source.markets.symbol_of(said.as_str()).and_then(|known| known.parse().ok());
        let symbol: Symbol = known.unwrap_or(said);
        if let Some(market) = source.markets.of(symbol.as_str()) {
            proved.insert(symbol, Some(market.contract_size));
        } else if let Some(size) = proof(&fields, &symbol) {
            let so_far = proved.entry(symbol).or_insert(Some(size));
            *so_far = so_far.filter(|other| *other == size);
        }
    }
    Ok(proved.into_iter().filter_map(|(symbol, size)| Some((symbol, size?))).collect())
}

/// What one trade proves. Spot has no contracts.
pub(super) fn proof(fields: &Fields<'_>, symbol: &Symbol) -> Option<Decimal> {
    let above_zero = |name| fields.extra(name).map(|n| n.value.abs()).filter(|n| *n > Decimal::ZERO);
    let (cost, amount, price) = (above_zero("cost")?, above_zero("amount")?, above_zero("price")?);
    let (pair, settle) = symbol.as_str().split_once(':')?;
    let base = pair.split('/').next()?;
    let inverse = settle.split('-').next() == Some(base);
    let value = if inverse { cost.checked_mul(price)? } else { cost.checked_div(price)? };
    near_power_of_ten(value.checked_div(amount)?)
}

/// The power of ten that a figure is, up to 1 %.
fn near_power_of_ten(figure: Decimal) -> Option<Decimal> {
    let hundredth = Decimal::new(1, 2);
    let mut power = Decimal::new(1, 12);
    while power <= Decimal::from(1_000_000_000_000_u64) {
        let apart = figure.checked_sub(power)?.abs();
        if apart <= power.checked_mul(hundredth)? {
            return Some(power.normalize());
        }
        power = power.checked_mul(Decimal::TEN)?;
    }
    None
}
