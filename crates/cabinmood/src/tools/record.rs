//! One line of `analyze`: what a frame says of the driver, as JSON or CSV.

use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use types::{Expression, FaceBox, Landmarks, Observation, Pose, Probabilities, Reason};

/// What is written for one frame. Pixels are those of the frame; times are media time.
#[derive(Debug, Serialize)]
pub struct Record<'a> {
    /// The file as it was named.
    pub file: &'a str,
    /// Number of the frame in its file, from 0.
    pub frame: u64,
    /// Media time in nanoseconds; 0 for a picture.
    pub t_ns: u64,
    /// The driver's face, also where the gate rejects it.
    pub face: Option<FaceBox>,
    /// Whether the crop was good enough to classify.
    pub accepted: bool,
    /// Why not.
    pub reason: Option<Reason>,
    /// Each point as [x, y].
    pub landmarks: Option<Vec<[f32; 2]>>,
    /// How the head is turned.
    pub pose: Option<Pose>,
    /// How far the eyes are open (eye aspect ratio).
    pub eye_openness: Option<f32>,
    /// How far the mouth is open, over the inter-ocular distance.
    pub mouth_opening: Option<f32>,
    /// Log-odds that the crop is cut at the eyes, by its look.
    pub fit_margin: Option<f32>,
    /// How far the landmarks from several starts lie apart, over the inter-ocular distance.
    pub fit_spread: Option<f32>,
    /// How far the alignment can be trusted, 0 to 1.
    pub quality: f32,
    /// The seven, by name.
    pub probabilities: Option<Labelled>,
    /// The most probable one.
    pub expression: Option<Expression>,
    /// Why the file could not be read; then nothing else is known.
    pub error: Option<&'a str>,
}

/// Probabilities as an object whose keys are the seven labels.
#[derive(Debug, Clone, Copy)]
pub struct Labelled(pub Probabilities);

impl Serialize for Labelled {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(Expression::COUNT))?;
        for e in Expression::ALL {
            map.serialize_entry(e.name(), &self.0.of(e))?;
        }
        map.end()
    }
}

impl<'a> Record<'a> {
    /// What was seen on a frame.
    #[must_use]
    pub fn new(file: &'a str, frame: u64, t_ns: u64, seen: &Observation) -> Self {
        Self {
            file,
            frame,
            t_ns,
            face: seen.face,
            accepted: seen.verdict.is_accepted(),
            reason: seen.verdict.reason(),
            landmarks: seen.landmarks.as_ref().map(points),
            pose: seen.pose,
            eye_openness: seen.eye_openness,
            mouth_opening: seen.mouth_opening,
            fit_margin: seen.evidence.map(|evidence| evidence.margin),
            fit_spread: seen.evidence.map(|evidence| evidence.spread),
            quality: seen.quality.value(),
            probabilities: seen.probabilities.map(Labelled),
            expression: seen.probabilities.map(|p| p.top().0),
            error: None,
        }
    }

    /// A file that could not be read.
    #[must_use]
    pub fn unreadable(file: &'a str, error: &'a str) -> Self {
        Self {
            file,
            frame: 0,
            t_ns: 0,
            face: None,
            accepted: false,
            reason: None,
            landmarks: None,
            pose: None,
            eye_openness: None,
            mouth_opening: None,
            fit_margin: None,
            fit_spread: None,
            quality: 0.0,
            probabilities: None,
            expression: None,
            error: Some(error),
        }
    }

