//! Many windows answer to one face: one box is made of them.

use types::FaceBox;

/// Boxes that overlap more than this belong to the same face.
const SAME_FACE_IOU: f32 = 0.35;

/// Reduces overlapping boxes to one a face, best first, in place.
///
/// The box of a face is the mean of its boxes, each weighted by its score above zero: windows lie
/// on a grid of cells and scales, the mean between them. The score is the best one's.
pub(super) fn suppress(boxes: &mut Vec<FaceBox>) {
    boxes.sort_unstable_by(|a, b| b.score.total_cmp(&a.score));
    let mut faces = 0;
    while faces < boxes.len() {
        let best = boxes[faces];
        let mut sum = FaceBox::default();
        let mut kept = faces + 1;
        for at in faces..boxes.len() {
            let found = boxes[at];
            if best.iou(&found) > SAME_FACE_IOU {
                add_weighted(&mut sum, &found);
            } else {
                boxes[kept] = found;
                kept += 1;
            }
        }
        boxes[faces] = mean(&sum, best);
        boxes.truncate(kept);
        faces += 1;
    }
}

/// `sum` collects weighted boxes; its score is the sum of weights.
fn add_weighted(sum: &mut FaceBox, found: &FaceBox) {
    let weight = found.score.max(0.0);
    sum.x += weight * found.x;
    sum.y += weight * found.y;
    sum.w += weight * found.w;
    sum.h += weight * found.h;
    sum.score += weight;
}

fn mean(sum: &FaceBox, best: FaceBox) -> FaceBox {
    if sum.score <= 0.0 {
        return best;
    }
    let n = sum.score;
    FaceBox { x: sum.x / n, y: sum.y / n, w: sum.w / n, h: sum.h / n, score: best.score }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn square(x: f32, side: f32, score: f32) -> FaceBox {
        FaceBox { x, y: 0.0, w: side, h: side, score }
    }

    #[test]
    fn two_faces_stay_two_and_the_surer_comes_first() {
        let mut boxes = vec![square(200.0, 50.0, 1.0), square(0.0, 50.0, 2.0), square(202.0, 50.0, 0.5)];
        suppress(&mut boxes);
        assert_eq!(boxes.len(), 2);
        assert_eq!((boxes[0].x, boxes[0].score), (0.0, 2.0));
        assert!((boxes[1].x - 200.0 - 2.0 / 3.0).abs() < 1e-3, "{:?}", boxes[1]);
        assert_eq!(boxes[1].score, 1.0);
    }

    #[test]
    fn the_mean_lies_between_two_equal_neighbours() {
        let mut boxes = vec![square(0.0, 40.0, 1.0), square(10.0, 40.0, 1.0)];
        suppress(&mut boxes);
        assert_eq!(boxes, [square(5.0, 40.0, 1.0)]);
    }

    #[test]
    fn nothing_gives_nothing() {
        let mut boxes = vec![];
        suppress(&mut boxes);
        assert!(boxes.is_empty());
    }
}
