//! Ten recordings of accounts at Bitget, event by event: what the exchange published of position, entry, profit and wallet is what
//! the book says, within the exchange's own rounding.
//!
//! The exchange publishes an order's account and position before the order's own event, or after it (quirk 17 of the data), and
//! once an order, not once a fill. So while an order is on its way a figure may be of before it or of after it; at any other time it
//! is of what stands. What an order has left must have been published at least once.
//!
//! Two forms are recorded: the messages of the websocket, and what a client library made of them, in which an order that is
//! `filled` has the totals for quantity and price, and fee and profit of the last fill only (quirk 16).

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use posbook::{Book, Decimal, Fill, FillOutcome, Instrument, Leverage, OrderSide, Position, Side};
use serde_json::value::RawValue;

use super::golden::recorded;

/// Fields by name, each as it was written: whether a number stands in quotes differs from event to event.
type Row = HashMap<String, Box<RawValue>>;

fn text(row: &Row, name: &str) -> Option<String> {
    let raw = row.get(name)?.get();
    (raw != "null").then(|| raw.trim_matches('"').to_owned())
}

fn number(row: &Row, name: &str) -> Decimal {
    let text = text(row, name).unwrap_or_else(|| panic!("{name} is missing"));
    Decimal::from_str_exact(&text).unwrap_or_else(|_| panic!("{name} is {text}"))
}

fn rows(row: &Row, name: &str) -> Option<Vec<Row>> {
    row.get(name).map(|raw| serde_json::from_str(raw.get()).unwrap())
}

/// One execution of an order.
#[derive(Debug, Clone)]
struct Execution {
    order: String,
    side: OrderSide,
    quantity: Decimal,
    price: Decimal,
    /// As a cost: above zero.
    fee: Decimal,
    profit: Decimal,
    leverage: u16,
    /// Its position locks up its margin.
    isolated: bool,
    /// Its order is over.
    last: bool,
}

/// What an event says.
#[derive(Debug, Clone)]
enum Told {
    /// An order is on its way.
    New,
    Executed(Execution),
    /// Signed contracts and the entry; zero and zero: flat.
    Position(Decimal, Decimal, Option<u16>),
    /// What the account has available.
    Wallet(Decimal),
}

/// Reads a recording, in either form.
fn told(path: &Path) -> Vec<Told> {
    let text_of = std::fs::read_to_string(path).unwrap();
    // What was traded, so that the account of another product is not taken for this one's.
    let demo = text_of.contains("SBTCSUSDT_SUMCBL");
    // The library says it of positions, not of orders.
    let isolated = text_of.contains("\"marginType\":\"isolated\"");
    let mut so_far: HashMap<String, Decimal> = HashMap::new();
    let mut all = Vec::new();
    for line in text_of.lines() {
        let line: Row = serde_json::from_str(line).unwrap();
        let event: Row = serde_json::from_str(line["event"].get()).unwrap();
        if let Some(argument) = event.get("arg") {
            let argument: Row = serde_json::from_str(argument.get()).unwrap();
            let channel = text(&argument, "channel").unwrap();
            let here = text(&argument, "instType").unwrap() == if demo { "sumcbl" } else { "umcbl" };
            let data = rows(&event, "data").unwrap();
            match channel.as_str() {
                "account" if here => {
                    all.extend(data.iter().map(|row| Told::Wallet(number(row, "available"))));
                }
                "positions" if here => all.push(position(&data, ["holdSide", "total", "averageOpenPrice"])),
                "orders" => all.extend(data.iter().filter_map(raw_order)),
                _ => {}
            }
        } else if let Some(positions) = rows(&event, "positions") {
            all.push(position(&positions, ["positionSide", "positionAmount", "price"]));
        } else if let Some(balances) = rows(&event, "balances") {
            all.extend(balances.iter().map(|row| Told::Wallet(number(row, "available"))));
        } else {
            all.extend(order(&event, &mut so_far, isolated));
        }
    }
    all
}

fn position(rows: &[Row], [side, quantity, entry]: [&str; 3]) -> Told {
    assert!(rows.len() <= 1, "one position at a time was recorded");
    let Some(row) = rows.first() else { return Told::Position(Decimal::ZERO, Decimal::ZERO, None) };
    let size = number(row, quantity);
    let signed = if text(row, side).unwrap() == "long" { size } else { -size };
    Told::Position(signed, number(row, entry), text(row, "leverage").map(|text| text.parse().unwrap()))
}

