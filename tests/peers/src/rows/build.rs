//! What a user's release build costs.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use crate::bench::Bench;
use crate::proc;
use crate::subjects::{cargo, home, target};

/// A program that does the least one can do, its dependency and its source.
struct Hello {
    name: &'static str,
    dependencies: String,
    source: String,
}

/// From nothing, with the versions of this workspace's lock file. It hardly varies, so it is measured once.
pub(crate) fn hello(bench: &mut Bench) {
    let runs = if bench.chosen { bench.runs } else { 1 };
    if bench.quick {
        println!("a build cannot be quick: this is all of it");
    }
    for _ in 0..runs {
        for hello in [ours(0), etcd_client(), dynamic_config()] {
            let _ = fs::remove_dir_all(hello.folder());
            match hello.build() {
                Ok(built) => {
                    bench.record("build", "CPU", "s", hello.name, built.cpu);
                    bench.record("build", "crates", "", hello.name, built.crates as f64);
                    bench.record("build", "stripped", "MB", hello.name, built.bytes / 1e6);
                }
                Err(why) => println!("{}: {why}", hello.name),
            }
            // Ours is what the row `type` begins with.
            if hello.name != "ours" {
                let _ = fs::remove_dir_all(hello.folder());
            }
        }
    }
}

/// The same program with more root types, after its dependencies have been built.
pub(crate) fn root_type(bench: &mut Bench) {
    let (few, many) = (1, 9);
    let build = |types| ours(types).build();
    if let Err(why) = build(few) {
        println!("{why}");
        return;
    }
    for _ in 0..bench.runs {
        let (Ok(fewer), Ok(more)) = (build(few), build(many)) else { return };
        let types = f64::from(many - few);
        bench.record("type", "size", "KB", "ours", (more.bytes - fewer.bytes) / 1e3 / types);
        bench.record("type", "CPU", "s", "ours", (more.cpu - fewer.cpu) / types);
    }
    let _ = fs::remove_dir_all(ours(few).folder());
}

struct Built {
    cpu: f64,
    crates: usize,
    bytes: f64,
}

impl Hello {
    fn folder(&self) -> PathBuf {
        target().join("hello").join(self.name)
    }

