//! Recorder files that are as they should be: kinds, symbols, order, and what counts as not sent.

use super::super::{Source, TickKind};
use super::{BadRows, Files, Tape, gzip, load, loaded, number, quote, trade, zip};

const TRADES: &str = "recv_ns,exch_ms,symbol,trade_id,price,qty,aggressor\n";
const QUOTES: &str = "recv_ns,exch_ms,symbol,bid,bid_qty,ask,ask_qty\n";

#[test]
fn the_three_kinds_merge_by_receive_time() {
    let files = Files::new();
    let trades = files
        .put("t.csv", format!("{TRADES}20,1,BTCUSDT,1,100.50,0.0100,buy\n40,,ETHUSDT,2,1.819e-05,15,sell\n"));
    let quotes = files
        .put("q.csv.gz", gzip(format!("{QUOTES}10,,BTCUSDT,100.4,2.125,100.5,1.5\n20,,BTCUSDT,1,1,1,1\n")));
    let marks = files.put("m.csv", "recv_ns,exch_ms,symbol,mark,index,last\n30,1,BTCUSDT,100.45,1,1\n");
    let paths = [trades, quotes, marks];
    let mut seen = Vec::new();
    let tape = Tape::load(&paths, BadRows::Refuse, &mut |done, total| seen.push((done, total))).unwrap();

    let kinds: Vec<_> = tape.ticks.iter().map(|tick| (tick.time, tick.market, tick.kind)).collect();
    assert_eq!(
        kinds,
        [
            (10, 0, quote("100.4", "100.5")),
            (20, 0, trade("100.5", "0.01")), // the first file first
            (20, 0, quote("1", "1")),        // a locked market is no crossed one
            (30, 0, TickKind::Mark { price: number("100.45") }),
            (40, 1, trade("0.00001819", "15")),
        ]
    );
    let markets: Vec<_> =
        tape.markets.iter().map(|market| (market.symbol.as_str(), market.files.clone())).collect();
    assert_eq!(markets, [("BTCUSDT", vec![0, 1, 2]), ("ETHUSDT", vec![0])]);
    assert_eq!((tape.markets[0].price_scale, tape.markets[0].quantity_scale), (2, 3));
    assert_eq!((tape.markets[1].price_scale, tape.markets[1].quantity_scale), (8, 0));
    assert_eq!((tape.span_ns(), tape.skipped_rows), (30, 0));
    assert_eq!(tape.source, Source::Files(paths.to_vec()));
    let (done, total) = *seen.last().unwrap();
    assert_eq!(done, total);
    assert_eq!(total, paths.iter().map(|path| path.metadata().unwrap().len()).sum::<u64>());
}

#[test]
fn what_was_not_sent_is_no_tick_and_no_fault() {
    let files = Files::new();
    let quotes = format!("{QUOTES}1,,A,,,5,1\n2,,A,4,1,,\n3,,A,,,,\n4,,A,4,,5,\n5,,A,4,0,5,0.000\n");
    let marks = files.put("m.csv", "recv_ns,exch_ms,symbol,mark,index,last\n6,,A,,,\n7,,A,4.5,,\n");
    let tape = load(&[files.put("q.csv", quotes), marks], BadRows::Refuse).unwrap();
    let times: Vec<_> = tape.ticks.iter().map(|tick| tick.time).collect();
    assert_eq!((times, tape.skipped_rows), (vec![4, 5, 7], 0));
}

#[test]
fn columns_go_by_name() {
    let files = Files::new();
    let tape = loaded(&files.put("t.csv", "qty,note,price,symbol,recv_ns\n2,\"x\",\"3.5\",S,\"9\"\n"));
    assert_eq!((tape.ticks[0].time, tape.ticks[0].kind), (9, trade("3.5", "2")));
    let tape = loaded(&files.put("q.csv", "recv_ns,symbol,bid,ask\n1,S,3.5,4\n"));
    assert_eq!(tape.ticks[0].kind, quote("3.5", "4"));
    assert_eq!(tape.markets[0].quantity_scale, 0);
}

#[test]
fn line_ends_blank_lines_and_a_byte_order_mark_do_not_matter() {
    let files = Files::new();
    let rows = format!("\u{feff}\r\n{TRADES}\r\n\n1,,S,1,2,3,buy\r\n\n2,,S,1,2,3,buy")
        .replace("\u{feff}\r\n", "\u{feff}");
    assert_eq!(loaded(&files.put("t.csv", rows)).ticks.len(), 2);
}

#[test]
fn rows_out_of_order_are_sorted_and_ties_keep_their_order() {
    let files = Files::new();
    let rows = "3,,S,,1,1,\n1,,S,,2,1,\n3,,S,,3,1,\n2,,S,,4,1,\n3,,S,,5,1,\n";
    let tape = loaded(&files.put("t.csv", format!("{TRADES}{rows}")));
    let prices: Vec<_> = tape.ticks.iter().map(|tick| tick.kind).collect();
    assert_eq!(prices, ["2", "4", "1", "3", "5"].map(|price| trade(price, "1")));
}

#[test]
fn quiet_files_and_no_files_give_an_empty_tape() {
    let files = Files::new();
    let tape = loaded(&files.put("t.csv", TRADES));
    assert!(tape.ticks.is_empty() && tape.markets.is_empty());
    assert_eq!(tape.span_ns(), 0);
    assert!(load(&[], BadRows::Refuse).unwrap().ticks.is_empty());
}

#[test]
fn every_packing_gives_the_same_ticks() {
    let files = Files::new();
    let rows = format!("{TRADES}1,,S,1,2,3,buy\n2,,S,1,2.5,3,buy\n");
    let plain = loaded(&files.put("t.csv", &rows)).ticks;
    assert_eq!(plain.len(), 2);
    assert_eq!(loaded(&files.put("t.csv.gz", gzip(&rows))).ticks, plain);
    assert_eq!(loaded(&files.put("T.CSV.GZ", gzip(&rows))).ticks, plain);
    assert_eq!(loaded(&files.put("t.zip", zip(&[("t.csv", &rows)]))).ticks, plain);
    // `cat a.gz b.gz` is gzip too.
    let (head, tail) = rows.split_at(70);
    assert_eq!(loaded(&files.put("cat.csv.gz", [gzip(head), gzip(tail)].concat())).ticks, plain);
}