fn side(row: &Row) -> OrderSide {
    if text(row, "side").unwrap() == "buy" { OrderSide::Buy } else { OrderSide::Sell }
}

/// An order as the websocket tells it: each message has its last fill.
fn raw_order(row: &Row) -> Option<Told> {
    if text(row, "status").unwrap() == "new" {
        return Some(Told::New);
    }
    Some(Told::Executed(Execution {
        order: text(row, "ordId").unwrap(),
        side: side(row),
        quantity: number(row, "fillSz"),
        price: number(row, "fillPx"),
        fee: -number(row, "fillFee"),
        profit: number(row, "pnl"),
        leverage: text(row, "lever").unwrap().parse().unwrap(),
        isolated: text(row, "tdMode").unwrap() == "isolated",
        last: text(row, "status").unwrap() == "full-fill",
    }))
}

/// An order as the library tells it: `filled` has the totals, and what it is worth is of the last fill.
fn order(row: &Row, so_far: &mut HashMap<String, Decimal>, isolated: bool) -> Option<Told> {
    let last = match text(row, "status")?.as_str() {
        "new" => return Some(Told::New),
        "partial" => false,
        "filled" => true,
        _ => return None,
    };
    let order = text(row, "exchangeId").unwrap();
    let before = so_far.entry(order.clone()).or_default();
    let quantity = if last { number(row, "baseQuantity") - *before } else { number(row, "baseQuantity") };
    *before += quantity;
    Some(Told::Executed(Execution {
        side: side(row),
        quantity,
        price: number(row, "quoteQuantity") / quantity,
        fee: -number(row, "commission"),
        profit: number(row, "profit"),
        leverage: text(row, "leverage").unwrap().parse().unwrap(),
        isolated,
        last,
        order,
    }))
}

/// How the book stands after an order.
#[derive(Debug, Clone, Default)]
struct Stands {
    signed: Decimal,
    entry: Decimal,
    /// Realised less fees, since the recording began.
    result: Decimal,
    /// What an isolated position has locked up.
    margin: Decimal,
}

/// Within what the exchange rounds or cuts off.
fn near(ours: Decimal, theirs: Decimal, decimals: u32) -> bool {
    (ours - theirs).abs() <= Decimal::new(1, decimals)
}

fn stands(book: &Book, id: posbook::InstrumentId, leverage: Option<u16>) -> Stands {
    let view = book.snapshot();
    let Some(key) = view.key(id) else { return Stands::default() };
    let fees = key.ledger.fees.of(&"USDT".parse().unwrap());
    let result = key.ledger.realised - fees;
    key.position.as_ref().map_or(Stands { result, ..Stands::default() }, |open| {
        let signed = if open.side == Side::Long { open.quantity.get() } else { -open.quantity.get() };
        let told = Position { leverage: leverage.map(Leverage::of), ..open.clone() };
        // Without a leverage here it is crossed: nothing is locked up.
        let margin = told.margin_used().unwrap().unwrap_or_default();
        Stands { signed, entry: open.entry_price(), result, margin }
    })
}

/// What was compared of one recording.
#[derive(Debug, Default, PartialEq, Eq)]
struct Compared {
    executions: usize,
    positions: usize,
    wallets: usize,
    /// The wallet moved, and no event says why: funding, transfers, orders whose end was not recorded.
    moves: usize,
}

