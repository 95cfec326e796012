//! The small grammars that are read at compile time and in manifests.
