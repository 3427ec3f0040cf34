//! One frame as a person is shown it: the picture with what was found in it, a panel with the mood
//! and what the net saw, and the last seconds as a band.

use std::collections::VecDeque;
use std::io::{Error, Result};
use std::time::Duration;

use frame::{AlignedFace, Frame};
use types::{Expression, FaceBox, MonoTime, Mood, MoodState, Observation, Point, Verdict};

use super::canvas::{Align, Area, Canvas, Photo, Style};
use super::font::{self, Weight};
use super::palette::{self, INK, NIGHT, NIGHT_PANEL, NIGHT_SOFT, Rgb, UNKNOWN, WHITE};

/// Everything that is known of one frame.
#[derive(Clone, Copy)]
pub struct Seen<'a> {
    /// When it was captured.
    pub at: MonoTime,
    /// The picture; its colour where it was kept.
    pub frame: &'a Frame,
    /// What was found in it.
    pub observation: &'a Observation,
    /// The mood at that moment; none for a picture that stands alone.
    pub mood: Option<&'a Mood>,
    /// The aligned crop, where there is one.
    pub face: Option<&'a AlignedFace>,
}

/// Draws frames of one size, remembering the mood of the last seconds.
pub struct Scene {
    picture: Area,
    width: u32,
    height: u32,
    /// Pixels of the scene for one of the frame.
    scale: f32,
    past: VecDeque<(MonoTime, MoodState)>,
    with_past: bool,
}

const PICTURE_WIDTH_PX: f32 = 960.0;
const PICTURE_HEIGHT_PX: f32 = 720.0;
const PANEL_PX: f32 = 320.0;
const PANEL_HEIGHT_PX: f32 = 528.0;
const BAND_PX: f32 = 64.0;
const PAD_PX: f32 = 24.0;
const PAST: Duration = Duration::from_secs(10);

impl Scene {
    /// A scene for frames of this size, scaled to at most 960x720. `with_past` adds the band.
    #[must_use]
    pub fn new(frame: &Frame, with_past: bool) -> Self {
        let (w, h) = (frame.grey.width() as f32, frame.grey.height() as f32);
        let scale = (PICTURE_WIDTH_PX / w).min(PICTURE_HEIGHT_PX / h);
        let height = (h * scale).max(PANEL_HEIGHT_PX);
        let picture =
            Area::new(0.0, ((height - h * scale) / 2.0).floor(), (w * scale).round(), (h * scale).round());
        // Video encoders want even sides.
        let even = |side: f32| (side as u32).next_multiple_of(2);
        let band = if with_past { BAND_PX } else { 0.0 };
        Self {
            picture,
            width: even(picture.w + PANEL_PX),
            height: even(height + band),
            scale,
            past: VecDeque::new(),
            with_past,
        }
    }

