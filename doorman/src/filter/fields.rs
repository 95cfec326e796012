//! Where a filter looks: at everything, at members of a name, or at what stands at a place.

use super::declared::Declared;

/// A place of what is looked at, with all that is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Field {
    Everything,
    /// A member of this name, at any depth.
    Named(Box<str>),
    /// A JSON pointer (RFC 6901) whose parts may be `*`, which is any one.
    At(Box<[Part]>),
}

/// One part of a pointer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    Any,
    Key(Box<str>),
}

impl Part {
    pub(super) fn fits(&self, key: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Key(known) => **known == *key,
        }
    }
}

/// The most parts of a pointer: nothing that a caller sends is deeper.
const MOST_PARTS: usize = 64;

impl Field {
    /// Reads a field, or says what was expected.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        const EXPECTED: &str = "\"*\", the name of an argument, or a JSON pointer such as \"/options/*/path\"";
        match text {
            "" => Err(EXPECTED),
            "*" => Ok(Self::Everything),
            _ => match text.strip_prefix('/') {
                None => Ok(Self::Named(text.into())),
                Some(parts) => {
                    let parts: Option<Box<[Part]>> = parts.split('/').map(part).collect();
                    parts.filter(|parts| parts.len() <= MOST_PARTS).map(Self::At).ok_or(EXPECTED)
                }
            },
        }
    }

    /// Whether there can be such a place in what a capability takes.
    pub(super) fn is_in(&self, declared: &Declared) -> bool {
        match self {
            Self::Everything => true,
            Self::Named(name) => declared.has(name),
            Self::At(parts) => declared.may_hold(parts),
        }
    }
}

fn part(text: &str) -> Option<Part> {
    if text == "*" {
        return Some(Part::Any);
    }
    let escaped = text.split('~').skip(1).all(|after| after.starts_with(['0', '1']));
    escaped.then(|| Part::Key(text.replace("~1", "/").replace("~0", "~").into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form() {
        let key = |text: &str| Part::Key(text.into());
        assert_eq!(Field::parse("*"), Ok(Field::Everything));
        assert_eq!(Field::parse("path"), Ok(Field::Named("path".into())));
        assert_eq!(Field::parse("/a/*/b~1c~0d"), Ok(Field::At([key("a"), Part::Any, key("b/c~d")].into())));
        for wrong in ["", "/a~2", "/~", &"/a".repeat(65)] {
            assert!(Field::parse(wrong).is_err(), "{wrong}");
        }
    }
}
