//! WHAT things are: values only. No I/O, no atomics, no clock, no persistent map.
//!
//! Every number is parsed once, under a strict grammar, and is valid from then on; every value is immutable,
//! comparable, hashable (for digests) and goes through `serde` both ways.

mod baseline;
mod bust;
mod change;
mod command;
mod excursion;
mod exit;
mod fill;
mod funding;
mod ids;
mod instrument;
mod key;
mod ledger;
mod limits;
mod number;
mod order;
mod plan;
mod position;
mod repair;
mod selection;
mod tags;
mod targets;
mod text;
mod trail;
mod wish;

pub use baseline::{Baseline, Lot, Synthetic};
pub use bust::Bust;
pub use change::{
    Cause, Change, Closing, Effect, KeyState, Kind, Observed, ObservedMark, Publication, Seen, Trouble,
    TroubleKind, Unit,
};
pub use command::Command;
pub use excursion::Excursion;
pub use exit::{Exit, ExitRule};
pub(crate) use fill::Notes;
pub use fill::{Fill, FillNote, Forced, OrderRef, Shape};
pub use funding::Funding;
pub use ids::{ClientOrderId, Epoch, PositionId, Sequence, Timestamp};
pub use instrument::{ContractKind, Instrument, InstrumentId, InstrumentSpec, PositionMode, PriceSign};
pub use key::{Leg, OrderSide, Owner, PositionKey, Side};
pub use ledger::{Ledger, Sums};
pub(crate) use ledger::{few, money};
pub use limits::{GroupLimit, Limits};
pub use number::{Fraction, Leverage, Price, Quantity};
pub(crate) use number::{exact_add, exact_move, exact_sub, share_rounded};
#[cfg(feature = "analytics")]
pub(crate) use number::{quotient_rounded, trimmed};
pub use order::{FillSource, Heard, Intent, Order, OrderState, OrderStep};
pub(crate) use plan::check_share;
pub use plan::{BreakEven, ExitPlan, Replan, Tier, Trailing};
pub use position::{Position, TargetOrigin, TargetRule};
pub use repair::{Adoption, Corrected, Correction, DropPosition};
pub use selection::Selection;
pub use tags::{Retag, Tags};
pub use targets::{Field, Ratchet, Retarget, Targets};
pub use text::{Currency, GroupName, Reference, Symbol, Tag};
pub use trail::Trailed;
pub use wish::{Addition, Amount, Opening, Precondition, Reduction};
