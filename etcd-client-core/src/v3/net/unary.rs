//! One answer to one request, whatever the server goes on to say.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::timeout;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::{Request, Status};

use crate::v3::net::failure::Failure;
use crate::v3::net::grpc_channel::GrpcChannel;
use crate::v3::wire::any_method::{AnyAnswer, AnyMethod};
use crate::v3::wire::codec::Bare;
use crate::{Error, Kind};

/// Does a call. With its message the answer is whole, so the end must follow it within the limit:
/// tonic's own calls read on for as long as messages come.
pub(in crate::v3) async fn one_answer(
    grpc: &mut Grpc<GrpcChannel>,
    request: Request<Bytes>,
    method: &dyn AnyMethod,
    limit: Duration,
) -> Result<AnyAnswer, Failure> {
    let of_status = |status: Status| Failure::from_status(&status);
    let path = PathAndQuery::from_static(method.path());
    let answers = grpc.server_streaming(request, path, Bare).await;
    let mut answers = answers.map_err(of_status)?.into_inner();
    let lie = |what: &str| Failure::broken(Error::new(Kind::Protocol, what));
    let answer = answers.message().await.map_err(of_status)?.ok_or_else(|| lie("the answer is empty"))?;
    let answer = method.decode(answer).map_err(of_status)?;
    match timeout(limit, answers.message()).await {
        Ok(Ok(None)) => Ok(answer),
        Ok(Ok(Some(_))) => Err(lie("more than one answer to one request")),
        Ok(Err(status)) => Err(of_status(status)),
        Err(_) => {
            let message = format!("the answer has not ended within {limit:.1?} of its message");
            Err(Failure::broken(Error::new(Kind::Timeout, message)))
        }
    }
}
