//! Redaction: what may leave.
