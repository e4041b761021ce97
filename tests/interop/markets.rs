//! What is known of markets: read from ccxt's own list or dictionary, found by symbol and by the exchange's id.

use posbook::interop::ccxt::Markets;

#[test]
fn both_shapes_are_read_and_spot_is_passed_over() {
    let list = r#"[{"id":"a","symbol":"A/B:B","contractSize":"0.001"},{"id":"s","symbol":"A/B","contractSize":null}]"#;
    let markets = Markets::read(list).unwrap();
    assert_eq!(markets.of("A/B:B").unwrap().contract_size.to_string(), "0.001");
    assert!(markets.of("A/B").is_none());
    let dictionary = r#"{"A/B:A":{"id":"a","contractSize":100,"inverse":true}}"#;
    let market = Markets::read(dictionary).unwrap().of("A/B:A").unwrap();
    assert!(market.inverse && market.contract_size.to_string() == "100");
}

#[test]
fn what_is_neither_is_refused_with_its_place() {
    for (text, wrong) in [
        ("17", "not an array: "),
        ("[", "not JSON: "),
        ("[17]", "not an array: the market 0: : is not an object"),
        (r#"[{"contractSize":1}]"#, "not an array: the market 0: symbol: is missing"),
        (
            r#"[{"symbol":"A","contractSize":0}]"#,
            r#"not an array: the market 0: contractSize: "0" is not a number"#,
        ),
        (r#"{"A":{"contractSize":"x"}}"#, r#"not an array: the market A: contractSize: "x" is not a number"#),
    ] {
        let refused = Markets::read(text).unwrap_err().to_string();
        assert!(refused.starts_with(wrong), "{text}: {refused}");
    }
}
