//! Tokens to vectors: the forward pass of a BERT encoder (Devlin et al., arXiv 1810.04805) over quantised weights.
//!
//! Owns the order of layers and the batching; knows nothing of text or of instruction sets.
//! Invariant: every row is computed by itself, so the vector of a text does not depend on what it is batched with.

use crate::kernels::{Epilogue, Kernels, LinearScratch, fastest};
use crate::model::{Model, Part, Pooling};

/// Texts are taken together up to this many tokens: enough for full tiles, few enough for the second-level cache.
const BATCH_TOKENS: usize = 512;
/// Rows that go through the feed-forward part together, so that its wide rows stay in the cache.
const FEED_ROWS: usize = 64;

/// Computes vectors; keeps its buffers from call to call.
#[derive(Debug)]
pub struct Encoder {
    kernels: &'static Kernels,
    linear: LinearScratch,
    hidden: Vec<f32>,
    qkv: Vec<f32>,
    context: Vec<f32>,
    wide: Vec<f32>,
    attention: Vec<f32>,
}

impl Default for Encoder {
    fn default() -> Encoder {
        Encoder::new()
    }
}

impl Encoder {
    /// An encoder on the fastest instruction set of the machine.
    pub fn new() -> Encoder {
        Encoder::with(fastest())
    }

    /// An encoder on a given instruction set.
    pub fn with(kernels: &'static Kernels) -> Encoder {
        Encoder {
            kernels,
            linear: LinearScratch::default(),
            hidden: Vec::new(),
            qkv: Vec::new(),
            context: Vec::new(),
            wide: Vec::new(),
            attention: Vec::new(),
        }
    }

    /// The instruction set in use.
    pub fn kernels(&self) -> &'static Kernels {
        self.kernels
    }

    /// Bytes of buffers held.
    pub fn size_bytes(&self) -> usize {
        let floats = [
            &self.hidden,
            &self.qkv,
            &self.context,
            &self.wide,
            &self.attention,
        ];
        let floats: usize = floats
            .iter()
            .map(|buffer| buffer.capacity() * size_of::<f32>())
            .sum();
        floats + self.linear.size_bytes()
    }

    /// Writes the vector of each text, `tokens.len()` rows of `dim` values of length 1, to `out`.
    ///
    /// # Panics
    /// When a text has no tokens, more than `max_tokens`, or a token outside the vocabulary, or `out` has another length.
    pub fn encode(&mut self, model: &Model, tokens: &[Vec<u32>], out: &mut [f32]) {
        let dim = model.meta().dim;
        assert_eq!(out.len(), tokens.len() * dim, "one row a text");
        let mut first = 0;
        while first < tokens.len() {
            let mut end = first + 1;
            let mut total = tokens[first].len();
            while end < tokens.len() && total + tokens[end].len() <= BATCH_TOKENS {
                total += tokens[end].len();
                end += 1;
            }
            self.batch(
                model,
                &tokens[first..end],
                total,
                &mut out[first * dim..end * dim],
            );
            first = end;
        }
    }

    fn batch(&mut self, model: &Model, tokens: &[Vec<u32>], total: usize, out: &mut [f32]) {
        let meta = model.meta();
        let (dim, kernels) = (meta.dim, self.kernels);
        let head_dim = dim / meta.heads;
        for (buffer, width) in [
            (&mut self.hidden, dim),
            (&mut self.qkv, 3 * dim),
            (&mut self.context, dim),
        ] {
            buffer.resize(total * width, 0.0);
        }
        self.wide
            .resize(FEED_ROWS.min(total) * meta.intermediate, 0.0);

        let mut rows = self.hidden.chunks_exact_mut(dim);
        for text in tokens {
            assert!(
                (1..=meta.max_tokens).contains(&text.len()),
                "1 to {} tokens a text",
                meta.max_tokens
            );
            for (position, (token, row)) in text.iter().zip(&mut rows).enumerate() {
                let (codes, scale) = model.word(*token);
                kernels.embed_token(codes, scale, model.position(position), row);
            }
        }
        kernels.layer_norm(
            &mut self.hidden,
            model.embedding_norm(),
            meta.layer_norm_eps,
        );

        for layer in 0..meta.layers {
            let qkv = model.linear(layer, Part::Qkv);
            kernels.linear(
                &self.hidden,
                &qkv,
                Epilogue::Bias,
                &[],
                &mut self.qkv,
                &mut self.linear,
            );
            let mut start = 0;
            for text in tokens {
                let end = start + text.len();
                let (qkv, to) = (
                    &self.qkv[start * 3 * dim..end * 3 * dim],
                    &mut self.context[start * dim..end * dim],
                );
                kernels.attend(qkv, meta.heads, head_dim, &mut self.attention, to);
                start = end;
            }
            // From here on the rows of queries, keys and values are free: their buffer takes the sums.
            let sums = &mut self.qkv[..total * dim];
            let output = model.linear(layer, Part::AttentionOutput);
            kernels.linear(
                &self.context,
                &output,
                Epilogue::Residual,
                &self.hidden,
                sums,
                &mut self.linear,
            );
            kernels.layer_norm(sums, model.attention_norm(layer), meta.layer_norm_eps);
            let (up, down) = (
                model.linear(layer, Part::Up),
                model.linear(layer, Part::Down),
            );
            for (x, to) in sums
                .chunks(FEED_ROWS * dim)
                .zip(self.hidden.chunks_mut(FEED_ROWS * dim))
            {
                let wide = &mut self.wide[..x.len() / dim * meta.intermediate];
                kernels.linear(x, &up, Epilogue::Gelu, &[], wide, &mut self.linear);
                kernels.linear(wide, &down, Epilogue::Residual, x, to, &mut self.linear);
            }
            kernels.layer_norm(
                &mut self.hidden,
                model.output_norm(layer),
                meta.layer_norm_eps,
            );
        }

        let mut start = 0;
        for (text, out) in tokens.iter().zip(out.chunks_exact_mut(dim)) {
            let rows = match meta.pooling {
                Pooling::Mean => text.len(),
                Pooling::Cls => 1,
            };
            kernels.pool_and_normalize(&self.hidden[start * dim..(start + rows) * dim], out);
            start += text.len();
        }
    }
}
