//! The layout of a timeline: rows of panels over one time axis.

use std::io::{Error, Result};
use std::ops::Range;

use types::{Expression, MonoTime, MoodState, Probabilities};

use super::canvas::{Align, Area, Canvas, Photo, Style};
use super::font::{self, Weight};
use super::palette::{self, INK, INK_SOFT, PAPER, RULE, Rgb, WHITE};
use super::timeline::{Faces, GAP_S, Moment, runs, same_state};

const WIDTH: u32 = 1400;
const HEIGHT: u32 = 742;
const LEFT: f32 = 132.0;
const RIGHT: f32 = 1372.0;
const FACES: Area = row(92.0, 82.0);
const MOOD: Area = row(190.0, 58.0);
const NET: Area = row(270.0, 150.0);
const STRENGTH: Area = row(442.0, 120.0);
const ALIGNMENT: Area = row(584.0, 40.0);
/// The stack of probabilities from the bottom: neutral is the ground that the others rise from.
const STACK: [Expression; Expression::COUNT] = [
    Expression::Neutral,
    Expression::Happy,
    Expression::Surprise,
    Expression::Sad,
    Expression::Fear,
    Expression::Disgust,
    Expression::Angry,
];

const fn row(y: f32, h: f32) -> Area {
    Area::new(LEFT, y, RIGHT - LEFT, h)
}

/// Where a moment lies on the time axis.
#[derive(Debug, Clone, Copy)]
struct Scale {
    start: MonoTime,
    length_s: f32,
    step_s: f32,
}

impl Scale {
    fn of(moments: &[Moment]) -> Option<Self> {
        let (first, last) = (moments.first()?, moments.last()?);
        let mut steps: Vec<f32> = moments.windows(2).map(|w| w[1].at.since(w[0].at).as_secs_f32()).collect();
        steps.sort_unstable_by(f32::total_cmp);
        // A single picture gets a second, so that there is something to see.
        let step_s = steps.get(steps.len() / 2).copied().filter(|s| *s > 0.0).unwrap_or(1.0);
        Some(Self { start: first.at, length_s: last.at.since(first.at).as_secs_f32() + step_s, step_s })
    }

    fn x_of_s(&self, time_s: f32) -> f32 {
        LEFT + (RIGHT - LEFT) * time_s / self.length_s
    }

    fn x(&self, at: MonoTime) -> f32 {
        self.x_of_s(at.since(self.start).as_secs_f32())
    }

    /// Where the time of moment `place` ends: with the next one, or a step later before a gap.
    fn end_x(&self, moments: &[Moment], place: usize) -> f32 {
        let own_s = moments[place].at.since(self.start).as_secs_f32();
        let next_s = moments.get(place + 1).map_or(f32::INFINITY, |m| m.at.since(self.start).as_secs_f32());
        self.x_of_s(if next_s - own_s > GAP_S.max(3.0 * self.step_s) { own_s + self.step_s } else { next_s })
    }

    /// A round distance between ticks that leaves them about 90 pixels apart.
    fn tick_s(&self) -> f32 {
        let wanted = self.length_s * 90.0 / (RIGHT - LEFT);
        let steps = [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0];
        steps.into_iter().find(|s| *s >= wanted).unwrap_or(3600.0)
    }
}

/// A timeline being drawn.
pub(super) struct Sheet<'a> {
    canvas: Canvas,
    scale: Scale,
    moments: &'a [Moment],
}

impl<'a> Sheet<'a> {
    /// An empty sheet for these moments; `None` where there are none.
    pub fn new(moments: &'a [Moment]) -> Result<Option<Self>> {
        let Some(scale) = Scale::of(moments) else { return Ok(None) };
        Ok(Some(Self { canvas: Canvas::new(WIDTH, HEIGHT, WHITE)?, scale, moments }))
    }

    /// Draws everything.
    pub fn draw(mut self, title: &str, faces: &Faces) -> Result<Canvas> {
        self.title(title);
        self.grid();
        self.faces(faces).map_err(Error::other)?;
        self.mood();
        self.net();
        self.strength();
        self.alignment();
        self.legend();
        Ok(self.canvas)
    }

    fn title(&mut self, title: &str) {
        let count = self.moments.len();
        let share = |n: usize| 100.0 * n as f32 / count as f32;
        let faces = share(self.moments.iter().filter(|m| m.face).count());
        let accepted = share(self.moments.iter().filter(|m| m.rejected.is_none()).count());
        self.canvas.text(title, 28.0, 46.0, Style::new(26.0, INK).medium());
        let facts = format!(
            "{:.1} s  ·  {count} frames  ·  face found in {faces:.0} %  ·  crop accepted in {accepted:.0} %",
            self.scale.length_s
        );
        self.canvas.text(&facts, 28.0, 71.0, Style::new(15.0, INK_SOFT));
    }

