//! Paired and waiting devices as a file. Tokens are in it as they are, so the file is for its owner's eyes only.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{About, Access, Consent, Devices, Paired, Pending, Token};
use crate::{
    control::scope::{Role, Scopes},
    secret::Secret,
};

/// The form of the file that is written.
const FORM: u32 = 1;

/// Why a file is not read. What it says is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not the file that we write.
    #[error("line {line}, column {column} is not of a file of devices")]
    Unreadable {
        /// Counted from 1.
        line: usize,
        /// The same.
        column: usize,
    },
    /// Another form, or a role that we do not know.
    #[error("a file of devices of another version")]
    Unknown,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct File {
    form: u32,
    paired: Vec<PairedOnDisk>,
    pending: Vec<PendingOnDisk>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct AboutOnDisk {
    display_name: Option<String>,
    platform: Option<String>,
    device_family: Option<String>,
    client_id: Option<String>,
    client_mode: Option<String>,
    remote_ip: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PairedOnDisk {
    device_id: String,
    public_key: String,
    about: AboutOnDisk,
    roles: Vec<String>,
    scopes: Vec<String>,
    tokens: Vec<TokenOnDisk>,
    created_at_ms: u64,
    approved_at_ms: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct TokenOnDisk {
    role: String,
    token: String,
    scopes: Vec<String>,
    created_at_ms: u64,
    rotated_at_ms: Option<u64>,
    revoked_at_ms: Option<u64>,
    last_used_at_ms: Option<u64>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PendingOnDisk {
    request_id: String,
    device_id: String,
    public_key: String,
    about: AboutOnDisk,
    roles: Vec<String>,
    scopes: Vec<String>,
    silent: bool,
    is_repair: bool,
    at_ms: u64,
}

/// The file of these devices.
pub fn write(devices: &Devices) -> String {
    let file = File {
        form: FORM,
        paired: devices.paired.values().map(paired_to_disk).collect(),
        pending: devices.pending.values().map(pending_to_disk).collect(),
    };
    serde_json::to_string_pretty(&file).expect("a file of devices is JSON")
}

/// The devices of a file.
///
/// # Errors
///
/// If it is not one that [`write()`] made.
pub fn read(text: &str) -> Result<Devices, Error> {
    let file: File = serde_json::from_str(text)
        .map_err(|it| Error::Unreadable { line: it.line(), column: it.column() })?;
    if file.form != FORM {
        return Err(Error::Unknown);
    }
    let mut devices = Devices::default();
    for paired in file.paired {
        devices.paired.insert(paired.device_id.clone(), paired_from_disk(paired)?);
    }
    for pending in file.pending {
        devices.pending.insert(pending.request_id.clone(), pending_from_disk(pending)?);
    }
    Ok(devices)
}

fn paired_to_disk(it: &Paired) -> PairedOnDisk {
    PairedOnDisk {
        device_id: it.device_id.clone(),
        public_key: it.public_key.clone(),
        about: about_to_disk(&it.about),
        roles: role_names(&it.roles),
        scopes: scope_names(&it.scopes),
        tokens: it.tokens.iter().map(|(role, it)| token_to_disk(*role, it)).collect(),
        created_at_ms: it.created_at_ms,
        approved_at_ms: it.approved_at_ms,
    }
}

fn paired_from_disk(it: PairedOnDisk) -> Result<Paired, Error> {
    let tokens = it.tokens.into_iter().map(token_from_disk);
    Ok(Paired {
        device_id: it.device_id,
        public_key: it.public_key,
        about: about_from_disk(it.about),
        roles: roles(&it.roles)?,
        scopes: scopes(&it.scopes),
        tokens: tokens.collect::<Result<BTreeMap<_, _>, _>>()?,
        created_at_ms: it.created_at_ms,
        approved_at_ms: it.approved_at_ms,
    })
}

fn token_to_disk(role: Role, it: &Token) -> TokenOnDisk {
    TokenOnDisk {
        role: role.name().to_owned(),
        token: it.secret.expose().to_owned(),
        scopes: scope_names(&it.scopes),
        created_at_ms: it.created_at_ms,
        rotated_at_ms: it.rotated_at_ms,
        revoked_at_ms: it.revoked_at_ms,
        last_used_at_ms: it.last_used_at_ms,
    }
}

fn token_from_disk(it: TokenOnDisk) -> Result<(Role, Token), Error> {
    let token = Token {
        secret: Secret::new(it.token),
        scopes: scopes(&it.scopes),
        created_at_ms: it.created_at_ms,
        rotated_at_ms: it.rotated_at_ms,
        revoked_at_ms: it.revoked_at_ms,
        last_used_at_ms: it.last_used_at_ms,
    };
    Ok((Role::named(&it.role).ok_or(Error::Unknown)?, token))
}

fn pending_to_disk(it: &Pending) -> PendingOnDisk {
    PendingOnDisk {
        request_id: it.request_id.clone(),
        device_id: it.access.device_id.clone(),
        public_key: it.access.public_key.clone(),
        about: about_to_disk(&it.access.about),
        roles: role_names(&it.roles),
        scopes: scope_names(&it.access.scopes),
        silent: it.access.consent == Consent::Silent,
        is_repair: it.is_repair,
        at_ms: it.at_ms,
    }
}

fn pending_from_disk(it: PendingOnDisk) -> Result<Pending, Error> {
    let roles = roles(&it.roles)?;
    Ok(Pending {
        request_id: it.request_id,
        access: Access {
            device_id: it.device_id,
            public_key: it.public_key,
            role: *roles.first().ok_or(Error::Unknown)?,
            scopes: scopes(&it.scopes),
            about: about_from_disk(it.about),
            consent: if it.silent { Consent::Silent } else { Consent::Asked },
        },
        roles,
        is_repair: it.is_repair,
        at_ms: it.at_ms,
    })
}

fn about_to_disk(it: &About) -> AboutOnDisk {
    let About { display_name, platform, family, client_id, client_mode, remote_ip } = it.clone();
    AboutOnDisk { display_name, platform, device_family: family, client_id, client_mode, remote_ip }
}

fn about_from_disk(it: AboutOnDisk) -> About {
    let AboutOnDisk { display_name, platform, device_family, client_id, client_mode, remote_ip } =
        it;
    About { display_name, platform, family: device_family, client_id, client_mode, remote_ip }
}

fn role_names(roles: &[Role]) -> Vec<String> {
    roles.iter().map(|it| it.name().to_owned()).collect()
}

fn roles(names: &[String]) -> Result<Vec<Role>, Error> {
    names.iter().map(|it| Role::named(it).ok_or(Error::Unknown)).collect()
}

fn scope_names(scopes: &Scopes) -> Vec<String> {
    scopes.names().into_iter().map(str::to_owned).collect()
}

/// A scope that only a newer gateway knows is not granted.
fn scopes(names: &[String]) -> Scopes {
    Scopes::known(names.iter().map(String::as_str))
}
