//! [purpose]: where the daemon is used and for what, which decides what it may publish.

use super::Section;

/// Where the vehicle is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deployment {
    Private,
    Workplace,
}

/// What the mood is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    Comfort,
    Safety,
    Medical,
    Research,
}

/// Where the daemon is used and for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Purpose {
    deployment: Deployment,
    purpose: Use,
}

impl Purpose {
    /// The purpose's word, which what is forwarded carries.
    pub const fn word(&self) -> &'static str {
        match self.purpose {
            Use::Comfort => "comfort",
            Use::Safety => "safety",
            Use::Medical => "medical",
            Use::Research => "research",
        }
    }

    /// Why nothing that carries an expression may be published, where that is so: in a workplace
    /// the EU's AI Act (Regulation 2024/1689, article 5(1)(f)) forbids inferring emotions but for
    /// medical or safety reasons.
    pub fn forbids_expressions(&self, section: &str) -> Option<String> {
        let Self { deployment, purpose } = self;
        match (deployment, purpose) {
            (Deployment::Private, _) | (Deployment::Workplace, Use::Safety | Use::Medical) => None,
            (Deployment::Workplace, Use::Comfort | Use::Research) => Some(format!(
                "a workplace may carry expressions only where purpose.purpose is \"safety\" or \"medical\"; \
                 change the purpose or set {section}.enabled = false"
            )),
        }
    }
}

pub(super) fn read(keys: &mut Section<'_>) -> Purpose {
    let deployment = keys.word(
        "deployment",
        (Deployment::Private, "private"),
        "\"private\" or \"workplace\"",
        "Where the vehicle is used. A truck, a bus or a taxi is a workplace.",
        |text| match text {
            "private" => Some(Deployment::Private),
            "workplace" => Some(Deployment::Workplace),
            _ => None,
        },
    );
    let purpose = keys.word(
        "purpose",
        (Use::Comfort, "comfort"),
        "\"comfort\", \"safety\", \"medical\" or \"research\"",
        "What the mood is used for. In a workplace only safety and medical may carry expressions (EU AI Act, article 5(1)(f)): with another purpose the daemon does not start while an output that carries them is on.",
        |text| match text {
            "comfort" => Some(Use::Comfort),
            "safety" => Some(Use::Safety),
            "medical" => Some(Use::Medical),
            "research" => Some(Use::Research),
            _ => None,
        },
    );
    Purpose { deployment, purpose }
}
