// Calls about names as instances of a network get them.

import type { NameAnswer, NameLine, NameQuestion } from '../contract/names.ts';
import { streamLines } from '../line-stream.ts';
import { Calls } from './connection.ts';
import { withQuery } from './paths.ts';

export class NameCalls extends Calls {
  lookup(question: NameQuestion): Promise<NameAnswer> {
    return this.api.get(withQuery('/v1/names/lookup', { ...question }));
  }

  /** The answer for a name, and each one that differs from the one before, until `signal`. */
  watch(question: NameQuestion, signal: AbortSignal): AsyncIterable<NameLine> {
    const target = withQuery('/v1/names/watch', { ...question });
    return streamLines<NameLine>(this.api.exchange('GET', target, { signal }), { endless: true });
  }
}
