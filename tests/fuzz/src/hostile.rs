//! Values made from the fuzzer's bytes: mostly ones that a bot might send, sometimes ones that nobody should.
//!
//! Ids and revisions are picked from what the book has named so far, or invented. So a stream gets past the first
//! refusals and deep into lives of positions, and still asks for what does not exist.

use std::sync::Arc;
use std::time::Duration;

use arbitrary::{Result, Unstructured};
use posbook::{
    Adoption, Amount, Bust, ClientOrderId, Command, ContractKind, Corrected, Correction, Currency,
    DropPosition, Exit, ExitPlan, ExitRule, Field, Fill, Fraction, Funding, Instrument, InstrumentId,
    InstrumentSpec, Leg, Leverage, OrderRef, OrderSide, OrderStep, Owner, PositionId, PositionKey,
    PositionMode, Precondition, Price, PriceSign, Quantity, Ratchet, Sequence, Shape, Side, Sums, Tags,
    TargetRule, Targets, Tier, Timestamp,
};
use rust_decimal::Decimal;

/// What a book has named so far.
#[derive(Debug, Default)]
pub struct Known {
    pub orders: Vec<(PositionKey, ClientOrderId)>,
    pub positions: Vec<PositionId>,
    pub fills: Vec<Fill>,
    pub sequence: u64,
}

/// A decimal of any size and scale.
pub fn decimal(u: &mut Unstructured<'_>) -> Result<Decimal> {
    let mantissa = match u.int_in_range(0..=3)? {
        0 => i128::from(u.arbitrary::<i8>()?),
        1 => i128::from(u.arbitrary::<i32>()?),
        2 => i128::from(u.arbitrary::<i64>()?),
        _ => u.arbitrary::<i128>()? >> 32,
    };
    Ok(Decimal::try_from_i128_with_scale(mantissa, u.int_in_range(0..=28)?).unwrap_or_default())
}

pub fn quantity(u: &mut Unstructured<'_>) -> Result<Quantity> {
    if u.ratio(9, 10)? {
        let text = *u.choose(&["1", "0.4", "0.6", "2.5", "0.001", "7", "0.333", "0", "0.0005", "1000000"])?;
        return Ok(text.parse().unwrap_or_default());
    }
    Ok(Quantity::new(decimal(u)?).unwrap_or_default())
}

pub fn price(u: &mut Unstructured<'_>) -> Result<Price> {
    if u.ratio(9, 10)? {
        let tenths = 900 + i64::from(u.int_in_range(0..=399_u16)?);
        return Ok(Price::new(Decimal::new(tenths, 1)).unwrap_or_default());
    }
    Ok(Price::new(decimal(u)?).unwrap_or_default())
}

pub fn fraction(u: &mut Unstructured<'_>) -> Result<Fraction> {
    if u.ratio(9, 10)? {
        return Ok(u
            .choose(&["0.05", "0.01", "0.5", "1", "0", "0.25", "10"])?
            .parse()
            .unwrap_or(Fraction::ONE));
    }
    Ok(Fraction::new(decimal(u)?).unwrap_or(Fraction::ONE))
}

fn leverage(u: &mut Unstructured<'_>) -> Result<Leverage> {
    Ok(if u.ratio(4, 5)? {
        Leverage::of(u.arbitrary()?)
    } else {
        Leverage::new(decimal(u)?).unwrap_or(Leverage::of(1))
    })
}

fn maybe<'a, T>(
    u: &mut Unstructured<'a>,
    make: impl FnOnce(&mut Unstructured<'a>) -> Result<T>,
) -> Result<Option<T>> {
    if u.arbitrary()? { make(u).map(Some) } else { Ok(None) }
}

/// Mostly none.
pub fn tags(u: &mut Unstructured<'_>) -> Result<Tags> {
    let mut tags = Tags::none();
    // Bytes that have run out say yes for ever.
    for _ in 0..Tags::MOST {
        if !u.ratio(1, 3)? {
            break;
        }
        let tag = if u.ratio(9, 10)? { (*u.choose(&["a", "b", "grid"])?).to_owned() } else { words(u)? };
        tags = tag.parse().and_then(|tag| tags.and(tag)).unwrap_or(tags);
    }
    Ok(tags)
}

