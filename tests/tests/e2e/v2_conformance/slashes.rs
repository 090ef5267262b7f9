//! Keys that end with a slash, which a role on `/app/*` allows and those without does not.

use std::time::Duration;

use etcd_client_core::v2::Client;
use etcd_config_tests::{Server, block_on, servers};
use tokio::time::timeout;

use super::line::{next, refused};

/// A client that may read and write what begins with `/app/`, and nothing else.
fn on_app(server: &Server) -> Client {
    server.add_user_v2("app", "pw", "/app/");
    server.enable_auth_v2("of-root");
    Client::builder().endpoints([server.endpoint()]).user("app", "pw").build().unwrap()
}

#[test]
fn a_slash_at_the_end_is_kept_where_a_role_wants_it() {
    for etcd in servers::with_v2() {
        let server = Server::builder().etcd(etcd).v2().start();
        let client = on_app(&server);
        block_on(async {
            let minute = Duration::from_secs(60);
            assert!(client.mkdir("app/").await.unwrap().node().unwrap().dir);
            let first = client.create_in_order("app/", "1").await.unwrap();
            let start = first.body().index().unwrap();
            assert!(client.get("app/").recursive(true).await.unwrap().node().unwrap().nodes.len() == 1);
            let change = client.watch_index("app/", start).recursive(true);
            assert_eq!(timeout(Duration::from_secs(5), change).await.unwrap().unwrap().value(), Some("1"));
            client.delete("app/").recursive(true).await.unwrap();

            // A key, with everything that can be done to one.
            client.set("app/", "1").ttl(minute).await.unwrap();
            client.refresh("app/", minute).await.unwrap();
            client.compare_and_swap("app/", "2", "1").await.unwrap();
            let start = client.get("app/").await.unwrap().body().index().unwrap();
            let change = client.watch_index("app/", start);
            assert_eq!(timeout(Duration::from_secs(5), change).await.unwrap().unwrap().value(), Some("2"));
            let mut watcher = client.watcher("app/").index(start).start();
            assert_eq!(next(&mut watcher).await.change().unwrap().value(), Some("2"));
            client.compare_and_delete("app/", "2").await.unwrap();
            client.mkdir("app/").await.unwrap();
            client.rmdir("app/").await.unwrap();
            client.set("app/", "1").await.unwrap();
            client.delete("app/").await.unwrap();

            // Without it they are another key, on which the role says nothing.
            assert_eq!(refused(client.set("app", "1").await), (401, 110));
            assert_eq!(refused(client.mkdir("app").await), (401, 110));
            assert_eq!(refused(client.watch("app").await), (401, 110));
        });
    }
}

/// What is removed with all that is in it is a directory: the slash need not be written, as with `get`.
#[test]
fn a_tree_is_a_directory_however_it_is_written() {
    for etcd in servers::with_v2() {
        let server = Server::builder().etcd(etcd).v2().start();
        let client = on_app(&server);
        block_on(async {
            for _ in 0..2 {
                client.set("app/a/b", "1").await.unwrap();
                client.delete("app").recursive(true).await.unwrap();
                client.set("app/a/b", "1").await.unwrap();
                client.rmdir("app").recursive(true).await.unwrap();
            }
        });
    }
}
