//! Raw bytes as a packed tick file: no damage to an archive panics or hangs.
#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;

#[allow(dead_code, unused_imports, reason = "a replay uses more of it")]
#[path = "../../../cli/src/market/mod.rs"]
mod market;

use market::{BadRows, Tape};

static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = std::env::temp_dir().join(format!("posbook-fuzz-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder for one file");
    folder
});

fuzz_target!(|data: &[u8]| {
    for ending in ["csv.gz", "zip"] {
        let path = FOLDER.join(format!("BTCUSDT-trades-2024-08-08.{ending}"));
        std::fs::write(&path, data).expect("the folder can be written to");
        let read = Tape::load(std::slice::from_ref(&path), BadRows::Skip, &mut |_, _| {});
        std::fs::remove_file(&path).expect("what was written");
        if let Err(error) = read {
            assert!(error.to_string().lines().count() == 1, "an error is one line: {error}");
        }
    }
});
