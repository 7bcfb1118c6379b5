//! A device proves who it is: its id is the fingerprint of an ed25519 key, and it signs the challenge of the connection.

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
    prelude::BASE64_URL_SAFE_NO_PAD,
};
use ring::{digest, signature};
use serde_json::json;

use super::frame::ErrorShape;

/// How far a signature's time may be from the gateway's, in ms.
const SKEW_MS_MAX: u64 = 120_000;

/// How many bytes a public key has.
const KEY_BYTES: usize = 32;

const ENGINE: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);

/// What a client sends about its device, and what its signature has to cover.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// The id that the device says it has.
    pub id: &'a str,
    /// Its key: 32 bytes in base64, with either alphabet.
    pub public_key: &'a str,
    /// The signature, in base64 as well.
    pub signature: &'a str,
    /// When it was signed, in ms since 1970.
    pub signed_at_ms: u64,
    /// The challenge that was signed.
    pub nonce: &'a str,
    /// The rest of the signed text.
    pub signed: Signed<'a>,
}

/// What is signed beside the device's id, time and nonce.
#[derive(Clone, Copy, Debug)]
pub struct Signed<'a> {
    /// `client.id`.
    pub client_id: &'a str,
    /// `client.mode`.
    pub client_mode: &'a str,
    /// The role, `operator` if none is named.
    pub role: &'a str,
    /// The scopes as they were sent.
    pub scopes: &'a [String],
    /// The token that is sent with it, or nothing.
    pub token: &'a str,
    /// `client.platform`.
    pub platform: &'a str,
    /// `client.deviceFamily`, or nothing.
    pub family: &'a str,
}

/// A device that has proved who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proved {
    /// Lower-case hexadecimal SHA-256 of the raw key.
    pub id: String,
    /// The key in base64 for addresses, without padding.
    pub public_key: String,
}

/// Why a device is not who it says it is. The order is that of the checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The id is not the key's fingerprint.
    #[error("device identity mismatch")]
    Identity,
    /// Signed too long ago, or in the future.
    #[error("device signature expired")]
    Expired,
    /// No challenge was signed.
    #[error("device nonce required")]
    NonceMissing,
    /// Another connection's challenge was signed.
    #[error("device nonce mismatch")]
    Nonce,
    /// The key is none.
    #[error("device public key invalid")]
    PublicKey,
    /// The signature is not the key's, or not of this.
    #[error("device signature invalid")]
    Signature,
}

impl Error {
    /// `details.code` and `details.reason`.
    const fn names(self) -> [&'static str; 2] {
        match self {
            Self::Identity => ["DEVICE_AUTH_DEVICE_ID_MISMATCH", "device-id-mismatch"],
            Self::Expired => ["DEVICE_AUTH_SIGNATURE_EXPIRED", "device-signature-stale"],
            Self::NonceMissing => ["DEVICE_AUTH_NONCE_REQUIRED", "device-nonce-missing"],
            Self::Nonce => ["DEVICE_AUTH_NONCE_MISMATCH", "device-nonce-mismatch"],
            Self::PublicKey => ["DEVICE_AUTH_PUBLIC_KEY_INVALID", "device-public-key"],
            Self::Signature => ["DEVICE_AUTH_SIGNATURE_INVALID", "device-signature"],
        }
    }

    /// The error as clients read it.
    pub fn shape(self) -> ErrorShape {
        let [code, reason] = self.names();
        ErrorShape::invalid(self.to_string())
            .with_details(json!({ "code": code, "reason": reason }))
    }
}

