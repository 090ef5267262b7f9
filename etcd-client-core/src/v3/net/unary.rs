//! One answer to one request, whatever the server goes on to say.

use std::time::Duration;

use tokio::time::timeout;

use crate::v3::grpc::answers::Answers;
use crate::v3::grpc::request::HeldOpen;
use crate::v3::grpc::status::Status;
use crate::v3::net::failure::Failure;
use crate::v3::net::grpc_channel::AnswerBody;
use crate::v3::wire::any_method::{AnyAnswer, AnyMethod};
use crate::{Error, Kind};

/// How long the end of a request that was held open is waited for. It tells nothing; without it the stream is reset.
const HELD_OPEN_END: Duration = Duration::from_millis(200);

/// Reads the answer to a call. With its message it is whole, so the end must follow that within the limit, however many
/// messages come. A request that is held open ends with the message, too: how the server takes that is no matter then, and
/// etcd's gRPC proxy says that it was cancelled.
pub(in crate::v3) async fn one_answer(
    mut answers: Answers<AnswerBody>,
    method: &dyn AnyMethod,
    open: Option<HeldOpen>,
    limit: Duration,
) -> Result<AnyAnswer, Failure> {
    let lie = |what: &str| Failure::broken(Error::new(Kind::Protocol, what));
    let answer = answers.message().await?.ok_or_else(|| lie("the answer is empty"))?;
    let was_held_open = open.is_some();
    drop(open);
    let answer = method.decode(answer).map_err(|why| Failure::from_status(&Status::internal(why)))?;
    let limit = if was_held_open { limit.min(HELD_OPEN_END) } else { limit };
    match timeout(limit, answers.message()).await {
        Ok(Ok(None)) => Ok(answer),
        Ok(Ok(Some(_))) => Err(lie("more than one answer to one request")),
        Ok(Err(_)) | Err(_) if was_held_open => Ok(answer),
        Ok(Err(error)) => Err(error.into()),
        Err(_) => {
            let message = format!("the answer has not ended within {limit:.1?} of its message");
            Err(Failure::broken(Error::new(Kind::Timeout, message)))
        }
    }
}
