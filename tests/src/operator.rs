//! What an operator does to a server: keys, users, and a look at its counters.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::Path;
use std::sync::PoisonError;
use std::time::Duration;
use std::{fs, io};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::server::{Server, Setup, loopback};
use crate::{etcdctl, http};

impl Server {
    /// What `etcdctl` prints, called with these arguments for this server (API 3).
    pub fn etcdctl<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> String {
        self.try_etcdctl(args, "").unwrap_or_else(|complaint| panic!("etcdctl: {complaint}"))
    }

    /// As [`etcdctl`](Self::etcdctl), with something on its standard input; its complaint where it
    /// fails.
    pub fn try_etcdctl<A: AsRef<OsStr>>(
        &self,
        args: impl IntoIterator<Item = A>,
        input: &str,
    ) -> Result<String, String> {
        // Its own limit of five seconds is not enough for a password on a busy machine.
        let mut options =
            vec![format!("--endpoints={}", self.endpoint()), "--command-timeout=60s".to_owned()];
        if let Some((authority, identity)) = &self.setup.tls {
            options.push(format!("--cacert={}", authority.display()));
            options.push(format!("--cert={}", identity.certificate.display()));
            options.push(format!("--key={}", identity.key.display()));
        }
        let user = self.user.lock().unwrap_or_else(PoisonError::into_inner).clone();
        options.extend(user.map(|user| format!("--user={user}")));
        etcdctl::run(self.setup.etcd.etcdctl(), &options, args, input)
    }

    /// Writes one key.
    pub fn put(&self, key: &str, value: &str) {
        self.etcdctl(["put", "--", key, value]);
    }

    /// Makes the user `root` with this password and turns authentication on; from then on
    /// [`etcdctl`](Self::etcdctl) is root.
    pub fn enable_auth(&self, password: &str) {
        self.etcdctl(["user", "add", &format!("root:{password}")]);
        // Since 3.4 the role may exist; it does as soon as authentication is on.
        let _ = self.try_etcdctl(["role", "add", "root"], "");
        self.etcdctl(["user", "grant-role", "root", "root"]);
        self.etcdctl(["auth", "enable"]);
        self.set_user(Some(&format!("root:{password}")));
    }

    /// Makes a user with a role of the same name that may read and write below `prefix`.
    pub fn add_user(&self, name: &str, password: &str, prefix: &str) {
        self.etcdctl(["role", "add", name]);
        self.etcdctl(["role", "grant-permission", "--prefix=true", name, "readwrite", prefix]);
        self.etcdctl(["user", "add", &format!("{name}:{password}")]);
        self.etcdctl(["user", "grant-role", name, name]);
    }

    /// Whom [`etcdctl`](Self::etcdctl) calls as: `name:password`.
    pub fn set_user(&self, user: Option<&str>) {
        *self.user.lock().unwrap_or_else(PoisonError::into_inner) = user.map(str::to_owned);
    }

    /// Saves all that the server holds to a file, as backups do.
    pub fn save_snapshot(&self, file: &Path) {
        self.etcdctl([OsStr::new("snapshot"), OsStr::new("save"), file.as_os_str()]);
    }

    /// Kills the server and puts a saved snapshot in the place of its data; it stays down. Every
    /// member of a cluster needs the same.
    pub fn restore_snapshot(&self, file: &Path) {
        self.wipe();
        let Setup { etcd, name, members, peer_address, .. } = &self.setup;
        let peer = format!("--initial-advertise-peer-urls=http://{peer_address}");
        let options = ["snapshot".to_owned(), "restore".to_owned(), file.display().to_string()];
        let place = format!("--data-dir={}", self.data_folder().display());
        let args = [place, format!("--name={name}"), format!("--initial-cluster={members}"), peer];
        etcdctl::run(etcd.restorer(), &options, args, "").unwrap_or_else(|error| panic!("restore: {error}"));
    }

    /// Saves the data of a server that does not run, the v2 API's included: a backup is a copy.
    pub fn save_data(&self, folder: &Path) {
        assert!(self.process_id().is_none(), "{} runs", self.setup.name);
        copy(&self.data_folder(), folder);
    }

    /// Kills the server and puts saved data in the place of its own; it stays down.
    pub fn restore_data(&self, folder: &Path) {
        self.wipe();
        copy(folder, &self.data_folder());
    }

