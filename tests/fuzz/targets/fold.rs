//! Any text as a file of fills: `tests/fuzz/texts/fold.rs`, with the readers of `posbook fold` compiled in.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[allow(dead_code, reason = "`posbook fold` uses more of it")]
#[path = "../../../cli/src/fold/folding.rs"]
mod folding;
#[allow(dead_code, reason = "`posbook fold` uses more of it")]
#[path = "../../../cli/src/fold/read.rs"]
mod read;
#[path = "../texts/fold.rs"]
mod texts;

fuzz_target!(|text: &str| texts::any_text(text));
