//! The cache file as a file: whose it is, what is beside it, and what is no good.

use std::fs;
use std::time::Duration;

use etcd_config::EtcdConfig;

use crate::folder::{Folder, LIMIT, saved, tried};
use crate::service::{Service, store, until};

#[test]
fn only_its_owner_may_read_it_and_nothing_else_is_left_behind() {
    let (folder, store) = (Folder::new(), store());
    folder.fill::<Service>(&store);
    let names: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["service.cache"]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(folder.file()).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn a_file_that_is_no_good_is_reported_and_not_used() {
    let (folder, store) = (Folder::new(), store());
    folder.fill::<Service>(&store);
    let whole = fs::read(folder.file()).unwrap();
    store.refuse(true);
    let mut damaged = whole.clone();
    *damaged.last_mut().unwrap() ^= 1;
    let foreign = folder.options::<Service>().prefix("/other");
    for (bytes, options, why) in [
        (Some(&whole[..whole.len() - 1]), folder.options(), "damaged"),
        (Some(&damaged[..]), folder.options(), "damaged"),
        (Some(&b"{}"[..]), folder.options(), "not a cache file"),
        (Some(&b""[..]), folder.options(), "not a cache file"),
        (Some(&whole[..]), foreign, "it holds /service, not /other"),
        (None, folder.options(), "not there yet"),
    ] {
        match bytes {
            Some(bytes) => fs::write(folder.file(), bytes).unwrap(),
            None => fs::remove_file(folder.file()).unwrap(),
        }
        let error = options.watch(&store).unwrap_err();
        let (text, path) = (error.to_string(), folder.file().display().to_string());
        assert!(error.is_timeout() && text.contains(why) && text.contains(&path), "{why}: {text}");
    }
    fs::create_dir(folder.file()).unwrap();
    let text = folder.options::<Service>().watch(&store).unwrap_err().to_string();
    assert!(text.contains("not a file"), "{text}");
    let nowhere = folder.file().with_file_name("no-folder");
    let lost = Service::options().startup_timeout(Duration::from_millis(50)).cache_file(nowhere.join("x"));
    let text = lost.watch(&store).unwrap_err().to_string();
    assert!(text.contains(&format!("there is no folder {}", nowhere.display())), "{text}");
}

#[test]
fn a_damaged_file_is_replaced_by_a_good_one() {
    let (folder, store) = (Folder::new(), store());
    folder.fill::<Service>(&store);
    let whole = fs::read(folder.file()).unwrap();
    fs::write(folder.file(), &whole[..30]).unwrap();
    let settings = folder.options::<Service>().watch(&store).unwrap();
    saved(&settings, 2);
    assert_eq!(fs::read(folder.file()).unwrap().len(), whole.len());
}

#[test]
fn what_is_no_cache_file_is_left_alone() {
    let (folder, store) = (Folder::new(), store());
    fs::write(folder.file(), "my thesis").unwrap();
    let settings = folder.options::<Service>().watch(&store).unwrap();
    until("reported", || settings.status().cache_file.is_some_and(|file| file.problem.is_some()));
    assert!(settings.status().to_string().contains("is not a cache file, and is left alone"));
    assert_eq!(folder.text(), "my thesis");
}

#[test]
fn what_killed_processes_have_left_is_in_nobodys_way_and_removed() {
    let (folder, store) = (Folder::new(), store());
    let left = |name: String, age| {
        let path = folder.path().join(name);
        let file = fs::File::create(&path).unwrap();
        file.set_modified(std::time::SystemTime::now() - Duration::from_secs(age)).unwrap();
        path
    };
    let old = left(".service.cache.0123456789abcdef.tmp".to_owned(), 7_200);
    let other = left(".service.cache2.0123456789abcdef.tmp".to_owned(), 7_200);
    // The number of a process that shares the folder may be the same, and it may be writing now.
    let young: Vec<_> =
        (0..100).map(|n| left(format!(".service.cache.{}-{n}.tmp", std::process::id()), 0)).collect();
    let settings = folder.options::<Service>().watch(&store).unwrap();
    tried(&settings);
    assert_eq!(settings.status().cache_file.unwrap().problem, None);
    assert!(!old.exists() && other.exists() && young.iter().all(|path| path.exists()));
}

#[test]
#[cfg(unix)]
fn pipes_and_devices_are_left_alone_and_hold_nobody_up() {
    let (folder, store) = (Folder::new(), store());
    assert!(std::process::Command::new("mkfifo").arg(folder.file()).status().unwrap().success());
    // What it points to reads like an empty file; what would be replaced is only the link.
    let null = folder.path().join("null");
    std::os::unix::fs::symlink("/dev/null", &null).unwrap();
    for path in [folder.file(), null] {
        let settings = Service::options().cache_file(&path).watch(&store).unwrap();
        tried(&settings);
        let problem = settings.status().cache_file.unwrap().problem.expect("it is left alone");
        assert!(problem.contains("is not a cache file"), "{problem}");
        assert!(!fs::metadata(&path).unwrap().is_file());
    }
}

#[test]
#[cfg(unix)]
fn a_file_that_others_can_write_is_not_believed() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, store) = (Folder::new(), store());
    folder.fill::<Service>(&store);
    store.refuse(true);
    let start = || folder.options::<Service>().watch(&store).map(|settings| settings.load().workers);
    for mode in [0o666, 0o620, 0o602, 0o777] {
        fs::set_permissions(folder.file(), fs::Permissions::from_mode(mode)).unwrap();
        let text = start().unwrap_err().to_string();
        assert!(text.contains(&format!("others can write it (mode {mode:o})")), "{text}");
    }
    for mode in [0o644, 0o400] {
        fs::set_permissions(folder.file(), fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(start().unwrap(), 8);
    }
}

