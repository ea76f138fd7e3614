// `p6nctl explain`: which rule of this host's filter a packet would meet.

import type { ClientPart } from '../../../api/client.ts';
import type {
  ExplainProtocol,
  ExplainRequest,
  Explanation,
} from '../../../api/contract/explain.ts';
import { P6nError } from '../../../base/errors.ts';
import { type Command, optional } from '../../command.ts';
import { type Field, printRecord } from '../../print.ts';
import type { Speech } from '../../terminal.ts';

const PROTOCOLS: readonly ExplainProtocol[] = ['tcp', 'udp', 'icmp'];
const PORT_MAX = 65_535;

const EXPLANATION_FIELDS: readonly Field<Explanation>[] = [
  { title: 'verdict', text: (explanation) => explanation.verdict },
  { title: 'rule', text: (explanation) => explanation.rule },
  { title: 'why', text: (explanation) => explanation.sentence },
];

export interface ExplainOptions extends Speech {
  readonly client: ClientPart<'host', 'explain'>;
  readonly request: ExplainRequest;
}

export async function explain(options: ExplainOptions): Promise<void> {
  const explanation = await options.client.host.explain(options.request);
  await printRecord(options, explanation, EXPLANATION_FIELDS);
}

export const EXPLAIN: Command = {
  usage: 'explain',
  summary: 'Say which rule a packet would meet on this host, and why',
  options: {
    from: { summary: 'Source of the packet', value: 'ADDRESS', required: true },
    to: { summary: 'Destination of the packet', value: 'ADDRESS', required: true },
    proto: { summary: 'tcp, udp or icmp', value: 'NAME' },
    port: { summary: 'Destination port, for tcp and udp', value: 'NUMBER' },
  },
  run: (context, words) => {
    const protocol = parseProtocol(words.optionalText('proto'));
    const port = words.optionalInteger('port', { min: 1, max: PORT_MAX });
    if (port !== undefined && protocol !== 'tcp' && protocol !== 'udp') {
      throw new P6nError('USAGE', 'Cannot explain: --port needs --proto tcp or --proto udp');
    }
    const request = {
      from: words.text('from'),
      to: words.text('to'),
      ...optional('protocol', protocol),
      ...optional('port', port),
    };
    return explain({ ...context, request });
  },
};

function parseProtocol(text: string | undefined): ExplainProtocol | undefined {
  if (text === undefined) return undefined;
  const protocol = PROTOCOLS.find((one) => one === text);
  if (protocol !== undefined) return protocol;
  throw new P6nError(
    'VALUE_INVALID',
    `Cannot use "${text}" as a protocol: it is none of ${PROTOCOLS.join(', ')}`,
  );
}
