//! The device for a model: the requested one, or the best available, with a fallback to the CPU.

use candle_core::utils::{cuda_is_available, metal_is_available};

use super::{Checkpoint, Device, LoadOptions, Model, ModelError, Result};

/// A device, and whether the CPU may replace it.
#[derive(Debug, Clone)]
pub struct Placement {
    /// The device to load to.
    pub device: Device,
    /// Whether the user did not request it by name: a model that does not fit may then move to the CPU.
    pub may_fall_back: bool,
    /// Why the build's accelerator is not used, if so.
    pub note: Option<String>,
}

impl Placement {
    /// Returns exactly this device.
    #[must_use]
    pub fn on(device: Device) -> Self {
        Self {
            device,
            may_fall_back: false,
            note: None,
        }
    }

    /// Returns the build's accelerator; the CPU if there is none, or, with the reason, if it does not work.
    #[must_use]
    pub fn best() -> Self {
        let (name, device) = if cuda_is_available() {
            ("cuda", Device::new_cuda(0))
        } else if metal_is_available() {
            ("metal", Device::new_metal(0))
        } else {
            return Self::on(Device::Cpu);
        };
        match device {
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

    /// Loads a model to the device, or to the CPU if it exceeds the memory of a device that was not requested. Also returns notes for
    /// the user.
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
