//! Unified trades (`fetchMyTrades`) as fills of the book.

use rust_decimal::Decimal;

use super::info::Info;
use super::json::{self, Fields, Token, token};
use super::problem::{Fault, Problem, Unreadable};
use super::words::{self, Direction};
use super::{Faulty, Source};
use crate::error::shorten;
use crate::model::{ClientOrderId, Currency, Fill, Leg, Price, Quantity, Side, Symbol};
use crate::venue::{UNRESOLVED, VenueFill};

/// Where exchanges hand back the id that an order carried to them.
const CLIENT_IDS: [&str; 5] = ["clientOrderId", "clOrdId", "clientOid", "orderLinkId", "client_order_id"];

/// Reads an array of ccxt's unified trades. Amounts are contracts, as ccxt has them; fees are positive when they were paid,
/// whatever sign the exchange uses. An order id that a book made is taken for ours; any other is a foreign order's.
///
/// A trade without an id cannot be told from its second delivery, so it is a problem (R3), as is one without side, amount,
/// price, or the currency of a fee.
///
/// ```
/// use posbook::interop::ccxt::{self, Source};
///
/// let text = r#"[{"id": "1-27", "order": "1-0", "timestamp": 1709480964805, "symbol": "BTC/USDC:USDC", "side": "sell",
///                 "price": 54000, "amount": 0.011, "fee": {"cost": 0.1188, "currency": "USDC"}}]"#;
/// let trades = ccxt::trades(text, &Source::new("coinbaseinternational"))?;
/// let fill = &trades[0].as_ref().map_err(Clone::clone)?.fill;
/// assert_eq!((fill.quantity, fill.fees.of(&"USDC".parse()?)), ("0.011".parse()?, "0.1188".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// The text is no JSON, no array, or has more than 100,000 rows.
pub fn trades(text: &str, source: &Source) -> Result<Vec<Result<VenueFill, Problem>>, Unreadable> {
    Ok(json::rows(text)?.into_iter().map(|row| source.row(row, |fields| trade(fields, source))).collect())
}

fn trade(fields: &Fields<'_>, source: &Source) -> Result<VenueFill, Faulty> {
    let symbol: Symbol = fields.name("symbol")?;
    let symbol = match source.markets.symbol_of(symbol.as_str()) {
        Some(known) => known.parse().map_err(|refused| ("symbol".to_owned(), Fault::refused(&refused)))?,
        None => symbol,
    };
    let id = fields.name("id")?;
    let side = fields.required("side")?;
    let side = words::order_side(&side)
        .ok_or_else(|| ("side".to_owned(), Fault::UnknownWord { text: shorten(&side) }))?;
    let refused = |field: &str| {
        let field = field.to_owned();
        move |refused| (field, Fault::refused(&refused))
    };
    let quantity = Quantity::new(fields.exact("amount")?).map_err(refused("amount"))?;
    if quantity.is_zero() {
        return Err(("amount".to_owned(), Fault::NoAmount));
    }
    let price = Price::new(fields.exact("price")?).map_err(refused("price"))?;
    // Which instrument it is, only the book knows; the manager looks the symbol up.
    let mut fill = Fill::trade(UNRESOLVED, id, side, quantity, price);
    if let Some(time) = fields.time() {
        fill = fill.at(time);
    }
    if let Some(leg) = leg(fields) {
        fill = fill.leg(leg);
    }
    fill = of_order(fill, fields)?;
    for (currency, cost) in fees(fields)? {
        fill.fees.add(&currency, cost).map_err(refused("fee.cost"))?;
    }
    Ok(VenueFill { symbol, fill })
}

/// The order, by our own name for it if the exchange hands that back.
fn of_order(fill: Fill, fields: &Fields<'_>) -> Result<Fill, Faulty> {
    let info = fields.get("info").and_then(|info| Fields::of(info).ok());
    let ours = CLIENT_IDS.iter().find_map(|name| {
        let said = fields.text(name).ok().flatten();
        let said = said.or_else(|| info.as_ref().and_then(|info| info.text(name).ok().flatten()));
        said?.parse::<ClientOrderId>().ok()
    });
    let order = fields.text("order")?;
    Ok(match (ours.or_else(|| order.as_deref()?.parse().ok()), order) {
        (Some(ours), _) => fill.order(ours),
        (None, Some(_)) => fill.foreign_order(fields.name("order")?),
        (None, None) => fill,
    })
}

/// `fees` where any of it states a cost, zero too, else `fee`; what was paid is positive.
fn fees(fields: &Fields<'_>) -> Result<Vec<(Currency, Decimal)>, Faulty> {
    let inside = |name: &str| {
        let name = name.to_owned();
        move |(field, fault)| (format!("{name}.{field}"), fault)
    };
    let listed = match fields.get("fees").filter(|fees| token(fees) == Token::Array) {
        Some(fees) => json::rows(fees.get())
            .map_err(|wrong| ("fees".to_owned(), Fault::Illegible { why: wrong.to_string() }))?,
        None => Vec::new(),
    };
    let one: Vec<_> = fields.get("fee").into_iter().collect();
    for (name, said) in [("fees", listed), ("fee", one)] {
        let (mut fees, mut stated) = (Vec::new(), false);
        for fee in said.into_iter().filter(|fee| token(fee) != Token::Null) {
            let fee = Fields::of(fee).map_err(inside(name))?;
            let cost = fee.number("cost").map_err(inside(name))?;
            stated |= cost.is_some();
            if cost.is_some_and(|cost| !cost.value.is_zero()) {
                let cost = fee.exact("cost").map_err(inside(name))?;
                fees.push((fee.name("currency").map_err(inside(name))?, cost));
            }
        }
        if stated {
            return Ok(fees);
        }
    }
    Ok(Vec::new())
}

/// Hedge mode: exchanges that have legs name them beside the trade.
fn leg(fields: &Fields<'_>) -> Option<Leg> {
    let info = Info::of(fields.get("info")?).ok()?;
    match info.own_side() {
        Direction::Of(Side::Long) if info.hedged() != Some(false) => Some(Leg::Long),
        Direction::Of(Side::Short) if info.hedged() != Some(false) => Some(Leg::Short),
        _ => None,
    }
}
