// Calls about the host that is asked.

import type { ExplainRequest, Explanation } from '../contract/explain.ts';
import type { HostView } from '../contract/hosts.ts';
import type { StatusView } from '../contract/status.ts';
import { Calls } from './connection.ts';

/** Every host of the site has a part in it. */
const ROTATION_TIMEOUT_MS = 120_000;

export class ThisHostCalls extends Calls {
  status(): Promise<StatusView> {
    return this.api.get('/v1/status');
  }

  explain(body: ExplainRequest): Promise<Explanation> {
    return this.api.post('/v1/explain', body);
  }

  /** Of the host that is asked. */
  rotateKey(): Promise<HostView> {
    return this.api.post('/v1/host/rotate-key', undefined, ROTATION_TIMEOUT_MS);
  }

  /** Returns when p6nd has begun to end: it is gone soon after. */
  reset(): Promise<void> {
    return this.api.post('/v1/host/reset', undefined);
  }
}