/// Short, and sometimes long or strange.
pub fn words(u: &mut Unstructured<'_>) -> Result<String> {
    if u.ratio(9, 10)? { Ok("because".to_owned()) } else { u.arbitrary() }
}

pub fn side(u: &mut Unstructured<'_>) -> Result<Side> {
    Ok(if u.arbitrary()? { Side::Long } else { Side::Short })
}

fn leg(u: &mut Unstructured<'_>) -> Result<Leg> {
    u.choose(&[Leg::Net, Leg::Long, Leg::Short]).copied()
}

pub fn time(u: &mut Unstructured<'_>) -> Result<Timestamp> {
    Ok(Timestamp(if u.ratio(9, 10)? {
        1_000_000_000_000 + i64::from(u.arbitrary::<i32>()?) * 100
    } else {
        u.arbitrary()?
    }))
}

fn span(u: &mut Unstructured<'_>) -> Result<Duration> {
    Ok(if u.ratio(9, 10)? {
        Duration::from_millis(u.arbitrary::<u16>()?.into())
    } else {
        Duration::from_nanos(u.arbitrary()?)
    })
}

pub fn instrument_id(u: &mut Unstructured<'_>) -> Result<InstrumentId> {
    Ok(InstrumentId(if u.ratio(15, 16)? { u.int_in_range(0..=3)? } else { u.arbitrary()? }))
}

pub fn key(u: &mut Unstructured<'_>) -> Result<PositionKey> {
    let instrument = instrument_id(u)?;
    // The third instrument has two legs.
    let leg = if u.ratio(1, 16)? {
        leg(u)?
    } else if instrument.0 == 2 {
        *u.choose(&[Leg::Long, Leg::Short])?
    } else {
        Leg::Net
    };
    Ok(PositionKey {
        instrument,
        leg,
        owner: if u.ratio(7, 8)? { Owner::UNOWNED } else { Owner(u.int_in_range(0..=2)?) },
    })
}

impl Known {
    fn sequence(&self, u: &mut Unstructured<'_>) -> Result<Sequence> {
        Ok(Sequence(match u.int_in_range(0..=9)? {
            0 => u.arbitrary()?,
            1..=3 => u.int_in_range(0..=self.sequence)?,
            _ => self.sequence,
        }))
    }

    /// An order, mostly of this book, and mostly with its own key.
    fn order(&self, u: &mut Unstructured<'_>) -> Result<(PositionKey, ClientOrderId)> {
        if !self.orders.is_empty() && u.ratio(31, 32)? {
            // The latest are the ones that are still unresolved.
            let back = usize::from(u.arbitrary::<u8>()?).min(u.arbitrary::<u8>()?.into()) % self.orders.len();
            return Ok(self.orders[self.orders.len() - 1 - back]);
        }
        let (book, epoch) = (u.int_in_range(6..=7)?, u.int_in_range(0..=1)?);
        Ok((key(u)?, ClientOrderId { book, epoch, sequence: self.sequence(u)? }))
    }

    fn position(&self, u: &mut Unstructured<'_>) -> Result<PositionId> {
        match self.positions.last() {
            Some(last) if u.ratio(3, 4)? => Ok(*last),
            Some(_) if u.ratio(7, 8)? => u.choose(&self.positions).copied(),
            _ => Ok(PositionId { epoch: u.int_in_range(0..=1)?, sequence: self.sequence(u)? }),
        }
    }

    fn expect(&self, u: &mut Unstructured<'_>) -> Result<Precondition> {
        Ok(match u.int_in_range(0..=7)? {
            0 => Precondition::Position(self.position(u)?),
            1 => Precondition::Revision(self.sequence(u)?),
            2 => Precondition::Absent,
            _ => Precondition::Nothing,
        })
    }

