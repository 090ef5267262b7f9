//! How numbers are shown.

/// The middle of what several runs have found, and how far they lie apart.
pub(crate) struct Spread {
    pub(crate) median: f64,
    from: f64,
    to: f64,
}

impl Spread {
    pub(crate) fn of(values: &[f64]) -> Self {
        let mut sorted: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let middle = match sorted.len() {
            0 => f64::NAN,
            count if count % 2 == 1 => sorted[count / 2],
            count => f64::midpoint(sorted[count / 2 - 1], sorted[count / 2]),
        };
        let at = |end: Option<&f64>| end.copied().unwrap_or(f64::NAN);
        Self { median: middle, from: at(sorted.first()), to: at(sorted.last()) }
    }

    pub(crate) fn from(&self) -> f64 {
        self.from
    }

    pub(crate) fn to(&self) -> f64 {
        self.to
    }

    /// Of the one to the other in each run, which was the same weather for both.
    pub(crate) fn of_ratios(ones: &[f64], others: &[f64]) -> Self {
        let ratios: Vec<f64> = ones.iter().zip(others).map(|(one, other)| one / other).collect();
        Self::of(&ratios)
    }
}

/// A goal, and whether it is reached.
pub(crate) struct Outcome {
    pub(crate) reached: bool,
    pub(crate) words: String,
}

impl Outcome {
    pub(crate) fn new(what: &str, found: f64, limit: f64, unit: &str) -> Self {
        let reached = found <= limit;
        Self { reached, words: format!("{what}: {} {unit}, to reach {}", short(found), short(limit)) }
    }
}

/// One subject's number, and how many times it ours is.
pub(crate) fn print_line(metric: &str, who: &str, found: &Spread, unit: &str, ratio: Option<Spread>) {
    let shown = format!("{} [{}..{}]", short(found.median), short(found.from), short(found.to));
    // Of what idles at nothing there is no ratio.
    let ratio = ratio.filter(|ratio| ratio.median.is_finite()).map_or(String::new(), |ratio| {
        format!("  ours is {}x [{}..{}]", short(ratio.median), short(ratio.from), short(ratio.to))
    });
    println!("  {metric:<26} {who:<15} {shown:>28} {unit:<8}{ratio}");
}

pub(crate) fn print_verdict(outcome: &Outcome) {
    println!("      {}: {}", outcome.words, if outcome.reached { "reached" } else { "MISSED" });
}

/// Three digits, or all before the point.
pub(crate) fn short(number: f64) -> String {
    match number.abs() {
        size if size >= 100.0 => format!("{number:.0}"),
        size if size >= 10.0 => format!("{number:.1}"),
        size if size >= 1.0 => format!("{number:.2}"),
        _ => format!("{number:.3}"),
    }
}
