//! Any text as ccxt's positions, trades, tickers, orders and markets: an error of one line or an answer for every row; what was
//! read of positions, written and read again, is the same. Fuzzed by `tests/fuzz/targets/ccxt.rs`; by a short run of `cargo
//! test` too, on texts that are made from the seeds (`tests/interop/mutated.rs`).

use posbook::Decimal;
use posbook::interop::ccxt::{self, Markets, Row, Source};

pub fn any_text(text: &str) {
    let source = Source::new("fuzz").with_markets(Markets::read(text).unwrap_or_default());
    for source in [Source::new("fuzz"), source] {
        let read = match ccxt::positions(text, &source) {
            Ok(read) => read,
            Err(wrong) => {
                assert_eq!(wrong.to_string().lines().count(), 1, "{wrong}");
                continue;
            }
        };
        for row in read.rows() {
            match row {
                Row::Position(position) => {
                    assert!(position.contracts > Decimal::ZERO, "{position:?}");
                    assert!(position.contract_size.is_none_or(|size| size > Decimal::ZERO), "{position:?}");
                    assert!(
                        position.leg.only_side().is_none_or(|side| side == position.side),
                        "{position:?}"
                    );
                }
                Row::Flat(_) => {}
                Row::Problem(problem) => assert!(problem.to_string().len() < 1_000, "{problem}"),
            }
        }
        let _ = read.report(posbook::venue::Scope::All, None);
        let written = ccxt::export(read.rows());
        let again = ccxt::positions(&written, &Source::default()).expect("what was written");
        let legible: Vec<&Row> = read.rows().iter().filter(|row| !matches!(row, Row::Problem(_))).collect();
        assert_eq!(again.rows().iter().collect::<Vec<_>>(), legible, "{written}");
    }
    let _ = ccxt::trades(text, &Source::default());
    let _ = ccxt::tickers(text, &Source::default());
    let _ = ccxt::orders(text, &Source::default());
}
