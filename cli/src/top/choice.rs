//! What is shown of it, in which order: chosen by options and by keys.

use clap::{Args, ValueEnum};
use ratatui::crossterm::event::KeyCode;

/// The choices.
#[derive(Debug, Clone, Args)]
pub struct Choice {
    /// What the list is sorted by.
    #[arg(long, value_name = "WORD", default_value = "symbol")]
    pub sort: Sort,

    /// Which positions are listed.
    #[arg(long, value_name = "WORD", default_value = "all")]
    pub filter: Filter,

    /// What they are listed under, with sums.
    #[arg(long, value_name = "WORD", default_value = "nothing")]
    pub group: Grouping,

    /// How many rows are scrolled away.
    #[arg(skip)]
    pub scrolled: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Sort {
    Symbol,
    /// What loses most first.
    Profit,
    /// The largest first.
    Value,
    /// The oldest first.
    Age,
    /// What is nearest to its stop first.
    Stop,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Filter {
    All,
    Long,
    Short,
    /// What something is wrong with, or in doubt, or closing.
    Flagged,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Grouping {
    Nothing,
    Owner,
    Base,
    Side,
    /// All tags of a position together: each is listed once.
    Tags,
}

/// The one after it, round and round.
fn next<T: ValueEnum + PartialEq + Copy>(now: T) -> T {
    let all = T::value_variants();
    let after = all.iter().skip_while(|one| **one != now).nth(1);
    after.or(all.first()).copied().unwrap_or(now)
}

/// Its word.
pub fn word<T: ValueEnum>(of: &T) -> String {
    of.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
}

impl Choice {
    pub fn press(&mut self, key: KeyCode) {
        match key {
            KeyCode::Char('s') => self.sort = next(self.sort),
            KeyCode::Char('f') => (self.filter, self.scrolled) = (next(self.filter), 0),
            KeyCode::Char('g') => (self.group, self.scrolled) = (next(self.group), 0),
            KeyCode::Down | KeyCode::Char('j') => self.scrolled = self.scrolled.saturating_add(1),
            KeyCode::Up | KeyCode::Char('k') => self.scrolled = self.scrolled.saturating_sub(1),
            KeyCode::Home => self.scrolled = 0,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_go_round() {
        let mut sort = Sort::Symbol;
        for _ in 0..Sort::value_variants().len() {
            sort = next(sort);
        }
        assert_eq!(sort, Sort::Symbol);
        assert_eq!(word(&Filter::Flagged), "flagged");
    }
}
