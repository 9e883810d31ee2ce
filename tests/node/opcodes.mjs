// @ts-check
// Decodes the function bodies of a WebAssembly module and counts its vector instructions.
// Owns the binary encoding of the instructions our compilers emit (WebAssembly core specification 3.0, chapter 5); must
// not know what the counts should be. Invariant: every body is walked instruction by instruction to exactly its last
// byte, and an instruction that is not known is an error, never a guess.

class Reader {
  /** @param {Uint8Array} bytes @param {number} at @param {number} end */
  constructor(bytes, at, end) {
    this.bytes = bytes;
    this.at = at;
    this.end = end;
  }

  byte() {
    if (this.at >= this.end) throw new Error(`the module ends inside an item, at byte ${this.at}`);
    return this.bytes[this.at++];
  }

  /** LEB128, unsigned; also steps over a signed one, whose value is then meaningless. */
  leb() {
    let [value, factor, byte] = [0, 1, 0x80];
    while (byte & 0x80) {
      byte = this.byte();
      value += (byte & 0x7f) * factor;
      factor *= 128;
    }
    return value;
  }

  /** @param {number} count */
  skip(count) {
    this.at += count;
    if (this.at > this.end) throw new Error(`the module ends inside an item, at byte ${this.at}`);
  }

  /** A part with its own length. */
  part() {
    const length = this.leb();
    const start = this.at;
    this.skip(length);
    return new Reader(this.bytes, start, start + length);
  }
}

const CODE_SECTION = 10;
const VECTOR = 0xfd;
// Vector opcodes from here on are those of the relaxed SIMD proposal.
export const FIRST_RELAXED = 0x100;
export const RELAXED_MIN_F32 = 0x10d;
export const RELAXED_MAX_F32 = 0x10e;
export const RELAXED_MIN_F64 = 0x10f;
export const RELAXED_MAX_F64 = 0x110;
export const RELAXED_DOT_ADD = 0x113;

/** @param {Reader} reader */
function memoryArgument(reader) {
  const alignment = reader.leb();
  // Bit 6 announces the index of a memory other than the first.
  if (alignment & 0x40) reader.leb();
  reader.leb();
}

/** @param {Reader} reader A block's type: one byte for a value type or none, else a signed index. */
const blockType = (reader) => reader.leb();

/**
 * Steps over the immediates of a one-byte opcode.
 *
 * @param {number} opcode
 * @param {Reader} reader
 */
function immediates(opcode, reader) {
  if (opcode === 0x02 || opcode === 0x03 || opcode === 0x04) blockType(reader);
  else if (opcode === 0x0c || opcode === 0x0d || opcode === 0x10 || opcode === 0x12) reader.leb();
  else if (opcode === 0x0e) for (let targets = reader.leb() + 1; targets > 0; targets--) reader.leb();
  else if (opcode === 0x11 || opcode === 0x13) (reader.leb(), reader.leb());
  else if (opcode === 0x1c) for (let types = reader.leb(); types > 0; types--) reader.leb();
  else if (opcode >= 0x20 && opcode <= 0x26) reader.leb();
  else if (opcode >= 0x28 && opcode <= 0x3e) memoryArgument(reader);
  else if (opcode >= 0x3f && opcode <= 0x42) reader.leb();
  else if (opcode === 0x43) reader.skip(4);
  else if (opcode === 0x44) reader.skip(8);
  else if (opcode === 0xd0 || opcode === 0xd2) reader.leb();
  else if (opcode === 0xfc) bulk(reader);
  else {
    const plain = opcode <= 0x01 || opcode === 0x05 || opcode === 0x0b || opcode === 0x0f || opcode === 0x1a || opcode === 0x1b || (opcode >= 0x45 && opcode <= 0xc4) || opcode === 0xd1;
    if (!plain) throw new Error(`unknown instruction 0x${opcode.toString(16)} at byte ${reader.at - 1}`);
  }
}

/** @param {Reader} reader Saturating truncations, and copies of memory and tables. */
function bulk(reader) {
  const opcode = reader.leb();
  const indices = [0, 0, 0, 0, 0, 0, 0, 0, 2, 1, 2, 1, 2, 1, 2, 1, 1, 1][opcode];
  if (indices === undefined) throw new Error(`unknown instruction 0xfc ${opcode} at byte ${reader.at}`);
  for (let index = 0; index < indices; index++) reader.leb();
}

/** @param {number} opcode @param {Reader} reader */
function vectorImmediates(opcode, reader) {
  if (opcode <= 0x0b || opcode === 0x5c || opcode === 0x5d) memoryArgument(reader);
  else if (opcode === 0x0c || opcode === 0x0d) reader.skip(16);
  else if (opcode >= 0x15 && opcode <= 0x22) reader.skip(1);
  else if (opcode >= 0x54 && opcode <= 0x5b) (memoryArgument(reader), reader.skip(1));
  else if (opcode > RELAXED_DOT_ADD) throw new Error(`unknown instruction 0xfd ${opcode} at byte ${reader.at}`);
}

/**
 * Counts by opcode behind the vector prefix, over all functions of a module.
 *
 * @param {Uint8Array} module
 * @returns {{functions: number, instructions: number, vector: number, relaxed: number, byOpcode: Map<number, number>}}
 */
export function countVectorInstructions(module) {
  const found = { functions: 0, instructions: 0, vector: 0, relaxed: 0, byOpcode: new Map() };
  const reader = new Reader(module, 0, module.length);
  if (String.fromCharCode(...module.subarray(0, 4)) !== "\0asm") throw new Error("not a WebAssembly module");
  reader.skip(8);
  while (reader.at < reader.end) {
    const id = reader.byte();
    const section = reader.part();
    if (id !== CODE_SECTION) continue;
    for (let bodies = section.leb(); bodies > 0; bodies--) {
      const body = section.part();
      for (let groups = body.leb(); groups > 0; groups--) (body.leb(), body.leb());
      let last = -1;
      while (body.at < body.end) {
        last = body.byte();
        found.instructions++;
        if (last !== VECTOR) immediates(last, body);
        else {
          const opcode = body.leb();
          vectorImmediates(opcode, body);
          found.vector++;
          if (opcode >= FIRST_RELAXED) found.relaxed++;
          found.byOpcode.set(opcode, (found.byOpcode.get(opcode) ?? 0) + 1);
        }
      }
      if (last !== 0x0b) throw new Error(`a function body does not end with end, at byte ${body.end}`);
      found.functions++;
    }
    if (section.at !== section.end) throw new Error("the code section has bytes behind its last function");
  }
  return found;
}
