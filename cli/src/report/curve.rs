//! The way of a figure over time in a bounded number of points: where there would be more, neighbours become one that keeps the
//! lowest and the highest of both.

use posbook::Timestamp;

/// More points than this are not seen on any screen.
const MOST: usize = 2_048;

/// A piece of the way.
#[derive(Debug, Clone, Copy)]
pub struct Point {
    pub time: Timestamp,
    pub low: f64,
    pub high: f64,
    pub last: f64,
}

/// The way so far.
#[derive(Debug, Clone)]
pub struct Curve {
    points: Vec<Point>,
    /// So many values are one point.
    each: u64,
    /// In the newest point so far.
    within: u64,
}

impl Default for Curve {
    fn default() -> Self {
        Self { points: Vec::new(), each: 1, within: 0 }
    }
}

impl Curve {
    pub fn push(&mut self, time: Timestamp, value: f64) {
        match self.points.last_mut() {
            Some(newest) if self.within < self.each => {
                newest.low = newest.low.min(value);
                newest.high = newest.high.max(value);
                (newest.time, newest.last) = (time, value);
                self.within += 1;
            }
            _ => {
                self.points.push(Point { time, low: value, high: value, last: value });
                self.within = 1;
            }
        }
        if self.points.len() > MOST {
            let merge = |pair: &[Point]| {
                let newest = pair.last().copied();
                newest.map(|newest| {
                    pair.iter().fold(newest, |one, of| Point {
                        low: one.low.min(of.low),
                        high: one.high.max(of.high),
                        ..one
                    })
                })
            };
            // They are odd in number: the newest stays alone, and goes on.
            self.points = self.points.chunks(2).filter_map(merge).collect();
            self.each = self.each.saturating_mul(2);
        }
    }

    pub fn points(&self) -> &[Point] {
        &self.points
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extremes_and_the_end_survive_however_many_there_are() {
        let mut curve = Curve::default();
        for n in 0..100_001_i64 {
            let value = if n == 33_333 { -7.0 } else { n as f64 };
            curve.push(Timestamp(n), value);
        }
        let points = curve.points();
        assert!(points.len() <= MOST && points.len() > MOST / 4);
        assert!(points.iter().any(|point| point.low == -7.0));
        let last = points.last().unwrap();
        assert_eq!((last.time, last.last), (Timestamp(100_000), 100_000.0));
        assert!(points.windows(2).all(|pair| pair[0].time < pair[1].time));
    }
}
