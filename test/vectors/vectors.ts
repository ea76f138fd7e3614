// Test vectors: those of RFCs stand beside this file, those of others in the folder that the
// environment variable P6N_VECTORS names.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fromHex } from '../../src/base/bytes.ts';
import { readText } from '../house/tree.ts';

/** The content of `<name>.json` in test/vectors/. */
export function readVectors<T>(name: string): T {
  return JSON.parse(readText(`test/vectors/${name}.json`)) as T;
}

/** Vectors of others, or the reason why a test that needs them is skipped. */
export function readForeignVectors<T>(
  path: string,
): { readonly vectors: T; readonly skip: false } | { readonly skip: string } {
  const folder = process.env['P6N_VECTORS'];
  if (folder === undefined) return { skip: 'P6N_VECTORS names no folder with vectors of others' };
  const file = join(folder, path);
  if (!existsSync(file)) return { skip: `P6N_VECTORS has no ${path}` };
  return { vectors: JSON.parse(readFileSync(file, 'utf8')) as T, skip: false };
}

/** The bytes of hexadecimal text in one or more lines. */
export function hex(text: string | readonly string[]): Uint8Array {
  const bytes = fromHex(typeof text === 'string' ? text : text.join(''));
  if (bytes === undefined) throw new Error(`not hexadecimal: ${String(text)}`);
  return bytes;
}
