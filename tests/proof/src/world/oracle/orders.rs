//! Orders: who may claim a key, what may leave, and by whose word an order ends.

use posbook::venue::OrderStatus;
use posbook::{
    Command, Exit, ExitRule, Intent, KeyState, Kind, Order, OrderRef, OrderState, OrderStep, Position,
    Precondition, Sequence,
};
use rust_decimal::Decimal;

use super::{Oracle, Said, Step, Wrong, outstanding};
use crate::world::executor::TaskId;

impl Oracle {
    /// At most one order opens a key and one closes it (I1); reductions never exceed what is there (I2); nothing new on a
    /// key that closes, is in doubt or blocked (R1, R7, R10); a decision holds for the state it was made on (R5).
    pub(super) fn claims(&mut self, step: &Step<'_>, task: TaskId) -> Result<(), Wrong> {
        let Step { change, kind, before, after } = *step;
        for intent in [Intent::Open, Intent::Close] {
            if after.orders.iter().filter(|order| order.intent == intent).count() > 1 {
                return Err(format!("two orders of the intent {intent:?} (I1)"));
            }
        }
        let command = change.command();
        expected(command, before)?;
        if kind == Kind::Reserved {
            let order = after.orders.iter().find(|o| o.client_id.sequence == change.sequence);
            let order = order.ok_or("it claims for an order that is not there")?;
            self.reserved(step, order)?;
        }
        let step = match command {
            Command::Step { order, step: OrderStep::Sent, .. } => after.order(*order),
            _ => None,
        };
        if let Some(order) = step {
            if order.intent.increases() {
                no_new_risk(before, Some(order))?;
            }
            let open = before.position.as_ref().map(|open| open.id);
            if order.against != open {
                return Err(format!(
                    "an order against {:?} leaves, and {open:?} stands there (R5)",
                    order.against
                ));
            }
            self.sent.insert(order.client_id, (order.clone(), task));
        }
        Ok(())
    }

    fn reserved(&mut self, step: &Step<'_>, order: &Order) -> Result<(), Wrong> {
        let Step { before, after, .. } = *step;
        let open = before.position.as_ref();
        if !order.intent.increases() {
            let there = open.map_or(Decimal::ZERO, |open| open.quantity.get());
            let in_flight: Decimal =
                after.orders.iter().filter(|o| !o.intent.increases()).map(|o| outstanding(o)).sum();
            if in_flight > there {
                return Err(format!("{in_flight} are in flight to reduce {there} (I2)"));
            }
            return match (order.exit, open) {
                (Some(exit), Some(open)) => {
                    exit_stands(&exit, open, before)?;
                    self.exit(step, order, &exit)
                }
                (Some(_), None) => Err("an exit of nothing".to_owned()),
                (None, _) => Ok(()),
            };
        }
        no_new_risk(before, None)?;
        if self.waits.is_some() {
            return Err(
                "new risk after a restart, without a complete report or with doubts left (R15)".to_owned()
            );
        }
        if let Some(other) = before.orders.first().filter(|_| order.intent == Intent::Open) {
            return Err(format!("it opens beside the unresolved order {} (I1)", other.client_id));
        }
        self.limits(step)
    }

    /// What is in flight counts (R13).
    fn limits(&self, step: &Step<'_>) -> Result<(), Wrong> {
        let Step { before, after, .. } = step;
        let takes_place =
            |key: &KeyState| key.position.is_some() || key.orders.iter().any(|o| o.intent.increases());
        let others = self.keys.values().filter(|key| key.key != after.key && takes_place(key)).count();
        if !takes_place(before) && others as u64 + 1 > self.positions {
            return Err(format!(
                "{} positions are open or on their way, {} are allowed (R13)",
                others + 1,
                self.positions
            ));
        }
        let listed = self.listed.get(&after.key.instrument).cloned().unwrap_or_default();
        let newest = after.orders.last().and_then(|order| order.reference).map_or(Decimal::ZERO, |p| p.get());
        let stands = after
            .position
            .as_ref()
            .map_or(Decimal::ZERO, |p| p.cost.abs().max(listed.worth(p.quantity.get(), newest)));
        let coming: Decimal = after
            .orders
            .iter()
            .filter(|o| o.intent.increases())
            .map(|o| listed.worth(outstanding(o), o.reference.map_or(Decimal::ZERO, |p| p.get())))
            .sum();
        if stands + coming > self.key_notional {
            return Err(format!("{} on one key, {} are allowed (R13)", stands + coming, self.key_notional));
        }
        self.group(step, newest)
    }

