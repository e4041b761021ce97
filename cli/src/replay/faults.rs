//! `--faults` and `--fault`: what goes wrong at the paper venue.

use clap::{Args, ValueEnum};
use posbook::Fraction;
use posbook::venue::Faults;

/// What goes wrong at the venue.
#[derive(Debug, Clone, Args)]
pub struct FaultOptions {
    /// What goes wrong at the venue: nothing, what does on an ordinary day, or everything.
    #[arg(long, default_value = "off", value_name = "PRESET")]
    faults: Preset,

    /// Another rate for one fault, as a share of 1, such as `lost-answer=0.05`. Repeat it for several; an unknown name is
    /// answered with those there are.
    #[arg(long = "fault", value_name = "NAME=RATE", value_parser = rate)]
    rates: Vec<(String, Fraction)>,
}

/// Rates for all faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Preset {
    Off,
    Normal,
    Hostile,
}

impl Preset {
    fn faults(self) -> Faults {
        match self {
            Preset::Off => Faults::off(),
            Preset::Normal => Faults::normal(),
            Preset::Hostile => Faults::hostile(),
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Preset::Off => "off",
            Preset::Normal => "normal",
            Preset::Hostile => "hostile",
        }
    }
}

fn rate(text: &str) -> Result<(String, Fraction), String> {
    let (name, rate) = text
        .split_once('=')
        .ok_or_else(|| format!("expected NAME=RATE; names are {}", Faults::names().join(", ")))?;
    let read = || {
        let rate: Fraction = rate.parse().map_err(|_| {
            let (what, rule) = ("rate of a fault", "must be between 0 and 1, with at most 6 decimals");
            posbook::Rejection::from(posbook::Reason::Malformed { what, text: rate.to_owned(), rule })
        })?;
        Faults::off().set(name, rate).map(|_| (name.to_owned(), rate))
    };
    read().map_err(|wrong: posbook::Rejection| wrong.to_string())
}

impl FaultOptions {
    /// The preset with the single rates over it.
    pub fn faults(&self) -> Faults {
        self.rates.iter().fold(self.faults.faults(), |faults, (name, rate)| {
            // Name and rate were checked when they were read.
            faults.clone().set(name, *rate).unwrap_or(faults)
        })
    }

    /// As they would be asked for again.
    pub fn arguments(&self) -> Vec<String> {
        let rates = self.rates.iter().map(|(name, rate)| format!("--fault={name}={rate}"));
        std::iter::once(format!("--faults={}", self.faults.name())).chain(rates).collect()
    }

    /// As they were asked for: `hostile, lost-answer=0.5`.
    pub fn setting(&self) -> String {
        let rates = self.rates.iter().map(|(name, rate)| format!("{name}={rate}"));
        std::iter::once(self.faults.name().to_owned()).chain(rates).collect::<Vec<_>>().join(", ")
    }
}
