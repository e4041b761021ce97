//! The daily dumps of Binance, in every shape they come in. The rows are made up, the shapes are real.

use super::{BadRows, Files, gzip, load, loaded, refusal, trade, zip};

const FUTURES_TRADES: &str = "id,price,qty,quote_qty,time,is_buyer_maker\n\
    5266583935,61800.30,0.006,370.80180,1723161256322,false\n\
    5266583936,61800.30,0.199,12298.25970,1723161256344,true\n";
const FUTURES_AGGREGATED: &str = "agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker\n\
    2,61800.30,0.205,5266583935,5266583936,1723161256322,false\n";
const SPOT_TRADES: &str = "3735683259,61837.63000000,0.02000000,1236.75260000,1723161255342,False,True\n\
    3735683260,61837.64000000,0.04800000,2968.20672000,1723161255617,True,True\n";
const SPOT_AGGREGATED: &str =
    "7,61837.63000000,0.02000000,3735683259,3735683259,1735689600010866,False,True\n";

const MILLISECOND: i64 = 1_000_000;

#[test]
fn futures_trades() {
    let files = Files::new();
    let (_, headless) = FUTURES_TRADES.split_once('\n').unwrap();
    let coin = FUTURES_TRADES.replace("quote_qty", "base_qty");
    for path in [
        files.put("BTCUSDT-trades-2024-08-08.csv", FUTURES_TRADES),
        files.put("BTCUSDT-trades-2024-08-08.csv.gz", gzip(FUTURES_TRADES)),
        files.put("BTCUSDT-trades-2024-08-08.zip", zip(&[("BTCUSDT-trades-2024-08-08.csv", FUTURES_TRADES)])),
        files.put("renamed.zip", zip(&[("daily/BTCUSDT-trades-2024-08-08.csv", FUTURES_TRADES)])),
        files.put("BTCUSDT-trades-2021-01.csv", headless),
        files.put("BTCUSDT-trades-2021-02.csv", coin),
    ] {
        let tape = loaded(&path);
        let ticks: Vec<_> = tape.ticks.iter().map(|tick| (tick.time / MILLISECOND, tick.kind)).collect();
        assert_eq!(
            ticks,
            [(1723161256322, trade("61800.3", "0.006")), (1723161256344, trade("61800.3", "0.199"))],
            "{path:?}"
        );
        assert_eq!(tape.markets[0].symbol, "BTCUSDT");
        assert_eq!((tape.markets[0].price_scale, tape.markets[0].quantity_scale), (1, 3));
    }
}

#[test]
fn aggregated_futures_trades() {
    let files = Files::new();
    let (_, headless) = FUTURES_AGGREGATED.split_once('\n').unwrap();
    for path in [
        files.put("BTCUSD_PERP-aggTrades-2024-08-08.csv", FUTURES_AGGREGATED),
        // Seven columns, like a spot trades file: the name tells them apart.
        files.put("BTCUSD_PERP-aggTrades-2021-08-08.csv", headless),
    ] {
        let tape = loaded(&path);
        assert_eq!(tape.ticks.len(), 1);
        assert_eq!(tape.ticks[0].time, 1723161256322 * MILLISECOND);
        assert_eq!(tape.ticks[0].kind, trade("61800.3", "0.205"));
        assert_eq!(tape.markets[0].symbol, "BTCUSD_PERP");
    }
}

#[test]
fn spot_files_have_no_header_and_lately_microseconds() {
    let files = Files::new();
    let tape = loaded(&files.put("BTCUSDT-trades-2024-08-08.csv", SPOT_TRADES));
    let ticks: Vec<_> = tape.ticks.iter().map(|tick| (tick.time, tick.kind)).collect();
    assert_eq!(
        ticks,
        [
            (1723161255342 * MILLISECOND, trade("61837.63", "0.02")),
            (1723161255617 * MILLISECOND, trade("61837.64", "0.048")),
        ]
    );
    let tape = loaded(&files.put("ETHBTC-aggTrades-2025-01-01.csv", SPOT_AGGREGATED));
    assert_eq!((tape.ticks[0].time, tape.ticks[0].kind), (1735689600010866000, trade("61837.63", "0.02")));
}

#[test]
fn faults_name_the_columns_even_without_a_header() {
    let files = Files::new();
    let refused = |rows: String| refusal(&files.put("X-trades-2024.csv", rows), BadRows::Refuse);
    let time = "is not a time; expected milliseconds (13 digits) or microseconds (16 digits) since 1970";
    for bad in ["1723161255", "1723161255342000000", "-1723161255342", "soon", ""] {
        let message = refused(SPOT_TRADES.replace("1723161255617", bad));
        assert_eq!(message, format!("X-trades-2024.csv:2:time: \"{bad}\" {time}"));
    }
    let message = refused(SPOT_TRADES.replace("61837.63000000", "0.0"));
    assert_eq!(message, "X-trades-2024.csv:1:price: \"0.0\" is zero; expected more than zero");
    let message = refused(SPOT_TRADES.replace(",False,True", ",False"));
    assert!(message.starts_with("X-trades-2024.csv:2:is_buyer_maker: the row has 7 fields"), "{message}");

    // The first line is a row like any other, so it may be left out like any other.
    let path = files.put("X-trades-2024.csv", SPOT_TRADES.replace("61837.63000000", "?"));
    let tape = load(&[path], BadRows::Skip).unwrap();
    assert_eq!((tape.ticks.len(), tape.skipped_rows), (1, 1));
}

#[test]
fn a_name_that_does_not_tell_the_symbol() {
    let files = Files::new();
    for name in ["btc.csv", "-trades-2024.csv", "BTC USDT-trades-2024.csv", "BTCUSDT-trades.csv"] {
        for content in [FUTURES_TRADES, SPOT_TRADES, FUTURES_AGGREGATED] {
            let message = refusal(&files.put(name, content), BadRows::Skip);
            assert!(
                message.contains(":1: a Binance file whose name does not say what it holds"),
                "{message}"
            );
        }
    }
    // A kind with fewer columns than it should have, and one that has no trades at all.
    for (name, row) in [("X-aggTrades-1.csv", "1,2,3,4,5,true\n"), ("X-trades-1.csv", "1,2,3,4,5,6,7,8\n")] {
        assert!(refusal(&files.put(name, row), BadRows::Skip).contains(":1: the columns"), "{name}");
    }
}

#[test]
fn the_size_of_a_time_tells_its_unit() {
    use super::super::binance::nanoseconds;
    for (time, expected) in [
        (99_999_999_999, None),
        (100_000_000_000, Some(100_000_000_000_000_000)),
        (99_999_999_999_999, None), // milliseconds of the year 5138: more nanoseconds than fit
        (9_223_372_036_854, Some(9_223_372_036_854_000_000)),
        (9_223_372_036_855, None),
        (100_000_000_000_000, Some(100_000_000_000_000_000)),
        (99_999_999_999_999_999, None),
        (9_223_372_036_854_775, Some(9_223_372_036_854_775_000)),
        (100_000_000_000_000_000, None),
        (0, None),
        (-1_723_161_255_342, None),
        (i64::MAX, None),
        (i64::MIN, None),
    ] {
        assert_eq!(nanoseconds(time), expected, "{time}");
    }
}
