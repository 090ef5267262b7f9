//! What a server sends over HTTP/1.1, as far as long polls go: the head of a reply comes at once, and
//! the change, in a chunk, when there is one.

const END: &[u8] = b"0\r\n\r\n";

/// The replies of one connection, one after the other.
#[derive(Debug, Default)]
pub(super) struct Polls {
    stage: Stage,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Other,
    /// The head has been passed on, and nothing more.
    Waiting,
    /// The change is left out, up to its end.
    Losing,
    /// The poll was ended in the server's place.
    Over,
}

impl Polls {
    /// What to pass on of the next bytes. Changes are left out as long as `lose` says so.
    pub(super) fn pass(&mut self, bytes: Vec<u8>, mut lose: impl FnMut() -> bool) -> Vec<u8> {
        if self.stage == Stage::Waiting && lose() {
            self.stage = Stage::Losing;
        }
        match self.stage {
            Stage::Losing | Stage::Over => {
                // The client still waits, on a connection that the server takes for a free one.
                if self.stage == Stage::Losing && bytes.ends_with(END) {
                    self.stage = Stage::Waiting;
                }
                Vec::new()
            }
            Stage::Other | Stage::Waiting => {
                self.stage = if is_head_of_poll(&bytes) { Stage::Waiting } else { Stage::Other };
                bytes
            }
        }
    }

    /// The end, in good order, of a poll that waits. What comes next on the connection cannot be its
    /// server's answer.
    pub(super) fn end(&mut self) -> Vec<u8> {
        if self.stage != Stage::Waiting {
            return Vec::new();
        }
        self.stage = Stage::Over;
        END.to_vec()
    }

    /// Whether a poll was ended in the server's place.
    pub(super) fn is_over(&self) -> bool {
        self.stage == Stage::Over
    }
}

fn is_head_of_poll(bytes: &[u8]) -> bool {
    let head = String::from_utf8_lossy(bytes);
    head.starts_with("HTTP/1.1 200")
        && head.to_ascii_lowercase().contains("\r\ntransfer-encoding: chunked\r\n")
        && head.ends_with("\r\n\r\n")
        && !bytes.ends_with(END)
}
