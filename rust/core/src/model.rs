//! A text model: the meaning of the sections of a model file (docs/FORMAT.md).
//!
//! Owns the layout inside sections and what a model must satisfy; knows nothing of how vectors are computed.
//! Invariant: an open model has passed every check, so the encoder need not look again: lengths fit the dimensions,
//! weights have seven bits, floats are finite. The weights are used where they lie.

use crate::error::{Code, Error, Result};
use crate::format::{ALIGN, Container, Digest, Kind, hex};
use crate::kernels::{self, Linear};
use crate::tokenizer::{MIN_TOKENS, Tokenizer, TokenizerConfig};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::ops::Range;

const DIM_MAX: usize = 4096;
const INTERMEDIATE_MAX: usize = 4 * DIM_MAX;
const LAYERS_MAX: usize = 48;
const VOCABULARY_MAX: usize = 1 << 20;
const TOKENS_MAX: usize = 8192;
const NAME_MAX: usize = 200;
const PREFIX_MAX: usize = 1000;

/// How the vectors of tokens become the vector of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pooling {
    /// The mean over all tokens.
    Mean,
    /// The first token.
    Cls,
}

/// What the model wants in front of a text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prefixes {
    /// In front of a query.
    pub query: String,
    /// In front of a passage.
    pub passage: String,
}

/// The header of a model file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelMeta {
    /// What to show a person.
    pub name: String,
    /// `bert`.
    pub architecture: String,
    /// Components of a vector.
    pub dim: usize,
    /// Transformer layers.
    pub layers: usize,
    /// Attention heads of a layer.
    pub heads: usize,
    /// Width of the feed-forward part.
    pub intermediate: usize,
    /// Tokens in the vocabulary.
    pub vocab_size: usize,
    /// The longest text in tokens, start and end included; the rest is cut off.
    pub max_tokens: usize,
    /// Added to a variance before its root is taken.
    pub layer_norm_eps: f32,
    /// Tokens to text.
    pub pooling: Pooling,
    /// Vectors have length 1; no other models are read.
    pub normalize: bool,
    /// What goes in front of texts.
    pub prefixes: Prefixes,
    /// How texts are cut.
    pub tokenizer: TokenizerConfig,
    /// Which vectors may be compared: 64 hexadecimal digits.
    pub space: String,
    /// Version of the conversion.
    pub recipe: u32,
    /// Licence of the weights.
    pub licence: String,
    /// Where the weights came from.
    pub source: Value,
}

/// One linear layer inside its section.
#[derive(Clone, Debug)]
struct Place {
    weights: Range<usize>,
    scale: Range<usize>,
    bias: Range<usize>,
    shift: Range<usize>,
    column_sums: Vec<f32>,
}

/// One transformer layer inside the file.
#[derive(Clone, Debug)]
struct Layer {
    linears: [Place; 4],
    attention_norm: Range<usize>,
    output_norm: Range<usize>,
}

/// The four linear layers of a transformer layer, in file order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Queries, keys and values at once: `dim` to `3 dim`.
    Qkv = 0,
    /// After attention: `dim` to `dim`.
    AttentionOutput = 1,
    /// Feed-forward, up: `dim` to `intermediate`.
    Up = 2,
    /// Feed-forward, down: `intermediate` to `dim`.
    Down = 3,
}

/// An open model.
#[derive(Clone, Debug)]
pub struct Model {
    bytes: Bytes,
    meta: ModelMeta,
    tokenizer: Tokenizer,
    digest: Digest,
    words: Range<usize>,
    word_scales: Range<usize>,
    positions: Range<usize>,
    embedding_norm: Range<usize>,
    layers: Vec<Layer>,
}

/// The file, at an address where f32 values can be read in place.
#[derive(Clone, Debug)]
enum Bytes {
    AsGiven(Vec<u8>),
    Moved(Vec<u128>, usize),
}

