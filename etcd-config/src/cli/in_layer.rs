//! The layer that a command is about, where a configuration has several.

/// The layer that is changed, or written down.
#[derive(clap::Args, Clone, Debug)]
pub(super) struct InLayer {
    /// The layer that is meant, by its prefix; without this the lowest one, which is the prefix itself
    #[arg(long, value_name = "PREFIX")]
    layer: Option<String>,
}

impl InLayer {
    pub(super) fn name(&self) -> Option<&str> {
        self.layer.as_deref()
    }
}
