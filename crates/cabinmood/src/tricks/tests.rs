use types::Point;

use super::*;

const SIDE: u32 = 160;
/// Eyes 40 px apart, and a face that fits into the picture.
const EYES: (Point, Point) = (Point::new(60.0, 60.0), Point::new(100.0, 60.0));

/// 68 points of a face with these eyes; those that no trick is drawn at stay between them.
fn landmarks(left: Point, right: Point) -> Landmarks {
    let mut five = [Point::default(); 5];
    let at = |x: f32, y: f32| {
        let (ax, ay) = (right.x - left.x, right.y - left.y);
        let middle = left.midpoint(right);
        Point::new(middle.x + x * ax - y * ay, middle.y + x * ay + y * ax)
    };
    for (point, (x, y)) in five.iter_mut().zip([(0.65, 0.), (0.35, 0.), (-0.65, 0.), (-0.35, 0.), (0., 0.74)])
    {
        *point = at(x, y);
    }
    let face = Face::of(&Landmarks::from_slice(&five).unwrap()).unwrap();
    let mut all = [left.midpoint(right); 68];
    for (i, own) in face.jaw().into_iter().enumerate() {
        all[i] = at(own.x, own.y);
    }
    all[36..42].fill(left);
    all[42..48].fill(right);
    for (i, own) in face.lips().into_iter().enumerate() {
        all[48 + i] = at(own.x, own.y);
    }
    (all[28], all[33]) = (at(0.0, 0.28), at(0.0, 0.74));
    Landmarks::from_slice(&all).unwrap()
}

/// A light skin with darker eyes and mouth, and a pattern as skin has.
fn picture() -> Grey {
    let eyes = [EYES.0, EYES.1, Point::new(80.0, 102.0)];
    let pixels = (0..SIDE * SIDE).map(|i| {
        let at = Point::new((i % SIDE) as f32, (i / SIDE) as f32);
        let dark: f32 = eyes.iter().map(|eye| 90.0 * (-(at.distance(*eye) / 6.0).powi(2)).exp()).sum();
        (170.0 - dark + 8.0 * (at.x * 0.9).sin() * (at.y * 0.7).cos()) as u8
    });
    Grey::new(SIDE, SIDE, pixels.collect::<Vec<_>>().into()).unwrap()
}

fn play(trick: Trick, name: &str) -> Grey {
    trick.play(&picture(), &landmarks(EYES.0, EYES.1), name).unwrap().unwrap()
}

/// The mean difference to the clean picture about a place, within 5 px.
fn change(trick: Trick, name: &str, at: (f32, f32)) -> f32 {
    let (clean, drawn, at) = (picture(), play(trick, name), Point::new(at.0, at.1));
    let near = |i: &u32| Point::new((i % SIDE) as f32, (i / SIDE) as f32).distance(at) < 5.0;
    let places: Vec<usize> = (0..SIDE * SIDE).filter(near).map(|i| i as usize).collect();
    let sum: f32 = places.iter().map(|i| f32::from(drawn.bytes()[*i]) - f32::from(clean.bytes()[*i])).sum();
    sum / places.len() as f32
}

/// How much neighbours differ about a place, within 14 px.
fn texture(picture: &Grey, at: (f32, f32)) -> f32 {
    let (x, y) = (at.0 as usize, at.1 as usize);
    let rows = picture.bytes().chunks_exact(SIDE as usize).take(y + 14).skip(y - 14);
    rows.flat_map(|row| row[x - 14..x + 14].windows(2)).map(|w| f32::from(w[0].abs_diff(w[1]))).sum()
}

const NAMES: [&str; 5] = ["a.png", "b.png", "c.png", "d.png", "e.png"];
const EYE: (f32, f32) = (60.0, 60.0);
const CHEEK: (f32, f32) = (108.0, 84.0);
const MOUTH: (f32, f32) = (80.0, 102.0);
const CHIN: (f32, f32) = (80.0, 122.0);
const CORNER: (f32, f32) = (6.0, 153.0);

#[test]
fn every_trick_draws_the_same_for_a_name_and_another_for_another() {
    for trick in Trick::ALL {
        let (one, again, other) = (play(trick, "a.png"), play(trick, "a.png"), play(trick, "b.png"));
        assert_eq!(one.bytes(), again.bytes(), "{trick}");
        assert_ne!(one.bytes(), other.bytes(), "{trick}");
        assert_ne!(one.bytes(), picture().bytes(), "{trick}");
        assert_eq!((one.width(), one.height()), (SIDE, SIDE), "{trick}");
    }
}

