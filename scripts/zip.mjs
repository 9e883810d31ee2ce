// @ts-check
// Deterministic zip archives: the same entries give the same bytes on every machine.
// Owns the zip record layout; knows nothing of what the entries hold.
// Invariant: entries are sorted by name, carry the zip epoch (1980-01-01) as their time, and are at most 4 GiB in all.

import { deflateRawSync } from 'node:zlib';

const DOS_EPOCH_DATE = (1 << 5) | 1;
const UTF8_NAMES = 0x0800;

/** The remainder that each leading byte leaves, for the polynomial of ISO 3309. */
const REMAINDERS = Uint32Array.from({ length: 256 }, (_, byte) => {
    let remainder = byte;
    for (let bit = 0; bit < 8; bit++) remainder = (remainder >>> 1) ^ (remainder & 1 ? 0xedb88320 : 0);
    return remainder;
});

/** CRC-32 as zip wants it; zlib's own came only with Node 20.15.
 * @param {Uint8Array} bytes @returns {number} */
function crc32(bytes) {
    let crc = 0xffffffff;
    for (const byte of bytes) crc = (crc >>> 8) ^ REMAINDERS[(crc ^ byte) & 0xff];
    return ~crc >>> 0;
}

/** A zip archive of `entries` (name -> content), deflated where that is smaller.
 * @param {Map<string, Uint8Array>} entries @returns {Buffer} */
export function zip(entries) {
    const parts = [], directory = [];
    let offset = 0;
    for (const name of [...entries.keys()].sort()) {
        const content = /** @type {Uint8Array} */ (entries.get(name));
        const deflated = deflateRawSync(content, { level: 9 });
        const stored = deflated.length >= content.length;
        const body = stored ? content : deflated;
        const path = Buffer.from(name, 'utf8');
        // The fields that the local header and the directory record share, in their common order.
        const shared = Buffer.alloc(26);
        shared.writeUInt16LE(20, 0);
        shared.writeUInt16LE(UTF8_NAMES, 2);
        shared.writeUInt16LE(stored ? 0 : 8, 4);
        shared.writeUInt16LE(0, 6);
        shared.writeUInt16LE(DOS_EPOCH_DATE, 8);
        shared.writeUInt32LE(crc32(content), 10);
        shared.writeUInt32LE(body.length, 14);
        shared.writeUInt32LE(content.length, 18);
        shared.writeUInt16LE(path.length, 22);
        parts.push(Buffer.from('PK\x03\x04', 'latin1'), shared, path, body);
        const tail = Buffer.alloc(14);
        tail.writeUInt32LE(offset, 10);
        directory.push(Buffer.from('PK\x01\x02\x14\x00', 'latin1'), shared, tail, path);
        offset += 30 + path.length + body.length;
    }
    const index = Buffer.concat(directory);
    const end = Buffer.alloc(22);
    end.write('PK\x05\x06', 'latin1');
    end.writeUInt16LE(entries.size, 8);
    end.writeUInt16LE(entries.size, 10);
    end.writeUInt32LE(index.length, 12);
    end.writeUInt32LE(offset, 16);
    return Buffer.concat([...parts, index, end]);
}
