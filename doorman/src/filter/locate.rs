//! Where in a text something is that one of its forms shows.

use std::ops::Range;

use super::{
    escapes::unescape,
    forms::MAX_DEPTH,
    normal::{normal, tags},
    origin::Origins,
    runs,
};

/// Longer texts are masked as a whole: to know where each byte of them came from takes many times their size.
const LONGEST: usize = 1 << 20;
/// More matches than this in one text are as good as all of it.
pub(super) const MOST: usize = 4_096;

/// The parts of a text in which `find` finds something, in any of the text's forms: in ascending order, without overlaps. What
/// is found in base64 is all of the base64. `None`: the text as a whole.
pub(super) fn parts(text: &str, find: &impl Fn(&str, &mut Vec<Range<usize>>)) -> Option<Vec<Range<usize>>> {
    if text.len() > LONGEST {
        return None;
    }
    let mut found = Vec::new();
    of(text, 0, find, &mut found);
    if found.len() > MOST {
        return None;
    }
    found.sort_unstable_by_key(|part| part.start);
    let mut parts: Vec<Range<usize>> = Vec::with_capacity(found.len());
    for part in found {
        match parts.last_mut() {
            Some(last) if part.start <= last.end => last.end = last.end.max(part.end),
            _ => parts.push(part),
        }
    }
    Some(parts)
}

fn of(text: &str, depth: usize, find: &impl Fn(&str, &mut Vec<Range<usize>>), found: &mut Vec<Range<usize>>) {
    find(text, found);
    if tags(text).is_some_and(|letters| any(&letters, depth, find)) {
        found.push(0..text.len());
    }
    let mut origins = Origins::default();
    match normal(text, &mut origins) {
        Some(form) => {
            let mut inner = Vec::new();
            find(&form, &mut inner);
            beneath(&form, depth, find, &mut inner);
            found.extend(inner.iter().map(|part| origins.of(part, text.len())));
        }
        None => beneath(text, depth, find, found),
    }
}

/// What is found in a text without its encodings.
fn beneath(text: &str, depth: usize, find: &impl Fn(&str, &mut Vec<Range<usize>>), found: &mut Vec<Range<usize>>) {
    if text.contains('+') {
        find(&text.replace('+', " "), found);
    }
    if depth == MAX_DEPTH || found.len() > MOST {
        return;
    }
    let mut origins = Origins::default();
    if let Some(plain) = unescape(text, &mut origins) {
        let mut inner = Vec::new();
        of(&plain, depth + 1, find, &mut inner);
        found.extend(inner.iter().map(|part| origins.of(part, text.len())));
    }
    let Ok(()) = runs::each(text, |spelled| {
        if any(&spelled.text, depth + 1, find) {
            found.push(spelled.part);
        }
        Ok::<(), std::convert::Infallible>(())
    });
}

fn any(text: &str, depth: usize, find: &impl Fn(&str, &mut Vec<Range<usize>>)) -> bool {
    let mut found = Vec::new();
    of(text, depth.min(MAX_DEPTH), find, &mut found);
    !found.is_empty()
}
