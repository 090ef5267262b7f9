//! The methods of etcd's services, and what may be done with each when it fails.

use prost::Message;

use crate::v3::wire::claims;
use crate::v3::wire::element_limit::BoundedAnswer;
use crate::v3::wire::messages as wire;
use crate::v3::wire::token::to_header;
use crate::{Error, Kind};

/// Signed tokens have a few hundred bytes; servers take headers of 8 kB to 16 MB.
const LONGEST_TOKEN: usize = 64 << 10;
/// An answer of so many keys is small.
const SMALL: i64 = 16;
/// A request of so many bytes is small.
const SMALL_REQUEST: usize = 16 << 10;

/// A request that one answer answers.
pub(in crate::v3) trait Method: Message + Clone + Default + 'static {
    type Answer: BoundedAnswer;

    const PATH: &'static str;

    /// Whether the server looks at the token.
    const NEEDS_TOKEN: bool = true;

    /// Whether it is one message of a stream of them, which ends only when the answer has come: etcd's gRPC proxy takes
    /// the end of a stream of keep-alives for the wish to keep nothing alive any more.
    const ENDS_AFTER_ANSWER: bool = false;

    /// Whether it is pointless to ask a member that has no leader.
    fn needs_leader(&self) -> bool {
        true
    }

    /// How many keys may be answered, if that was limited.
    fn at_most(&self) -> Option<usize> {
        None
    }

    /// Whether the answer may be so large that it holds up others on its connection.
    fn may_be_large(&self) -> bool {
        false
    }

    /// Whether it is about a revision, so that a refusal may be, too.
    fn names_revision(&self) -> bool {
        true
    }

    /// Whether this can be the answer; an error is that of the server.
    fn check(&self, answer: &Self::Answer) -> Result<(), Error> {
        let _ = answer;
        Ok(())
    }

    /// Whether doing it twice is as good as doing it once, so that it can be sent again.
    fn is_repeatable(&self) -> bool;
}

macro_rules! methods {
    ($($request:ident -> $answer:ident, $path:literal, $repeatable:literal;)*) => {$(
        impl Method for wire::$request {
            type Answer = wire::$answer;
            const PATH: &'static str = $path;

            fn is_repeatable(&self) -> bool {
                $repeatable
            }
        }
    )*};
}

methods! {
    PutRequest -> PutResponse, "/etcdserverpb.KV/Put", false;
    DeleteRangeRequest -> DeleteRangeResponse, "/etcdserverpb.KV/DeleteRange", false;
    CompactionRequest -> CompactionResponse, "/etcdserverpb.KV/Compact", false;
    LeaseGrantRequest -> LeaseGrantResponse, "/etcdserverpb.Lease/LeaseGrant", false;
    LeaseRevokeRequest -> LeaseRevokeResponse, "/etcdserverpb.Lease/LeaseRevoke", false;
    LeaseTimeToLiveRequest -> LeaseTimeToLiveResponse, "/etcdserverpb.Lease/LeaseTimeToLive", true;
    LeaseLeasesRequest -> LeaseLeasesResponse, "/etcdserverpb.Lease/LeaseLeases", true;
    MemberListRequest -> MemberListResponse, "/etcdserverpb.Cluster/MemberList", true;
}

impl Method for wire::LeaseKeepAliveRequest {
    type Answer = wire::LeaseKeepAliveResponse;
    const PATH: &'static str = "/etcdserverpb.Lease/LeaseKeepAlive";
    const ENDS_AFTER_ANSWER: bool = true;

    fn is_repeatable(&self) -> bool {
        true
    }
}

impl Method for wire::RangeRequest {
    type Answer = wire::RangeResponse;
    const PATH: &'static str = "/etcdserverpb.KV/Range";

    fn needs_leader(&self) -> bool {
        !self.serializable
    }

    fn names_revision(&self) -> bool {
        self.revision != 0
    }

    fn at_most(&self) -> Option<usize> {
        usize::try_from(self.limit).ok().filter(|limit| *limit > 0)
    }

