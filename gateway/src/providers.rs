//! Model providers: each turns a [`creel_core::run::ModelRequest`] into one exchange in its own protocol.

pub mod openai;
