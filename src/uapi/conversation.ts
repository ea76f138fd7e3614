// One connection of the WireGuard cross-platform protocol: bytes in, operations out. An operation
// is `get=1` or `set=1`, its lines, and an empty line; a connection may carry several. Pure.

import type { InterfaceChange } from '../dataplane/standalone/config.ts';
import { type ResolveZone, SetParser } from './set-parser.ts';

/** The longest line: a prefix or a key with its name. */
export const LINE_BYTES_MAX = 512;

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
  #rest = '';

  constructor(resolveZone: ResolveZone) {
    this.#resolveZone = resolveZone;
  }

  /** Takes what came and returns the operations that are complete with it. */
  take(text: string): Operation[] {
    const operations: Operation[] = [];
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      const operation = this.#takeLine(line);
      if (operation !== undefined) operations.push(operation);
      if (this.#progress.kind === 'ended') return operations;
    }
    if (this.#rest.length > LINE_BYTES_MAX) operations.push(this.#end());
    return operations;
  }

  #takeLine(line: string): Operation | undefined {
    const progress = this.#progress;
    if (line.length > LINE_BYTES_MAX) return this.#end();
    switch (progress.kind) {
      case 'idle':
        return this.#begin(line);
      case 'get':
        if (line !== '') progress.isValid = false;
        else return this.#complete({ kind: progress.isValid ? 'get' : 'invalid' });
        return undefined;
      case 'set': {
        if (line !== '') {
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
    this.#progress = { kind: 'ended' };
    this.#rest = '';
    return { kind: 'end' };
  }
}
