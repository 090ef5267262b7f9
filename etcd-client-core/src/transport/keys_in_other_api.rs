//! Whether the same servers hold keys under etcd's other API, for a person who looks in the wrong one.
//!
//! Asked in JSON over HTTP/1.1, by etcd's gateway for v3: so neither client has to know the other. No password
//! is sent.

use std::time::Duration;

#[cfg(feature = "v2")]
use base64::Engine as _;
#[cfg(feature = "v2")]
use base64::engine::general_purpose::STANDARD;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::Prefix;
use crate::transport::endpoint::Endpoint;
use crate::transport::http::Protocol;
use crate::transport::settings::ClientOptions;

/// A hint is not waited for.
const LIMIT: Duration = Duration::from_millis(500);
/// More than this is the listing of a directory that has something in it.
const LONGEST: usize = 64 << 10;
/// What such a listing begins with.
const BEGINNING: &[u8] = br#"{"action":"get","node":{"#;

/// Whether there is something in the directory for etcd's v2 API.
pub(crate) async fn holds_v2_keys(options: &ClientOptions, prefix: &Prefix) -> bool {
    let answer = asked(options, |client, endpoint| {
        let mut url = endpoint.url("/v2/keys").ok()?;
        let names = prefix.directory().split('/').filter(|name| !name.is_empty());
        url.path_segments_mut().ok()?.extend(names).push("");
        Some(client.get(url))
    });
    let Some(answer) = answer.await else { return false };
    let is_directory = |answer: &serde_json::Value| {
        let nodes = answer.pointer("/node/nodes").and_then(serde_json::Value::as_array);
        nodes.is_some_and(|nodes| !nodes.is_empty())
    };
    // A proxy may answer with a page, whatever is asked for.
    let is_long = answer.len() > LONGEST && answer.starts_with(BEGINNING);
    is_long || serde_json::from_slice(&answer).is_ok_and(|answer| is_directory(&answer))
}

/// Whether there is a key below the prefix for etcd's v3 API.
#[cfg(feature = "v2")]
pub(crate) async fn holds_v3_keys(options: &ClientOptions, prefix: &Prefix) -> bool {
    let directory = prefix.directory().as_bytes();
    // The directory ends with a slash, which is not the last of all bytes.
    let mut end = directory.to_vec();
    end.last_mut().into_iter().for_each(|last| *last += 1);
    let range = serde_json::json!({
        "key": STANDARD.encode(directory),
        "range_end": STANDARD.encode(&end),
        "count_only": true,
        "serializable": true,
    });
    let answer = asked(options, |client, endpoint| {
        Some(client.post(endpoint.url("/v3/kv/range").ok()?).body(range.to_string()))
    });
    let Some(answer) = answer.await else { return false };
    let count = |answer: &serde_json::Value| answer["count"].as_str().is_some_and(|count| count != "0");
    serde_json::from_slice(&answer).is_ok_and(|answer| count(&answer))
}

/// The beginning of the first answer that is a success. All endpoints are asked at the same time: one that does
/// not answer takes the whole limit.
async fn asked(
    options: &ClientOptions,
    request: impl Fn(&reqwest::Client, &Endpoint) -> Option<reqwest::RequestBuilder>,
) -> Option<Vec<u8>> {
    let ask = async {
        let mut answers = JoinSet::new();
        for endpoint in &options.endpoints {
            options.http.prepare(endpoint.is_secure()).await;
            let client = options.http.client(Protocol::Http1, endpoint.is_secure()).ok()?;
            answers.spawn(success(request(&client, endpoint)?));
        }
        while let Some(answer) = answers.join_next().await {
            if let Ok(Some(body)) = answer {
                return Some(body);
            }
        }
        None
    };
    timeout(LIMIT, ask).await.ok().flatten()
}

async fn success(request: reqwest::RequestBuilder) -> Option<Vec<u8>> {
    let mut answer = request.send().await.ok()?;
    if !answer.status().is_success() {
        return None;
    }
    let mut body = Vec::new();
    while let Ok(Some(piece)) = answer.chunk().await {
        body.extend_from_slice(&piece);
        if body.len() > LONGEST {
            break;
        }
    }
    Some(body)
}
