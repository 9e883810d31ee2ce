//! The engine: a model and named indexes behind methods that take and give bytes.
//!
//! Owns which model and which indexes there are; delegates everything else. It knows nothing of who calls it.
//! Invariant: a call that fails leaves everything as it was, and what a call lacks it answers as `need`.

mod asking;
mod opening;
mod writing;

use crate::embedder::{Embedder, prefixed};
use crate::error::{Code, Error, Result};
use crate::file::{Answer, File};
use crate::finder::{Encoders, Encoding, Finder, missing_model};
use crate::index::{Found, Index};
use crate::loading::Loads;
use crate::memory::{self, Parts};
use crate::model::Model;
use crate::numbers;
use crate::pieces::Pieces;
use crate::plan;
use crate::published::Published;
use crate::sorted::SortedMap;
use serde_json::{Map, Value, json};

/// Texts to vectors, vectors to hits. Requests and replies are UTF-8 JSON bytes unless a method says otherwise.
pub struct Engine {
    backend: String,
    model: Option<Model>,
    pieces: Option<Pieces>,
    embedder: Embedder,
    finder: Finder,
    indexes: SortedMap<String, Index>,
    /// Files whose index could not be opened yet for want of bytes.
    opening: SortedMap<String, File>,
    published: Published,
    loads: Loads,
}

impl Engine {
    /// An engine without a model and without indexes; `backend` is the name of the build that runs it.
    pub fn new(backend: &str) -> Engine {
        Engine {
            backend: backend.to_owned(),
            model: None,
            pieces: None,
            embedder: Embedder::new(),
            finder: Finder::default(),
            indexes: SortedMap::new(),
            opening: SortedMap::new(),
            published: Published::default(),
            loads: Loads::default(),
        }
    }

    /// The name of the build, such as `native` or `wasm-simd`.
    pub fn backend(&self) -> &str {
        &self.backend
    }

    /// Verifies a model file and keeps it in place of the one before.
    /// Reply: `{"name","space","dim","max_tokens","digest","size_bytes"}`.
    ///
    /// # Errors
    /// `bad_format`, `wrong_version`, `wrong_digest` or `unsupported`; the model before is kept.
    pub fn load_model(&mut self, bytes: Vec<u8>) -> Result<Vec<u8>> {
        self.keep(Model::open(bytes)?)
    }

    /// As `load_model`, for a file whose digest the caller has compared with one that he trusts: it is not hashed again, which
    /// is most of the time that loading takes. Values are checked as ever, so damage can change vectors and nothing else.
    ///
    /// # Errors
    /// As `load_model`; the model before is kept.
    pub fn adopt_model(&mut self, bytes: Vec<u8>) -> Result<Vec<u8>> {
        self.keep(Model::adopt(bytes)?)
    }

    fn keep(&mut self, model: Model) -> Result<Vec<u8>> {
        let reply = plan::reply(&model.describe())?;
        self.model = Some(model);
        Ok(reply)
    }

    /// Verifies a piece table and keeps it in place of the one before.
    /// Reply: `{"name","space","dim","pieces","digest","size_bytes"}`.
    ///
    /// # Errors
    /// `bad_format`, `wrong_version` or `wrong_digest`; the table before is kept.
    pub fn load_pieces(&mut self, bytes: &[u8]) -> Result<Vec<u8>> {
        let pieces = Pieces::open(bytes)?;
        let reply = plan::reply(&pieces.describe())?;
        self.pieces = Some(pieces);
        Ok(reply)
    }

    /// `{"text","kind":"query"|"passage"|null,"max_tokens":N|null}` -> `{"ids":[..]}`.
    ///
    /// # Errors
    /// `bad_request`, or `not_ready` without a model.
    pub fn tokenize(&self, request: &[u8]) -> Result<Vec<u8>> {
        let request: plan::Tokenize = plan::read(request)?;
        let model = ready(&self.model)?;
        let max_tokens = match request.max_tokens {
            None => None,
            Some(tokens) => Some(plan::max_tokens(Some(tokens), usize::MAX)?),
        };
        let mut ids = Vec::new();
        let text = prefixed(model, request.kind, &request.text.0);
        model.tokenizer().encode(&text, max_tokens, &mut ids);
        plan::reply(&json!({ "ids": ids }))
    }