impl Claim<'_> {
    /// Whether the device is who it says it is, by the challenge that it was sent.
    ///
    /// # Errors
    ///
    /// The first thing that does not hold.
    pub fn verify(&self, challenge: &str, now_ms: u64) -> Result<Proved, Error> {
        let key = decode(self.public_key).ok_or(Error::Identity)?;
        let id = fingerprint(&key);
        if key.is_empty() || id != self.id {
            return Err(Error::Identity);
        }
        if now_ms.abs_diff(self.signed_at_ms) > SKEW_MS_MAX {
            return Err(Error::Expired);
        }
        match self.nonce.trim() {
            "" => return Err(Error::NonceMissing),
            nonce if nonce != challenge => return Err(Error::Nonce),
            _ => {}
        }
        if key.len() != KEY_BYTES {
            return Err(Error::PublicKey);
        }
        let given = decode(self.signature).ok_or(Error::Signature)?;
        let verifier = signature::UnparsedPublicKey::new(&signature::ED25519, &key);
        let is_of = |text: String| verifier.verify(text.as_bytes(), &given).is_ok();
        if !is_of(self.text_v3()) && !is_of(self.text_v2()) {
            return Err(Error::Signature);
        }
        Ok(Proved { id, public_key: BASE64_URL_SAFE_NO_PAD.encode(&key) })
    }

    /// The text that older clients sign.
    pub fn text_v2(&self) -> String {
        self.text("v2")
    }

    /// The text that clients sign now: it covers what the device is as well.
    pub fn text_v3(&self) -> String {
        let [platform, family] = [self.signed.platform, self.signed.family].map(plain);
        format!("{}|{platform}|{family}", self.text("v3"))
    }

    fn text(&self, form: &str) -> String {
        let Signed { client_id, client_mode, role, scopes, token, .. } = self.signed;
        let (id, scopes) = (self.id, scopes.join(","));
        let (at, nonce) = (self.signed_at_ms, self.nonce.trim());
        format!("{form}|{id}|{client_id}|{client_mode}|{role}|{scopes}|{at}|{token}|{nonce}")
    }
}

/// The id of the device with this raw key.
pub fn fingerprint(key: &[u8]) -> String {
    use std::fmt::Write as _;
    digest::digest(&digest::SHA256, key).as_ref().iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string");
        text
    })
}

/// A platform or family as it is signed and compared.
pub fn plain(text: &str) -> String {
    text.trim().to_ascii_lowercase()
}

/// Base64 with either alphabet, padded or not.
fn decode(text: &str) -> Option<Vec<u8>> {
    let text = text.trim().replace('+', "-").replace('/', "_");
    GeneralPurpose::new(&alphabet::URL_SAFE, ENGINE).decode(text).ok()
}

#[cfg(test)]
pub(super) mod tests {
    use ring::signature::{Ed25519KeyPair, KeyPair as _};

    use super::*;

    pub(in crate::control) const NOW_MS: u64 = 1_700_000_000_000;

    /// A device with a key of our own.
    pub(in crate::control) struct Device(Ed25519KeyPair);

    impl Device {
        pub(in crate::control) fn new(seed: u8) -> Self {
            Self(Ed25519KeyPair::from_seed_unchecked(&[seed; KEY_BYTES]).unwrap())
        }

        pub(in crate::control) fn id(&self) -> String {
            fingerprint(self.0.public_key().as_ref())
        }

        pub(in crate::control) fn public_key(&self) -> String {
            BASE64_URL_SAFE_NO_PAD.encode(self.0.public_key())
        }

        pub(in crate::control) fn sign(&self, text: &str) -> String {
            BASE64_URL_SAFE_NO_PAD.encode(self.0.sign(text.as_bytes()))
        }
    }

