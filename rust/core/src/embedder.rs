//! Texts to vectors, on one core or on all of them.
//!
//! Owns how texts are cut into tokens, shared out among encoders and put back in order, and what a vector must satisfy.
//! It knows nothing of the forward pass or of indexes. Invariant: the bytes of a vector depend on its text and the model,
//! never on the number of threads.

use crate::encoder::Encoder;
use crate::error::{Code, Error, Result};
use crate::format::Digest;
use crate::kernels::{Kernels, fastest};
use crate::model::Model;
use crate::plan::TextKind;
use serde_json::json;
use std::borrow::Cow;

/// Fewer tokens than this are not worth another core: their shard would read all weights for too few rows.
#[cfg(feature = "threads")]
const SHARD_TOKENS_MIN: usize = 64;
/// A shard is full with this many tokens at the latest: enough for full tiles.
#[cfg(feature = "threads")]
const SHARD_TOKENS_MAX: usize = 256;
/// Shards for each thread, so that a core that is slower or disturbed leaves the last ones to the others.
#[cfg(feature = "threads")]
const SHARDS_PER_THREAD: usize = 4;

/// Embeds texts; keeps an encoder, with its buffers, for each thread that has been at work at the same time.
#[derive(Debug, Default)]
pub struct Embedder {
    idle: Vec<Encoder>,
    /// The last text of [`Embedder::query`]: with its prefix, its current word, its tokens.
    text: String,
    word: String,
    tokens: Vec<u32>,
    /// Its vector, and the digest of the model that it comes from; none where there is no vector.
    vector: Vec<f32>,
    maker: Option<Digest>,
}

impl Embedder {
    /// An embedder without buffers yet.
    pub fn new() -> Embedder {
        Embedder::default()
    }

    /// The instruction set in use.
    pub fn kernels(&self) -> &'static Kernels {
        fastest()
    }

    /// How many encoders with buffers of their own it keeps.
    pub fn encoders(&self) -> usize {
        self.idle.len()
    }

    /// Bytes of buffers held.
    pub fn size_bytes(&self) -> usize {
        let encoders: usize = self.idle.iter().map(Encoder::size_bytes).sum();
        let text = self.text.capacity() + self.word.capacity();
        let idle = self.idle.capacity() * size_of::<Encoder>();
        let vector = self.vector.capacity() * size_of::<f32>();
        encoders + idle + text + vector + self.tokens.capacity() * size_of::<u32>()
    }

    /// The vectors of `texts`, texts x dim, each of length 1, from at most `max_tokens` tokens of a text.
    ///
    /// # Errors
    /// `bad_format` when the model's numbers overflow: its weights can be finite and still huge.
    pub fn embed(
        &mut self,
        model: &Model,
        kind: TextKind,
        texts: &[&str],
        max_tokens: usize,
    ) -> Result<Vec<f32>> {
        let tokens: Vec<Vec<u32>> = texts
            .iter()
            .map(|text| {
                let mut ids = Vec::new();
                let text = prefixed(model, Some(kind), text);
                model.tokenizer().encode(&text, Some(max_tokens), &mut ids);
                ids
            })
            .collect();
        let dim = model.meta().dim;
        let mut vectors = vec![0.0; texts.len() * dim];
        self.encode(model, &tokens, &mut vectors);
        check_lengths(model, &vectors)?;
        Ok(vectors)
    }

    /// As [`Embedder::embed`] of one query, cut to the most tokens of the model. It is kept until another is asked for: a search that
    /// lacks bytes is asked again, and which sentences of its hits fit it is asked after it. Once a query as long has been
    /// embedded nothing is allocated, but for accents that stand in a row.
    ///
    /// # Errors
    /// As for [`Embedder::embed`].
    pub fn query(&mut self, model: &Model, text: &str) -> Result<&[f32]> {
        let (meta, prefix) = (model.meta(), prefix(model, Some(TextKind::Query)));
        let is_last = self.text.strip_prefix(prefix) == Some(text);
        if self.maker.take() != Some(model.digest()) || !is_last {
            self.text.clear();
            self.text.push_str(prefix);
            self.text.push_str(text);
            let mut tokens = std::mem::take(&mut self.tokens);
            tokens.clear();
            let (tokenizer, most) = (model.tokenizer(), Some(meta.max_tokens));
            tokenizer.encode_with(&self.text, most, &mut tokens, &mut self.word);
            let mut vector = std::mem::take(&mut self.vector);
            vector.clear();
            vector.resize(meta.dim, 0.0);
            self.encode_here(model, std::slice::from_ref(&tokens), &mut vector);
            (self.tokens, self.vector) = (tokens, vector);
            check_lengths(model, &self.vector)?;
        }
        self.maker = Some(model.digest());
        Ok(&self.vector)
    }

    #[cfg(feature = "threads")]
    fn encode(&mut self, model: &Model, tokens: &[Vec<u32>], out: &mut [f32]) {
        use rayon::prelude::*;
        use std::sync::{Mutex, PoisonError};

        let total: usize = tokens.iter().map(Vec::len).sum();
        // Asking for the number of threads starts them, so what is too small to share does not even ask.
        if tokens.len() < 2 || total < 2 * SHARD_TOKENS_MIN || rayon::current_num_threads() < 2 {
            return self.encode_here(model, tokens, out);
        }
        let wanted = rayon::current_num_threads() * SHARDS_PER_THREAD;
        let size = (total / wanted).clamp(SHARD_TOKENS_MIN, SHARD_TOKENS_MAX);
        let idle = Mutex::new(std::mem::take(&mut self.idle));
        let lock = || idle.lock().unwrap_or_else(PoisonError::into_inner);
        shards(tokens, out, model.meta().dim, size)
            .into_par_iter()
            .with_max_len(1)
            .for_each(|(tokens, out)| {
                let taken = lock().pop();
                let mut encoder = taken.unwrap_or_default();
                encoder.encode(model, tokens, out);
                lock().push(encoder);
            });
        self.idle = idle.into_inner().unwrap_or_else(PoisonError::into_inner);
    }

    #[cfg(not(feature = "threads"))]
    fn encode(&mut self, model: &Model, tokens: &[Vec<u32>], out: &mut [f32]) {
        self.encode_here(model, tokens, out);
    }

    fn encode_here(&mut self, model: &Model, tokens: &[Vec<u32>], out: &mut [f32]) {
        let mut encoder = self.idle.pop().unwrap_or_default();
        encoder.encode(model, tokens, out);
        self.idle.push(encoder);
    }
}

