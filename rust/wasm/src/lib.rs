//! The wasm-bindgen face of the engine.
//!
//! Owns the crossing between JavaScript and the core: bytes in, bytes out, one error conversion. It decides nothing
//! and must not know what a request means. Invariant: the methods, their order and their meaning are those of
//! `findling_core::Engine` and `findling_core::VectorIndex`. In what is shipped a panic is a trap, which a host gets as an error
//! without a code; the instance is lost with it (`guarded` of web/engine.js).

use js_sys::{Error, JSON, Reflect};
use wasm_bindgen::prelude::*;

/// The name of the tier this module was compiled for.
const BACKEND: &str = if cfg!(feature = "js") {
    "js"
} else if cfg!(target_feature = "relaxed-simd") {
    "wasm-relaxed"
} else if cfg!(target_feature = "simd128") {
    "wasm-simd"
} else {
    "wasm-scalar"
};

type Reply = Result<Vec<u8>, Error>;

/// Texts to vectors, vectors to hits. Requests and replies are UTF-8 JSON bytes unless a method says otherwise.
/// Every method throws an `Error` that carries `code` (one of the stable codes) and `detail` (an object).
#[wasm_bindgen]
pub struct Engine(findling_core::Engine);

#[wasm_bindgen]
impl Engine {
    /// An engine without a model and without indexes.
    #[wasm_bindgen(constructor)]
    #[allow(clippy::new_without_default)]
    pub fn new() -> Engine {
        Engine(findling_core::Engine::new(BACKEND))
    }

    /// The tier: `"wasm-relaxed"`, `"wasm-simd"`, `"wasm-scalar"` or `"js"`.
    pub fn backend(&self) -> String {
        self.0.backend().to_owned()
    }

    /// Takes a model file as bytes, verifies every block and keeps it.
    /// Reply: `{"name","space","dim","max_tokens","digest","size_bytes"}`.
    pub fn load_model(&mut self, bytes: Vec<u8>) -> Reply {
        self.0.load_model(bytes).map_err(thrown)
    }

    /// As `load_model`, for bytes whose SHA-256 the caller has compared with one that he trusts: a browser hashes a file in
    /// a thread of its own, several times as fast as WebAssembly can.
    pub fn adopt_model(&mut self, bytes: Vec<u8>) -> Reply {
        self.0.adopt_model(bytes).map_err(thrown)
    }

    /// Takes a piece table as bytes, verifies every block and keeps it.
    /// Reply: `{"name","space","dim","pieces","digest","size_bytes"}`.
    pub fn load_pieces(&mut self, bytes: &[u8]) -> Reply {
        self.0.load_pieces(bytes).map_err(thrown)
    }

    /// `{"text","kind":"query"|"passage"|null,"max_tokens":N|null}` -> `{"ids":[..]}`.
    pub fn tokenize(&self, request: &[u8]) -> Reply {
        self.0.tokenize(request).map_err(thrown)
    }

    /// `{"texts":[..],"kind":"query"|"passage","max_tokens"?,"encoder"?:"model"|"static"}` -> little-endian f32, texts x dim, as raw bytes.
    pub fn embed(&mut self, request: &[u8]) -> Reply {
        self.0.embed(request).map_err(thrown)
    }

    /// `{"index":NAME,"file"?,"length"?:bytes}` -> `{"index","documents","passages","space","meta"}`
    /// or `{"need":[{"file","offset","length"}]}`. Without a file the index is new and empty.
    pub fn open(&mut self, request: &[u8]) -> Reply {
        self.0.open(request).map_err(thrown)
    }

    /// Hands over bytes of `file` from byte `offset` on, as a `need` asked for them. They are verified when used.
    pub fn provide(&mut self, file: &str, offset: f64, bytes: Vec<u8>) -> Result<(), Error> {
        self.0.provide(file, offset, bytes).map_err(thrown)
    }

    /// `{"index","documents":[{"id","passages":[text,..],"record"}]}` -> `{"added","replaced","passages"}`.
    pub fn add(&mut self, request: &[u8]) -> Reply {
        self.0.add(request).map_err(thrown)
    }

    /// As `add`, with ready vectors: `{"index","space","documents":[..]}` beside little-endian f32, a row for each passage.
    pub fn add_vectors(&mut self, request: &[u8], vectors: &[u8]) -> Reply {
        self.0.add_vectors(request, vectors).map_err(thrown)
    }

    /// `{"index","ids":[..]}` -> `{"removed"}`.
    pub fn remove(&mut self, request: &[u8]) -> Reply {
        self.0.remove(request).map_err(thrown)
    }

    /// `{"index","text"|"vector","space"?,"limit"?,"weights"?,"filter"?,"explain"?}` -> `{"hits":[{"id","score",
    /// "passage","record"}],"explain"?}` or `{"need":[..]}`. Scores: higher is better.
    pub fn search(&mut self, request: &[u8]) -> Reply {
        self.0.search(request).map_err(thrown)
    }

    /// `{"items":[{"title"?,"text"?,"spans"?,"passage"?}],"query",..}` -> `{"items":[{"title","snippet","passage"}]}`: what is shown
    /// of hits, as pieces of text with the words of the query marked.
    pub fn snippets(&mut self, request: &[u8]) -> Reply {
        self.0.snippets(request).map_err(thrown)
    }

    /// `{"index","ids"?:[..]}` -> `{"records":[{"id","record"}]}` in the order of insertion, or `{"need":[..]}`.
    pub fn records(&mut self, request: &[u8]) -> Reply {
        self.0.records(request).map_err(thrown)
    }

    /// `{"index","meta"?}` -> the index file as raw bytes; the same contents give the same bytes.
    pub fn dump(&mut self, request: &[u8]) -> Reply {
        self.0.dump(request).map_err(thrown)
    }

