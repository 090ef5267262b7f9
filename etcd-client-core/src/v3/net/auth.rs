//! The token that stands for the user.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::HeaderValue;

use crate::v3::net::login::Login;
use crate::v3::wire::messages::AuthenticateRequest;
use crate::v3::wire::token::to_header;
use crate::{BoxFuture, Error, Kind};

/// A token, or the knowledge that none is needed; and how many were fetched before it.
#[derive(Clone, Debug, Default)]
pub(in crate::v3) struct Token {
    pub(in crate::v3) value: Option<HeaderValue>,
    user: Option<Arc<str>>,
    serial: u64,
}

/// Fetches tokens.
pub(in crate::v3) trait Authenticator: Sync {
    /// The server's answer to `Auth/Authenticate`.
    fn authenticate(&self, request: AuthenticateRequest) -> BoxFuture<Result<String, Error>>;
}

/// The credentials and the token that they gave, which a client shares with its copies that have their own
/// connections.
#[derive(Debug, Default)]
pub(in crate::v3) struct Auth {
    state: Arc<Mutex<TokenState>>,
    /// Held while a token is fetched, so that one call fetches it for all that wait.
    fetching: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct TokenState {
    login: Option<Login>,
    token: Option<Token>,
    /// Tokens asked for so far, with or without success.
    serial: u64,
    /// How the latest attempt failed.
    failure: Option<Error>,
}

impl Token {
    /// Whether it is the same one, not only an equal one.
    pub(in crate::v3) fn is_same(&self, other: &Self) -> bool {
        self.serial == other.serial && self.value.is_some() == other.value.is_some()
    }

    /// Whether both stand for the same user, or both for none.
    pub(in crate::v3) fn is_of_same_user(&self, other: &Self) -> bool {
        self.user == other.user && self.value.is_some() == other.value.is_some()
    }

    pub(in crate::v3) fn is_newer_than(&self, other: &Self) -> bool {
        self.serial > other.serial
    }

    /// Whether it is a simple token, `<random>.<index of the log>`, and not a signed one.
    fn waits_for_the_log(&self) -> bool {
        let text = self.value.as_ref().and_then(|value| value.to_str().ok());
        let parts = text.and_then(|text| text.split_once('.'));
        parts.is_some_and(|(_, index)| !index.is_empty() && index.bytes().all(|byte| byte.is_ascii_digit()))
    }
}

impl Auth {
    pub(in crate::v3) fn new(login: Option<Login>) -> Self {
        let state = Mutex::new(TokenState { login, ..TokenState::default() });
        Self { state: Arc::new(state), ..Self::default() }
    }

    /// For calls on another runtime: they do not wait for what this one fetches, as it may be blocked.
    pub(in crate::v3) fn with_own_token(&self) -> Self {
        Self { state: Arc::clone(&self.state), ..Self::default() }
    }

    /// From the next call on.
    pub(in crate::v3) fn set_login(&self, login: Login) {
        let mut state = self.lock();
        state.login = Some(login);
        state.token = None;
        state.failure = None;
        state.serial += 1;
    }

    /// The user's name; `None` if a provider names it, and without credentials.
    pub(in crate::v3) fn user(&self) -> Option<String> {
        match &self.lock().login {
            Some(Login::Fixed(credentials)) => Some(credentials.user().to_owned()),
            Some(Login::Provided(_)) | None => None,
        }
    }

    pub(in crate::v3) fn has_credentials(&self) -> bool {
        self.lock().login.is_some()
    }

    /// The token for a call; it is fetched when there is none yet.
    pub(in crate::v3) async fn token(&self, authenticator: &impl Authenticator) -> Result<Token, Error> {
        if let Some(token) = self.current() {
            return Ok(token);
        }
        self.fetch(authenticator).await
    }