    /// What is there of an earlier build is used; the program itself is always compiled.
    fn build(&self) -> Result<Built, String> {
        let folder = self.folder();
        self.write(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let before = proc::cpu_of_children();
        let output = cargo()
            .args(["build", "--release", "--target-dir"])
            .arg(folder.join("target"))
            .env("CARGO_INCREMENTAL", "0")
            .current_dir(&folder)
            .output();
        let cpu = proc::cpu_of_children() - before;
        let output = output.map_err(|error| error.to_string())?;
        let words = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() {
            return Err(words.into_owned());
        }
        let program = folder.join("target/release/hello");
        let bytes = fs::metadata(&program).map_err(|error| error.to_string())?.len();
        let crates = words.lines().filter(|line| line.trim_start().starts_with("Compiling")).count() - 1;
        Ok(Built { cpu, crates, bytes: bytes as f64 })
    }

    fn write(&self, folder: &Path) -> std::io::Result<()> {
        fs::create_dir_all(folder.join("src"))?;
        let manifest = format!(
            "[package]\nname = \"hello\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[dependencies]\n{}\n\n\
             [profile.release]\nstrip = true\n\n[workspace]\n",
            self.dependencies
        );
        fs::write(folder.join("Cargo.toml"), manifest)?;
        if !folder.join("Cargo.lock").exists() {
            fs::copy(home().join("Cargo.lock"), folder.join("Cargo.lock"))?;
        }
        fs::write(folder.join("src/main.rs"), &self.source)
    }
}

/// The root types beyond the first one are alike, and each is watched and subscribed to.
fn ours(further: u32) -> Hello {
    let library = home().join("../../etcd-config");
    let mut source = String::from("use etcd_config::EtcdConfig;\nuse std::collections::HashMap;\n");
    source += HELLO;
    for number in 0..further {
        let _ = write!(source, "{}", FURTHER.replace("NUMBER", &number.to_string()));
    }
    let calls: String = (0..further).map(|number| format!("    further_{number}()?;\n")).collect();
    let source = source.replace("    // further\n", &calls);
    Hello {
        name: "ours",
        dependencies: format!("etcd-config = {{ path = \"{}\" }}", library.display()),
        source,
    }
}

const HELLO: &str = r#"
#[derive(EtcdConfig)]
#[etcd(prefix = "/hello")]
struct Settings {
    #[etcd(default = "world")]
    name: String,
}

fn main() -> Result<(), etcd_config::Error> {
    let settings = Settings::watch("http://127.0.0.1:2379")?;
    println!("hello {}", settings.load().name);
    // further
    Ok(())
}
"#;

const FURTHER: &str = r#"
#[derive(EtcdConfig, Clone, Debug, PartialEq)]
#[etcd(prefix = "/further/NUMBER")]
struct FurtherNUMBER {
    #[etcd(default = "127.0.0.1:8080")]
    listen: std::net::SocketAddr,
    #[etcd(key = "log/level", default = "info")]
    level: String,
    #[etcd(default = 10)]
    workers: u32,
    #[etcd(nested)]
    database: DatabaseNUMBER,
    #[etcd(map)]
    features: HashMap<String, bool>,
}

#[derive(EtcdConfig, Clone, Debug, PartialEq)]
struct DatabaseNUMBER {
    #[etcd(default = "postgres://")]
    url: String,
    #[etcd(default = 10)]
    pool_size: u32,
}

fn further_NUMBER() -> Result<(), etcd_config::Error> {
    let settings = FurtherNUMBER::watch("http://127.0.0.1:2379")?;
    settings.on(|s| &s.database.pool_size, |old, new| println!("pool {old} -> {new}"));
    settings.on_change(|change| println!("now at revision {}", change.revision()));
    println!("{:?}", *settings.load());
    Ok(())
}
"#;

/// With TLS, as etcd-config has it.
fn etcd_client() -> Hello {
    let dependencies = "etcd-client = { version = \"0.21\", features = [\"tls\", \"tls-roots\"] }\n\
        tokio = { version = \"1\", features = [\"macros\", \"rt-multi-thread\"] }";
    let source = r#"
#[tokio::main]
async fn main() -> Result<(), etcd_client::Error> {
    let mut client = etcd_client::Client::connect(["http://127.0.0.1:2379"], None).await?;
    let options = etcd_client::WatchOptions::new().with_prefix();
    let mut stream = client.watch("/hello/", Some(options)).await?;
    while let Some(message) = stream.message().await? {
        println!("{:?}", message.events());
    }
    Ok(())
}
"#;
    Hello { name: "etcd-client", dependencies: dependencies.to_owned(), source: source.to_owned() }
}

fn dynamic_config() -> Hello {
    let dependencies = "dynamic-config = { version = \"0.10\", features = [\"async\", \"json\"] }\n\
        dynamic-config-etcd = { version = \"0.10\", features = [\"tls-roots\"] }\n\
        serde = { version = \"1\", features = [\"derive\"] }\n\
        tokio = { version = \"1\", features = [\"macros\", \"rt-multi-thread\"] }";
    let source = r#"
#[dynamic_config::dynamic_config]
#[derive(Debug, serde::Deserialize)]
struct Settings {
    name: String,
}

#[tokio::main]
async fn main() -> Result<(), dynamic_config::Error> {
    Settings::set_remote_async(dynamic_config_etcd::Etcd::new(["http://127.0.0.1:2379"], "hello.json").await?);
    Settings::refresh_remote_async().await?;
    Settings::builder("hello").init_async().await?;
    println!("hello {}", Settings::current().name);
    Ok(())
}
"#;
    Hello { name: "dynamic-config", dependencies: dependencies.to_owned(), source: source.to_owned() }
}
