// One connection of the WireGuard cross-platform protocol: bytes in, operations out. An operation
// is `get=1` or `set=1`, its lines, and an empty line; a connection may carry several. Pure.
//
// Keys stay bytes from the socket to the device, and are zeroed behind it: a text cannot be.

import { wipe } from '../base/bytes.ts';
import type { InterfaceChange } from '../dataplane/standalone/config.ts';
import { asciiText, type ResolveZone, SetParser } from './set-parser.ts';

/** The longest line: a prefix or a key with its name. */
export const LINE_BYTES_MAX = 512;

const LINE_END = 0x0a;
const NOTHING = new Uint8Array(0);

export type Operation =
  | { readonly kind: 'get' }
  | { readonly kind: 'set'; readonly change: InterfaceChange }
  /** A whole operation that is wrong; the conversation goes on behind it. */
  | { readonly kind: 'invalid' }
  /** What comes is not this protocol: the connection ends. */
  | { readonly kind: 'end' };

type Progress =
  | { readonly kind: 'idle' }
  | { readonly kind: 'get'; isValid: boolean }
  | { readonly kind: 'set'; readonly parser: SetParser }
  | { readonly kind: 'ended' };

export class Conversation {
  readonly #resolveZone: ResolveZone;
  #progress: Progress = { kind: 'idle' };
  /** The beginning of a line whose end has not come. */
  #rest: Uint8Array = NOTHING;

  constructor(resolveZone: ResolveZone) {
    this.#resolveZone = resolveZone;
  }

  /** Takes what came, zeroes it, and returns the operations that are complete with it. */
  take(bytes: Uint8Array): Operation[] {
    const operations: Operation[] = [];
    const text = this.#joined(bytes);
    let start = 0;
    while (this.#progress.kind !== 'ended') {
      const end = text.indexOf(LINE_END, start);
      if (end < 0) break;
      const operation = this.#takeLine(text.subarray(start, end));
      if (operation !== undefined) operations.push(operation);
      start = end + 1;
    }
    // A copy, which slice() of a Buffer is not.
    const isOver = this.#progress.kind === 'ended';
    this.#rest = isOver ? NOTHING : new Uint8Array(text.subarray(start));
    wipe(text);
    if (this.#rest.length > LINE_BYTES_MAX) operations.push(this.#end());
    return operations;
  }

  /** Nothing more comes: what is not complete is zeroed. */
  close(): void {
    this.#end();
  }

  /** What came, behind the beginning of its first line. Keys stand in it, so nothing is left. */
  #joined(bytes: Uint8Array): Uint8Array {
    if (this.#rest.length === 0) return bytes;
    const joined = new Uint8Array(this.#rest.length + bytes.length);
    joined.set(this.#rest);
    joined.set(bytes, this.#rest.length);
    wipe(this.#rest, bytes);
    return joined;
  }

  #takeLine(line: Uint8Array): Operation | undefined {
    const progress = this.#progress;
    if (line.length > LINE_BYTES_MAX) return this.#end();
    switch (progress.kind) {
      case 'idle':
        return this.#begin(asciiText(line));
      case 'get':
        if (line.length > 0) progress.isValid = false;
        else return this.#complete({ kind: progress.isValid ? 'get' : 'invalid' });
        return undefined;
      case 'set': {
        if (line.length > 0) {
          progress.parser.takeLine(line);
          return undefined;
        }
        const change = progress.parser.finish();
        return this.#complete(change === undefined ? { kind: 'invalid' } : { kind: 'set', change });
      }
      case 'ended':
        return undefined;
    }
  }

  #begin(line: string): Operation | undefined {
    // An empty line between operations says nothing.
    if (line === '') return undefined;
    if (line === 'get=1') this.#progress = { kind: 'get', isValid: true };
    else if (line === 'set=1') {
      this.#progress = { kind: 'set', parser: new SetParser(this.#resolveZone) };
    } else return this.#end();
    return undefined;
  }

  #complete(operation: Operation): Operation {
    this.#progress = { kind: 'idle' };
    return operation;
  }

  #end(): Operation {
    if (this.#progress.kind === 'set') this.#progress.parser.wipe();
    this.#progress = { kind: 'ended' };
    wipe(this.#rest);
    this.#rest = NOTHING;
    return { kind: 'end' };
  }
}
