// Calls about what changes in the registry and who has changed it.

import type { Revision } from '../../registry/model.ts';
import type { AuditList, EventView } from '../contract/events.ts';
import { formatRevision } from '../contract/revision.ts';
import { streamEvents } from '../event-stream.ts';
import { Calls } from './connection.ts';
import { withQuery } from './paths.ts';

export class EventCalls extends Calls {
  /**
   * What changes in the registry, from after a revision or from now on, until `signal` aborts.
   * Rejects with REVISION_FORGOTTEN when the registry does not remember what followed it.
   */
  follow(after: Revision | undefined, signal: AbortSignal): AsyncIterable<EventView> {
    const since = after === undefined ? undefined : formatRevision(after);
    return streamEvents(this.api.exchange('GET', withQuery('/v1/events', { since }), { signal }));
  }

  /** The last entries of this server's audit. */
  audit(last?: number): Promise<AuditList> {
    return this.api.get(withQuery('/v1/audit', { last: last?.toString() }));
  }
}
