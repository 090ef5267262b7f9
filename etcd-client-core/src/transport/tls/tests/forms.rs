//! In which forms files and texts are read, and what is said of others.

use crate::transport::tls::tests::*;

/// A text from a variable of the environment often comes so; the key was shown in numbers.
#[test]
fn a_key_that_cannot_be_read_is_not_shown() {
    let section = |text: &str| text[..60].to_owned();
    let written_out = KEY.replace('\n', "\\n");
    for (text, why) in [
        (written_out.clone(), "a backslash and an n"),
        (written_out.replace("\\n", " "), "no BEGIN PRIVATE KEY"),
        (section(KEY), "no END line"),
        (section(ENCRYPTED), "no END line"),
        (KEY.replacen("MI", "M!", 1), "not base64"),
        (String::new(), "no BEGIN PRIVATE KEY"),
        (ENCRYPTED.replacen("MI", "M!", 1), "not base64"),
    ] {
        let tls = Tls::new().ca_pem(CERTIFICATE).unwrap().key_passphrase("opensesame");
        let why_not = message(tls.identity_pem(CERTIFICATE, &text).and_then(|tls| tls.client_config(&[])));
        assert!(why_not.contains(why), "{why}: {why_not}");
        assert!(why_not.len() < 150 && !why_not.contains(", 4"), "{why_not}");
    }
    let why = message(Tls::new().ca_pem(CERTIFICATE.replace('\n', "\\n")));
    assert!(why.contains("a backslash and an n"), "{why}");
    assert!(
        message(Tls::new().ca_pem(section(CERTIFICATE)))
            .contains("certificate 1 (line 1) in the PEM text is")
    );
}

/// What is encrypted may be written in any form that a plain key may be written in.
#[test]
fn a_pem_text_may_be_indented_and_its_lines_may_be_of_any_length() {
    for pem in [CERTIFICATE, KEY, ENCRYPTED] {
        let lines: Vec<&str> = pem.trim().lines().collect();
        let [begin, body @ .., end] = &lines[..] else { panic!("a PEM text") };
        for text in [
            pem.replace('\n', "\r\n"),
            pem.replace('\n', "\r"),
            pem.replace('\n', "  \n"),
            pem.replacen('\n', "\n\n", 1),
            format!("    {}", pem.replace('\n', "\n    ")),
            format!("{begin}\n{}\n{end}", body.concat()),
            format!("Bag Attributes\n{pem}"),
        ] {
            let tls = Tls::new().key_passphrase("opensesame");
            let outcome = match pem {
                CERTIFICATE => tls.ca_pem(&text),
                _ => tls.ca_pem(CERTIFICATE).and_then(|tls| tls.identity_pem(CERTIFICATE, &text)),
            };
            assert_eq!(message(outcome.and_then(|tls| tls.client_config(&[]))), "accepted", "{text}");
        }
    }
}

/// It would be opened at each connection, on the thread that reads the network.
#[cfg(unix)]
#[test]
fn what_is_no_file_holds_nobody_up() {
    let folder = std::env::temp_dir().join(format!("etcd-client-core-files-{}", std::process::id()));
    std::fs::create_dir(&folder).unwrap();
    let pipe = folder.join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let sparse = folder.join("sparse");
    std::fs::File::create(&sparse).unwrap().set_len(3 << 30).unwrap();
    let (sender, receiver) = std::sync::mpsc::channel();
    for (path, why) in [
        (folder.clone(), "it is a directory"),
        (pipe, "no regular file"),
        ("/dev/zero".into(), "no regular file"),
        (sparse, "larger than 16 MiB"),
    ] {
        let sender = sender.clone();
        std::thread::spawn(move || {
            let key = Tls::new().identity_pem(CERTIFICATE, KEY).unwrap().identity_files(&path, &path);
            drop(sender.send((message(Tls::new().ca_file(&path)), message(key), why)));
        });
    }
    for _ in 0..4 {
        let (authority, key, why) = receiver.recv_timeout(Duration::from_secs(10)).unwrap();
        assert!(authority.contains(why) && key.contains(why), "{why}: {authority}; {key}");
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

/// A hundred times as many took ten thousand times as long.
#[test]
fn a_large_bundle_is_read_as_fast_as_many_small_ones() {
    let start = std::time::Instant::now();
    let mut tls = Tls::new().ca_pem(CERTIFICATE.repeat(4_000)).unwrap();
    assert_eq!(tls.trusted().unwrap().named.len(), 4_000);
    for garbage in ["-----BEGIN CERTIFICATE-----", "-----BEGIN CERTIFICATE-----\n"] {
        assert!(message(tls.ca_pem(garbage.repeat(20_000))).contains("certificate"));
        tls = Tls::new();
    }
    assert!(start.elapsed() < Duration::from_secs(15), "{:?}", start.elapsed());
}

#[test]
fn a_curve_that_is_not_supported_is_named_in_each_form_of_a_key() {
    let tls = Tls::new().ca_pem(CERTIFICATE).unwrap().identity_pem(CERTIFICATE, SECP256K1_KEY).unwrap();
    let why = message(tls.client_config(&[]));
    assert!(why.contains("on the elliptic curve 1.3.132.0.10, which is not supported: use P-256"), "{why}");
}
