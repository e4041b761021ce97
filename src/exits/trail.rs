//! The stop that is to follow the mark.

use super::dust;
use crate::model::{Command, Instrument, Position, Price};

/// The command that lets a position's stop follow this mark. `None`: the mark moves nothing, or the position is dust.
///
/// The command carries no price: where the stop goes is decided from the fresh mark and from what stands when it lands,
/// so it can never move a stop back that somebody has moved closer meanwhile (D9).
///
/// ```
/// use posbook::{Book, Command, ExitPlan, Fill, Instrument, OrderSide, exits};
///
/// let spec = Instrument::linear("BTC/USDT:USDT", "0.1", "0.001")?;
/// let book = Book::builder().build()?;
/// let btc = book.register(spec.clone())?;
/// book.record(Fill::trade(btc, "1".parse()?, OrderSide::Buy, "1".parse()?, "50000".parse()?))?;
/// book.apply(Command::plan(btc, ExitPlan::default().trailing("0".parse()?, "0.02".parse()?)))?;
/// let mark = "51000".parse()?;
/// book.mark(btc, mark)?;
/// let wish = exits::trail(book.snapshot().get(btc).ok_or("flat")?, &spec, mark).ok_or("stays")?;
/// book.apply(wish)?;
/// assert_eq!(book.snapshot().get(btc).ok_or("flat")?.stop_loss(), Some("49980".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn trail(position: &Position, instrument: &Instrument, mark: Price) -> Option<Command> {
    let moves = !dust(position, instrument) && position.trailed(instrument, mark).is_some();
    moves.then_some(Command::Trail { key: position.key, position: position.id })
}