    /// `{"texts":[..],"kind":"query"|"passage","max_tokens"?,"encoder"?:"model"|"static"|"auto"}` -> raw little-endian f32,
    /// texts x dim. `static` sums the pieces of the whole text, whatever its kind; a text of which none is known is zeros.
    ///
    /// # Errors
    /// `bad_request`, `not_ready` without a model or a piece table, or `bad_format` when their numbers overflow.
    pub fn embed(&mut self, request: &[u8]) -> Result<Vec<u8>> {
        let request: plan::Embed = plan::read(request)?;
        let model = match Encoders::of(&self.model, &self.pieces).choose(request.encoder)? {
            Encoding::Model(model) => model,
            Encoding::Static(pieces) => {
                let texts = request.texts.iter().map(|text| text.0.as_str());
                return Ok(numbers::write(&pieces.embed(texts)?));
            }
        };
        let max_tokens = plan::max_tokens(request.max_tokens, model.meta().max_tokens)?;
        let texts: Vec<&str> = request.texts.iter().map(|text| text.0.as_str()).collect();
        let vectors = self
            .embedder
            .embed(model, request.kind, &texts, max_tokens)?;
        Ok(numbers::write(&vectors))
    }

    /// `{"index":NAME,"file"?,"length"?:bytes,"whole"?:bool}` -> `{"index","documents","passages","space","meta","values"?}` or
    /// `{"need":[{"file","offset","length"}]}`. Without a file the index is new and empty. An index that is open under
    /// that name is replaced once the new one is. A collection with a published segment is read in pieces, for searches only;
    /// `whole` reads all its files, and it is an index like any other, as one without always is. Without `whole` the records of such
    /// a one are read when they are shown, or when it is changed or written.
    ///
    /// # Errors
    /// `bad_request`, `bad_format`, `wrong_version` or `wrong_digest`.
    pub fn open(&mut self, request: &[u8]) -> Result<Vec<u8>> {
        self.open_index(request)
    }

    /// Hands over bytes of `file` from byte `offset` on, as a `need` asked for them; other bytes are not kept.
    ///
    /// # Errors
    /// `bad_request` when the offset is not a whole number below 2^53.
    pub fn provide(&mut self, file: &str, offset: f64, bytes: impl Into<Vec<u8>>) -> Result<()> {
        self.take_bytes(file, offset, bytes)
    }

    /// `{"index","documents":[{"id","fields"?:{"title"?,"text"?,"tags"?:[..],"path"?},"language"?,"values"?:{NAME:[..]},
    /// "passages":[text,..],"record"}]}` -> `{"added","replaced","passages"}` or `{"need":[..]}`. All or nothing; a document whose id the index
    /// has takes its place, at the end. Passages are what it is found by in meaning, fields what it is found by in words.
    ///
    /// # Errors
    /// `bad_request`, `bad_input`, `not_found`, `not_ready`, `wrong_space`, `bad_format` when the model's numbers
    /// overflow, or those of a damaged file.
    pub fn add(&mut self, request: &[u8]) -> Result<Vec<u8>> {
        self.add_texts(request)
    }

    /// As `add`, with vectors that are there already and need no model: `{"index","space","documents":[..]}` beside raw
    /// little-endian f32, one row for each passage in order. `space` says which model made them.
    ///
    /// # Errors
    /// `bad_request`, `bad_input`, `not_found`, `wrong_space`, `wrong_dim`, or those of a damaged file.
    pub fn add_vectors(&mut self, request: &[u8], vectors: &[u8]) -> Result<Vec<u8>> {
        self.add_rows(request, vectors)
    }

    /// `{"index","ids":[..]}` -> `{"removed"}` or `{"need":[..]}`; ids that are not in the index are ignored.
    ///
    /// # Errors
    /// `bad_request`, `not_found`, or those of a damaged file.
    pub fn remove(&mut self, request: &[u8]) -> Result<Vec<u8>> {
        self.remove_documents(request)
    }

