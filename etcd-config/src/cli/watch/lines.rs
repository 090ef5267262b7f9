//! Changes as lines: for a pipe, a file, a program.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, SystemTime};

use etcd_client_core::OneLine;
use serde_json::{Value, json};

use crate::cli::session::Session;
use crate::cli::subject::{Heard, Watched};
use crate::cli::terminal::harmless_json;
use crate::explain::difference::difference;
use crate::rejection::Rejection;
use crate::status::State;

/// How often it is looked whether anybody reads the lines, in the time between changes.
const PAUSE: Duration = Duration::from_secs(60);

/// Prints until nobody reads it.
pub(super) fn follow(session: &Session, watched: &dyn Watched, heard: &Receiver<Heard>) {
    let mut before = watched.explain();
    let mut state = String::new();
    let mut next = Some(Heard::Status);
    // What is refused from the beginning on may be heard of once more.
    let mut refused = None;
    while !session.terminal.is_closed() {
        match next.take() {
            Some(Heard::Status) => {
                let status = watched.status();
                let line = match &status.state {
                    // It is so for a moment only.
                    State::Listing if state.is_empty() => "following".to_owned(),
                    state => match state.error() {
                        Some(error) => format!("{state}: {}", OneLine(error)),
                        None => state.to_string(),
                    },
                };
                if state != status.state.to_string() {
                    let (name, prefix, revision) = (status.name, &status.prefix, status.snapshot_revision);
                    let prefix = etcd_client_core::Printable::line(prefix);
                    let text = format!("{name} below {prefix} at revision {revision}: {line}");
                    print(session, &text, &json!({ "status": status }));
                    let is_first = state.is_empty();
                    state = status.state.to_string();
                    if let Some(rejection) = status.refusal().filter(|_| is_first) {
                        print_refusal(session, rejection);
                        refused = Some(rejection.revision());
                    }
                }
            }
            Some(Heard::Change) => {
                let now = watched.explain();
                for changed in difference(&before, &now) {
                    let revision = changed.revision.unwrap_or_else(|| watched.status().snapshot_revision);
                    let text = format!("revision {revision}  {}", changed.line());
                    let mut data = json!({
                        "change": {
                            "field": changed.field,
                            "key": changed.key,
                            "old": changed.old,
                            "new": changed.new,
                            "revision": revision,
                        }
                    });
                    if let Some(layer) = changed.layer {
                        data["change"]["layer"] = layer.into();
                    }
                    print(session, &text, &data);
                }
                before = now;
            }
            Some(Heard::Rejected(rejection)) if refused != Some(rejection.revision()) => {
                print_refusal(session, &rejection);
            }
            Some(Heard::Warning(warning)) => {
                let text = format!("warning: {}", OneLine(&warning));
                print(session, &text, &json!({ "warning": warning }));
            }
            Some(Heard::Rejected(_)) | None => {}
        }
        next = match heard.recv_timeout(PAUSE) {
            Ok(heard) => Some(heard),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => return,
        };
    }
}

fn print_refusal(session: &Session, rejection: &Rejection) {
    let text = format!("refused: {:#}", rejection.to_error());
    print(session, &text, &json!({ "refused": rejection }));
}

fn print(session: &Session, text: &str, data: &Value) {
    let time = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    let line = if session.json {
        let mut data = data.clone();
        data["time"] = Value::String(time);
        harmless_json(&data.to_string())
    } else {
        format!("{time}  {text}")
    };
    session.terminal.write(line.as_bytes());
    session.terminal.write(b"\n");
}
