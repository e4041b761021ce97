//! JSON without floats and without trust: an array of rows, a row's fields, a field's token. Values stay the text that was
//! written until somebody asks for them, so nesting costs nothing and numbers keep their digits.

use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::Faulty;
use super::number::{Number, number};
use super::problem::{Fault, Unreadable};
use crate::error::Rejection;
use crate::model::Timestamp;

/// No account has more; a hostile file has.
const MOST_ROWS: usize = 100_000;
/// No row has more.
const MOST_FIELDS: usize = 4_096;
/// No name, no word and no number is longer, so longer text is not even copied.
const LONGEST_TEXT: usize = 512;

/// The elements of an array, each as it was written.
pub(super) fn rows(text: &str) -> Result<Vec<&RawValue>, Unreadable> {
    let Rows(rows, over) = serde_json::from_str(text).map_err(|wrong| match wrong.classify() {
        serde_json::error::Category::Data => Unreadable::Shape(wrong.to_string()),
        _ => Unreadable::Syntax(wrong.to_string()),
    })?;
    if over { Err(Unreadable::TooManyRows(MOST_ROWS)) } else { Ok(rows) }
}

struct Rows<'a>(Vec<&'a RawValue>, bool);

impl<'de> Deserialize<'de> for Rows<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Seen;
        impl<'de> Visitor<'de> for Seen {
            type Value = Rows<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array of rows")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Rows<'de>, A::Error> {
                let (mut rows, mut over) = (Vec::new(), false);
                while let Some(row) = from.next_element::<&'de RawValue>()? {
                    over |= rows.len() == MOST_ROWS;
                    if !over {
                        rows.push(row);
                    }
                }
                Ok(Rows(rows, over))
            }
        }
        deserializer.deserialize_seq(Seen)
    }
}

/// An object's fields in the order in which they stand there; no name twice.
#[derive(Debug)]
pub(super) struct Fields<'a>(Vec<(String, &'a RawValue)>);

impl<'a> Fields<'a> {
    /// The fields of an object; else the name of the field at fault, and the fault.
    pub fn of(value: &'a RawValue) -> Result<Self, Faulty> {
        let nameless = |fault| (String::new(), fault);
        if !value.get().starts_with('{') {
            return Err(nameless(Fault::NotAnObject));
        }
        let Self(fields) = serde_json::from_str(value.get())
            .map_err(|wrong| nameless(Fault::Illegible { why: wrong.to_string() }))?;
        if fields.len() > MOST_FIELDS {
            return Err(nameless(Fault::TooManyFields { most: MOST_FIELDS }));
        }
        let mut names: Vec<&str> = fields.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        let twice = names.windows(2).find_map(|pair| match pair {
            [a, b] if a == b => Some(*a),
            _ => None,
        });
        match twice {
            Some(name) => Err((crate::error::shorten(name), Fault::Repeated)),
            None => Ok(Self(fields)),
        }
    }

