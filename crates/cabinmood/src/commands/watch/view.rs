//! What `watch` shows on a terminal, as a pure function of what it has seen.

use std::time::Duration;

use types::{Expression, MoodState, Reason};
use wire::{Event, Kind};

use super::history::{History, LONGEST_HOLD, WINDOW};
use super::letters;
use crate::draw::palette::{self, NIGHT_SOFT, Rgb, UNKNOWN};

/// Rows that the whole view takes; on a lower terminal the state is written small.
const FULL_ROWS: usize = 23;

/// The bars' width, where the terminal has room.
const BAR_COLUMNS: usize = 48;

/// What stands left of a bar, and right of it.
const BAR_MARGINS: usize = 2 + 11 + 6;

/// What a bar has not reached: there, but never louder than the bar.
const TRACK: Rgb = Rgb(80, 88, 104);

/// A piece of text in one look.
#[derive(Debug, Clone, PartialEq)]
pub struct Piece {
    /// The text; each character takes one column.
    pub text: String,
    /// Its colour; `None` is the terminal's own.
    pub ink: Option<Rgb>,
    /// The colour behind it; `None` is the terminal's own.
    pub ground: Option<Rgb>,
}

/// One row of the terminal.
pub type Row = Vec<Piece>;

/// What the view depends on beside the history.
#[derive(Debug, Clone, Copy)]
pub struct Sheet<'a> {
    /// The terminal's width.
    pub columns: usize,
    /// The terminal's height.
    pub rows: usize,
    /// Where the events come from.
    pub socket: &'a str,
    /// How long ago the newest line came.
    pub silent_for: Duration,
}

/// Draws the view; no row is wider than the sheet, and there are no more than fit.
pub fn render(history: &History, sheet: &Sheet<'_>) -> Vec<Row> {
    let mut rows = match history.latest() {
        Some(event) => {
            let mut rows = vec![heading(event, history, sheet)];
            rows.extend(state(event, history, sheet));
            rows.extend(meters(event, sheet));
            rows.extend(probabilities(event, sheet));
            rows.extend(timeline(history, sheet));
            rows
        }
        None => {
            vec![vec![plain(format!("connected to {}, waiting for the first event", clean(sheet.socket)))]]
        }
    };
    rows.push(footing(history));
    rows.truncate(sheet.rows);
    rows.into_iter().map(|row| cut(indent(row), sheet.columns)).collect()
}

fn heading(event: &Event, history: &History, sheet: &Sheet<'_>) -> Row {
    let rate = history.frames_per_second().map_or("no frames".into(), |rate| format!("{rate:.1} frames/s"));
    let version = clean(&event.software_version);
    let text = format!("cabinmood {version} · {} · {}", clean(&event.model), clean(sheet.socket));
    let gap = sheet.columns.saturating_sub(4 + text.chars().count() + rate.chars().count()).max(2);
    vec![soft(text), plain(" ".repeat(gap)), plain(rate)]
}

/// The state in large letters, and a sentence on it.
fn state(event: &Event, history: &History, sheet: &Sheet<'_>) -> Vec<Row> {
    let silent = sheet.silent_for > LONGEST_HOLD;
    let (word, saying) = match event.state {
        _ if silent => {
            let seconds = sheet.silent_for.as_secs();
            ("unknown".to_owned(), format!("no event for {seconds} s: the daemon hangs or is suspended"))
        }
        Some(MoodState::Steady(expression)) => {
            (expression.name().to_owned(), format!("for {:.1} s", history.held().as_secs_f64()))
        }
        Some(MoodState::Transition { from, to, progress }) => {
            let share = progress.value() * 100.0;
            (format!("→ {to}"), format!("from {from} to {to}, {share:.0} % of the way"))
        }
        Some(MoodState::Unknown(reason)) => ("unknown".to_owned(), format!("{reason}: {}", meaning(reason))),
        None => {
            let purpose = event.purpose.name();
            ("withheld".to_owned(), format!("socket.carries or the purpose ({purpose}) keep it back"))
        }
    };
    let color = event.state.filter(|_| !silent).map_or(UNKNOWN, bright);
    let mut rows = Vec::new();
    if sheet.rows >= FULL_ROWS {
        rows.push(vec![]);
        rows.extend(letters::large(&word).map(|text| vec![inked(text, color)]));
        rows.push(vec![plain(saying)]);
    } else {
        rows.push(vec![inked(word, color), plain(format!("  {saying}"))]);
    }
    rows
}

