//! [purpose]: where the daemon is used and for what, which decides what may be published, and the
//! key `carries` that every section of a sink has. What is allowed is decided in [`wire::Policy`].

use wire::{Deployment, Forbidden, Gate, Group, Groups, Policy, Purpose, Reach};

use super::Section;

pub(super) fn read(keys: &mut Section<'_>) -> Policy {
    let deployment = keys.word(
        "deployment",
        (Deployment::Private, Deployment::Private.name()),
        "\"private\" or \"workplace\"",
        "Where the vehicle is used. A truck, a bus or a taxi is a workplace.",
        |text| Deployment::ALL.into_iter().find(|deployment| deployment.name() == text),
    );
    let purpose = keys.word(
        "purpose",
        (Purpose::Comfort, Purpose::Comfort.name()),
        "\"comfort\", \"safety\", \"medical\" or \"research\"",
        "What the mood is used for; every message carries it. In a workplace only safety and medical may carry expressions (EU AI Act, Article 5(1)(f)): with another purpose the daemon does not start while an output asks for them, and does not recognise any.",
        |text| Purpose::ALL.into_iter().find(|purpose| purpose.name() == text),
    );
    Policy { deployment, purpose }
}

/// Reads a sink's key `carries` and, where the sink is switched on, refuses what it may not carry.
/// One that is switched off may ask for anything.
pub(super) fn gate(keys: &mut Section<'_>, policy: Policy, reach: Reach, is_on: bool) -> Gate {
    let usual = match reach {
        Reach::Vehicle => Group::ALL.to_vec(),
        Reach::Beyond => vec![Group::Expression, Group::Presence, Group::Health],
    };
    let (allowed, why) = match reach {
        Reach::Vehicle => (
            "a list of \"expression\", \"attention\", \"presence\", \"health\", each at most once, the last always",
            "Which groups of signals go out here; docs/events.md says which signal belongs to which. The others are null or \"not available\".",
        ),
        Reach::Beyond => (
            "a list of \"expression\", \"presence\", \"health\", each at most once, the last always",
            "Which groups of signals leave the vehicle here. Attention (eyes, pose, where the face is) never does.",
        ),
    };
    let groups = keys.words("carries", usual, allowed, why);
    if is_on {
        for problem in problems(&groups, policy, reach) {
            keys.refuse("carries", &format!("{problem}; {}", remedy(problem, keys.name())));
        }
    }
    policy.gate(reach, groups.into_iter().collect())
}

fn problems(groups: &[Group], policy: Policy, reach: Reach) -> Vec<Forbidden> {
    let wanted: Groups = groups.iter().copied().collect();
    let lacks_health = (!wanted.contains(Group::Health)).then_some(Forbidden::NoHealth);
    groups.iter().filter_map(|group| policy.forbids(*group, reach)).chain(lacks_health).collect()
}

/// Which keys to change.
fn remedy(problem: Forbidden, section: &str) -> String {
    match problem {
        Forbidden::Expression => format!(
            "set purpose.purpose to \"safety\" or \"medical\" if that is what it is for, or take \"expression\" \
             out of {section}.carries, or set {section}.enabled = false"
        ),
        Forbidden::Attention => format!("take \"attention\" out of {section}.carries"),
        Forbidden::NoHealth => format!("add \"health\" to {section}.carries"),
    }
}

#[cfg(test)]
mod tests {
    use config::Format as _;

    use super::super::{Problem, Report};
    use super::*;

    /// What is wrong with these groups for a sink of this reach, in a private vehicle.
    fn refused(groups: &[&str], reach: Reach) -> Vec<Problem> {
        let mut report = Report::default();
        let given = config::FileFormat::Toml.parse(None, &format!("carries = {groups:?}")).unwrap();
        let mut keys = Section::new("far", Some(given.into()), &mut report);
        let gate = gate(&mut keys, Policy::default(), reach, true);
        assert!(reach == Reach::Vehicle || !gate.carries(Group::Attention));
        drop(keys);
        report.problems
    }

    #[test]
    fn attention_cannot_be_configured_to_leave_the_vehicle() {
        let problems = refused(&["health", "attention"], Reach::Beyond);
        let [problem] = &problems[..] else { panic!("{problems:?}") };
        assert!(problem.key == "far.carries" && problem.message.contains("never leaves"), "{problem}");
        assert_eq!(refused(&["health", "attention"], Reach::Vehicle), []);
    }

    #[test]
    fn health_is_not_left_out() {
        let problems = refused(&["expression"], Reach::Vehicle);
        assert!(matches!(&problems[..], [problem] if problem.message.contains("add \"health\"")));
    }

    #[test]
    fn what_is_no_group_is_refused() {
        assert_eq!(refused(&["health", "mood"], Reach::Vehicle).len(), 1);
        assert_eq!(refused(&[], Reach::Vehicle).len(), 1);
    }
}
