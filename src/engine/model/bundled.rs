//! The models that ship inside the binary, the default first.

/// The files of a bundled model.
pub(crate) struct Bundled {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) config: &'static str,
    pub(crate) tokenizer: &'static [u8],
    pub(crate) weights: &'static [u8],
    /// The card of its tuned lens, and the maps.
    pub(crate) lens_card: &'static str,
    pub(crate) lens: &'static [u8],
    /// The accuracy of its answers at each rung, over its test problems.
    pub(crate) calibration: &'static str,
}

/// Embeds `assets/models/<name>/` for each name.
macro_rules! bundled {
    ($($name:literal: $about:literal),* $(,)?) => {
        &[$(Bundled {
            name: $name,
            about: $about,
            config: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/models/", $name, "/config.json")),
            tokenizer: include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/models/", $name, "/tokenizer.json")),
            weights: include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/models/", $name, "/model.safetensors")),
            lens_card: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/models/", $name, "/lens.json")),
            lens: include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/models/", $name, "/lens.safetensors")),
            calibration: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/models/", $name, "/calibration.json")),
        }),*]
    };
}

/// Every bundled model.
pub(crate) const BUNDLED: &[Bundled] = bundled![
    "mini-math": "arithmetic; latents needed, the projection reads the results",
    "mini-math-sim": "arithmetic; latents needed, a decoder reads the steps",
    "mini-math-idle": "the control: its latents do nothing",
    "mini-logic": "is-a problems; latents needed, the projection reads the path",
];

/// Returns the names of the bundled models, the default first.
#[must_use]
pub fn bundled_names() -> Vec<&'static str> {
    BUNDLED.iter().map(|b| b.name).collect()
}

/// Returns the calibrations of the bundled models, as text (`rows::calibration`).
pub fn calibrations() -> impl Iterator<Item = &'static str> {
    BUNDLED.iter().map(|bundled| bundled.calibration)
}

/// Returns the purpose of a bundled model, in one line; empty for another name.
#[must_use]
pub fn about(name: &str) -> &'static str {
    BUNDLED
        .iter()
        .find(|b| b.name == name)
        .map_or("", |b| b.about)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::{Checkpoint, Device, LoadOptions, Model};
    use super::*;

    #[test]
    fn every_bundled_model_loads_and_passes_its_self_tests() {
        let names = bundled_names();
        assert_eq!(
            names.iter().collect::<BTreeSet<_>>().len(),
            names.len(),
            "names are unique"
        );
        for name in names {
            let checkpoint = Checkpoint::open(name).expect(name);
            let model = Model::load(
                &checkpoint,
                &LoadOptions::default(),
                &Device::Cpu,
                &mut |_| {},
            )
            .expect(name);
            assert_eq!(model.info().name, name);
        }
    }
}