/// Confidence, intensity and quality as bars, then what has no bar.
fn meters(event: &Event, sheet: &Sheet<'_>) -> Vec<Row> {
    let color = event.state.map_or(UNKNOWN, bright);
    let sure = matches!(event.state, Some(MoodState::Steady(_) | MoodState::Transition { .. }));
    let mut rows = vec![
        bar("confidence", sure.then_some(event.confidence), color, sheet),
        bar("intensity", event.intensity, color, sheet),
        bar("quality", Some(event.quality.value()), NIGHT_SOFT, sheet),
    ];
    let pose = event.pose.map_or("no pose".into(), |pose| {
        format!("yaw {:+.0}°  pitch {:+.0}°  roll {:+.0}°", pose.yaw_deg, pose.pitch_deg, pose.roll_deg)
    });
    let face = match (event.face, event.face_present) {
        (Some(face), _) => format!("face {:.0}x{:.0} px", face.w, face.h),
        (None, Some(true)) => "a face".to_owned(),
        // Withheld, with a frame to look at.
        (None, None) if event.frame_seq.is_some() => "face not told".to_owned(),
        (None, _) => "no face".to_owned(),
    };
    let latency = event.latency_ms().map_or(String::new(), |ms| format!("   latency {ms:.1} ms"));
    rows.push(vec![plain(format!("{pose}   {face}{latency}"))]);
    rows
}

/// The net's own word on the newest frame.
fn probabilities(event: &Event, sheet: &Sheet<'_>) -> Vec<Row> {
    let one = |expression: Expression| {
        let value = event.probabilities.map(|p| p.of(expression));
        bar(expression.name(), value, bright(MoodState::Steady(expression)), sheet)
    };
    blank(sheet).into_iter().chain(Expression::ALL.map(one)).collect()
}

/// The last minute: a coloured strip with a sign where a state begins, and what the signs mean.
fn timeline(history: &History, sheet: &Sheet<'_>) -> Vec<Row> {
    let columns = sheet.columns.saturating_sub(4);
    let mut strip = Row::new();
    let mut before = None;
    for moment in history.timeline(columns) {
        let Some(state) = moment else {
            strip.push(plain(" ".into()));
            before = None;
            continue;
        };
        let ground = shade(state);
        let begins = before != Some(sign(state));
        let text = if begins { sign(state) } else { ' ' }.to_string();
        strip.push(Piece { text, ink: Some(ground.ink()), ground: Some(ground) });
        before = Some(sign(state));
    }
    let (left, right) = (format!("-{} s", WINDOW.as_secs()), "now");
    let gap = columns.saturating_sub(left.len() + right.len());
    let mut legend = Row::new();
    for expression in Expression::ALL {
        let state = MoodState::Steady(expression);
        let ground = shade(state);
        let text = format!(" {} ", sign(state));
        legend.push(Piece { text, ink: Some(ground.ink()), ground: Some(ground) });
        legend.push(plain(format!(" {expression} ")));
    }
    let mut rows = blank(sheet);
    rows.extend([strip, vec![soft(left), plain(" ".repeat(gap)), soft(right.into())], legend]);
    rows
}

fn footing(history: &History) -> Row {
    let counts = format!("{} events, {} missed", history.events, history.missed);
    vec![soft(format!("> transition  · unknown    {counts}    q ends"))]
}

