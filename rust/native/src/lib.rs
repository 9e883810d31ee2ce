//! The PyO3 face of the engine.
//!
//! Owns the crossing between Python and the core: bytes in, bytes out, one error conversion. It decides nothing and
//! must not know what a request means. Invariant: the methods, their order and their meaning are those of
//! `findling_core::Engine` and `findling_core::VectorIndex`; other Python threads run while the engine computes, and a
//! panic ends the engine, not Python.

use findling_core::{Code, Error};
use pyo3::create_exception;
use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

create_exception!(
    findling._native,
    EngineError,
    PyException,
    "The engine refused a call. Arguments: code, message, detail as JSON."
);

type Reply<'py> = PyResult<Bound<'py, PyBytes>>;

/// Texts to vectors, vectors to hits. Requests and replies are UTF-8 JSON bytes unless a method says otherwise.
/// Every method raises EngineError(code, message, detail_json).
#[pyclass(module = "findling._native", frozen)]
struct Engine(Mutex<findling_core::Engine>);

#[pymethods]
impl Engine {
    /// An engine without a model and without indexes.
    #[new]
    fn new() -> Engine {
        Engine(Mutex::new(findling_core::Engine::new("native")))
    }

    /// Always "native".
    fn backend(&self, py: Python<'_>) -> PyResult<String> {
        locked(py, &self.0, |engine| Ok(engine.backend().to_owned()))
    }

    /// Takes a model file as bytes, verifies every block and keeps it.
    /// Reply: {"name","space","dim","max_tokens","digest","size_bytes"}.
    fn load_model<'py>(&self, py: Python<'py>, bytes: &[u8]) -> Reply<'py> {
        self.reply(py, |engine| engine.load_model(bytes.to_vec()))
    }

    /// As load_model, for bytes whose SHA-256 the caller has compared with one that he trusts: they are not hashed again.
    fn adopt_model<'py>(&self, py: Python<'py>, bytes: &[u8]) -> Reply<'py> {
        self.reply(py, |engine| engine.adopt_model(bytes.to_vec()))
    }

    /// Takes a piece table as bytes, verifies every block and keeps it.
    /// Reply: {"name","space","dim","pieces","digest","size_bytes"}.
    fn load_pieces<'py>(&self, py: Python<'py>, bytes: &[u8]) -> Reply<'py> {
        self.reply(py, |engine| engine.load_pieces(bytes))
    }

    /// {"text","kind":"query"|"passage"|null,"max_tokens":N|null} -> {"ids":[..]}.
    fn tokenize<'py>(&self, py: Python<'py>, request: &[u8]) -> Reply<'py> {
        self.reply(py, |engine| engine.tokenize(request))
    }

    /// {"texts":[..],"kind":"query"|"passage","max_tokens"?,"encoder"?:"model"|"static"} -> little-endian f32, texts x dim, as raw bytes.
    fn embed<'py>(&self, py: Python<'py>, request: &[u8]) -> Reply<'py> {
        self.reply(py, |engine| engine.embed(request))
    }

    /// {"index":NAME,"file"?,"length"?:bytes} -> {"index","documents","passages","space","meta"}
    /// or {"need":[{"file","offset","length"}]}. Without a file the index is new and empty.
    fn open<'py>(&self, py: Python<'py>, request: &[u8]) -> Reply<'py> {
        self.reply(py, |engine| engine.open(request))
    }

    /// Hands over bytes of `file` from byte `offset` on, as a `need` asked for them. They are verified when used.
    fn provide(&self, py: Python<'_>, file: &str, offset: f64, bytes: &[u8]) -> PyResult<()> {
        locked(py, &self.0, |engine| engine.provide(file, offset, bytes))
    }

    /// {"index","documents":[{"id","passages":[text,..],"record"}]} -> {"added","replaced","passages"}.
    fn add<'py>(&self, py: Python<'py>, request: &[u8]) -> Reply<'py> {
        self.reply(py, |engine| engine.add(request))
    }

    /// As `add`, with ready vectors: {"index","space","documents":[..]} beside little-endian f32, a row for each passage.
    fn add_vectors<'py>(&self, py: Python<'py>, request: &[u8], vectors: &[u8]) -> Reply<'py> {
        self.reply(py, |engine| engine.add_vectors(request, vectors))
    }

    /// {"index","ids":[..]} -> {"removed"}.
    fn remove<'py>(&self, py: Python<'py>, request: &[u8]) -> Reply<'py> {
        self.reply(py, |engine| engine.remove(request))
    }

    /// {"index","text"|"vector","space"?,"limit"?,"weights"?,"filter"?,"explain"?} -> {"hits":[{"id","score",
    /// "passage","record"}],"explain"?} or {"need":[..]}. Scores: higher is better.
    fn search<'py>(&self, py: Python<'py>, request: &[u8]) -> Reply<'py> {
        self.reply(py, |engine| engine.search(request))
    }

    /// {"items":[{"title"?,"text"?,"spans"?,"passage"?}],"query",..} -> {"items":[{"title","snippet","passage"}]}: what is shown of
    /// hits, as pieces of text with the words of the query marked.
    fn snippets<'py>(&self, py: Python<'py>, request: &[u8]) -> Reply<'py> {
        self.reply(py, |engine| engine.snippets(request))
    }

    /// {"index","ids"?:[..]} -> {"records":[{"id","record"}]} in the order of insertion, or {"need":[..]}.
    fn records<'py>(&self, py: Python<'py>, request: &[u8]) -> Reply<'py> {
        self.reply(py, |engine| engine.records(request))
    }

    /// {"index","meta"?} -> the index file as raw bytes; the same contents give the same bytes.
    fn dump<'py>(&self, py: Python<'py>, request: &[u8]) -> Reply<'py> {
        self.reply(py, |engine| engine.dump(request))
    }

    /// {"index","meta"?} -> the files of a published collection as raw bytes: the length of the pointer file, a
    /// big-endian u32, this, and the segment; or {"need":[..]}.
    fn publish<'py>(&self, py: Python<'py>, request: &[u8]) -> Reply<'py> {
        self.reply(py, |engine| engine.publish(request))
    }

    /// {"index","on"?,"meta"?,"merge"?,"calibrate"?} -> what changed since the pointer of the digest "on" was stored, as raw bytes: the
    /// length of the new pointer, a big-endian u32, this, and the new live segment, if there is one; or {"need":[..]}.
    fn commit<'py>(&self, py: Python<'py>, request: &[u8]) -> Reply<'py> {
        self.reply(py, |engine| engine.commit(request))
    }

    /// {"backend","kernel","model":{..}|null,"indexes":{NAME:{"documents","passages","size_bytes":{"vectors","graph",
    /// "text"}}},"size_bytes":{"model","vectors","graph","text","buffers"},"memory_bytes":N|null}.
    fn status<'py>(&self, py: Python<'py>) -> Reply<'py> {
        self.reply(py, |engine| engine.status())
    }

    /// {"index"}: forgets the index. Reply: {}.
    fn close<'py>(&self, py: Python<'py>, request: &[u8]) -> Reply<'py> {
        self.reply(py, |engine| engine.close(request))
    }
}

