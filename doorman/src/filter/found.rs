//! What filters found in one call, as its record tells it: names and places of ours, and nothing of what was there (S20).

use std::sync::{Arc, Mutex, PoisonError};

use super::rule::Action;
use crate::audit::Filtered;

/// What was found, each once; the first [`MOST`] of them.
#[derive(Default)]
pub(crate) struct Findings(Mutex<Vec<Finding>>);

/// A filter that matched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) name: Arc<str>,
    pub(crate) place: Box<str>,
    pub(crate) action: Action,
}

impl<'f> From<&'f Finding> for Filtered<'f> {
    fn from(found: &'f Finding) -> Self {
        Self { name: &found.name, place: &found.place, action: found.action.word() }
    }
}

/// The most findings of one record.
const MOST: usize = 16;

impl Findings {
    pub(super) fn add(&self, name: &Arc<str>, place: &Place, action: Action) {
        let mut found = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = found.iter().any(|it| it.action == action && *it.place == *place.0 && it.name == *name);
        // What stopped the call is told in any case.
        if !known && (found.len() < MOST || action == Action::Block) {
            found.truncate(MOST - 1);
            found.push(Finding { name: Arc::clone(name), place: place.0.as_str().into(), action });
        }
    }

    /// What was found until now.
    pub(crate) fn all(&self) -> Vec<Finding> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Those until now, and none any more.
    pub(crate) fn take(&self) -> Self {
        Self(Mutex::new(std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))))
    }
}

/// A JSON pointer into a request's parameters or a result, in which everything that isn't a word of the application's or the
/// protocol's is `*`.
#[derive(Debug, Clone)]
pub(crate) struct Place(String);

impl Place {
    /// A place of ours, such as `/arguments`.
    pub(crate) fn of(pointer: &str) -> Self {
        Self(pointer.to_owned())
    }

    /// What `within` does in a member of this name, or in one that is the data's own.
    pub(super) fn within<T>(&mut self, member: Option<&str>, within: impl FnOnce(&mut Self) -> T) -> T {
        /// No schema declares so long a name at such a depth.
        const LONGEST: usize = 200;
        let before = self.0.len();
        let part = member.filter(|name| before + name.len() < LONGEST && !name.contains(['/', '~']));
        if before < LONGEST {
            self.0.push('/');
            self.0.push_str(part.unwrap_or("*"));
        }
        let done = within(self);
        self.0.truncate(before);
        done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounded_and_each_once() {
        let findings = Findings::default();
        let mut place = Place::of("/arguments");
        let name: Arc<str> = "n".into();
        for number in 0..40 {
            place.within(Some(&format!("p{number}")), |place| findings.add(&name, place, Action::Warn));
            place.within(None, |place| findings.add(&name, place, Action::Warn));
        }
        assert_eq!(findings.all().len(), MOST);
        assert_eq!(&*findings.all()[1].place, "/arguments/*");
        findings.add(&name, &place, Action::Block);
        assert_eq!(findings.all().last().map(|it| it.action), Some(Action::Block));
        assert_eq!(findings.take().all().len(), MOST);
        assert!(findings.all().is_empty());
    }
}
