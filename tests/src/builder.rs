//! How servers are set up.

use std::path::PathBuf;

use crate::certificates::{Certificates, Identity};
use crate::ports::free_port;
use crate::seats::Seats;
use crate::server::{Server, Setup, StartError};
use crate::{Cluster, Etcd, Proxy, servers};

/// A server or a cluster that is not like all others.
#[derive(Clone, Debug, Default)]
pub struct Builder {
    etcd: Option<&'static Etcd>,
    flags: Vec<String>,
    tls: Option<Tls>,
    auto_tls: bool,
    http_port: bool,
    peer_proxies: bool,
}

/// Where a server will listen.
struct Place {
    client_port: u16,
    /// The same, where it has no TLS.
    gateway_port: u16,
    peer_port: u16,
    peer_proxy: Option<Proxy>,
    metrics_port: u16,
}

#[derive(Clone, Debug)]
struct Tls {
    authority: PathBuf,
    server: Identity,
    client: Identity,
    mutual: bool,
}

impl Server {
    /// A server of one node, of the newest version at hand, on free ports of 127.0.0.1.
    pub fn start() -> Self {
        Self::builder().start()
    }

    /// A server that is not like all others.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Starts a member that learns from this server's cluster of one, and does not vote yet. It
    /// serves nobody: see [`launch`](Self::launch).
    #[must_use]
    pub fn add_learner(&self) -> Self {
        let builder = Self::builder().etcd(self.etcd()).flag("--initial-cluster-state", "existing");
        let place = builder.place();
        let peer = format!("--peer-urls=http://{}", place.peer_address());
        self.etcdctl(["member", "add", "learner", "--learner", &peer]);
        let members = format!("{},learner=http://{}", self.setup.members, place.peer_address());
        let learner = builder.node("learner".to_owned(), place, &members);
        learner.launch();
        learner
    }
}

impl Cluster {
    /// A cluster of three, of the newest version at hand; for others see [`Builder::start_cluster`].
    pub fn start() -> Self {
        Server::builder().start_cluster()
    }
}

impl Builder {
    /// The program to run, instead of the newest.
    #[must_use]
    pub fn etcd(mut self, etcd: &'static Etcd) -> Self {
        self.etcd = Some(etcd);
        self
    }

    /// One more flag: `.flag("--auth-token-ttl", "4")`.
    #[must_use]
    pub fn flag(mut self, name: &str, value: &str) -> Self {
        self.flags.push(format!("{name}={value}"));
        self
    }

    /// With the v2 API; asks for a server that has one: see [`servers::with_v2`].
    #[must_use]
    pub fn v2(self) -> Self {
        self.flag("--enable-v2", "true")
    }

    /// Over TLS; clients need no certificate.
    #[must_use]
    pub fn tls(self, certificates: &Certificates) -> Self {
        self.with_tls(certificates, false)
    }

    /// Over TLS, and only for clients with a certificate of the same authority.
    #[must_use]
    pub fn mutual_tls(self, certificates: &Certificates) -> Self {
        self.with_tls(certificates, true)
    }

    /// Over TLS with the server's certificate and key in these files, which are also those of a client, and
    /// only for clients of this authority.
    #[must_use]
    pub fn tls_files(mut self, authority: PathBuf, identity: Identity, mutual: bool) -> Self {
        self.tls = Some(Tls { authority, server: identity.clone(), client: identity, mutual });
        self
    }

    /// Over TLS with what etcd makes itself, in [`auto_tls_certificate`](Server::auto_tls_certificate).
    /// Nobody but the test's own client can reach it.
    #[must_use]
    pub fn auto_tls(mut self) -> Self {
        self.auto_tls = true;
        self.flag("--auto-tls", "true")
    }

    /// With gRPC on the port of its clients, and HTTP on another one: [`Server::http_address`]. Asks for a
    /// server of 3.6 or later.
    #[must_use]
    pub fn http_port(mut self) -> Self {
        self.http_port = true;
        self
    }

    /// With a proxy before each member's port for its peers, so that members can be
    /// [cut off](Cluster::isolate).
    #[must_use]
    pub fn peer_proxies(mut self) -> Self {
        self.peer_proxies = true;
        self
    }

    /// Starts a server of one node and waits until it serves.
    pub fn start(&self) -> Server {
        let seats = Seats::take(1);
        let mut server = self.start_nodes(1);
        server.pop().expect("one server").seated(seats)
    }

