//! Funding is booked once a key and period, moves no quantity, and is kept apart from profit and fees (R17).

use super::decide::{Answer, Ask, Decision, FillOutcome};
use super::fills::check_totals;
use crate::error::{Reason, Rejection};
use crate::model::{Funding, Kind};

pub(super) fn fund(ask: &Ask<'_>, paid: &Funding) -> Result<Decision, Rejection> {
    let slot = ask.slot(paid.key)?;
    match slot.funding(paid.key, paid.period) {
        Some(known) if known == paid => {
            return Ok(Decision::nothing(Answer::Fill(FillOutcome::Duplicate)));
        }
        Some(known) => {
            return Err(Reason::FundingConflict {
                key: paid.key,
                period: paid.period,
                booked: format!("{} {}", known.amount, known.currency),
                told: format!("{} {}", paid.amount, paid.currency),
            }
            .into());
        }
        None => {}
    }
    if slot.funded_to.is_some_and(|forgotten| paid.period <= forgotten) {
        let rule = "is older than what is remembered of funding: whether it was booked nobody can tell";
        return Err(Reason::OutOfRange { what: "funding period", value: paid.period.into(), rule }.into());
    }
    let mut key = ask.key(slot, paid.key);
    key.ledger.funding.add(&paid.currency, paid.amount)?;
    check_totals(ask, slot, &key)?;
    let booked = Answer::Fill(FillOutcome::Booked { notes: smallvec::SmallVec::new() });
    Ok(Decision::one(ask.change(slot, Kind::Funded, key), booked))
}
