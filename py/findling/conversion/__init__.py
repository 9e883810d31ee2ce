"""The steps from a sentence-transformers folder to a Findling model file; `findling.model` is their public face.

Runs on CPython with numpy alone and is never imported in a browser. The order of imports: tensors, source, reproducible,
transformer, quantise; each only earlier ones.
"""
