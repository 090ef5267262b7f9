//! A prefix by hand: listed, watched from the next revision, and watched again where the stream ends.

use std::time::Duration;

use etcd_client::{Client, Error, EventType, GetOptions, KeyValue, WatchOptions};

use crate::failed;

/// What has become of the prefix.
pub(crate) enum Step<'a> {
    Listed(&'a [KeyValue]),
    /// What one message brought: keys, and their values unless they were deleted.
    Changed(&'a [(&'a [u8], Option<&'a [u8]>)]),
}

/// Follows for ever; `apply` is called before anybody can know of the step. What cannot be read the first time ends the
/// program.
pub(crate) async fn follow(mut client: Client, prefix: String, mut apply: impl FnMut(Step<'_>)) {
    let mut seen = None;
    loop {
        match follow_once(&mut client, &prefix, &mut seen, &mut apply).await {
            Err(error) if seen.is_none() => failed(&error),
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            Ok(()) => {}
        }
    }
}

async fn follow_once(
    client: &mut Client,
    prefix: &str,
    seen: &mut Option<i64>,
    apply: &mut impl FnMut(Step<'_>),
) -> Result<(), Error> {
    let from = match *seen {
        Some(revision) => revision,
        None => {
            // tonic's limit is 4 MiB.
            let mut kv = client.kv_client().max_decoding_message_size(usize::MAX);
            let answer = kv.get(prefix, Some(GetOptions::new().with_prefix())).await?;
            apply(Step::Listed(answer.kvs()));
            answer.header().map_or(0, etcd_client::ResponseHeader::revision)
        }
    };
    *seen = Some(from);
    let options = WatchOptions::new().with_prefix().with_start_revision(from + 1);
    let mut watches = client.watch_client().max_decoding_message_size(usize::MAX);
    let mut stream = watches.watch(prefix, Some(options)).await?;
    while let Some(message) = stream.message().await? {
        if message.compact_revision() > 0 {
            *seen = None;
            return Ok(());
        }
        let mut changes = Vec::with_capacity(message.events().len());
        for event in message.events() {
            let Some(kv) = event.kv() else { continue };
            let value = (event.event_type() == EventType::Put).then(|| kv.value());
            changes.push((kv.key(), value));
            *seen = Some(kv.mod_revision());
        }
        if !changes.is_empty() {
            apply(Step::Changed(&changes));
        }
    }
    Ok(())
}
