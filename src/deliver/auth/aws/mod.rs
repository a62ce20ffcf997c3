//! AWS Signature Version 4, in the `authorization` header
//! (AWS, "Signature Version 4 for API requests").

mod canonical;
#[cfg(test)]
mod tests;

use super::credentials::{Tenant, of};
use super::sign::Unsignable;
use crate::config;
use crate::config::spec::AwsSpec;
use crate::deliver::attempt::Sent;
use crate::diagnostic::At;
use crate::hex;
use crate::secret::Secret;
use aws_lc_rs::{digest, hmac};
use canonical::{Rules, canonical_request};
use chrono::{DateTime, Utc};
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::uri::Scheme;
use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use zeroize::Zeroizing;

const DATE: HeaderName = HeaderName::from_static("x-amz-date");
const TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");
const CONTENT_SHA256: HeaderName = HeaderName::from_static("x-amz-content-sha256");

/// Credentials, and what they are for.
pub(in crate::deliver) struct Aws {
    region: String,
    service: String,
    access_key_id: String,
    secret_access_key: Secret,
    session_token: Option<Secret>,
    /// References in place of the key's id.
    shown_id: String,
}

impl Aws {
    pub(super) fn compile(spec: &AwsSpec, tenant: Tenant<'_>, at: &At<'_>) -> Option<Aws> {
        let name = |written: &str, key: &str| {
            let at = at.key(key);
            let text = config::plain(written, &at)?;
            let fits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/');
            if !fits && !crate::secret::holds_stand_in(&text) {
                let help = "as in {region: eu-central-1, service: execute-api}".to_owned();
                at.error("aws-name", format!("`{key}` is not what AWS calls one"), help);
                return None;
            }
            Some(text)
        };
        let region = name(&spec.region, "region");
        let service = name(&spec.service, "service");
        let written = |written, key: &str| of(written, tenant, &at.key(key));
        let id_at = written(&spec.access_key_id, "access_key_id");
        let id = id_at.as_ref().and_then(|(id, at)| config::secret(id, at));
        let secret = written(&spec.secret_access_key, "secret_access_key");
        let secret = secret.and_then(|(secret, at)| header_secret(secret, &at));
        let token = match &spec.session_token {
            Some(token) => written(token, "session_token").and_then(|(token, at)| header_secret(token, &at)).map(Some),
            None => Some(None),
        };
        let access_key_id = id.as_ref().zip(id_at).and_then(|((id, _), (_, at))| {
            let fits = id.expose().bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/');
            if !fits && !crate::secret::holds_stand_in(id.expose()) {
                at.error("aws-name", "this is not the id of an access key", None);
                return None;
            }
            Some(id.expose().to_owned())
        });
        Some(Aws {
            region: region?,
            service: service?,
            access_key_id: access_key_id?,
            secret_access_key: secret?,
            session_token: token?,
            shown_id: id?.1,
        })
    }

    /// Signs host, content type and what AWS calls its own, with the moment of this attempt.
    pub(super) fn sign(&self, sent: &mut Sent, now: DateTime<Utc>) -> Result<(), Unsignable> {
        let payload = hex::of(digest::digest(&digest::SHA256, &sent.body).as_ref());
        let value = |text: &str| HeaderValue::try_from(text).map_err(|_| Unsignable);
        sent.headers.insert(DATE, value(&now.format("%Y%m%dT%H%M%SZ").to_string())?);
        if self.is_s3() {
            sent.headers.insert(CONTENT_SHA256, value(&payload)?);
        }
        if let Some(token) = &self.session_token {
            let mut token = value(token.expose())?;
            token.set_sensitive(true);
            sent.headers.insert(TOKEN, token);
        }
        if !sent.headers.contains_key(HOST) {
            sent.headers.insert(HOST, host(&sent.to.uri)?);
        }
        let is_signed =
            |name: &HeaderName| *name == HOST || *name == CONTENT_TYPE || name.as_str().starts_with("x-amz-");
        let signed = sent.headers.keys().filter(|name| is_signed(name)).cloned().collect();
        let mut authorization = value(&self.authorization(sent, signed, (&payload, self.rules()), now)?)?;
        authorization.set_sensitive(true);
        sent.headers.insert(AUTHORIZATION, authorization);
        Ok(())
    }

