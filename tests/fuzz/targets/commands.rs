//! Streams of commands, ordinary and hostile, into a book and the replica that follows it. What must hold after each step
//! stands in `ledger.rs`.
#![no_main]

use arbitrary::Unstructured;
use libfuzzer_sys::fuzz_target;
use posbook_fuzz::ledger::Watched;

fuzz_target!(|data: &[u8]| {
    let mut bytes = Unstructured::new(data);
    let Ok(mut watched) = Watched::new(&mut bytes) else { return };
    while !bytes.is_empty() && watched.step(&mut bytes).is_ok() {}
});
