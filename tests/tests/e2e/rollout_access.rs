//! The rights that a rollout takes: all of them are enough, and without one of them it says what to grant.

use std::time::Duration;

use etcd_client_core::v3::Client;
use etcd_client_core::{Prefix, Store};
use etcd_config::{
    Error, EtcdConfig, Fleet, Live, Options, Plan, Rollout, RolloutEnd, RolloutStep, StagedRollout, field,
};
use etcd_config_tests::{Etcd, Server, block_on, on_each_line, until_found};

#[derive(EtcdConfig, Debug)]
#[etcd(prefix = "/service", layers("/service@{instance}"))]
struct Settings {
    #[etcd(default = 1)]
    workers: u32,
}

/// Those that `docs::rollouts` names, each a role. An edit reads the layer of `-`, and no more.
const RIGHTS: [(&str, &str); 8] = [
    ("read", "/service/"),
    ("write", "/service/"),
    ("read", "/service@-/"),
    ("read", "/service@web-1/"),
    ("write", "/service@web-1/"),
    ("read", "/service.rollout/"),
    ("write", "/service.rollout/"),
    ("read", "/service.fleet/"),
];
const SOON: Duration = Duration::from_secs(30);

type Right = (&'static str, &'static str);

fn role((what, directory): Right) -> String {
    format!("{what}-{}", directory.replace('/', ""))
}

fn options(name: &str) -> Options<Settings> {
    Settings::options().placeholder("instance", name)
}

fn client(server: &Server, user: &str) -> Client {
    let builder = Client::builder().endpoints([server.endpoint()]).user(user, "secret");
    block_on(async { builder.build() }).unwrap()
}

fn member(client: &Client, name: &str) -> Live<Settings> {
    let live = options(name).instance(name).watch(client).unwrap();
    until_found(SOON, || live.status().instance, || live.status().to_string());
    live
}

/// A server with two instances, and a user who may do what a rollout takes.
struct Scene {
    server: Server,
    root: Client,
    operator: Client,
    members: [Live<Settings>; 2],
}

impl Scene {
    fn on(etcd: &'static Etcd) -> Self {
        // Passwords that are quick to check.
        let server = Server::builder().etcd(etcd).flag("--bcrypt-cost", "4").start();
        server.enable_auth("secret");
        server.put("/service/workers", "1");
        server.etcdctl(["user", "add", "operator:secret"]);
        for right @ (what, directory) in RIGHTS {
            server.etcdctl(["role", "add", &role(right)]);
            server.etcdctl(["role", "grant-permission", "--prefix=true", &role(right), what, directory]);
            server.etcdctl(["user", "grant-role", "operator", &role(right)]);
        }
        let (root, operator) = (client(&server, "root"), client(&server, "operator"));
        let members = ["web-1", "web-2"].map(|name| member(&root, name));
        Self { server, root, operator, members }
    }

    /// Everything beside the entries of the fleet: keys with values and revisions.
    fn keys(&self) -> Vec<String> {
        let prefix = ["/service.rollout", "/service@web-1", "/service@web-2", "/service@-"]
            .into_iter()
            .fold(Prefix::new("/service"), |all, more| all.and(&Prefix::new(more)).unwrap());
        let entries = block_on(self.root.list(&prefix)).unwrap().entries;
        let shown = entries.iter().map(|entry| {
            let [key, value] = [&entry.key, &entry.value].map(|bytes| String::from_utf8_lossy(bytes));
            format!("{key}={value} at {}", entry.revision)
        });
        shown.collect()
    }

    fn workers(&self) -> u32 {
        options("-").load_once(&self.root).unwrap().workers
    }

    fn plan(&self, client: &Client) -> Result<Plan<Settings>, Error> {
        let workers = self.workers() + 1;
        options("-").edit(client)?.set(field!(Settings.workers), &workers)?.plan()
    }

    /// To the first instance, and as short as may be.
    fn rollout(&self) -> Result<Rollout<Settings>, Error> {
        let plan = self.plan(&self.operator)?;
        Ok(Rollout::of(plan).to(["web-1"]).within(SOON).observe(Duration::ZERO).by("operator"))
    }

    fn found(&self) -> Result<StagedRollout<Settings>, Error> {
        let mut found = options("-").rollouts(&self.operator)?.into_rollouts();
        assert_eq!(found.len(), 1, "{found:?}");
        Ok(found.remove(0).within(SOON).observe(Duration::ZERO))
    }

