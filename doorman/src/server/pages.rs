//! Lists in pages. A cursor says behind which name the next page begins; it is sealed, so that it is good for the caller and
//! the list that it was made for, and says nothing to anybody.

use rmcp::{ErrorData, model::PaginatedRequestParams};

use super::{arrival::Arrival, door::Door};
use crate::exposure::Kind;

/// What the seal is for.
const PURPOSE: &str = "list cursor";

/// A page of what a caller sees.
pub(super) struct Page {
    pub(super) ids: Vec<usize>,
    pub(super) next: Option<String>,
}

impl Page {
    pub(super) fn of(
        door: &Door,
        arrival: &Arrival,
        kind: Kind,
        asked: Option<PaginatedRequestParams>,
    ) -> Result<Self, ErrorData> {
        let caller = arrival.access.caller.to_bytes();
        let bound: [&[u8]; 2] = [&caller, kind.word().as_bytes()];
        let catalog = &arrival.generation.rules.catalog;
        let mut listed = arrival.access.view.listed(kind).peekable();
        if let Some(cursor) = asked.and_then(|asked| asked.cursor) {
            let last = door.guard.sealer.open(PURPOSE, &bound, &cursor);
            let last = last.ok_or_else(|| ErrorData::invalid_params("this cursor isn't good for this list", None))?;
            // What has gone since leaves no gap, and what has come behind it is on the next page.
            while listed.next_if(|&id| catalog.get(id).name.as_bytes() <= &*last).is_some() {}
        }
        let ids: Vec<usize> = listed.by_ref().take(door.page_size).collect();
        let next = match (listed.peek(), ids.last()) {
            (Some(_), Some(&last)) => {
                let sealed = door.guard.sealer.seal(PURPOSE, &bound, catalog.get(last).name.as_bytes());
                Some(sealed.ok_or_else(|| ErrorData::internal_error("no cursor could be made", None))?)
            }
            _ => None,
        };
        Ok(Self { ids, next })
    }
}