    fn authorization(
        &self,
        sent: &Sent,
        mut signed: Vec<HeaderName>,
        (payload, rules): (&str, Rules),
        now: DateTime<Utc>,
    ) -> Result<String, Unsignable> {
        signed.sort_by(|one, other| one.as_str().cmp(other.as_str()));
        let request = canonical_request(sent, &signed, payload, rules).ok_or(Unsignable)?;
        let names = signed.iter().map(HeaderName::as_str).collect::<Vec<_>>().join(";");
        let day = now.format("%Y%m%d").to_string();
        let scope = format!("{day}/{}/{}/aws4_request", self.region, self.service);
        let request = hex::of(digest::digest(&digest::SHA256, request.as_bytes()).as_ref());
        let moment = now.format("%Y%m%dT%H%M%SZ");
        let text = format!("AWS4-HMAC-SHA256\n{moment}\n{scope}\n{request}");
        let signature = hex::of(mac(self.key(&day).as_ref(), text.as_bytes()).as_ref());
        let id = &self.access_key_id;
        Ok(format!("AWS4-HMAC-SHA256 Credential={id}/{scope}, SignedHeaders={names}, Signature={signature}"))
    }

    /// Of one day, region and service.
    fn key(&self, day: &str) -> hmac::Tag {
        let secret = Zeroizing::new(format!("AWS4{}", self.secret_access_key.expose()));
        let steps = [day, &self.region, &self.service, "aws4_request"];
        let first = mac(secret.as_bytes(), day.as_bytes());
        steps.iter().skip(1).fold(first, |key, step| mac(key.as_ref(), step.as_bytes()))
    }

    /// S3 takes paths as they are; everybody else normalizes them.
    fn rules(&self) -> Rules {
        if self.is_s3() { Rules::AsSent } else { Rules::Normalized }
    }

    fn is_s3(&self) -> bool {
        matches!(self.service.as_str(), "s3" | "s3express" | "s3-object-lambda" | "s3-outposts")
    }

    /// What stands in a request that is shown and not sent.
    pub(super) fn shown(&self) -> Vec<(HeaderName, String)> {
        let scope = format!("{}/${{aws:date}}/{}/{}/aws4_request", self.shown_id, self.region, self.service);
        let authorization = format!("AWS4-HMAC-SHA256 Credential={scope}, Signature=${{aws:signature}}");
        let token = self.session_token.as_ref().map(|_| (TOKEN, "…".to_owned()));
        [(AUTHORIZATION, authorization), (DATE, "${aws:time}".to_owned())].into_iter().chain(token).collect()
    }
}

fn header_secret(written: &str, at: &At<'_>) -> Option<Secret> {
    let (secret, _) = config::secret(written, at)?;
    if !secret.expose().bytes().all(|byte| byte.is_ascii_graphic()) && !crate::secret::holds_stand_in(secret.expose()) {
        let help = "a newline at the end of a secret is the usual cause".to_owned();
        at.error("header-value", "the secret holds something that no key of AWS does", help);
        return None;
    }
    Some(secret)
}

/// As the client writes it.
fn host(uri: &Uri) -> Result<HeaderValue, Unsignable> {
    let host = uri.host().ok_or(Unsignable)?;
    let default = if uri.scheme() == Some(&Scheme::HTTPS) { 443 } else { 80 };
    let host = match uri.port_u16().filter(|port| *port != default) {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    };
    HeaderValue::try_from(host).map_err(|_| Unsignable)
}

fn mac(key: &[u8], text: &[u8]) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text)
}

/// All values of a header, joined as they are signed; `None` where one is not text.
fn joined(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let values = headers.get_all(name).iter().map(|value| {
        let text = value.to_str().ok()?;
        Some(text.split_ascii_whitespace().collect::<Vec<_>>().join(" "))
    });
    values.collect::<Option<Vec<_>>>().map(|values| values.join(","))
}