    /// `{"index","text"?|"vector"?|"like"?:id,"space"?,"words"?:{"text"?,"phrases"?:[{"text","field"?}],"in"?:[{"text",
    /// "field"}],"not"?:[{"text","field"?}],"typing"?,"correct"?},"weights"?:{"meaning"?,"words"?},
    /// "encoder"?:"model"|"static"|"auto","offset"?,"limit"?,"meaning_k"?,"cursor"?,"filter"?,"facets"?:[..],"sort"?:[..],"explain"?}` ->
    /// `{"hits":[{"id","score","passage","legs":{"meaning"?,"words"?},"record","band"?,"explain"?}],"encoder"?,"total","exact","close"?,"cursor"?,
    /// "facets"?:[..],"corrections"?:[{"from","to"}],"explain"?}` or `{"need":[..]}`.
    /// A text or a vector is the leg of meaning, and so is `like`, the document whose vector is searched for without finding it;
    /// words are the leg of words; one is enough, both are fused. Filters, facets and orders: docs/guide/filters.md.
    ///
    /// # Errors
    /// `bad_request`, `bad_input`, `not_found`, `not_ready`, `wrong_space`, `wrong_dim`, or those of a damaged file.
    pub fn search(&mut self, request: &[u8]) -> Result<Vec<u8>> {
        self.answer_plan(request)
    }

    /// What is shown of hits: see [`snippet::answer`] for the request and the reply. The texts come with the request, as records
    /// have them, because an engine does not know what a record means. `encoder` is `static` when not given and there is a piece
    /// table; without one nobody chooses among sentences.
    ///
    /// # Errors
    /// `bad_request`, `not_found` or `not_ready`.
    pub fn snippets(&mut self, request: &[u8]) -> Result<Vec<u8>> {
        self.answer_snippets(request)
    }

    /// `{"index","ids"?:[..]}` -> `{"records":[{"id","record"}]}` in the order of insertion, or `{"need":[..]}`.
    ///
    /// # Errors
    /// `bad_request`, `not_found`, or those of a damaged file.
    pub fn records(&mut self, request: &[u8]) -> Result<Vec<u8>> {
        self.answer_records(request)
    }

    /// `{"index","meta"?:{},"calibrate"?}` -> the index file as raw bytes, which begin with `FINDLING`, or `{"need":[..]}` when
    /// parts of it have not been read yet. The same contents give the same bytes. `calibrate` learns which scores are good ones
    /// in this collection (docs/RANKING.md); it needs the model, and takes a few hundred searches.
    ///
    /// # Errors
    /// `bad_request`, `not_found`, or those of a damaged file.
    pub fn dump(&mut self, request: &[u8]) -> Result<Vec<u8>> {
        self.write_file(request)
    }

    /// `{"index","meta"?:{},"calibrate"?}` -> the files of a published collection (docs/FORMAT.md) as raw bytes: the length of the pointer
    /// file, a big-endian u32, this, and the segment, whose name the pointer tells; or `{"need":[..]}`. With a piece table
    /// it can be searched by meaning. The same documents give the same bytes, in whatever order they were added.
    ///
    /// # Errors
    /// `bad_request`, `not_found`, `bad_input`, `wrong_space`, or those of a damaged file; `unsupported` without the feature `authoring`.
    pub fn publish(&mut self, request: &[u8]) -> Result<Vec<u8>> {
        self.write_published(request)
    }

    /// `{"index","on"?:DIGEST|null,"meta"?:{},"merge"?:[FILE,..],"calibrate"?}` -> what changed since the pointer of the digest `on` was
    /// stored (null: nothing is), as raw bytes: the length of the new pointer, a big-endian u32, the pointer, and the segment that
    /// is the last it names; no bytes of that where nothing came to be; or `{"need":[..]}`. The new segment holds the documents that lie in none
    /// of those that are stored, and those of the segments named in `merge`, which are named no more. What was computed last counts as
    /// stored only once a later call gives its digest as `on`; until then all of it can be computed again.
    ///
    /// # Errors
    /// `bad_request` when `on` is neither what is stored nor what was computed last, or for a file that is not there to merge;
    /// `not_found`, or those of a damaged file.
    pub fn commit(&mut self, request: &[u8]) -> Result<Vec<u8>> {
        self.write_commit(request)
    }

