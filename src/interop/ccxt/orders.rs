//! Unified orders as what became of an order (R1).

use super::json::{self, Fields};
use super::problem::{Fault, Problem, Unreadable};
use super::words::folded;
use super::{Faulty, Source};
use crate::error::shorten;
use crate::model::{ClientOrderId, Quantity, Reference, Symbol};
use crate::venue::{OrderStatus, Outcome};

/// What an exchange says of an order.
///
/// ```
/// use posbook::interop::ccxt::{self, Source};
/// use posbook::venue::{OrderStatus, Outcome};
///
/// let text = r#"[{"id": "17", "symbol": "LTC/USDT:USDT", "status": "canceled", "filled": 0.1, "amount": 0.3}]"#;
/// let read = ccxt::orders(text, &Source::default())?;
/// let order = read[0].as_ref().map_err(Clone::clone)?;
/// assert_eq!(order.status, OrderStatus::Final { filled: "0.1".parse()?, outcome: Outcome::Cancelled });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderRow {
    /// The exchange's name for it.
    pub id: Reference,
    /// Ours, if the row has one that a book made.
    pub client_id: Option<ClientOrderId>,
    /// Of what.
    pub symbol: Symbol,
    /// What became of it.
    pub status: OrderStatus,
}

/// Reads an array of ccxt's unified orders. A status or a filled quantity that is missing is a problem, not an answer: what
/// nobody said is no evidence.
///
/// # Errors
/// The text is no JSON, no array, or has more than 100,000 rows.
pub fn orders(text: &str, source: &Source) -> Result<Vec<Result<OrderRow, Problem>>, Unreadable> {
    Ok(json::rows(text)?.into_iter().map(|row| source.row(row, order)).collect())
}

fn order(fields: &Fields<'_>) -> Result<OrderRow, Faulty> {
    let symbol = fields.name("symbol")?;
    let id = fields.name("id")?;
    let client_id = fields.text("clientOrderId")?.and_then(|id| id.parse().ok());
    let filled = Quantity::new(fields.exact("filled")?)
        .map_err(|refused| ("filled".to_owned(), Fault::refused(&refused)))?;
    let word = fields.required("status")?;
    let ended = |outcome| OrderStatus::Final { filled, outcome };
    let status = match folded(&word).as_str() {
        "open" => OrderStatus::Working { filled },
        // ccxt says closed of whatever was filled; that all was filled, the figures say.
        "closed" => {
            let amount = fields.number("amount")?.map(|amount| amount.value);
            ended(if amount.is_some_and(|amount| amount > filled.get()) {
                Outcome::Cancelled
            } else {
                Outcome::Filled
            })
        }
        "canceled" | "cancelled" | "expired" => ended(Outcome::Cancelled),
        "rejected" => ended(Outcome::Rejected("rejected".to_owned())),
        _ => return Err(("status".to_owned(), Fault::UnknownWord { text: shorten(&word) })),
    };
    Ok(OrderRow { id, client_id, symbol, status })
}