    /// Width and height of what is drawn, in pixels; both even.
    #[must_use]
    pub const fn size(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    /// Draws one frame. A frame of another size than the first is squeezed into its place.
    ///
    /// # Errors
    /// Where there is no room for the picture.
    pub fn draw(&mut self, seen: &Seen<'_>) -> Result<Canvas> {
        let mut canvas = Canvas::new(self.width, self.height, NIGHT)?;
        let photo = seen.frame.color.as_ref().map_or(Photo::Grey(&seen.frame.grey), Photo::Color);
        canvas.photo(self.picture, photo).map_err(Error::other)?;
        self.findings(&mut canvas, seen);
        let panel =
            Area::new(self.picture.right(), 0.0, self.width as f32 - self.picture.w, self.height as f32);
        Panel { canvas: &mut canvas, x: panel.x + PAD_PX, width: panel.w - 2.0 * PAD_PX, y: PAD_PX + 12.0 }
            .draw(seen)
            .map_err(Error::other)?;
        if let (true, Some(mood)) = (self.with_past, seen.mood) {
            self.remember(seen.at, mood.state);
            self.band(&mut canvas, seen.at);
        }
        Ok(canvas)
    }

    fn remember(&mut self, at: MonoTime, state: MoodState) {
        self.past.push_back((at, state));
        while self.past.front().is_some_and(|(first, _)| at.since(*first) > PAST) {
            self.past.pop_front();
        }
    }

    fn place(&self, point: Point) -> (f32, f32) {
        // A point's coordinates name a pixel's centre, the canvas counts from its corner.
        (self.picture.x + (point.x + 0.5) * self.scale, self.picture.y + (point.y + 0.5) * self.scale)
    }

    fn findings(&self, canvas: &mut Canvas, seen: &Seen<'_>) {
        let Some(face) = seen.observation.face else { return };
        let color = match (seen.observation.verdict, seen.mood) {
            (Verdict::Rejected(_), _) => UNKNOWN,
            (Verdict::Accepted, Some(mood)) => palette::state(mood.state),
            (Verdict::Accepted, None) => {
                seen.observation.probabilities.map_or(UNKNOWN, |p| palette::expression(p.top().0))
            }
        };
        if let Some(landmarks) = seen.observation.landmarks {
            if let Some((left, right)) = landmarks.eyes() {
                canvas.line(&[self.place(left), self.place(right)], 1.6, WHITE, 0.75);
            }
            // Five points may be bold; sixty-eight would hide the face.
            let radius = if landmarks.points().len() > 5 { 1.8 } else { 3.4 };
            for point in landmarks.points() {
                canvas.disc(self.place(*point), radius + 1.2, INK);
                canvas.disc(self.place(*point), radius, WHITE);
            }
        }
        let area = self.brackets(canvas, &face, color);
        let caption = match seen.observation.verdict {
            Verdict::Rejected(reason) => words(reason.name()),
            Verdict::Accepted => match (seen.mood, seen.observation.probabilities) {
                (Some(mood), _) => headline(mood.state).0,
                (None, Some(p)) => p.top().0.name().to_owned(),
                (None, None) => return,
            },
        };
        let style = Style::new(16.0, color.ink()).medium();
        let width = font::width(&caption, Weight::Medium, style.size);
        let x = area.x.clamp(0.0, (self.picture.right() - width - 20.0).max(0.0));
        let y = (area.y - 32.0).max(4.0);
        canvas.fill(Area::new(x, y, width + 20.0, 26.0), 5.0, color, 0.95);
        canvas.text(&caption, x + 10.0, y + 18.5, style);
    }

    /// The face box as four corners, which hide less of the face than a frame.
    fn brackets(&self, canvas: &mut Canvas, face: &FaceBox, color: Rgb) -> Area {
        let (x, y) = self.place(Point::new(face.x, face.y));
        let area = Area::new(x, y, face.w * self.scale, face.h * self.scale);
        let arm = 0.18 * area.w;
        for (cx, dx) in [(area.x, arm), (area.right(), -arm)] {
            for (cy, dy) in [(area.y, arm), (area.bottom(), -arm)] {
                let corner =
                    [(cx + dx, cy), (cx, cy), (cx, cy + dy)].map(|(x, y)| (x.min(self.picture.right()), y));
                canvas.line(&corner, 6.0, INK, 0.35);
                canvas.line(&corner, 3.2, color, 1.0);
            }
        }
        area
    }

    fn band(&self, canvas: &mut Canvas, now: MonoTime) {
        let top = self.height as f32 - BAND_PX;
        let room = Area::new(PAD_PX, top + 14.0, self.width as f32 - 2.0 * PAD_PX, 20.0);
        canvas.fill(Area::new(0.0, top, self.width as f32, BAND_PX), 0.0, NIGHT, 1.0);
        canvas.fill(room, 0.0, NIGHT_PANEL, 1.0);
        let x = |at: MonoTime| room.right() - room.w * now.since(at).as_secs_f32() / PAST.as_secs_f32();
        let (states, later) = (self.past.iter(), self.past.iter().skip(1).map(|(at, _)| *at).chain([now]));
        for ((at, state), until) in states.zip(later) {
            // Whole pixels, so that neighbours meet without a seam.
            let piece = Area::new(x(*at).round(), room.y, x(until).round() - x(*at).round(), room.h);
            canvas.fill(
                piece,
                0.0,
                palette::state(*state),
                if matches!(state, MoodState::Unknown(_)) { 0.3 } else { 1.0 },
            );
        }
        for back in (0..=PAST.as_secs()).step_by(2) {
            let x = room.right() - room.w * back as f32 / PAST.as_secs_f32();
            let (caption, align) = match back {
                0 => ("now".to_owned(), Align::Right),
                _ if back == PAST.as_secs() => (format!("-{back} s"), Align::Left),
                _ => (format!("-{back} s"), Align::Center),
            };
            canvas.text(&caption, x, top + 51.0, Style::new(12.0, NIGHT_SOFT).align(align));
        }
    }
}

/// The column at the right. `y` is the base line of what comes next.
struct Panel<'a> {
    canvas: &'a mut Canvas,
    x: f32,
    width: f32,
    y: f32,
}

