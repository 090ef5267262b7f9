//! Colours of what is printed.

/// What a text stands out as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Style {
    #[default]
    Plain,
    Title,
    Faint,
    Good,
    Odd,
    Bad,
}

impl Style {
    /// The text with the terminal's commands around it, where colours are wanted.
    pub(super) fn paint(self, text: &str, wanted: bool) -> String {
        let number = match self {
            _ if !wanted || text.is_empty() => return text.to_owned(),
            Self::Plain => return text.to_owned(),
            Self::Title => 1,
            Self::Faint => 2,
            Self::Good => 32,
            Self::Odd => 33,
            Self::Bad => 31,
        };
        format!("\u{1b}[{number}m{text}\u{1b}[0m")
    }
}
