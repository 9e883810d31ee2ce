"""Prints a sha256 over a small conversion and over the arithmetic beneath it, for processes started with other BLAS settings.

The arithmetic is entered in full precision, because rounding to 7 bits would hide most differences of a last bit.

    python digest_of_conversion.py FOLDER
"""

import hashlib
import sys
from pathlib import Path

import numpy as np

from findling.conversion import reproducible, transformer
from findling.conversion.source import Source, read_source
from findling.model import sections


def main() -> None:
    source = read_source(Path(sys.argv[1]), name=None, max_tokens=64, prefixes=None)
    random = np.random.default_rng(3)
    tokens = [random.integers(0, len(source.vocabulary), length).tolist() for length in random.integers(4, 40, 40)]
    digest = hashlib.sha256()
    for values in arithmetic(source, tokens):
        digest.update(np.ascontiguousarray(values).tobytes())
    for name, content in sections(source, tokens, lambda what, done, total: None):
        digest.update(name.encode() + content)
    print(digest.hexdigest())


def arithmetic(source: Source, tokens: list[list[int]]) -> list[reproducible.Array]:
    """What the conversion computes before it rounds: states, inputs of every linear layer, and the algebra of GPTQ over them."""
    results = [transformer.embedding(source, tokens)]

    def observe(name: str, affine: transformer.Affine, inputs: reproducible.Array) -> None:
        hessian = reproducible.product(inputs.T, inputs) + np.eye(inputs.shape[1])
        lower, inverse = reproducible.inverse_cholesky(hessian)
        means = reproducible.mean(inputs, 0)
        powers = reproducible.exp(inputs[:50])
        results.extend([inputs, hessian, lower, inverse, means, powers, reproducible.softmax(inputs[:50])])

    for layer in range(source.layers):
        results.append(transformer.layer(source, layer, results[0], [len(ids) for ids in tokens], observe))
    return results


if __name__ == "__main__":
    main()
