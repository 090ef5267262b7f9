//! The end of a process: nothing of ours keeps it from coming. The process is this test's program
//! once more, with a variable that says what it is to do.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use etcd_config::{EtcdConfig, MemoryStore};

const PART: &str = "ETCD_CONFIG_TEST_PART";

#[derive(EtcdConfig)]
#[etcd(prefix = "/service")]
struct Service {
    #[etcd(default = 1)]
    workers: u32,
}

/// Runs the test of this name as a process of its own, in its other part; how long it took to end
/// after it had said that its `main` would.
fn ends(test: &str, limit: Duration) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env(PART, "child")
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let begin = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if begin.elapsed() > limit {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("it has not ended within {limit:?}");
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    assert!(status.success(), "{status}");
}

fn is_child() -> bool {
    std::env::var_os(PART).is_some()
}

#[test]
fn does_not_wait_for_a_callback_of_a_watch_in_a_runtime() {
    if !is_child() {
        return ends("does_not_wait_for_a_callback_of_a_watch_in_a_runtime", Duration::from_secs(20));
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let settings = runtime.block_on(async {
        let store = MemoryStore::new();
        let settings = Service::watch_async(&store).await.unwrap();
        let (sender, called) = tokio::sync::oneshot::channel();
        let mut sender = Some(sender);
        settings.on_change(move |_| {
            let _ = sender.take().map(|sender| sender.send(()));
            loop {
                std::thread::park();
            }
        });
        store.put("/service/workers", "2");
        called.await.unwrap();
        settings
    });
    drop((settings, runtime)); // What `#[tokio::main]` does at its end.
}
