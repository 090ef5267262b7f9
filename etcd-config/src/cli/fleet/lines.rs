//! A fleet as lines: for a pipe, a file, a program.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, SystemTime};

use super::news::{News, between, first};
use super::no_longer_followed;
use crate::cli::exit::{Code, Failure};
use crate::cli::session::Session;
use crate::cli::terminal::harmless_json;
use crate::error::Error;
use crate::fleet::following::FleetView;

/// How often it is looked whether anybody reads the lines, in the time between changes.
const PAUSE: Duration = Duration::from_secs(60);

/// Prints until nobody reads it, or the store does not let it be read any more.
pub(super) fn follow(
    session: &Session,
    name: &str,
    mut view: FleetView,
    heard: &Receiver<Result<FleetView, Error>>,
) -> Result<Code, Failure> {
    first(name, &view).iter().for_each(|news| print(session, news));
    while !session.terminal.is_closed() {
        match heard.recv_timeout(PAUSE) {
            Ok(next) => {
                let next = next?;
                between(name, &view, &next).iter().for_each(|news| print(session, news));
                view = next;
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Err(no_longer_followed()),
        }
    }
    Ok(Code::Fine)
}

fn print(session: &Session, News { text, data }: &News) {
    let time = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    let line = if session.json {
        let mut data = data.clone();
        data["time"] = time.into();
        harmless_json(&data.to_string())
    } else {
        format!("{time}  {text}")
    };
    session.terminal.write(line.as_bytes());
    session.terminal.write(b"\n");
}