    fn exit(&self, u: &mut Unstructured<'_>) -> Result<Exit> {
        let rule = match u.int_in_range(0..=4)? {
            0 => ExitRule::StopLoss(price(u)?),
            1 => ExitRule::TrailingStop(price(u)?),
            2 => ExitRule::MaxAge(span(u)?),
            3 => ExitRule::TakeProfit(price(u)?),
            _ => ExitRule::Tier { tier: tier(u)?, price: price(u)? },
        };
        Ok(Exit { position: self.position(u)?, rule, mark: maybe(u, price)? })
    }

    fn reduction(&self, u: &mut Unstructured<'_>, all: bool) -> Result<posbook::Reduction> {
        let amount = match u.int_in_range(0..=3)? {
            0 => Amount::Share(fraction(u)?),
            1 => Amount::All,
            _ => Amount::Exactly(quantity(u)?),
        };
        Ok(posbook::Reduction {
            key: key(u)?,
            amount: if all { Amount::All } else { amount },
            expect: self.expect(u)?,
            reason: words(u)?,
            exit: if u.ratio(1, 4)? { Some(self.exit(u)?) } else { None },
            patience: maybe(u, span)?,
        })
    }

    fn step(&self, u: &mut Unstructured<'_>) -> Result<Command> {
        let (key, order) = self.order(u)?;
        let step = match u.int_in_range(0..=10)? {
            0..=2 => OrderStep::Sent,
            3 => OrderStep::Release,
            4 => OrderStep::Working { filled: quantity(u)? },
            5 => OrderStep::Complete { filled: quantity(u)? },
            6 => OrderStep::Refused { filled: quantity(u)?, reason: words(u)? },
            7 => OrderStep::Corrected { filled: quantity(u)?, reason: words(u)? },
            8 => OrderStep::Doubt { why: words(u)? },
            9 => OrderStep::Found,
            _ => OrderStep::Unknown { asked: self.sequence(u)?, time: time(u)? },
        };
        Ok(Command::Step { key, order, step })
    }

    fn fill(&self, u: &mut Unstructured<'_>) -> Result<Fill> {
        if u.ratio(1, 8)? && !self.fills.is_empty() {
            let mut again = u.choose(&self.fills)?.clone();
            if u.ratio(1, 4)? {
                again.quantity = quantity(u)?;
            }
            return Ok(again);
        }
        let (key, order) = self.order(u)?;
        let order = match u.int_in_range(0..=7)? {
            0 => OrderRef::Unstated,
            1 => OrderRef::Foreign(
                format!("f{}", u.arbitrary::<u8>()?).parse().unwrap_or_else(|_| unreachable!()),
            ),
            _ => OrderRef::Ours(order),
        };
        let shape = if u.ratio(4, 5)? {
            Shape::Trade {
                id: format!("t{}", u.arbitrary::<u16>()?).parse().unwrap_or_else(|_| unreachable!()),
            }
        } else {
            Shape::Cumulative
        };
        let mut fees = Sums::default();
        if u.ratio(1, 4)? {
            // A sum that overflows is one of the things to try.
            let _ = fees.add(&currency(u)?, decimal(u)?);
        }
        Ok(Fill {
            instrument: if u.ratio(15, 16)? { key.instrument } else { instrument_id(u)? },
            order,
            shape,
            side: if u.arbitrary()? { OrderSide::Buy } else { OrderSide::Sell },
            quantity: quantity(u)?,
            price: price(u)?,
            venue_time: maybe(u, time)?,
            leg: if u.ratio(1, 2)? { Some(key.leg) } else { maybe(u, leg)? },
            fees,
        })
    }

