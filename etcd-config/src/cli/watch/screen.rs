//! The terminal while it shows a live table.

use std::io::{self, Write};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant, SystemTime};

use crossterm::cursor::{Hide, MoveTo, Show};
use crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use crossterm::terminal::{
    self, Clear, ClearType, DisableLineWrap, EnableLineWrap, EnterAlternateScreen, LeaveAlternateScreen,
};
use crossterm::{execute, queue};

use super::frame::{Seen, Size};
use crate::cli::ending::Ending;
use crate::cli::subject::{Heard, Watched};

/// How soon a change is shown.
const LOOK: Duration = Duration::from_millis(100);
/// How often ages are shown anew.
const TICK: Duration = Duration::from_secs(1);

/// What a key asks for.
enum Wish {
    End,
    Scroll(isize),
    Nothing,
}

/// Shows the table until a key ends it, or a signal the process.
pub(super) fn follow(watched: &dyn Watched, heard: &Receiver<Heard>, colours: bool) -> io::Result<()> {
    let ending = Ending::listen()?;
    show(watched, heard, colours, &ending)?;
    // The terminal is as it was before.
    ending.end()
}

fn show(watched: &dyn Watched, heard: &Receiver<Heard>, colours: bool, ending: &Ending) -> io::Result<()> {
    let mut seen = Seen::new(watched.explain(), watched.status());
    let _screen = Screen::open()?;
    let mut drawn: Option<Instant> = None;
    while !ending.is_asked_for() {
        let mut is_new = heard.try_iter().count() > 0;
        if event::poll(LOOK)? {
            let event = event::read()?;
            is_new = true;
            match wish(&event, size()?.height) {
                Wish::End => return Ok(()),
                Wish::Scroll(by) => seen.scrolled = seen.scrolled.saturating_add_signed(by),
                Wish::Nothing => {}
            }
        }
        let now = Instant::now();
        if is_new || drawn.is_none_or(|drawn| now.duration_since(drawn) >= TICK) {
            let time = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
            let time = time.get(11..19).unwrap_or_default();
            seen.update(watched.explain(), watched.status(), now, time);
            Screen::draw(&seen.lines(size()?, now, colours))?;
            drawn = Some(now);
        }
    }
    Ok(())
}

fn size() -> io::Result<Size> {
    let (width, height) = terminal::size()?;
    Ok(Size { width: usize::from(width), height: usize::from(height) })
}

fn wish(event: &Event, height: usize) -> Wish {
    let page = isize::try_from(height / 2).unwrap_or(10);
    match event {
        Event::Key(key) if key.kind != KeyEventKind::Release => match key.code {
            KeyCode::Char('c' | 'd') if key.modifiers.contains(KeyModifiers::CONTROL) => Wish::End,
            KeyCode::Char('q') | KeyCode::Esc => Wish::End,
            KeyCode::Up | KeyCode::Char('k') => Wish::Scroll(-1),
            KeyCode::Down | KeyCode::Char('j') => Wish::Scroll(1),
            KeyCode::PageUp => Wish::Scroll(-page),
            KeyCode::PageDown | KeyCode::Char(' ') => Wish::Scroll(page),
            KeyCode::Home => Wish::Scroll(isize::MIN),
            KeyCode::End => Wish::Scroll(isize::MAX),
            _ => Wish::Nothing,
        },
        _ => Wish::Nothing,
    }
}

/// The alternate screen, left in any case.
struct Screen;

impl Screen {
    fn open() -> io::Result<Self> {
        terminal::enable_raw_mode()?;
        let screen = Self;
        execute!(io::stdout(), EnterAlternateScreen, Hide, DisableLineWrap)?;
        Ok(screen)
    }

    fn draw(lines: &[String]) -> io::Result<()> {
        let mut out = io::stdout().lock();
        for (number, line) in lines.iter().enumerate() {
            let number = u16::try_from(number).unwrap_or(u16::MAX);
            queue!(out, MoveTo(0, number), Clear(ClearType::CurrentLine))?;
            out.write_all(line.as_bytes())?;
        }
        queue!(out, Clear(ClearType::FromCursorDown))?;
        out.flush()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // There is nothing else that could be done.
        let _ = execute!(io::stdout(), EnableLineWrap, Show, LeaveAlternateScreen);
        let _ = terminal::disable_raw_mode();
    }
}
