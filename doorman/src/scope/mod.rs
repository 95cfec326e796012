//! Resource scopes: which resources a call may touch.
