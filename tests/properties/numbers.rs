//! The border: what text becomes a number or a name, and what is refused. Nothing panics, nothing is rounded, trimmed
//! or folded silently (I12, D24, D29).

use std::fmt::{Debug, Display};
use std::str::FromStr;

use posbook::{
    ClientOrderId, ContractKind, Currency, Decimal, Fraction, Instrument, InstrumentSpec, Leverage, Price,
    Quantity, Reason, Reference, Rejection, Sequence, Symbol,
};
use proptest::prelude::*;
use serde::{Serialize, de::DeserializeOwned};

use crate::naive::q;
use crate::scale::runner;

/// The grammar, said a second time: an optional minus, digits, and perhaps one point with digits after it.
fn is_number(text: &str) -> bool {
    let text = text.strip_prefix('-').unwrap_or(text);
    let mut parts = text.split('.');
    let digits =
        |part: Option<&str>| part.is_some_and(|p| !p.is_empty() && p.chars().all(|c| c.is_ascii_digit()));
    let whole = digits(parts.next());
    match parts.next() {
        None => whole,
        fraction => whole && digits(fraction) && parts.next().is_none(),
    }
}

/// Text that is a number, nearly one, or nothing like one.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "-?[0-9]{1,22}(\\.[0-9]{1,22})?",
        2 => "[-+ ]?[0-9_,]{0,6}[.eE]{0,2}[0-9]{0,6}[ eE+-]{0,2}[0-9]{0,2}",
        1 => "[0-9]{20,90}(\\.[0-9]{20,90})?",
        1 => "\\PC{0,12}",
        1 => prop::sample::select(vec![
            "", "-", ".", "-.", "NaN", "nan", "inf", "-inf", "Infinity", "null", "0x10", "1e3", "1E-29", "+1", ".5", "5.", "1_000",
            "1,5", "٣", "１", "1\u{0}", "1\n", "\u{feff}1", "1.2.3", "--1", "0", "-0", "00", "0.0", "-0.000",
            "0.000000000000000001", "0.0000000000000000001", "9223372036854775807", "9223372036854775808",
            "36028797018963967", "36028797018963968", "-36028797018963967", "79228162514264337593543950335",
            "79228162514264337593543950336", "1.0000000000000000000000000000", "100000", "100000.0001", "10", "10.1",
        ]).prop_map(str::to_owned),
    ]
}

/// What holds for every number type and any text.
fn any_text<T>(text: &str, what: &str, bounds: fn(&num_rational::BigRational) -> bool)
where
    T: FromStr<Err = Rejection> + Display + Debug + Copy + PartialEq + Serialize + DeserializeOwned,
{
    let json = serde_json::from_str::<T>(&serde_json::to_string(text).unwrap());
    match text.parse::<T>() {
        Ok(value) => {
            assert!(is_number(text), "{what}: {text:?} was taken for a number");
            assert_eq!(q(&value.to_string()), q(text), "{what}: {text:?} became {value}: nothing is rounded");
            assert!(bounds(&q(text)), "{what}: {text:?} is out of bounds");
            assert_eq!(value.to_string().parse::<T>().unwrap(), value, "through its text");
            assert_eq!(json.unwrap(), value, "through JSON, from the venue's text");
            assert_eq!(serde_json::from_str::<T>(&serde_json::to_string(&value).unwrap()).unwrap(), value);
            assert_eq!(postcard::from_bytes::<T>(&postcard::to_stdvec(&value).unwrap()).unwrap(), value);
            assert!(
                !value.to_string().starts_with("-0") || value.to_string().starts_with("-0."),
                "{text}: negative zero"
            );
        }
        Err(refused) => {
            assert!(json.is_err(), "{what}: {text:?} is refused as text and taken as JSON");
            // A number of moderate size within the bounds is never refused.
            let decimals = text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
            let moderate = is_number(text) && text.len() <= 15 && decimals <= 4;
            assert!(!moderate || !bounds(&q(text)), "{what}: {text:?} was refused: {refused}");
            let named = refused.to_string();
            assert!(
                named.len() < 400 && named.contains(what),
                "{named:?} names the value's kind and the rule, briefly"
            );
        }
    }
}

fn at_least_zero(value: &num_rational::BigRational) -> bool {
    *value >= q("0")
}

