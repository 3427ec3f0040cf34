//! What a net can run on.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use ort::ep::{CUDA, ExecutionProvider, TensorRT};
use ort::session::builder::SessionBuilder;
use thiserror::Error;

use crate::error::one_line;

/// What a net can run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Provider {
    /// An NVIDIA GPU, through engines that are built for it at the first start.
    TensorRt,
    /// An NVIDIA GPU.
    Cuda,
    /// The processor.
    Cpu,
}

/// A word that names no provider.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("{0:?} is not a provider (tensorrt, cuda, cpu)")]
pub struct ParseProviderError(pub String);

/// What became of a configured provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderReport {
    /// Which one.
    pub provider: Provider,
    /// Whether the net runs on it.
    pub used: bool,
    /// Why not, where it does not.
    pub reason: Option<String>,
}

impl Provider {
    /// All providers, the fastest first.
    pub const ALL: [Self; 3] = [Self::TensorRt, Self::Cuda, Self::Cpu];

    /// The word used in the configuration and in summaries.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::TensorRt => "tensorrt",
            Self::Cuda => "cuda",
            Self::Cpu => "cpu",
        }
    }

    /// Adds the provider to a session's options. A GPU's session may not put a single node on the
    /// CPU: registration alone proves little, since a provider that cannot run the nodes leaves them
    /// there without a word.
    ///
    /// # Errors
    /// Why it cannot be used here, in the runtime's words.
    pub(crate) fn register(
        self,
        builder: SessionBuilder,
        engine_cache: Option<&Path>,
    ) -> Result<SessionBuilder, String> {
        let gpu_only = |builder: SessionBuilder| builder.with_disable_cpu_fallback().map_err(one_line);
        match self {
            Self::Cpu => Ok(builder),
            Self::Cuda => {
                let mut builder = gpu_only(builder)?;
                CUDA::default().register(&mut builder).map_err(one_line)?;
                Ok(builder)
            }
            Self::TensorRt => {
                let mut builder = gpu_only(builder)?;
                let mut engine = TensorRT::default();
                if let Some(folder) = engine_cache {
                    let folder = folder.display().to_string();
                    engine = engine.with_engine_cache(true).with_engine_cache_path(&folder);
                    engine = engine.with_timing_cache(true).with_timing_cache_path(&folder);
                }
                engine.register(&mut builder).map_err(one_line)?;
                Ok(builder)
            }
        }
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Provider {
    type Err = ParseProviderError;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|p| p.name() == word).ok_or_else(|| ParseProviderError(word.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        for provider in Provider::ALL {
            assert_eq!(provider.to_string().parse(), Ok(provider));
        }
        assert_eq!("gpu".parse::<Provider>(), Err(ParseProviderError("gpu".into())));
    }
}
