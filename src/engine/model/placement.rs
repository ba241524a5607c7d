//! Where a model runs: the device that was asked for, or the best there is, with a way back to the CPU.

use candle_core::utils::{cuda_is_available, metal_is_available};

use super::{Checkpoint, Device, LoadOptions, Model, ModelError, Result};

/// A device, and whether the CPU will do in its place.
#[derive(Debug, Clone)]
pub struct Placement {
    /// Where to load.
    pub device: Device,
    /// Whether it was not asked for by name: a model that does not fit may then go to the CPU.
    pub may_fall_back: bool,
    /// Why it is not the accelerator that this build was made for, if so.
    pub note: Option<String>,
}

impl Placement {
    /// Exactly this device.
    #[must_use]
    pub fn on(device: Device) -> Self {
        Self {
            device,
            may_fall_back: false,
            note: None,
        }
    }

    /// The accelerator that this build was made for, if it works here, else the CPU with the reason.
    #[must_use]
    pub fn best() -> Self {
        let (name, opened) = if cuda_is_available() {
            ("cuda", Device::new_cuda(0))
        } else if metal_is_available() {
            ("metal", Device::new_metal(0))
        } else {
            return Self::on(Device::Cpu);
        };
        match opened {
            Ok(device) => Self {
                device,
                may_fall_back: true,
                note: None,
            },
            Err(error) => {
                let why = ModelError::from(error);
                Self {
                    note: Some(format!(
                        "running on the CPU: no usable {name} device ({why})"
                    )),
                    ..Self::on(Device::Cpu)
                }
            }
        }
    }

    /// Loads a model there; a model that does not fit the memory of a device nobody asked for goes to the CPU. Returns
    /// what to tell the user about it.
    ///
    /// # Errors
    /// As [`Model::load`].
    pub fn load(
        &self,
        checkpoint: &Checkpoint,
        options: &LoadOptions,
        on_stage: &mut dyn FnMut(&'static str),
    ) -> Result<(Model, Option<String>)> {
        let (model, note) = match Model::load(checkpoint, options, &self.device, on_stage) {
            Err(ModelError::OutOfMemory(why)) if self.may_fall_back && !self.device.is_cpu() => {
                let model = Model::load(checkpoint, options, &Device::Cpu, on_stage)?;
                let note = format!(
                    "running on the CPU: it does not fit the memory of {} ({why})",
                    super::device_name(&self.device)
                );
                (model, Some(note))
            }
            loaded => (loaded?, self.note.clone()),
        };
        let notes: Vec<String> = note.into_iter().chain(model.warnings().to_vec()).collect();
        Ok((model, (!notes.is_empty()).then(|| notes.join("; "))))
    }
}
