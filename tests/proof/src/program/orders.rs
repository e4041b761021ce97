//! An order's way through the venue: sent, filled in parts, answered. And everything that can go wrong on it: an answer
//! or an order is lost, fills come twice, late, by another thread, after the final figure or as cumulative figures.

use posbook::{Book, Fill, Order, OrderSide, Quantity, Rejection, Sent};

use super::stage::{Course, MARK, Parcel, price, quantity};
use super::{Live, Trader, Words};
use crate::recorder::Recorder;

impl Trader {
    /// Sends the oldest claim, or gives it up.
    pub(super) fn send(&mut self, book: &Book, rec: &mut Recorder) {
        if self.held.is_empty() {
            return self.advance(book, rec);
        }
        let claim = self.held.remove(0);
        if self.dice.percent(10) {
            return rec.release(claim);
        }
        let Ok(sent) = rec.sent(claim) else { return };
        let Ok(mut course) = self.course(sent.order()) else { return };
        if self.dice.percent(self.trouble.of(5, 20)) {
            // The answer is lost, or the order was.
            if self.dice.percent(40) {
                course = Course { lost: true, ..Course::default() };
            }
            let id = rec.lose(sent);
            return self.desk.leave(Parcel::Order(id, course));
        }
        self.live.push(Live { sent, course });
    }

    /// What the venue will do with an order.
    fn course(&mut self, order: &Order) -> Result<Course, Rejection> {
        let asked = tenths(order.quantity);
        let short = self.words == Words::Few || self.trouble.of(1, 1) == 0;
        let whole = if short { !self.dice.percent(10) } else { !self.dice.percent(self.trouble.of(15, 40)) };
        let filled = match whole {
            true => asked,
            false if short => 0,
            false => self.dice.between(0, asked),
        };
        let cumulative = self.words == Words::All && self.dice.percent(20);
        let mut fills = Vec::new();
        let mut left = filled;
        while left > 0 {
            let part = if self.dice.percent(60) { left } else { self.dice.between(1, left) };
            left -= part;
            let quantity = quantity(if cumulative { filled - left } else { part })?;
            // Cumulative figures have the average so far: here it does not move.
            let away = if self.words == Words::Few || cumulative { 0 } else { self.dice.between(-5, 5) };
            let price = price(MARK * 10 + away)?;
            let mut fill = match cumulative {
                true => Fill::cumulative(order.key.instrument, order.client_id, order.side, quantity, price),
                false => {
                    self.trade(order.key.instrument, order.side, quantity, price)?.order(order.client_id)
                }
            };
            if !cumulative {
                fill = fill.fee("0.01", "USDT")?;
            }
            fills.push(fill.at(self.desk.venue_time()));
        }
        fills.reverse();
        Ok(Course { fills, filled: quantity(filled)?, lost: false })
    }

    /// A trade under a name of its own.
    pub(super) fn trade(
        &mut self,
        key: posbook::InstrumentId,
        side: OrderSide,
        quantity: Quantity,
        price: posbook::Price,
    ) -> Result<Fill, Rejection> {
        self.trades += 1;
        Ok(Fill::trade(key, format!("t{}-{}", self.thread, self.trades).parse()?, side, quantity, price))
    }

    /// The venue goes on with one of the orders.
    pub(super) fn advance(&mut self, book: &Book, rec: &mut Recorder) {
        if self.live.is_empty() {
            return self.parcel(book, rec);
        }
        let Ok(place) = usize::try_from(self.dice.below(self.live.len() as u64)) else { return };
        let Live { sent, mut course } = self.live.swap_remove(place);
        let early = self.dice.percent(self.trouble.of(8, 25));
        match course.fills.pop() {
            // The final figure overtakes the rest of the fills, or some of them are not even in it.
            Some(next) if early => {
                let told = if self.words == Words::All && self.dice.percent(20) {
                    next.quantity
                } else {
                    course.filled
                };
                course.fills.push(next);
                for fill in course.fills.drain(..).rev() {
                    self.desk.leave(Parcel::Fill(fill));
                }
                self.answer(rec, sent, Course { filled: told, ..course });
            }
            Some(next) => {
                self.hand_in(book, rec, next);
                self.live.push(Live { sent, course });
            }
            None => self.answer(rec, sent, course),
        }
    }

    /// Hands a fill in: once, twice, or on another way.
    fn hand_in(&mut self, book: &Book, rec: &mut Recorder, fill: Fill) {
        if self.dice.percent(self.trouble.of(10, 30)) {
            self.desk.leave(Parcel::Fill(fill.clone()));
            if self.dice.percent(30) {
                return;
            }
        }
        let again = self.dice.percent(self.trouble.of(5, 20));
        let _ = rec.record(book, fill.clone());
        if again {
            let _ = rec.record(book, fill);
        }
    }

    /// The venue's word on an order.
    fn answer(&mut self, rec: &mut Recorder, sent: Sent, course: Course) {
        if self.words == Words::All {
            if self.dice.percent(10) {
                // Refused if it is finished by somebody else's word; the answer below says so too.
                let _ = rec.working(&sent, course.filled);
            }
            if self.dice.percent(self.trouble.of(4, 15)) {
                let id = rec.lose(sent);
                return self.desk.leave(Parcel::Order(id, course));
            }
        }
        let id = sent.client_id();
        let done = match course.filled < sent.order().quantity {
            true => rec.refused(sent, course.filled, "cancelled"),
            false => rec.complete(sent, course.filled),
        };
        // Refused, it is in doubt, or over.
        if done.is_err() && self.dice.percent(50) {
            self.desk.leave(Parcel::Order(id, course));
        }
    }

    /// Takes what somebody left.
    pub(super) fn parcel(&mut self, book: &Book, rec: &mut Recorder) {
        match self.desk.take() {
            Some(Parcel::Fill(fill)) => {
                let _ = rec.record(book, fill);
            }
            Some(Parcel::Order(id, course)) => {
                let Ok(sent) = book.reattach(id) else { return };
                match course.lost {
                    true => self.never_heard(book, rec, sent, course),
                    false => self.live.push(Live { sent, course }),
                }
            }
            None => {}
        }
    }

    /// The venue knows no such order: said twice after its time, it never arrived.
    fn never_heard(&mut self, book: &Book, rec: &mut Recorder, sent: Sent, course: Course) {
        let id = sent.client_id();
        // It is asked about again and again until its time is over: rarely, or none would ever come so far.
        if self.dice.percent(4) {
            // It was refused, and that answer was lost.
            let _ = rec.refused(sent, Quantity::ZERO, "insufficient margin");
            return;
        }
        let asked = rec.snapshot(book).sequence();
        let done = rec.unknown(sent, asked, book.now());
        if done.is_ok() {
            self.desk.leave(Parcel::Order(id, course));
        }
    }
}

fn tenths(quantity: Quantity) -> i64 {
    let exact = quantity.get().normalize();
    let mantissa = i64::try_from(exact.mantissa()).unwrap_or_default();
    if exact.scale() == 0 { mantissa * 10 } else { mantissa }
}