    /// An order ends, and a doubt about it, by the venue's word on that order and by nothing else (R1, R2).
    pub(super) fn endings(&mut self, step: &Step<'_>, said: &Said) -> Result<(), Wrong> {
        let Step { change, before, after, .. } = *step;
        for order in &after.orders {
            if order.in_doubt() {
                self.doubts.insert(order.client_id);
            }
        }
        let about = match change.command() {
            Command::Step { order, step, .. } => Some((*order, step)),
            _ => None,
        };
        for order in &before.orders {
            let id = order.client_id;
            let now = after.order(id);
            if now.is_some_and(|now| now.state == order.state) {
                continue;
            }
            let words = said.get(&id).map(Vec::as_slice).unwrap_or_default();
            let told = about.filter(|(about, _)| *about == id).map(|(_, step)| step);
            let over = now.is_none();
            match (told, change.command()) {
                (Some(OrderStep::Working { .. }), _) if !over => {
                    if !words.iter().any(|(_, word)| matches!(word, OrderStatus::Working { .. })) {
                        return Err(format!(
                            "order {id} is called working, and the venue never said so (R1)"
                        ));
                    }
                }
                (Some(OrderStep::Complete { filled } | OrderStep::Refused { filled, .. }), _) => {
                    let said_so = |word: &OrderStatus| matches!(word, OrderStatus::Final { filled: told, .. } if told == filled);
                    if !words.iter().any(|(_, word)| said_so(word)) {
                        return Err(format!(
                            "order {id} ended with {filled}, and the venue never said so (R1)"
                        ));
                    }
                    if over && order.booked.get() + order.unbooked.get() < filled.get() {
                        return Err(format!(
                            "order {id} is over with {} of {filled} booked (R2)",
                            order.booked
                        ));
                    }
                }
                (Some(OrderStep::Unknown { .. }), _) if over => {
                    let late = words
                        .iter()
                        .filter(|(as_of, word)| *word == OrderStatus::Unknown && self.later(*as_of, order));
                    if late.count() < 2 {
                        return Err(format!(
                            "order {id} never arrived, and the venue has not said so twice (R1)"
                        ));
                    }
                }
                (Some(OrderStep::Sent), _) if !over && order.state == OrderState::Reserved => {}
                (Some(OrderStep::Doubt { .. } | OrderStep::Found), _)
                    if now.is_some_and(|now| now.in_doubt()) => {}
                (Some(OrderStep::Release), _) | (None, Command::Expire)
                    if over && order.state == OrderState::Reserved => {}
                (None, Command::Expire) if now.is_some_and(|now| now.in_doubt()) => {}
                (None, Command::Record(fill)) if fill.order == OrderRef::Ours(id) => {
                    let (settles, filled) = match order.state {
                        OrderState::Settling(told) => (true, told.get()),
                        _ => (false, Decimal::ZERO),
                    };
                    let begins = matches!(order.state, OrderState::Reserved | OrderState::Sent)
                        && now.is_some_and(|now| now.state == OrderState::Working);
                    let so_far = order.booked.get() + order.unbooked.get() + fill.quantity.get();
                    if !(begins || (settles && over && so_far >= filled)) {
                        return Err(format!(
                            "a fill has moved order {id} from {:?} to {:?}",
                            order.state,
                            now.map(|o| &o.state)
                        ));
                    }
                }
                _ => {
                    let to = now.map_or_else(|| "gone".to_owned(), |now| format!("{:?}", now.state));
                    return Err(format!(
                        "order {id} went from {:?} to {to} by {:?} (R1, R6)",
                        order.state,
                        change.command()
                    ));
                }
            }
        }
        Ok(())
    }

