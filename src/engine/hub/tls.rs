//! Secure connections without a C compiler: rustls with graviola, and the root certificates of this machine.
//!
//! The machine's certificates rather than a built-in list, so that a company's own proxy works and nothing grows old.

use std::sync::Arc;

use ureq::tls::{Certificate, RootCerts, TlsConfig};

/// Makes the configuration of secure connections; the error says what this machine lacks.
pub(super) fn config() -> Result<TlsConfig, String> {
    install_provider()?;
    let found = rustls_native_certs::load_native_certs();
    let certificates: Vec<Certificate<'static>> = found
        .certs
        .iter()
        .map(|certificate| Certificate::from_der(certificate).to_owned())
        .collect();
    if certificates.is_empty() {
        return Err("this machine has no root certificates".to_owned());
    }
    Ok(TlsConfig::builder()
        .root_certs(RootCerts::Specific(Arc::new(certificates)))
        .build())
}

/// Chooses the cryptography for this process, once.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
fn install_provider() -> Result<(), String> {
    if !is_processor_able() {
        // The cryptography would panic at its first use.
        return Err("this processor lacks the instructions for it (AES, AVX2, ADX)".to_owned());
    }
    // An error says that it is chosen already.
    let _ = rustls_graviola::default_provider().install_default();
    Ok(())
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn install_provider() -> Result<(), String> {
    Err("it is not available for this kind of processor".to_owned())
}

#[cfg(target_arch = "x86_64")]
fn is_processor_able() -> bool {
    std::arch::is_x86_feature_detected!("aes")
        && std::arch::is_x86_feature_detected!("ssse3")
        && std::arch::is_x86_feature_detected!("pclmulqdq")
        && std::arch::is_x86_feature_detected!("avx")
        && std::arch::is_x86_feature_detected!("avx2")
        && std::arch::is_x86_feature_detected!("adx")
        && std::arch::is_x86_feature_detected!("bmi1")
        && std::arch::is_x86_feature_detected!("bmi2")
}

#[cfg(target_arch = "aarch64")]
fn is_processor_able() -> bool {
    std::arch::is_aarch64_feature_detected!("neon")
        && std::arch::is_aarch64_feature_detected!("aes")
        && std::arch::is_aarch64_feature_detected!("pmull")
        && std::arch::is_aarch64_feature_detected!("sha2")
}
