//! How the stages are, from what the mood thread sees of them. Pure.

use types::{Health, Reason, StageHealth};

/// Keeps the stages' health.
#[derive(Debug, Default)]
pub struct Checkup {
    health: StageHealth,
    align_faults: u64,
}

impl Checkup {
    /// The health, the bus aside: publish knows that.
    pub const fn health(&self) -> StageHealth {
        self.health
    }

    /// The models are loaded; the expression model only where it is wanted.
    pub const fn equipped(&mut self, classifies: bool) {
        self.health.align = Health::Ok;
        self.health.classify = if classifies { Health::Ok } else { Health::Off };
    }

    /// A frame was judged.
    pub const fn classified(&mut self, works: bool) {
        self.health.classify = if works { Health::Ok } else { Health::Failed };
    }

    /// A frame was told, as unknown where there is a reason. `align_faults` counts the frames on
    /// which alignment itself failed.
    pub fn frame(&mut self, why: Option<Reason>, align_faults: u64) {
        let is_late = why == Some(Reason::Stale) && self.health.classify != Health::Failed;
        let has_failed = align_faults > self.align_faults;
        self.align_faults = align_faults;
        self.health.capture = if why == Some(Reason::Frozen) { Health::Degraded } else { Health::Ok };
        self.health.align = if is_late || has_failed { Health::Degraded } else { Health::Ok };
    }

    /// No frame was told, for this reason.
    pub const fn silence(&mut self, reason: Reason) {
        match reason {
            Reason::Disabled => self.health.capture = Health::Off,
            Reason::CameraLost => self.health.capture = Health::Failed,
            Reason::Starting => self.health.capture = Health::Starting,
            // Frames come, but nothing comes of them.
            _ => self.health.align = Health::Degraded,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(checkup: &Checkup) -> [&str; 3] {
        let StageHealth { capture, align, classify, .. } = checkup.health();
        [capture.name(), align.name(), classify.name()]
    }

    #[test]
    fn each_fault_is_told_of_the_stage_that_has_it() {
        let mut checkup = Checkup::default();
        checkup.silence(Reason::Starting);
        assert_eq!(words(&checkup), ["starting", "starting", "starting"]);
        checkup.equipped(true);
        checkup.frame(None, 0);
        assert_eq!(words(&checkup), ["ok", "ok", "ok"]);
        checkup.frame(Some(Reason::Frozen), 0);
        assert_eq!(words(&checkup), ["degraded", "ok", "ok"]);
        checkup.frame(Some(Reason::Misaligned), 1);
        assert_eq!(words(&checkup), ["ok", "degraded", "ok"]);
        checkup.frame(Some(Reason::Misaligned), 1);
        assert_eq!(words(&checkup), ["ok", "ok", "ok"], "a face that does not fit is no fault");
        checkup.classified(false);
        checkup.frame(Some(Reason::Stale), 1);
        assert_eq!(words(&checkup), ["ok", "ok", "failed"]);
        checkup.classified(true);
        checkup.frame(Some(Reason::Stale), 1);
        assert_eq!(words(&checkup), ["ok", "degraded", "ok"], "late");
        checkup.silence(Reason::Stale);
        assert_eq!(words(&checkup), ["ok", "degraded", "ok"]);
        checkup.silence(Reason::CameraLost);
        assert_eq!(words(&checkup)[0], "failed");
        checkup.silence(Reason::Disabled);
        assert_eq!(words(&checkup)[0], "off");
        checkup.equipped(false);
        checkup.frame(None, 1);
        assert_eq!(words(&checkup), ["ok", "ok", "off"], "no expressions are wanted");
    }
}
