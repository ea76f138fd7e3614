// An instance as people see it, and what the commands that make one have in common.

import type { InstanceFacts, InstanceView } from '../../../api/contract/instances.ts';
import { P6nError } from '../../../base/errors.ts';
import { type CommandOption, optional, type Words } from '../../command.ts';
import { type Field, formatTime } from '../../print.ts';

export const INSTANCE_COLUMNS: readonly Field<InstanceView>[] = [
  { title: 'id', text: (instance) => instance.id },
  { title: 'name', text: (instance) => instance.name },
  { title: 'app', text: (instance) => instance.app },
  { title: 'network', text: (instance) => instance.network },
  { title: 'host', text: (instance) => instance.host },
  { title: 'region', text: (instance) => instance.region },
  { title: 'state', text: (instance) => instance.state },
  { title: 'address', text: (instance) => instance.address },
];

export const INSTANCE_FIELDS: readonly Field<InstanceView>[] = [
  ...INSTANCE_COLUMNS,
  { title: 'group', text: (instance) => instance.group },
  {
    title: 'metadata',
    text: ({ metadata }) =>
      Object.entries(metadata)
        .map(([key, value]) => `${key}=${value}`)
        .join(', '),
  },
  { title: 'services', text: ({ services = [] }) => services.map(formatService).join(', ') },
  { title: 'checks', text: ({ checks = [] }) => checks.map(formatCheck).join(', ') },
  { title: 'health', text: ({ health }) => health ?? '' },
  { title: 'created', text: (instance) => formatTime(instance.created_at) },
  { title: 'updated', text: (instance) => formatTime(instance.updated_at) },
  { title: 'command', text: ({ here }) => here?.command.join(' ') ?? '' },
  { title: 'namespace', text: ({ here }) => here?.namespace ?? '' },
  { title: 'owner', text: ({ here }) => here?.owner ?? '' },
  { title: 'pid', text: ({ here }) => here?.pid?.toString() ?? '' },
  { title: 'restarts', text: ({ here }) => here?.restarts?.toString() ?? '' },
  { title: 'ended with', text: formatExit },
  { title: 'problem', text: ({ here }) => here?.problem ?? '' },
];

export const MEMBERSHIP_OPTIONS: Readonly<Record<string, CommandOption>> = {
  group: { summary: 'The process group; app without it', value: 'NAME' },
  metadata: { summary: 'A fact about the instance', value: 'KEY=VALUE', repeated: true },
};

export const INSTANCE_OPTIONS: Readonly<Record<string, CommandOption>> = {
  app: { summary: 'The app of the instance', value: 'NAME', required: true },
  name: { summary: 'A name, unique on this host; drawn without it', value: 'NAME' },
  ...MEMBERSHIP_OPTIONS,
  service: { summary: 'A service and its port', value: 'NAME:PORT[/tcp|udp]', repeated: true },
  check: {
    summary: 'How this host finds out whether a service is well',
    value: 'tcp:SERVICE|http:SERVICE/PATH',
    repeated: true,
  },
};

/** What INSTANCE_OPTIONS say. */
export function instanceFacts(words: Words): InstanceFacts {
  const services = words.texts('service').map(parseService);
  const checks = words.texts('check').map(parseCheck);
  return {
    app: words.text('app'),
    ...optional('name', words.optionalText('name')),
    ...membershipFacts(words),
    ...(services.length === 0 ? {} : { services }),
    ...(checks.length === 0 ? {} : { checks }),
  };
}

/** What MEMBERSHIP_OPTIONS say. */
export function membershipFacts(words: Words): Pick<InstanceFacts, 'group' | 'metadata'> {
  const pairs = words.texts('metadata').map(metadataPair);
  return {
    ...optional('group', words.optionalText('group')),
    ...(pairs.length === 0 ? {} : { metadata: Object.fromEntries(pairs) }),
  };
}

function metadataPair(text: string): [key: string, value: string] {
  const equals = text.indexOf('=');
  if (equals > 0) return [text.slice(0, equals), text.slice(equals + 1)];
  throw new P6nError('VALUE_INVALID', `Cannot use "${text}" as metadata: it is not KEY=VALUE`);
}

type Service = NonNullable<InstanceFacts['services']>[number];
type Check = NonNullable<InstanceFacts['checks']>[number];

const SERVICE_PATTERN = /^([^:/]+):([0-9]{1,5})(?:\/(tcp|udp))?$/;
const CHECK_PATTERN = /^(?:tcp:([^:/]+)|http:([^:/]+)(\/.*)?)$/;

function parseService(text: string): Service {
  const [, name, port, protocol = 'tcp'] = SERVICE_PATTERN.exec(text) ?? [];
  if (name !== undefined) {
    return { name, port: Number(port), protocol: protocol === 'udp' ? 'udp' : 'tcp' };
  }
  throw new P6nError('VALUE_INVALID', `Cannot use "${text}" as a service: it is not NAME:PORT`, {
    hint: 'Write for example --service http:8080 or --service dns:53/udp.',
  });
}

function parseCheck(text: string): Check {
  const [, tcp, http, path = '/'] = CHECK_PATTERN.exec(text) ?? [];
  if (tcp !== undefined) return { type: 'tcp', service: tcp };
  if (http !== undefined) return { type: 'http', service: http, path };
  throw new P6nError('VALUE_INVALID', `Cannot use "${text}" as a check: it is none of the two`, {
    hint: 'Write --check tcp:SERVICE or --check http:SERVICE/PATH, with the name of a service.',
  });
}

function formatService({ name, port, protocol }: Service): string {
  return `${name}:${port}/${protocol}`;
}

function formatCheck(check: Check): string {
  return check.type === 'tcp' ? `tcp:${check.service}` : `http:${check.service}${check.path}`;
}

function formatExit({ here }: InstanceView): string {
  if (here?.exit_signal !== undefined) return here.exit_signal;
  return here?.exit_code === undefined ? '' : `exit code ${here.exit_code}`;
}
