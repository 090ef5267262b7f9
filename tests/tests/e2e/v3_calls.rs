//! Each call of the v3 client, on each line of servers.

use std::time::Duration;

use etcd_client_core::Kind;
use etcd_client_core::v3::{Client, Compare, EventKind, LeaseId, OperationResponse};
use etcd_config_tests::{Server, block_on, servers, soon};

fn on_each_line(test: &impl AsyncFn(Client, &Server)) {
    for etcd in servers::all() {
        eprintln!("{etcd}");
        let server = Server::builder().etcd(etcd).start();
        let client = Client::new([server.endpoint()]).unwrap();
        block_on(test(client, &server));
    }
}

#[test]
fn keys_are_written_read_and_deleted() {
    on_each_line(&async |client, _| {
        let put = client.put("/a/1", "one").await.unwrap();
        assert!(put.header.revision > 1 && put.header.cluster_id != 0 && put.prev_kv.is_none());
        let put = client.put("/a/1", "uno").prev_kv().await.unwrap();
        assert_eq!(put.prev_kv.unwrap().value_str().unwrap(), "one");
        client.put("/a/2", vec![0, 159, 146, 150]).await.unwrap();
        client.put("/b", "").await.unwrap();

        let one = client.get("/a/1").await.unwrap();
        let kv = one.kv().unwrap();
        assert_eq!((kv.key_str().unwrap(), kv.value_str().unwrap(), kv.version), ("/a/1", "uno", 2));
        assert_eq!((one.count, kv.mod_revision, kv.lease), (1, put.header.revision, LeaseId::NONE));

        let both = client.get("/a/").prefix().await.unwrap();
        assert_eq!(both.kvs.len(), 2);
        assert!(both.kvs[1].value_str().is_err() && both.kvs[1].value.len() == 4);
        let limited = client.get("/a/").prefix().limit(1).keys_only().await.unwrap();
        assert_eq!((limited.kvs.len(), limited.more, limited.count), (1, true, 2));
        assert!(limited.kvs[0].value.is_empty());
        let all = client.get("").prefix().count_only().serializable().await.unwrap();
        assert_eq!((all.kvs.len(), all.count), (0, 3));
        assert_eq!(client.get("/a/2").range("/b").await.unwrap().count, 1);
        assert_eq!(client.get("/a/2").from_key().await.unwrap().count, 2);
        let past = client.get("/a/1").revision(put.header.revision - 1).await.unwrap();
        assert_eq!(past.kv().unwrap().value_str().unwrap(), "one");
        let since = client.get("").prefix().min_mod_revision(put.header.revision + 1).await.unwrap();
        assert_eq!(since.kvs.len(), 2);

        let deleted = client.delete("/a/").prefix().prev_kv().await.unwrap();
        assert_eq!((deleted.deleted, deleted.prev_kvs.len()), (2, 2));
        assert!(client.get("/a/1").await.unwrap().kv().is_none());
        assert_eq!(client.delete("/b").await.unwrap().deleted, 1);
    });
}

#[test]
fn transactions_choose_by_their_comparisons() {
    on_each_line(&async |client, _| {
        let create = || {
            let txn = client.txn().when(Compare::version("/k").equals(0));
            txn.then(client.put("/k", "v")).then(client.put("/l", "v")).or_else(client.get("/k"))
        };
        let created = create().await.unwrap();
        assert!(created.succeeded && created.responses.len() == 2);
        let refused = create().await.unwrap();
        assert!(!refused.succeeded);
        let [OperationResponse::Get(found)] = &refused.responses[..] else { panic!("{refused:?}") };
        let kv = found.kv().unwrap();
        assert_eq!(kv.mod_revision, created.header.revision);
        assert_eq!(client.get("/l").await.unwrap().kv().unwrap().mod_revision, created.header.revision);

        let revision = kv.mod_revision;
        for (compare, holds) in [
            (Compare::value("/k").equals("v"), true),
            (Compare::value("/k").differs_from("v"), false),
            (Compare::value("/k").is_greater_than("u"), true),
            (Compare::value("/k").is_less_than("u"), false),
            (Compare::mod_revision("/k").equals(revision), true),
            (Compare::mod_revision("/k").is_less_than(revision), false),
            (Compare::create_revision("/k").is_greater_than(0), true),
            (Compare::create_revision("/none").differs_from(0), false),
            (Compare::lease_is("/k", LeaseId::NONE), true),
            (Compare::value("/").equals("v").prefix(), true),
            (Compare::version("/").is_greater_than(1).prefix(), false),
        ] {
            let shown = format!("{compare:?}");
            assert_eq!(client.txn().when(compare).await.unwrap().succeeded, holds, "{shown}");
        }
        let nested = client.txn().then(client.txn().then(client.delete("/").prefix())).await.unwrap();
        let [OperationResponse::Txn(inner)] = &nested.responses[..] else { panic!("{nested:?}") };
        assert!(matches!(&inner.responses[..], [OperationResponse::Delete(deleted)] if deleted.deleted == 2));
    });
}

