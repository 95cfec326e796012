//! Limits: how often and how much.