impl Bytes {
    fn new(bytes: Vec<u8>) -> Bytes {
        if bytes.as_ptr().align_offset(align_of::<f32>()) == 0 {
            return Bytes::AsGiven(bytes);
        }
        let mut moved = vec![0_u128; bytes.len().div_ceil(size_of::<u128>())];
        bytemuck::cast_slice_mut(&mut moved)[..bytes.len()].copy_from_slice(&bytes);
        Bytes::Moved(moved, bytes.len())
    }

    fn all(&self) -> &[u8] {
        match self {
            Bytes::AsGiven(bytes) => bytes,
            Bytes::Moved(words, length) => &bytemuck::cast_slice(words)[..*length],
        }
    }

    fn held(&self) -> usize {
        match self {
            Bytes::AsGiven(bytes) => bytes.capacity(),
            Bytes::Moved(words, _) => words.capacity() * size_of::<u128>(),
        }
    }

    fn floats(&self, range: &Range<usize>) -> &[f32] {
        // Ranges start at multiples of 64 of an aligned file and hold whole values: `Cursor` makes no others.
        bytemuck::cast_slice(&self.all()[range.clone()])
    }
}

/// Walks through the arrays of one section; each starts at a multiple of 64.
struct Cursor {
    name: String,
    start: usize,
    length: usize,
    at: usize,
}

impl Cursor {
    fn new(container: &Container<'_>, name: &str) -> Result<Cursor> {
        let range = container.range(name)?;
        Ok(Cursor {
            name: name.to_owned(),
            start: range.start,
            length: range.len(),
            at: 0,
        })
    }

    fn take(&mut self, length: usize) -> Result<Range<usize>> {
        let begin = self.at.next_multiple_of(ALIGN as usize);
        let end = begin
            .checked_add(length)
            .filter(|end| *end <= self.length)
            .ok_or_else(|| self.wrong_length())?;
        self.at = end;
        Ok(self.start + begin..self.start + end)
    }

    fn floats(&mut self, bytes: &Bytes, count: usize) -> Result<Range<usize>> {
        let range = self.take(count * size_of::<f32>())?;
        if bytes.floats(&range).iter().all(|value| value.is_finite()) {
            return Ok(range);
        }
        Err(broken(
            "the model holds a number that is not finite; fetch or convert it again",
            json!({"section": self.name}),
        ))
    }

    fn end(self) -> Result<()> {
        if self.at == self.length {
            Ok(())
        } else {
            Err(self.wrong_length())
        }
    }

    fn wrong_length(&self) -> Error {
        broken(
            "a section of the model does not have the length its dimensions ask for; convert the model again",
            json!({"section": self.name, "length": self.length}),
        )
    }
}

fn broken(message: &str, detail: Value) -> Error {
    Error::new(Code::BadFormat, message).with(detail)
}

impl ModelMeta {
    fn check(&self) -> Result<()> {
        let refuse = |what: &str, found: Value| {
            Err(Error::new(
                Code::Unsupported,
                format!("this engine cannot run the model: {what}"),
            )
            .with(json!({"found": found})))
        };
        if self.architecture != "bert" {
            return refuse("its architecture is not bert", json!(self.architecture));
        }
        if !self.normalize {
            return refuse("its vectors are not normalised", json!(false));
        }
        for (name, value, step, most) in [
            ("dim", self.dim, kernels::DIM_STEP, DIM_MAX),
            (
                "intermediate",
                self.intermediate,
                kernels::DIM_STEP,
                INTERMEDIATE_MAX,
            ),
            ("layers", self.layers, 1, LAYERS_MAX),
            ("heads", self.heads, 1, DIM_MAX / kernels::HEAD_STEP),
            ("vocab_size", self.vocab_size, 1, VOCABULARY_MAX),
            ("max_tokens", self.max_tokens, 1, TOKENS_MAX),
        ] {
            if value == 0 || !value.is_multiple_of(step) || value > most {
                return refuse(
                    &format!("{name} must be a multiple of {step} from {step} to {most}"),
                    json!({name: value}),
                );
            }
        }
        if !self.dim.is_multiple_of(self.heads * kernels::HEAD_STEP) {
            return refuse(
                &format!(
                    "the width of a head must be a multiple of {}",
                    kernels::HEAD_STEP
                ),
                json!({"dim": self.dim, "heads": self.heads}),
            );
        }
        if self.max_tokens < MIN_TOKENS {
            return refuse("max_tokens leaves no room for text", json!(self.max_tokens));
        }
        let hexadecimal =
            self.space.len() == 64 && self.space.bytes().all(|byte| byte.is_ascii_hexdigit());
        let eps_fits = self.layer_norm_eps.is_finite() && self.layer_norm_eps > 0.0;
        let names_fit = self.name.len() <= NAME_MAX
            && self.prefixes.query.len().max(self.prefixes.passage.len()) <= PREFIX_MAX;
        if !(hexadecimal && eps_fits && names_fit) {
            return Err(broken(
                "the header of the model has a value out of range; convert the model again",
                json!({"space": self.space, "layer_norm_eps": self.layer_norm_eps}),
            ));
        }
        Ok(())
    }
}