    fn grid(&mut self) {
        let labels = [
            (FACES, "Face", "as the net sees it"),
            (MOOD, "Mood", "smoothed"),
            (NET, "Net", "each frame alone"),
            (STRENGTH, "Confidence", "line; area: intensity"),
            (ALIGNMENT, "Alignment", "quality, 0 to 1"),
        ];
        for (area, name, more) in labels {
            let middle = area.center().1;
            self.canvas.text(name, 28.0, middle - 2.0, Style::new(15.0, INK).medium());
            self.canvas.text(more, 28.0, middle + 15.0, Style::new(11.5, INK_SOFT));
        }
        for area in [MOOD, NET, STRENGTH, ALIGNMENT] {
            self.canvas.fill(area, 0.0, PAPER, 1.0);
        }
        let tick_s = self.scale.tick_s();
        let digits = usize::from(tick_s < 1.0);
        for place in 0..=(self.scale.length_s / tick_s) as usize {
            let time_s = place as f32 * tick_s;
            let x = self.scale.x_of_s(time_s);
            self.canvas.line(&[(x, MOOD.y), (x, ALIGNMENT.bottom() + 6.0)], 1.0, RULE, 1.0);
            let style = Style::new(12.5, INK_SOFT).align(Align::Center);
            self.canvas.text(&format!("{time_s:.digits$} s"), x, ALIGNMENT.bottom() + 22.0, style);
        }
    }

    fn faces(&mut self, faces: &Faces) -> opencv::Result<()> {
        let pitch = FACES.h + 8.0;
        let count = ((FACES.w + 8.0) / pitch).floor();
        let spare = (FACES.w - count * pitch + 8.0) / (count - 1.0);
        for place in 0..count as usize {
            let tile = Area::new(LEFT + place as f32 * (pitch + spare), FACES.y, FACES.h, FACES.h);
            let middle_s = (tile.center().0 - LEFT) / FACES.w * self.scale.length_s;
            let half_s = pitch / 2.0 / FACES.w * self.scale.length_s;
            let crop = faces.near(middle_s, half_s.max(self.scale.step_s), self.scale.start);
            match crop {
                Some(face) => self.canvas.photo(tile, Photo::Face(face))?,
                None => self.canvas.hatch(tile, RULE),
            }
            let under = Area::new(tile.x, tile.bottom(), tile.w, 4.0);
            let color = self.state_at(middle_s).map_or(RULE, palette::state);
            self.canvas.fill(under, 0.0, color, 1.0);
        }
        Ok(())
    }

    fn state_at(&self, time_s: f32) -> Option<MoodState> {
        let place = self.moments.partition_point(|m| m.at.since(self.scale.start).as_secs_f32() <= time_s);
        self.moments.get(place.checked_sub(1)?).map(|m| m.state)
    }

    fn mood(&mut self) {
        let mut captions = Vec::new();
        for run in runs(self.moments, |a, b| same_state(a.state, b.state)) {
            let band = self.band(MOOD, &run);
            let state = self.moments[run.start].state;
            match state {
                MoodState::Steady(e) => {
                    self.canvas.fill(band, 0.0, palette::expression(e), 1.0);
                    captions.push((band, e.name().to_owned(), palette::expression(e).ink(), None));
                }
                MoodState::Transition { from, to, .. } => {
                    self.canvas.gradient(band, palette::expression(from), palette::expression(to));
                }
                MoodState::Unknown(reason) => {
                    self.canvas.hatch(band, palette::UNKNOWN);
                    captions.push((band, reason.name().replace('_', " "), INK_SOFT, Some(WHITE)));
                }
            }
        }
        // Captions last: no neighbour's band may cover one.
        for (band, caption, ink, ground) in captions {
            let style = Style::new(15.0, ink).medium().align(Align::Center);
            let width = font::width(&caption, Weight::Medium, style.size);
            let (x, y) = band.center();
            if width + 16.0 > band.w {
                continue;
            }
            if let Some(ground) = ground {
                self.canvas.fill(
                    Area::new(x - width / 2.0 - 7.0, y - 11.0, width + 14.0, 22.0),
                    11.0,
                    ground,
                    1.0,
                );
            }
            self.canvas.text(&caption, x, y + 5.2, style);
        }
    }

    fn net(&mut self) {
        for run in runs(self.moments, |a, b| a.probabilities.is_some() == b.probabilities.is_some()) {
            let points: Vec<(f32, Probabilities)> = run
                .clone()
                .filter_map(|i| Some((self.scale.x(self.moments[i].at), self.moments[i].probabilities?)))
                .collect();
            if points.is_empty() {
                let band = self.band(NET, &run);
                self.canvas.hatch(band, RULE);
                continue;
            }
            let end_x = self.scale.end_x(self.moments, run.end - 1);
            // From the whole stack down to its lowest layer, each over the last: no seams between.
            for top in (0..STACK.len()).rev() {
                let height = |p: &Probabilities| STACK[..=top].iter().map(|e| p.of(*e)).sum::<f32>();
                self.area(
                    NET,
                    &points.iter().map(|(x, p)| (*x, height(p))).collect::<Vec<_>>(),
                    end_x,
                    palette::expression(STACK[top]),
                    1.0,
                );
            }
        }
        self.levels(NET, "100 %", "0");
    }

