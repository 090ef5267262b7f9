//! The keys of the same servers as their other API has them, for a person who looks in the wrong one.

use std::time::Duration;

use crate::settings::Options;
use crate::{Prefix, v2, v3};

/// A hint is not waited for.
const LIMIT: Duration = Duration::from_millis(500);

/// Whether there is something in the directory for etcd's v2 API. No password is sent.
pub(crate) async fn is_in_v2(options: &Options, prefix: &Prefix) -> bool {
    let client = v2::Client::anonymous(asked_once(options));
    let directory = client.get(prefix.directory()).into_future();
    let answer = tokio::time::timeout(LIMIT, directory).await;
    let node = answer.ok().and_then(Result::ok).and_then(|answer| answer.into_body().node);
    node.is_some_and(|node| node.dir && !node.nodes.is_empty())
}

/// Whether there is a key below the prefix for etcd's v3 API. No password is sent, and nothing where gRPC
/// does not come through.
pub(crate) async fn is_in_v3(options: &Options, prefix: &Prefix) -> bool {
    let has_path = options.endpoints.iter().any(|endpoint| !endpoint.base_path().is_empty());
    if has_path || options.http.proxy.is_some() {
        return false;
    }
    let client = v3::Client::anonymous(asked_once(options));
    let count = client.get(prefix.directory()).prefix().count_only().serializable().into_future();
    matches!(tokio::time::timeout(LIMIT, count).await, Ok(Ok(answer)) if answer.count > 0)
}

fn asked_once(options: &Options) -> Options {
    Options { max_retries: 0, timeout: LIMIT, ..options.clone() }
}
