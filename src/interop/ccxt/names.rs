//! The names under which exchanges say things in their own rows, folded to lower case without separators. A name that is used
//! in two senses (`type`, `price`) is in no list; whose row it is plays no part.

/// What an amount's name says about its sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    /// Above zero is long.
    Side,
    /// It may be a bare size.
    Unsaid,
}

/// What an amount's name says about its unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Contracts,
    Base,
    Unsaid,
}

/// Names under which exchanges state how much is open, the most telling first. What is available, frozen, ordered, opened
/// or closed over time is none of them.
pub(super) const AMOUNTS: [(&str, Sign, Unit); 44] = [
    ("newposition", Sign::Side, Unit::Unsaid),
    ("szi", Sign::Side, Unit::Base),
    ("positionamt", Sign::Side, Unit::Unsaid),
    ("pa", Sign::Side, Unit::Unsaid),
    ("currentqty", Sign::Side, Unit::Contracts),
    ("signedquantity", Sign::Side, Unit::Unsaid),
    ("signedqty", Sign::Side, Unit::Unsaid),
    ("signedsize", Sign::Side, Unit::Unsaid),
    ("signedamount", Sign::Side, Unit::Unsaid),
    ("netquantity", Sign::Side, Unit::Unsaid),
    ("netqty", Sign::Side, Unit::Unsaid),
    ("netsize", Sign::Side, Unit::Unsaid),
    ("netposition", Sign::Side, Unit::Unsaid),
    ("positionqty", Sign::Side, Unit::Unsaid),
    ("holding", Sign::Side, Unit::Unsaid),
    ("numberofcontracts", Sign::Unsaid, Unit::Contracts),
    ("numcontracts", Sign::Unsaid, Unit::Contracts),
    ("contractsamount", Sign::Unsaid, Unit::Contracts),
    ("contractqty", Sign::Unsaid, Unit::Contracts),
    ("lots", Sign::Unsaid, Unit::Contracts),
    ("contracts", Sign::Unsaid, Unit::Contracts),
    ("pos", Sign::Unsaid, Unit::Unsaid),
    ("position", Sign::Unsaid, Unit::Unsaid),
    ("positions", Sign::Unsaid, Unit::Unsaid),
    ("positionsize", Sign::Unsaid, Unit::Unsaid),
    ("possize", Sign::Unsaid, Unit::Unsaid),
    ("positionvolume", Sign::Unsaid, Unit::Unsaid),
    ("positionquantity", Sign::Unsaid, Unit::Unsaid),
    ("positionamount", Sign::Unsaid, Unit::Unsaid),
    ("currentamount", Sign::Unsaid, Unit::Unsaid),
    ("currentsize", Sign::Unsaid, Unit::Unsaid),
    ("currentposition", Sign::Unsaid, Unit::Unsaid),
    ("currentvolume", Sign::Unsaid, Unit::Unsaid),
    ("holdvol", Sign::Unsaid, Unit::Unsaid),
    ("holdvolume", Sign::Unsaid, Unit::Unsaid),
    ("holdamount", Sign::Unsaid, Unit::Unsaid),
    ("holdsize", Sign::Unsaid, Unit::Unsaid),
    ("total", Sign::Unsaid, Unit::Unsaid),
    ("size", Sign::Unsaid, Unit::Unsaid),
    ("qty", Sign::Unsaid, Unit::Unsaid),
    ("quantity", Sign::Unsaid, Unit::Unsaid),
    ("volume", Sign::Unsaid, Unit::Unsaid),
    ("amount", Sign::Unsaid, Unit::Unsaid),
    ("openinterest", Sign::Unsaid, Unit::Unsaid),
];

/// Names of a direction; those that speak of the position come before those that may speak of an order.
pub(super) const DIRECTIONS: [&str; 8] =
    ["positionside", "posside", "holdside", "positiondirection", "ps", "side", "direction", "sidetype"];

/// Yes is long, no is short.
pub(super) const YES_IS_LONG: [&str; 3] = ["isbuy", "islong", "long"];

/// Whether the account, or the row, is in hedge mode, in words.
pub(super) const MODES: [&str; 7] =
    ["posmode", "positionmode", "holdmode", "separatedmode", "mode", "hedgemode", "mergemode"];

/// The average entry.
pub(super) const ENTRIES: [&str; 26] = [
    "entryprice",
    "entrypx",
    "avgentryprice",
    "averageentryprice",
    "entryvwap",
    "avgpx",
    "avgprice",
    "averageprice",
    "openpriceavg",
    "openavgprice",
    "openavgpx",
    "avgopenprice",
    "averageopenprice",
    "holdavgprice",
    "costopen",
    "openprice",
    "averagecost",
    "avgcost",
    "avgcostprice",
    "positionavgprice",
    "costprice",
    "ep",
    "avgopenpositionprice",
    "newaverageentryprice",
    "priceentry",
    "baseprice",
];