    /// One of the server's own counters or gauges, summed over its labels, or those that begin as
    /// `name` does: `grpc_server_started_total{grpc_method="Range"`. 0 where there is none.
    pub fn metric(&self, name: &str) -> f64 {
        let reply = http::get(loopback(self.setup.metrics_port), "/metrics");
        let value = |line: &str| {
            let rest = line.strip_prefix(name)?;
            let is_it = rest.starts_with([' ', '{', ',', '}']);
            if is_it { rest.rsplit_once(' ')?.1.parse::<f64>().ok() } else { None }
        };
        reply.map(|(_, body)| body.lines().filter_map(value).sum()).unwrap_or_default()
    }

    /// One of the server's own counters, by the values of one of its labels:
    /// `metric_by("grpc_server_msg_received_total", "grpc_method")`.
    pub fn metric_by(&self, name: &str, label: &str) -> BTreeMap<String, f64> {
        let reply = http::get(loopback(self.setup.metrics_port), "/metrics");
        let start = format!("{label}=\"");
        let mut values = BTreeMap::new();
        for line in reply.iter().flat_map(|(_, body)| body.lines()) {
            let labels = line.strip_prefix(name).and_then(|rest| rest.strip_prefix('{'));
            let Some((labels, value)) = labels.and_then(|rest| rest.rsplit_once(' ')) else { continue };
            let of_label = labels.split_once(&start).and_then(|(_, rest)| rest.split_once('"'));
            if let (Some((of_label, _)), Ok(value)) = (of_label, value.parse::<f64>()) {
                *values.entry(of_label.to_owned()).or_default() += value;
            }
        }
        values
    }

    /// What the server's JSON gateway answers: `gateway("/v3/kv/range", r#"{"key":"Zm9v"}"#)`; the
    /// error's text where it is one. Without TLS, also where the server has it for its clients.
    pub fn gateway(&self, path: &str, json: &str) -> Result<String, String> {
        let address = loopback(self.setup.gateway_port);
        let post = |path: &str, token: &str, json: &str| match http::post(address, path, token, json) {
            Ok((200, body)) => Ok(body),
            Ok((_, body)) => Err(body),
            Err(error) => Err(error.to_string()),
        };
        let user = self.user.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some((name, password)) = user.as_deref().and_then(|user| user.split_once(':')) else {
            return post(path, "", json);
        };
        let login = format!(r#"{{"name":{name:?},"password":{password:?}}}"#);
        let reply = post("/v3/auth/authenticate", "", &login)?;
        let token = reply.split_once(r#""token":""#).and_then(|(_, rest)| rest.split_once('"'));
        let (token, _) = token.ok_or_else(|| format!("no token in {reply}"))?;
        post(path, token, json)
    }

    /// The status, the head and the body of what the v2 API replies about a key.
    pub(crate) fn v2(&self, method: &str, key: &str, form: &str) -> io::Result<(u16, String, String)> {
        self.v2_request(method, &format!("/v2/keys{key}"), "application/x-www-form-urlencoded", form)
    }

    /// The status, the head and the body of what the v2 API replies.
    pub(crate) fn v2_request(
        &self,
        method: &str,
        path: &str,
        content_type: &str,
        body: &str,
    ) -> io::Result<(u16, String, String)> {
        let user = self.user.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let login = |user| format!("authorization: Basic {}\r\n", STANDARD.encode(user));
        let login = user.map(login).unwrap_or_default();
        let headers = format!("content-type: {content_type}\r\n{login}");
        http::send(loopback(self.setup.gateway_port), method, path, &headers, body)
    }

    /// What a stream of the JSON gateway says within a time, and whether it has ended by then. The
    /// headers are etcd's metadata: `Grpc-Metadata-hasleader: true`.
    pub fn gateway_stream(&self, path: &str, headers: &str, json: &str, time: Duration) -> (String, bool) {
        http::listen(loopback(self.setup.gateway_port), path, headers, json, time)
            .unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// The member's id in its cluster, as etcd writes it.
    pub fn member_id(&self) -> String {
        let list = self.etcdctl(["member", "list"]);
        let name = format!(", {}, ", self.setup.name);
        let line = list.lines().find(|line| line.contains(&name));
        let id = line.and_then(|line| line.split(',').next());
        id.unwrap_or_else(|| panic!("no {} in\n{list}", self.setup.name)).to_owned()
    }
}

fn copy(from: &Path, to: &Path) {
    let failed = |path: &Path, error: io::Error| -> ! { panic!("{}: {error}", path.display()) };
    fs::create_dir_all(to).unwrap_or_else(|error| failed(to, error));
    for entry in fs::read_dir(from).unwrap_or_else(|error| failed(from, error)) {
        let entry = entry.unwrap_or_else(|error| failed(from, error));
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            copy(&source, &target);
        } else {
            fs::copy(&source, &target).unwrap_or_else(|error| failed(&source, error));
        }
    }
}
