// @ts-check
// Owns the registration of <findling-search>, and does it when imported: the one module of which this is true.
// Must not know what the element does. Invariant: loading it twice, from any address, registers once and throws nothing.

import { FindlingSearch } from "./widget.js";

if (!customElements.get("findling-search")) customElements.define("findling-search", FindlingSearch);

export { FindlingSearch };
