//! TLS without a C compiler: rustls with graviola, and this machine's root certificates.
//!
//! The machine's certificates instead of a built-in list, so that company proxies work and no list becomes outdated.

use std::sync::Arc;

use ureq::tls::{Certificate, RootCerts, TlsConfig};

/// Creates the TLS configuration; the error names what this machine lacks.
pub(super) fn config() -> Result<TlsConfig, String> {
    install_provider()?;
    let native = rustls_native_certs::load_native_certs();
    let certificates: Vec<Certificate<'static>> = native
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

/// Selects the cryptography provider of this process, once.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
fn install_provider() -> Result<(), String> {
    if !is_processor_able() {
        // The provider would panic at its first use.
        return Err("this processor lacks the instructions for it (AES, AVX2, ADX)".to_owned());
    }
    // An error means that a provider is already installed.
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
