//! The versions of the contract, as the specifications tell them apart.

/// A version of the contract. Where a specification differs between them it says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// `2026.3`.
    March,
    /// `2026.9`.
    September,
}

impl Version {
    /// The version of this name.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "2026.3" => Some(Self::March),
            "2026.9" => Some(Self::September),
            _ => None,
        }
    }
}
