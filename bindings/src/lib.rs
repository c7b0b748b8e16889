//! The core as a library for Android, iOS and Python: its place, not yet its content.
//!
//! What will live here: thin objects around [`bienban_core::client`], plain records that mirror the
//! core's types, and errors that a screen can act on, exported by UniFFI. The mirror types belong here
//! and not in the core, so that an app's language never freezes them.
//!
//! What must never be here: logic. Whatever two apps would both need belongs in `client`. No other
//! module of the core than `client` and `model` may be named; the tidy test holds that.
