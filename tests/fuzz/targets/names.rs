//! Text that might be a name or an id: what is taken is taken as it is, and prints as it was read.
#![no_main]

use std::fmt::{Debug, Display};
use std::str::FromStr;

use libfuzzer_sys::fuzz_target;
use posbook::{ClientOrderId, Currency, Reference, Rejection, Symbol};
use serde::Serialize;
use serde::de::DeserializeOwned;

fuzz_target!(|text: &str| {
    let ends = [text.chars().next(), text.chars().next_back()];
    let spaced = ends.into_iter().flatten().any(char::is_whitespace);
    // Letters, digits and signs that print: these are names without doubt. The rest is the library's own list.
    let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic());
    let never = text.is_empty() || spaced || text.chars().any(char::is_control);
    same::<Symbol>(text, text.len() <= 64, plain, never);
    same::<Reference>(text, text.len() <= 64, plain, never);
    same::<Currency>(text, text.len() <= 16, plain, never);
    if let Ok(id) = text.parse::<ClientOrderId>() {
        round(text, &id);
        assert!(text.len() <= 33 && text.bytes().all(|b| b.is_ascii_alphanumeric()), "{text}");
        let hex =
            |part: &str| part.chars().fold(0_u64, |n, c| (n << 4) | u64::from(c.to_digit(16).expect("hex")));
        assert_eq!(
            (u64::from(id.book), u64::from(id.epoch), id.sequence.0),
            (hex(&text[1..9]), hex(&text[9..17]), hex(&text[17..]))
        );
    }
    let _ = posbook::Instrument::linear(text, "0.1", "0.001");
});

fn same<T>(text: &str, fits: bool, plain: bool, never: bool)
where
    T: FromStr<Err = Rejection> + Display + PartialEq + Debug + Serialize + DeserializeOwned,
{
    match text.parse::<T>() {
        Ok(name) => {
            assert!(fits && !never, "{text:?} was taken");
            round(text, &name);
        }
        Err(refused) => {
            assert!(!(fits && plain), "{text:?} was refused: {refused}");
            assert!(refused.to_string().len() < 512, "a refusal is short");
        }
    }
}

fn round<T>(text: &str, value: &T)
where
    T: FromStr<Err = Rejection> + Display + PartialEq + Debug + Serialize + DeserializeOwned,
{
    assert_eq!(value.to_string(), text);
    let json = serde_json::to_string(value).expect("text");
    assert_eq!(json, serde_json::to_string(text).expect("text"));
    assert_eq!(&serde_json::from_str::<T>(&json).expect("what was written"), value);
}
