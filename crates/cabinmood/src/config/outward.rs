//! [telematics]: the way outward that this version does not have. Its switch is known, so that a
//! configuration that asks for it is refused rather than silently not obeyed.

use super::Section;

pub(super) fn read(keys: &mut Section<'_>) {
    if keys.flag("enabled", false, "Not in this version: only false is possible.") {
        keys.refuse("enabled", "not in this version; only false is possible");
    }
}
