//! Panics cost their own call only, and say nothing of what they carry.

use std::{
    any::Any,
    cell::Cell,
    panic::{self, AssertUnwindSafe},
    pin::Pin,
    sync::Once,
    task::{Context, Poll},
};

use futures::FutureExt;

thread_local! {
    /// Whether this thread is inside a tool's function.
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

struct Mark(bool);

impl Mark {
    fn set() -> Self {
        Self(GUARDED.replace(true))
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        GUARDED.set(self.0);
    }
}

/// The standard panic hook prints the panic's text, which may hold a credential (S18). For panics inside tools the text
/// is left to the guard, which redacts it; all others go where they went before.
pub(crate) fn install_hook() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !GUARDED.try_with(Cell::get).unwrap_or(false) {
                previous(info);
            }
        }));
    });
}

/// Runs a future; a panic becomes its text.
pub(crate) async fn contain<F: Future + Unpin>(future: F) -> Result<F::Output, String> {
    AssertUnwindSafe(Marked(future)).catch_unwind().await.map_err(|panic| text(&*panic))
}

/// Runs a function; a panic becomes its text.
pub(super) fn contain_sync<T>(function: impl FnOnce() -> T) -> Result<T, String> {
    let _mark = Mark::set();
    panic::catch_unwind(AssertUnwindSafe(function)).map_err(|panic| text(&*panic))
}

fn text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no text".to_owned())
}

struct Marked<F>(F);

impl<F: Future + Unpin> Future for Marked<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let _mark = Mark::set();
        Pin::new(&mut self.0).poll(context)
    }
}
