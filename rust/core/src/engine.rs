//! The engine: a model and named indexes behind methods that take and give bytes.
//!
//! Owns which model and which indexes there are; delegates everything else. It knows nothing of who calls it.
//! Invariant: a call that fails leaves everything as it was, and what a call lacks it answers as `need`.

use crate::bands;
use crate::embedder::{Embedder, prefixed};
use crate::error::{Code, Error, Result};
use crate::explain;
use crate::facets::Row;
use crate::file::{Answer, File};
use crate::finder::{Encoders, Encoding, Finder, missing_model};
use crate::index::{self, Entry, Found, Index, Space};
use crate::loading::Loads;
use crate::memory::{self, Parts};
use crate::model::Model;
use crate::numbers;
use crate::pieces::Pieces;
use crate::plan::{self, Encoder, TextKind, need};
use crate::published::{self, Published};
use crate::sentences;
use crate::snippet;
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
    /// that name is replaced once the new one is. A published collection is read in pieces, for searches only; `whole`
    /// reads both its files, and it is an index like any other.
    ///
    /// # Errors
    /// `bad_request`, `bad_format`, `wrong_version` or `wrong_digest`.
    pub fn open(&mut self, request: &[u8]) -> Result<Vec<u8>> {
        let request: plan::Open = plan::read(request)?;
        let name = request.index.as_str();
        let index = match request.source()? {
            None => Index::new(),
            Some((source, length)) => {
                let file = self
                    .opening
                    .remove(name)
                    .filter(|file| file.is(source, length));
                let mut file = file.unwrap_or_else(|| File::new(source, length));
                if request.whole {
                    match self.loads.open(name, source, length, &mut file)? {
                        Answer::Ready(None) => {}
                        Answer::Ready(Some(index)) => return self.opened(request.index, index),
                        Answer::Need(needs) => {
                            self.opening.insert(name.to_owned(), file);
                            return need(&needs);
                        }
                    }
                }
                let published = self.published.open(name, source, length, &mut file)?;
                if let Some((reply, is_open)) = published {
                    match is_open {
                        true => drop(self.indexes.remove(name)),
                        false => drop(self.opening.insert(name.to_owned(), file)),
                    }
                    return Ok(reply);
                }
                match Index::open(&mut file)? {
                    Answer::Ready(index) => index,
                    Answer::Need(needs) => {
                        self.opening.insert(name.to_owned(), file);
                        return need(&needs);
                    }
                }
            }
        };
        self.opened(request.index, index)
    }

    /// Keeps an index under a name; gives the reply of `open`.
    fn opened(&mut self, name: String, index: Index) -> Result<Vec<u8>> {
        let reply = plan::reply(&plan::Opened {
            index: &name,
            documents: index.documents(),
            passages: index.passages(),
            space: index.space().map(|space| space.id.as_str()),
            meta: index.meta(),
            values: None,
        })?;
        self.opening.remove(&name);
        self.published.close(&name);
        self.indexes.insert(name, index);
        Ok(reply)
    }

    /// Hands over bytes of `file` from byte `offset` on, as a `need` asked for them; other bytes are not kept.
    ///
    /// # Errors
    /// `bad_request` when the offset is not a whole number below 2^53.
    pub fn provide(&mut self, file: &str, offset: f64, bytes: impl Into<Vec<u8>>) -> Result<()> {
        let (offset, bytes) = (plan::offset(offset)?, bytes.into());
        self.published.provide(file, offset, &bytes);
        self.loads.provide(file, offset, &bytes);
        let open = self.indexes.values_mut().filter_map(Index::file_mut);
        let mut wanting: Vec<&mut File> = self
            .opening
            .values_mut()
            .chain(open)
            .filter(|each| each.wants(file, offset, bytes.len()))
            .collect();
        // Most bytes are one file's, which takes them as they are.
        if let Some(last) = wanting.pop() {
            for each in wanting {
                each.provide(file, offset, bytes.clone());
            }
            last.provide(file, offset, bytes);
        }
        Ok(())
    }

    /// `{"index","documents":[{"id","fields"?:{"title"?,"text"?,"tags"?:[..],"path"?},"language"?,"values"?:{NAME:[..]},
    /// "passages":[text,..],"record"}]}` -> `{"added","replaced","passages"}` or `{"need":[..]}`. All or nothing; a document whose id the index
    /// has takes its place, at the end. Passages are what it is found by in meaning, fields what it is found by in words.
    ///
    /// # Errors
    /// `bad_request`, `bad_input`, `not_found`, `not_ready`, `wrong_space`, `bad_format` when the model's numbers
    /// overflow, or those of a damaged file.
    pub fn add(&mut self, request: &[u8]) -> Result<Vec<u8>> {
        let request: plan::Add = plan::read(request)?;
        let index = found(&mut self.indexes, &request.index)?;
        let model = ready(&self.model)?;
        let space = space_of(model);
        index.check_space(&space.id, space.dim)?;
        if let Answer::Need(needs) = index.fetch_all()? {
            return need(&needs);
        }
        let texts: Vec<&str> = request
            .documents
            .iter()
            .flat_map(|document| document.passages.iter().map(|text| text.0.as_str()))
            .collect();
        let most = model.meta().max_tokens;
        let vectors = self
            .embedder
            .embed(model, TextKind::Passage, &texts, most)?;
        plan::reply(&index.add(&space, &entries(request.documents)?, &vectors)?)
    }

    /// As `add`, with vectors that are there already and need no model: `{"index","space","documents":[..]}` beside raw
    /// little-endian f32, one row for each passage in order. `space` says which model made them.
    ///
    /// # Errors
    /// `bad_request`, `bad_input`, `not_found`, `wrong_space`, `wrong_dim`, or those of a damaged file.
    pub fn add_vectors(&mut self, request: &[u8], vectors: &[u8]) -> Result<Vec<u8>> {
        let request: plan::AddVectors = plan::read(request)?;
        let index = found(&mut self.indexes, &request.index)?;
        let passages = request
            .documents
            .iter()
            .map(|document| document.passages.len())
            .sum();
        let (dim, vectors) = plan::rows(vectors, passages)?;
        let known = self.model.as_ref().map(space_of);
        let known = index.space().or(known.as_ref());
        let space = Space {
            dim: if passages == 0 {
                known.map_or(1, |known| known.dim)
            } else {
                dim
            },
            id: request.space,
        };
        if space.id.is_empty() {
            return Err(Error::new(
                Code::BadRequest,
                "vectors come without the id of their space, so nobody could compare them; give that of their model",
            ));
        }
        index.check_space(&space.id, space.dim)?;
        if let Some(known) = known.filter(|known| known.id == space.id && known.dim != space.dim) {
            return Err(index::wrong_dim(space.dim, known.dim));
        }
        if let Answer::Need(needs) = index.fetch_all()? {
            return need(&needs);
        }
        plan::reply(&index.add(&space, &entries(request.documents)?, &vectors)?)
    }

    /// `{"index","ids":[..]}` -> `{"removed"}` or `{"need":[..]}`; ids that are not in the index are ignored.
    ///
    /// # Errors
    /// `bad_request`, `not_found`, or those of a damaged file.
    pub fn remove(&mut self, request: &[u8]) -> Result<Vec<u8>> {
        let request: plan::Remove = plan::read(request)?;
        let index = found(&mut self.indexes, &request.index)?;
        if let Answer::Need(needs) = index.fetch_all()? {
            return need(&needs);
        }
        let removed = index.remove(request.ids.iter().map(String::as_str))?;
        plan::reply(&json!({ "removed": removed }))
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
        let mut plan = plan::read_search(request)?;
        if self.published.has(&plan.index) {
            let encoders = Encoders::of(&self.model, &self.pieces);
            return self.published.search(&plan, &mut self.embedder, encoders);
        }
        let index = found(&mut self.indexes, &plan.index)?;
        let encoders = Encoders::of(&self.model, &self.pieces);
        let encoding = encoders.of_plan(&plan)?;
        if let Some(Encoding::Static(_)) = encoding {
            plan.weigh_statically();
        }
        let answer = self
            .finder
            .find(&mut self.embedder, encoders, index, &plan)?;
        if let Answer::Need(needs) = answer {
            return need(&needs);
        }
        let found = self.finder.buffers().found();
        let documents: Vec<usize> = found.iter().map(|found| found.document).collect();
        let records = match index.records(&documents)? {
            Answer::Need(needs) => return need(&needs),
            Answer::Ready(records) => records,
        };
        let encoder = encoding.map(|encoding| encoding.encoder());
        let cuts = index.bands().and_then(|bands| bands.cuts(&plan, encoder));
        let query = self.finder.buffers().words();
        let mut hits = Vec::with_capacity(found.len());
        for (found, record) in found.iter().zip(records) {
            let explain = match plan.explain {
                true => Some(explain::hit(&plan, index, query, found)?),
                false => None,
            };
            hits.push(plan::Hit {
                id: index.id(found.document),
                score: found.score,
                passage: found.passage,
                legs: plan::Legs {
                    meaning: found.meaning.map(|meaning| meaning.closeness()),
                    words: found.words,
                },
                record,
                band: cuts.map(|cuts| bands::band(found.score, cuts)),
                explain,
            });
        }
        let corrections = self.finder.corrections();
        plan::reply(&plan::Hits {
            hits: &hits,
            total: self.finder.buffers().total(),
            exact: true,
            close: cuts.map(|cuts| bands::is_close(self.finder.buffers().best(), cuts)),
            cursor: plan.next(hits.len(), self.finder.buffers().total()),
            facets: (!plan.facets.is_empty()).then(|| self.finder.buffers().counts()),
            corrections: (!corrections.is_empty()).then_some(corrections),
            encoder,
            explain: plan.explain.then(|| explain::search(&plan, index, query)),
        })
    }

    /// What is shown of hits: see [`snippet::answer`] for the request and the reply. The texts come with the request, as records
    /// have them, because an engine does not know what a record means. `encoder` is `static` when not given and there is a piece
    /// table; without one nobody chooses among sentences.
    ///
    /// # Errors
    /// `bad_request`, `not_found` or `not_ready`.
    pub fn snippets(&mut self, request: &[u8]) -> Result<Vec<u8>> {
        let request: snippet::Request = plan::read(request)?;
        // A collection that is read in pieces tells its languages; what its words weigh would have to be fetched.
        let name = request.index.as_deref().unwrap_or_default();
        let (languages, weights) = match self.published.languages(name) {
            Some(languages) => (languages, SortedMap::new()),
            None if request.index.is_none() => Default::default(),
            None => found(&mut self.indexes, name)?
                .words()
                .map(|words| words.weigh(request.texts()))
                .unwrap_or_default(),
        };
        let asked = request.texts().collect::<Vec<_>>().join(" ");
        let encoder = request
            .encoder
            .filter(|encoder| *encoder != Encoder::Auto)
            .or(self.pieces.as_ref().map(|_| Encoder::Static));
        let (model, pieces, embedder) = (&self.model, &self.pieces, &mut self.embedder);
        let mut query = Vec::new();
        let mut by_static = |texts: &[&str]| {
            let pieces = pieces.as_ref().ok_or_else(crate::pieces::missing)?;
            sentences::by_pieces(pieces, &asked, texts)
        };
        let mut by_model = |texts: &[&str]| {
            sentences::by_model(ready(model)?, embedder, &asked, &mut query, texts)
        };
        let choose: Option<&mut snippet::Choose<'_>> = match encoder {
            None => None,
            Some(Encoder::Static | Encoder::Auto) => Some(&mut by_static),
            Some(Encoder::Model) => Some(&mut by_model),
        };
        snippet::answer(&request, &languages, weights, choose)
    }

    /// `{"index","ids"?:[..]}` -> `{"records":[{"id","record"}]}` in the order of insertion, or `{"need":[..]}`.
    ///
    /// # Errors
    /// `bad_request`, `not_found`, or those of a damaged file.
    pub fn records(&mut self, request: &[u8]) -> Result<Vec<u8>> {
        let request: plan::Records = plan::read(request)?;
        let index = found(&mut self.indexes, &request.index)?;
        let documents: Vec<usize> = match &request.ids {
            None => (0..index.documents()).collect(),
            Some(ids) => {
                let mut numbers: Vec<usize> =
                    ids.iter().filter_map(|id| index.number(id)).collect();
                numbers.sort_unstable();
                numbers.dedup();
                numbers
            }
        };
        let records = match index.records(&documents)? {
            Answer::Need(needs) => return need(&needs),
            Answer::Ready(records) => records,
        };
        let records: Vec<plan::Record<'_>> = documents
            .iter()
            .zip(records)
            .map(|(document, record)| plan::Record {
                id: index.id(*document),
                record,
            })
            .collect();
        plan::reply(&SortedMap::from([("records", records)]))
    }

    /// `{"index","meta"?:{},"calibrate"?}` -> the index file as raw bytes, which begin with `FINDLING`, or `{"need":[..]}` when
    /// parts of it have not been read yet. The same contents give the same bytes. `calibrate` learns which scores are good ones
    /// in this collection (docs/RANKING.md); it needs the model, and takes a few hundred searches.
    ///
    /// # Errors
    /// `bad_request`, `not_found`, or those of a damaged file.
    pub fn dump(&mut self, request: &[u8]) -> Result<Vec<u8>> {
        let request: plan::Dump = plan::read(request)?;
        let index = found(&mut self.indexes, &request.index)?;
        if let Answer::Need(needs) = index.fetch_all()? {
            return need(&needs);
        }
        if request.calibrate {
            let encoders = Encoders::of(&self.model, &self.pieces);
            bands::calibrate(&mut self.embedder, encoders, index)?;
        }
        index.dump(request.meta)
    }

    /// `{"index","meta"?:{},"calibrate"?}` -> the files of a published collection (docs/FORMAT.md) as raw bytes: the length of the pointer
    /// file, a big-endian u32, this, and the segment, whose name the pointer tells; or `{"need":[..]}`. With a piece table
    /// it can be searched by meaning. The same documents give the same bytes, in whatever order they were added.
    ///
    /// # Errors
    /// `bad_request`, `not_found`, `bad_input`, `wrong_space`, or those of a damaged file.
    pub fn publish(&mut self, request: &[u8]) -> Result<Vec<u8>> {
        let request: plan::Dump = plan::read(request)?;
        let index = found(&mut self.indexes, &request.index)?;
        if let Answer::Need(needs) = index.fetch_all()? {
            return need(&needs);
        }
        if request.calibrate {
            let encoders = Encoders::of(&self.model, &self.pieces);
            bands::calibrate(&mut self.embedder, encoders, index)?;
        }
        published::publish(index, self.pieces.as_ref(), request.meta)
    }

    /// `{"backend","kernel","model":{..}|null,"indexes":{NAME:{"documents","passages","values":[..],"size_bytes":{"vectors","graph",
    /// "text"}}},"size_bytes":{"model","vectors","graph","text","buffers"},"memory_bytes":N|null}`. `size_bytes` is what is
    /// held, by part; `memory_bytes` the linear memory of a WebAssembly build, null on others.
    ///
    /// # Errors
    /// `bug` when the reply cannot be written.
    pub fn status(&self) -> Result<Vec<u8>> {
        let indexes: Map<String, Value> = self
            .indexes
            .iter()
            .map(|(name, index)| {
                let counts = json!({
                    "documents": index.documents(),
                    "passages": index.passages(),
                    "values": index.columns().fields().collect::<Vec<_>>(),
                    "size_bytes": index.size_bytes(),
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
        let request: plan::Close = plan::read(request)?;
        let published = self.published.close(&request.index) | self.loads.close(&request.index);
        let opening = self.opening.remove(&request.index);
        if self.indexes.remove(&request.index).is_none() && opening.is_none() && !published {
            return Err(unknown(&request.index));
        }
        plan::reply(&json!({}))
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

fn entries(documents: Vec<plan::Document>) -> Result<Vec<Entry>> {
    let documents = documents.into_iter();
    documents
        .map(|mut document| {
            Ok(Entry {
                words: document.words()?,
                values: Row::new(&document.values)?,
                id: document.id,
                passages: document.passages.len(),
                record: document.record,
            })
        })
        .collect()
}

fn space_of(model: &Model) -> Space {
    Space {
        id: model.meta().space.clone(),
        dim: model.meta().dim,
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