impl Model {
    /// Opens a model file, verifying every block and every value the encoder relies on.
    ///
    /// # Errors
    /// `bad_format`, `wrong_version` and `wrong_digest` for damage, `unsupported` for a model this engine cannot run.
    pub fn open(bytes: Vec<u8>) -> Result<Model> {
        Model::read(bytes, |bytes| Container::parse(bytes))
    }

    /// As `open`, without hashing: for a file whose digest the caller has compared himself. Every value is checked all the same.
    ///
    /// # Errors
    /// As `open`.
    pub fn adopt(bytes: Vec<u8>) -> Result<Model> {
        Model::read(bytes, |bytes| Container::adopt(bytes))
    }

    fn read(bytes: Vec<u8>, parse: fn(&[u8]) -> Result<Container<'_>>) -> Result<Model> {
        let bytes = Bytes::new(bytes);
        let container = parse(bytes.all())?;
        let header = container.header();
        if header.kind != Kind::Model {
            return Err(broken(
                "this file is not a model; give the file that findling.model wrote",
                json!({"kind": header.kind.as_str()}),
            ));
        }
        let meta: ModelMeta = ModelMeta::deserialize(&header.meta).map_err(|error| {
            broken(
                "the header of the model is not understood",
                json!({"reason": error.to_string()}),
            )
        })?;
        meta.check()?;
        let (dim, wide) = (meta.dim, meta.intermediate);

        let vocabulary = std::str::from_utf8(container.section("vocabulary")?)
            .map_err(|_| broken("the vocabulary is not UTF-8", json!({})))?;
        let tokenizer = Tokenizer::new(vocabulary, &meta.tokenizer)?;
        if tokenizer.vocab_size() != meta.vocab_size {
            return Err(broken(
                "the vocabulary does not have the size the header says; convert the model again",
                json!({"found": tokenizer.vocab_size(), "wanted": meta.vocab_size}),
            ));
        }
        let whole = |name: &str, length: usize| -> Result<Range<usize>> {
            let mut cursor = Cursor::new(&container, name)?;
            let range = cursor.take(length)?;
            cursor.end().map(|()| range)
        };
        let whole_floats = |name: &str, count: usize| -> Result<Range<usize>> {
            let mut cursor = Cursor::new(&container, name)?;
            let range = cursor.floats(&bytes, count)?;
            cursor.end().map(|()| range)
        };
        // Both at their most would overflow on a 32-bit target.
        let words = whole("words", meta.vocab_size.saturating_mul(dim))?;
        let word_scales = whole_floats("words.scale", meta.vocab_size)?;
        let positions = whole_floats("positions", meta.max_tokens * dim)?;
        let embedding_norm = whole_floats("embedding.norm", 2 * dim)?;
        let mut layers = Vec::with_capacity(meta.layers);
        for number in 0..meta.layers {
            let mut cursor = Cursor::new(&container, &format!("layer.{number}"))?;
            let mut place = |inputs: usize, outputs: usize| -> Result<Place> {
                let weights = cursor.take(inputs * outputs)?;
                let column_sums = kernels::column_sums(&bytes.all()[weights.clone()], inputs)
                    .ok_or_else(|| {
                        broken(
                            "a weight of the model is above 127; convert the model again",
                            json!({"layer": number}),
                        )
                    })?;
                Ok(Place {
                    weights,
                    scale: cursor.floats(&bytes, outputs)?,
                    bias: cursor.floats(&bytes, outputs)?,
                    shift: cursor.floats(&bytes, inputs)?,
                    column_sums,
                })
            };
            let linears = [
                place(dim, 3 * dim)?,
                place(dim, dim)?,
                place(dim, wide)?,
                place(wide, dim)?,
            ];
            let attention_norm = cursor.floats(&bytes, 2 * dim)?;
            let output_norm = cursor.floats(&bytes, 2 * dim)?;
            cursor.end()?;
            layers.push(Layer {
                linears,
                attention_norm,
                output_norm,
            });
        }
        let digest = header.digest;
        Ok(Model {
            bytes,
            meta,
            tokenizer,
            digest,
            words,
            word_scales,
            positions,
            embedding_norm,
            layers,
        })
    }

