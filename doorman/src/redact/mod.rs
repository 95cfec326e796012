//! Redaction: what may leave. (replaced by the engine)
use serde_json::Value;
use std::borrow::Cow;
/// Counts.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts;
impl Counts {
    /// iter
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u32)> + '_ {
        std::iter::empty()
    }
}
/// Redactor.
pub struct Redactor;
/// Plan.
pub struct Plan;
/// Blocked.
#[derive(Debug, thiserror::Error)]
#[error("blocked")]
pub struct Blocked;
/// Invalid.
#[derive(Debug, thiserror::Error)]
#[error("invalid")]
pub struct InvalidRules;
/// B.
pub struct RedactorBuilder;
impl RedactorBuilder {
    /// k
    pub fn key(self, _: &str) -> Self {
        self
    }
    /// s
    pub fn secret(self, _: &crate::credentials::Secret) -> Self {
        self
    }
    /// b
    pub fn build(self) -> Result<Redactor, InvalidRules> {
        Ok(Redactor)
    }
}
impl Redactor {
    /// b
    pub fn builder() -> RedactorBuilder {
        RedactorBuilder
    }
    /// p
    pub fn plan(&self, _: &[&str], _: &[&str]) -> Result<Plan, InvalidRules> {
        Ok(Plan)
    }
    /// s
    pub fn scrub<'a>(&self, t: &'a str) -> Cow<'a, str> {
        t.into()
    }
    /// t
    pub fn text<'a>(&self, t: &'a str, _: &mut Counts) -> Cow<'a, str> {
        t.into()
    }
}
impl Plan {
    /// v
    pub fn value(&self, _: &mut Value, _: &mut Counts) -> Result<(), Blocked> {
        Ok(())
    }
    /// t
    pub fn text<'a>(&self, t: &'a str, _: &mut Counts) -> Result<Cow<'a, str>, Blocked> {
        Ok(t.into())
    }
    /// w
    pub fn widen(&self, _: &mut Value) {}
}