#[test]
#[cfg(unix)]
fn a_file_of_another_user_is_not_believed_and_a_link_not_followed() {
    let (folder, store) = (Folder::new(), store());
    folder.fill::<Service>(&store);
    store.refuse(true);
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(folder.file(), &link).unwrap();
    let text = Service::options().startup_timeout(LIMIT).cache_file(&link).watch(&store).unwrap_err();
    assert!(text.to_string().contains("it is a symbolic link"), "{text}");
    // Only root may give a file away; for all others the check of the mode is what can be tried.
    if std::os::unix::fs::chown(folder.file(), Some(65_534), None).is_ok() {
        let text = folder.options::<Service>().watch(&store).unwrap_err().to_string();
        assert!(text.contains("it belongs to user 65534, and this is user 0"), "{text}");
    }
}

#[test]
fn a_folder_that_is_not_there_is_reported_and_nothing_worse() {
    let folder = Folder::new();
    let path = folder.path().join("none/service.cache");
    let settings = Service::options().cache_file(&path).watch(store()).unwrap();
    until("reported", || settings.status().cache_file.is_some_and(|file| file.problem.is_some()));
    assert_eq!(settings.load().workers, 8);
}

#[test]
fn a_file_from_the_future_is_of_unknown_age() {
    let (folder, store) = (Folder::new(), store());
    folder.fill::<Service>(&store);
    let mut bytes = fs::read(folder.file()).unwrap();
    // Magic, length, checksum, the prefix's length, the prefix; then the time.
    let (body, place) = (20 + 16, 20 + 16 + 8 + "/service/".len());
    bytes[place..place + 8].copy_from_slice(&4_000_000_000_000_u64.to_le_bytes());
    let checksum = bytes[body..].iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    bytes[28..36].copy_from_slice(&checksum.to_le_bytes());
    fs::write(folder.file(), bytes).unwrap();
    store.refuse(true);
    let settings = folder.options::<Service>().watch(&store).unwrap();
    assert_eq!(settings.status().age, Duration::MAX);
    assert!(settings.status().to_string().contains("at an unknown time"), "{}", settings.status());
}

#[test]
fn what_another_process_has_written_later_is_not_undone() {
    let (folder, older, newer) = (Folder::new(), store(), store());
    let settings = folder.options::<Service>().watch(&older).unwrap();
    saved(&settings, settings.load().revision());
    // The second change within a second is not written at once.
    saved(&settings, older.put("/service/workers", "55"));
    settings.wait_for_revision(older.put("/service/workers", "56"), Duration::from_secs(5)).unwrap();
    newer.put("/service/workers", "77");
    std::thread::sleep(Duration::from_millis(5));
    folder.options::<Service>().load_once(&newer).unwrap();
    drop(settings);
    newer.refuse(true);
    let settings = folder.options::<Service>().watch(&newer).unwrap();
    assert_eq!((settings.load().workers, settings.status().source), (77, etcd_config::Source::Cache));
}