#[test]
fn text_becomes_exactly_the_number_it_says_or_is_refused_d24() {
    let outcome = runner(4_000).run(&text(), |text| {
        any_text::<Quantity>(&text, "amount", |v| at_least_zero(v) && *v <= q("9223372036854775807"));
        any_text::<Price>(&text, "price", |v| crate::naive::absolute(v) <= q("36028797018963967"));
        any_text::<Leverage>(&text, "leverage", |v| at_least_zero(v) && *v <= q("100000"));
        any_text::<Fraction>(&text, "fraction", |v| at_least_zero(v) && *v <= q("10"));
        Ok(())
    });
    if let Err(failed) = outcome {
        panic!("{failed}");
    }
}

#[test]
fn the_smallest_and_the_greatest_numbers_round_trip_d24() {
    for text in ["0.000000000000000001", "9.223372036854775807", "9223372036854775807", "0"] {
        assert_eq!(text.parse::<Quantity>().unwrap().to_string(), text);
    }
    for text in [
        "0.000000000000000001",
        "-0.000000000000000001",
        "36028797018963967",
        "-36028797018963967",
        "0.036028797018963967",
    ] {
        assert_eq!(text.parse::<Price>().unwrap().to_string(), text);
    }
    // 28 digits are more than either holds; one decimal more than 18 too.
    for text in [
        "1234567890123456789012345678",
        "0.1234567890123456789",
        "12345678901234567890.1",
        "0.0000000000000000001",
    ] {
        assert!(text.parse::<Price>().is_err() && text.parse::<Quantity>().is_err(), "{text}");
    }
    // Trailing zeros say nothing.
    assert_eq!("1.00000000000000000000000000000000000".parse::<Price>().unwrap(), "1".parse().unwrap());
    assert_eq!("-0".parse::<Price>().unwrap().to_string(), "0");
    assert_eq!("-0".parse::<Quantity>().unwrap(), Quantity::ZERO);
    assert_eq!("-0.0".parse::<Leverage>().unwrap().to_string(), "0");
}

#[test]
fn numbers_made_from_decimals_have_the_same_bounds() {
    assert!(Quantity::new(Decimal::MAX).is_err() && Price::new(Decimal::MIN).is_err());
    assert!(Quantity::new(Decimal::new(-1, 18)).is_err());
    assert!(Leverage::new(Decimal::new(1, 5)).is_err());
    assert!(Fraction::new(Decimal::new(101, 1)).is_err());
    assert!(Price::new(Decimal::new(1, 19)).is_err());
    assert_eq!(Price::new(Decimal::new(10, 19)).unwrap().to_string(), "0.000000000000000001");
}

#[test]
fn sums_of_quantities_are_exact_or_refused_and_differences_never_negative() {
    let strategy = (0_u64..=i64::MAX as u64, 0_u32..=18, 0_u64..=i64::MAX as u64, 0_u32..=18);
    let outcome = runner(2_000).run(&strategy, |(a, m, b, n)| {
        let make =
            |digits: u64, scale| Quantity::new(Decimal::from_i128_with_scale(i128::from(digits), scale));
        let (Ok(a), Ok(b)) = (make(a, m), make(b, n)) else {
            return Err(TestCaseError::reject("out of bounds"));
        };
        let (x, y) = (q(&a.to_string()), q(&b.to_string()));
        match a.plus(b) {
            Ok(sum) => assert_eq!(q(&sum.to_string()), &x + &y),
            Err(refused) => {
                assert!(matches!(refused.reason(), Reason::NumericRange { .. } | Reason::OutOfRange { .. }))
            }
        }
        let less = q(&a.less(b).to_string());
        assert!(less == q("0") && x <= y || x > y && less <= x, "{a} less {b} is {less}");
        Ok(())
    });
    if let Err(failed) = outcome {
        panic!("{failed}");
    }
}

#[test]
fn a_difference_of_quantities_is_exact_d24() {
    // 9223372036854775807 less 1e-18 has 37 digits: no quantity holds it, so it must not be rounded into one.
    let (great, small): (Quantity, Quantity) =
        ("9223372036854775807".parse().unwrap(), "0.000000000000000001".parse().unwrap());
    assert!(great.less(small) <= great);
    let (a, b): (Quantity, Quantity) = ("1".parse().unwrap(), "0.000000000000000001".parse().unwrap());
    assert_eq!(a.less(b).to_string(), "0.999999999999999999");
}

