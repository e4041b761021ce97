//! What a thread does: the kinds of operation, and in which shares. `--mix` names the shares.

use std::fmt;
use std::str::FromStr;

use crate::Random;

/// One kind of operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Reads one position, by whatever a thread may keep for it.
    Read,
    /// Reads one position from scratch: nothing was kept.
    Get,
    /// Notes a price.
    Tick,
    /// Books a fill of one contract.
    Fill,
    /// Takes a picture and lets go of it.
    Take,
    /// Takes a picture and goes over it.
    Sweep,
    /// Moves the stop of every position.
    Batch,
    /// Books the fill that closes a position, or the one that opens it again.
    Churn,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 8] =
        [Self::Read, Self::Get, Self::Tick, Self::Fill, Self::Take, Self::Sweep, Self::Batch, Self::Churn];

    /// Those that threads may do side by side in any shares. The stops of a batch only rise, and to open and close a key takes
    /// turns: each is a workload of its own.
    pub const MIXED: [Self; 6] = [Self::Read, Self::Get, Self::Tick, Self::Fill, Self::Take, Self::Sweep];

    /// In one word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Get => "get",
            Self::Tick => "tick",
            Self::Fill => "fill",
            Self::Take => "snapshot",
            Self::Sweep => "sweep",
            Self::Batch => "batch",
            Self::Churn => "churn",
        }
    }
}

/// How often each kind is done, in parts of the sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mix([u32; Kind::ALL.len()]);

/// Why a mix is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MixError {
    /// A part without a share.
    #[error("{0:?} has no share: write NAME=SHARE, as in read=90,fill=10")]
    NoShare(String),
    /// No operation of that name.
    #[error("{0:?} is no operation; there are {known}", known = Kind::MIXED.map(Kind::name).join(", "))]
    Unknown(String),
    /// Not to be mixed with others.
    #[error("{name} cannot be mixed with others: it is a workload of its own, --only {name}", name = .0.name())]
    Alone(Kind),
    /// Not a share.
    #[error("{share:?} is no share of {name}: a whole number from 0 to 1000000", name = .kind.name())]
    Share {
        /// Whose.
        kind: Kind,
        /// As it was written.
        share: String,
    },
    /// The same twice.
    #[error("{name} is named twice", name = .0.name())]
    Twice(Kind),
    /// Every share is zero.
    #[error("nothing is left to do: one share must be above 0")]
    Nothing,
}

impl Mix {
    /// The largest share.
    const MOST: u32 = 1_000_000;

    /// These parts.
    pub const fn of<const N: usize>(parts: [(Kind, u32); N]) -> Self {
        let mut mix = [0; Kind::ALL.len()];
        let mut at = 0;
        while at < N {
            mix[parts[at].0 as usize] = parts[at].1;
            at += 1;
        }
        Self(mix)
    }

    /// One kind only.
    pub const fn only(kind: Kind) -> Self {
        Self::of([(kind, 1)])
    }

    /// Whether only this kind is in it.
    pub fn is_only(&self, kind: Kind) -> bool {
        self.parts().all(|(part, _)| part == kind)
    }

    /// What is in it.
    pub fn parts(&self) -> impl Iterator<Item = (Kind, u32)> {
        Kind::ALL.into_iter().zip(self.0).filter(|(_, share)| *share > 0)
    }

    /// Draws a kind.
    pub fn draw(&self, random: &mut Random) -> Kind {
        let mut at = random.below(self.0.iter().map(|part| u64::from(*part)).sum());
        for (kind, part) in Kind::ALL.into_iter().zip(self.0) {
            match at.checked_sub(u64::from(part)) {
                None => return kind,
                Some(left) => at = left,
            }
        }
        Kind::Read
    }
}

impl FromStr for Mix {
    type Err = MixError;

    /// Reads `read=70,tick=20,fill=8,snapshot=2`.
    fn from_str(text: &str) -> Result<Self, MixError> {
        let mut mix = Self([0; Kind::ALL.len()]);
        let mut named = Vec::new();
        for part in text.split(',') {
            let (name, share) = part.split_once('=').ok_or_else(|| MixError::NoShare(part.to_owned()))?;
            let kind = Kind::ALL.into_iter().find(|kind| kind.name() == name);
            let kind = kind.ok_or_else(|| MixError::Unknown(name.to_owned()))?;
            if !Kind::MIXED.contains(&kind) {
                return Err(MixError::Alone(kind));
            }
            if named.contains(&kind) {
                return Err(MixError::Twice(kind));
            }
            named.push(kind);
            let parsed = share.parse().ok().filter(|share| *share <= Self::MOST);
            mix.0[kind as usize] = parsed.ok_or_else(|| MixError::Share { kind, share: share.to_owned() })?;
        }
        if mix.parts().next().is_none() { Err(MixError::Nothing) } else { Ok(mix) }
    }
}

impl fmt::Display for Mix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<_> = self.parts().map(|(kind, share)| format!("{}={share}", kind.name())).collect();
        f.write_str(&parts.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mix_is_read_as_it_is_written() {
        let text = "read=70,tick=20,fill=8,snapshot=2";
        let mix: Mix = text.parse().unwrap();
        assert_eq!(mix.to_string(), text);
        assert_eq!(mix, Mix::of([(Kind::Take, 2), (Kind::Fill, 8), (Kind::Tick, 20), (Kind::Read, 70)]));
        let mut random = Random(1);
        let fills = (0..10_000).filter(|_| mix.draw(&mut random) == Kind::Fill).count();
        assert!((600..1_000).contains(&fills), "{fills} of 10,000 where 8 of 100 are asked for");
    }

    #[test]
    fn what_is_no_mix_says_why() {
        let wrong = |text: &str| text.parse::<Mix>().unwrap_err();
        assert_eq!(wrong(""), MixError::NoShare(String::new()));
        assert_eq!(wrong("read"), MixError::NoShare("read".to_owned()));
        assert_eq!(wrong("reads=1"), MixError::Unknown("reads".to_owned()));
        assert_eq!(wrong("batch=1"), MixError::Alone(Kind::Batch));
        assert_eq!(wrong("read=1,churn=1"), MixError::Alone(Kind::Churn));
        assert_eq!(wrong("read=1,read=2"), MixError::Twice(Kind::Read));
        assert_eq!(wrong("read=0,tick=0"), MixError::Nothing);
        for share in ["", "-1", "0.5", "1000001", "99999999999999999999"] {
            let kind = Kind::Fill;
            assert_eq!(wrong(&format!("fill={share}")), MixError::Share { kind, share: share.to_owned() });
        }
        assert!(wrong("sweeps=1").to_string().contains("read, get, tick, fill, snapshot, sweep"));
    }
}
