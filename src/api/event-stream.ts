// The reading side of server-sent events (HTML standard, section 9.2), as far as p6nd writes them.

import type { ErrorBody } from './contract/error.ts';
import type { EventView } from './contract/events.ts';
import { errorFromBody } from './error-body.ts';
import type { Exchange } from './exchange.ts';
import { openText, STREAM_STATUS, streamed } from './line-stream.ts';

/** The events of the answer to `exchange`; ends when its signal aborts. */
export function streamEvents(exchange: Exchange): AsyncGenerator<EventView> {
  return streamed(exchange, readEvents(exchange), { endless: true });
}

async function* readEvents(exchange: Exchange): AsyncGenerator<EventView> {
  let type = '';
  let data = '';
  for await (const line of openText(exchange)) {
    if (line.startsWith('event: ')) type = line.slice('event: '.length);
    if (line.startsWith('data: ')) data = line.slice('data: '.length);
    if (line !== '') continue;
    if (type === 'failed') throw errorFromBody(JSON.parse(data) as ErrorBody, STREAM_STATUS);
    if (data !== '') yield JSON.parse(data) as EventView;
    type = '';
    data = '';
  }
}