impl Engine {
    fn reply<'py>(
        &self,
        py: Python<'py>,
        work: impl FnOnce(&mut findling_core::Engine) -> findling_core::Result<Vec<u8>> + Send,
    ) -> Reply<'py> {
        Ok(PyBytes::new(py, &locked(py, &self.0, work)?))
    }
}

/// Vectors under numbers of the caller's, found by nearness. Requests and replies are UTF-8 JSON bytes; ids are
/// little-endian u32 and vectors little-endian f32, end to end. Every method raises as those of Engine do.
#[pyclass(module = "findling._native", frozen)]
struct VectorIndex(Mutex<findling_core::VectorIndex>);

#[pymethods]
impl VectorIndex {
    /// {"dim","metric"?,"store"?,"sketch"?,"index"?,"graph_from"?,"m"?,"ef_construction"?}: an index without vectors.
    #[new]
    fn new(py: Python<'_>, request: &[u8]) -> PyResult<VectorIndex> {
        let made = detached(py, || findling_core::VectorIndex::create(request))?;
        Ok(VectorIndex(Mutex::new(made)))
    }

    /// An index from the bytes of a whole file, as dump gives them.
    #[staticmethod]
    fn load(py: Python<'_>, bytes: &[u8]) -> PyResult<VectorIndex> {
        let loaded = detached(py, || findling_core::VectorIndex::load(bytes))?;
        Ok(VectorIndex(Mutex::new(loaded)))
    }

