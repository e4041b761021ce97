//! Texts that are nearly right: one that a reader understands, with something cut out, doubled, moved in from another, or
//! replaced by what readers stumble over. Steered by nothing, unlike a fuzzer: a short look that every machine can take.

use crate::program::Dice;

/// What readers stumble over.
const AWKWARD: [&str; 24] = [
    "null",
    "true",
    "\"\"",
    "[]",
    "{}",
    "-",
    "0",
    "-0",
    "1e3",
    "1E-27",
    "0.0000000000000000000000000001",
    "79228162514264337593543950335",
    "-79228162514264337593543950336",
    "1e999",
    "NaN",
    "\u{feff}",
    "\r\n",
    "\0",
    "\"",
    ",",
    "\\u0061",
    "\u{1F4A5}",
    "long",
    "sell",
];

/// One of these texts, changed in one to four places.
pub fn mutated(dice: &mut Dice, seeds: &[&str]) -> String {
    let mut text: Vec<char> = dice.one_of(seeds).copied().unwrap_or_default().chars().collect();
    for _ in 0..=dice.below(4) {
        let at = place(dice, text.len());
        let end = (at + place(dice, 24)).min(text.len());
        let new: Vec<char> = match dice.below(4) {
            0 => Vec::new(),
            1 => dice.one_of(&AWKWARD).copied().unwrap_or_default().chars().collect(),
            2 => {
                // A piece of this one or of another, in front of what stands here.
                let other: Vec<char> = dice.one_of(seeds).copied().unwrap_or_default().chars().collect();
                let from = place(dice, other.len());
                let length = place(dice, 80);
                other
                    .into_iter()
                    .skip(from)
                    .take(length)
                    .chain(text.get(at..end).unwrap_or_default().iter().copied())
                    .collect()
            }
            _ => {
                let digits = "0123456789.eE-+\"";
                let longer = std::iter::repeat_with(|| digits.chars().nth(place(dice, 16))).flatten();
                longer.take(1 + end - at).collect()
            }
        };
        text.splice(at..end, new);
    }
    text.into_iter().collect()
}

/// A place up to `length`.
fn place(dice: &mut Dice, length: usize) -> usize {
    usize::try_from(dice.below(length as u64 + 1)).unwrap_or_default()
}
