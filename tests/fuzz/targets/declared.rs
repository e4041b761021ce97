//! What a person writes. A file of instruments: an error of one line, or instruments whose numbers are above zero. The
//! settings of a world: an error of one line, or a world that is printed as it is read.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use posbook_proof::world::Options;
use rust_decimal::Decimal;

#[allow(dead_code, unused_imports, reason = "a replay uses more of it")]
#[path = "../../../cli/src/market/mod.rs"]
mod market;

fuzz_target!(|text: &str| {
    match Options::of(0).with(text) {
        Ok(world) => assert_eq!(world.to_string().parse(), Ok(world)),
        Err(error) => assert!(error.lines().count() == 1, "an error is one line: {error}"),
    }
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
