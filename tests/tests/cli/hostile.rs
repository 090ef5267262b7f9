//! What must not reach a terminal, and how it is left.

use crate::helper::{Run, VALID, run_on};
use crate::script::with_file;
use crate::terminal::Terminal;

#[test]
fn a_terminal_without_a_size_is_a_terminal() {
    let seed = format!("{VALID}/payments/greeting=a\\e[31mb\n");
    for args in [&["get", "greeting"][..], &["show"], &["export"]] {
        let mut terminal = Terminal::with_size(Run::new(&seed, args).env("NO_COLOR", "1"), 0, 0);
        assert_eq!(terminal.ends(), 0, "{args:?}");
        let bytes = String::from_utf8_lossy(&terminal.bytes()).into_owned();
        assert!(bytes.contains("[31mb") && !bytes.contains('\u{1b}'), "{args:?}: {bytes:?}");
    }
}

#[test]
fn json_has_nothing_in_it_that_a_terminal_obeys() {
    let seed = format!("{VALID}/payments/greeting=a\u{9b}31m\u{7f}\u{202e}b\\e[0m\n");
    for args in [&["--json", "show"][..], &["--json", "get", "greeting"], &["--json", "history"]] {
        let ran = run_on(&seed, args);
        assert!(!ran.out.contains(['\u{9b}', '\u{7f}', '\u{202e}', '\u{1b}']), "{args:?}: {:?}", ran.out);
        // It is the same value.
        let json = ran.json().to_string();
        assert!(json.contains("a\u{9b}31m\u{7f}\u{202e}b"), "{json}");
    }
}

#[test]
fn a_signal_leaves_the_terminal_as_it_was() {
    for (signal, code) in [("TERM", 143), ("INT", 130), ("HUP", 129)] {
        let mut terminal = Terminal::start(Run::new(VALID, &["watch"]), 80);
        terminal.sees("q ends");
        terminal.signal(signal);
        assert_eq!(terminal.ends(), code, "{signal}");
        let bytes = String::from_utf8_lossy(&terminal.bytes()).into_owned();
        assert!(bytes.trim_end().ends_with("\u{1b}[?1049l") && bytes.contains("\u{1b}[?25h"), "{signal}");
    }
}

#[test]
fn an_empty_document_is_no_configuration() {
    for (name, text) in [("a.yaml", ""), ("a.toml", "# nothing\n"), ("a.json", "{}"), ("a.sh", "\n")] {
        let seed = format!("{VALID}/payments/log/level=debug\n");
        let args = ["apply", "--replace", "--yes", "--format", name.split_once('.').unwrap().1];
        let args = args.map(|arg| if arg == "sh" { "etcdctl" } else { arg });
        let ran = with_file(&seed, name, text, &args);
        assert_eq!(ran.code, 2, "{ran:#?}");
        assert!(ran.err.contains("names nothing"), "{ran:#?}");
        assert!(ran.after.contains("/payments/log/level=debug\n"), "{ran:#?}");
    }
}
