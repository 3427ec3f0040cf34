//! [smooth]: from observations to a mood. The keys, their ranges and reasons are the stage's own.

use ::smooth::SmoothOptions;

use super::Section;

pub(super) fn read(keys: &mut Section<'_>) -> SmoothOptions {
    let mut options = SmoothOptions::default();
    for key in SmoothOptions::KEYS {
        let field = (key.field)(&mut options);
        *field = keys.number(key.name, *field, key.min..=key.max, key.unit, key.why);
    }
    // Each is in its range by now: what is left are keys that contradict one another.
    for problem in options.problems() {
        keys.refuse(problem.key, &format!("must be {}", problem.allowed));
    }
    options
}