/// Texts in a row with the place of their vectors.
#[cfg(feature = "threads")]
type Shard<'a> = (&'a [Vec<u32>], &'a mut [f32]);

/// Cuts texts, in order, into shards that end with the text that brings them to `size` tokens.
#[cfg(feature = "threads")]
fn shards<'a>(
    mut tokens: &'a [Vec<u32>],
    mut out: &'a mut [f32],
    dim: usize,
    size: usize,
) -> Vec<Shard<'a>> {
    let mut shards = Vec::new();
    while !tokens.is_empty() {
        let mut total = 0;
        let full = tokens.iter().position(|text| {
            total += text.len();
            total >= size
        });
        let texts = full.map_or(tokens.len(), |last| last + 1);
        let (head, rest) = tokens.split_at(texts);
        let (place, after) = out.split_at_mut(texts * dim);
        shards.push((head, place));
        (tokens, out) = (rest, after);
    }
    shards
}

fn prefix(model: &Model, kind: Option<TextKind>) -> &str {
    let prefixes = &model.meta().prefixes;
    match kind {
        Some(TextKind::Query) => &prefixes.query,
        Some(TextKind::Passage) => &prefixes.passage,
        None => "",
    }
}

fn check_lengths(model: &Model, vectors: &[f32]) -> Result<()> {
    let is_unit = |vector: &[f32]| {
        let squares: f32 = vector.iter().map(|x| x * x).sum();
        (0.9..1.1).contains(&squares)
    };
    let mut vectors = vectors.chunks_exact(model.meta().dim);
    match vectors.position(|vector| !is_unit(vector)) {
        None => Ok(()),
        Some(text) => Err(Error::new(
            Code::BadFormat,
            "the model's numbers overflow, so it gives no vector for this text; use another model file",
        )
        .with(json!({"text": text, "space": model.meta().space}))),
    }
}

/// `text` with what the model wants in front of texts of this kind.
pub fn prefixed<'a>(model: &Model, kind: Option<TextKind>, text: &'a str) -> Cow<'a, str> {
    let prefix = prefix(model, kind);
    if prefix.is_empty() {
        text.into()
    } else {
        format!("{prefix}{text}").into()
    }
}

#[cfg(all(test, feature = "threads"))]
mod tests {
    use super::*;

    #[test]
    fn shards_hold_every_text_once_in_order_and_are_full() {
        let lengths = [3, 90, 2, 2, 61, 1, 64, 200, 5, 5];
        let tokens: Vec<Vec<u32>> = lengths.iter().map(|length| vec![0; *length]).collect();
        let mut out: Vec<f32> = (0..2 * tokens.len()).map(|x| x as f32).collect();
        let shards = shards(&tokens, &mut out, 2, 64);
        let found: Vec<Vec<usize>> = shards
            .iter()
            .map(|(texts, _)| texts.iter().map(Vec::len).collect())
            .collect();
        let wanted: [&[usize]; 5] = [&[3, 90], &[2, 2, 61], &[1, 64], &[200], &[5, 5]];
        assert_eq!(found, wanted);
        let places: Vec<f32> = shards.iter().flat_map(|(_, out)| out.to_vec()).collect();
        assert_eq!(places, (0..20).map(|x| x as f32).collect::<Vec<_>>());
    }

    #[test]
    fn what_threads_share_may_be_shared() {
        fn shared<T: Send + Sync>() {}
        shared::<Model>();
        shared::<Encoder>();
        shared::<crate::Engine>();
    }
}
