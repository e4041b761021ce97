//! LEARN: what was earned, and what is going on: every life of a position with what closed it, and profit and loss over time.
//!
//! Both are told by the changes of a book ([`Book::changes`](crate::Book::changes), or
//! `History::go_on` of a journal), so they cost a write nothing and can be had
//! afterwards as well as live: [`Lives`] is the history, [`Performance`] has the figures by group and currency, each with where its
//! formula comes from. Sums are exact; what is divided is rounded once, when it is read; currencies are never added up.
//!
//! **What is not known is not zero.** Every figure is a [`Figure`]: known, or why not. A position that was dropped without the
//! fills that closed it earned nobody knows what; one of which no price was seen has no unrealised profit. Prices are those that
//! changes carry (the marks that commands were decided with, the prices of trades) and those told by [`Performance::mark`]:
//! ticks are not in a journal, so between two changes equity is as it was at the first.

mod account;
mod drawdown;
mod ending;
mod figure;
mod group;
mod life;
mod lives;
mod moved;
mod performance;
mod period;
mod results;
mod sharpe;
mod track;

pub use account::Account;
pub use drawdown::Drawdown;
pub use ending::Ending;
pub use figure::{Figure, Unknown};
pub use group::Group;
pub use life::Life;
pub use lives::Lives;
pub use performance::{Keep, Performance};
pub use period::Period;
pub use results::Results;
pub use track::Row;
