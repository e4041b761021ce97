//! How long each operation took, in nanoseconds: one histogram a thread and operation, merged at the end.

use std::collections::BTreeMap;
use std::time::Instant;

use hdrhistogram::Histogram;

/// The histograms of one thread.
#[derive(Default)]
pub struct Latency(BTreeMap<&'static str, Histogram<u64>>);

/// Percentiles of one operation, in nanoseconds.
#[derive(Debug, Clone, Copy, serde::Serialize)]
pub struct Percentiles {
    pub count: u64,
    pub p50: u64,
    pub p99: u64,
    pub p999: u64,
    pub max: u64,
}

impl Latency {
    /// Runs an operation and notes how long it took, the clock's own cost included.
    pub fn time<R>(&mut self, operation: &'static str, work: impl FnOnce() -> R) -> R {
        let began = Instant::now();
        let result = work();
        let took = u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        if let Some(histogram) = self.histogram(operation) {
            histogram.saturating_record(took);
        }
        result
    }

    fn histogram(&mut self, operation: &'static str) -> Option<&mut Histogram<u64>> {
        if !self.0.contains_key(operation) {
            // Three significant digits, up to a minute.
            let fresh = Histogram::new_with_bounds(1, 60_000_000_000, 3).ok()?;
            self.0.insert(operation, fresh);
        }
        self.0.get_mut(operation)
    }

    pub fn merge(&mut self, other: Self) {
        for (operation, theirs) in other.0 {
            if let Some(ours) = self.histogram(operation) {
                // Same bounds everywhere, so this cannot fail.
                let _ = ours.add(theirs);
            }
        }
    }

    pub fn percentiles(&self) -> BTreeMap<&'static str, Percentiles> {
        let read = |h: &Histogram<u64>| Percentiles {
            count: h.len(),
            p50: h.value_at_quantile(0.5),
            p99: h.value_at_quantile(0.99),
            p999: h.value_at_quantile(0.999),
            max: h.max(),
        };
        self.0.iter().map(|(operation, histogram)| (*operation, read(histogram))).collect()
    }
}