    /// The header.
    pub fn meta(&self) -> &ModelMeta {
        &self.meta
    }

    /// How this model cuts texts.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// Which bytes these are.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// What it is, as JSON.
    pub fn describe(&self) -> Value {
        json!({
            "name": self.meta.name,
            "space": self.meta.space,
            "dim": self.meta.dim,
            "max_tokens": self.meta.max_tokens,
            "digest": hex(&self.digest),
            "size_bytes": self.size_bytes(),
        })
    }

    /// Bytes of the file.
    pub fn size_bytes(&self) -> usize {
        self.bytes.all().len()
    }

    /// Bytes it holds in memory: the file, the sums of its columns and the table of its vocabulary.
    pub fn held_bytes(&self) -> usize {
        let places = self.layers.iter().flat_map(|layer| &layer.linears);
        let sums: usize = places.map(|place| place.column_sums.capacity()).sum();
        self.bytes.held() + sums * size_of::<f32>() + self.tokenizer.size_bytes()
    }

    /// The codes and the scale of a token's row.
    ///
    /// # Panics
    /// When the token is not in the vocabulary.
    pub fn word(&self, token: u32) -> (&[i8], f32) {
        let token = token as usize;
        let start = self.words.start + token * self.meta.dim;
        let codes = &self.bytes.all()[start..start + self.meta.dim];
        (
            bytemuck::cast_slice(codes),
            self.bytes.floats(&self.word_scales)[token],
        )
    }

    /// What is added at a position below `max_tokens`.
    pub fn position(&self, position: usize) -> &[f32] {
        &self.bytes.floats(&self.positions)[position * self.meta.dim..][..self.meta.dim]
    }

    /// The norm after the embedding: gamma, then beta.
    pub fn embedding_norm(&self) -> &[f32] {
        self.bytes.floats(&self.embedding_norm)
    }

    /// One linear layer of transformer layer `number`.
    pub fn linear(&self, number: usize, part: Part) -> Linear<'_> {
        let place = &self.layers[number].linears[part as usize];
        Linear {
            weights: &self.bytes.all()[place.weights.clone()],
            scale: self.bytes.floats(&place.scale),
            bias: self.bytes.floats(&place.bias),
            shift: self.bytes.floats(&place.shift),
            column_sums: &place.column_sums,
        }
    }

    /// The norm after attention of transformer layer `number`.
    pub fn attention_norm(&self, number: usize) -> &[f32] {
        self.bytes.floats(&self.layers[number].attention_norm)
    }

    /// The norm after the feed-forward part of transformer layer `number`.
    pub fn output_norm(&self, number: usize) -> &[f32] {
        self.bytes.floats(&self.layers[number].output_norm)
    }
}