    /// Whether a word of this time, by the venue's clock, was after an order's expiry, by the book's.
    fn later(&self, as_of: posbook::Timestamp, order: &Order) -> bool {
        as_of.0 + self.skew_ns() > order.expires.0
    }

    /// What went to the venue is what was allowed to, each once (R6, D23).
    pub(super) fn orders_that_left(&mut self) -> Result<(), Wrong> {
        let wire = self.wire.clone();
        let notes = wire.notes();
        for request in notes.submitted.get(self.submits..).unwrap_or_default() {
            let id = request.client_id;
            let Some((order, _)) = self.sent.get(&id) else {
                return Err(format!(
                    "order {id} went to the venue, and nobody had claimed anything for it (D23)"
                ));
            };
            let same =
                (order.key, order.quantity, order.side) == (request.key, request.quantity, request.side);
            if !same || request.reduce_only == order.intent.increases() {
                return Err(format!(
                    "order {id} went to the venue as another order than was claimed: {request:?}"
                ));
            }
            if !self.left.insert(id) {
                return Err(format!("order {id} went to the venue twice (D23)"));
            }
        }
        self.submits = notes.submitted.len();
        Ok(())
    }
}

/// A key that closes, is in doubt or blocked takes no new risk. `own`: the order that asks.
fn no_new_risk(before: &KeyState, own: Option<&Order>) -> Result<(), Wrong> {
    if before.closing.is_some() {
        return Err("an increase of a key that is closing (R7)".to_owned());
    }
    if let Some(doubt) = before.orders.iter().find(|o| o.in_doubt()) {
        return Err(format!("an increase beside order {}, which is in doubt (R1)", doubt.client_id));
    }
    if let Some(trouble) = before.troubles.first() {
        return Err(format!("an increase of a key that is blocked: {trouble}"));
    }
    let close = before
        .orders
        .iter()
        .find(|o| o.intent == Intent::Close && own.is_none_or(|own| own.client_id != o.client_id));
    match close {
        Some(close) => Err(format!("an increase beside the close {} (R7)", close.client_id)),
        None => Ok(()),
    }
}

/// What a command was decided on stands where it lands (R5).
fn expected(command: &Command, before: &KeyState) -> Result<(), Wrong> {
    let open = before.position.as_ref().map(|open| open.id);
    let expect = match command {
        Command::Open(wish) => wish.expect,
        Command::ScaleIn(wish) => wish.expect,
        Command::ScaleOut(wish) | Command::Close(wish) => wish.expect,
        Command::Retarget(wish) => wish.expect,
        Command::Plan(wish) => wish.expect,
        Command::Tag(wish) => wish.expect,
        Command::Trail { position, .. } | Command::Reach { position, .. } => {
            Precondition::Position(*position)
        }
        _ => Precondition::Nothing,
    };
    let holds = match expect {
        Precondition::Nothing => true,
        Precondition::Position(id) => open == Some(id),
        Precondition::Revision(revision) => {
            before.revision == revision || (revision == Sequence(0) && before.revision == Sequence(0))
        }
        Precondition::Absent => open.is_none(),
    };
    if holds {
        Ok(())
    } else {
        Err(format!("decided on {expect:?}, and {open:?} stands there at {} (R5)", before.revision))
    }
}

/// The exit that fired still stands (R16).
fn exit_stands(exit: &Exit, open: &Position, before: &KeyState) -> Result<(), Wrong> {
    let stands = exit.position == open.id
        && match exit.rule {
            ExitRule::StopLoss(at) | ExitRule::TrailingStop(at) => open.targets.stop == Some(at),
            ExitRule::TakeProfit(at) => open.targets.take == Some(at),
            ExitRule::MaxAge(age) => open.exits.as_ref().is_some_and(|plan| plan.max_age == Some(age)),
            ExitRule::Tier { tier, .. } => {
                before.closing.is_none()
                    && open.exits.as_ref().is_some_and(|plan| plan.tiers.contains(&tier))
                    && !open.taken.contains(&tier.at)
            }
        };
    if stands { Ok(()) } else { Err(format!("{exit:?} fired and does not stand (R16)")) }
}
