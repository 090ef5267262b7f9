//! Maps that are opened, and then idle.

use etcd_client::Client;
use subject::{Scene, json};

use crate::load::{Followed, load};
use crate::{background, connect, wait_for};

/// As in `ours`.
pub(crate) fn run(scene: &Scene) {
    let background = background();
    let client = || {
        let endpoint = scene.endpoint.clone();
        wait_for(&background, async move { connect(&endpoint).await })
    };
    let shared = client();
    let mut all: Vec<Followed> = Vec::new();
    subject::serve(json!({}), |command, words| {
        let number = |at: usize| words.get(at).and_then(|word| word.parse().ok()).unwrap_or(0);
        let open =
            |client: &Client, number: usize| load(&background, client, format!("/open/{number}/values/"));
        match command {
            "open" => {
                let from = all.len();
                all.extend((from..from + number(0)).map(|number| open(&shared, number)));
            }
            "fleet" => {
                for _ in 0..number(0) {
                    let own = client();
                    all.extend((0..number(1)).map(|number| open(&own, number)));
                }
            }
            _ => {}
        }
        json!({})
    });
}
