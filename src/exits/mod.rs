//! WHEN to get out: stop loss and take profit, as pure functions of a position and a mark.

use crate::model::{Exit, ExitRule, Position, Price, Side};

/// The exit that is due at this mark, if one is: a long's stop at or below it, a take profit at or above, a short
/// mirrored; both ends inclusive, the stop first. The caller sees to it that the mark is fresh (R11).
///
/// ```
/// use posbook::{Book, Command, ExitRule, Fill, Instrument, OrderSide, exits};
///
/// let book = Book::builder().build()?;
/// let btc = book.register(Instrument::linear("BTC/USDT:USDT", "0.1", "0.001")?)?;
/// book.record(Fill::trade(btc, "1".parse()?, OrderSide::Buy, "1".parse()?, "50000".parse()?))?;
/// book.apply(Command::retarget(btc).stop("48000".parse()?))?;
/// let view = book.snapshot();
/// let position = view.get(btc).ok_or("flat")?;
/// assert!(exits::due(position, "48000.1".parse()?).is_none());
/// assert_eq!(exits::due(position, "48000".parse()?).ok_or("not due")?.rule, ExitRule::StopLoss);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn due(position: &Position, mark: Price) -> Option<Exit> {
    let long = position.side == Side::Long;
    let fired = |target: Option<Price>, below: bool| {
        target.filter(|target| if below { mark <= *target } else { mark >= *target })
    };
    let exit = |rule, target| Exit { position: position.id, rule, target, mark };
    let stop = fired(position.targets.stop, long).map(|target| exit(ExitRule::StopLoss, target));
    stop.or_else(|| fired(position.targets.take, !long).map(|target| exit(ExitRule::TakeProfit, target)))
}