    /// Another token than the one that was refused.
    pub(in crate::v3) async fn renew(
        &self,
        refused: &Token,
        authenticator: &impl Authenticator,
    ) -> Result<Token, Error> {
        {
            let mut state = self.lock();
            if state.token.as_ref().is_some_and(|token| token.serial == refused.serial) {
                state.token = None;
            }
        }
        self.token(authenticator).await
    }

    /// No answer to a call with this token: another is fetched for the next, if a server looks at this one only
    /// when its log has come as far as when it was made. A restored cluster's may not for a long time.
    pub(in crate::v3) fn doubt(&self, ignored: &Token) {
        let mut state = self.lock();
        if ignored.waits_for_the_log()
            && state.token.as_ref().is_some_and(|token| token.serial == ignored.serial)
        {
            state.token = None;
        }
    }

    fn current(&self) -> Option<Token> {
        let state = self.lock();
        if state.login.is_none() { Some(Token::default()) } else { state.token.clone() }
    }

    async fn fetch(&self, authenticator: &impl Authenticator) -> Result<Token, Error> {
        let asked = self.lock().serial;
        let _guard = self.fetching.lock().await;
        let (login, serial) = {
            let state = self.lock();
            // The call that held the lock before has done it for this one, too.
            match (&state.login, &state.token, &state.failure) {
                (None, _, _) => return Ok(Token::default()),
                (_, Some(token), _) => return Ok(token.clone()),
                (_, None, Some(failure)) if state.serial > asked => return Err(failure.clone()),
                (Some(login), None, _) => (login.clone(), state.serial),
            }
        };
        let credentials = match login.credentials().await {
            Ok(credentials) => credentials,
            Err(error) => return self.settle(serial, "", Err(error)),
        };
        let (name, password) = (credentials.user().to_owned(), credentials.password().to_owned());
        let answer = authenticator.authenticate(AuthenticateRequest { name, password }).await;
        self.settle(serial, credentials.user(), answer)
    }

    fn settle(&self, asked: u64, user: &str, answer: Result<String, Error>) -> Result<Token, Error> {
        let value = match answer {
            Ok(token) => Ok(Some(token)),
            // No token is needed, until authentication is enabled.
            Err(error) if error.to_string().contains("authentication is not enabled") => Ok(None),
            Err(error) if error.kind() == Kind::Unauthenticated => Err(error.of_user(user)),
            Err(error) => Err(error),
        };
        let value = value.and_then(|token| token.as_deref().map(to_header).transpose());
        let mut state = self.lock();
        let overtaken = state.serial != asked;
        state.serial += 1;
        let token = value.map(|value| Token { value, user: Some(user.into()), serial: state.serial });
        if !overtaken {
            state.failure = token.as_ref().err().cloned();
            state.token = token.as_ref().ok().cloned();
        }
        token
    }

    /// Nothing panics while it holds this lock, so a poisoned one is as good as any.
    fn lock(&self) -> MutexGuard<'_, TokenState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::transport::credentials::Credentials;

    #[derive(Default)]
    struct Server {
        asked: AtomicU64,
        refuses: bool,
    }

    impl Authenticator for Server {
        fn authenticate(&self, request: AuthenticateRequest) -> BoxFuture<Result<String, Error>> {
            let serial = self.asked.fetch_add(1, Ordering::Relaxed);
            let refuses = self.refuses;
            Box::pin(async move {
                tokio::task::yield_now().await;
                if refuses {
                    return Err(Error::new(Kind::Unauthenticated, "authentication failed").at("http://a:1"));
                }
                Ok(format!("{}.{serial}", request.name))
            })
        }
    }

    fn auth() -> Auth {
        Auth::new(Some(Login::Fixed(Credentials::new("root", "hunter2"))))
    }

