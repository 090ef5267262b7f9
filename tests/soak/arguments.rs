//! What the soak is told.

/// The command line.
pub(crate) struct Arguments {
    pub(crate) minutes: f64,
    /// What the faults are drawn from.
    pub(crate) seed: u64,
}

impl Arguments {
    pub(crate) fn read(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut arguments = Self { minutes: 1.0, seed: 1 };
        while let Some(word) = words.next() {
            let value = words.next().unwrap_or_default();
            let read = match word.as_str() {
                "--minutes" => value.parse().map(|minutes| arguments.minutes = minutes).is_ok(),
                "--seed" => value.parse().map(|seed| arguments.seed = seed).is_ok(),
                _ => false,
            };
            if !read {
                return Err(format!(
                    "{word} {value}: use --minutes N, such as 20 or 0.5, and --seed N, a whole number"
                ));
            }
        }
        Ok(arguments)
    }
}