    /// A rollout of somebody else that nobody drives any more.
    fn stage(&self) {
        let plan = self.plan(&self.root).unwrap();
        let (sender, mut in_force) = tokio::sync::mpsc::unbounded_channel();
        let rollout = Rollout::of(plan).to(["web-1"]).within(SOON).observe(SOON).on_step(move |step| {
            if matches!(step, RolloutStep::InForce { .. }) {
                sender.send(()).unwrap();
            }
        });
        block_on(async {
            tokio::select! {
                outcome = rollout.promote_async() => panic!("{outcome:?}"),
                _ = in_force.recv() => {}
            }
        });
        // Its lease would end by itself, later.
        let id = self.found().unwrap().id().to_owned();
        self.server.etcdctl(["del", &format!("/service.rollout/{id}/owner")]);
    }

    /// What happens without a right.
    fn without<R>(&self, right: Right, act: impl FnOnce() -> R) -> R {
        self.server.etcdctl(["user", "revoke-role", "operator", &role(right)]);
        let outcome = act();
        self.server.etcdctl(["user", "grant-role", "operator", &role(right)]);
        outcome
    }

    /// Each right is needed for this but those; where one is missing, the error names it, and nothing is changed.
    fn assert_needs_all_but<R: std::fmt::Debug>(&self, few: &[Right], act: impl Fn() -> Result<R, Error>) {
        for right @ (what, directory) in RIGHTS {
            if few.contains(&right) {
                continue;
            }
            let before = self.keys();
            let error = self.without(right, &act).expect_err(&role(right));
            let said = error.to_string();
            assert!(error.is_access() && said.contains("operator"), "{right:?}: {said}");
            let (before_it, granted) = said.split_once("grant the user a role that may ").expect(&said);
            assert!(granted.contains(what) && granted.contains(directory), "{right:?}: {said}");
            assert!(!before_it.is_empty() && !said.contains('\n'), "{said}");
            assert_eq!(self.keys(), before, "{right:?}: {said}");
        }
    }
}

#[test]
fn each_right_is_needed_and_all_of_them_are_enough() {
    on_each_line(|etcd| {
        let scene = Scene::on(etcd);
        promoting(&scene);
        what_has_begun(&scene);
        drop(scene.members);
    });
}

fn promoting(scene: &Scene) {
    scene.assert_needs_all_but(&[], || scene.rollout()?.preview());
    scene.assert_needs_all_but(&[], || scene.rollout()?.promote());

    let before = scene.workers();
    let promoted = scene.rollout().unwrap().promote().unwrap();
    assert_eq!(scene.workers(), before + 1);
    // Who may wait for the fleet has the same rights.
    let fleet: Fleet = options("-").fleet(&scene.operator).unwrap();
    fleet.wait_for_revision(promoted.revision(), SOON).unwrap();
    let taken_back = scene.rollout().unwrap().probe(|| Err::<(), _>("bad")).promote().unwrap_err();
    assert!(matches!(taken_back.rollout(), Some(RolloutEnd::TakenBack { .. })), "{taken_back}");
    let keys = scene.keys();
    assert!(keys.len() == 1 && scene.workers() == before + 1, "{keys:?}");
}

fn what_has_begun(scene: &Scene) {
    scene.stage();
    let before = scene.workers();
    let others: Vec<Right> =
        RIGHTS.into_iter().filter(|right| *right != ("read", "/service.rollout/")).collect();
    scene.assert_needs_all_but(&others, || scene.found());
    for right in others {
        scene.without(right, || scene.found()).unwrap();
    }

    let own_layer = ("read", "/service@-/");
    // At once, and not when it has been watched.
    let begin = std::time::Instant::now();
    scene.assert_needs_all_but(&[own_layer], || scene.found()?.observe(Duration::from_secs(3_600)).resume());
    assert!(begin.elapsed() < SOON * 2, "{:?}", begin.elapsed());
    let not_for_an_end = [own_layer, ("write", "/service/"), ("read", "/service.fleet/")];
    scene.assert_needs_all_but(&not_for_an_end, || scene.found()?.abort());

    scene.without(own_layer, || scene.found()?.resume()).unwrap();
    assert_eq!((scene.workers(), scene.keys().len()), (before + 1, 1));
    for right in not_for_an_end {
        scene.stage();
        scene.without(right, || scene.found()?.abort()).unwrap();
        assert_eq!((scene.workers(), scene.keys().len()), (before + 1, 1));
    }
}