/// A labelled bar over 0 to 1 with its number; without a value, a dash.
fn bar(label: &str, value: Option<f32>, color: Rgb, sheet: &Sheet<'_>) -> Row {
    let columns = sheet.columns.saturating_sub(BAR_MARGINS + 2).min(BAR_COLUMNS);
    let (full, number) = match value {
        Some(value) => (blocks(value, columns), format!(" {value:.2}")),
        None => (String::new(), "    –".into()),
    };
    let rest = columns - full.chars().count();
    vec![plain(format!("{label:<11}")), inked(full, color), inked("·".repeat(rest), TRACK), plain(number)]
}

/// A bar of eighths of a column.
fn blocks(value: f32, columns: usize) -> String {
    const PARTS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = (value.clamp(0.0, 1.0) * (columns * 8) as f32).round() as usize;
    "█".repeat(eighths / 8) + PARTS[eighths % 8]
}

/// The sign of a state on the timeline, so that it can be read without colours.
const fn sign(state: MoodState) -> char {
    match state {
        MoodState::Steady(Expression::Angry) => 'A',
        MoodState::Steady(Expression::Disgust) => 'D',
        MoodState::Steady(Expression::Fear) => 'F',
        MoodState::Steady(Expression::Happy) => 'H',
        MoodState::Steady(Expression::Sad) => 'S',
        MoodState::Steady(Expression::Surprise) => '!',
        MoodState::Steady(Expression::Neutral) => 'N',
        MoodState::Transition { .. } => '>',
        MoodState::Unknown(_) => '·',
    }
}

/// The state's colour on the timeline: a transition's is half-way, an unknown is nearly nothing.
fn shade(state: MoodState) -> Rgb {
    match state {
        MoodState::Steady(expression) => palette::expression(expression),
        MoodState::Transition { from, to, .. } => {
            palette::expression(from).towards(palette::expression(to), 0.5)
        }
        MoodState::Unknown(_) => palette::NIGHT_PANEL,
    }
}

/// The state's colour, light enough for letters and bars on a dark terminal.
fn bright(state: MoodState) -> Rgb {
    const LEAST_LUMINANCE: f32 = 0.2;
    let color = palette::state(state);
    if color.luminance() < LEAST_LUMINANCE { color.towards(palette::WHITE, 0.3) } else { color }
}

/// What the table of signals says of a reason, as far as it fits into a row.
fn meaning(reason: Reason) -> &'static str {
    let words = wire::SIGNALS.iter().find_map(|signal| match signal.kind {
        Kind::Words(words) if signal.name == "reason" => Some(words),
        _ => None,
    });
    let doc = words.into_iter().flatten().find(|word| word.name == reason.name()).map_or("", |word| word.doc);
    doc.split([':', '.']).next().unwrap_or(doc)
}

/// Text from outside without what would command the terminal.
fn clean(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { '?' } else { letter }).collect()
}

fn plain(text: String) -> Piece {
    Piece { text, ink: None, ground: None }
}

fn soft(text: String) -> Piece {
    inked(text, NIGHT_SOFT)
}

fn inked(text: String, ink: Rgb) -> Piece {
    Piece { text, ink: Some(ink), ground: None }
}

/// An empty row, where there is room for it.
fn blank(sheet: &Sheet<'_>) -> Vec<Row> {
    if sheet.rows >= FULL_ROWS { vec![vec![]] } else { vec![] }
}

fn indent(mut row: Row) -> Row {
    row.insert(0, plain("  ".into()));
    row
}

fn cut(row: Row, columns: usize) -> Row {
    let mut left = columns;
    row.into_iter()
        .map_while(|mut piece| {
            if let Some((end, _)) = piece.text.char_indices().nth(left) {
                piece.text.truncate(end);
            }
            left -= piece.text.chars().count();
            (!piece.text.is_empty() || left > 0).then_some(piece)
        })
        .collect()
}

#[cfg(test)]
mod tests;
