//! Targets of [`PositionManager`]: stop loss and take profit change both or neither, with a reason (R16).

use super::api::Venue;
use super::manager::PositionManager;
use super::place::Place;
use crate::error::Rejection;
use crate::model::{Field, Precondition, Ratchet, Retarget, Targets};

impl<V: Venue> PositionManager<V> {
    /// Changes stop loss and take profit: both or neither. Stops move towards the market only; see
    /// [`Retarget::loosen_stop`] for the other way.
    ///
    /// # Errors
    /// A [`Rejection`] naming the value and the rule; nothing was changed.
    ///
    /// ```
    /// # use posbook::{Book, Field, Instrument, Side, venue::{PaperVenue, PositionManager}};
    /// # let venue = PaperVenue::builder().build();
    /// # venue.list(Instrument::linear("BTC/USDT:USDT", "0.1", "0.001")?)?;
    /// # let manager = pollster::block_on(PositionManager::connect(Book::builder().build()?, venue.clone()))?;
    /// # let btc = manager.instrument("BTC/USDT:USDT")?;
    /// # venue.tick(&"BTC/USDT:USDT".parse()?, "50000".parse()?, manager.book().now())?;
    /// # manager.book().mark(btc, "50000".parse()?)?;
    /// # pollster::block_on(manager.open_position(btc, Side::Long, "1".parse()?, 10, "0.05".parse()?))?;
    /// let targets = manager.modify_position_targets(btc, Field::Set("48000".parse()?), Field::Keep)?;
    /// assert_eq!(targets.stop, Some("48000".parse()?));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn modify_position_targets<'a>(
        &self,
        place: impl Into<Place<'a>>,
        stop_loss: Field,
        take_profit: Field,
    ) -> Result<Targets, Rejection> {
        self.safe_update_position_targets(place, stop_loss, take_profit, "modified")
    }

    /// As [`PositionManager::modify_position_targets`], with a reason that lands in the change and in the audit trail.
    ///
    /// # Errors
    /// As [`PositionManager::modify_position_targets`].
    ///
    /// ```
    /// # use posbook::{Book, Field, Instrument, Side, venue::{PaperVenue, PositionManager}};
    /// # let venue = PaperVenue::builder().build();
    /// # venue.list(Instrument::linear("BTC/USDT:USDT", "0.1", "0.001")?)?;
    /// # let manager = pollster::block_on(PositionManager::connect(Book::builder().build()?, venue.clone()))?;
    /// # let btc = manager.instrument("BTC/USDT:USDT")?;
    /// # venue.tick(&"BTC/USDT:USDT".parse()?, "50000".parse()?, manager.book().now())?;
    /// # manager.book().mark(btc, "50000".parse()?)?;
    /// # pollster::block_on(manager.open_position(btc, Side::Long, "1".parse()?, 10, "0.05".parse()?))?;
    /// let wrong = Field::Set("51000".parse()?); // above the market
    /// assert!(manager.safe_update_position_targets(btc, wrong, Field::Keep, "trailing_stop").is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn safe_update_position_targets<'a>(
        &self,
        place: impl Into<Place<'a>>,
        stop_loss: Field,
        take_profit: Field,
        reason: impl Into<String>,
    ) -> Result<Targets, Rejection> {
        let key = self.standing(place.into())?;
        let (expect, ratchet) = (Precondition::Nothing, Ratchet::Tighten);
        self.book().apply(Retarget {
            key,
            expect,
            stop: stop_loss,
            take: take_profit,
            ratchet,
            reason: reason.into(),
        })?;
        Ok(self.book().snapshot().get(key).map(|p| p.targets).unwrap_or_default())
    }
}
