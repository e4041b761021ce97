//! The quirks of unified positions, one test each, by their numbers in the README of the data; the shapes are theirs.

use posbook::interop::ccxt::{self, Markets, Row, Source};
use posbook::venue::{Completeness, Scope};
use posbook::{Decimal, Leg, Side};

use crate::{fixed_point, flat, open, problem, rows};

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

#[test]
fn quirk_01_size_and_direction_stand_in_info() {
    // Signed base units, one object further in.
    let sol = open(
        r#"[{"symbol":"SOL/USDC:USDC","side":null,"contracts":null,"contractSize":null,"entryPrice":112.0945,
            "info":{"position":{"coin":"SOL","szi":"-3.34"},"type":"oneWay"}}]"#,
    );
    assert_eq!((sol.side, sol.contracts, sol.leg), (Side::Short, decimal("3.34"), Leg::Net));
    // An amount without a sign beside a word; margin x leverage is what tells its unit.
    let ada = open(
        r#"[{"symbol":"ADA/USDT:USDT","side":null,"contracts":null,"entryPrice":0.2983,"info":{"positionAmt":"9",
            "positionSide":"SHORT","avgPrice":"0.29830","initialMargin":"2.6861","leverage":"1"}}]"#,
    );
    assert_eq!((ada.side, ada.contracts, ada.contract_size), (Side::Short, decimal("9"), Some(Decimal::ONE)));
    // Contracts are unsigned: without a side the direction comes from the leg, else from the exchange's sign.
    for (info, side) in [
        (r#"{"positionAmt":"-20","positionSide":"BOTH"}"#, Side::Short),
        (r#"{"positionAmt":"20","positionSide":"BOTH"}"#, Side::Long),
        (r#"{"positionAmt":"20","positionSide":"SHORT"}"#, Side::Short),
        (r#"{"currentQty":-20}"#, Side::Short),
        (r#"{"size":"20","is_buy":false}"#, Side::Short),
        (r#"{"size":"20","sign":1}"#, Side::Long),
        (r#"{"size":"20","direction":"Sell"}"#, Side::Short),
        (r#"{"position_qty":20}"#, Side::Long),
        (r#"{"notional":"-100"}"#, Side::Short),
        (r#"{"entryPrice":"5","markPrice":"6","unRealizedProfit":"-20","size":"20"}"#, Side::Short),
    ] {
        let text = format!(
            r#"[{{"symbol":"A/USDT:USDT","contracts":20,"contractSize":1,"entryPrice":5,"info":{info}}}]"#
        );
        assert_eq!(open(&text).side, side, "{info}");
    }
    // A bare amount is no direction, and neither is a number that means something else at each exchange.
    for info in
        [r#"{"size":"20"}"#, r#"{"holdVol":20,"positionType":2}"#, r#"{"size":"20","side":"sideways"}"#]
    {
        let text = format!(r#"[{{"symbol":"A/USDT:USDT","contracts":20,"contractSize":1,"info":{info}}}]"#);
        assert_eq!(
            problem(&text),
            "venue A/USDT:USDT: side: nothing in the row says whether it is long or short"
        );
    }
}

#[test]
fn quirk_01_base_units_are_told_from_contracts_or_it_is_a_problem() {
    let row = |amount: &str, more: &str| {
        format!(
            r#"[{{"symbol":"DOGE/USDT:USDT","side":"long","contracts":null,"contractSize":100,"entryPrice":"0.1",
                "info":{{{amount}{more}}}}}]"#
        )
    };
    // The value of the position says which of the two the amount is.
    let base = open(&row(r#""size":"300""#, r#","markPrice":"0.2","positionValue":"60""#));
    assert_eq!((base.contracts, base.contract_size), (decimal("3"), Some(decimal("100"))));
    let contracts = open(&row(r#""size":"300""#, r#","markPrice":"0.2","positionValue":"6000""#));
    assert_eq!((contracts.contracts, contracts.contract_size), (decimal("300"), Some(decimal("100"))));
    // So does a name.
    assert_eq!(open(&row(r#""number_of_contracts":"300""#, "")).contracts, decimal("300"));
    assert_eq!(open(&row(r#""szi":"300""#, "")).contracts, decimal("3"));
    // An inverse position whose amount is in quote units: margin x leverage, and its size in the base currency.
    let inverse = open(
        r#"[{"symbol":"BTC/USD:BTC","side":"long","contracts":null,"contractSize":10,"entryPrice":7440.18,"notional":50,
            "markPrice":7476.65,"info":{"size":50,"size_currency":0.006687487,"direction":"buy","initial_margin":0.000197283,
            "leverage":34}}]"#,
    );
    assert_eq!((inverse.contracts, inverse.contract_size), (decimal("5"), Some(decimal("10"))));
    // Base units that are no contracts come out at a quotient without end: not rounded.
    let odd =
        r#"[{"symbol":"A/B:B","side":"long","contracts":null,"contractSize":4.5,"info":{"szi":"6.34"}}]"#;
    assert!(
        problem(odd).contains("info.szi: 6.34 / 4.5 has more digits than a quantity can keep"),
        "{}",
        problem(odd)
    );
    // Nothing says it: no guess.
    let unknown =
        "venue DOGE/USDT:USDT: info.size: 300 may be contracts or base units, and nothing in the row tells";
    assert_eq!(problem(&row(r#""size":"300""#, "")), unknown);
    // An integer of 18 decimals is neither.
    assert!(problem(&row(r#""size":"100000000000000000""#, "")).contains("may be contracts or base units"));
}

#[test]
fn quirk_02_a_closed_row_with_a_side_is_flat() {
    for row in [
        r#"{"symbol":"A/B:B","side":"long","contracts":0}"#,
        r#"{"symbol":"A/B:B","side":"short","contracts":null,"info":{"direction":"short","closeTotalPos":"40","openMaxPos":"40"}}"#,
        r#"{"symbol":"A/B:B","side":"long","contracts":null,"info":{"type":"LIQUID_LONG","closeTime":1713785752784}}"#,
        r#"{"symbol":"A/B:B","side":"long","contracts":0.0,"info":{"holdVol":"0","closeVol":"1141","positionShowStatus":"CLOSED"}}"#,
        r#"{"symbol":"A/B:B","side":"long","contracts":1,"info":{"openTotalPos":"1","closeTotalPos":"1","closeAvgPrice":"7"}}"#,
        r#"{"symbol":"A/B:B","side":"short","contracts":null,"realizedPnl":-0.4,"notional":null,"unrealizedPnl":null}"#,
    ] {
        assert_eq!(flat(&format!("[{row}]")).symbol.as_str(), "A/B:B", "{row}");
    }
    // What was closed is no amount that is open.
    let was = r#"[{"symbol":"A/B:B","side":"long","contracts":0,"info":{"qty":"3","closedSize":"3","avgExitPrice":"7"}}]"#;
    assert_eq!(flat(was).symbol.as_str(), "A/B:B");
    // It was closed, but how much of it the row does not say.
    let part = r#"[{"symbol":"A/B:B","side":"long","contracts":3,"info":{"qty":"3","closedSize":"3","avgExitPrice":"7"}}]"#;
    assert_eq!(
        problem(part),
        "venue A/B:B: contracts: describes a position that was closed, not what is open"
    );
    // A position that was reduced has closed quantities too, and is open.
    let live = r#"[{"symbol":"A/B:B","side":"long","contracts":2,"info":{"holdVol":2,"closeVol":1,"closeAvgPrice":7}}]"#;
    assert_eq!(open(live).contracts, decimal("2"));
    // Nothing at all is no word that it is flat.
    assert_eq!(
        problem(r#"[{"symbol":"A/B:B","side":"long","contracts":null,"entryPrice":7}]"#),
        "venue A/B:B: contracts: nothing in the row says how much is open"
    );
}

#[test]
fn quirk_03_negative_contracts_are_short() {
    let sold = open(r#"[{"symbol":"BTC/USD:BTC","contracts":-219,"side":"sell","entryPrice":42037.83}]"#);
    assert_eq!((sold.side, sold.contracts), (Side::Short, decimal("219")));
    let bare = open(r#"[{"symbol":"LTC/USD:USD","contracts":-0.1,"side":null,"hedged":"both"}]"#);
    assert_eq!((bare.side, bare.leg), (Side::Short, Leg::Net));
    assert_eq!(open(r#"[{"symbol":"LTC/USD:USD","contracts":0.1,"hedged":"both"}]"#).side, Side::Long);
    assert_eq!(open(r#"[{"symbol":"LTC/USD:USD","contracts":2,"side":" BUY "}]"#).side, Side::Long);
    // Two words against each other: neither.
    assert_eq!(
        problem(r#"[{"symbol":"LTC/USD:USD","contracts":-2,"side":"long"}]"#),
        "venue LTC/USD:USD: side: says long, but contracts says -2"
    );
    assert_eq!(
        problem(r#"[{"symbol":"LTC/USD:USD","contracts":2,"side":"long","info":{"szi":"-2"}}]"#),
        "venue LTC/USD:USD: side: says long, but info.szi says -2"
    );
}

#[test]
fn quirk_04_numbers_are_text_have_exponents_and_28_digits() {
    let row = open(
        r#"[{"symbol":"A/USDT:USDT","side":"long","contracts":"0.1234567890123456789012345678","contractSize":"1E+0",
            "entryPrice":"84918.201844064386317906","unrealizedPnl":"-8.62360608500000000000000000000000000000000000000E-7",
            "liquidationPrice":"0E-18"}]"#,
    );
    assert_eq!(row.contracts.to_string(), "0.1234567890123456789012345678");
    assert_eq!(row.entry_price.map(|p| p.to_string()).as_deref(), Some("84918.201844064386317906"));
    assert_eq!(row.unrealised.map(|p| p.to_string()).as_deref(), Some("-0.0000008623606085"));
    assert_eq!((row.contract_size, row.liquidation_price), (Some(Decimal::ONE), None));
    // As JSON numbers they keep their digits too: nothing became a float.
    let number = open(r#"[{"symbol":"A/B:B","side":"long","contracts":9007199254740993.1,"entryPrice":1}]"#);
    assert_eq!(number.contracts.to_string(), "9007199254740993.1");
    // A size is not rounded, an average is.
    let long = "0.12345678901234567890123456789";
    assert!(
        problem(&format!(r#"[{{"symbol":"A/B:B","side":"long","contracts":{long}}}]"#))
            .contains("not rounded")
    );
    let entry = open(&format!(r#"[{{"symbol":"A/B:B","side":"long","contracts":1,"entryPrice":{long}}}]"#));
    assert_eq!(entry.entry_price.map(|p| p.to_string()).as_deref(), Some("0.1234567890123456789012345679"));
}

#[test]
fn quirk_05_the_contract_size_comes_from_the_markets_then_the_row_unless_its_figures_disprove_it() {
    let text = r#"[{"symbol":"LTC/USDT:USDT","side":"short","contracts":1.1,"contractSize":0.1,"entryPrice":64.03,"notional":"1.1",
        "initialMargin":14.9728,"leverage":5,"info":{"initialMargin":"14.9728","positionAmt":"1.1","positionSide":"SHORT"}}]"#;
    // 14.97 x 5 is the margin of 1.1 LTC, not of a tenth of it.
    assert_eq!(open(text).contract_size, Some(Decimal::ONE));
    let markets = Markets::read(r#"[{"symbol":"LTC/USDT:USDT","contract_size":"0.01"}]"#).unwrap();
    let read = ccxt::positions(text, &Source::new("bingx").with_markets(markets)).unwrap();
    assert!(matches!(read.rows(), [Row::Position(row)] if row.contract_size == Some(decimal("0.01"))));
    // Zero and null are no sizes; an inverse position's value in base tells.
    let inverse = r#"[{"symbol":"BTC/USD:BTC","side":"sell","contracts":219,"contractSize":0,"entryPrice":42037.83,
        "markPrice":41986.66,"notional":0.005215942397}]"#;
    assert_eq!(open(inverse).contract_size, Some(Decimal::ONE));
    let bare = r#"[{"symbol":"pi_xrpusd","side":"long","contracts":230,"entryPrice":0.7533}]"#;
    assert_eq!(open(bare).contract_size, None);
    // A value may be of now or of the entry.
    for value in ["83.642", "84.5002"] {
        let text = format!(
            r#"[{{"symbol":"ETH/USDT:USDT","side":"long","contracts":2,"entryPrice":4182.1,"markPrice":4225.01,"notional":{value}}}]"#
        );
        assert_eq!(open(&text).contract_size, Some(decimal("0.01")), "{value}");
    }
    // A raw id says neither linear nor inverse: the figures fit only one.
    let raw = r#"[{"symbol":"ETCUSDT","contracts":null,"info":{"symbol":"ETCUSDT","positionAmt":"-2.92","positionSide":"BOTH",
        "entryPrice":"20.176","notional":"-58.95299065","unrealizedProfit":"-0.03907065"}}]"#;
    let etc = open(raw);
    assert_eq!(
        (etc.side, etc.contracts, etc.contract_size),
        (Side::Short, decimal("2.92"), Some(Decimal::ONE))
    );
    let dated = r#"[{"symbol":"BTC220624","side":"short","contracts":1,"entryPrice":49018.88,"initialMargin":0.001019583964880634,
        "leverage":2}]"#;
    assert_eq!(open(dated).contract_size, Some(decimal("100")));
    // One figure that fits is enough to believe the row; a profit alone disproves nothing.
    for more in [
        r#""notional":2000"#,
        r#""notional":20,"initialMargin":20,"leverage":100"#,
        r#""unrealizedPnl":1000"#,
    ] {
        let text = format!(
            r#"[{{"symbol":"A/USDT:USDT","side":"long","contracts":2,"contractSize":100,"entryPrice":10,"markPrice":11,{more}}}]"#
        );
        assert_eq!(open(&text).contract_size, Some(decimal("100")), "{more}");
    }
}

#[test]
fn quirk_06_zero_rows_hide_nothing() {
    let text = r#"[
        {"symbol":"GUN/USDT:USDT","side":"short","contracts":3340,"contractSize":1,"info":{"positionIdx":2,"side":"Sell","size":"3340"}},
        {"symbol":"GUN/USDT:USDT","side":null,"contracts":0,"info":{"positionIdx":1,"side":"","size":"0"}},
        {"symbol":"LTC/USDT:USDT","side":null,"contracts":0,"entryPrice":0}]"#;
    for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2]] {
        let all: Vec<serde_json::Value> = serde_json::from_str(text).unwrap();
        let text = serde_json::Value::from_iter(order.map(|place| all[place].clone())).to_string();
        let read = ccxt::positions(&text, &Source::default()).unwrap();
        let keys: Vec<_> = read
            .rows()
            .iter()
            .map(|row| match row {
                Row::Position(row) => (row.symbol.as_str(), row.leg, row.contracts),
                Row::Flat(row) => (row.symbol.as_str(), row.leg, Decimal::ZERO),
                Row::Problem(problem) => panic!("{problem}"),
            })
            .collect();
        let expected = [
            ("GUN/USDT:USDT", Leg::Short, decimal("3340")),
            ("GUN/USDT:USDT", Leg::Long, Decimal::ZERO),
            ("LTC/USDT:USDT", Leg::Net, Decimal::ZERO),
        ];
        assert_eq!(keys, order.map(|place| expected[place]));
        fixed_point(read.rows());
    }
    // The empty leg and the closed row may have no amount at all.
    assert_eq!(
        flat(r#"[{"symbol":"A/B:B","contracts":null,"info":{"pos":"0","avgPx":"","posSide":"net"}}]"#).leg,
        Leg::Net
    );
}

#[test]
fn quirk_06_two_open_rows_of_one_key_are_a_problem_each() {
    let text = r#"[
        {"symbol":"A/B:B","side":"long","contracts":1,"entryPrice":5,"hedged":false},
        {"symbol":"A/B:B","side":"long","contracts":2,"entryPrice":5,"hedged":false},
        {"symbol":"A/B:B","contracts":0},
        {"symbol":"C/B:B","side":"long","contracts":3,"entryPrice":5}]"#;
    let read = ccxt::positions(text, &Source::new("x")).unwrap();
    assert!(matches!(read.rows(), [Row::Problem(_), Row::Problem(_), Row::Flat(_), Row::Position(_)]));
    let report = read.report(Scope::All, None);
    assert_eq!(report.rows.len(), 1);
    let Completeness::Partial(why) = report.completeness else { panic!("a key is unknown") };
    assert!(
        why.starts_with("2 of 4 rows could not be read; x A/B:B: symbol: is open in another row"),
        "{why}"
    );
}

#[test]
fn quirk_07_both_legs_of_hedge_mode_are_open_at_once() {
    let told = r#"[{"symbol":"A/B:B","side":"long","contracts":1,"hedged":true},{"symbol":"A/B:B","side":"short","contracts":2,"hedged":true}]"#;
    let by_index = told.replace(r#""hedged":true"#, r#""info":{"positionIdx":1}"#).replacen(
        "Idx\":1}}]",
        "Idx\":2}}]",
        1,
    );
    let untold = told.replace(r#","hedged":true"#, "");
    for text in [told.to_owned(), by_index, untold] {
        let rows = rows(&text);
        let [Row::Position(long), Row::Position(short)] = rows.as_slice() else { panic!("{rows:?}") };
        assert_eq!((long.leg, short.leg), (Leg::Long, Leg::Short), "{text}");
        fixed_point(&rows);
    }
    // One side alone, and nobody says hedge mode.
    assert_eq!(open(r#"[{"symbol":"A/B:B","side":"long","contracts":1}]"#).leg, Leg::Net);
    for info in [
        r#"{"posMode":"hedge_mode"}"#,
        r#"{"position_mode":"dual_side"}"#,
        r#"{"positionSide":"SHORT"}"#,
        r#"{"mode":"dual_short"}"#,
        r#"{"positionIdx":"2"}"#,
    ] {
        let text = format!(r#"[{{"symbol":"A/B:B","side":"short","contracts":1,"info":{info}}}]"#);
        assert_eq!(open(&text).leg, Leg::Short, "{info}");
    }
    for info in [
        r#"{"posMode":"one_way_mode","posSide":"short"}"#,
        r#"{"positionSide":"SHORT","onlyOnePosition":true}"#,
        r#"{"positionIdx":0,"positionSide":"SHORT"}"#,
        r#"{"mode":"single"}"#,
        r#"{"posSide":"net"}"#,
    ] {
        let text = format!(r#"[{{"symbol":"A/B:B","side":"short","contracts":1,"info":{info}}}]"#);
        assert_eq!(open(&text).leg, Leg::Net, "{info}");
    }
    // The long leg cannot be short.
    let crossed = r#"[{"symbol":"A/B:B","side":"short","contracts":1,"info":{"positionIdx":1}}]"#;
    assert_eq!(problem(crossed), "venue A/B:B: side: says short, but the leg says long");
}

#[test]
fn quirk_08_percentage_is_not_read() {
    let row = |percentage: &str| {
        open(&format!(r#"[{{"symbol":"A/B:B","side":"long","contracts":1,"percentage":{percentage}}}]"#))
    };
    assert_eq!(row("863.4"), row("0.0008"));
    assert_eq!(row("863.4"), row(r#""what""#));
}

#[test]
fn quirk_09_zero_and_empty_mean_none_and_leverage_may_float() {
    let none = open(
        r#"[{"symbol":"A/B:B","side":"long","contracts":1,"entryPrice":"0.00000","markPrice":0,"liquidationPrice":"","leverage":0}]"#,
    );
    assert_eq!(
        (none.entry_price, none.mark_price, none.liquidation_price, none.leverage),
        (None, None, None, None)
    );
    let text =
        r#"[{"symbol":"A/B:B","side":"long","contracts":1,"entryPrice":5,"leverage":3.0673001895895604}]"#;
    assert_eq!(open(text).leverage.map(|l| l.to_string()).as_deref(), Some("3.0673001895895604"));
    let report = ccxt::positions(text, &Source::default()).unwrap().report(Scope::All, None);
    assert_eq!(report.rows[0].leverage, Some("3.0673".parse().unwrap()));
    // A position without an entry is open, and the book cannot take it over.
    let read =
        ccxt::positions(r#"[{"symbol":"A/B:B","side":"long","contracts":1}]"#, &Source::default()).unwrap();
    assert_eq!(read.problems().count(), 0);
    assert!(matches!(read.report(Scope::All, None).completeness, Completeness::Partial(_)));
}

#[test]
fn quirk_10_profit_has_two_names_and_timestamps_are_not_the_reports() {
    for name in ["unrealizedPnl", "unrealizedProfit"] {
        let text = format!(
            r#"[{{"symbol":"A/B:B","side":"long","contracts":1,"entryPrice":5,"timestamp":7,"{name}":0.092}}]"#
        );
        assert_eq!(open(&text).unrealised, Some(decimal("0.092")));
        let report = ccxt::positions(&text, &Source::default()).unwrap().report(Scope::All, None);
        assert_eq!(report.venue_time, None);
    }
}

#[test]
fn quirk_11_a_value_that_is_only_the_amount_proves_nothing() {
    // Value 9 of amount 9 at a price of 0.1 is no contract of ten.
    let text = r#"[{"symbol":"ADA/USDT:USDT","side":"long","contracts":9,"contractSize":1,"entryPrice":0.1,"notional":"9"}]"#;
    assert_eq!(open(text).contract_size, Some(Decimal::ONE));
    let text = r#"[{"symbol":"ADA/USDT:USDT","side":"long","contracts":9,"contractSize":null,"entryPrice":0.1,"notional":"9"}]"#;
    assert_eq!(open(text).contract_size, None);
    // What ccxt computed from the wrong size is not the exchange's figure.
    let text = r#"[{"symbol":"ADA/USDT:USDT","side":"long","contracts":9,"contractSize":10,"entryPrice":0.1,"notional":0.9,"info":{"size":9}}]"#;
    assert_eq!(open(text).contract_size, Some(decimal("10")));
}

#[test]
fn quirk_12_a_raw_id_stays_or_is_translated_by_the_markets() {
    assert_eq!(open(r#"[{"symbol":"BTC220624","side":"short","contracts":1}]"#).symbol.as_str(), "BTC220624");
    let empty = r#"[{"symbol":"","side":"short","contracts":1,"info":{"instId":"XRP-USD"}}]"#;
    assert_eq!(open(empty).symbol.as_str(), "XRP-USD");
    assert_eq!(problem(r#"[{"symbol":"","side":"short","contracts":1}]"#), "venue: symbol: is missing");
    let markets =
        r#"{"XRP/USD:XRP":{"id":"PI_XRPUSD","symbol":"XRP/USD:XRP","contractSize":1.0,"inverse":true}}"#;
    let source = Source::default().with_markets(Markets::read(markets).unwrap());
    let read = ccxt::positions(r#"[{"symbol":"pi_xrpusd","side":"long","contracts":230}]"#, &source).unwrap();
    let [Row::Position(row)] = read.rows() else { panic!("{read:?}") };
    assert_eq!((row.symbol.as_str(), row.contract_size), ("XRP/USD:XRP", Some(Decimal::ONE)));
}

#[test]
fn quirk_13_an_entry_rounded_for_display_is_still_a_proof() {
    // The profit implies an entry of 22321.9988..., the row shows 22322.
    let row = open(
        r#"[{"symbol":"BTC/USDT:USDT","side":null,"contracts":6,"contractSize":0.0001,"entryPrice":22322.0,"markPrice":34693.88,
            "unrealizedPnl":7.423128666667,"notional":20.816328}]"#,
    );
    assert_eq!((row.side, row.contract_size), (Side::Long, Some(decimal("0.0001"))));
}

#[test]
fn quirk_14_rows_of_resting_orders_and_one_id_for_all() {
    let resting = r#"[{"symbol":"SOL/USDT","id":"2273415","contracts":null,"info":{"account":2273415,"openOrderBuyQty":2000000,"currentQty":null,"isOpen":true}}]"#;
    assert_eq!(flat(resting).symbol.as_str(), "SOL/USDT");
    assert!(matches!(rows(&resting.replace(r#""currentQty":null,"#, ""))[0], Row::Flat(_)));
    assert!(matches!(rows(&resting.replace("true", "false"))[0], Row::Flat(_)));
    let two = r#"[{"symbol":"A/B:B","id":"1","side":"long","contracts":1},{"symbol":"C/B:B","id":"1","side":"long","contracts":1}]"#;
    assert!(rows(two).iter().all(|row| matches!(row, Row::Position(_))));
}