    /// The names of the cells, in their order.
    #[must_use]
    pub fn columns() -> Vec<&'static str> {
        let before =
            ["file", "frame", "t_ns", "face_x", "face_y", "face_w", "face_h", "face_score", "accepted"];
        let between = ["reason", "landmarks", "yaw_deg", "pitch_deg", "roll_deg"];
        let after = ["eye_openness", "mouth_opening", "fit_margin", "fit_spread", "quality"];
        let labels = Expression::ALL.map(Expression::name);
        [&before[..], &between[..], &after[..], &labels[..], &["expression", "error"]].concat()
    }

    /// The same as a row of a table: null is an empty cell, the numbers are written as in JSON,
    /// landmarks as `x y x y …`.
    #[must_use]
    pub fn cells(&self) -> Vec<String> {
        fn cell(value: Option<impl ToString>) -> String {
            value.map_or_else(String::new, |v| v.to_string())
        }
        let face = self.face.map(|f| [f.x, f.y, f.w, f.h, f.score]);
        let pose = self.pose.map(|p| [p.yaw_deg, p.pitch_deg, p.roll_deg]);
        let mut cells = vec![self.file.to_owned(), self.frame.to_string(), self.t_ns.to_string()];
        cells.extend((0..5).map(|i| cell(face.map(|f| f[i]))));
        cells.extend([self.accepted.to_string(), cell(self.reason)]);
        cells.push(self.landmarks.as_deref().map_or_else(String::new, in_words));
        cells.extend((0..3).map(|i| cell(pose.map(|p| p[i]))));
        cells.extend([self.eye_openness, self.mouth_opening, self.fit_margin, self.fit_spread].map(cell));
        cells.push(self.quality.to_string());
        cells.extend(Expression::ALL.map(|e| cell(self.probabilities.map(|p| p.0.of(e)))));
        cells.extend([cell(self.expression), cell(self.error)]);
        cells
    }
}

/// Points as [x, y] in pixels, to a hundredth: a landmark is not known better.
#[must_use]
pub fn points(landmarks: &Landmarks) -> Vec<[f32; 2]> {
    let round = |n: f32| (n * 100.0).round() / 100.0;
    landmarks.points().iter().map(|p| [round(p.x), round(p.y)]).collect()
}

/// Points as `x y x y …`, for a table, where a list has no place.
#[must_use]
pub fn in_words(points: &[[f32; 2]]) -> String {
    points.as_flattened().iter().map(f32::to_string).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::{Point, Quality, Verdict};

    fn seen() -> Observation {
        Observation {
            face: Some(FaceBox { x: 1.5, y: -2.0, w: 30.0, h: 30.0, score: 0.25 }),
            landmarks: Landmarks::from_slice(&[Point::new(1.234, 5.0), Point::new(2.0, 6.789)]),
            quality: Quality::new(0.5),
            verdict: Verdict::Accepted,
            probabilities: Probabilities::from_weights([0.0, 0.0, 0.0, 3.0, 0.0, 0.0, 1.0]),
            ..Observation::nothing(Reason::Starting)
        }
    }

    #[test]
    fn json_has_every_field_also_where_it_is_null() {
        let none = Observation::nothing(Reason::NoFace);
        let line = serde_json::to_string(&Record::new("a,b.png", 0, 0, &none)).unwrap();
        let expected = r#"{"file":"a,b.png","frame":0,"t_ns":0,"face":null,"accepted":false,"reason":"no_face","landmarks":null,"pose":null,"eye_openness":null,"mouth_opening":null,"fit_margin":null,"fit_spread":null,"quality":0.0,"probabilities":null,"expression":null,"error":null}"#;
        assert_eq!(line, expected);
        let line = serde_json::to_value(Record::new("a.png", 3, 100, &seen())).unwrap();
        assert_eq!(line["probabilities"]["happy"], 0.75);
        assert_eq!(line["expression"], "happy");
    }

    #[test]
    fn a_row_has_a_cell_for_every_column() {
        let seen = seen();
        for record in [Record::new("a.png", 3, 100, &seen), Record::unreadable("b.png", "no picture")] {
            assert_eq!(record.cells().len(), Record::columns().len());
        }
        let cells = Record::new("a.png", 3, 100, &seen).cells();
        let cell = |name| &cells[Record::columns().iter().position(|c| *c == name).unwrap()];
        assert_eq!((cell("happy").as_str(), cell("expression").as_str()), ("0.75", "happy"));
        assert_eq!((cell("landmarks").as_str(), cell("yaw_deg").as_str()), ("1.23 5 2 6.79", ""));
        assert_eq!((cell("face_y").as_str(), cell("error").as_str()), ("-2", ""));
    }
}
