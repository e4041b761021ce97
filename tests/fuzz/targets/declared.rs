//! A person's file of instruments: an error of one line, or instruments whose numbers are above zero.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use rust_decimal::Decimal;

#[allow(dead_code, unused_imports, reason = "a replay uses more of it")]
#[path = "../../../cli/src/market/mod.rs"]
mod market;

fuzz_target!(|text: &str| {
    match market::instruments::parse(Path::new("instruments.toml"), text) {
        Ok(declared) => {
            for (place, one) in declared.iter().enumerate() {
                let numbers =
                    [Some(one.contract_size), Some(one.price_step), Some(one.quantity_step), one.minimum];
                assert!(numbers.into_iter().flatten().all(|number| number > Decimal::ZERO), "{one:?}");
                assert!(declared[..place].iter().all(|other| other.symbol != one.symbol), "declared twice");
            }
        }
        Err(error) => assert!(error.to_string().lines().count() == 1, "an error is one line: {error}"),
    }
});