#[test]
fn leases_end_unless_they_are_kept_alive() {
    on_each_line(&async |client, _| {
        let granted = client.lease_grant(60).id(LeaseId(4711)).await.unwrap();
        assert_eq!((granted.id, granted.ttl), (LeaseId(4711), 60));
        client.put("/leased", "x").lease(LeaseId(4711)).await.unwrap();
        assert_eq!(client.lease_keep_alive(LeaseId(4711)).await.unwrap().ttl, 60);
        let left = client.lease_time_to_live(LeaseId(4711)).keys().await.unwrap();
        assert!(left.ttl > 50 && left.granted_ttl == 60 && left.keys == ["/leased"]);
        let other = client.lease_grant(60).await.unwrap().id;
        let mut all = client.leases().await.unwrap().leases;
        all.sort_unstable();
        assert!(other != LeaseId::NONE && all.len() == 2 && all.contains(&other));

        client.lease_revoke(LeaseId(4711)).await.unwrap();
        assert!(client.get("/leased").await.unwrap().kv().is_none());
        for gone in [
            client.lease_revoke(LeaseId(4711)).await.unwrap_err(),
            client.lease_keep_alive(LeaseId(4711)).await.unwrap_err(),
            client.lease_time_to_live(LeaseId(4711)).await.unwrap_err(),
            client.put("/leased", "x").lease(LeaseId(4711)).await.unwrap_err(),
        ] {
            assert_eq!(gone.kind(), Kind::NotFound, "{gone}");
        }
    });
}

#[test]
fn the_cluster_tells_its_members_and_its_state() {
    on_each_line(&async |client, server| {
        let members = client.members().await.unwrap();
        assert_eq!(members.members.len(), 1);
        assert_eq!(members.members[0].name, server.name());
        assert_eq!(members.members[0].client_urls, [server.endpoint()]);
        let status = client.status().await.unwrap();
        assert_eq!(status.version, server.etcd().version().to_string());
        assert!(status.leader == members.members[0].id && status.db_size > 0 && status.errors.is_empty());
    });
}