    /// Starts a cluster of three and waits until all members serve.
    pub fn start_cluster(&self) -> Cluster {
        let seats = Seats::take(3);
        Cluster::new(self.start_nodes(3), seats)
    }

    fn with_tls(mut self, certificates: &Certificates, mutual: bool) -> Self {
        let (server, client) = (certificates.server(), certificates.client());
        self.tls = Some(Tls { authority: certificates.ca_file(), server, client, mutual });
        self
    }

    fn start_nodes(&self, count: usize) -> Vec<Server> {
        for _ in 0..10 {
            let servers = self.nodes(count);
            servers.iter().for_each(Server::launch);
            match servers.iter().try_for_each(Server::try_until_healthy) {
                Ok(()) => return servers,
                Err(StartError::PortTaken) => {}
                Err(StartError::Failed(why)) => panic!("{why}"),
            }
        }
        panic!("other processes take the ports that were free, again and again")
    }

    fn nodes(&self, count: usize) -> Vec<Server> {
        let places: Vec<_> = (0..count).map(|_| self.place()).collect();
        let member = |(number, place): (usize, &Place)| format!("n{number}=http://{}", place.peer_address());
        let members: Vec<_> = places.iter().enumerate().map(member).collect();
        let members = members.join(",");
        let node = |(number, place): (usize, Place)| self.node(format!("n{number}"), place, &members);
        places.into_iter().enumerate().map(node).collect()
    }

    fn is_secure(&self) -> bool {
        self.tls.is_some() || self.auto_tls
    }

    fn place(&self) -> Place {
        let client_port = free_port();
        let gateway_port = if self.is_secure() || self.http_port { free_port() } else { client_port };
        let peer_port = free_port();
        let peer_proxy = self.peer_proxies.then(|| Proxy::to(&format!("127.0.0.1:{peer_port}")));
        Place { client_port, gateway_port, peer_port, peer_proxy, metrics_port: free_port() }
    }

    fn node(&self, name: String, place: Place, members: &str) -> Server {
        let etcd = self.etcd.unwrap_or_else(servers::newest);
        let peer_address = place.peer_address();
        let Place { client_port, gateway_port, peer_port, peer_proxy, metrics_port } = place;
        let scheme = if self.is_secure() { "https" } else { "http" };
        let client = format!("{scheme}://127.0.0.1:{client_port}");
        let gateway = format!("http://127.0.0.1:{gateway_port}");
        let listen = if self.is_secure() { format!("{client},{gateway}") } else { client.clone() };
        let mut args = vec![
            format!("--name={name}"),
            format!("--listen-client-urls={listen}"),
            format!("--advertise-client-urls={client}"),
            format!("--listen-peer-urls=http://127.0.0.1:{peer_port}"),
            format!("--initial-advertise-peer-urls=http://{peer_address}"),
            format!("--initial-cluster={members}"),
            format!("--listen-metrics-urls=http://127.0.0.1:{metrics_port}"),
            "--logger=zap".to_owned(),
            "--log-level=warn".to_owned(),
        ];
        if etcd.version().line() >= (3, 5) {
            args.push("--unsafe-no-fsync=true".to_owned()); // a killed process loses nothing by it
        }
        if self.http_port {
            args.push(format!("--listen-client-http-urls={gateway}"));
        }
        if let Some(tls) = &self.tls {
            args.push(format!("--cert-file={}", tls.server.certificate.display()));
            args.push(format!("--key-file={}", tls.server.key.display()));
            // Where it is given, etcd wants a certificate of clients, whatever `--client-cert-auth` says.
            if tls.mutual {
                args.push(format!("--trusted-ca-file={}", tls.authority.display()));
                args.push("--client-cert-auth".to_owned());
            }
        }
        args.extend(self.flags.iter().cloned());
        let tls = self.tls.as_ref().map(|tls| (tls.authority.clone(), tls.client.clone()));
        let members = members.to_owned();
        let setup = Setup {
            etcd,
            name,
            scheme,
            client_port,
            gateway_port,
            peer_address,
            metrics_port,
            members,
            args,
            tls,
        };
        Server::new(setup, peer_proxy)
    }
}

impl Place {
    fn peer_address(&self) -> String {
        self.peer_proxy.as_ref().map_or_else(|| format!("127.0.0.1:{}", self.peer_port), Proxy::address)
    }
}
