//! Where a watch begins, and what a server may say of it.

use crate::v3::net::failure::{FailedAt, Failure};
use crate::v3::wire::claims;
use crate::v3::wire::messages::WatchResponse;
use crate::{Error, Kind};

/// Where a watch begins.
#[derive(Clone, Copy, Debug)]
pub(in crate::v3) struct Start {
    revision: i64,
    /// Whether that was asked for.
    named: bool,
}

impl Start {
    /// As it is asked for: 0 for what comes now.
    pub(in crate::v3) fn asked(revision: i64) -> Self {
        match revision {
            // One that begins with what comes has nothing before it that could be compacted.
            0 => Self { revision: i64::MAX, named: false },
            _ => Self { revision, named: true },
        }
    }

    /// Once it is confirmed, where the store was at `head`.
    pub(in crate::v3) fn confirmed(self, head: i64) -> Self {
        if self.named { self } else { Self { revision: head, ..self } }
    }

    /// Whether it was asked for, so that there may be something to replay.
    pub(in crate::v3) fn is_named(self) -> bool {
        self.named
    }

    /// Why the server has ended a watch that begins here.
    pub(in crate::v3) fn cancelled(self, frame: &WatchResponse) -> Failure {
        if frame.compact_revision == 0 {
            return self.believed(Failure::from_cancel_reason(&frame.cancel_reason));
        }
        match claims::compaction(frame.compact_revision, self.revision) {
            Ok(revision) => {
                let error = Error::compacted(revision);
                Failure { error, unprocessed: true, origin: FailedAt::Server, token_refused: false }
            }
            Err(lie) => Failure::broken(lie),
        }
    }

    /// A watch may begin in the future, and one that names no revision is not about any.
    pub(in crate::v3) fn believed(self, failure: Failure) -> Failure {
        let may_be_compacted = self.named && failure.error.kind() == Kind::Compacted;
        match claims::refusal(&failure.error, may_be_compacted) {
            Ok(()) => failure,
            Err(lie) => Failure::broken(lie),
        }
    }
}
