//! The exit that is due: stop, age, take profit, tiers, in this order.

use super::dust;
use crate::model::{Exit, ExitRule, Instrument, Position, Price, Side, TargetOrigin, Timestamp};

/// The exit of a position that is due now, if one is. At one mark a stop goes before the maximum age, that before the take
/// profit, and that before the lowest tier that is not taken. Prices are inclusive: a long's stop fires at or below it,
/// its take profit and tiers at or above; a short's mirrored.
///
/// `mark` is the fresh mark; `None` if it is stale or missing: then only age can fire (R11, D20). Dust fires nothing (R18).
/// [`Command::exit`](crate::Command::exit) makes the order.
///
/// ```
/// use posbook::{Book, Command, ExitRule, Fill, Instrument, OrderSide, exits};
///
/// let spec = Instrument::linear("BTC/USDT:USDT", "0.1", "0.001")?;
/// let book = Book::builder().build()?;
/// let btc = book.register(spec.clone())?;
/// book.record(Fill::trade(btc, "1".parse()?, OrderSide::Buy, "1".parse()?, "50000".parse()?))?;
/// book.apply(Command::retarget(btc).stop("48000".parse()?))?;
/// let view = book.snapshot();
/// let position = view.get(btc).ok_or("flat")?;
/// assert!(exits::due(position, &spec, Some("48000.1".parse()?), book.now()).is_none());
/// let exit = exits::due(position, &spec, Some("48000".parse()?), book.now()).ok_or("not due")?;
/// assert_eq!(exit.rule, ExitRule::StopLoss("48000".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn due(
    position: &Position,
    instrument: &Instrument,
    mark: Option<Price>,
    now: Timestamp,
) -> Option<Exit> {
    if dust(position, instrument) {
        return None;
    }
    let long = position.side == Side::Long;
    let fired = |target: Option<Price>, below: bool| {
        target.filter(|at| mark.is_some_and(|mark| if below { mark <= *at } else { mark >= *at }))
    };
    let stop = || {
        fired(position.targets.stop, long).map(|at| match position.targets_from {
            TargetOrigin::Trailed => ExitRule::TrailingStop(at),
            _ => ExitRule::StopLoss(at),
        })
    };
    let age = || {
        let longest = position.exits.as_ref()?.max_age?;
        (now.since(position.opened_at) >= longest).then_some(ExitRule::MaxAge(longest))
    };
    let take = || fired(position.targets.take, !long).map(ExitRule::TakeProfit);
    let tier = || {
        let tier = position.tiers().next()?;
        fired(position.tier_price(instrument, tier), !long).map(|price| ExitRule::Tier { tier, price })
    };
    let rule = stop().or_else(age).or_else(take).or_else(tier)?;
    // An exit by age owes nothing to the mark.
    let mark = mark.filter(|_| !matches!(rule, ExitRule::MaxAge(_)));
    Some(Exit { position: position.id, rule, mark })
}
