// `p6nctl events`: what changes in the registry, as it happens, and the audit of what has changed
// and by whom.

import type { ClientPart } from '../../../api/client.ts';
import type {
  ActorView,
  AuditEntry,
  EventObject,
  EventView,
} from '../../../api/contract/events.ts';
import { AUDIT_ENTRIES_MAX } from '../../../api/contract/protocol.ts';
import { parseRevision } from '../../../api/contract/revision.ts';
import { P6nError } from '../../../base/errors.ts';
import type { Command, CommandContext } from '../../command.ts';
import { type Field, formatTime, printList, visible } from '../../print.ts';
import type { Speech } from '../../terminal.ts';

const AUDIT_ENTRIES_DEFAULT = 100;

export interface FollowOptions extends Speech {
  readonly client: ClientPart<'events', 'follow'>;
  readonly since: string | undefined;
  readonly onInterrupt: CommandContext['onInterrupt'];
}

export interface AuditOptions extends Speech {
  readonly client: ClientPart<'events', 'audit'>;
  readonly last: number | undefined;
}

/** A line for each object that changes; with `--json` one for each revision. */
export async function followEvents(options: FollowOptions): Promise<void> {
  const { client, json, since, terminal } = options;
  const after = since === undefined ? undefined : parseRevision(since);
  const abort = new AbortController();
  const close = options.onInterrupt(() => abort.abort());
  try {
    for await (const event of client.events.follow(after, abort.signal)) {
      const lines = json ? [JSON.stringify(event)] : event.objects.map(lineOf(event));
      await terminal.out(lines.map((line) => `${line}\n`).join(''));
    }
  } finally {
    close();
  }
}

export async function showAudit(options: AuditOptions): Promise<void> {
  const { entries } = await options.client.events.audit(options.last);
  await printList(options, entries, AUDIT_COLUMNS);
}

function lineOf({ at }: EventView): (object: EventObject) => string {
  return ({ id, kind, record, verb }) => {
    const { name = '' } = (record ?? {}) as { readonly name?: unknown };
    const time = at === undefined ? '' : formatTime(at);
    const words = [time, kind, verb, id, name === id ? '' : String(name)];
    return visible(words.join(' ').trim());
  };
}

const AUDIT_COLUMNS: readonly Field<AuditEntry>[] = [
  { title: 'time', text: ({ at }) => formatTime(at) },
  { title: 'by', text: ({ by }) => actorText(by) },
  { title: 'action', text: ({ action }) => action },
  {
    title: 'changes',
    text: ({ objects }) => objects.map(({ id, kind, verb }) => `${verb} ${kind} ${id}`).join(', '),
  },
];

function actorText({ host_id: host, invite, kind, token }: ActorView): string {
  const id = host ?? invite ?? token;
  return id === undefined ? kind : `${kind} ${id}`;
}

export const EVENTS: Command = {
  usage: 'events',
  summary: 'Print what changes in the registry, or what has changed and by whom',
  options: {
    follow: { summary: 'What changes, as it happens' },
    since: {
      summary: 'With --follow: go on after this revision, as --json shows it',
      value: 'REVISION',
    },
    audit: { summary: 'Who has changed what; on a server' },
    last: {
      summary: `With --audit: so many entries (${AUDIT_ENTRIES_DEFAULT})`,
      value: 'COUNT',
    },
  },
  run: async (context, words) => {
    if (words.flag('follow') === words.flag('audit')) {
      throw new P6nError('USAGE', 'Cannot read the command line: it is --follow or --audit');
    }
    if (words.flag('audit')) {
      const last = words.optionalInteger('last', { min: 1, max: AUDIT_ENTRIES_MAX });
      await showAudit({ ...context, last: last ?? AUDIT_ENTRIES_DEFAULT });
      return;
    }
    await followEvents({ ...context, since: words.optionalText('since') });
  },
};
