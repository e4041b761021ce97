//! Rows of exchanges that the rules were not written from, one test a rule; the rows are shortened ones of those exchanges.

use posbook::interop::ccxt::{self, Markets, Row, Source};
use posbook::{Decimal, Side};

use crate::{flat, open, problem, rows};

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

/// The only row, by what the markets say one contract of its symbol is.
fn sized(text: &str, symbol: &str, size: &str) -> Row {
    let markets = format!(r#"[{{"symbol":"{symbol}","contractSize":{size}}}]"#);
    let source = Source::new("venue").with_markets(Markets::read(&markets).unwrap());
    let read = ccxt::positions(text, &source).unwrap();
    let [row] = read.rows() else { panic!("not one row: {read:?}") };
    row.clone()
}

/// Side, contracts and contract size of an open row.
fn held(row: Row) -> (Side, Decimal, Option<Decimal>) {
    let Row::Position(row) = row else { panic!("not open: {row:?}") };
    (row.side, row.contracts, row.contract_size)
}

#[test]
fn a_row_of_history_is_flat_whatever_its_amount_is_called() {
    for row in [
        r#"{"side":"long","contracts":30,"realizedPnl":102.89,"info":{"positionAmt":"30.0","positionSide":"LONG",
            "closePositionAmt":"30.0","avgClosePrice":"129.48","closeAllPositions":true}}"#,
        r#"{"side":"long","contracts":300,"contractSize":0.1,"info":{"positionAmt":"30","closePositionAmt":"30"}}"#,
        r#"{"side":"long","contracts":"0.1","info":{"side":"LONG","size":"0.1","exitPrice":"40000","closedTime":1701563450000}}"#,
        r#"{"side":"long","contracts":0.002,"info":{"quantity":"0.002","closed_price":"61000","pnl":"2","status":"CLOSED"}}"#,
        r#"{"side":"long","contracts":100,"info":{"accum_size":"100","max_size":"100","long_price":"0.766306",
            "short_price":"0.539119","pnl":"-23.4","time":1711279263}}"#,
        r#"{"side":"long","contracts":0.09,"info":{"closedSizeRq":"0.09","openPrice":"2372.8","closePrice":"2371.35"}}"#,
        r#"{"side":"net","contracts":null,"info":{"closePositions":"0.0006","maxPositions":"0.0006","closeAveragePrice":"81550"}}"#,
    ] {
        let text = format!("[{}]", row.replacen('{', r#"{"symbol":"A/B:B","#, 1));
        assert_eq!(flat(&text).symbol.as_str(), "A/B:B", "{row}");
    }
}

#[test]
fn a_position_that_was_closed_in_part_is_open() {
    for info in [
        // Half of it, and what can be closed or is being closed is not what was.
        r#"{"holdVol":2,"closeVol":2,"closeAvgPrice":7,"im":"3"}"#,
        r#"{"size":"2","exitPrice":"7","closedTime":0}"#,
        r#"{"size":"2","closableSize":"2","closeOrderSize":"2"}"#,
        r#"{"size":"2","state":"ACTIVE","closePrice":"0","closeQuantity":"0.0"}"#,
        // The market is closed at night, and a profit since the entry is one of what is open.
        r#"{"size":"2","marketStatus":"CLOSED"}"#,
        r#"{"size":"2","closedSize":"2","unrealizedPnl":"0.5"}"#,
    ] {
        let text =
            format!(r#"[{{"symbol":"A/B:B","side":"long","contracts":2,"contractSize":1,"info":{info}}}]"#);
        assert_eq!(open(&text).contracts, decimal("2"), "{info}");
    }
    let history = "venue A/B:B: contracts: describes a position that was closed, not what is open";
    // The profit of what is open, and a state that says nothing is.
    let both = r#"[{"symbol":"A/B:B","side":"long","contracts":2,"unrealizedPnl":1,"info":{"size":"2","status":"closed"}}]"#;
    assert_eq!(problem(both), history);
    // Without the exchange's row: a price of the exit, and none of now. How much of it was closed is not said.
    let alone = r#"[{"symbol":"A/B:B","side":"long","contracts":100,"realizedPnl":0.05,"lastPrice":0.081}]"#;
    assert_eq!(problem(alone), history);
    assert_eq!(open(&alone.replace("lastPrice", "markPrice")).contracts, decimal("100"));
    assert_eq!(open(&alone.replace("}]", r#","unrealizedPnl":1}]"#)).contracts, decimal("100"));
}

#[test]
fn contracts_that_are_not_the_exchanges_amount_are_explained_or_a_problem() {
    let row = |contracts: &str, size: &str, info: &str| {
        format!(
            r#"[{{"symbol":"A/B:B","side":"short","contracts":{contracts},"contractSize":{size},"info":{info}}}]"#
        )
    };
    for (contracts, size, info, held) in [
        // One is the other in base units.
        ("3", "0.001", r#"{"size":"0.003"}"#, "3"),
        ("0.003", "0.001", r#"{"size":"3"}"#, "0.003"),
        // A name whose unit is contracts.
        ("0.001", "0.0001", r#"{"currentQty":-1000}"#, "1000"),
        // What can be closed is not all of it where closing orders rest, and neither is nothing.
        ("0.0004", "1", r#"{"open_interest":"0.001","close_avbl":"0.0004"}"#, "0.001"),
        ("0", "1", r#"{"open_interest":"0.0001","close_avbl":"0"}"#, "0.0001"),
        // The exposure holds resting orders too; a signed name does not.
        ("0.01", "1", r#"{"netExposureQuantity":"0.01","netQuantity":"-0.0036"}"#, "0.0036"),
        // What was executed, and what is open since.
        ("100", "1", r#"{"oldPosition":"-250","newPosition":"-150","executionSize":"100"}"#, "150"),
        // Less what was closed of it.
        ("0.02", "1", r#"{"positions":"1","vol":"0.02","vol_closed":"0.005"}"#, "0.015"),
        ("0.02", "1", r#"{"positions":"1","vol":"0.02","vol_closed":"0.000"}"#, "0.02"),
    ] {
        assert_eq!(open(&row(contracts, size, info)).contracts, decimal(held), "{info}");
    }
    assert_eq!(
        problem(&row("2", "1", r#"{"size":"5"}"#)),
        "venue A/B:B: contracts: says 2, but info.size says 5"
    );
    // Of a coin whose contract nobody knows the ratio may be that.
    assert_eq!(open(&row("2", "null", r#"{"size":"5"}"#)).contracts, decimal("2"));
    let closed = flat(&row("0.02", "1", r#"{"vol":"0.02","vol_closed":"0.02"}"#));
    let gone = flat(&row("250", "1", r#"{"oldPosition":"-250","newPosition":"0","executionSize":"250"}"#));
    assert_eq!(gone.contract_size, Some(Decimal::ONE));
    assert_eq!(closed.contract_size, Some(Decimal::ONE));
}

#[test]
fn where_two_amounts_disagree_the_figures_decide() {
    let text = |figures: &str| {
        format!(
            r#"[{{"symbol":"BTC/USDT:USDT","side":"long","contracts":null,"contractSize":"0.0005","info":{{"amount":"0.0005",
            "total":4661,"open_price":"38526.08"{figures}}}}}]"#
        )
    };
    let value = text(r#","open_val":"19.26304""#);
    let one = (Side::Long, decimal("0.0005"), Some(Decimal::ONE));
    assert_eq!(held(sized(&value, "BTC/USDT:USDT", "1")), one);
    // The size in the row is the amount; the figures say what it is.
    let alone = open(&value);
    assert_eq!((alone.side, alone.contracts, alone.contract_size), one);
    assert_eq!(problem(&text("")), "venue BTC/USDT:USDT: info.total: says 4661, but info.amount says 0.0005");
    // ccxt says the amount, under whichever name.
    let said = value
        .replace(r#""contracts":null,"contractSize":"0.0005""#, r#""contracts":0.0005,"contractSize":1"#);
    assert_eq!(open(&said).contracts, decimal("0.0005"));
    // An amount in the place of the size is no size.
    let total = r#"[{"symbol":"BTC/USDT:USDT","side":"long","contracts":null,"contractSize":47,"info":{"total":"47"}}]"#;
    assert!(problem(total).contains("47 may be contracts or base units"), "{}", problem(total));
    assert_eq!(held(sized(total, "BTC/USDT:USDT", "1")), (Side::Long, decimal("47"), Some(Decimal::ONE)));
}

#[test]
fn two_figures_disprove_that_an_amount_is_contracts() {
    let inverse = r#"[{"symbol":"BTC/USD:BTC","side":"long","contracts":40,"contractSize":10,"entryPrice":112585.87,
        "markPrice":109266.97,"info":{"size":"40.0","size_currency":"3.66076e-4","initial_margin":"7.322e-6","leverage":"50",
        "floating_profit_loss":"-2.82e-7"}}]"#;
    let markets = r#"[{"symbol":"BTC/USD:BTC","contractSize":10,"inverse":true}]"#;
    let source = Source::new("venue").with_markets(Markets::read(markets).unwrap());
    let read = ccxt::positions(inverse, &source).unwrap();
    assert_eq!(held(read.rows()[0].clone()), (Side::Long, decimal("4"), Some(decimal("10"))));
    // The amount in the currency itself, and its margin.
    let linear = r#"[{"symbol":"BTC/USDC:USDC","side":"long","contracts":0.003,"contractSize":0.001,"entryPrice":38420,
        "markPrice":40823.7167,"info":{"size":"0.003","size_currency":"0.003","initial_margin":"2.449441373","leverage":"50"}}]"#;
    assert_eq!(
        held(sized(linear, "BTC/USDC:USDC", "0.001")),
        (Side::Long, decimal("3"), Some(decimal("0.001")))
    );
    let short = r#"[{"symbol":"BNB/USDT:USDT","side":"short","contracts":-0.08,"contractSize":0.01,"entryPrice":403.9,
        "markPrice":403.965,"info":{"size":"-0.08","initial_margin":"10.77066668","leverage":"3","floating_profit_loss":"-0.0052"}}]"#;
    assert_eq!(
        held(sized(short, "BNB/USDT:USDT", "0.01")),
        (Side::Short, decimal("8"), Some(decimal("0.01")))
    );
    // One figure disproves nothing: a margin may be of another leverage.
    let lone = short.replace(r#","floating_profit_loss":"-0.0052""#, "");
    assert_eq!(held(sized(&lone, "BNB/USDT:USDT", "0.01")).1, decimal("0.08"));
    // Two that fit neither are a problem.
    let Row::Problem(hundred) = sized(&short.replace("0.08", "8"), "BNB/USDT:USDT", "1") else {
        panic!("it was read")
    };
    assert!(hundred.to_string().contains("its figures are not those of contracts of 1"), "{hundred}");
    // A value in a unit of its own does not overrule the row.
    let cents = r#"[{"symbol":"A/USDT:USDT","side":"short","contracts":10000,"contractSize":0.0001,"entryPrice":16.7,
        "markPrice":16.739,"info":{"currentQty":-10000,"markValue":"-16739000"}}]"#;
    assert_eq!(open(cents).contract_size, Some(decimal("0.0001")));
}

#[test]
fn a_negative_value_is_short_only_if_it_is_that_of_the_amount() {
    let row = |value: &str| {
        format!(
            r#"[{{"symbol":"BTC/USD:USDC","side":null,"contracts":0.02,"contractSize":1,"entryPrice":102632.9,"markPrice":102765.19,
            "info":{{"amount":"0.02","mark_value":"{value}"}}}}]"#
        )
    };
    assert_eq!(open(&row("-2055.3")).side, Side::Short);
    let none = "venue BTC/USD:USDC: side: nothing in the row says whether it is long or short";
    assert_eq!(problem(&row("-1.387")), none);
}

#[test]
fn the_sign_is_the_side_where_nothing_else_can_be() {
    let row = |more: &str| {
        format!(
            r#"[{{"symbol":"BTC/USDT:USDT","side":null,"contracts":null,"contractSize":1,"liquidationPrice":70177.2,
            "info":{{"positionId":479975679,"market":"BTC_PERP","amount":"0.001","basePrice":"82498.7","pnl":"0"{more}}}}}]"#
        )
    };
    let long = open(&row(""));
    assert_eq!((long.side, long.entry_price), (Side::Long, Some(decimal("82498.7"))));
    assert_eq!(open(&row("").replace("0.001", "-0.001")).side, Side::Short);
    let none = "venue BTC/USDT:USDT: side: nothing in the row says whether it is long or short";
    // A number, a word that is not known, a field that is empty here, a type: any of them may be what carries it.
    for more in [
        r#","side":1"#,
        r#","direction":"up""#,
        r#","positionSide":"""#,
        r#","is_long":null"#,
        r#","positionType":2"#,
        r#","legs":[{"side":"x"}]"#,
    ] {
        assert_eq!(problem(&row(more)), none, "{more}");
    }
    // An excerpt, or nothing that shows that it is open.
    assert_eq!(problem(&row("").replace(r#""market":"BTC_PERP","#, "")), none);
    assert_eq!(problem(&row("").replace("70177.2", "0")), none);
}

#[test]
fn spot_on_margin_is_short_by_what_it_owes() {
    let row = r#"[{"symbol":"LTC/USDT","side":null,"contracts":12.0036,"info":{"instId":"LTC-USDT","pos":"12.0036","posCcy":"USDT",
        "liab":"-0.113791","liabCcy":"LTC","posSide":"net"}}]"#;
    let short = open(row);
    assert_eq!(
        (short.side, short.contracts, short.contract_size),
        (Side::Short, decimal("0.113791"), Some(Decimal::ONE))
    );
    let owes_quote = row.replace(r#""liabCcy":"LTC""#, r#""liabCcy":"USDT""#);
    assert!(problem(&owes_quote).starts_with("venue LTC/USDT: info.posCcy: "), "{}", problem(&owes_quote));
    let long = row.replace(r#""posCcy":"USDT""#, r#""posCcy":"LTC""#);
    assert_eq!((open(&long).side, open(&long).contracts), (Side::Long, decimal("12.0036")));
}

#[test]
fn a_name_of_18_decimals_says_that_the_amount_has_them() {
    let row = |amount: &str, side: &str| {
        format!(
            r#"[{{"symbol":"ETH/USDC:USDC","side":{side},"contracts":null,"contractSize":1,"info":{{"product_id":4,
            "balance":{{"amount":"{amount}","last_cumulative_funding_x18":"1"}}}}}}]"#
        )
    };
    let short = open(&row("-200000000000000000", r#""sell""#));
    assert_eq!((short.side, short.contracts), (Side::Short, decimal("0.2")));
    assert_eq!(open(&row("100000000000000", "null")).contracts, decimal("0.0001"));
    assert_eq!(open(&row("100000000000000", "null")).side, Side::Long);
    // ccxt says sell of what is less than one whole.
    assert_eq!(
        problem(&row("200000000000000000", r#""sell""#)),
        "venue ETH/USDC:USDC: side: says short, but info.balance.amount says 0.2"
    );
    assert_eq!(flat(&row("0", r#""sell""#)).symbol.as_str(), "ETH/USDC:USDC");
}

#[test]
fn no_contracts_with_a_profit_is_a_contradiction() {
    let row = r#"[{"symbol":"A/B:B","side":"long","contracts":0,"entryPrice":5,"unrealizedPnl":0.5}]"#;
    assert_eq!(problem(row), "venue A/B:B: contracts: says 0, but unrealizedPnl says 0.5");
    assert_eq!(flat(&row.replace("0.5", "0")).symbol.as_str(), "A/B:B");
    assert_eq!(flat(&row.replace(r#""entryPrice":5"#, r#""entryPrice":0"#)).symbol.as_str(), "A/B:B");
}

#[test]
fn the_exchanges_row_may_be_a_text_or_a_list_of_one() {
    let info = r#"{"instrument_id":17,"product_symbol":"BTCUSDT","position":"-2","positionType":"SHORT"}"#;
    let text = serde_json::to_string(info).unwrap();
    for info in [info, &text, &format!("[{info}]")] {
        let row = open(&format!(r#"[{{"contracts":2,"contractSize":1,"info":{info}}}]"#));
        assert_eq!((row.symbol.as_str(), row.side), ("BTCUSDT", Side::Short), "{info}");
    }
    // What is neither says nothing.
    for info in [r#""{\"position\":""#, r#"[{"position":"-2"},{"position":"-2"}]"#, r#""-2""#, "[[1]]"] {
        let row = open(&format!(r#"[{{"symbol":"A/B:B","side":"long","contracts":2,"info":{info}}}]"#));
        assert_eq!(row.contracts, decimal("2"), "{info}");
    }
}

#[test]
fn words_of_a_direction() {
    let row = |info: &str| {
        format!(r#"[{{"symbol":"A/B:B","contracts":2,"contractSize":1,"info":{{"size":"2",{info}}}}}]"#)
    };
    for (info, side) in [
        (r#""side":"go_long""#, Side::Long),
        (r#""direction":"open_short""#, Side::Short),
        (r#""position_type":"LONG""#, Side::Long),
    ] {
        assert_eq!(open(&row(info)).side, side, "{info}");
    }
    // The type of an order is not that of the position.
    assert!(problem(&row(r#""type":"sell""#)).contains("whether it is long or short"));
}

#[test]
fn a_negative_amount_says_that_those_beside_it_have_signs() {
    let row = |symbol: &str, size: &str, more: &str| {
        format!(
            r#"{{"symbol":"{symbol}","side":null,"contracts":null,"contractSize":1,"info":{{"size":"{size}"{more}}}}}"#
        )
    };
    let sides = |texts: &[String]| -> Vec<Option<Side>> {
        let of = |row: Row| match row {
            Row::Position(row) => Some(row.side),
            _ => None,
        };
        rows(&format!("[{}]", texts.join(","))).into_iter().map(of).collect()
    };
    let (long, short) = (row("A/B:B", "2", ""), row("C/B:B", "-3", ""));
    assert_eq!(sides(std::slice::from_ref(&long)), [None]);
    assert_eq!(sides(&[long.clone(), short.clone()]), [Some(Side::Long), Some(Side::Short)]);
    // One of another shape says nothing of it.
    assert_eq!(sides(&[row("A/B:B", "2", r#","leg":1"#), short]), [None, Some(Side::Short)]);
}

#[test]
fn what_is_not_settled_in_a_currency_of_its_own_is_spot() {
    let row = r#"[{"symbol":"ETH/USDT","side":"long","contracts":0.02,"info":{"pair":"ETHUSDT","vol":"0.02","vol_closed":"0"}}]"#;
    assert_eq!(open(row).contract_size, Some(Decimal::ONE));
    assert_eq!(open(&row.replace("0.02,", "null,")).contracts, decimal("0.02"));
    // Old versions of ccxt leave the settle currency out of contracts too, and say what one is.
    assert_eq!(
        open(&row.replace(r#""info""#, r#""contractSize":10,"info""#)).contract_size,
        Some(decimal("10"))
    );
}

#[test]
fn a_list_of_one_position_in_the_row_is_that_position() {
    let row = r#"[{"symbol":"ETH/USDT:USDT","side":null,"contracts":null,"contractSize":1,"collateral":7.4,"info":{"type":"isolated",
        "symbol":"ETHUSDT_PERP","leverage":"10.00","positions":[{"id":2470568,"quantity":"0.001","price_entry":"2927.509"}]}}]"#;
    let long = open(row);
    assert_eq!(
        (long.side, long.contracts, long.entry_price),
        (Side::Long, decimal("0.001"), Some(decimal("2927.509")))
    );
    let two = row.replace(r#""positions":["#, r#""positions":[{"quantity":"5"},"#);
    assert!(problem(&two).contains("nothing in the row says how much is open"), "{}", problem(&two));
}
