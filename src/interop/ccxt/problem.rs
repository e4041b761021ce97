//! What can be wrong with a file and with a row, as types.

use crate::error::{Rejection, shorten};

/// Why a row could not be read: where, which field, and what is wrong with it. The row is neither open nor flat: nothing is
/// known of it.
///
/// ```
/// use posbook::interop::ccxt::{self, Row, Source};
///
/// let read = ccxt::positions(r#"[{"symbol": "BTC/USDT:USDT", "side": "long", "contracts": "1O"}]"#, &Source::new("okx"))?;
/// let [Row::Problem(problem)] = read.rows() else { return Err("it was read".into()) };
/// assert_eq!(problem.to_string(), r#"okx BTC/USDT:USDT: contracts: "1O" is not a number"#);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Whose row. `None`: nobody said.
    pub exchange: Option<String>,
    /// Of what. `None`: the row does not say, or not legibly.
    pub symbol: Option<String>,
    /// Which field; one of the exchange's own row is written `info.NAME`.
    pub field: String,
    /// What is wrong with it.
    pub fault: Fault,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let place = [self.exchange.as_deref(), self.symbol.as_deref()];
        let place: Vec<&str> = place.into_iter().flatten().collect();
        if !place.is_empty() {
            write!(f, "{}: ", place.join(" "))?;
        }
        write!(f, "{}: {}", self.field, self.fault)
    }
}

impl std::error::Error for Problem {}

/// What is wrong with a field. Values are shortened to 40 characters.
///
/// ```
/// use posbook::interop::ccxt::Fault;
///
/// assert_eq!(Fault::Missing.to_string(), "is missing");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the fields are what the message prints")]
pub enum Fault {
    #[error("is missing")]
    Missing,
    #[error("is not an object")]
    NotAnObject,
    #[error("is not legible: {why}")]
    Illegible { why: String },
    #[error("stands there twice")]
    Repeated,
    #[error("has more than {most} fields")]
    TooManyFields { most: usize },
    #[error("{text:?} is not a number")]
    NotANumber { text: String },
    #[error("{text} has more digits than a quantity can keep, and it is not rounded")]
    TooManyDigits { text: String },
    #[error("{text} is negative")]
    Negative { text: String },
    #[error("{text:?} is none of the words that are known here")]
    UnknownWord { text: String },
    #[error("{found:?} is no text of at most 512 bytes")]
    NotAText { found: String },
    #[error("nothing in the row says how much is open")]
    NoAmount,
    #[error("{text} may be contracts or base units, and nothing in the row tells")]
    UnknownUnit { text: String },
    #[error("nothing in the row says whether it is long or short")]
    NoSide,
    #[error("{what}")]
    Contradiction { what: String },
    #[error("describes a position that was closed, not what is open")]
    History,
    #[error("{text:?} is a payment, not a fill")]
    Payment { text: String },
    #[error("is open in another row of the same symbol and leg; neither can be preferred")]
    Duplicate,
    #[error("the book refuses it: {rule}")]
    Refused { rule: String },
}

impl Fault {
    pub(super) fn not_a_number(text: &str) -> Self {
        Self::NotANumber { text: shorten(text) }
    }

    pub(super) fn refused(refused: &Rejection) -> Self {
        Self::Refused { rule: refused.to_string() }
    }
}

/// Why a text could not be read at all.
///
/// ```
/// use posbook::interop::ccxt::{self, Source};
///
/// let wrong = ccxt::positions("{}", &Source::default()).unwrap_err();
/// assert!(wrong.to_string().starts_with("not an array"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// It is JSON, of another shape.
    #[error("not an array: {0}")]
    Shape(String),
    /// It is no JSON.
    #[error("not JSON: {0}")]
    Syntax(String),
    /// More rows than any account has.
    #[error("more than {0} rows; split it")]
    TooManyRows(usize),
}
