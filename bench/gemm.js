// The linear layer as one would write it by hand for a page without WebAssembly: typed arrays and whole numbers.
//
// Owns the loops. Must not know what it is compared with. Invariant: every sum of products is exact, and every step after it
// is rounded to f32 on its own, in the order of rust/kernels/src/linear.rs, so that the results agree to the bit.

const { fround, imul } = Math;
const WEIGHT_ZERO = 64;
/** Outputs that lie together, and inputs of one step: weights are [outputs / 8][inputs / 4][8][4]. */
const PANEL = 8;
const STEP = 4;

/**
 * Two rows and two outputs at a time: eight loads bring sixteen products, and four sums stay in registers.
 *
 * @param {Int8Array} codes [rows][inputs]
 * @param {Float32Array} rowScales [rows][scale, offset, sum of the codes]
 * @param {{weights: Uint8Array, scale: Float32Array, bias: Float32Array, columnSums: Float32Array}} layer
 * @param {Float32Array} to [rows][outputs]
 */
export function multiply(codes, rowScales, layer, inputs, outputs, to) {
  const { weights } = layer;
  const rows = to.length / outputs;
  for (let output = 0; output < outputs; output += 2) {
    const panel = (output - (output % PANEL)) * inputs + (output % PANEL) * STEP;
    let row = 0;
    for (; row + 1 < rows; row += 2) {
      let a = 0, b = 0, c = 0, d = 0;
      let x = row * inputs, y = x + inputs;
      for (let w = panel, end = panel + inputs * PANEL; w < end; w += PANEL * STEP, x += STEP, y += STEP) {
        const x0 = codes[x], x1 = codes[x + 1], x2 = codes[x + 2], x3 = codes[x + 3];
        const y0 = codes[y], y1 = codes[y + 1], y2 = codes[y + 2], y3 = codes[y + 3];
        const v0 = weights[w], v1 = weights[w + 1], v2 = weights[w + 2], v3 = weights[w + 3];
        a = (a + imul(x0, v0) + imul(x1, v1) + imul(x2, v2) + imul(x3, v3)) | 0;
        c = (c + imul(y0, v0) + imul(y1, v1) + imul(y2, v2) + imul(y3, v3)) | 0;
        const w0 = weights[w + 4], w1 = weights[w + 5], w2 = weights[w + 6], w3 = weights[w + 7];
        b = (b + imul(x0, w0) + imul(x1, w1) + imul(x2, w2) + imul(x3, w3)) | 0;
        d = (d + imul(y0, w0) + imul(y1, w1) + imul(y2, w2) + imul(y3, w3)) | 0;
      }
      store(row, output, a);
      store(row, output + 1, b);
      store(row + 1, output, c);
      store(row + 1, output + 1, d);
    }
    for (; row < rows; row++) {
      for (let part = 0; part < 2; part++) {
        let sum = 0;
        for (let k = 0; k < inputs; k++) {
          const w = panel + part * STEP + (k - (k % STEP)) * PANEL + (k % STEP);
          sum = (sum + imul(codes[row * inputs + k], weights[w])) | 0;
        }
        store(row, output + part, sum);
      }
    }
  }

  function store(row, output, sum) {
    const [scale, offset, codeSum] = [rowScales[row * 3], rowScales[row * 3 + 1], rowScales[row * 3 + 2]];
    const exact = fround(sum - WEIGHT_ZERO * codeSum);
    const y = fround(fround(exact * scale) + fround(offset * layer.columnSums[output]));
    to[row * outputs + output] = fround(fround(y * layer.scale[output]) + layer.bias[output]);
  }
}