fn name_is_taken_literally<T>(text: &str, longest: usize)
where
    T: FromStr<Err = Rejection> + Display + Debug + PartialEq + Serialize + DeserializeOwned,
{
    let json = serde_json::from_str::<T>(&serde_json::to_string(text).unwrap());
    match text.parse::<T>() {
        Ok(name) => {
            assert_eq!(name.to_string(), text, "D29: nothing is trimmed or folded");
            assert!(!text.is_empty() && text.len() <= longest && text.trim() == text);
            assert!(!text.chars().any(|c| c.is_control()
                || ('\u{200B}'..='\u{200F}').contains(&c)
                || ('\u{202A}'..='\u{202E}').contains(&c)));
            assert_eq!(json.unwrap(), name);
            assert_eq!(postcard::from_bytes::<T>(&postcard::to_stdvec(&name).unwrap()).unwrap(), name);
        }
        Err(refused) => {
            assert!(json.is_err());
            assert!(refused.to_string().len() < 400, "a long name is not repeated in full: {refused}");
            let plain = (1..=longest).contains(&text.len()) && text.chars().all(|c| c.is_ascii_graphic());
            assert!(!plain, "{text:?} is a plain name and was refused: {refused}");
        }
    }
}

#[test]
fn names_are_taken_as_they_are_or_refused_d29() {
    let text = prop_oneof![
        "[A-Za-z0-9/:_-]{0,70}",
        "\\PC{0,20}",
        ".{0,20}",
        "[ \\t\u{a0}]?[A-Z]{1,5}[ \\n\u{200b}\u{202e}\u{feff}]?"
    ];
    let outcome = runner(2_000).run(&text, |text| {
        name_is_taken_literally::<Symbol>(&text, 64);
        name_is_taken_literally::<Currency>(&text, 16);
        name_is_taken_literally::<Reference>(&text, 64);
        Ok(())
    });
    if let Err(failed) = outcome {
        panic!("{failed}");
    }
    for wrong in [
        "",
        " ",
        " BTC",
        "BTC ",
        "\tBTC",
        "BTC\n",
        "B\u{0}C",
        "B\u{7f}C",
        "B\u{200b}C",
        "B\u{200d}C",
        "B\u{2066}C",
        "B\u{202e}C",
        "\u{feff}BTC",
        "B\u{ad}C",
    ] {
        let refused = wrong.parse::<Symbol>().unwrap_err();
        assert!(refused.to_string().starts_with("Invalid symbol"), "{wrong:?}: {refused}");
    }
    assert!("x".repeat(64).parse::<Symbol>().is_ok() && "x".repeat(65).parse::<Symbol>().is_err());
    // 64 bytes, not characters.
    assert!("é".repeat(32).parse::<Symbol>().is_ok() && "é".repeat(33).parse::<Symbol>().is_err());
    assert_ne!("btc".parse::<Symbol>().unwrap(), "BTC".parse::<Symbol>().unwrap());
}

#[test]
fn client_order_ids_round_trip_and_only_their_one_spelling_is_read_r15() {
    let outcome =
        runner(1_000).run(&(any::<u32>(), any::<u32>(), any::<u64>()), |(book, epoch, sequence)| {
            let id = ClientOrderId { book, epoch, sequence: Sequence(sequence) };
            let text = id.to_string();
            assert!(
                text.len() <= 33 && text.bytes().all(|b| b.is_ascii_alphanumeric()),
                "every venue accepts {text}"
            );
            assert_eq!(text.parse::<ClientOrderId>().unwrap(), id);
            assert_eq!(
                serde_json::from_str::<ClientOrderId>(&serde_json::to_string(&id).unwrap()).unwrap(),
                id
            );
            assert_eq!(
                postcard::from_bytes::<ClientOrderId>(&postcard::to_stdvec(&id).unwrap()).unwrap(),
                id
            );
            for other in [
                text.to_uppercase(),
                format!(" {text}"),
                format!("{text} "),
                format!("{}0{}", &text[..17], &text[17..]),
                text[1..].to_owned(),
            ] {
                if other != text {
                    assert!(other.parse::<ClientOrderId>().is_err(), "{other}");
                }
            }
            Ok(())
        });
    if let Err(failed) = outcome {
        panic!("{failed}");
    }
    let outcome = runner(1_000).run(&"p?[0-9a-fA-F+\\PC]{0,40}", |text| {
        if let Ok(id) = text.parse::<ClientOrderId>() {
            assert_eq!(id.to_string(), text);
        }
        Ok(())
    });
    if let Err(failed) = outcome {
        panic!("{failed}");
    }
}

