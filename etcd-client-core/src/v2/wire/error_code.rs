//! etcd's own error codes.

use std::fmt;

macro_rules! codes {
    ($($name:ident = $code:literal, $text:literal;)*) => {
        /// etcd's code for a failed request of the v2 API, from [`Refusal::code`](crate::v2::Refusal::code).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ErrorCode {
            $(#[doc = concat!(stringify!($code), ": ", $text, ".")] $name,)*
            /// A code that this crate does not know.
            Other(i32),
        }

        impl ErrorCode {
            /// The number on the wire.
            pub fn number(self) -> i32 {
                match self {
                    $(Self::$name => $code,)*
                    Self::Other(code) => code,
                }
            }
        }

        impl From<i32> for ErrorCode {
            fn from(code: i32) -> Self {
                match code {
                    $($code => Self::$name,)*
                    other => Self::Other(other),
                }
            }
        }
    };
}

codes! {
    KeyNotFound = 100, "there is no such key";
    TestFailed = 101, "the value or the index is another than the one compared with";
    NotFile = 102, "the key is a directory";
    NotDir = 104, "a key on the way is not a directory";
    NodeExist = 105, "the key exists";
    RootReadOnly = 107, "the root cannot be written or deleted";
    DirNotEmpty = 108, "the directory is not empty";
    Unauthorized = 110, "the user may not do this, or is not who it says";
    ValueRequired = 200, "a value is required";
    PrevValueRequired = 201, "the value to compare with is empty";
    TtlNotANumber = 202, "the time to live is not a whole number";
    IndexNotANumber = 203, "the index is not a whole number";
    InvalidField = 209, "a flag has a value that it cannot have";
    InvalidForm = 210, "the form is malformed or too large";
    RefreshValue = 211, "a refresh cannot change the value";
    RefreshTtlRequired = 212, "a refresh needs a time to live";
    RaftInternal = 300, "the members could not agree in time, or something inside the server failed";
    LeaderElect = 301, "the members are electing a leader";
    WatcherCleared = 400, "the server has dropped the watcher";
    EventIndexCleared = 401, "the index to watch from is older than the history that is kept";
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.number().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_goes_there_and_back() {
        for code in 0..500 {
            assert_eq!(ErrorCode::from(code).number(), code);
        }
        assert_eq!(ErrorCode::from(401), ErrorCode::EventIndexCleared);
    }
}