/// A price of about now.
pub(super) const MARKS: [&str; 7] =
    ["markprice", "markpx", "currentprice", "oracleprice", "lastprice", "lastpx", "last"];

/// The profit since the entry.
pub(super) const PROFITS: [&str; 12] = [
    "unrealizedpnl",
    "unrealisedpnl",
    "unrealizedprofit",
    "unrealisedprofit",
    "unrealizedprofitloss",
    "upl",
    "unpnl",
    "unrealizedpl",
    "unrealisedpl",
    "profitunreal",
    "unrealizepnl",
    "floatingprofitloss",
];

/// What the position is worth, in the currency that it is settled in; the unit of the others is a proof that fails.
pub(super) const VALUES: [&str; 12] = [
    "notional",
    "notionalvalue",
    "positionvalue",
    "foreignnotional",
    "notionalusd",
    "markvalue",
    "positionnotional",
    "ordervalue",
    "value",
    "sizecurrency",
    "openval",
    "nominalvalue",
];

/// The initial margin.
pub(super) const MARGINS: [&str; 5] =
    ["initialmargin", "imr", "positioninitialmargin", "marginused", "positionim"];

/// By which the margin is multiplied.
pub(super) const LEVERAGES: [&str; 4] = ["leverage", "lever", "leverrate", "leveragevalue"];

/// The leverage where ccxt has none: the real one before the one that was asked for.
pub(super) const LEVERAGES_SAID: [&str; 4] = ["realleverage", "leverage", "lever", "leverrate"];

/// At which price the exchange takes the position over.
pub(super) const LIQUIDATIONS: [&str; 7] = [
    "liquidationprice",
    "liqprice",
    "liqpx",
    "liquidationpx",
    "liquidateprice",
    "estliqprice",
    "estimatedliquidationprice",
];

/// Words of the margin mode.
pub(super) const MARGIN_MODES: [&str; 3] = ["marginmode", "margintype", "mgnmode"];

/// What is traded, by the exchange's own name.
pub(super) const IDS: [&str; 14] = [
    "symbol",
    "instid",
    "contractcode",
    "contract",
    "instrumentname",
    "instrument",
    "market",
    "productid",
    "marketcode",
    "marketname",
    "instrumentid",
    "productsymbol",
    "pair",
    "tradeable",
];

/// Names that only a row of a closed position fills, beside closing prices and closed quantities.
pub(super) const CLOSED: [&str; 6] =
    ["closetime", "closedtime", "closingtime", "closedat", "closeid", "closepriceavg"];

/// Of those, when it was closed.
pub(super) const CLOSED_AT: [&str; 6] =
    ["closetime", "closedtime", "closingtime", "closedat", "closetimestamp", "closedtimestamp"];

/// The state of a position in words. That of a market, which closes at night, has longer names.
pub(super) const STATES: [&str; 6] =
    ["status", "state", "positionstatus", "positionstate", "posstatus", "positionshowstatus"];

/// At what price it was closed, on the average or at last: `avgClosePrice`, `closed_price`, `exitPx`.
pub(super) fn is_closing_price(name: &str) -> bool {
    let average = |name| strip(name, &["average", "avg"]).unwrap_or(name);
    let closing = strip(average(name), &["closed", "closing", "close", "exit"]);
    closing.is_some_and(|rest| ["price", "px"].contains(&average(rest)))
}

/// How much was closed: `closePositionAmt`, `closedSizeRq`. What can be closed, or is about to be, is none.
pub(super) fn is_closed_quantity(name: &str) -> bool {
    let Some(rest) = strip(name, &["closed", "cumclose", "close"]) else { return false };
    let not_yet = ["able", "avail", "avbl", "left", "order", "limit", "frozen"];
    let what = rest.strip_suffix("rq").unwrap_or(rest);
    let quantities =
        ["amt", "amount", "size", "vol", "volume", "qty", "quantity", "pos", "position", "positions"];
    !not_yet.iter().any(|word| rest.contains(word)) && quantities.iter().any(|word| what.ends_with(word))
}

/// How much of it can still be closed: less than all of it where closing orders rest.
pub(super) fn is_available(name: &str) -> bool {
    name.contains("avail") || name.ends_with("avbl") || name == "closeleft"
}

/// What follows the first of these beginnings that fits.
fn strip<'n>(name: &'n str, beginnings: &[&str]) -> Option<&'n str> {
    beginnings.iter().find_map(|beginning| name.strip_prefix(beginning))
}
