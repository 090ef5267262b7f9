//! TLS and a user, on an etcd that wants both; `docs::tls_and_users` of the crate has the commands that make such a one.
//!
//! ```text
//! cargo run -p etcd-config-examples --example tls -- https://127.0.0.1:2379 ca.pem payments password-file
//! ```
//!
//! One sees the settings below `/payments`, and what is said where the authority is not known, where the password is wrong,
//! and where the user may not read. Nothing is written.

use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use etcd_config::EtcdConfig;
use etcd_config::client::{Credentials, Tls, v3::Client};

#[derive(EtcdConfig)]
#[etcd(prefix = "/payments")]
struct Settings {
    #[etcd(default = 10)]
    workers: u32,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [endpoints, authority, user, password_file] = arguments.as_slice() else {
        return Err("usage: tls https://127.0.0.1:2379,... ca.pem user password-file".into());
    };
    let client = |tls: Tls| Client::builder().endpoints(endpoints.split(',')).tls(tls);
    // The file is read again for each new connection: an authority that is replaced needs no restart.
    let tls = Tls::new().ca_file(authority)?;
    // For a certificate in the place of a password: .identity_files("payments.pem", "payments.key")?

    // Asked at each login, so a password that is replaced in the file needs no restart either.
    let (name, file) = (user.clone(), PathBuf::from(password_file));
    let login = move || {
        let password = std::fs::read_to_string(&file).map(|text| text.trim().to_owned());
        let name = name.clone();
        async move { Ok::<_, io::Error>(Credentials::new(name, password?)) }
    };
    let permitted = client(tls.clone()).credentials(login).build()?;
    let settings = Settings::watch(&permitted)?;
    println!("{}", settings.explain());
    println!("{} workers\n", settings.load().workers);

    println!("What is said when something is wrong:");
    let unknown_authority = client(Tls::new()).user(user, "").build()?;
    let wrong_password = client(tls).user(user, "wrong").build()?;
    let elsewhere = Settings::options().prefix("/elsewhere");
    // Where no connection can be made it is tried for that long: etcd may be starting.
    let briefly = || Settings::options().startup_timeout(Duration::from_secs(1));
    for outcome in [
        briefly().load_once(&unknown_authority),
        briefly().load_once(&wrong_password),
        elsewhere.load_once(&permitted),
    ] {
        match outcome {
            Ok(_) => println!("- it is read all the same"),
            Err(error) => println!("- {error}"),
        }
    }
    Ok(())
}
