//! Any text as a venue's report, ccxt's array or our own shape, against a book with two positions, under every policy: no panic, the
//! money accounted for, and a report that was applied and is read again repairs nothing twice.
#![no_main]

use libfuzzer_sys::fuzz_target;
use posbook::interop::ccxt::{self, Source};
use posbook::reconcile::{Consent, Notice, Policies, Policy, Tolerance, Way, Ways, compare};
use posbook::venue::{Confirmations, MarginMode, Scope, VenueReport};
use posbook::{Book, Decimal, Fill, Instrument, OrderSide, Side, Timestamp};

const WAYS: [Way; 4] = [Way::VenueWins, Way::BookWins, Way::Report, Way::Quarantine];

fn book() -> Book {
    let book = Book::builder().build().expect("a book");
    for (name, side) in [("BTC/USDT:USDT", OrderSide::Buy), ("ETH/USDT:USDT", OrderSide::Sell)] {
        let id =
            book.register(Instrument::linear(name, "0.1", "0.001").expect("an instrument")).expect("a place");
        let fill = Fill::trade(
            id,
            "1".parse().expect("a name"),
            side,
            "2".parse().expect("two"),
            "100".parse().expect("100"),
        );
        book.record(fill.at(Timestamp::from_millis(1))).expect("a fill");
        book.mark(id, "100".parse().expect("100")).expect("a mark");
    }
    book
}

/// Time proves whatever it says; without one it takes two.
fn read(text: &str) -> Option<VenueReport> {
    if text.trim_start().starts_with('{') {
        return serde_json::from_str(text).ok();
    }
    Some(ccxt::positions(text, &Source::default()).ok()?.report(Scope::All, Some(Timestamp::from_millis(2))))
}

fuzz_target!(|data: (u8, &str)| {
    let (choice, text) = data;
    let Some(report) = read(text) else { return };
    let way = |n: u8| WAYS[usize::from((choice >> n) & 3)];
    let ways = Ways {
        venue_only: way(0),
        book_only: way(2),
        side: way(4),
        quantity: way(6),
        leverage: Some(way(1)),
        entry: Some(Notice::Quarantine),
        margin_mode: Some(Notice::Report),
        liquidation_price: Some(Notice::Quarantine),
    };
    let consent = if choice & 1 == 0 { Consent::Missing } else { Consent::EmptyMeansFlat };
    let tolerance = Tolerance { quantity_steps: u32::from(choice & 3), ..Tolerance::default() };
    let policy =
        Policy { ways, consent, tolerance, margin_mode: Some(MarginMode::Cross), ..Policy::default() };
    let (book, policies) = (book(), Policies::from(policy));
    let mut earlier = Confirmations::default();
    for run in 0..2 {
        let view = book.snapshot();
        let plan = compare(&view, &report, view.sequence(), &policies, &[], &mut earlier);
        let _ = plan.to_string();
        let done = plan.apply(&book);
        // It is as old as what it did: it repairs nothing again.
        assert!(run == 0 || report.venue_time.is_none() || done.resolved() == 0, "{done}");
        for key in book.snapshot().keys() {
            let open = key.position.as_ref();
            let cost = open.map_or(Decimal::ZERO, |p| if p.side == Side::Long { p.cost } else { -p.cost });
            let ledger = &key.ledger;
            assert_eq!(ledger.cash, ledger.realised - cost + ledger.unexplained, "{key:?}");
        }
    }
});