#[test]
fn an_instrument_names_the_field_that_is_not_usable() {
    let spec = || InstrumentSpec::linear("BTC/USDT:USDT", "0.1", "0.001").unwrap();
    let refused = |spec: InstrumentSpec| Instrument::new(spec).unwrap_err().to_string();
    let zero = Quantity::ZERO;
    assert!(refused(InstrumentSpec { contract_size: zero, ..spec() }).contains("contract size"));
    assert!(refused(InstrumentSpec { quantity_step: zero, ..spec() }).contains("quantity step"));
    assert!(refused(InstrumentSpec { price_step: "0".parse().unwrap(), ..spec() }).contains("price step"));
    assert!(refused(InstrumentSpec { price_step: "-0.1".parse().unwrap(), ..spec() }).contains("price step"));
    assert!(refused(InstrumentSpec { money_scale: 25, ..spec() }).contains("money scale"));
    for symbol in ["BTCUSDT", "BTC/", "/USDT", "BTC/USDT:", "", " BTC/USDT", "BTC/US\u{200b}DT"] {
        let refused = Instrument::linear(symbol, "0.1", "0.001").unwrap_err();
        assert!(refused.to_string().starts_with("Invalid symbol"), "{symbol:?}: {refused}");
    }
    let dated = Instrument::linear("BTC/USDT:USDT-240927", "0.1", "0.001").unwrap();
    assert_eq!(
        (dated.base().as_str(), dated.quote().as_str(), dated.settle().as_str()),
        ("BTC", "USDT", "USDT")
    );
    // What serde builds is checked by the same rules.
    let json = serde_json::to_string(&dated).unwrap();
    assert_eq!(serde_json::from_str::<Instrument>(&json).unwrap(), dated);
    assert!(serde_json::from_str::<Instrument>(&json.replace("\"0.001\"", "\"0\"")).is_err());
}

#[test]
fn an_inverse_contract_has_no_prices_to_divide_by_zero() {
    let spec = InstrumentSpec::linear("BTC/USD:BTC", "0.1", "1").unwrap().of_kind(ContractKind::Inverse);
    let refused = Instrument::new(InstrumentSpec { prices: posbook::PriceSign::Any, ..spec }).unwrap_err();
    assert!(refused.to_string().contains("BTC/USD:BTC"), "{refused}");
}

#[test]
fn quantities_are_floored_to_the_step_never_up() {
    let instrument = Instrument::linear("BTC/USDT:USDT", "0.1", "0.003").unwrap();
    let outcome = runner(500).run(&(0_i64..1_000_000_000, 0_u32..9), |(digits, scale)| {
        let asked = Quantity::new(Decimal::new(digits, scale)).unwrap();
        let floored = instrument.floor_to_step(asked);
        let (asked, floored, step) = (q(&asked.to_string()), q(&floored.to_string()), q("0.003"));
        assert!(floored <= asked && &asked - &floored < step && (floored / step).is_integer());
        Ok(())
    });
    if let Err(failed) = outcome {
        panic!("{failed}");
    }
}

/// Found by fuzzing: the floored number had more than 28 digits, so it was rounded, up to the number itself.
#[test]
fn a_floor_that_no_quantity_holds_is_none_and_not_the_quantity_itself_d24() {
    let floor = |step: &str, quantity: &str| {
        let instrument = Instrument::linear("BTC/USDT:USDT", "0.1", step).unwrap();
        instrument.floor_to_step(quantity.parse().unwrap()).to_string()
    };
    assert_eq!(floor("0.00000000029", "8830421472441204735"), "0");
    assert_eq!(floor("5764.60752303423509", "1000000"), "0");
    // The greatest of a step that fits.
    assert_eq!(floor("0.3", "922337203685477579"), "922337203685477578.8");
    assert_eq!(floor("7", "9223372036854775807"), "9223372036854775807");
}