    #[tokio::test]
    async fn one_call_fetches_the_token_for_all() {
        let (auth, server) = (auth(), Server::default());
        let (one, two) = tokio::join!(auth.token(&server), auth.token(&server));
        assert_eq!(one.unwrap().value.unwrap(), "root.0");
        let old = two.unwrap();
        let (one, two) = tokio::join!(auth.renew(&old, &server), auth.renew(&old, &server));
        assert_eq!(
            (one.unwrap().value.unwrap(), two.unwrap().value.unwrap()),
            ("root.1".parse().unwrap(), "root.1".parse().unwrap())
        );
        auth.renew(&old, &server).await.unwrap();
        assert_eq!(server.asked.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn a_renewed_token_is_of_the_same_user_and_that_of_another_login_is_not() {
        let (auth, server) = (auth(), Server::default());
        let old = auth.token(&server).await.unwrap();
        let new = auth.renew(&old, &server).await.unwrap();
        assert!(new.is_of_same_user(&old) && !new.is_same(&old) && new.is_newer_than(&old));
        auth.set_login(Login::Fixed(Credentials::new("app", "hunter2")));
        let other = auth.token(&server).await.unwrap();
        assert!(!other.is_of_same_user(&new) && !Token::default().is_of_same_user(&new));
    }

    /// A blocked runtime does not hold up calls on another one.
    #[tokio::test(start_paused = true)]
    async fn who_does_not_go_on_with_fetching_is_not_waited_for_by_a_twin() {
        let (auth, server) = (auth(), Server::default());
        let own = auth.with_own_token();
        let mut blocked = Box::pin(auth.token(&server));
        let polled =
            std::future::poll_fn(|cx| std::task::Poll::Ready(blocked.as_mut().poll(cx).is_pending()));
        assert!(polled.await, "it is under way");
        let limit = std::time::Duration::from_secs(10);
        let token = tokio::time::timeout(limit, own.token(&server)).await.expect("nobody else is waited for");
        assert_eq!(token.unwrap().value.unwrap(), "root.1");
        assert_eq!(blocked.await.unwrap().value.unwrap(), "root.0");
        assert_eq!(auth.token(&server).await.unwrap().value.unwrap(), "root.1");
    }

    #[tokio::test]
    async fn a_wrong_password_is_tried_once_for_all_that_wait() {
        let (auth, server) = (auth(), Server { refuses: true, ..Server::default() });
        let (one, two) = tokio::join!(auth.token(&server), auth.token(&server));
        for error in [one.unwrap_err(), two.unwrap_err()] {
            assert_eq!(error.kind(), Kind::Unauthenticated);
            assert_eq!(error.to_string(), "http://a:1: user \"root\": authentication failed");
        }
        assert_eq!(server.asked.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn new_credentials_count_at_once() {
        let (auth, server) = (auth(), Server::default());
        auth.token(&server).await.unwrap();
        auth.set_login(Login::Fixed(Credentials::new("other", "x")));
        assert_eq!(auth.token(&server).await.unwrap().value.unwrap(), "other.1");
    }

    #[tokio::test]
    async fn a_provider_is_asked_each_time_that_a_token_is_fetched() {
        let asked = std::sync::Arc::new(AtomicU64::new(0));
        let count = asked.clone();
        let provider = move || {
            let user = format!("user-{}", count.fetch_add(1, Ordering::Relaxed));
            async { Ok::<_, Error>(Credentials::new(user, "x")) }
        };
        let (auth, server) = (Auth::new(Some(Login::provided(provider))), Server::default());
        let (one, two) = tokio::join!(auth.token(&server), auth.token(&server));
        assert_eq!(
            (one.unwrap().value.unwrap(), asked.load(Ordering::Relaxed)),
            ("user-0.0".parse().unwrap(), 1)
        );
        let next = auth.renew(&two.unwrap(), &server).await.unwrap();
        assert_eq!(next.value.unwrap(), "user-1.1");
    }

    #[tokio::test]
    async fn without_credentials_nothing_is_fetched() {
        let server = Server::default();
        assert!(Auth::default().token(&server).await.unwrap().value.is_none());
        assert_eq!(server.asked.load(Ordering::Relaxed), 0);
    }
}
