//! What stands for the model and its embedder in a build without the feature `encoder`.
//!
//! Owns the refusal of model files; knows nothing of what they hold. Invariant: there is no [`Model`], so whatever would be
//! done with one is never reached, and the compiler leaves it out.

/// The type that no model has.
pub mod model {
    use crate::error::{Code, Error, Result};
    use crate::tokenizer::Tokenizer;
    use serde_json::{Value, json};

    /// A model, of which there is none.
    #[derive(Debug)]
    pub enum Model {}

    /// The part of a model's header that callers ask for.
    #[derive(Debug)]
    pub struct ModelMeta {
        /// The id of its vector space.
        pub space: String,
        /// Components of a vector.
        pub dim: usize,
        /// The most tokens of a text.
        pub max_tokens: usize,
    }

    impl Model {
        /// Refuses every file.
        ///
        /// # Errors
        /// `unsupported`, always.
        pub fn open(bytes: Vec<u8>) -> Result<Model> {
            Err(Error::new(
                Code::Unsupported,
                "this build of the engine has no encoder, so it cannot use a model; load a piece table, or use the full build",
            )
            .with(json!({"missing": "encoder", "bytes": bytes.len()})))
        }

        /// Refuses every file.
        ///
        /// # Errors
        /// `unsupported`, always.
        pub fn adopt(bytes: Vec<u8>) -> Result<Model> {
            Model::open(bytes)
        }

        /// The header.
        pub fn meta(&self) -> &ModelMeta {
            match *self {}
        }

        /// How it cuts texts.
        pub fn tokenizer(&self) -> &Tokenizer {
            match *self {}
        }

        /// What it is, as JSON.
        pub fn describe(&self) -> Value {
            match *self {}
        }

        /// Bytes it holds in memory.
        pub fn held_bytes(&self) -> usize {
            match *self {}
        }
    }
}

/// The embedder that has nothing to embed with.
pub mod embedder {
    use super::model::Model;
    use crate::error::Result;
    use crate::kernels::{Kernels, fastest};
    use crate::plan::TextKind;
    use std::borrow::Cow;

    /// Keeps nothing.
    #[derive(Debug, Default)]
    pub struct Embedder;

    impl Embedder {
        /// The embedder.
        pub fn new() -> Embedder {
            Embedder
        }

        /// The instruction set in use.
        pub fn kernels(&self) -> &'static Kernels {
            fastest()
        }

        /// Bytes of buffers held.
        pub fn size_bytes(&self) -> usize {
            0
        }

        /// Cannot be called.
        ///
        /// # Errors
        /// None: there is no model to call it with.
        pub fn embed(
            &mut self,
            model: &Model,
            _: TextKind,
            _: &[&str],
            _: usize,
        ) -> Result<Vec<f32>> {
            match *model {}
        }

        /// Cannot be called.
        ///
        /// # Errors
        /// None: there is no model to call it with.
        pub fn query(&mut self, model: &Model, _: &str) -> Result<&[f32]> {
            match *model {}
        }
    }

    /// Cannot be called.
    pub fn prefixed<'a>(model: &Model, _: Option<TextKind>, _: &'a str) -> Cow<'a, str> {
        match *model {}
    }
}