fn replayed(path: &Path) -> Compared {
    let events = told(path);
    let book = Book::builder().build().unwrap();
    let id = book.register(Instrument::linear("BTC/USDT:USDT", "0.01", "0.001").unwrap()).unwrap();
    let mut compared = Compared::default();
    // A recording may begin with an open position: what it was bought at is what the exchange says.
    let first = events.iter().find(|told| matches!(told, Told::Position(..) | Told::Executed(_)));
    let mut leverage = None;
    if let Some(Told::Position(signed, entry, told)) = first
        && !signed.is_zero()
    {
        let side = if *signed > Decimal::ZERO { OrderSide::Buy } else { OrderSide::Sell };
        let [quantity, price] = [signed.abs(), *entry].map(|number| number.normalize().to_string());
        let before = "before the recording".parse().unwrap();
        book.record(Fill::trade(id, before, side, quantity.parse().unwrap(), price.parse().unwrap()))
            .unwrap();
        leverage = *told;
    }
    // After every order, in the order in which they ended.
    let mut states = vec![stands(&book, id, leverage)];
    for (number, told) in events.iter().enumerate() {
        let Told::Executed(execution) = told else { continue };
        let before = book.snapshot().key(id).map_or(Decimal::ZERO, |key| key.ledger.realised);
        let [quantity, price] = [execution.quantity, execution.price].map(|n| n.normalize().to_string());
        let (quantity, price) = (quantity.parse().unwrap(), price.parse().unwrap());
        let trade = format!("{}-{number}", execution.order).parse().unwrap();
        let fill = Fill::trade(id, trade, execution.side, quantity, price)
            .foreign_order(execution.order.parse().unwrap())
            .fee(&execution.fee.to_string(), "USDT")
            .unwrap();
        let outcome = book.record(fill).unwrap().outcome;
        assert!(matches!(outcome, FillOutcome::Booked { .. }), "{execution:?}: {outcome:?}");
        let profit = book.snapshot().key(id).unwrap().ledger.realised - before;
        assert!(near(profit, execution.profit, 8), "{execution:?}: our profit is {profit}");
        compared.executions += 1;
        if execution.last {
            states.push(stands(&book, id, Some(execution.leverage).filter(|_| execution.isolated)));
        }
    }
    against(&events, &states, &mut compared, path);
    compared
}

/// What was published against what stands, or stands a moment later.
fn against(events: &[Told], states: &[Stands], compared: &mut Compared, path: &Path) {
    let (mut done, mut on_its_way) = (0, false);
    // What the wallet had before anything of the recording.
    let mut opening: Option<Decimal> = None;
    let mut published = BTreeSet::new();
    for told in events {
        let next = on_its_way.then_some(done + 1).filter(|next| *next < states.len());
        let candidates = || next.into_iter().chain([done]);
        match told {
            Told::New => on_its_way = true,
            Told::Executed(execution) if execution.last => (done, on_its_way) = (done + 1, false),
            Told::Executed(_) => {}
            Told::Position(signed, entry, _) => {
                let same = |n: &usize| states[*n].signed == *signed && near(states[*n].entry, *entry, 2);
                let found = candidates().find(same);
                published.insert(found.unwrap_or_else(|| {
                    panic!("{}: {told:?}, and ours is {:?}", path.display(), states[done])
                }));
                compared.positions += 1;
            }
            Told::Wallet(available) => {
                // What is locked up is not available.
                let opened = |n: usize| *available + states[n].margin - states[n].result;
                match opening {
                    Some(known) if candidates().any(|n| near(opened(n), known, 7)) => compared.wallets += 1,
                    Some(_) => {
                        assert!(next.is_none(), "{}: {told:?}, ours {:?}", path.display(), states[done]);
                        compared.moves += 1;
                        opening = Some(opened(done));
                    }
                    // The first figure says where the wallet begins.
                    None => opening = candidates().next().map(opened),
                }
            }
        }
    }
    // The demo account publishes no positions.
    if compared.positions > 0 {
        assert!((1..states.len()).all(|n| published.contains(&n)), "{}: {published:?}", path.display());
    }
}

#[test]
fn ten_recordings_at_bitget_agree_with_their_exchange_at_every_step_r17() {
    let Some(folder) = recorded("fills") else { return };
    let mut recordings: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("bitget-live-"))
        })
        .collect();
    recordings.sort();
    let mut all = Compared::default();
    for path in &recordings {
        let one = replayed(path);
        println!("{}: {one:?}", path.file_name().unwrap().to_string_lossy());
        all.executions += one.executions;
        all.positions += one.positions;
        all.wallets += one.wallets;
        all.moves += one.moves;
    }
    println!("{} recordings: {all:?}", recordings.len());
    assert_eq!(recordings.len(), 10);
    // Moves without an event: three while the account was flat and nothing was recorded, two transfers, two of funding.
    assert_eq!(all, Compared { executions: 73, positions: 208, wallets: 134, moves: 7 });
}
