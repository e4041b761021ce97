//! Names that come from outside: symbols, currencies, and the references (trade ids, order ids) of a venue.
//!
//! A name is taken as it is or refused: no trimming, no case folding, nothing invisible (D29).

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Reason, Rejection, shorten};

/// What makes a name unfit, if anything does.
fn unfit(text: &str, longest: usize) -> Option<&'static str> {
    if text.is_empty() {
        return Some("is empty");
    }
    if text.len() > longest {
        return Some(
            "is too long (a symbol or reference has at most 64 bytes, a tag or a group's name 32, a currency 16)",
        );
    }
    if text.starts_with(char::is_whitespace) || text.ends_with(char::is_whitespace) {
        return Some("has outer spaces; nothing is trimmed silently");
    }
    text.chars().any(invisible).then_some("has control, bidirectional or zero-width characters")
}

/// Control characters, and the format characters that make two different names look the same.
fn invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{AD}' | '\u{61C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}')
}

/// What came from a venue, or goes there.
fn bad_symbol(symbol: String, rule: &'static str) -> Reason {
    Reason::BadSymbol { symbol, rule }
}

fn bad_tag(text: String, rule: &'static str) -> Reason {
    Reason::Malformed { what: "tag", text, rule }
}

fn bad_group(text: String, rule: &'static str) -> Reason {
    Reason::Malformed { what: "name of a group", text, rule }
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $longest:literal, $refused:path) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The name as it was given.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = Rejection;

            fn from_str(text: &str) -> Result<Self, Rejection> {
                match unfit(text, $longest) {
                    None => Ok(Self(text.into())),
                    Some(rule) => Err($refused(shorten(text), rule).into()),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

name! {
    /// The name of an instrument at its venue, up to 64 bytes, taken literally.
    ///
    /// ```
    /// use posbook::Symbol;
    ///
    /// let symbol: Symbol = "BTC/USDT:USDT".parse()?;
    /// assert_eq!(symbol.as_str(), "BTC/USDT:USDT");
    /// assert!(" BTC".parse::<Symbol>().is_err());
    /// # Ok::<(), posbook::Rejection>(())
    /// ```
    Symbol, 64, bad_symbol
}

name! {
    /// A currency code, up to 16 bytes.
    ///
    /// ```
    /// use posbook::Currency;
    ///
    /// let usdt: Currency = "USDT".parse()?;
    /// assert_eq!(usdt.to_string(), "USDT");
    /// # Ok::<(), posbook::Rejection>(())
    /// ```
    Currency, 16, bad_symbol
}

name! {
    /// What a venue calls a trade or an order, up to 64 bytes: a number, a hex string, a uuid, taken literally.
    ///
    /// ```
    /// use posbook::Reference;
    ///
    /// let trade: Reference = "5266583935".parse()?;
    /// assert_eq!(trade.as_str(), "5266583935");
    /// # Ok::<(), posbook::Rejection>(())
    /// ```
    Reference, 64, bad_symbol
}

name! {
    /// A short word on an order and its position, up to 32 bytes, taken literally: a strategy, a pair, an idea ([`Tags`](crate::Tags)).
    ///
    /// ```
    /// use posbook::Tag;
    ///
    /// let grid: Tag = "grid".parse()?;
    /// assert_eq!(grid.as_str(), "grid");
    /// assert!("grid ".parse::<Tag>().is_err());
    /// # Ok::<(), posbook::Rejection>(())
    /// ```
    Tag, 32, bad_tag
}

name! {
    /// What a group with limits of its own is called in refusals, up to 32 bytes, taken literally
    /// ([`GroupLimit`](crate::GroupLimit)).
    ///
    /// ```
    /// use posbook::GroupName;
    ///
    /// let name: GroupName = "majors, long".parse()?;
    /// assert_eq!(name.to_string(), "majors, long");
    /// # Ok::<(), posbook::Rejection>(())
    /// ```
    GroupName, 32, bad_group
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unfit_names_are_refused_and_nothing_is_folded() {
        let long = "x".repeat(65);
        for wrong in ["", " BTC", "BTC ", "\u{a0}BTC", "B\u{200B}TC", "B\u{202E}TC", "B\nTC", "B\u{0}", &long]
        {
            assert!(wrong.parse::<Symbol>().is_err(), "{wrong:?}");
        }
        assert_ne!("btc".parse::<Symbol>().unwrap(), "BTC".parse::<Symbol>().unwrap());
        assert!("BTC/USDT:USDT".parse::<Symbol>().is_ok());
        assert!("1000PEPE/USDT:USDT-240927".parse::<Symbol>().is_ok());
    }
}
