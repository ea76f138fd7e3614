// A strict reader of little-endian pcapng as p6nd writes it.

import assert from 'node:assert/strict';

export interface Block {
  readonly type: number;
  /** Without the options. */
  readonly body: Buffer;
  readonly options: ReadonlyMap<number, Buffer>;
}

const FIXED_BYTES: Readonly<Record<number, number>> = { 168627466: 16, 1: 8, 5: 12, 6: 20 };

/** Fails where the bytes are no whole blocks. */
export function readPcapng(bytes: Buffer): readonly Block[] {
  const blocks: Block[] = [];
  for (let at = 0; at < bytes.length; ) {
    const [type, length] = [bytes.readUInt32LE(at), bytes.readUInt32LE(at + 4)];
    assert.equal(length % 4, 0);
    assert.equal(bytes.readUInt32LE(at + length - 4), length, 'a block ends with its length');
    const content = bytes.subarray(at + 8, at + length - 4);
    let fixed = FIXED_BYTES[type];
    assert.ok(fixed !== undefined, `type ${type}`);
    if (type === 6) fixed += (content.readUInt32LE(12) + 3) & -4;
    blocks.push({ type, body: content.subarray(0, fixed), options: readOptions(content, fixed) });
    at += length;
  }
  return blocks;
}

function readOptions(content: Buffer, start: number): ReadonlyMap<number, Buffer> {
  const options = new Map<number, Buffer>();
  for (let at = start; ; ) {
    const [code, length] = [content.readUInt16LE(at), content.readUInt16LE(at + 2)];
    if (code === 0) {
      assert.equal(at + 4, content.length, 'the end of the options is that of the block');
      return options;
    }
    options.set(code, content.subarray(at + 4, at + 4 + length));
    at += 4 + ((length + 3) & -4);
  }
}