    /// `{"backend","kernel","model":{..}|null,"indexes":{NAME:{"documents","passages","values":[..],"size_bytes":{"vectors","graph",
    /// "text"},"stored","segments","pending","gone","next"}},"size_bytes":{"model","vectors","graph","text","buffers"},
    /// "memory_bytes":N|null}`. `size_bytes` is what is held, by part; `memory_bytes` the linear memory of a WebAssembly build, null on
    /// others. What is stored of an index: `stored`, the pointer's digest or null; `segments`, `[{"file","length","documents","living",
    /// "live"}]` in its order; `pending`, how many documents lie in none; `gone`, whether documents went of which it does not say so.
    /// `next` are the same four for what `commit` computed last, or null.
    ///
    /// # Errors
    /// `bug` when the reply cannot be written.
    pub fn status(&self) -> Result<Vec<u8>> {
        let indexes: Map<String, Value> = self
            .indexes
            .iter()
            .map(|(name, index)| {
                let (stored, next) = index.stored();
                let counts = json!({
                    "documents": index.documents(),
                    "passages": index.passages(),
                    "values": index.columns().fields().collect::<Vec<_>>(),
                    "size_bytes": index.size_bytes(),
                    "stored": stored.stored,
                    "segments": stored.segments,
                    "pending": stored.pending,
                    "gone": stored.gone,
                    "next": next,
                });
                (name.clone(), counts)
            })
            .collect();
        plan::reply(&json!({
            "backend": self.backend,
            "kernel": self.embedder.kernels().name(),
            "model": self.model.as_ref().map(Model::describe),
            "pieces": self.pieces.as_ref().map(Pieces::describe),
            "indexes": indexes,
            "size_bytes": self.parts(),
            "memory_bytes": memory::linear_bytes(),
        }))
    }

    /// `{"index"}` -> `{}`: forgets an index, or the beginning of one.
    ///
    /// # Errors
    /// `bad_request`, or `not_found`.
    pub fn close(&mut self, request: &[u8]) -> Result<Vec<u8>> {
        self.forget(request)
    }
}

impl Engine {
    /// The documents that a checked plan finds, best first, by their numbers in the index; what `search` writes out.
    /// From the second call on nothing is allocated for a plan like one before.
    ///
    /// # Errors
    /// As for [`Engine::search`].
    pub fn find(&mut self, plan: &plan::Search) -> Result<Answer<&[Found]>> {
        let index = found(&mut self.indexes, &plan.index)?;
        let encoders = Encoders::of(&self.model, &self.pieces);
        self.finder.find(&mut self.embedder, encoders, index, plan)
    }

    /// What is held in memory.
    pub fn parts(&self) -> Parts {
        let mut parts = Parts {
            model: self.model.as_ref().map_or(0, Model::held_bytes)
                + self.pieces.as_ref().map_or(0, Pieces::held_bytes),
            text: self.opening.values().map(File::size_bytes).sum::<usize>()
                + self.published.size_bytes()
                + self.loads.size_bytes(),
            buffers: self.embedder.size_bytes() + self.finder.size_bytes(),
            ..Parts::default()
        };
        for index in self.indexes.values() {
            parts.add(index.size_bytes());
        }
        parts
    }
}

fn ready(model: &Option<Model>) -> Result<&Model> {
    model.as_ref().ok_or_else(missing_model)
}

fn found<'a>(indexes: &'a mut SortedMap<String, Index>, name: &str) -> Result<&'a mut Index> {
    indexes.get_mut(name).ok_or_else(|| unknown(name))
}

fn unknown(name: &str) -> Error {
    Error::new(
        Code::NotFound,
        format!("there is no index \"{name}\"; open it first"),
    )
    .with(json!({"index": name}))
}
