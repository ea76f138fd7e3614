// Calls of an operator that visits a network.

import type { PingReply, PingRequest, VisitLine, VisitQuery } from '../contract/visits.ts';
import { streamLines } from '../line-stream.ts';
import { Calls } from './connection.ts';
import { withQuery } from './paths.ts';

export class VisitCalls extends Calls {
  /** One line when the host is present in the network, which it is until `signal` aborts. */
  visit(query: VisitQuery, signal: AbortSignal): AsyncIterable<VisitLine> {
    const target = withQuery('/v1/visits', { ...query });
    return streamLines<VisitLine>(this.api.exchange('GET', target, { signal }), { endless: true });
  }

  ping(body: PingRequest): Promise<PingReply> {
    return this.api.post('/v1/ping', body);
  }
}