    fn may_be_large(&self) -> bool {
        !self.count_only && !(1..=SMALL).contains(&self.limit)
    }

    fn check(&self, answer: &Self::Answer) -> Result<(), Error> {
        claims::range(self, answer)
    }

    fn is_repeatable(&self) -> bool {
        true
    }
}

impl Method for wire::TxnRequest {
    type Answer = wire::TxnResponse;
    const PATH: &'static str = "/etcdserverpb.KV/Txn";

    fn may_be_large(&self) -> bool {
        let is_large = |operation: &wire::RequestOp| match &operation.request {
            Some(wire::Request::Range(inner)) => inner.may_be_large(),
            Some(wire::Request::Txn(inner)) => inner.may_be_large(),
            Some(wire::Request::Put(put)) => put.prev_kv,
            Some(wire::Request::DeleteRange(delete)) => delete.prev_kv,
            None => false,
        };
        self.encoded_len() > SMALL_REQUEST || self.success.iter().chain(&self.failure).any(is_large)
    }

    fn check(&self, answer: &Self::Answer) -> Result<(), Error> {
        claims::reads(self, answer)
    }

    fn is_repeatable(&self) -> bool {
        self.success.iter().chain(&self.failure).all(|operation| match &operation.request {
            Some(wire::Request::Range(_)) | None => true,
            Some(wire::Request::Txn(inner)) => inner.is_repeatable(),
            Some(wire::Request::Put(_) | wire::Request::DeleteRange(_)) => false,
        })
    }
}

impl Method for wire::StatusRequest {
    type Answer = wire::StatusResponse;
    const PATH: &'static str = "/etcdserverpb.Maintenance/Status";

    fn needs_leader(&self) -> bool {
        false
    }

    fn is_repeatable(&self) -> bool {
        true
    }
}

impl Method for wire::AuthenticateRequest {
    type Answer = wire::AuthenticateResponse;
    const PATH: &'static str = "/etcdserverpb.Auth/Authenticate";
    const NEEDS_TOKEN: bool = false;

    /// A token is sent along with every call from now on.
    fn check(&self, answer: &Self::Answer) -> Result<(), Error> {
        let length = answer.token.len();
        if length > LONGEST_TOKEN {
            return Err(Error::new(Kind::Protocol, format!("a token of {length} bytes")));
        }
        to_header(&answer.token).map(drop)
    }

    fn is_repeatable(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn txn(request: wire::Request) -> wire::TxnRequest {
        let success = vec![wire::RequestOp { request: Some(request) }];
        wire::TxnRequest { success, ..wire::TxnRequest::default() }
    }

    #[test]
    fn a_transaction_is_large_by_what_it_carries_or_has_answered() {
        let put =
            |value: &[u8]| wire::PutRequest { value: value.to_vec().into(), ..wire::PutRequest::default() };
        let count = wire::RangeRequest { count_only: true, ..wire::RangeRequest::default() };
        assert!(!txn(wire::Request::Put(put(b"x"))).may_be_large());
        assert!(!txn(wire::Request::Range(count)).may_be_large());
        assert!(txn(wire::Request::Put(put(&[0; SMALL_REQUEST]))).may_be_large());
        assert!(txn(wire::Request::Put(wire::PutRequest { prev_kv: true, ..put(b"x") })).may_be_large());
        assert!(
            txn(wire::Request::Txn(txn(wire::Request::Range(wire::RangeRequest::default())))).may_be_large()
        );
    }

    #[test]
    fn only_what_changes_nothing_is_repeatable() {
        let (read, write) = (wire::RangeRequest::default(), wire::PutRequest::default());
        assert!(read.is_repeatable() && !write.is_repeatable());
        assert!(txn(wire::Request::Range(read.clone())).is_repeatable());
        assert!(txn(wire::Request::Txn(txn(wire::Request::Range(read)))).is_repeatable());
        assert!(!txn(wire::Request::Put(write.clone())).is_repeatable());
        assert!(!txn(wire::Request::Txn(txn(wire::Request::Put(write)))).is_repeatable());
    }
}
