//! Unified trades (`fetchMyTrades`) as fills of the book.

use std::collections::HashMap;

use rust_decimal::Decimal;

use super::info::{Info, near};
use super::json::{self, Fields, Token, token};
use super::problem::{Fault, Problem, Unreadable};
use super::words::{self, Direction};
use super::{Faulty, Source, sizes};
use crate::error::shorten;
use crate::model::{ClientOrderId, Currency, Fill, Leg, OrderSide, Price, Quantity, Side, Symbol};
use crate::venue::{UNRESOLVED, VenueFill};

/// Where exchanges hand back the id that an order carried to them.
const CLIENT_IDS: [&str; 5] = ["clientOrderId", "clOrdId", "clientOid", "orderLinkId", "client_order_id"];

/// How much was traded, by the exchanges' own names. `amount`, and a volume of the quote currency, may be a value.
const QUANTITIES: [&str; 16] = [
    "execqty",
    "execqtyrq",
    "lastqty",
    "lastsize",
    "quantity",
    "qty",
    "size",
    "sz",
    "fillsz",
    "fillqty",
    "vol",
    "volume",
    "tradevolume",
    "basevolume",
    "executedquantity",
    "filledqty",
];

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
    let rows = json::rows(text)?;
    // Of each symbol the leg that one row names in a way that is not understood; `None`: two rows name two.
    let mut legs: HashMap<String, Option<String>> = HashMap::new();
    for row in &rows {
        let Ok(fields) = Fields::of(row) else { continue };
        if let (Some(leg), Ok(Some(symbol))) = (unknown_leg(&fields), fields.text("symbol")) {
            let so_far = legs.entry(symbol).or_insert_with(|| Some(leg.clone()));
            *so_far = so_far.take().filter(|other| *other == leg);
        }
    }
    let read = |fields: &Fields<'_>| {
        let symbol = fields.text("symbol")?;
        if let Some(leg) = unknown_leg(fields)
            && symbol.is_some_and(|symbol| matches!(legs.get(&symbol), Some(None)))
        {
            // Two legs taken for one would close each other.
            return Err(("info.posSide".to_owned(), Fault::UnknownWord { text: shorten(&leg) }));
        }
        trade(fields, source)
    };
    Ok(rows.into_iter().map(|row| source.row(row, read)).collect())
}

