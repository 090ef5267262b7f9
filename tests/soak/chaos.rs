//! What goes wrong, in an order that follows from the seed.

use std::thread;
use std::time::Duration;

use etcd_client_core::v3;
use etcd_config_tests::{Answer, Chunks, Proxy};

use crate::ballast;
use crate::observer::{self, Observer};
use crate::stage::Stage;
use crate::writer::Writer;

/// How long a slow link may take for what was put on it.
const SLOW_LINK_LIMIT: Duration = Duration::from_secs(60);
/// For how long steps are written on top of it.
const STEPS_AFTER_BALLAST: Duration = Duration::from_millis(50);

/// Draws faults and plays them, one at a time, each to its end.
pub(crate) struct Chaos<'s> {
    stage: &'s Stage,
    writers: &'s [Writer],
    observers: &'s [Observer],
    random: fastrand::Rng,
    runtime: tokio::runtime::Runtime,
}

impl<'s> Chaos<'s> {
    pub(crate) fn new(stage: &'s Stage, writers: &'s [Writer], observers: &'s [Observer], seed: u64) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        Self { stage, writers, observers, random: fastrand::Rng::with_seed(seed), runtime }
    }

    /// Plays the next fault; its name.
    pub(crate) fn play(&mut self) -> String {
        let quiet = Duration::from_millis(self.random.u64(50..1_500));
        thread::sleep(quiet);
        let lasting = Duration::from_millis(self.random.u64(100..8_000));
        match self.random.u32(0..20) {
            0..7 => self.hit_members(lasting),
            7..18 => self.hit_networks(lasting),
            _ => self.overload_slow_link(),
        }
    }

    /// Something happens to servers.
    fn hit_members(&mut self, lasting: Duration) -> String {
        let cluster = &self.stage.cluster;
        let member = self.random.usize(0..3);
        match self.random.u32(0..7) {
            0 => {
                cluster.member(member).kill();
                thread::sleep(lasting);
                cluster.member(member).restart();
                "a member is killed".to_owned()
            }
            1 => {
                let leader = cluster.leader();
                cluster.member(leader).kill();
                thread::sleep(lasting);
                cluster.member(leader).restart();
                "the leader is killed".to_owned()
            }
            2 => {
                let server = cluster.member(member);
                server.terminate();
                server.wait_until_ended(Duration::from_secs(30));
                server.restart();
                "a member is stopped in good order".to_owned()
            }
            3 => {
                cluster.member(member).pause();
                thread::sleep(lasting);
                cluster.member(member).resume();
                "a member is frozen".to_owned()
            }
            4 => {
                let leader = cluster.leader();
                cluster.member(leader).pause();
                thread::sleep(lasting);
                cluster.member(leader).resume();
                "the leader is frozen".to_owned()
            }
            5 => {
                let two = [member, (member + 1) % 3];
                for index in two {
                    cluster.member(index).pause();
                }
                thread::sleep(lasting);
                for index in two {
                    cluster.member(index).resume();
                }
                "the quorum is frozen".to_owned()
            }
            _ => {
                cluster.members().iter().for_each(etcd_config_tests::Server::kill);
                thread::sleep(lasting / 2);
                cluster.members().iter().for_each(etcd_config_tests::Server::launch);
                cluster.wait_until_healthy();
                "all members are killed".to_owned()
            }
        }
    }

    /// Something happens between the servers and their clients.
    fn hit_networks(&mut self, lasting: Duration) -> String {
        let proxies = &self.stage.proxies;
        let proxy = self.random.usize(0..3);
        let while_on = |switch: &dyn Fn(&Proxy, bool), some: &[Proxy]| {
            for proxy in some {
                switch(proxy, true);
            }
            thread::sleep(lasting);
            for proxy in some {
                switch(proxy, false);
            }
        };
        let one = &proxies[proxy..=proxy];
        match self.random.u32(0..11) {
            0 => {
                proxies.iter().for_each(Proxy::cut);
                "all connections are closed".to_owned()
            }
            1 => {
                proxies.iter().for_each(Proxy::reset);
                "all connections are reset".to_owned()
            }
            2 => {
                while_on(&Proxy::hold, one);
                "a network holds everything back".to_owned()
            }
            3 => {
                while_on(&Proxy::hold, proxies);
                "all networks hold everything back".to_owned()
            }
            4 => {
                while_on(&Proxy::hold_replies, one);
                "a network holds replies back".to_owned()
            }
            5 => {
                proxies.iter().for_each(Proxy::cut);
                while_on(&Proxy::refuse, proxies);
                "all connections are refused".to_owned()
            }
            6 => {
                proxies.iter().for_each(Proxy::end_watches);
                "all watches are ended".to_owned()
            }
            7 => {
                proxies.iter().for_each(|proxy| proxy.answer(Answer::text(502, "Bad Gateway")));
                proxies.iter().for_each(Proxy::cut);
                thread::sleep(lasting);
                proxies.iter().for_each(Proxy::accept);
                "a load balancer answers 502".to_owned()
            }
            8 => {
                proxies.iter().for_each(|proxy| proxy.delay_replies(lasting / 10));
                thread::sleep(lasting);
                proxies.iter().for_each(|proxy| proxy.delay_replies(Duration::ZERO));
                "replies are late".to_owned()
            }
            9 => {
                one[0].pass_on(Chunks::SingleBytes);
                thread::sleep(lasting);
                one[0].pass_on(Chunks::AsTheyCome);
                "replies come in single bytes".to_owned()
            }
            _ => {
                // While nothing can be replayed, so that what was missed has to be listed.
                proxies.iter().for_each(|proxy| proxy.refuse(true));
                proxies.iter().for_each(Proxy::cut);
                thread::sleep(lasting / 4);
                self.compact();
                proxies.iter().for_each(|proxy| proxy.refuse(false));
                "the history is compacted meanwhile".to_owned()
            }
        }
    }

    /// More is written than the slow link carries at once, then a few steps, and then nothing: what is
    /// claimed meanwhile must be true.
    fn overload_slow_link(&self) -> String {
        let Self { stage, writers, observers, runtime, .. } = self;
        let pause_writers = |pause| writers.iter().for_each(|writer| writer.pause(pause));
        pause_writers(true);
        let written = runtime.block_on(ballast::write(stage));
        pause_writers(false);
        thread::sleep(STEPS_AFTER_BALLAST);
        pause_writers(true);
        match written.and_then(|()| runtime.block_on(ballast::marks(stage, writers))) {
            Ok(marks) => observer::check_claims(observers, &marks, SLOW_LINK_LIMIT),
            Err(error) => eprintln!("no ballast: {error}"),
        }
        if let Err(error) = runtime.block_on(ballast::clear(stage)) {
            eprintln!("ballast is left: {error}");
        }
        pause_writers(false);
        "a slow link has a backlog".to_owned()
    }

    /// Forgets what was before now. Another compaction may have been there first.
    fn compact(&self) {
        let Ok(client) = v3::Client::new(self.stage.cluster.endpoints()) else { return };
        let compacted = self.runtime.block_on(async {
            let now = client.get("/soak").await?;
            client.compact(now.header.revision).await
        });
        if let Err(error) = compacted {
            eprintln!("not compacted: {error}");
        }
    }
}
