//! How the verbs read a file that somebody names: all of it, as text, up to a bound; `-` is stdin.

use std::io::Read;
use std::path::Path;

use crate::Failure;

/// More than this is no list that a program holds at once.
const MOST_BYTES: u64 = 256 << 20;

/// The text of a file. What cannot be opened is the environment's fault; what is no text, or too much of it, the input's.
pub fn text(path: &Path) -> Result<String, Failure> {
    let environment = |wrong: std::io::Error| Failure::Environment(format!("{}: {wrong}", path.display()));
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        std::io::stdin().lock().take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(environment)?;
    } else {
        let file = std::fs::File::open(path).map_err(environment)?;
        file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(environment)?;
    }
    if bytes.len() as u64 > MOST_BYTES {
        return Err(Failure::Input(format!("{}: more than 256 MiB; split it", path.display())));
    }
    String::from_utf8(bytes).map_err(|wrong| {
        let at = wrong.utf8_error().valid_up_to();
        Failure::Input(format!("{}: not UTF-8 from byte {at} on", path.display()))
    })
}
