//! Measurements of one thing, and what is said about them.

use std::fmt;
use std::time::Duration;

/// Durations of one thing, in nanoseconds.
#[derive(Default)]
pub(crate) struct Samples(Vec<f64>);

impl Samples {
    pub(crate) fn push(&mut self, elapsed: Duration) {
        self.push_share(elapsed, 1);
    }

    /// The time of one of `count` repetitions.
    pub(crate) fn push_share(&mut self, elapsed: Duration, count: u32) {
        self.0.push(elapsed.as_secs_f64() * 1e9 / f64::from(count));
    }

    pub(crate) fn median(&self) -> f64 {
        self.quantile(5)
    }

    /// Each as a share of the one that was measured beside it.
    pub(crate) fn ratio_to(&self, other: &Self) -> f64 {
        Self(self.0.iter().zip(&other.0).map(|(one, other)| one / other).collect()).median()
    }

    fn quantile(&self, tenths: usize) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        sorted.get((sorted.len().saturating_sub(1)) * tenths / 10).copied().unwrap_or(f64::NAN)
    }
}

impl fmt::Display for Samples {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (median, from, to) = (Time(self.median()), Time(self.quantile(1)), Time(self.quantile(9)));
        write!(f, "{:>9}   ({from} .. {to})", median.to_string())
    }
}

struct Time(f64);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            nanos if nanos < 1e3 => write!(f, "{nanos:.2} ns"),
            nanos if nanos < 1e6 => write!(f, "{:.1} us", nanos / 1e3),
            nanos => write!(f, "{:.1} ms", nanos / 1e6),
        }
    }
}

/// Prints a comparison's result beside what was to be reached.
pub(crate) fn verdict(what: &str, ratio: f64, target: f64) {
    let reached = if ratio <= target { "reached" } else { "MISSED" };
    println!("  {what}: {ratio:.3}x, to reach {target:.2}x: {reached}");
}