    pub fn get(&self, name: &str) -> Option<&'a RawValue> {
        self.0.iter().find(|(field, _)| field == name).map(|(_, value)| *value)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &'a RawValue)> {
        self.0.iter().map(|(name, value)| (name.as_str(), *value))
    }

    /// A number that may be missing.
    pub fn number(&self, name: &str) -> Result<Option<Number>, Faulty> {
        self.get(name)
            .map_or(Ok(None), |value| self::value_number(value).map_err(|fault| (name.to_owned(), fault)))
    }

    /// A number that must be there, with all its digits.
    pub fn exact(&self, name: &str) -> Result<Decimal, Faulty> {
        let number = self.number(name)?.ok_or((name.to_owned(), Fault::Missing))?;
        if number.exact {
            return Ok(number.value);
        }
        Err((name.to_owned(), Fault::TooManyDigits { text: number.value.to_string() }))
    }

    /// A name that must be there and that the book can take.
    pub fn name<T: FromStr<Err = Rejection>>(&self, field: &str) -> Result<T, Faulty> {
        let text = self.required(field)?;
        text.parse().map_err(|refused| (field.to_owned(), Fault::refused(&refused)))
    }

    /// A word that must be there.
    pub fn required(&self, name: &str) -> Result<String, Faulty> {
        self.text(name)?.ok_or((name.to_owned(), Fault::Missing))
    }

    /// ccxt's `timestamp`, in milliseconds. `None`: none, or none that a time can be.
    pub fn time(&self) -> Option<Timestamp> {
        let millis = i64::try_from(self.extra("timestamp")?.value.trunc()).ok()?;
        millis.checked_mul(1_000_000).map(|_| Timestamp::from_millis(millis))
    }

    /// A number that matters only if it is there and legible.
    pub fn extra(&self, name: &str) -> Option<Number> {
        self.number(name).ok().flatten()
    }

    /// A word or a name that may be missing. Numbers are names too: ids often are.
    pub fn text(&self, name: &str) -> Result<Option<String>, Faulty> {
        match self.get(name).map(token) {
            None | Some(Token::Null) => Ok(None),
            Some(Token::Text(text)) => Ok(Some(text).filter(|text| !text.is_empty())),
            Some(Token::Number(text)) => Ok(Some(text.to_owned())),
            Some(other) => Err((name.to_owned(), Fault::NotAText { found: other.described() })),
        }
    }
}

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Seen;
        impl<'de> Visitor<'de> for Seen {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Fields<'de>, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = from.next_entry::<String, &'de RawValue>()? {
                    // One more than there may be says that there are too many.
                    if fields.len() <= MOST_FIELDS {
                        fields.push(field);
                    }
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(Seen)
    }
}

/// What a value is, one level deep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token<'a> {
    Null,
    Bool(bool),
    /// As it was written.
    Number(&'a str),
    Text(String),
    /// Text that no name, word or number can be: too long, or half a character.
    Illegible,
    Array,
    Object,
}

impl Token<'_> {
    fn described(&self) -> String {
        match self {
            Token::Null => "null".to_owned(),
            Token::Bool(value) => value.to_string(),
            Token::Number(text) => crate::error::shorten(text),
            Token::Text(text) => crate::error::shorten(text),
            Token::Illegible => "a long or broken text".to_owned(),
            Token::Array => "an array".to_owned(),
            Token::Object => "an object".to_owned(),
        }
    }
}

pub(super) fn token(value: &RawValue) -> Token<'_> {
    let text = value.get();
    match text.as_bytes().first() {
        Some(b'"') if text.len() > LONGEST_TEXT => Token::Illegible,
        Some(b'"') => serde_json::from_str(text).map_or(Token::Illegible, Token::Text),
        Some(b'[') => Token::Array,
        Some(b'{') => Token::Object,
        Some(b't') => Token::Bool(true),
        Some(b'f') => Token::Bool(false),
        Some(b'n') | None => Token::Null,
        Some(_) => Token::Number(text),
    }
}

/// A number, however it is written: a number, text, or `{"value": ...}` as some exchanges have it. `None`: null or empty.
pub(super) fn value_number(value: &RawValue) -> Result<Option<Number>, Fault> {
    let read = |text: &str| number(text).map(Some).ok_or_else(|| Fault::not_a_number(text));
    match token(value) {
        Token::Null => Ok(None),
        Token::Text(text) if text.is_empty() => Ok(None),
        Token::Text(text) => read(&text),
        Token::Number(text) => read(text),
        Token::Object => {
            let inner = Fields::of(value).ok().and_then(|fields| fields.get("value"));
            match inner.map(token) {
                Some(Token::Text(text)) => read(&text),
                Some(Token::Number(text)) => read(text),
                _ => Err(Fault::not_a_number("an object")),
            }
        }
        other => Err(Fault::not_a_number(&other.described())),
    }
}
