//! Instruments of arbitrary fields: refused or usable; what is usable comes back from what is stored, and floors no
//! quantity up.
#![no_main]

use arbitrary::{Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use posbook::{Book, Instrument};
use posbook_fuzz::hostile;
use posbook_fuzz::ledger::exact;

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

    let floor = instrument.floor_to_step(quantity);
    let (floored, asked, step) =
        (exact(floor.get()), exact(quantity.get()), exact(instrument.quantity_step().get()));
    assert!(floored <= asked && &asked - &floored < step, "{quantity} on {step} is {floor}");
    assert!((floored / step).is_integer());

    let Ok(id) = book.register(instrument.clone()) else { return Ok(()) };
    assert_eq!(book.register(instrument).ok(), Some(id), "the same again has the same id");
    let legal = book.mark(id, price).is_ok();
    assert_eq!(book.latest(id).is_some(), legal);
    Ok(())
}
