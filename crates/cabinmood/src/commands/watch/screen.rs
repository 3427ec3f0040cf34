//! The terminal: taken over for the view, and always given back.

use std::io::{self, Stdout, Write as _, stdout};
use std::panic;
use std::time::Duration;

use crossterm::cursor::{Hide, MoveTo, Show};
use crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use crossterm::style::{Color, Print, ResetColor, SetBackgroundColor, SetForegroundColor};
use crossterm::terminal::{
    self, BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate, EnterAlternateScreen,
    LeaveAlternateScreen,
};
use crossterm::{execute, queue};

use super::view::Row;
use crate::draw::palette::Rgb;

/// How many colours the terminal has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Colors {
    /// 16 million.
    True,
    /// 256, as nearly every terminal.
    Palette,
    /// The user wants none (<https://no-color.org>).
    None,
}

/// The terminal while the view is shown. Dropping it gives the terminal back as it was.
#[derive(Debug)]
pub struct Screen {
    out: Stdout,
    colors: Colors,
}

impl Screen {
    /// Takes the terminal over. A panic, too, gives it back, before its message is printed.
    ///
    /// # Errors
    /// Where the terminal refuses.
    pub fn open() -> io::Result<Self> {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            give_back();
            before(info);
        }));
        terminal::enable_raw_mode()?;
        let screen = Self { out: stdout(), colors: Colors::of_terminal(|name| std::env::var(name).ok()) };
        execute!(&screen.out, EnterAlternateScreen, Hide)?;
        Ok(screen)
    }

    /// Columns and rows.
    ///
    /// # Errors
    /// Where the terminal does not tell.
    pub fn size() -> io::Result<(usize, usize)> {
        terminal::size().map(|(columns, rows)| (columns.into(), rows.into()))
    }

    /// Whether the user pressed q, Escape or Ctrl-C since the last look. Never waits.
    ///
    /// # Errors
    /// Where the terminal is gone.
    pub fn wants_end() -> io::Result<bool> {
        let mut end = false;
        while event::poll(Duration::ZERO)? {
            if let Event::Key(key) = event::read()? {
                let interrupt = key.modifiers == KeyModifiers::CONTROL && key.code == KeyCode::Char('c');
                let quit = matches!(key.code, KeyCode::Char('q') | KeyCode::Esc);
                end |= key.kind != KeyEventKind::Release && (interrupt || quit);
            }
        }
        Ok(end)
    }

    /// Draws the rows over those of the last time, in one piece.
    ///
    /// # Errors
    /// Where the terminal is gone.
    pub fn draw(&mut self, rows: &[Row]) -> io::Result<()> {
        let mut frame = Vec::new();
        queue!(frame, BeginSynchronizedUpdate)?;
        for (place, row) in (0..).zip(rows) {
            queue!(frame, MoveTo(0, place))?;
            for piece in row {
                if let Some(ink) = piece.ink.and_then(|color| self.colors.of(color)) {
                    queue!(frame, SetForegroundColor(ink))?;
                }
                if let Some(ground) = piece.ground.and_then(|color| self.colors.of(color)) {
                    queue!(frame, SetBackgroundColor(ground))?;
                }
                queue!(frame, Print(&piece.text), ResetColor)?;
            }
            queue!(frame, Clear(ClearType::UntilNewLine))?;
        }
        // Not `FromCursorDown` from the last row's end: that would clear its last column again.
        if let Ok(below) = u16::try_from(rows.len())
            && terminal::size().is_ok_and(|(_, height)| below < height)
        {
            queue!(frame, MoveTo(0, below), Clear(ClearType::FromCursorDown))?;
        }
        queue!(frame, EndSynchronizedUpdate)?;
        self.out.write_all(&frame)?;
        self.out.flush()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

/// Doing it twice does no harm.
fn give_back() {
    // A terminal that is gone needs nothing back.
    let _ = execute!(stdout(), LeaveAlternateScreen, Show);
    let _ = terminal::disable_raw_mode();
}

impl Colors {
    fn of_terminal(variable: impl Fn(&str) -> Option<String>) -> Self {
        let is_set = |name| variable(name).is_some_and(|value| !value.is_empty());
        match variable("COLORTERM").as_deref() {
            _ if is_set("NO_COLOR") => Self::None,
            Some("truecolor" | "24bit") => Self::True,
            _ => Self::Palette,
        }
    }

    fn of(self, Rgb(r, g, b): Rgb) -> Option<Color> {
        match self {
            Self::True => Some(Color::Rgb { r, g, b }),
            Self::Palette => Some(Color::AnsiValue(nearest(Rgb(r, g, b)))),
            Self::None => None,
        }
    }
}

/// The nearest of the 240 fixed colours of a 256-colour terminal: a cube of 6x6x6 from 16 on, and
/// 24 greys from 232 on.
fn nearest(Rgb(r, g, b): Rgb) -> u8 {
    const LEVELS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    let distance = |x: u8, y: u8, z: u8| {
        [(r, x), (g, y), (b, z)].map(|(p, q)| u32::from(p.abs_diff(q)).pow(2)).iter().sum::<u32>()
    };
    let cube = (0..216).map(|place: u8| {
        let level = |part: u8| LEVELS[usize::from(part % 6)];
        (distance(level(place / 36), level(place / 6), level(place)), 16 + place)
    });
    let greys = (0..24).map(|place: u8| {
        let level = 8 + 10 * place;
        (distance(level, level, level), 232 + place)
    });
    cube.chain(greys).min().map_or(15, |(_, code)| code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_follow_the_environment() {
        let of = |set: &[(&str, &str)]| {
            let find =
                |name: &str| set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).into());
            Colors::of_terminal(find)
        };
        assert_eq!(of(&[]), Colors::Palette);
        assert_eq!(of(&[("COLORTERM", "truecolor")]), Colors::True);
        assert_eq!(of(&[("COLORTERM", "truecolor"), ("NO_COLOR", "1")]), Colors::None);
        assert_eq!(of(&[("NO_COLOR", "")]), Colors::Palette);
    }

    #[test]
    fn the_nearest_fixed_colour_is_found() {
        assert_eq!(nearest(Rgb(0, 0, 0)), 16);
        assert_eq!(nearest(Rgb(255, 255, 255)), 231);
        assert_eq!(nearest(Rgb(255, 95, 0)), 202);
        assert_eq!(nearest(Rgb(88, 88, 88)), 240);
    }

    #[test]
    fn expressions_stay_apart_on_256_colours() {
        let mut codes: Vec<u8> = types::Expression::ALL
            .map(|expression| nearest(crate::draw::palette::expression(expression)))
            .to_vec();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), types::Expression::COUNT);
    }
}
