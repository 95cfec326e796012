//! Secrets that the process holds.
//!
//! A [`Secret`] goes in as text and comes out only through [`Secret::expose`]; it can't be printed, compared or
//! serialized, and its memory is zeroed when the last clone is dropped. Every secret given to the application is
//! also known to the redactor, which removes it by value from everything that leaves.

mod file;

use std::sync::Arc;

use zeroize::Zeroizing;

pub(crate) use file::{read_private, read_private_bytes, read_public, read_public_bytes};

/// A credential: cheap to clone, impossible to print.
///
/// It has no `Debug`, `Display` or `Serialize`, so that no log line, error or span can carry it by accident.
///
/// ```
/// use doorman::credentials::Secret;
/// let token = Secret::new("s3cr3t");
/// assert_eq!(token.expose(), "s3cr3t");
/// ```
#[derive(Clone)]
pub struct Secret(Arc<Zeroizing<String>>);

impl Secret {
    /// Takes ownership of the secret's text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Arc::new(Zeroizing::new(text.into())))
    }

    /// The secret itself. Every call of this is a place to look at in a review.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use std::{fmt, marker::PhantomData};

    use super::*;

    struct Of<T>(PhantomData<T>);
    trait Otherwise {
        fn prints(&self) -> bool {
            false
        }
    }
    impl<T> Otherwise for &Of<T> {}

    /// Whether a type implements a trait, found out by method lookup.
    macro_rules! implements {
        ($ty:ty: $($bound:tt)*) => {{
            #[allow(dead_code)]
            trait Does {
                fn prints(&self) -> bool {
                    true
                }
            }
            impl<T: $($bound)*> Does for Of<T> {}
            (&Of::<$ty>(PhantomData)).prints()
        }};
    }

    #[test]
    fn s17_a_secret_leaves_only_through_expose() {
        assert!(implements!(String: fmt::Debug), "the lookup works");
        assert!(!implements!(Secret: fmt::Debug));
        assert!(!implements!(Secret: fmt::Display));
        assert!(!implements!(Secret: serde::Serialize));
        assert!(!implements!(Secret: AsRef<str>));
        assert!(!implements!(Secret: std::ops::Deref));
    }

    #[test]
    fn s17_a_secret_is_zeroed_on_drop() {
        fn zeroed<T: zeroize::ZeroizeOnDrop>(_: &T) {}
        zeroed(&*Secret::new("s3cr3t").0);
    }
}
