//! Readers on other threads, while resources change all the time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use etcd_config::{EtcdConfig, Live, MemoryStore, Resource};
use etcd_config_tests::{SOON, until};

use crate::Shop;

/// What was seen, and how often it was seen of one snapshot.
#[derive(Default)]
struct Sightings {
    of_one: AtomicU64,
    broken: AtomicU64,
}

fn look(settings: &Live<Shop>, one: &Resource<u32>, two: &Resource<u32>, seen: &Sightings) {
    let before = settings.snapshot();
    let (first, second) = (*one.load(), *two.load());
    let after = settings.snapshot();
    // Numbers only grow here. Whoever sees a snapshot sees what is made of it or of a later one, and the other way round.
    let is_ordered = before.size <= first && first <= second && second <= after.size;
    let belongs = |made: &Resource<u32>| made.of(&after).is_none_or(|made| *made == after.size);
    if Arc::ptr_eq(&before, &after) {
        seen.of_one.fetch_add(1, Ordering::Relaxed);
    }
    if !is_ordered || !belongs(one) || !belongs(two) {
        seen.broken.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn readers_see_what_belongs_together() {
    let store = MemoryStore::new();
    let settings = Shop::watch(&store).unwrap();
    let build = |size: &u32| Ok::<_, String>(*size);
    let one = settings.resource(|s| &s.size, build).unwrap();
    let two = settings.resource_from(|s| s.size, build).unwrap();
    let (ended, seen) = (Arc::new(AtomicBool::new(false)), Arc::new(Sightings::default()));
    let readers: Vec<_> = (0..3)
        .map(|_| {
            let (settings, one, two) = (settings.clone(), one.clone(), two.clone());
            let (ended, seen) = (Arc::clone(&ended), Arc::clone(&seen));
            thread::spawn(move || {
                while !ended.load(Ordering::Relaxed) {
                    look(&settings, &one, &two, &seen);
                }
            })
        })
        .collect();
    let start = Instant::now();
    let mut size = 1;
    while start.elapsed() < Duration::from_secs(2) || size < 200 {
        size += 1;
        let revision = store.put("/shop/size", size.to_string());
        if size % 3 == 0 {
            settings.wait_for_revision(revision, SOON).unwrap();
        }
    }
    until("in force", || *one.load() == size && *two.load() == size);
    ended.store(true, Ordering::Relaxed);
    readers.into_iter().for_each(|reader| reader.join().unwrap());
    assert_eq!(seen.broken.load(Ordering::Relaxed), 0);
    assert!(seen.of_one.load(Ordering::Relaxed) > 1_000);
}

#[test]
fn resources_are_entered_and_left_while_all_changes() {
    let store = MemoryStore::new();
    let settings = Shop::watch(&store).unwrap();
    let ended = Arc::new(AtomicBool::new(false));
    let entering: Vec<_> = (0..3)
        .map(|_| {
            let (settings, ended) = (settings.clone(), Arc::clone(&ended));
            thread::spawn(move || {
                let mut entered = 0_u32;
                while !ended.load(Ordering::Relaxed) || entered == 0 {
                    let build = |size: &u32| Ok::<_, String>(*size);
                    // It may change more often than something is built.
                    let Ok(made) = settings.resource(|s| &s.size, build) else { continue };
                    for _ in 0..50 {
                        let before = settings.load().size;
                        let made = *made.load();
                        let after = settings.load().size;
                        assert!(before <= made && made <= after, "{before} {made} {after}");
                    }
                    entered += 1;
                }
                entered
            })
        })
        .collect();
    let start = Instant::now();
    let mut size = 1;
    while start.elapsed() < Duration::from_secs(2) {
        size += 1;
        let revision = store.put("/shop/size", size.to_string());
        settings.wait_for_revision(revision, SOON).unwrap();
        thread::sleep(Duration::from_micros(300));
    }
    ended.store(true, Ordering::Relaxed);
    for thread in entering {
        assert!(thread.join().unwrap() > 0);
    }
    assert_eq!(settings.status().resources.len(), 0);
}