#[test]
fn names_are_all_different() {
    for (i, trick) in Trick::ALL.iter().enumerate() {
        assert!(Trick::ALL[..i].iter().all(|other| other.name() != trick.name()));
    }
}

#[test]
fn what_is_worn_covers_what_it_should_and_nothing_else() {
    for name in NAMES {
        let clean = |trick, at| assert!(change(trick, name, at).abs() < 4.0, "{trick} {name} {at:?}");
        let darker = |trick, at| assert!(change(trick, name, at) < -25.0, "{trick} {name} {at:?}");
        darker(Trick::Sunglasses, EYE);
        clean(Trick::Sunglasses, MOUTH);
        clean(Trick::Sunglasses, CHIN);
        assert!(change(Trick::Glasses, name, EYE) > -20.0, "clear lenses");
        clean(Trick::Glasses, MOUTH);
        assert!(change(Trick::Mask, name, MOUTH) > 20.0, "a mask hides dark lips");
        clean(Trick::Mask, EYE);
        darker(Trick::Beard, CHIN);
        clean(Trick::Beard, EYE);
        clean(Trick::Beard, MOUTH);
        darker(Trick::HatShadow, (80.0, 44.0));
        clean(Trick::HatShadow, MOUTH);
        clean(Trick::HatShadow, CHIN);
        assert!(
            texture(&play(Trick::Hand, name), MOUTH) > 2.0 * texture(&picture(), MOUTH),
            "edges of fingers"
        );
        clean(Trick::Hand, EYE);
        clean(Trick::Hand, (100.0, 60.0));
    }
}

#[test]
fn side_light_leaves_one_cheek_in_the_dark() {
    for name in NAMES {
        let [left, right] = [52.0, CHEEK.0].map(|x| change(Trick::SideLight, name, (x, CHEEK.1)));
        assert!((left - right).abs() > 50.0 && left.min(right) < -60.0, "{name}: {left} {right}");
    }
}

#[test]
fn the_camera_at_night_is_noisy_or_lights_only_what_is_near() {
    let clean = texture(&picture(), CHEEK);
    for name in NAMES {
        // The skin's own pattern gets darker with the picture; what is more is noise.
        assert!(texture(&play(Trick::NightNoise, name), CHEEK) > 1.2 * clean, "{name}");
        assert!(change(Trick::NightNoise, name, CHEEK) < -20.0, "{name}");
        let [near, far] = [CHEEK, CORNER].map(|at| change(Trick::InfraredTones, name, at));
        assert!(near > far + 30.0, "{name}: {near} {far}");
    }
}

#[test]
fn what_moved_or_is_far_away_is_smooth() {
    let clean = texture(&picture(), CHEEK);
    for (trick, name) in
        NAMES.iter().flat_map(|name| [(Trick::MotionBlur, name), (Trick::LowResolution, name)])
    {
        let left = texture(&play(trick, name), CHEEK) / clean;
        assert!(left < 0.75, "{trick} {name}: {left}");
    }
}

#[test]
fn a_leaning_head_keeps_its_middle_and_moves_its_eyes() {
    for name in NAMES {
        assert!(change(Trick::Rotation, name, (80.0, 60.0)).abs() < 4.0, "{name}");
        assert!(change(Trick::Rotation, name, EYE) > 15.0, "the dark eye is elsewhere, {name}");
    }
}

#[test]
fn tricks_are_drawn_with_five_points_and_beyond_every_edge() {
    let five = [(120., 40.), (105., 40.), (60., 40.), (75., 40.), (90., 75.)].map(|(x, y)| Point::new(x, y));
    let five = Landmarks::from_slice(&five).unwrap();
    let places = [(-20.0, -10.0), (400.0, 30.0), (70.0, 500.0), (155.0, 158.0)];
    let tiny = Grey::new(2, 1, vec![3, 200].into()).unwrap();
    for trick in Trick::ALL {
        assert_ne!(
            trick.play(&picture(), &five, "a").unwrap().unwrap().bytes(),
            picture().bytes(),
            "{trick}"
        );
        for (x, y) in places {
            let aside = landmarks(Point::new(x, y), Point::new(x + 30.0, y + 10.0));
            assert!(trick.play(&picture(), &aside, "a").unwrap().is_some());
        }
        assert!(trick.play(&tiny, &five, "a").unwrap().is_some(), "{trick}");
    }
}
