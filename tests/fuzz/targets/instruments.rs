//! Instruments of arbitrary fields: refused or usable; what is usable comes back from what is stored, and floors no
//! quantity up.
#![no_main]

use arbitrary::{Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use num_bigint::BigInt;
use num_rational::BigRational;
use posbook::{Book, Instrument};
use posbook_fuzz::hostile;
use posbook_fuzz::ledger::exact;
use rust_decimal::Decimal;

fuzz_target!(|data: &[u8]| {
    let _ = run(&mut Unstructured::new(data));
});

fn run(u: &mut Unstructured<'_>) -> Result<()> {
    let (price, quantity, spec) = (hostile::price(u)?, hostile::quantity(u)?, hostile::spec(u)?);
    let book = Book::builder().instruments(2).build().expect("two instruments");
    let texts: (&str, &str, &str) = u.arbitrary()?;
    let made =
        if u.arbitrary()? { Instrument::linear(texts.0, texts.1, texts.2) } else { Instrument::new(spec) };
    let Ok(instrument) = made else { return Ok(()) };
    let json = serde_json::to_vec(&instrument).expect("JSON");
    assert_eq!(serde_json::from_slice::<Instrument>(&json).expect("what was written"), instrument);
    let bytes = postcard::to_stdvec(&instrument).expect("bytes");
    assert_eq!(postcard::from_bytes::<Instrument>(&bytes).expect("what was written"), instrument);

    let floor = exact(instrument.floor_to_step(quantity).get());
    let (asked, step) = (exact(quantity.get()), exact(instrument.quantity_step().get()));
    let right = (&asked / &step).floor() * &step;
    // A step so fine that no quantity holds the right answer: none then.
    let expected = if holds(&right) { right } else { exact(Decimal::ZERO) };
    assert_eq!(floor, expected, "{quantity} on {step}");

    let Ok(id) = book.register(instrument.clone()) else { return Ok(()) };
    assert_eq!(book.register(instrument).ok(), Some(id), "the same again has the same id");
    let legal = book.mark(id, price).is_ok();
    assert_eq!(book.latest(id).is_some(), legal);
    Ok(())
}

/// Whether a quantity can be this: at most 18 decimals, and an `i64` of its last place.
fn holds(value: &BigRational) -> bool {
    let ten = |power| BigRational::from_integer(BigInt::from(10).pow(power));
    let places = (0..=18).find(|places| (value * ten(*places)).is_integer());
    places.is_some_and(|places| value * ten(places) <= BigRational::from_integer(i64::MAX.into()))
}
