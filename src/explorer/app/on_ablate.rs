//! Switching latents off, and the manner of it: value, site, propagation, direction, donor and layers.

use std::num::{NonZeroUsize, ParseIntError};

use crate::core::types::{
    Ablation, AblationValue, Direction, DonorRef, LatentIdx, Layers, Propagation, Site,
};
use crate::explorer::app::action::Ablate;
use crate::explorer::app::effect::Effect;
use crate::explorer::app::field::Field;
use crate::explorer::app::overlay::{ListKind, Prompt, PromptKind};
use crate::explorer::app::prompts::list;
use crate::explorer::app::results::edit_session;
use crate::explorer::app::{App, Page, Tone, drafts};
use crate::explorer::session::edit::SessionEdit;

/// Returns whether a layer range applies: only entries of the key-value cache belong to layers.
#[must_use]
pub fn has_layers(ablation: &Ablation) -> bool {
    ablation.site == Site::Kv || ablation.value == AblationValue::KvBlock
}

/// Describes a value in one sentence.
#[must_use]
pub fn meaning(value: AblationValue) -> &'static str {
    match value {
        AblationValue::Resample => "another problem's latent at that position, 16 donors",
        AblationValue::Mean => "the mean at that position over the reference set",
        AblationValue::Zero => "the zero vector",
        AblationValue::Noise => "noise with that position's mean and spread, 16 draws",
        AblationValue::Permute => "the latents that are off are permuted, up to 16 permutations",
        AblationValue::Skip => "nothing: the latents are left out, the rollout is shorter",
        AblationValue::Token => "the embedding of the latent's own top decoded token",
        AblationValue::Donor => "one chosen latent of one chosen problem, B chooses it",
        AblationValue::KvBlock => "the latent stays, but no later position may attend to it",
    }
}

/// Checks whether donors can be matched on the number of steps; matching can always be turned off.
///
/// # Errors
/// The reason why not, in a few words.
pub(super) fn can_match(app: &App) -> Result<(), &'static str> {
    let knows_steps = app.run.steps().is_some();
    match app.run.ablation.value {
        _ if app.run.ablation.matched => Ok(()),
        AblationValue::Resample if knows_steps => Ok(()),
        AblationValue::Resample => {
            Err("this problem's steps are not known, so donors cannot be matched on their number")
        }
        _ => Err("donors can be matched for resample only, v selects it"),
    }
}

/// Switches latents off or on, changes the manner, or asks for a part of it.
pub(super) fn perform(app: &mut App, action: Ablate) -> Vec<Effect> {
    let mut after = app.run.ablation.clone();
    match action {
        Ablate::Toggle | Ablate::ToggleAll => return toggle(app, action == Ablate::ToggleAll),
        Ablate::Value => after.value = next(&AblationValue::ALL, after.value),
        Ablate::PickValue => {
            let mut all = AblationValue::ALL.iter();
            let present = all.position(|value| *value == after.value);
            return list(app, ListKind::Values, present);
        }
        Ablate::Site => after.site = next(&Site::ALL, after.site),
        Ablate::Propagation => {
            let both = [Propagation::Total, Propagation::Direct];
            after.propagation = next(&both, after.propagation);
        }
        Ablate::Direction => {
            let both = [Direction::Noising, Direction::Denoising];
            after.direction = next(&both, after.direction);
        }
        Ablate::Donor => {
            let donor = after.donor.or(app.run.last_donor);
            let text = donor.map_or_else(String::new, |donor| match donor.latent {
                Some(latent) => format!("{}/{latent}", donor.problem),
                None => donor.problem.to_string(),
            });
            drafts::open(app, Prompt::new(PromptKind::Donor, Field::line(&text)));
            return Vec::new();
        }
        Ablate::MatchSteps => after.matched = !after.matched,
        Ablate::Layers => {
            let text = after.layers.map_or_else(String::new, |l| l.to_string());
            drafts::open(app, Prompt::new(PromptKind::Layers, Field::line(&text)));
            return Vec::new();
        }
    }
    set(app, after)
}

/// Switches the latent under the cursor, or all latents, off or on.
fn toggle(app: &mut App, all: bool) -> Vec<Effect> {
    let mut after = app.run.ablation.clone();
    if !all {
        if let Some(latent) = app.run.latent_under_cursor()
            && !after.off.remove(&latent)
        {
            after.off.insert(latent);
        }
    } else if after.off.is_empty() {
        after.off = (1..=app.run.live.n_latents()).map(LatentIdx).collect();
    } else {
        after.off.clear();
    }
    SessionEdit::set_ablation(&app.run.ablation, after)
        .map_or_else(Vec::new, |edit| edit_session(app, edit))
}

