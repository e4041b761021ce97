//! What is worth noting of a mark.

use super::dust;
use crate::model::{Command, Instrument, Position, Price};

/// The command that notes this mark as the best or the worst that a position has seen. `None`: it moves no extreme, or the
/// position is dust, of which nobody asks what it could have brought.
///
/// As with [`trail`](super::trail) the command carries no price: what is noted is decided from the fresh mark and from what
/// stands when it lands.
///
/// ```
/// use posbook::{Book, Fill, Instrument, OrderSide, exits};
///
/// let spec = Instrument::linear("BTC/USDT:USDT", "0.1", "0.001")?;
/// let book = Book::builder().build()?;
/// let btc = book.register(spec.clone())?;
/// book.record(Fill::trade(btc, "1".parse()?, OrderSide::Buy, "1".parse()?, "50000".parse()?))?;
/// let mark = "49000".parse()?;
/// book.mark(btc, mark)?;
/// let wish = exits::reach(book.snapshot().get(btc).ok_or("flat")?, &spec, mark).ok_or("nothing to note")?;
/// book.apply(wish)?;
/// let view = book.snapshot();
/// let position = view.get(btc).ok_or("flat")?;
/// assert_eq!(position.excursion.ok_or("not noted")?.adverse(), "-1000".parse()?);
/// assert!(exits::reach(position, &spec, mark).is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn reach(position: &Position, instrument: &Instrument, mark: Price) -> Option<Command> {
    let moves = !dust(position, instrument) && position.reached(mark).is_some();
    moves.then_some(Command::Reach { key: position.key, position: position.id })
}
