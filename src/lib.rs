//! A lock-free position book that a trading bot embeds.
//!
//! A bot has many threads that look at its positions and a few that change them, and between a look and an order lies a
//! venue that may answer late, twice, or never. A lock around a map protects the map. It does not protect the account:
//! two threads see a flat symbol and both open it; a close is decided from a position that another thread has just
//! closed; a timeout is taken for "nothing happened". This crate holds the positions so that these cannot happen.
//!
//! * **Reading never waits.** [`Book::snapshot`] is one load and gives a complete picture that never changes.
//! * **Writing is checked where it lands.** A [`Command`] is decided inside the one compare-and-swap loop, each turn on
//!   the newest state. What is not legal there is a typed [`Rejection`], and nothing was changed.
//! * **An order leaves only under a claim.** [`Book::reserve`] publishes the claim first, so a second order for the same
//!   purpose is refused. A claim ends once, with the venue's word. If nobody knows the venue's word, its key is *in
//!   doubt*: visible, and closed to new risk until the venue says what became of that order.
//! * **Only fills move quantity.** [`Book::record`] books each fill once, however often it comes, and never loses one.
//!
//! # When to use something else
//!
//! Every write copies a path of a persistent map and writes a change record. A lone writer that nobody reads beside pays
//! several times what a mutex around a map costs; `posbook bench` in the repository measures it. Take the mutex if
//! one thread does everything, if microseconds do not matter, or if you need no history. Without
//! the feature `journal` positions do not survive the process. Only linear contracts are accounted for; others are refused.
//!
//! # Consistency
//!
//! * A [`Snapshot`] is one moment of the whole book. Two loads are two moments, so take one snapshot for one decision.
//! * Changes have one order, the [`Sequence`] of the root that published them; there is no second counter (I4). Equal
//!   sequence of one book means equal content.
//! * A write is linearizable: it takes effect at its compare-and-swap, between its call and its return. The sequence it
//!   took is its place in the order.
//! * The change feed ([`Book::changes`]) has every change once, in that order. A subscriber that falls behind its window
//!   is told how much it missed.
//! * Marks are not part of it. [`Book::mark`] is two atomic stores and the latest price of one instrument; marks of
//!   several instruments are not one cut.
//! * Times are data. A clock that goes backwards reorders nothing.
//!
//! A command that was decided from a snapshot can say so
//! ([`expect_revision`](Opening::expect_revision), [`expect_position`](Reduction::expect_position)) and is refused if the
//! key changed since.
//!
//! # An example
//!
//! The book alone; the caller talks to the venue:
//!
//! ```
//! use posbook::{Book, Command, Fill, Instrument, Limits, OrderSide, Settlement, Side};
//!
//! let book = Book::builder().limits(Limits::default()).build()?; // one account at one venue
//! let btc = book.register(Instrument::linear("BTC/USDT:USDT", "0.1", "0.001")?)?;
//! book.mark(btc, "50000".parse()?)?;
//!
//! // The claim is published before anything leaves; a second one is refused.
//! let open = Command::open(btc, Side::Long, "1".parse()?).leverage(10).stop("0.05")?;
//! let claim = book.reserve(open.clone())?;
//! assert!(book.reserve(open).is_err());
//!
//! // `sent` publishes that the order leaves now. Send `order.client_id()` to the venue; each answer is a fill.
//! let order = claim.sent()?;
//! let fill = Fill::trade(btc, "t-1".parse()?, OrderSide::Buy, "1".parse()?, "50010".parse()?).order(order.client_id());
//! book.record(fill.clone())?;
//! book.record(fill)?; // delivered again: changes nothing
//!
//! // The venue's final figure ends the claim.
//! assert_eq!(order.complete("1".parse()?)?, Settlement::Settled);
//!
//! let view = book.snapshot();
//! let position = view.get(btc).ok_or("flat")?;
//! assert_eq!(position.entry_price().to_string(), "50010");
//! assert_eq!(position.stop_loss(), Some("47509.5".parse()?));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`venue::PositionManager`] does the whole of it in one call, for anything that implements [`venue::Venue`]; the paper
//! venue is one. [`reconcile`] compares the book with what the venue reports. `examples/` has both as programs.
//!
//! # Where to read on
//!
//! | page | what it says |
//! |---|---|
//! | `ARCHITECTURE.md` | the layers, the decisions, the invariants I1 to I13 that comments and tests cite |
//! | `docs/rules.md` | R1 to R18: exactly what happens to money |
//! | `docs/embedding.md` | which thread does what, where to drop snapshots, the allocator, many writers |
//! | `docs/observability.md` | what is counted and measured (feature `metrics`), and what is worth an alert |
//! | `docs/faq.md` | questions that come up |
//! | `docs/migration.md` | each method of the Python position manager, before and after |
//! | `docs/analytics.md` | what was earned, and why positions closed: what each figure means (feature `analytics`), the report, the live view |
//! | `docs/ccxt.md` | what is read of ccxt's positions, trades, tickers and orders by `interop::ccxt` (feature `ccxt`) |
//! | `docs/checks.md` | what is checked, by which command |
#![forbid(unsafe_code)]

#[cfg(feature = "analytics")]
pub mod analytics;
mod book;
mod error;
pub mod exits;
#[cfg(feature = "ccxt")]
pub mod interop;
#[cfg(feature = "journal")]
pub mod journal;
mod model;
pub mod reconcile;
mod state;
mod sync;
pub mod venue;

pub use book::*;
pub use error::{Error, Found, Reason, Rejection};
pub use model::*;
pub use rust_decimal::Decimal;
pub use state::{Answer, FillOutcome, Money, Settings, Totals};
pub use sync::Clock;
#[cfg(posbook_faults)]
pub use sync::twins;

// The Rust blocks of these pages are compiled, and what they assert is run, by `cargo test`.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
#[cfg(doctest)]
#[doc = include_str!("../docs/migration.md")]
mod migration {}
#[cfg(doctest)]
#[doc = include_str!("../docs/embedding.md")]
mod embedding {}
#[cfg(all(doctest, feature = "analytics"))]
#[doc = include_str!("../docs/analytics.md")]
mod analytics_page {}