    /// Anything that can be asked of a book.
    pub fn command(&self, u: &mut Unstructured<'_>) -> Result<Command> {
        Ok(match u.int_in_range(0..=31)? {
            0 => Command::Register(instrument(u)?),
            1..=4 => Command::Open(posbook::Opening {
                key: key(u)?,
                side: side(u)?,
                quantity: quantity(u)?,
                leverage: maybe(u, leverage)?,
                rule: maybe(u, rule)?,
                exits: maybe(u, plan)?.map(Arc::new),
                reference: maybe(u, price)?,
                expect: self.expect(u)?,
                patience: maybe(u, span)?,
                tags: tags(u)?,
            }),
            5 | 6 => Command::ScaleIn(posbook::Addition {
                key: key(u)?,
                quantity: quantity(u)?,
                reference: maybe(u, price)?,
                expect: self.expect(u)?,
                patience: maybe(u, span)?,
            }),
            7 | 8 => Command::ScaleOut(self.reduction(u, false)?),
            9 => Command::Close(self.reduction(u, true)?),
            10 => Command::Close(self.reduction(u, false)?),
            11..=15 => self.step(u)?,
            16..=20 => Command::Record(self.fill(u)?),
            21 if u.ratio(1, 4)? => Command::Fund(Funding {
                key: key(u)?,
                period: u.int_in_range(0..=9)?,
                amount: decimal(u)?,
                currency: currency(u)?,
            }),
            // Mostly one that was booked, as it was: another is none.
            21 => {
                let fill = match self.fills.is_empty() {
                    false if u.ratio(7, 8)? => u.choose(&self.fills)?.clone(),
                    _ => self.fill(u)?,
                };
                Command::Bust(Bust { fill, venue_time: maybe(u, time)?, reason: words(u)? })
            }
            22 => Command::Retarget(posbook::Retarget {
                key: key(u)?,
                expect: self.expect(u)?,
                stop: field(u)?,
                take: field(u)?,
                ratchet: if u.arbitrary()? { Ratchet::Tighten } else { Ratchet::Loosen },
                reason: words(u)?,
            }),
            23 if u.arbitrary()? => Command::Reach { key: key(u)?, position: self.position(u)? },
            23 => Command::Trail { key: key(u)?, position: self.position(u)? },
            24 if u.arbitrary()? => Command::Tag(posbook::Retag {
                key: key(u)?,
                expect: self.expect(u)?,
                tags: tags(u)?,
                reason: words(u)?,
            }),
            24 => Command::Plan(posbook::Replan {
                key: key(u)?,
                expect: self.expect(u)?,
                plan: Arc::new(plan(u)?),
                reason: words(u)?,
            }),
            25 => Command::Adopt(Adoption {
                key: key(u)?,
                side: side(u)?,
                quantity: quantity(u)?,
                entry: price(u)?,
                leverage: maybe(u, leverage)?,
                rule: maybe(u, rule)?,
                asked: self.sequence(u)?,
                report_time: maybe(u, time)?,
            }),
            26 if u.arbitrary()? => Command::Correct(Correction {
                key: key(u)?,
                position: self.position(u)?,
                to: match u.arbitrary()? {
                    true => Corrected::Quantity { quantity: quantity(u)?, entry: price(u)? },
                    false => Corrected::Leverage(leverage(u)?),
                },
                asked: self.sequence(u)?,
                report_time: maybe(u, time)?,
                reason: words(u)?,
            }),
            26 => Command::Drop(DropPosition {
                key: key(u)?,
                position: self.position(u)?,
                asked: self.sequence(u)?,
                report_time: maybe(u, time)?,
                reason: words(u)?,
            }),
            27 => {
                Command::Quarantine { key: key(u)?, why: words(u)?, asked: maybe(u, |u| self.sequence(u))? }
            }
            28 => Command::Confirm { key: key(u)?, why: words(u)?, asked: self.sequence(u)? },
            29 => Command::Accept { key: key(u)?, reason: words(u)? },
            30 if u.arbitrary()? => Command::StartClosing {
                key: key(u)?,
                position: maybe(u, |u| self.position(u))?,
                cause: words(u)?,
            },
            30 => Command::CancelClosing { key: key(u)?, reason: words(u)? },
            _ if u.arbitrary()? => Command::Expire,
            _ => Command::Expect { key: key(u)?, expect: self.expect(u)? },
        })
    }
}

fn field(u: &mut Unstructured<'_>) -> Result<Field> {
    Ok(match u.int_in_range(0..=3)? {
        0 => Field::Keep,
        1 => Field::Remove,
        _ => Field::Set(price(u)?),
    })
}

fn tier(u: &mut Unstructured<'_>) -> Result<Tier> {
    Ok(Tier { at: fraction(u)?, share: fraction(u)? })
}

