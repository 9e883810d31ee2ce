"""Scripts that ask a page of the site what it has stored, in any browser.

Owns where the site keeps what; must not know how a browser is driven. Invariant: a script asks and changes nothing.
"""

MODEL_STORED = "async () => (await (await caches.open('findling-models')).keys()).some(({url}) => /v2-[0-9a-f]+\\.findling$/.test(url))"
"""Whether the model is stored whole: what says so is written last, behind the first searches."""
