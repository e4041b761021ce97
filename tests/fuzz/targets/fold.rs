//! Any text as a file of fills: `tests/fuzz/texts/fold.rs`, with the readers of `posbook fold` compiled in.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../../cli/src/fold/folding.rs"]
mod folding;
#[path = "../../../cli/src/fold/read.rs"]
mod read;
#[path = "../texts/fold.rs"]
mod texts;

fuzz_target!(|text: &str| texts::any_text(text));