    /// Adds one vector for each id, all or nothing; a known id is replaced. Reply: {"added","replaced"}.
    fn add<'py>(&self, py: Python<'py>, ids: &[u8], vectors: &[u8]) -> Reply<'py> {
        self.reply(py, |index| index.add(ids, vectors))
    }

    /// Removes vectors; unknown ids are ignored. Reply: {"removed"}.
    fn remove<'py>(&self, py: Python<'py>, ids: &[u8]) -> Reply<'py> {
        self.reply(py, |index| index.remove(ids))
    }

    /// The vectors of ids as they are kept.
    fn get<'py>(&self, py: Python<'py>, ids: &[u8]) -> Reply<'py> {
        self.reply(py, |index| index.get(ids))
    }

    /// At most so many rounds of the work that makes searches fast. Reply: {"linked","waiting","done"}.
    fn link<'py>(&self, py: Python<'py>, rounds: u32) -> Reply<'py> {
        self.reply(py, |index| index.link(rounds as usize))
    }

    /// {"limit"?,"ef_search"?,"rescore"?,"index"?,"explain"?}, the query, and a filter: bit id % 8 of byte id // 8 is set
    /// for ids that may be found, no bytes for all. Reply: {"hits":[{"id","score"}],"explain"?}, nearest first.
    fn search<'py>(
        &self,
        py: Python<'py>,
        request: &[u8],
        vector: &[u8],
        filter: &[u8],
    ) -> Reply<'py> {
        self.reply(py, |index| index.search(request, vector, filter))
    }

    /// The index as the bytes of a file; the same calls give the same bytes.
    fn dump<'py>(&self, py: Python<'py>) -> Reply<'py> {
        self.reply(py, |index| index.dump())
    }

    /// {"vectors","linked","waiting","removed","graph","size_bytes":{"vectors","graph","text","buffers"},"spec"}.
    fn status<'py>(&self, py: Python<'py>) -> Reply<'py> {
        self.reply(py, |index| index.status())
    }
}

impl VectorIndex {
    fn reply<'py>(
        &self,
        py: Python<'py>,
        work: impl FnOnce(&mut findling_core::VectorIndex) -> findling_core::Result<Vec<u8>> + Send,
    ) -> Reply<'py> {
        Ok(PyBytes::new(py, &locked(py, &self.0, work)?))
    }
}

/// {"kind","meta","sections":[{"name","length","block"?}]} and the sections' bytes end to end -> the container file.
#[pyfunction]
fn pack<'py>(py: Python<'py>, request: &[u8], payload: &[u8]) -> Reply<'py> {
    let packed = detached(py, || findling_core::pack(request, payload))?;
    Ok(PyBytes::new(py, &packed))
}

/// Verifies every block of a container file; reply: its header as JSON.
#[pyfunction]
fn inspect<'py>(py: Python<'py>, bytes: &[u8]) -> Reply<'py> {
    let header = detached(py, || findling_core::inspect(bytes))?;
    Ok(PyBytes::new(py, &header))
}

/// One calculation over vectors: a JSON request and rows of little-endian f32 -> rows, packed rows or JSON.
#[pyfunction]
fn compute<'py>(py: Python<'py>, request: &[u8], payload: &[u8]) -> Reply<'py> {
    let computed = detached(py, || findling_core::compute(request, payload))?;
    Ok(PyBytes::new(py, &computed))
}

/// {"text","language"?} -> {"language","tokens":[{"term","form","position","start","end","whole"}]}: what is indexed of a text.
#[pyfunction]
fn analyse<'py>(py: Python<'py>, request: &[u8]) -> Reply<'py> {
    let analysed = detached(py, || findling_core::analyse(request))?;
    Ok(PyBytes::new(py, &analysed))
}

/// One call at a time: a second thread waits for its turn, without holding the interpreter.
fn locked<S: Send, T: Send>(
    py: Python<'_>,
    state: &Mutex<S>,
    work: impl FnOnce(&mut S) -> findling_core::Result<T> + Send,
) -> PyResult<T> {
    detached(py, || match state.lock() {
        Ok(mut state) => work(&mut state),
        Err(_) => Err(Error::new(
            Code::Bug,
            "the engine broke off in an earlier call and is in an unknown state; make a new one",
        )),
    })
}

/// Runs without the interpreter lock; a panic becomes an error with the code `bug`.
fn detached<T: Send>(
    py: Python<'_>,
    work: impl FnOnce() -> findling_core::Result<T> + Send,
) -> PyResult<T> {
    py.detach(|| catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| Err(bug(&*panic))))
        .map_err(raised)
}

fn bug(panic: &(dyn std::any::Any + Send)) -> Error {
    let what = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no message");
    Error::new(Code::Bug, format!("the engine broke off: {what}"))
}

fn raised(failure: findling_core::Error) -> PyErr {
    EngineError::new_err((
        failure.code(),
        failure.message().to_owned(),
        failure.detail_json(),
    ))
}

/// The Findling engine, compiled.
#[pymodule]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Engine>()?;
    module.add_class::<VectorIndex>()?;
    module.add("EngineError", module.py().get_type::<EngineError>())?;
    module.add_function(wrap_pyfunction!(pack, module)?)?;
    module.add_function(wrap_pyfunction!(inspect, module)?)?;
    module.add_function(wrap_pyfunction!(compute, module)?)?;
    module.add_function(wrap_pyfunction!(analyse, module)?)
}
