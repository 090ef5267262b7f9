//! Keys and values with all sorts of characters, and of all sizes.

use std::time::{Duration, Instant};

use etcd_client_core::Kind;
use etcd_client_core::v2::Client;

use super::line::{on_each_line, on_own_servers, refusal};

#[test]
fn e01_special_characters_in_keys() {
    on_each_line("e01", &async |line| {
        for name in
            ["a b", "a+b", "p%q", "100%", "q?m", "h#h", "x;y", "a&b=c", "ü你好😀", "\u{1}\n", "%2e%2e", "..x"]
        {
            let key = line.key(name);
            let set = line.client.set(&key, name).await.unwrap();
            assert_eq!(set.node().unwrap().key, key);
            let got = line.client.get(&key).await.unwrap();
            assert_eq!((got.node().unwrap().key.as_str(), got.value()), (key.as_str(), Some(name)));
            line.client.delete(&key).await.unwrap();
        }
        for key in ["a/../b", "./a"] {
            let error = line.client.set(line.key(key), "v").await.unwrap_err();
            assert_eq!(error.kind(), Kind::InvalidInput, "{key}");
        }
        line.client.set(line.key("//two//slashes/"), "v").await.unwrap();
        assert_eq!(line.client.get(line.key("two/slashes")).await.unwrap().value(), Some("v"));
    });
}

#[test]
fn e02_special_characters_in_values() {
    on_each_line("e02", &async |line| {
        let large = "x".repeat(1 << 20);
        for value in ["a;b", "a+b", "a&b=c", "100%", "<&>\u{2028}", "é你😀", "\0", "", " \r\n\t", &large]
        {
            line.client.set(line.key("k"), value).await.unwrap();
            let got = line.client.get(line.key("k")).await.unwrap();
            assert!(got.value() == Some(value), "{:?}", &value[..value.len().min(20)]);
        }
    });
}

#[test]
fn e05_large_bodies() {
    on_own_servers("e05", &async |line| {
        let client = Client::builder()
            .endpoints([line.server.endpoint()])
            .timeout(Duration::from_secs(60))
            .build()
            .unwrap();
        let set = client.set(line.key("k"), "x".repeat(9_000_000)).await.unwrap();
        assert_eq!(set.headers().status(), 201);
        let started = Instant::now();
        let error = client.set(line.key("k"), "x".repeat(12_000_000)).await.unwrap_err();
        match etcd_client_core::v2::Refusal::of(&error) {
            Some(_) => assert_eq!(refusal(&error), (400, 210, "http: POST too large")),
            // The server may close the connection before all was sent.
            None => assert_eq!(error.kind(), Kind::Unavailable, "{error}"),
        }
        assert!(started.elapsed() < Duration::from_secs(30), "retried for {:?}", started.elapsed());
        assert_eq!(client.get(line.key("k")).await.unwrap().value().map(str::len), Some(9_000_000));
    });
}

#[test]
fn e06_a_value_that_is_no_text() {
    // The client takes text only; what others have stored reads as the server shows it.
    on_each_line("e06", &async |line| {
        let path = format!("v2/keys{}", line.key("k"));
        let put =
            line.client.raw("PUT", path).body("application/x-www-form-urlencoded", "value=%ff%fe").await;
        assert_eq!(put.unwrap().headers().status(), 201);
        let value = line.client.get(line.key("k")).await.unwrap().into_body().node.unwrap().value.unwrap();
        assert!(!value.is_empty() && value.chars().all(|c| c == '\u{fffd}'), "{value:?}");
    });
}
