//! gRPC over HTTP/2, as far as etcd's services need it: [PROTOCOL-HTTP2], whose sections the files name.
//!
//! Requests and answers are those of the crate `http`; who carries them is not known here. What is not supported is
//! refused: compression, which etcd does not use.
//!
//! [PROTOCOL-HTTP2]: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md

pub(in crate::v3) mod answers;
pub(in crate::v3) mod code;
pub(in crate::v3) mod frame;
pub(in crate::v3) mod request;
pub(in crate::v3) mod status;
