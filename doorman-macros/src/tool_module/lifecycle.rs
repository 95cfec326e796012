//! The methods of a module that are known by name: what gives its scope, makes it, starts it and stops it.

use quote::ToTokens;
use syn::{FnArg, Receiver, ReceiverKind, ReturnType, Type};

use super::{
    block::{Block, Member},
    keys::ModuleKeys,
};
use crate::errors::Errors;

/// Which of the known methods are there, each with a signature that can be called.
#[derive(Default)]
pub(super) struct Lifecycle {
    /// Return types, to blame.
    pub(super) scope: Option<Type>,
    pub(super) configure: Option<Type>,
    pub(super) start: Option<Type>,
    pub(super) stop: bool,
}

/// One known method's legal form.
struct Legal {
    name: &'static str,
    form: String,
    is_async: bool,
    has_self: bool,
    /// How many parameters beside `self`.
    takes: usize,
    returns: bool,
}

impl Lifecycle {
    /// Looks among the methods that aren't exposed; reports what is missing, superfluous or of another form.
    pub(super) fn find(block: &Block, keys: &ModuleKeys, errors: &mut Errors) -> Self {
        let scope = shown(keys.scope.as_ref(), "Prefix");
        let config = shown(keys.config.as_ref(), "NotesConfig");
        let legal =
            |name, form, is_async, has_self, takes, returns| Legal { name, form, is_async, has_self, takes, returns };
        let scope = legal("scope", format!("fn scope(&self) -> &{scope}"), false, true, 0, true);
        let configure = legal(
            "configure",
            format!("fn configure(config: {config}, credentials: &Credentials) -> Result<Self, ModuleError>"),
            false,
            false,
            2,
            true,
        );
        let start = legal("start", "async fn start(&self) -> Result<(), ModuleError>".to_owned(), true, true, 0, true);
        let stop = legal("stop", "async fn stop(&self)".to_owned(), true, true, 0, false);

        let mut found = Self::default();
        let mut seen = (false, false);
        for member in &block.members {
            let Member::Method(function) = member else { continue };
            if function.attrs.iter().any(|it| it.path().segments.last().is_some_and(|it| it.ident == "expose")) {
                continue;
            }
            let sig = &function.sig;
            if sig.ident == scope.name {
                seen.0 = true;
                if keys.is_unscoped {
                    errors.at(
                        &sig.ident,
                        "this module is `unscoped`; say `scope = Type`, or give this method another name",
                    );
                } else {
                    found.scope = scope.read(sig, errors);
                }
            } else if sig.ident == configure.name {
                seen.1 = true;
                if keys.config.is_none() {
                    errors
                        .at(&sig.ident, "say `config = Type` in `#[tool_module(…)]`, or give this method another name");
                } else {
                    found.configure = configure.read(sig, errors);
                }
            } else if sig.ident == start.name {
                found.start = start.read(sig, errors);
            } else if sig.ident == stop.name {
                found.stop = stop.read(sig, errors).is_some();
            }
        }
        if keys.scope.is_some() && !seen.0 {
            errors.at(&block.ty, format_args!("a scoped module has a method `{}`", scope.form));
        }
        if keys.config.is_some() && !seen.1 {
            errors.at(&block.ty, format_args!("a module with `config` has a function `{}`", configure.form));
        }
        found
    }
}

impl Legal {
    /// The return type, if the signature has the legal form as far as tokens tell.
    fn read(&self, sig: &syn::Signature, errors: &mut Errors) -> Option<Type> {
        let receiver_fits = match sig.receiver() {
            Some(receiver) => self.has_self && is_shared(receiver),
            None => !self.has_self,
        };
        let takes = sig.inputs.iter().filter(|it| matches!(it, FnArg::Typed(_))).count();
        let returned = match &sig.output {
            ReturnType::Default => None,
            ReturnType::Type(_, ty) => Some((**ty).clone()),
        };
        let fits = receiver_fits
            && takes == self.takes
            && sig.asyncness.is_some() == self.is_async
            && returned.is_some() == self.returns
            && sig.generics.params.is_empty();
        if !fits {
            errors.at(
                &sig.ident,
                format_args!("in a module `{}` is `{}`; give another method another name", self.name, self.form),
            );
            return None;
        }
        Some(returned.unwrap_or_else(|| syn::parse_quote!(())))
    }
}

/// `&self`.
pub(super) fn is_shared(receiver: &Receiver) -> bool {
    matches!(receiver.kind, ReceiverKind::Reference(_, None, None))
}

fn shown(ty: Option<&Type>, example: &str) -> String {
    ty.map_or_else(|| example.to_owned(), |ty| ty.to_token_stream().to_string().replace(' ', ""))
}