/// Sets the chosen value.
pub(super) fn choose(app: &mut App, value: AblationValue) -> Vec<Effect> {
    let after = Ablation {
        value,
        ..app.run.ablation.clone()
    };
    set(app, after)
}

/// Sets the donor from typed text: `12` or `12/3`.
///
/// # Errors
/// A description of the expected form.
pub(super) fn set_donor(app: &mut App, text: &str) -> Result<Vec<Effect>, &'static str> {
    let donor =
        parse_donor(text).ok_or("a donor is a problem and, if need be, a latent: 12 or 12/3")?;
    let after = Ablation {
        value: AblationValue::Donor,
        donor: Some(donor),
        ..app.run.ablation.clone()
    };
    Ok(set(app, after))
}

/// Sets the layers from typed text: `3-5`, `4`, or nothing for all.
///
/// # Errors
/// A description of the expected form.
pub(super) fn set_layers(app: &mut App, text: &str) -> Result<Vec<Effect>, &'static str> {
    let layers = parse_layers(text)
        .map_err(|_| "layers are a range counted from 1, 3-5, or nothing for all")?;
    let after = Ablation {
        layers,
        ..app.run.ablation.clone()
    };
    Ok(set(app, after))
}

fn next<T: Copy + PartialEq>(all: &[T], present: T) -> T {
    let at = all.iter().position(|one| *one == present).unwrap_or(0);
    all.get((at + 1) % all.len()).copied().unwrap_or(present)
}

/// Sets a manner without the settings it does not use, so that equivalent manners are equal.
fn set(app: &mut App, mut after: Ablation) -> Vec<Effect> {
    if !has_layers(&after) {
        after.layers = None;
    }
    after.matched &= after.value == AblationValue::Resample;
    after.donor = match after.value {
        AblationValue::Donor => Some(after.donor.or(app.run.last_donor).unwrap_or(DonorRef {
            problem: 0,
            latent: None,
        })),
        _ => None,
    };
    app.run.last_donor = after.donor.or(app.run.last_donor);
    let Some(edit) = SessionEdit::set_ablation(&app.run.ablation, after) else {
        return Vec::new();
    };
    let effects = edit_session(app, edit);
    if app.run.ablation.is_clean() && app.chrome.page == Page::Run {
        app.say(Tone::Info, format!("off now means {}", in_words(app)));
    }
    effects
}

/// Describes the manner, without defaults; adds what the direction or the propagation changes.
fn in_words(app: &App) -> String {
    let manner = app.run.ablation.manner();
    match (app.run.ablation.direction, app.run.ablation.propagation) {
        (Direction::Denoising, _) => {
            format!("{manner}: latents that are on are restored to their clean values")
        }
        (_, Propagation::Direct) => format!("{manner}: later latents keep their clean values"),
        _ => manner,
    }
}

/// Parses `12` or `12/3`.
fn parse_donor(text: &str) -> Option<DonorRef> {
    let (problem, latent) = match text.split_once('/') {
        Some((problem, latent)) => (problem, Some(latent.trim().parse().ok()?)),
        None => (text, None),
    };
    if latent == Some(0) {
        return None;
    }
    Some(DonorRef {
        problem: problem.trim().parse().ok()?,
        latent: latent.map(LatentIdx),
    })
}

/// Parses `3-5`, `4` or nothing.
fn parse_layers(text: &str) -> Result<Option<Layers>, ParseIntError> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let first: NonZeroUsize = first.trim().parse()?;
    let last: NonZeroUsize = last.trim().parse()?;
    // Bounds may come in either order.
    let (first, last) = (first.min(last).get(), first.max(last).get());
    Ok(Some(Layers { first, last }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn donors_are_read() {
        let donor = |problem, latent: Option<usize>| {
            Some(DonorRef {
                problem,
                latent: latent.map(LatentIdx),
            })
        };
        for (text, expected) in [
            ("12", donor(12, None)),
            (" 12 / 3 ", donor(12, Some(3))),
            ("0", donor(0, None)),
            ("12/0", None),
            ("", None),
            ("/3", None),
            ("a", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(parse_donor(text), expected, "{text:?}");
        }
    }

    #[test]
    fn layers_are_read() {
        let range = |first, last| Some(Some(Layers { first, last }));
        for (text, expected) in [
            ("3-5", range(3, 5)),
            ("4", range(4, 4)),
            (" 1 - 2 ", range(1, 2)),
            ("", Some(None)),
            ("5-3", range(3, 5)),
            ("0-2", None),
            ("x", None),
            ("1-", None),
        ] {
            assert_eq!(parse_layers(text).ok(), expected, "{text:?}");
        }
    }
}