fn trade(fields: &Fields<'_>, source: &Source) -> Result<VenueFill, Faulty> {
    let info = fields.get("info").and_then(|info| Info::of(info).ok());
    if let Some(payment) = payment(fields, info.as_ref()) {
        return Err(payment);
    }
    let symbol: Symbol = fields.name("symbol")?;
    let symbol = match source.markets.symbol_of(symbol.as_str()) {
        Some(known) => known.parse().map_err(|refused| ("symbol".to_owned(), Fault::refused(&refused)))?,
        None => symbol,
    };
    let id = fields.name("id")?;
    let side = fields.required("side")?;
    let side = words::order_side(&side)
        .ok_or_else(|| ("side".to_owned(), Fault::UnknownWord { text: shorten(&side) }))?;
    let (side, leg) = info.as_ref().map_or((side, None), |info| legged(side, info));
    let refused = |field: &str| {
        let field = field.to_owned();
        move |refused| (field, Fault::refused(&refused))
    };
    let amount = contracts(fields, info.as_ref(), &symbol, source)?;
    let quantity = Quantity::new(amount).map_err(refused("amount"))?;
    if quantity.is_zero() {
        return Err(("amount".to_owned(), Fault::NoAmount));
    }
    let price = Price::new(fields.exact("price")?).map_err(refused("price"))?;
    // Which instrument it is, only the book knows; the manager looks the symbol up.
    let mut fill = Fill::trade(UNRESOLVED, id, side, quantity, price);
    if let Some(time) = fields.time() {
        fill = fill.at(time);
    }
    if let Some(leg) = leg {
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

/// Funding and settlements come among the executions of some exchanges; they are paid on a position and change none. What was
/// taken over or deleveraged (`AdlTrade`, `BustTrade`) is a fill.
fn payment(fields: &Fields<'_>, info: Option<&Info<'_>>) -> Option<Faulty> {
    let inside = |name: &str, path: &str| Some((path.to_owned(), info?.word(name)?));
    let said = [
        fields.text("type").ok().flatten().map(|word| ("type".to_owned(), word)),
        inside("exectype", "info.execType"),
        inside("type", "info.type"),
    ];
    let pays = |word: &str| {
        ["funding", "fundingfee", "settle", "settlement"].contains(&words::folded(word).as_str())
    };
    let (field, text) = said.into_iter().flatten().find(|(_, word)| pays(word))?;
    Some((field, Fault::Payment { text: shorten(&text) }))
}

/// What was done, and to which leg. In hedge mode exchanges name the leg beside the trade, or say whether it was opened or
/// closed: some then write the order's side (htx), some the leg's (bitget), which is the other one where it was closed.
fn legged(side: OrderSide, info: &Info<'_>) -> (OrderSide, Option<Leg>) {
    let of = |side: OrderSide| if side == OrderSide::Buy { Leg::Long } else { Leg::Short };
    let turned = |side: OrderSide| if side == OrderSide::Buy { OrderSide::Sell } else { OrderSide::Buy };
    let closes = |name: &str| match words::folded(&info.word(name)?).as_str() {
        "open" => Some(false),
        "close" => Some(true),
        _ => None,
    };
    match info.own_side() {
        _ if info.hedged() == Some(false) => return (side, None),
        Direction::Of(Side::Long) => return (side, Some(Leg::Long)),
        Direction::Of(Side::Short) => return (side, Some(Leg::Short)),
        _ => {}
    }
    if let (Some(true), Some(closes)) = (info.hedged(), closes("tradeside")) {
        // The exchange's own word: a version of ccxt that turns it says the order's.
        let named = info.word("side").and_then(|word| words::order_side(&word)).unwrap_or(side);
        return (if closes { turned(named) } else { named }, Some(of(named)));
    }
    match closes("offset") {
        Some(closes) => (side, Some(of(if closes { turned(side) } else { side }))),
        None => (side, None),
    }
}

/// The leg as a word or number that is not understood.
fn unknown_leg(fields: &Fields<'_>) -> Option<String> {
    Info::of(fields.get("info")?).ok()?.unknown_side()
}

/// The amount in contracts. It is the exchange's own quantity, or the one is the other times the contract size: then it was ccxt
/// that multiplied, and the exchange counts contracts; else one of the two is wrong.
fn contracts(
    fields: &Fields<'_>,
    info: Option<&Info<'_>>,
    symbol: &Symbol,
    source: &Source,
) -> Result<Decimal, Faulty> {
    let amount = fields.exact("amount")?;
    let known = source.markets.of(symbol.as_str()).map(|market| market.contract_size);
    let size = known.or_else(|| sizes::proof(fields, symbol));
    let (Some(info), Some(size)) = (info, size) else { return Ok(amount) };
    let quantities = info.numbers(&QUANTITIES);
    let times = |a: Decimal, b: Decimal| a.checked_mul(size).is_some_and(|product| near(product, b));
    let whole = amount.abs();
    let mut all = quantities.iter().map(Decimal::abs).filter(|quantity| !quantity.is_zero()).peekable();
    if all.peek().is_none() || info.states(whole) {
        return Ok(amount);
    }
    if let Some(contracts) = all.clone().find(|quantity| times(*quantity, whole)) {
        return Ok(contracts);
    }
    match all.clone().find(|quantity| times(whole, *quantity)).or_else(|| all.next()) {
        Some(base) if !times(whole, base) => {
            let what = format!("says {amount}, but info says {base}");
            Err(("amount".to_owned(), Fault::Contradiction { what }))
        }
        _ => Ok(amount),
    }
}
