//! Signals that end the process, put off until the terminal is as it was before, or what has begun is taken back.

use std::io;

#[cfg(unix)]
pub(super) use self::unix::Ending;

#[cfg(unix)]
mod unix {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
    use signal_hook::{flag, low_level};

    use super::io;

    const SIGNALS: [i32; 4] = [SIGTERM, SIGINT, SIGHUP, SIGQUIT];

    /// What is heard of these signals. Once it is dropped they do again what they do without it.
    pub(in super::super) struct Ending {
        heard: Vec<(i32, Arc<AtomicBool>)>,
        dropped: Arc<AtomicBool>,
    }

    impl Ending {
        pub(in super::super) fn listen() -> io::Result<Self> {
            let mut ending = Self { heard: Vec::new(), dropped: Arc::default() };
            for signal in SIGNALS {
                let heard = Arc::default();
                flag::register_conditional_default(signal, Arc::clone(&ending.dropped))?;
                flag::register(signal, Arc::clone(&heard))?;
                ending.heard.push((signal, heard));
            }
            Ok(ending)
        }

        pub(in super::super) fn is_asked_for(&self) -> bool {
            self.signal().is_some()
        }

        /// Ends the process as a signal does that was heard.
        pub(in super::super) fn end(&self) -> io::Result<()> {
            self.signal().map_or(Ok(()), low_level::emulate_default_handler)
        }

        /// What was heard, by the name that people know.
        pub(in super::super) fn name(&self) -> Option<&'static str> {
            self.signal().map(|signal| match signal {
                SIGINT => "Ctrl-C",
                SIGTERM => "SIGTERM",
                SIGHUP => "SIGHUP",
                _ => "SIGQUIT",
            })
        }

        fn signal(&self) -> Option<i32> {
            self.heard.iter().find(|(_, heard)| heard.load(Ordering::Relaxed)).map(|(signal, _)| *signal)
        }
    }

    impl Drop for Ending {
        fn drop(&mut self) {
            self.dropped.store(true, Ordering::Relaxed);
        }
    }
}

/// There are no such signals.
#[cfg(not(unix))]
pub(super) struct Ending;

#[cfg(not(unix))]
#[allow(clippy::unnecessary_wraps, clippy::unused_self, reason = "as where there are signals")]
impl Ending {
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self)
    }

    pub(super) fn is_asked_for(&self) -> bool {
        false
    }

    pub(super) fn name(&self) -> Option<&'static str> {
        None
    }

    pub(super) fn end(&self) -> io::Result<()> {
        Ok(())
    }
}
