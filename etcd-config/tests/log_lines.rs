//! How many lines the log has of what happens often.

use std::time::Duration;

use etcd_config::{EtcdConfig, Live, MemoryStore};
use etcd_config_tests::log::{about, keep};
use etcd_config_tests::{SOON, until_found, until_live};

#[derive(EtcdConfig)]
struct Settings {
    #[etcd(default = 8)]
    workers: u32,
}

fn watch(store: &MemoryStore, prefix: &str) -> Live<Settings> {
    // Whichever test is first.
    keep();
    Settings::options().prefix(prefix).watch(store).unwrap()
}

#[test]
fn a_key_that_no_field_reads_has_one_line_however_often_it_is_written() {
    let store = MemoryStore::from([("/heart/workers", "4")]);
    let settings = watch(&store, "/heart");
    let before = about("/heart").len();
    for n in 0..1_000 {
        store.put("/heart/beat", n.to_string());
        if n % 10 == 0 {
            store.delete("/heart/beat");
        }
    }
    settings.wait_for_revision(store.put("/heart/beat", "last"), SOON).unwrap();
    let lines = about("/heart").split_off(before);
    assert_eq!(lines.iter().filter(|line| line.contains("/heart/beat")).count(), 1, "{lines:?}");
    assert!(lines.len() < 5, "{lines:?}");
    assert_eq!((settings.load().workers, settings.status().counters.snapshots), (4, 1));
}

#[test]
fn keys_that_no_field_reads_and_that_come_and_go_under_new_names_do_not_fill_the_log() {
    let store = MemoryStore::new();
    let settings = watch(&store, "/locks");
    for n in 0..3_000 {
        store.put(format!("/locks/held/{n}"), "");
        store.delete(format!("/locks/held/{n}"));
    }
    for n in 0..1_000 {
        store.put(format!("/locks/kept/{n}"), "");
    }
    settings.wait_for_revision(store.put("/locks/workers", "5"), SOON).unwrap();
    let lines = about("/locks");
    assert!(lines.iter().any(|line| line.contains("/locks/held/7")), "the first ones are named");
    assert!(lines.len() < 1_050, "{} lines", lines.len());
    assert_eq!(settings.status().warnings.len(), 101, "the status has them all the same");
}

#[test]
fn a_cache_file_that_cannot_be_written_is_one_line_from_the_start_to_the_end() {
    keep();
    let store = MemoryStore::new();
    let options = Settings::options().prefix("/folder").cache_file("/no such folder/settings.cache");
    let settings = options.watch(&store).unwrap();
    until_live(&settings, SOON, "the problem is known", |settings| {
        settings.status().cache_file.is_some_and(|file| file.problem.is_some())
    });
    settings.wait_for_revision(store.put("/folder/workers", "5"), SOON).unwrap();
    drop(settings);
    std::thread::sleep(Duration::from_millis(200));
    let lines: Vec<_> =
        about("/no such folder").into_iter().filter(|line| line.contains("cache file")).collect();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("the cache file is not kept: there is no folder /no such folder"), "{lines:?}");
}

#[test]
fn a_cache_file_without_a_required_secret_is_one_warning_while_etcd_answers() {
    #[derive(EtcdConfig)]
    struct Vault {
        _token: etcd_config::Secret<String>,
    }
    keep();
    let folder = std::env::temp_dir().join(format!("log-lines-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let store = MemoryStore::from([("/lonely/_token", "hunter2")]);
    Vault::options().prefix("/lonely").cache_file(folder.join("vault.cache")).load_once(&store).unwrap();
    let lines: Vec<_> = about("/lonely").into_iter().filter(|line| line.contains("WARN")).collect();
    assert_eq!(lines.len(), 1, "{lines:?}");
    let why = "the cache file is of no use while etcd does not answer: secrets are not kept in it, and \
               /lonely/_token is required; call .cache_secrets(true)";
    assert!(lines[0].contains(why), "{lines:?}");
    std::fs::remove_dir_all(&folder).unwrap();
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "a check gets a reference")]
fn short(value: &u32) -> Result<(), String> {
    if *value < 100 { Ok(()) } else { Err(format!("{value} workers:\n  too many\n  for one machine")) }
}

#[derive(EtcdConfig)]
struct Checked {
    #[etcd(default = 8, validate = short)]
    workers: u32,
    #[etcd(default = 1)]
    retries: u32,
}

/// What collects logs takes each further line for a record of its own.
#[test]
fn an_update_that_is_refused_for_several_reasons_is_one_record_of_one_line() {
    let store = MemoryStore::new();
    keep();
    let settings = Checked::options().prefix("/refused").watch(&store).unwrap();
    let refused = store.transaction().put("/refused/workers", "1000").put("/refused/retries", "few").commit();
    let _ = settings.wait_for_revision(refused, SOON);
    let is_refusal = |line: &String| line.starts_with("WARN") && line.contains("few");
    let logged = || Some(about("/refused").into_iter().filter(is_refusal).collect::<Vec<_>>());
    let lines = until_found(SOON, || logged().filter(|lines| !lines.is_empty()), || "a warning".to_owned());
    let [line] = &lines[..] else { panic!("{lines:?}") };
    assert!(!line.contains('\n'), "{line:?}");
    for part in [
        "2 problems in Checked",
        "workers: too many; for one machine",
        "/refused/retries",
        "; refused: revision 1 stays",
    ] {
        assert!(line.contains(part), "{part}: {line}");
    }
    let error = settings.status().refusal().unwrap().to_error();
    assert!(error.to_string().lines().count() > 2, "people read it in lines");
    let one = format!("{error:#}");
    assert_eq!(one.lines().count(), 1);
    assert!(!one.contains("  "), "columns are for lines: {one}");
    assert_eq!((settings.load().workers, settings.load().retries), (8, 1));
}