fn rule(u: &mut Unstructured<'_>) -> Result<TargetRule> {
    Ok(if u.arbitrary()? {
        TargetRule::Fractions { stop: maybe(u, fraction)?, take: maybe(u, fraction)? }
    } else {
        TargetRule::Prices(Targets { stop: maybe(u, price)?, take: maybe(u, price)? })
    })
}

fn plan(u: &mut Unstructured<'_>) -> Result<ExitPlan> {
    let mut plan = ExitPlan::default();
    if u.arbitrary()? {
        plan = plan.trailing(fraction(u)?, fraction(u)?);
    }
    if u.arbitrary()? {
        plan = plan.break_even(fraction(u)?, fraction(u)?);
    }
    for _ in 0..u.int_in_range(0..=3)? {
        plan.tiers.push(tier(u)?);
    }
    if u.arbitrary()? {
        plan = plan.max_age(span(u)?);
    }
    Ok(plan)
}

fn currency(u: &mut Unstructured<'_>) -> Result<Currency> {
    let text = *u.choose(&["USDT", "BTC", "EUR", "X"])?;
    Ok(text.parse().unwrap_or_else(|_| unreachable!()))
}

/// The fields of an instrument, sensible or not.
pub fn spec(u: &mut Unstructured<'_>) -> Result<InstrumentSpec> {
    let symbol = *u.choose(&["BTC/USDT:USDT", "ETH/USDC:USDC", "SOL/USDT:USDT", "POWER/EUR:EUR"])?;
    let sensible = u.ratio(3, 4)?;
    let step = |u: &mut Unstructured<'_>, text: &str| -> Result<Quantity> {
        if sensible { Ok(text.parse().unwrap_or_default()) } else { quantity(u) }
    };
    Ok(InstrumentSpec {
        symbol: symbol.parse().unwrap_or_else(|_| unreachable!()),
        kind: match u.int_in_range(0..=31)? {
            0 => ContractKind::Inverse,
            1 => ContractKind::Quanto,
            2 => ContractKind::Spot,
            _ => ContractKind::Linear,
        },
        contract_size: step(u, "1")?,
        price_step: Price::new(step(u, "0.1")?.get()).unwrap_or_default(),
        quantity_step: step(u, "0.001")?,
        minimum: step(u, "0.01")?,
        base: currency(u)?,
        quote: currency(u)?,
        settle: currency(u)?,
        prices: if u.arbitrary()? { PriceSign::Any } else { PriceSign::Positive },
        mode: if u.arbitrary()? { PositionMode::Hedge } else { PositionMode::OneWay },
        money_scale: if sensible { 8 } else { u.int_in_range(0..=30)? },
    })
}

/// An instrument; one of the usual four if the fields do not make one.
pub fn instrument(u: &mut Unstructured<'_>) -> Result<Instrument> {
    let spec = spec(u)?;
    Ok(Instrument::new(spec).unwrap_or_else(|_| usual(u.arbitrary().unwrap_or(0))))
}

/// The instruments that every stream starts with: plain, rounded money, two legs, negative prices.
pub fn usual(which: u8) -> Instrument {
    let made = match which % 4 {
        0 => InstrumentSpec::linear("BTC/USDT:USDT", "0.1", "0.001"),
        1 => InstrumentSpec::linear("ETH/USDC:USDC", "0.1", "0.001").map(|spec| InstrumentSpec {
            contract_size: "0.0731".parse().unwrap_or_default(),
            money_scale: 2,
            ..spec
        }),
        2 => InstrumentSpec::linear("SOL/USDT:USDT", "0.1", "0.001")
            .map(|spec| InstrumentSpec { mode: PositionMode::Hedge, ..spec }),
        _ => InstrumentSpec::linear("POWER/EUR:EUR", "0.1", "0.001").map(|spec| InstrumentSpec {
            contract_size: "10".parse().unwrap_or_default(),
            prices: PriceSign::Any,
            ..spec
        }),
    };
    made.and_then(Instrument::new).unwrap_or_else(|_| unreachable!())
}
