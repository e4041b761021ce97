//! Any text as a file of fills, JSON lines, CSV or trades of ccxt, through a book: an error of one line, or a book whose money is
//! accounted for to the last digit. The readers are those of `posbook fold`. Fuzzed by `tests/fuzz/targets/fold.rs`; by a short
//! run of `cargo test` too, on texts that are made from the seeds (`cli/src/fold/mutated.rs`).

use posbook::interop::ccxt::{self, Source};
use posbook::{Decimal, Side};

use super::folding::{Folding, in_order};
use super::read::{self, Told};

pub fn any_text(text: &str) {
    let fills = if text.trim_start().starts_with('[') {
        let _ = ccxt::contract_sizes(text, &Source::default());
        let Ok(trades) = ccxt::trades(text, &Source::default()) else { return };
        let told = |trade: posbook::venue::VenueFill| {
            let (place, symbol) = ("row".to_owned(), trade.symbol.to_string());
            Told { place, symbol, fill: trade.fill }
        };
        trades.into_iter().flatten().map(told).collect()
    } else {
        match read::fills(text) {
            Ok(read) => read.fills,
            Err(wrong) => return assert!(wrong.len() < 10_000, "{wrong}"),
        }
    };
    let fills = in_order(fills).fills;
    let Ok(mut folding) = Folding::begin(&fills, &[]) else { return };
    for told in fills {
        let _ = folding.book(told);
    }
    let view = folding.book.snapshot();
    for key in view.keys() {
        let open = key.position.as_ref();
        let cost = open.map_or(Decimal::ZERO, |p| if p.side == Side::Long { p.cost } else { -p.cost });
        let ledger = &key.ledger;
        assert_eq!(ledger.cash, ledger.realised - cost + ledger.unexplained, "{key:?}");
    }
    let folded = folding.end();
    let written = serde_json::to_string(&folded).expect("what was folded");
    assert!(serde_json::from_str::<serde_json::Value>(&written).is_ok());
}
