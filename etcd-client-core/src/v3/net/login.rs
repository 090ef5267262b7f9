//! The source of the user and the password.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::transport::credentials::Credentials;
use crate::{BoxFuture, Error, Kind};

/// How long a provider may take.
const LIMIT: Duration = Duration::from_secs(10);

/// The credentials, or a provider that is asked for them each time that they are needed.
#[derive(Clone)]
pub(in crate::v3) enum Login {
    Fixed(Credentials),
    Provided(Provider),
}

type Provider = Arc<dyn Fn() -> BoxFuture<Result<Credentials, Cause>> + Send + Sync>;
type Cause = Box<dyn StdError + Send + Sync>;

impl Login {
    pub(in crate::v3) fn provided<F, A, E>(provider: F) -> Self
    where
        F: Fn() -> A + Send + Sync + 'static,
        A: Future<Output = Result<Credentials, E>> + Send + 'static,
        E: Into<Cause>,
    {
        Self::Provided(Arc::new(move || {
            let answer = provider();
            Box::pin(async move { answer.await.map_err(Into::into) })
        }))
    }

    pub(in crate::v3) async fn credentials(&self) -> Result<Credentials, Error> {
        let provider = match self {
            Self::Fixed(credentials) => return Ok(credentials.clone()),
            Self::Provided(provider) => Arc::clone(provider),
        };
        // In a task of its own, so that a panic in it ends nothing else.
        let mut task = tokio::spawn(async move { provider().await });
        let failed = |why: &str| Error::new(Kind::Unavailable, format!("the credentials provider {why}"));
        match tokio::time::timeout(LIMIT, &mut task).await {
            Ok(Ok(Ok(credentials))) if credentials.user().is_empty() => {
                Err(failed("has answered with a user whose name is empty"))
            }
            Ok(Ok(Ok(credentials))) => Ok(credentials),
            Ok(Ok(Err(cause))) => Err(failed(&format!("has failed: {cause}")).with_source(cause)),
            Ok(Err(ended)) => Err(failed("has panicked, or was stopped").with_source(ended)),
            Err(_) => {
                task.abort();
                Err(failed(&format!("has not answered within {LIMIT:?}")))
            }
        }
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(credentials) => credentials.fmt(f),
            Self::Provided(_) => f.write_str("Provided(..)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Answer = Result<Credentials, String>;

    async fn error(login: Login) -> String {
        let error = login.credentials().await.unwrap_err();
        assert!(error.is_transient(), "{error}");
        error.to_string()
    }

    #[tokio::test(start_paused = true)]
    async fn a_provider_that_has_nothing_is_told_by_its_cause_and_asked_again_later() {
        let failing = Login::provided(|| async { Answer::Err("the vault is sealed".to_owned()) });
        assert!(error(failing).await.ends_with("has failed: the vault is sealed"));
        let nobody = Login::provided(|| async { Answer::Ok(Credentials::new("", "x")) });
        assert!(error(nobody).await.contains("empty"));
        let stuck = Login::provided(std::future::pending::<Answer>);
        assert!(error(stuck).await.contains("within 10s"));
    }

    #[tokio::test]
    async fn a_panic_in_a_provider_is_a_failure_like_others() {
        fn explode() -> std::future::Ready<Answer> {
            panic!("no vault")
        }
        assert!(error(Login::provided(explode)).await.contains("panicked"));
    }
}
