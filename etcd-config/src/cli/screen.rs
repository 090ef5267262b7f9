//! The terminal while it shows a live table.

use std::io::{self, Write};
use std::time::{Duration, Instant, SystemTime};

use crossterm::cursor::{Hide, MoveTo, Show};
use crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use crossterm::terminal::{
    self, Clear, ClearType, DisableLineWrap, EnableLineWrap, EnterAlternateScreen, LeaveAlternateScreen,
};
use crossterm::{execute, queue};

use super::ending::Ending;

/// How soon a change is shown.
const LOOK: Duration = Duration::from_millis(100);
/// How often ages are shown anew.
const TICK: Duration = Duration::from_secs(1);

/// The size of the terminal, in columns and lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) width: usize,
    pub(super) height: usize,
}

/// What the screen shows.
pub(super) trait Picture {
    /// Whether there may be something new.
    fn is_new(&mut self) -> bool;
    /// Looks at what there is now; `time` is what the clock on the wall says.
    fn look(&mut self, now: Instant, time: &str);
    /// The lines of the whole screen, from the top, as many as it has; `scrolled` rows are above the first that is shown.
    fn lines(&mut self, size: Size, now: Instant, scrolled: &mut usize) -> Vec<String>;
    /// Whether there is no more to be seen.
    fn is_over(&self) -> bool {
        false
    }
}

/// What a key asks for.
enum Wish {
    End,
    Scroll(isize),
    Nothing,
}

/// Shows it until a key ends it, or a signal the process.
pub(super) fn follow(picture: &mut dyn Picture) -> io::Result<()> {
    let ending = Ending::listen()?;
    show(picture, &ending)?;
    // The terminal is as it was before.
    ending.end()
}

fn show(picture: &mut dyn Picture, ending: &Ending) -> io::Result<()> {
    let _screen = Screen::open()?;
    let mut drawn: Option<Instant> = None;
    let mut scrolled: usize = 0;
    while !ending.is_asked_for() && !picture.is_over() {
        let mut is_new = picture.is_new();
        if event::poll(LOOK)? {
            let event = event::read()?;
            is_new = true;
            match wish(&event, size()?.height) {
                Wish::End => return Ok(()),
                Wish::Scroll(by) => scrolled = scrolled.saturating_add_signed(by),
                Wish::Nothing => {}
            }
        }
        let now = Instant::now();
        if is_new || drawn.is_none_or(|drawn| now.duration_since(drawn) >= TICK) {
            let time = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
            picture.look(now, time.get(11..19).unwrap_or_default());
            Screen::draw(&picture.lines(size()?, now, &mut scrolled))?;
            drawn = Some(now);
        }
    }
    Ok(())
}

/// The lines of a screen: a head, a table that scrolls below its titles, and a tail.
pub(super) fn arranged(
    mut head: Vec<String>,
    table: &[String],
    tail: Vec<String>,
    height: usize,
    scrolled: &mut usize,
) -> Vec<String> {
    let room = height.saturating_sub(head.len() + tail.len()).max(2);
    let (titles, rows) = table.split_at(1.min(table.len()));
    let shown = room - 1;
    *scrolled = (*scrolled).min(rows.len().saturating_sub(shown));
    head.extend(titles.iter().cloned());
    head.extend(rows.iter().skip(*scrolled).take(shown).cloned());
    head.resize(head.len() + shown.saturating_sub(rows.len()), String::new());
    head.extend(tail);
    head.truncate(height);
    head
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
