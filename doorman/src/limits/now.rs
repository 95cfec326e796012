//! For tests: what comes at once.

use futures::FutureExt;

use super::{Admission, Exceeded, Refusal, Unavailable};

/// Takes the outcome of a future that has nothing to wait for, as those over memory never have.
pub(crate) trait Now: Future + Sized {
    type Outcome;

    fn now(self) -> Self::Outcome;
}

impl<F: Future<Output: Answered>> Now for F {
    type Outcome = <F::Output as Answered>::Answer;

    fn now(self) -> Self::Outcome {
        self.now_or_never().expect("nothing to wait for").answer()
    }
}

/// What a store that always answers leaves of an outcome.
pub(crate) trait Answered {
    type Answer;

    fn answer(self) -> Self::Answer;
}

impl Answered for () {
    type Answer = ();

    fn answer(self) {}
}

impl<T> Answered for Result<T, Unavailable> {
    type Answer = T;

    fn answer(self) -> T {
        self.expect("it answers")
    }
}

impl Answered for Result<Admission, Refusal> {
    type Answer = Result<Admission, Exceeded>;

    fn answer(self) -> Self::Answer {
        self.map_err(|refusal| match refusal {
            Refusal::Exceeded(exceeded) => exceeded,
            Refusal::Unavailable(_) => panic!("it answers"),
        })
    }
}
