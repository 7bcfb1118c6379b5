//! The second half of the decision: who the client is, and whether it may come.

use creel_core::profile::Version;

use super::{
    Accepted, Attempts, CONSENTS_MAX, Handshake, Method, News, Page, Peer,
    params::{Auth, Client, ClientId, ConnectParams, Device, given},
    protocol,
    refusal::{self, Failure, Refused},
};
use crate::control::{
    device::{self, Claim, Signed},
    devices::{
        About, Access, Consent, Devices, Need, Requested,
        tokens::{self, Made},
    },
    scope::{Role, Scopes},
};

/// What became of the gateway's own token.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Shared {
    /// There is none.
    Open,
    Right,
    Wrong(Failure),
}

/// The first frame, as far as it is understood.
pub(super) struct Asked<'a> {
    pub(super) id: String,
    pub(super) params: ConnectParams,
    pub(super) role: Role,
    /// As they were sent, and signed.
    pub(super) scopes: Scopes,
    pub(super) shared: Shared,
    pub(super) handshake: &'a Handshake<'a>,
    pub(super) now_ms: u64,
}

impl Asked<'_> {
    /// The rest of the decision, once the frame is understood.
    pub(super) fn decide(
        mut self,
        devices: &mut Devices,
        news: &mut Vec<News>,
    ) -> Result<Accepted, Refused> {
        if self.params.device.is_none() {
            self.come_without_device()?;
        }
        let proved = self.params.device.as_ref().map(|it| self.proof(it)).transpose()?;
        let device_id = proved.as_ref().map(|it| it.id.clone());
        let method = self.method(device_id.as_deref(), devices)?;
        let mut token = None;
        if let Some(proved) = proved {
            let access = self.access(proved);
            if !self.needs_no_pairing(method) {
                self.pair(&access, method, devices, news)?;
            }
            let wanted = (self.role, &self.scopes);
            let fresh = self.handshake.fresh.token.clone();
            let ensured = devices.ensure_token(&access.device_id, wanted, fresh, self.now_ms);
            if let Some((it, made)) = ensured {
                if made == Made::Now {
                    news.push(News::Token);
                }
                token = Some(it.clone());
            }
        }
        let spoken = self.handshake.spoken(&self.params);
        Ok(Accepted {
            protocol: spoken.unwrap_or_else(|| protocol(self.handshake.version)),
            id: self.id,
            params: self.params,
            role: self.role,
            scopes: self.scopes,
            method,
            device_id,
            token,
            news: Vec::new(),
        })
    }

    fn proof(&self, device: &Device) -> Result<device::Proved, Refused> {
        let Client { id, mode, platform, device_family, .. } = &self.params.client;
        let signed = Signed {
            client_id: id.name(),
            client_mode: mode.name(),
            role: self.role.name(),
            scopes: self.params.scopes.as_deref().unwrap_or_default(),
            token: self.params.auth.as_ref().map_or("", Auth::signed),
            platform,
            family: device_family.as_deref().unwrap_or_default(),
        };
        let claim = Claim {
            id: &device.id,
            public_key: &device.public_key,
            signature: &device.signature,
            signed_at_ms: device.signed_at,
            nonce: &device.nonce,
            signed,
        };
        claim
            .verify(self.handshake.nonce, self.now_ms)
            .map_err(|error| refusal::device(&self.id, error))
    }

    /// Without a device, an operator with the right token may come, but what it may do is nobody's to say, so it is nothing. There
    /// are exceptions for programs on this machine (from 2026.9 on), and for our own page if the settings say so.
    fn come_without_device(&mut self) -> Result<(), Refused> {
        let client = &self.params.client;
        let (version, peer) = (self.handshake.version, self.handshake.peer);
        let is_right = self.shared == Shared::Right;
        let is_page = client.id == ClientId::ControlUi;
        if is_page && (self.handshake.page == Page::NeedsDevice || matches!(peer, Peer::Remote(_)))
        {
            return Err(refusal::page_needs_device(&self.id));
        }
        let is_near = version == Version::V2026_9 && *peer == Peer::Program;
        let is_backend =
            is_near && client.is_backend() && matches!(self.shared, Shared::Right | Shared::Open);
        let is_cli = is_near && client.is_cli() && is_right;
        if self.role == Role::Operator && (is_right || is_backend) {
            if !is_page && !is_backend && !is_cli {
                self.scopes = Scopes::NONE;
            }
            return Ok(());
        }
        let auth = self.params.auth.as_ref();
        let sent = auth.is_some_and(|it| {
            [&it.token, &it.password].into_iter().flatten().any(|it| !it.expose().is_empty())
        });
        match self.shared {
            Shared::Wrong(failure) if sent => Err(refusal::unauthorized(&self.id, failure)),
            _ => Err(refusal::device_required(&self.id)),
        }
    }

    /// What lets the client in: the gateway's token, else its device's.
    fn method(&self, device_id: Option<&str>, devices: &mut Devices) -> Result<Method, Refused> {
        let failure = match (self.shared, device_id) {
            (Shared::Open, _) => return Ok(Method::None),
            (Shared::Right, _) => return Ok(Method::Token),
            (Shared::Wrong(failure), None) => failure,
            (Shared::Wrong(failure), Some(id)) => match self.by_device(id, failure, devices) {
                Ok(()) => return Ok(Method::DeviceToken),
                Err(failure) => failure,
            },
        };
        Err(refusal::unauthorized(&self.id, failure))
    }

    fn by_device(
        &self,
        device_id: &str,
        failure: Failure,
        devices: &mut Devices,
    ) -> Result<(), Failure> {
        let none = Auth::default();
        let auth = self.params.auth.as_ref().unwrap_or(&none);
        let explicit = given(auth.device_token.as_ref());
        let token = given(auth.token.as_ref());
        let Some(sent) = explicit.or(token) else {
            let has_code = given(auth.bootstrap_token.as_ref()).is_some();
            return Err(if has_code { Failure::BootstrapTokenInvalid } else { failure });
        };
        if let Attempts::Exhausted { retry_after_ms } = self.handshake.attempts {
            return Err(Failure::RateLimited { retry_after_ms });
        }
        let wanted = (self.role, &self.scopes);
        match devices.use_token(device_id, wanted, sent, self.now_ms) {
            Ok(()) => Ok(()),
            Err(tokens::Error::Scopes) if self.handshake.version == Version::V2026_9 => {
                Err(Failure::DeviceTokenScopes)
            }
            Err(_) if explicit.is_some() => Err(Failure::DeviceTokenMismatch),
            Err(_) => Err(match failure {
                Failure::TokenMismatch { .. } => Failure::TokenMismatch {
                    may_retry_with_device: given(auth.password.as_ref()).is_none(),
                },
                other => other,
            }),
        }
    }

    fn access(&self, proved: device::Proved) -> Access {
        let Client { id, display_name, platform, device_family, mode, .. } = &self.params.client;
        let about = About {
            display_name: display_name.clone(),
            platform: Some(platform.clone()),
            family: device_family.clone(),
            client_id: Some(id.name().to_owned()),
            client_mode: Some(mode.name().to_owned()),
            remote_ip: match self.handshake.peer {
                Peer::Remote(address) => Some(address.clone()),
                Peer::Program | Peer::Page => None,
            },
        };
        Access {
            device_id: proved.id,
            public_key: proved.public_key,
            role: self.role,
            scopes: self.scopes.clone(),
            about: about.cut(),
            consent: Consent::Asked,
        }
    }

    /// The gateway's own helpers on this machine are not devices that somebody would want to see listed.
    fn needs_no_pairing(&self, method: Method) -> bool {
        let is_near = *self.handshake.peer == Peer::Program && self.params.client.is_backend();
        is_near
            && match self.handshake.version {
                Version::V2026_3 => method == Method::Token,
                Version::V2026_9 => true,
            }
    }

    /// Lets the device in if it needs no consent, or makes it wait.
    fn pair(
        &self,
        access: &Access,
        method: Method,
        devices: &mut Devices,
        news: &mut Vec<News>,
    ) -> Result<(), Refused> {
        let full = |it| refusal::full(&self.id, it);
        for _ in 0..CONSENTS_MAX {
            let Some(need) = devices.need(access) else { break };
            let access = Access { consent: self.consent(need, method), ..access.clone() };
            let fresh = self.handshake.fresh;
            let Requested { pending, superseded } =
                devices.request(access.clone(), &fresh.request_id, self.now_ms).map_err(full)?;
            if let Some(request_id) = superseded {
                let device_id = access.device_id.clone();
                news.push(News::Superseded { request_id, device_id });
            }
            let request_id = pending.request_id.clone();
            if pending.access.consent == Consent::Asked {
                if request_id == fresh.request_id {
                    news.push(News::Requested(pending.json()));
                }
                let version = self.handshake.version;
                return Err(refusal::pairing(version, &self.id, need, &access, &request_id));
            }
            devices.approve(&request_id, fresh.token.clone(), self.now_ms).map_err(full)?;
            news.push(News::Approved { request_id, device_id: access.device_id });
        }
        devices.update(&access.device_id, access.about.clone());
        Ok(())
    }

    fn consent(&self, need: Need, method: Method) -> Consent {
        let is_near = match self.handshake.peer {
            Peer::Program => true,
            Peer::Page => self.params.client.is_page(),
            Peer::Remote(_) => false,
        };
        let is_silent = match (need, self.handshake.version) {
            (Need::Pairing, _) | (Need::Scopes, Version::V2026_3) => true,
            (Need::Role, version) => version == Version::V2026_9,
            (Need::Scopes, Version::V2026_9) => method != Method::DeviceToken,
            (Need::Metadata, _) => false,
        };
        if is_near && is_silent { Consent::Silent } else { Consent::Asked }
    }
}
