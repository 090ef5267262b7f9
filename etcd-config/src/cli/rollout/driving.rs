//! A rollout while it runs: its steps are printed, and Ctrl-C takes it back.

use std::io;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use etcd_client_core::Printable;

use super::typeless::Drive;
use crate::cli::ending::Ending;
use crate::cli::exit::{Code, Failure};
use crate::cli::session::Session;
use crate::cli::style::Style;
use crate::error::{Error, RESUME_OR_ABORT, RolloutEnd};
use crate::rollout::Promoted;
use crate::rollout::step::RolloutStep;

/// How soon Ctrl-C is heard.
const LOOK: Duration = Duration::from_millis(100);

/// What comes from the thread that drives it.
enum Heard {
    Step(RolloutStep),
    Ended(Result<Promoted, Error>),
}

/// What has come of it.
pub(super) struct Driven {
    pub(super) outcome: Result<Promoted, Error>,
    /// Its name, and the revision at which it was staged, if it was staged by this.
    pub(super) staged: Option<(String, u64)>,
}

/// Drives it to its end. The first Ctrl-C, or other signal that ends a process, takes it back; the next one ends the
/// process as ever, and leaves it staged. `begun` is its name, if it has begun before.
pub(super) fn drive(
    session: &Session,
    rollout: Box<dyn Drive>,
    begun: Option<&str>,
) -> Result<Driven, Failure> {
    let cannot = |what: &str, error: &io::Error| Failure::new(Code::Usage, format!("{what}: {error}"));
    let ending = Ending::listen().map_err(|error| cannot("signals cannot be heard", &error))?;
    let mut ending = Some(ending);
    let handle = rollout.handle();
    let (sender, heard) = mpsc::channel();
    let steps = sender.clone();
    let work = move || {
        let on_step = move |step: &RolloutStep| drop(steps.send(Heard::Step(step.clone())));
        let outcome = rollout.drive(Box::new(on_step));
        // Where nobody listens any more, the command has ended.
        drop(sender.send(Heard::Ended(outcome)));
    };
    std::thread::Builder::new()
        .name("rollout".to_owned())
        .spawn(work)
        .map_err(|error| cannot("there is no thread to drive it", &error))?;
    let mut staged = None;
    loop {
        match heard.recv_timeout(LOOK) {
            Ok(Heard::Step(step)) => {
                if let RolloutStep::Staged { id, revision, .. } = &step {
                    staged = Some((id.clone(), *revision));
                }
                show(session, &step);
            }
            Ok(Heard::Ended(outcome)) => return Ok(Driven { outcome, staged }),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                let why = "the thread that drives it has ended before it was done".to_owned();
                let id = staged.map(|(id, _)| id).or_else(|| begun.map(str::to_owned));
                let text = id.map_or_else(|| why.clone(), |id| with_ways_on(&why, &id));
                return Err(Failure::new(Code::Unreachable, text));
            }
        }
        if let Some(name) = ending.as_ref().and_then(Ending::name) {
            session.terminal.say(&format!("{name}: taking it back; a second one leaves it staged"));
            handle.abort(name);
            ending = None;
        }
    }
}

/// On standard output; where that is for a program, on standard error.
pub(super) fn show(session: &Session, step: &RolloutStep) {
    let text = step.to_string();
    let mut letters = text.chars();
    let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    let text = format!("{first}{}", letters.as_str());
    let text = match step {
        RolloutStep::Promoted { revision } if !session.json => {
            format!("{text}: `fleet --wait {revision}` says when all have it")
        }
        _ => text,
    };
    let style = match step {
        RolloutStep::Promoted { .. } => Style::Good,
        RolloutStep::TakenBack { .. } => Style::Odd,
        _ => Style::Plain,
    };
    if session.json {
        session.terminal.say(&text);
    } else {
        session.terminal.print_as(style, &text);
    }
}

/// As any failure, and with the commands that go on from there.
pub(super) fn failure(error: Error) -> Failure {
    let (id, can_resume) = match error.rollout() {
        Some(RolloutEnd::Staged { id, can_resume, .. }) => (id.clone(), *can_resume),
        _ => return error.into(),
    };
    let failure = Failure::from(error);
    let text = failure.text.replace(RESUME_OR_ABORT, "");
    let text = if can_resume { with_ways_on(&text, &id) } else { with_way_back(&text, &id) };
    failure.in_words(text)
}

fn with_ways_on(text: &str, id: &str) -> String {
    with_way_back(&format!("{text}\n  rollout --continue {}", Printable::line(id)), id)
}

fn with_way_back(text: &str, id: &str) -> String {
    format!("{text}\n  rollout --abort {}", Printable::line(id))
}