    /// `{"index","meta"?}` -> the files of a published collection as raw bytes: the length of the pointer file, a big-endian
    /// u32, this, and the segment; or `{"need":[..]}`.
    pub fn publish(&mut self, request: &[u8]) -> Reply {
        self.0.publish(request).map_err(thrown)
    }

    /// `{"index","on"?,"meta"?,"merge"?,"calibrate"?}` -> what changed since the pointer of the digest `on` was stored, as raw bytes: the
    /// length of the new pointer, a big-endian u32, this, and the new live segment, if there is one; or `{"need":[..]}`.
    pub fn commit(&mut self, request: &[u8]) -> Reply {
        self.0.commit(request).map_err(thrown)
    }

    /// `{"backend","kernel","model":{..}|null,"indexes":{NAME:{"documents","passages","size_bytes":{"vectors","graph",
    /// "text"}}},"size_bytes":{"model","vectors","graph","text","buffers"},"memory_bytes":N|null}`.
    pub fn status(&self) -> Reply {
        self.0.status().map_err(thrown)
    }

    /// `{"index"}`: forgets the index. Reply: `{}`.
    pub fn close(&mut self, request: &[u8]) -> Reply {
        self.0.close(request).map_err(thrown)
    }
}

/// Vectors under numbers of the caller's, found by nearness. Requests and replies are UTF-8 JSON bytes; ids are
/// little-endian u32 and vectors little-endian f32, end to end. Every method throws as those of `Engine` do.
#[cfg(feature = "authoring")]
#[wasm_bindgen]
pub struct VectorIndex(findling_core::VectorIndex);

#[cfg(feature = "authoring")]
#[wasm_bindgen]
impl VectorIndex {
    /// `{"dim","metric"?,"store"?,"sketch"?,"index"?,"graph_from"?,"m"?,"ef_construction"?}`: an index without vectors.
    #[wasm_bindgen(constructor)]
    pub fn new(request: &[u8]) -> Result<VectorIndex, Error> {
        let made = findling_core::VectorIndex::create(request);
        made.map(VectorIndex).map_err(thrown)
    }

    /// An index from the bytes of a whole file, as `dump` gives them.
    pub fn load(bytes: &[u8]) -> Result<VectorIndex, Error> {
        let loaded = findling_core::VectorIndex::load(bytes);
        loaded.map(VectorIndex).map_err(thrown)
    }

    /// Adds one vector for each id, all or nothing; a known id is replaced. Reply: `{"added","replaced"}`.
    pub fn add(&mut self, ids: &[u8], vectors: &[u8]) -> Reply {
        self.0.add(ids, vectors).map_err(thrown)
    }

    /// Removes vectors; unknown ids are ignored. Reply: `{"removed"}`.
    pub fn remove(&mut self, ids: &[u8]) -> Reply {
        self.0.remove(ids).map_err(thrown)
    }

    /// The vectors of ids as they are kept.
    pub fn get(&self, ids: &[u8]) -> Reply {
        self.0.get(ids).map_err(thrown)
    }

    /// At most so many rounds of the work that makes searches fast. Reply: `{"linked","waiting","done"}`.
    pub fn link(&mut self, rounds: u32) -> Reply {
        self.0.link(rounds as usize).map_err(thrown)
    }

    /// `{"limit"?,"ef_search"?,"rescore"?,"index"?,"explain"?}`, the query, and a filter: bit `id % 8` of byte `id / 8`
    /// is set for ids that may be found, no bytes for all. Reply: `{"hits":[{"id","score"}],"explain"?}`, nearest first.
    pub fn search(&mut self, request: &[u8], vector: &[u8], filter: &[u8]) -> Reply {
        self.0.search(request, vector, filter).map_err(thrown)
    }

    /// The index as the bytes of a file; the same calls give the same bytes.
    pub fn dump(&mut self) -> Reply {
        self.0.dump().map_err(thrown)
    }

    /// `{"vectors","linked","waiting","removed","graph","size_bytes":{"vectors","graph","text","buffers"},"spec"}`.
    pub fn status(&self) -> Reply {
        self.0.status().map_err(thrown)
    }
}

/// `{"kind","meta","sections":[{"name","length","block"?}]}` and the sections' bytes end to end -> the container file.
#[wasm_bindgen]
pub fn pack(request: &[u8], payload: &[u8]) -> Reply {
    findling_core::pack(request, payload).map_err(thrown)
}

/// Verifies every block of a container file; reply: its header as JSON.
#[wasm_bindgen]
pub fn inspect(bytes: &[u8]) -> Reply {
    findling_core::inspect(bytes).map_err(thrown)
}

/// One calculation over vectors: a JSON request and rows of little-endian f32 -> rows, packed rows or JSON.
#[cfg(feature = "authoring")]
#[wasm_bindgen]
pub fn compute(request: &[u8], payload: &[u8]) -> Reply {
    findling_core::compute(request, payload).map_err(thrown)
}

/// `{"text","language"?}` -> `{"language","tokens":[{"term","form","position","start","end","whole"}]}`: what is indexed of a text.
#[wasm_bindgen]
pub fn analyse(request: &[u8]) -> Reply {
    findling_core::analyse(request).map_err(thrown)
}

fn thrown(failure: findling_core::Error) -> Error {
    error(
        failure.code.as_str(),
        &failure.message,
        &failure.detail.to_string(),
    )
}

fn error(code: &str, message: &str, detail_json: &str) -> Error {
    let error = Error::new(message);
    let detail = JSON::parse(detail_json).unwrap_or(JsValue::NULL);
    // Setting a property of a fresh, extensible object cannot fail.
    let _ = Reflect::set(&error, &"code".into(), &code.into());
    let _ = Reflect::set(&error, &"detail".into(), &detail);
    error
}