#[test]
fn a_watch_tells_changes_in_order_and_then_that_its_start_is_compacted() {
    on_each_line(&async |client, _| {
        let first = client.put("/w/1", "a").await.unwrap().header.revision;
        client.put("/w/1", "b").await.unwrap();
        client.put("/other", "b").await.unwrap();
        client.delete("/w/1").await.unwrap();
        let mut changes = client.watch("/w/").prefix().start_revision(first).prev_kv().await.unwrap();
        assert_eq!(changes.header().revision, first + 3);
        client.txn().then(client.put("/w/2", "x")).then(client.put("/w/3", "y")).await.unwrap();
        let mut events = Vec::new();
        while events.len() < 5 {
            events.extend(soon(changes.next()).await.unwrap().unwrap().events);
        }
        let told: Vec<_> = events
            .iter()
            .map(|event| (event.kind, event.kv.key_str().unwrap(), event.kv.mod_revision - first))
            .collect();
        let put = EventKind::Put;
        let expected = [
            (put, "/w/1", 0),
            (put, "/w/1", 1),
            (EventKind::Delete, "/w/1", 3),
            (put, "/w/2", 4),
            (put, "/w/3", 4),
        ];
        assert_eq!(told, expected);
        assert_eq!(events[2].prev_kv.as_ref().unwrap().value_str().unwrap(), "b");

        changes.request_progress();
        let progress = soon(changes.next()).await.unwrap().unwrap();
        assert!(progress.events.is_empty() && progress.header.revision == first + 4);
        drop(changes);

        let mut deletions = client.watch("/w/").prefix().start_revision(first).no_puts().await.unwrap();
        let only = soon(deletions.next()).await.unwrap().unwrap();
        assert!(only.events.iter().all(|event| event.kind == EventKind::Delete) && only.events.len() == 1);

        client.compact(first + 2).physical().await.unwrap();
        let mut late = client.watch("/w/").prefix().start_revision(first).await.unwrap();
        let error = soon(late.next()).await.unwrap().unwrap_err();
        assert_eq!((error.kind(), error.compact_revision()), (Kind::Compacted, Some(first + 2)), "{error}");
        assert!(soon(late.next()).await.is_none());
        let mut edge = client.watch("/w/").prefix().start_revision(first + 2).await.unwrap();
        let at_the_edge = soon(edge.next()).await;
        assert_eq!(at_the_edge.unwrap().unwrap().events.len(), 3);
    });
}

#[test]
fn what_etcd_refuses_is_told_in_its_words_and_by_kind() {
    on_each_line(&async |client, server| {
        let revision = client.put("/k", "v").await.unwrap().header.revision;
        client.put("/k", "w").await.unwrap();
        client.compact(revision + 1).await.unwrap();
        for (error, kind) in [
            (client.get("/k").revision(revision).await.unwrap_err(), Kind::Compacted),
            (client.get("/k").revision(revision + 100).await.unwrap_err(), Kind::FutureRevision),
            (client.get("/k").revision(u64::MAX).await.unwrap_err(), Kind::FutureRevision),
            (client.compact(revision).await.unwrap_err(), Kind::Compacted),
            (client.put("", "v").await.unwrap_err(), Kind::InvalidRequest),
            (client.put("/k", vec![0; 1_600_000]).await.unwrap_err(), Kind::TooLarge),
            (client.put("/k", vec![0; 3_000_000]).await.unwrap_err(), Kind::TooLarge),
        ] {
            assert_eq!(error.kind(), kind, "{error}");
            assert!(error.code().is_some() && !error.maybe_applied(), "{error:?}");
            assert!(error.to_string().starts_with(&server.endpoint()), "{error}");
        }
        let many = (0..200).fold(client.txn(), |txn, i| txn.then(client.put(format!("/{i}"), "v")));
        assert_eq!(many.await.unwrap_err().kind(), Kind::InvalidRequest);
    });
}

#[test]
fn a_large_answer_is_refused_only_by_the_limit_that_was_set() {
    let server = Server::start();
    block_on(async {
        let client = Client::new([server.endpoint()]).unwrap();
        for i in 0..8 {
            client.put(format!("/large/{i}"), vec![b'x'; 1 << 20]).await.unwrap();
        }
        assert_eq!(client.get("/large/").prefix().await.unwrap().kvs.len(), 8);
        let small = Client::builder().endpoints([server.endpoint()]).receive_limit(1 << 20).build().unwrap();
        let error = small.get("/large/").prefix().await.unwrap_err();
        assert_eq!(error.kind(), Kind::TooLarge);
        assert!(error.to_string().contains("receive_limit()"), "{error}");
        assert_eq!(small.get("/large/").prefix().keys_only().await.unwrap().kvs.len(), 8);
    });
}

#[test]
fn a_call_that_is_dropped_is_cancelled() {
    let server = Server::start();
    block_on(async {
        let client = Client::new([server.endpoint()]).unwrap();
        client.put("/k", "v").await.unwrap();
        let watches = || server.metric("etcd_debugging_mvcc_watcher_total");
        let watch = client.watch("/k").await.unwrap();
        assert!(watches() > 0.5);
        drop(watch);
        for _ in 0..100 {
            if watches() < 0.5 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the server still keeps the watch");
    });
}
