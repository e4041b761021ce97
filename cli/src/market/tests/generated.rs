//! The generated market: always the same, always plausible, and restless enough.

use std::collections::HashSet;

use rust_decimal::Decimal;

use super::super::instruments::assumed;
use super::super::{Market, Source, TickKind};
use super::{Tape, number};

const MINUTE: i64 = 60_000_000_000;

/// A digest (FNV-1a) of all ticks, made of integers only: no library has a say in it.
fn digest(tape: &Tape) -> u64 {
    let mut digest: u64 = 0xcbf2_9ce4_8422_2325;
    let mut add = |number: i128| {
        for byte in number.to_le_bytes() {
            digest = (digest ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        }
    };
    for tick in &tape.ticks {
        let (kind, one, two) = match tick.kind {
            TickKind::Trade { price, quantity } => (1, price, quantity),
            TickKind::Quote { bid, ask } => (2, bid, ask),
            TickKind::Mark { price } => (3, price, price),
        };
        [i128::from(tick.time), i128::from(tick.market), kind].into_iter().for_each(&mut add);
        for number in [one, two] {
            add(number.mantissa());
            add(i128::from(number.scale()));
        }
    }
    digest
}

#[test]
fn a_seed_is_a_tape_for_ever() {
    let tape = Tape::generated(7, 8, 2_000);
    assert_eq!(tape, Tape::generated(7, 8, 2_000));
    assert_ne!(tape.ticks, Tape::generated(8, 8, 2_000).ticks);
    // If this number changes, so does every run that someone wrote down with its seed.
    assert_eq!(digest(&tape), PINNED, "{:#x}", digest(&tape));
    assert_eq!(tape.source, Source::Synthetic { seed: 7 });
}

const PINNED: u64 = 0x12fd_e36c_8db6_9c99;

#[test]
fn the_ticks_are_in_order_and_on_the_steps() {
    let tape = Tape::generated(1, 8, 200_000);
    assert_eq!((tape.ticks.len(), tape.markets.len(), tape.skipped_rows), (200_000, 8, 0));
    assert!((28 * MINUTE..32 * MINUTE).contains(&tape.span_ns()), "{}", tape.span_ns());
    assert!(tape.ticks.is_sorted_by_key(|tick| tick.time));
    let pauses: HashSet<_> = tape.ticks.windows(2).map(|pair| pair[1].time - pair[0].time).collect();
    assert!(pauses.len() > 100_000, "the times are too regular: {}", pauses.len());

    let steps: Vec<_> = tape.markets.iter().map(assumed).collect();
    let mut trades = 0;
    for tick in &tape.ticks {
        let steps = &steps[tick.market as usize];
        let on_step = |price: Decimal| price > Decimal::ZERO && (price % steps.price_step).is_zero();
        match tick.kind {
            TickKind::Trade { price, quantity } => {
                trades += 1;
                assert!(on_step(price) && quantity > Decimal::ZERO, "{tick:?}");
                assert!((quantity % steps.quantity_step).is_zero(), "{tick:?}");
            }
            TickKind::Quote { bid, ask } => {
                assert!(on_step(bid) && on_step(ask) && bid < ask, "{tick:?}");
                assert!(ask - bid <= steps.price_step * number("5"), "{tick:?}");
            }
            TickKind::Mark { .. } => panic!("{tick:?}"),
        }
    }
    assert!((45_000..55_000).contains(&trades), "{trades}");
}

/// The widest rise or fall of each market, in percent of where it started from: whether a stop or a target that far
/// away is hit by a position opened at the right moment.
fn swings(tape: &Tape) -> Vec<Decimal> {
    let mut ranges: Vec<Option<(Decimal, Decimal)>> = vec![None; tape.markets.len()];
    for tick in &tape.ticks {
        let price = match tick.kind {
            TickKind::Trade { price, .. } | TickKind::Mark { price } => price,
            TickKind::Quote { bid, .. } => bid,
        };
        let (low, high) = ranges[tick.market as usize].unwrap_or((price, price));
        ranges[tick.market as usize] = Some((low.min(price), high.max(price)));
    }
    let percent = |(low, high): (Decimal, Decimal)| (high - low) / low * number("100");
    ranges.into_iter().map(|range| percent(range.unwrap())).collect()
}

#[test]
fn stops_and_targets_are_within_reach() {
    let mut beyond_five = 0;
    for seed in 0..10 {
        for swing in swings(&Tape::generated(seed, 8, 20_000)) {
            assert!(swing > number("0.5"), "seed {seed}: a market that hardly moves: {swing} %");
            assert!(swing < number("40"), "seed {seed}: no market moves like that: {swing} %");
            beyond_five += usize::from(swing > number("5"));
        }
    }
    assert!((20..70).contains(&beyond_five), "{beyond_five} of 80 markets moved by more than five percent");
}

#[test]
fn the_markets_have_the_names_and_scales_of_real_ones() {
    let tape = Tape::generated(3, 40, 1_000);
    let names: HashSet<_> = tape.markets.iter().map(|market| market.symbol.as_str()).collect();
    assert_eq!(names.len(), 40);
    let first: Vec<_> = tape.markets.iter().take(3).map(|market| market.symbol.as_str()).collect();
    assert_eq!(first, ["BTC/USDT:USDT", "ETH/USDT:USDT", "SOL/USDT:USDT"]);
    assert_eq!(tape.markets[16].symbol, "BTC2/USDT:USDT");
    let Market { price_scale, quantity_scale, ref files, .. } = tape.markets[0];
    assert_eq!((price_scale, quantity_scale, files.len()), (1, 3, 0));
}

#[test]
fn every_size_is_a_tape() {
    for (instruments, ticks) in [(0, 0), (0, 10), (1, 0), (1, 1), (1, 2), (100, 3)] {
        let tape = Tape::generated(u64::MAX, instruments, ticks);
        let expected = if instruments == 0 { 0 } else { ticks };
        assert_eq!((tape.markets.len(), tape.ticks.len()), (instruments, expected));
    }
}
