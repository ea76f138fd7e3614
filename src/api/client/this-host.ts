// Calls about the host that is asked.

import type { CaptureQuery } from '../contract/capture.ts';
import type { DebugView } from '../contract/debug.ts';
import type { ExplainRequest, Explanation } from '../contract/explain.ts';
import type { HostView } from '../contract/hosts.ts';
import type { StatusView } from '../contract/status.ts';
import { open } from '../exchange.ts';
import { Calls } from './connection.ts';
import { flag, withQuery } from './paths.ts';

/** Every host of the site has a part in it. */
const ROTATION_TIMEOUT_MS = 120_000;

export class ThisHostCalls extends Calls {
  status(): Promise<StatusView> {
    return this.api.get('/v1/status');
  }

  debug(): Promise<DebugView> {
    return this.api.get('/v1/debug');
  }

  /** In Prometheus' text format. */
  async metrics(): Promise<string> {
    const chunks: Buffer[] = [];
    for await (const chunk of await open(this.api.exchange('GET', '/metrics', {}))) {
      chunks.push(chunk as Buffer);
    }
    return Buffer.concat(chunks).toString('utf8');
  }

  /** Packets as pcapng, until `signal` aborts; resolves when the capture runs. */
  async capture(query: CaptureQuery, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
    const target = withQuery('/v1/capture', { ...query });
    return untilAborted(await open(this.api.exchange('GET', target, { signal })), signal);
  }

  explain(body: ExplainRequest): Promise<Explanation> {
    return this.api.post('/v1/explain', body);
  }

  /** Of the host that is asked. */
  rotateKey(options: { readonly force: boolean }): Promise<HostView> {
    const target = withQuery('/v1/host/rotate-key', { force: flag(options.force) });
    return this.api.post(target, undefined, ROTATION_TIMEOUT_MS);
  }

  /** Returns when p6nd has begun to end: it is gone soon after. */
  reset(): Promise<void> {
    return this.api.post('/v1/host/reset', undefined);
  }
}

/** Whoever aborts has what he wanted. */
async function* untilAborted(
  chunks: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  try {
    yield* chunks;
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
