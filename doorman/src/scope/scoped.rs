//! `Scoped<S>`: an argument that has passed its resource scope, and the compile-time rule that asks for it.

use std::{fmt, ops::Deref};

use super::{ResourceScope, ScopeViolation};
use crate::{
    __param_from_model,
    call::{Argument, Call, FromCall, Need, Param},
    identity::Agent,
};

/// A resource that the caller may touch. It can only come out of [`ResourceScope::resolve`], that is, after the check;
/// it derefs to the scope's resource.
pub struct Scoped<S: ResourceScope>(S::Resource);

impl<S: ResourceScope> Scoped<S> {
    /// Checks `raw` against the scope, as a call would; for calling a tool's function directly.
    pub fn check(scope: &S, raw: &S::Raw, agent: &Agent) -> Result<Self, ScopeViolation> {
        scope.resolve(raw, agent).map(Self)
    }

    /// The resource itself.
    pub fn into_inner(self) -> S::Resource {
        self.0
    }
}

impl<S: ResourceScope> Deref for Scoped<S> {
    type Target = S::Resource;

    fn deref(&self) -> &S::Resource {
        &self.0
    }
}

impl<S: ResourceScope> fmt::Debug for Scoped<S>
where
    S::Resource: fmt::Debug,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<S: ResourceScope> Argument for Scoped<S> {
    type Raw = S::Raw;
    const NEEDS: &'static [Need] = &[Need::of::<S>()];

    fn resolve(raw: S::Raw, call: &Call) -> Result<Self, ScopeViolation> {
        let agent = call.agent().ok_or_else(|| ScopeViolation::new("this call", "a verified agent"))?;
        let resolved = call.with_scope::<S, _>(|scope| scope.resolve(&raw, agent));
        resolved.unwrap_or_else(|| Err(ScopeViolation::new("this call", "a resource scope"))).map(Self)
    }
}

impl<S: ResourceScope> Param for Scoped<S> {
    __param_from_model!();
}

/// What an argument may be in a module that is confined to the scope `S`: something that can't hold the address of a
/// resource, or `Scoped<S>`. Sealed: an application can't add to it, except through `#[derive(Argument)]` on a fieldless
/// enum.
#[diagnostic::on_unimplemented(
    message = "in a module scoped by `{S}`, an argument of type `{Self}` could address a resource",
    label = "not confined to the caller's resources",
    note = "take `Scoped<{S}>`: it holds the resource after the check",
    note = "or mark the parameter `#[data]` if it never addresses a resource"
)]
pub trait Confined<S>: Confinable + Param {}

pub(crate) mod sealed {
    /// Seals [`Confined`](super::Confined).
    #[doc(hidden)]
    #[diagnostic::on_unimplemented(
        message = "`{Self}` can't be declared confined",
        label = "`Confined` is sealed",
        note = "derive `doorman::Argument` for a fieldless enum: it can't hold an address",
        note = "for everything else take `Scoped<S>`, or mark the parameter `#[data]`"
    )]
    pub trait Confinable {}
}
use sealed::Confinable;

#[diagnostic::do_not_recommend]
impl<T: FromCall> Confinable for T {}
#[diagnostic::do_not_recommend]
impl<S, T: FromCall> Confined<S> for T {}

impl<S: ResourceScope> Confinable for Scoped<S> {}
impl<S: ResourceScope> Confined<S> for Scoped<S> {}

impl<T: Argument> Confinable for Option<T> {}
#[diagnostic::do_not_recommend]
impl<S, T: Confined<S> + Argument> Confined<S> for Option<T> {}
impl<T: Argument> Confinable for Vec<T> {}
#[diagnostic::do_not_recommend]
impl<S, T: Confined<S> + Argument> Confined<S> for Vec<T> {}

impl Confinable for bool {}
impl<S> Confined<S> for bool {}

/// Numbers can't spell a text address; where addresses are numbers, they are addresses. `u8` is left out, because
/// `Vec<u8>` is text.
macro_rules! numbers {
    ($($ty:ty)*) => {$(
        impl Confinable for $ty {}
        #[diagnostic::do_not_recommend]
        impl<S: ResourceScope<Raw = String>> Confined<S> for $ty {}
    )*};
}
numbers! {
    u16 u32 u64 usize i16 i32 i64 isize f32 f64
    std::num::NonZeroU16 std::num::NonZeroU32 std::num::NonZeroU64
}
