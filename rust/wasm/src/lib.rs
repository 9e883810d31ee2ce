//! The wasm-bindgen face of the engine.
//!
//! Owns the crossing between JavaScript and the core: bytes in, bytes out, one error conversion. It decides nothing
//! and must not know what a request means. Invariant: the methods, their order and their meaning are those of
//! `findling_core::Engine`; a panic leaves as a JavaScript error with the code `bug`, after which the instance is lost.

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

    /// `{"text","kind":"query"|"passage"|null,"max_tokens":N|null}` -> `{"ids":[..]}`.
    pub fn tokenize(&self, request: &[u8]) -> Reply {
        self.0.tokenize(request).map_err(thrown)
    }

    /// `{"texts":[..],"kind":"query"|"passage","max_tokens"?}` -> little-endian f32, texts x dim, as raw bytes.
    pub fn embed(&mut self, request: &[u8]) -> Reply {
        self.0.embed(request).map_err(thrown)
    }

    /// `{"index":NAME,"file"?,"length"?:bytes}` -> `{"index","documents","passages","space","meta"}`
    /// or `{"need":[{"file","offset","length"}]}`. Without a file the index is new and empty.
    pub fn open(&mut self, request: &[u8]) -> Reply {
        self.0.open(request).map_err(thrown)
    }

    /// Hands over bytes of `file` from byte `offset` on, as a `need` asked for them. They are verified when used.
    pub fn provide(&mut self, file: &str, offset: f64, bytes: &[u8]) -> Result<(), Error> {
        self.0.provide(file, offset, bytes).map_err(thrown)
    }

    /// `{"index","documents":[{"id","passages":[text,..],"record"}]}` -> `{"added","replaced","passages"}`.
    pub fn add(&mut self, request: &[u8]) -> Reply {
        self.0.add(request).map_err(thrown)
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

    /// `{"index","ids"?:[..]}` -> `{"records":[{"id","record"}]}` in the order of insertion, or `{"need":[..]}`.
    pub fn records(&mut self, request: &[u8]) -> Reply {
        self.0.records(request).map_err(thrown)
    }

    /// `{"index","meta"?}` -> the index file as raw bytes; the same contents give the same bytes.
    pub fn dump(&mut self, request: &[u8]) -> Reply {
        self.0.dump(request).map_err(thrown)
    }

    /// `{"backend","kernel","model":{..}|null,"indexes":{NAME:{"documents","passages","size_bytes"}}}`.
    pub fn status(&self) -> Reply {
        self.0.status().map_err(thrown)
    }

    /// `{"index"}`: forgets the index. Reply: `{}`.
    pub fn close(&mut self, request: &[u8]) -> Reply {
        self.0.close(request).map_err(thrown)
    }
}

/// `{"kind","meta","sections":[{"name","length"}]}` and the sections' bytes end to end -> the container file.
#[wasm_bindgen]
pub fn pack(request: &[u8], payload: &[u8]) -> Reply {
    findling_core::pack(request, payload).map_err(thrown)
}

/// Verifies every block of a container file; reply: its header as JSON.
#[wasm_bindgen]
pub fn inspect(bytes: &[u8]) -> Reply {
    findling_core::inspect(bytes).map_err(thrown)
}

/// Panics leave as an error the host can read, instead of a bare `unreachable` trap. Throwing from the hook skips
/// all destructors, so the engine stays marked as borrowed and every later call on it fails: rebuild the instance.
#[wasm_bindgen(start)]
pub fn start() {
    std::panic::set_hook(Box::new(|panic| {
        wasm_bindgen::throw_val(error("bug", &panic.to_string(), "{}").into());
    }));
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
