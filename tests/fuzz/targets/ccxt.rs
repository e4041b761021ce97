//! Any text as what ccxt writes: `tests/fuzz/texts/ccxt.rs`.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../texts/ccxt.rs"]
mod texts;

fuzz_target!(|text: &str| texts::any_text(text));
