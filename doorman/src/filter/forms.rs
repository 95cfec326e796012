//! All that a text may be read as.

use super::{
    escapes,
    escapes::unescape,
    normal::{normal, tags},
    origin::Nothing,
    runs,
};

/// How often encodings may be within each other.
pub(super) const MAX_DEPTH: usize = 4;

/// Why something can't be looked at to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unscannable {
    #[error("nested too deep")]
    TooDeep,
    #[error("too many values")]
    TooMany,
    #[error("too much text")]
    TooLarge,
    #[error("JSON with a repeated key in a text")]
    Repeated,
}

/// How much may still be looked at.
pub(super) struct Budget {
    values: usize,
    /// Bytes of texts, and of all that they are read as.
    bytes: usize,
    forms: usize,
}

impl Budget {
    const MAX_VALUES: usize = 2_000_000;
    const MAX_BYTES: usize = 16 << 20;
    /// How many bytes a text may be read as, beside a little for each.
    const FORMS: usize = 32;

    pub(super) fn new() -> Self {
        Self { values: Self::MAX_VALUES, bytes: Self::MAX_BYTES, forms: 1 << 20 }
    }

    /// One more value.
    pub(super) fn value(&mut self) -> Result<(), Unscannable> {
        self.values = self.values.checked_sub(1).ok_or(Unscannable::TooMany)?;
        Ok(())
    }

    /// How many values more there may be.
    pub(super) fn values_left(&self) -> usize {
        self.values
    }

    fn text(&mut self, text: &str) -> Result<(), Unscannable> {
        self.bytes = self.bytes.checked_sub(text.len()).ok_or(Unscannable::TooLarge)?;
        self.forms += Self::FORMS * text.len();
        Ok(())
    }

    fn form(&mut self, text: &str) -> Result<(), Unscannable> {
        self.forms = self.forms.checked_sub(text.len()).ok_or(Unscannable::TooLarge)?;
        Ok(())
    }
}

/// Calls `see` with a text and all that it may be read as: itself, its compatibility form, and without escapes, out of base64
/// and with `+` for spaces, within each other up to [`MAX_DEPTH`] times. Linear in the text, within the budget.
///
/// # Errors
/// If there is more than may be looked at. What was seen until then is not all.
pub(crate) fn each_form<E: From<Unscannable>>(
    text: &str,
    budget: &mut Budget,
    see: &mut impl FnMut(&str, &mut Budget) -> Result<(), E>,
) -> Result<(), E> {
    budget.text(text)?;
    Forms { budget, see }.of(text, 0)
}

struct Forms<'a, S> {
    budget: &'a mut Budget,
    see: &'a mut S,
}

impl<E: From<Unscannable>, S: FnMut(&str, &mut Budget) -> Result<(), E>> Forms<'_, S> {
    fn see(&mut self, text: &str) -> Result<(), E> {
        self.budget.form(text)?;
        (self.see)(text, self.budget)
    }

    fn of(&mut self, text: &str, depth: usize) -> Result<(), E> {
        self.see(text)?;
        if let Some(letters) = tags(text) {
            self.within(&letters, depth)?;
        }
        let form = normal(text, &mut Nothing);
        if let Some(form) = &form {
            self.see(form)?;
        }
        let text = form.as_deref().unwrap_or(text);
        if text.contains('+') {
            self.see(&text.replace('+', " "))?;
        }
        if depth == MAX_DEPTH {
            return if escapes::hide(text) || runs::hide(text) { Err(Unscannable::TooDeep.into()) } else { Ok(()) };
        }
        if let Some(plain) = unescape(text, &mut Nothing) {
            self.within(&plain, depth)?;
        }
        runs::each(text, |spelled| self.within(&spelled.text, depth))
    }

    fn within(&mut self, text: &str, depth: usize) -> Result<(), E> {
        if depth == MAX_DEPTH { Err(Unscannable::TooDeep.into()) } else { self.of(text, depth + 1) }
    }
}