    const SIGNED: Signed<'static> = Signed {
        client_id: "gateway-client",
        client_mode: "backend",
        role: "operator",
        scopes: &[],
        token: "t",
        platform: " Linux",
        family: "",
    };

    /// Verifies a claim that is right but for what `change` does to it after it was signed.
    fn check(change: impl FnOnce(&mut Claim<'_>), expected: Result<(), Error>) {
        let device = Device::new(7);
        let (id, public_key) = (device.id(), device.public_key());
        let mut claim = Claim {
            id: &id,
            public_key: &public_key,
            signature: "",
            signed_at_ms: NOW_MS,
            nonce: "n-1",
            signed: SIGNED,
        };
        let signature = device.sign(&claim.text_v3());
        claim.signature = &signature;
        change(&mut claim);
        assert_eq!(claim.verify("n-1", NOW_MS).map(|_| ()), expected);
    }

    #[test]
    fn a_device_is_who_its_key_says() {
        check(|_| (), Ok(()));
        check(|it| it.nonce = " n-1 ", Ok(()));
        check(|it| it.signed.platform = "linux", Ok(()));
        let device = Device::new(7);
        let (id, public_key, scopes) =
            (device.id(), device.public_key(), ["a".to_owned(), "b".to_owned()]);
        let signed = Signed { scopes: &scopes, ..SIGNED };
        let claim = Claim {
            id: &id,
            public_key: &public_key,
            signature: "",
            signed_at_ms: 5,
            nonce: "n",
            signed,
        };
        assert_eq!(
            claim.text_v3(),
            format!("v3|{id}|gateway-client|backend|operator|a,b|5|t|n|linux|")
        );
        let signature = device.sign(&claim.text_v2());
        let proved = Claim { signature: &signature, ..claim }.verify("n", 5).unwrap();
        assert_eq!(proved, Proved { id, public_key });
    }

    #[test]
    fn whatever_else_is_signed_is_refused() {
        check(|it| it.id = "ab", Err(Error::Identity));
        check(|it| it.public_key = "", Err(Error::Identity));
        check(|it| it.public_key = "not base64!", Err(Error::Identity));
        check(|it| it.signed_at_ms -= SKEW_MS_MAX + 1, Err(Error::Expired));
        check(|it| it.signed_at_ms = u64::MAX, Err(Error::Expired));
        check(|it| it.signed_at_ms -= SKEW_MS_MAX, Err(Error::Signature));
        check(|it| it.nonce = "  ", Err(Error::NonceMissing));
        check(|it| it.nonce = "n-2", Err(Error::Nonce));
        check(|it| it.signature = "", Err(Error::Signature));
        check(|it| it.signature = "äö", Err(Error::Signature));
        check(|it| it.signed.token = "u", Err(Error::Signature));
        check(|it| it.signed.role = "node", Err(Error::Signature));
        check(|it| it.signed.client_id = "cli", Err(Error::Signature));
        check(|it| it.signed.client_mode = "cli", Err(Error::Signature));
        check(|it| it.signed.platform = "darwin", Err(Error::Signature));
        check(|it| it.signed.family = "phone", Err(Error::Signature));
        let short = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        check(|it| (it.id, it.public_key) = (short, "YWJj"), Err(Error::PublicKey));
    }

    #[test]
    fn no_flipped_bit_of_a_signature_is_overlooked() {
        let device = Device::new(3);
        let (id, public_key) = (device.id(), device.public_key());
        let claim = Claim {
            id: &id,
            public_key: &public_key,
            signature: "",
            signed_at_ms: 1,
            nonce: "n",
            signed: SIGNED,
        };
        let right = decode(&device.sign(&claim.text_v3())).unwrap();
        for bit in 0..right.len() * 8 {
            let mut wrong = right.clone();
            wrong[bit / 8] ^= 1 << (bit % 8);
            let signature = BASE64_URL_SAFE_NO_PAD.encode(wrong);
            let verified = Claim { signature: &signature, ..claim }.verify("n", 1);
            assert_eq!(verified, Err(Error::Signature), "bit {bit}");
        }
    }

    #[test]
    fn keys_may_be_written_in_either_alphabet() {
        let devices = (0..200).map(Device::new).filter(|it| it.public_key().contains(['-', '_']));
        for device in devices.take(8) {
            let key = device.public_key();
            let other = format!("{}=", key.replace('-', "+").replace('_', "/"));
            assert_eq!(decode(&other), decode(&key));
        }
        assert_eq!(Error::Nonce.shape().details.unwrap()["code"], "DEVICE_AUTH_NONCE_MISMATCH");
    }
}
