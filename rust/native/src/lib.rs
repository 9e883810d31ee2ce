//! The PyO3 face of the engine.
//!
//! Owns the crossing between CPython and the core: bytes in, bytes out, one error conversion. It decides nothing and
//! must not know what a request means. Invariant: the methods, their order and their meaning are those of
//! `findling_core::Engine`; the interpreter is released while the engine computes.

use pyo3::create_exception;
use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use std::borrow::Cow;

create_exception!(
    _native,
    EngineError,
    PyException,
    "A call failed; the arguments are code, message and detail (JSON)."
);

type Reply = PyResult<Cow<'static, [u8]>>;

/// Texts to vectors, vectors to hits. Requests and replies are UTF-8 JSON bytes unless a method says otherwise.
/// Every method raises `EngineError`.
#[pyclass(module = "findling._native")]
struct Engine(findling_core::Engine);

#[pymethods]
impl Engine {
    /// An engine without a model and without indexes.
    #[new]
    fn new() -> Engine {
        Engine(findling_core::Engine::new("native"))
    }

    /// "native".
    fn backend(&self) -> &str {
        self.0.backend()
    }

    /// Takes a model file as bytes, verifies every block and keeps it.
    fn load_model(&mut self, py: Python<'_>, bytes: &[u8]) -> Reply {
        reply(py.detach(|| self.0.load_model(bytes.to_vec())))
    }

    /// text, kind, max_tokens -> ids.
    fn tokenize(&self, py: Python<'_>, request: &[u8]) -> Reply {
        reply(py.detach(|| self.0.tokenize(request)))
    }

    /// texts, kind, max_tokens -> little-endian f32, texts x dim, as raw bytes.
    fn embed(&mut self, py: Python<'_>, request: &[u8]) -> Reply {
        reply(py.detach(|| self.0.embed(request)))
    }

    /// index, file, length -> counts, or need.
    fn open(&mut self, py: Python<'_>, request: &[u8]) -> Reply {
        reply(py.detach(|| self.0.open(request)))
    }

    /// Bytes of a file from an offset on, as a need asked for them.
    fn provide(&mut self, py: Python<'_>, file: &str, offset: f64, bytes: &[u8]) -> PyResult<()> {
        py.detach(|| self.0.provide(file, offset, bytes))
            .map_err(raised)
    }

    /// index, documents -> counts, or need. All or nothing.
    fn add(&mut self, py: Python<'_>, request: &[u8]) -> Reply {
        reply(py.detach(|| self.0.add(request)))
    }

    /// index, ids -> removed.
    fn remove(&mut self, py: Python<'_>, request: &[u8]) -> Reply {
        reply(py.detach(|| self.0.remove(request)))
    }

    /// A plan -> hits, or need.
    fn search(&mut self, py: Python<'_>, request: &[u8]) -> Reply {
        reply(py.detach(|| self.0.search(request)))
    }

    /// index, ids -> records in the order of insertion, or need.
    fn records(&mut self, py: Python<'_>, request: &[u8]) -> Reply {
        reply(py.detach(|| self.0.records(request)))
    }

    /// index, meta -> the index file, or need.
    fn dump(&mut self, py: Python<'_>, request: &[u8]) -> Reply {
        reply(py.detach(|| self.0.dump(request)))
    }

    /// backend, kernel, model, indexes.
    fn status(&self, py: Python<'_>) -> Reply {
        reply(py.detach(|| self.0.status()))
    }

    /// index: forgets it.
    fn close(&mut self, py: Python<'_>, request: &[u8]) -> Reply {
        reply(py.detach(|| self.0.close(request)))
    }
}

/// kind, meta, sections with name and length, and the sections' bytes end to end -> the container file.
#[pyfunction]
fn pack<'py>(py: Python<'py>, request: &[u8], payload: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    let file = py
        .detach(|| findling_core::pack(request, payload))
        .map_err(raised)?;
    Ok(PyBytes::new(py, &file))
}

/// Verifies every block of a container file; its header as JSON.
#[pyfunction]
fn inspect(py: Python<'_>, bytes: &[u8]) -> Reply {
    reply(py.detach(|| findling_core::inspect(bytes)))
}

fn reply(result: findling_core::Result<Vec<u8>>) -> Reply {
    result.map(Cow::Owned).map_err(raised)
}

fn raised(error: findling_core::Error) -> PyErr {
    EngineError::new_err((error.code.as_str(), error.message, error.detail.to_string()))
}

/// The native engine.
#[pymodule(name = "_native")]
fn native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("EngineError", module.py().get_type::<EngineError>())?;
    module.add_class::<Engine>()?;
    module.add_function(wrap_pyfunction!(pack, module)?)?;
    module.add_function(wrap_pyfunction!(inspect, module)?)
}
