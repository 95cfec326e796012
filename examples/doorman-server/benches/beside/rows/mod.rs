//! The figures, a group in each file: what comes in are the programs, what goes out are rows of the table.

pub(crate) mod agents;
pub(crate) mod calls;
pub(crate) mod start;

use crate::{predecessor::NAME, table::Baseline, world::Program};

/// A predecessor to measure, or why there is none.
pub(crate) type Predecessor = Result<Program, String>;

/// The predecessor's figure.
fn theirs(figure: Result<f64, &String>) -> Baseline {
    match figure {
        Ok(figure) => Baseline::Taken(figure, NAME),
        Err(why) => Baseline::Missing(why.clone()),
    }
}
