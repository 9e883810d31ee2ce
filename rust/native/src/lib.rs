//! The PyO3 face of the engine.
