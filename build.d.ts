// What build.js holds, the module that scripts/assemble.py generates for each build. Addresses are relative to build.js.

export interface Asset {
    url: string;
    size_bytes: number;
    /** Hex. */
    sha256: string;
    name: string;
}

export interface Tier {
    js: string;
    /** Absent for the tier without WebAssembly. */
    wasm?: string;
    /** What a visitor of this tier loads. */
    bytes: number;
}

export const build: {
    version: string;
    engine: Record<string, Tier>;
    model: Asset;
    /** The piece table of the model. */
    pieces: Asset;
    demo: Asset;
    /** The pointer of a published collection; a wheel has none. */
    dictionary: { url: string } | null;
    python: {
        mjs: string;
        asm_mjs: string;
        asm_wasm: string;
        boot: string;
        rest: string;
        /** What a start loads: the runtime and the boot archive. */
        bytes: number;
        wheels: Record<string, string>;
        /** Entries of Pyodide's lock; file names are relative to the folder of `rest`. */
        packages: Record<string, object>;
    };
    /** The files of the page and the worker. */
    shell: string[];
};
