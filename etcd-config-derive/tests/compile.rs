//! What the compiler says to each mistake: one message, on the word that is wrong, with the fix.

use std::process::Command;

/// The compiler whose words the cases in `rustc` hold.
const RECORDED: &str = "rustc 1.95.";

#[test]
fn every_mistake_has_its_message() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/compile/fail/*.rs");
    // These messages are rustc's own, with our words in them: another rustc frames them otherwise.
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(rustc).arg("--version").output().expect("rustc can say its version");
    let version = String::from_utf8_lossy(&version.stdout).into_owned();
    if version.starts_with(RECORDED) {
        cases.compile_fail("tests/compile/rustc/*.rs");
    } else {
        println!("not compared: the messages of {RECORDED} with those of {version}");
    }
}
