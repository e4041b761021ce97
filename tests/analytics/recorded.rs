//! The recorded accounts (see the README of the data): their fills as `posbook fold --case` takes them, streamed and recomputed,
//! and the realised profit and the fees beside the figures that stand there.

use std::path::PathBuf;

use posbook::analytics::{Figure, Group, Keep, Performance};
use posbook::{
    Book, Fill, Funding, Instrument, InstrumentSpec, OrderSide, PositionMode, PriceSign, Quantity, Timestamp,
};
use serde_json::Value;

use super::again::{Again, exact};
use super::d;

fn folder() -> Option<PathBuf> {
    let told = std::env::var_os("POSBOOK_DATA").map(PathBuf::from);
    let data =
        told.clone().unwrap_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data")));
    if data.join("accounting").is_dir() {
        return Some(data.join("accounting"));
    }
    assert!(told.is_none(), "POSBOOK_DATA is set, and {} has no accounting", data.display());
    println!("skipped: no recorded data at {}; set POSBOOK_DATA", data.display());
    None
}

fn text<'a>(of: &'a Value, name: &str) -> &'a str {
    of[name].as_str().unwrap_or_else(|| panic!("{name} is no text in {of}"))
}

fn instrument(of: &Value) -> Instrument {
    let kind = serde_json::from_value(of["kind"].clone()).unwrap();
    let step = "0.000000000000000001";
    let spec = InstrumentSpec {
        symbol: "recorded".parse().unwrap(),
        kind,
        contract_size: text(of, "multiplier").parse().unwrap(),
        price_step: step.parse().unwrap(),
        quantity_step: step.parse().unwrap(),
        minimum: Quantity::ZERO,
        base: text(of, "base").parse().unwrap(),
        quote: text(of, "quote").parse().unwrap(),
        settle: text(of, "settle").parse().unwrap(),
        prices: PriceSign::Positive,
        mode: PositionMode::OneWay,
        // What is rounded then is beyond every figure that is published.
        money_scale: 20,
    };
    Instrument::new(spec).unwrap()
}

#[test]
fn recorded_accounts_stream_as_they_are_recomputed() {
    let Some(folder) = folder() else { return };
    let (mut cases, mut lives) = (0, 0);
    for file in ["live-binance.json", "live-bitget.json"] {
        let file: Value = serde_json::from_str(&std::fs::read_to_string(folder.join(file)).unwrap()).unwrap();
        for case in file["cases"].as_array().unwrap() {
            let steps = case["steps"].as_array().unwrap();
            if case.get("start").is_some_and(|start| !start.is_null()) || !steps.iter().all(folds) {
                continue;
            }
            cases += 1;
            lives += follow(case, steps);
        }
    }
    println!("{cases} recorded accounts, {lives} lives");
    assert!(cases >= 2 && lives >= 8, "{cases} accounts, {lives} lives");
}

fn folds(step: &Value) -> bool {
    step["fill"].is_object() || step["funding"].is_string() || step["mark"].is_string()
}

fn follow(case: &Value, steps: &[Value]) -> u64 {
    let book = Book::builder().build().unwrap();
    let mut feed = book.changes();
    let traded = instrument(&case["instrument"]);
    let settle = traded.settle().clone();
    let id = book.register(traded).unwrap();
    for (n, step) in (0_u64..).zip(steps) {
        if let Some(price) = step["mark"].as_str() {
            book.mark(id, price.parse().unwrap()).unwrap();
        } else if let Some(amount) = step["funding"].as_str() {
            book.fund(Funding::new(id, n, amount, settle.as_str()).unwrap()).unwrap();
        } else {
            let of = &step["fill"];
            let side = if text(of, "side") == "buy" { OrderSide::Buy } else { OrderSide::Sell };
            let (quantity, price) = (text(of, "qty").parse().unwrap(), text(of, "price").parse().unwrap());
            let mut fill = Fill::trade(id, n.to_string().parse().unwrap(), side, quantity, price);
            if let Some(fee) = of["fee"].as_str() {
                fill = fill.fee(fee, of["fee_ccy"].as_str().unwrap_or(settle.as_str())).unwrap();
            }
            if let Some(time) = of["time_ms"].as_str().and_then(|time| time.parse().ok()) {
                fill = fill.at(Timestamp::from_millis(time));
            }
            book.record(fill).unwrap();
        }
    }
    let mut performance = Performance::keeping(Keep { lives: usize::MAX, rows: usize::MAX });
    let mut all = Vec::new();
    while let Some(publication) = feed.try_next() {
        let publication = publication.unwrap();
        performance.follow_all(&publication).unwrap();
        all.extend(publication.iter().cloned());
    }
    Again::of(&all).compare(&performance);
    let account = performance.account(&Group::Book, &settle).unwrap();
    if let Some(last) = steps.iter().rev().find_map(|step| step["norm"].as_object()) {
        let published = last["realized_gross_cum"].as_str().map(d);
        if let Some(published) = published {
            let ours = account.realised().known().unwrap();
            assert_eq!(ours.round_sf(15), published.round_sf(15), "{}", case["id"]);
        }
    }
    // What its lives earned and what is still open is all that was realised.
    if performance.lives().open() == 0 {
        let net = account.results().net().known().unwrap();
        assert_eq!(Figure::Known(net), account.booked(), "{}", case["id"]);
        assert_eq!(exact(net), exact(account.estimate().known().unwrap()));
    }
    performance.lives().count()
}