impl Panel<'_> {
    fn draw(&mut self, seen: &Seen<'_>) -> opencv::Result<()> {
        if let Some(mood) = seen.mood {
            self.mood(mood);
        }
        self.net(seen.observation);
        self.alignment(seen)
    }

    fn heading(&mut self, text: &str) {
        self.canvas.text(text, self.x, self.y, Style::new(11.5, NIGHT_SOFT).medium());
    }

    fn mood(&mut self, mood: &Mood) {
        self.heading("MOOD");
        let (name, more) = headline(mood.state);
        let color = palette::state(mood.state).towards(WHITE, 0.15);
        self.y += 36.0;
        self.canvas.text(&name, self.x, self.y, Style::new(34.0, color).medium());
        let style = Style::new(13.5, NIGHT_SOFT).align(Align::Right);
        self.canvas.text(&more, self.x + self.width, self.y, style);
        self.y += 28.0;
        self.meter("confidence", Some(mood.confidence), WHITE);
        self.meter("intensity", mood.intensity, color);
        self.y += 14.0;
    }

    fn net(&mut self, observation: &Observation) {
        self.heading("NET, THIS FRAME");
        self.y += 24.0;
        let top = observation.probabilities.map(|p| p.top().0);
        for e in Expression::ALL {
            let value = observation.probabilities.map(|p| p.of(e));
            let dim = if top.is_some() && top != Some(e) { 0.35 } else { 0.0 };
            self.meter(e.name(), value, palette::expression(e).towards(NIGHT, dim));
        }
        self.y += 14.0;
    }

    /// A name, a bar from 0 to 1 and its value in percent; an empty bar where there is none.
    fn meter(&mut self, name: &str, value: Option<f32>, color: Rgb) {
        const NAME_PX: f32 = 84.0;
        const VALUE_PX: f32 = 44.0;
        self.canvas.text(name, self.x, self.y, Style::new(14.0, WHITE));
        let room = Area::new(self.x + NAME_PX, self.y - 9.5, self.width - NAME_PX - VALUE_PX, 10.0);
        self.canvas.fill(room, 5.0, NIGHT_PANEL, 1.0);
        let right = Style::new(13.0, NIGHT_SOFT).align(Align::Right);
        let text = value.map_or_else(|| "–".to_owned(), |v| format!("{:.0} %", 100.0 * v));
        self.canvas.text(&text, self.x + self.width, self.y, right);
        if let Some(value) = value.filter(|v| *v > 0.005) {
            self.canvas.fill(Area { w: (room.w * value.min(1.0)).max(2.0), ..room }, 5.0, color, 1.0);
        }
        self.y += 24.0;
    }

    fn alignment(&mut self, seen: &Seen<'_>) -> opencv::Result<()> {
        self.heading("ALIGNED CROP");
        self.y += 12.0;
        let side = AlignedFace::SIDE as f32;
        let tile = Area::new(self.x, self.y, side, side);
        match seen.face {
            Some(face) => self.canvas.photo(tile, Photo::Face(face))?,
            None => self.canvas.fill(tile, 6.0, NIGHT_PANEL, 1.0),
        }
        let (verdict, color) = match seen.observation.verdict {
            Verdict::Accepted => ("accepted".to_owned(), WHITE),
            Verdict::Rejected(reason) => (words(reason.name()), UNKNOWN),
        };
        let x = tile.right() + 18.0;
        self.canvas.text(&verdict, x, tile.y + 14.0, Style::new(16.0, color).medium());
        let mut lines = vec![format!("quality {:.2}", seen.observation.quality.value())];
        if let Some(pose) = seen.observation.pose {
            lines.push(format!("yaw {:+.0}°", pose.yaw_deg));
            lines.push(format!("pitch {:+.0}°", pose.pitch_deg));
            lines.push(format!("roll {:+.0}°", pose.roll_deg));
        }
        for (place, line) in lines.iter().enumerate() {
            self.canvas.text(line, x, tile.y + 38.0 + 20.0 * place as f32, Style::new(13.5, NIGHT_SOFT));
        }
        Ok(())
    }
}

/// The word for a state, and what more is to be said of it.
fn headline(state: MoodState) -> (String, String) {
    match state {
        MoodState::Steady(e) => (e.name().to_owned(), String::new()),
        MoodState::Transition { from, to, progress } => {
            (format!("to {to}"), format!("from {from}, {:.0} %", 100.0 * progress.value()))
        }
        MoodState::Unknown(reason) => ("unknown".to_owned(), words(reason.name())),
    }
}

fn words(name: &str) -> String {
    name.replace('_', " ")
}