    fn strength(&mut self) {
        for run in runs(self.moments, |a, b| {
            same_state(a.state, b.state) && a.intensity.is_some() == b.intensity.is_some()
        }) {
            let points: Vec<(f32, f32)> = run
                .clone()
                .filter_map(|i| Some((self.scale.x(self.moments[i].at), self.moments[i].intensity?)))
                .collect();
            let end_x = self.scale.end_x(self.moments, run.end - 1);
            let color = palette::state(self.moments[run.start].state);
            self.area(STRENGTH, &points, end_x, color, 0.55);
        }
        for run in runs(self.moments, |a, b| is_known(a) == is_known(b))
            .into_iter()
            .filter(|r| is_known(&self.moments[r.start]))
        {
            let end_x = self.scale.end_x(self.moments, run.end - 1);
            let mut points: Vec<(f32, f32)> = run
                .map(|i| (self.scale.x(self.moments[i].at), level(STRENGTH, self.moments[i].confidence)))
                .collect();
            points.extend(points.last().map(|(_, y)| (end_x, *y)));
            self.canvas.line(&points, 2.0, INK, 0.9);
        }
        self.levels(STRENGTH, "1", "0");
    }

    fn alignment(&mut self) {
        for run in runs(self.moments, |a, b| a.rejected == b.rejected) {
            if self.moments[run.start].rejected.is_some() {
                let band = self.band(ALIGNMENT, &run);
                self.canvas.hatch(band, palette::UNKNOWN);
                continue;
            }
            let points: Vec<(f32, f32)> =
                run.clone().map(|i| (self.scale.x(self.moments[i].at), self.moments[i].quality)).collect();
            let end_x = self.scale.end_x(self.moments, run.end - 1);
            self.area(ALIGNMENT, &points, end_x, INK_SOFT, 0.45);
        }
        self.levels(ALIGNMENT, "1", "0");
    }

    /// Fills from the bottom of `room` up to values from 0 to 1; the last one reaches to `end_x`.
    fn area(&mut self, room: Area, values: &[(f32, f32)], end_x: f32, color: Rgb, opacity: f32) {
        let (Some(first), Some(last)) = (values.first(), values.last()) else { return };
        let mut corners = vec![(first.0, room.bottom())];
        corners.extend(values.iter().map(|(x, v)| (*x, level(room, *v))));
        corners.extend([(end_x, level(room, last.1)), (end_x, room.bottom())]);
        self.canvas.polygon(&corners, color, opacity);
    }

    fn band(&self, room: Area, run: &Range<usize>) -> Area {
        // Whole pixels, so that neighbours meet without a seam.
        let x = self.scale.x(self.moments[run.start].at).round();
        Area::new(x, room.y, (self.scale.end_x(self.moments, run.end - 1).round() - x).max(1.0), room.h)
    }

    fn levels(&mut self, room: Area, top: &str, bottom: &str) {
        let style = Style::new(11.0, INK_SOFT).align(Align::Right);
        self.canvas.text(top, LEFT - 6.0, room.y + 9.0, style);
        self.canvas.text(bottom, LEFT - 6.0, room.bottom(), style);
    }

    fn legend(&mut self) {
        let y = 702.0;
        let style = Style::new(14.0, INK);
        let mut x = 28.0;
        for e in Expression::ALL {
            self.canvas.fill(Area::new(x, y - 12.0, 15.0, 15.0), 3.0, palette::expression(e), 1.0);
            x += 22.0;
            x += self.canvas.text(e.name(), x, y, style) + 22.0;
        }
        self.canvas.gradient(
            Area::new(x, y - 12.0, 26.0, 15.0),
            palette::expression(Expression::Neutral),
            palette::expression(Expression::Happy),
        );
        x += 33.0;
        x += self.canvas.text("transition", x, y, style) + 22.0;
        self.canvas.hatch(Area::new(x, y - 12.0, 26.0, 15.0), palette::UNKNOWN);
        x += 33.0;
        x += self.canvas.text("unknown, rejected", x, y, style) + 22.0;
        self.canvas.line(&[(x, y - 4.5), (x + 26.0, y - 4.5)], 2.0, INK, 0.9);
        x += 33.0;
        x += self.canvas.text("confidence", x, y, style) + 22.0;
        let ramp = [(x, y + 3.0), (x, y - 3.0), (x + 26.0, y - 12.0), (x + 26.0, y + 3.0)];
        self.canvas.polygon(&ramp, palette::expression(Expression::Happy), 0.55);
        x += 33.0;
        self.canvas.text("intensity", x, y, style);
    }
}

fn level(room: Area, value: f32) -> f32 {
    room.bottom() - room.h * value.clamp(0.0, 1.0)
}

fn is_known(moment: &Moment) -> bool {
    !matches!(moment.state, MoodState::Unknown(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_not_crowded() {
        for length_s in [0.4, 3.0, 12.3, 61.0, 3000.0] {
            let scale = Scale { start: MonoTime::ZERO, length_s, step_s: 0.033 };
            let count = length_s / scale.tick_s();
            assert!((2.0..=14.0).contains(&count), "{length_s} s: {count} ticks");
        }
    }
}
