//! What is counted and measured, as a scrape sees it, and that no symbol ever becomes a label.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use metrics_exporter_prometheus::PrometheusBuilder;
use posbook::{Book, Command, Fill, Instrument, OrderSide, Side};

/// Everything that is recorded while `work` runs on this thread.
fn scraped(work: impl FnOnce()) -> String {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    metrics::with_local_recorder(&recorder, work);
    handle.render()
}

#[test]
fn commits_refusals_doubts_and_troubles_are_told_and_symbols_are_not() {
    let text = scraped(|| {
        let book = Book::builder().build().unwrap();
        let mut changes = book.changes();
        let btc = book.register(Instrument::linear("BTC/USDT:USDT", "0.1", "0.001").unwrap()).unwrap();
        let open = Command::open(btc, Side::Long, "1".parse().unwrap()).at("50000".parse().unwrap());
        let sent = book.reserve(open.clone()).unwrap().sent().unwrap();
        assert!(book.reserve(open).is_err());
        drop(sent); // in doubt
        let sell = Fill::trade(
            btc,
            "1".parse().unwrap(),
            OrderSide::Sell,
            "3".parse().unwrap(),
            "100".parse().unwrap(),
        );
        book.record(sell).unwrap();
        changes.try_next();
        assert_eq!(changes.behind(), book.snapshot().sequence().0 - 1);
        changes.measure("figures");
        book.measure();
    });
    for line in [
        // Registered, reserved, sent, in doubt, and a fill that nobody ordered.
        "posbook_commits_total 5",
        "posbook_changes_total{kind=\"reserved\"} 1",
        "posbook_changes_total{kind=\"in doubt\"} 1",
        "posbook_rejections_total{reason=\"AlreadyReserved\"} 1",
        "posbook_orders_in_doubt 1",
        "posbook_positions 1",
        "posbook_keys_unprotected 1",
        "posbook_keys_quarantined 0",
        "posbook_foreign_roots_total 0",
        "posbook_subscriber_lag_changes{subscriber=\"figures\"} 4",
    ] {
        assert!(text.lines().any(|told| told == line), "{line} is missing:\n{text}");
    }
    assert!(!text.contains("BTC"), "a symbol is a label:\n{text}");
}
