// The history of the registry for programs and people: what was created, changed and removed, by
// whole revisions, and by whom. Read from the store's log as it is taken, so a slow reader costs
// no memory; one that the log has left behind is told so.

import { P6nError } from '../../base/errors.ts';
import { type AuditNote, decodeNote } from '../audit.ts';
import { decodeFollowed, decodeOrganization, decodeSite } from '../codec.ts';
import { AUDIT } from '../keys.ts';
import type { FollowedRecord, Organization, Revision, Site } from '../model.ts';
import { CompactedError, type Store, type StoreChange, type StoreRevision } from '../store.ts';

export type ObjectKind =
  | 'site'
  | 'site-key'
  | 'host'
  | 'gateway'
  | 'network'
  | 'app'
  | 'instance'
  | 'wireguard-peer'
  | 'organization'
  | 'invite'
  | 'token'
  | 'token-revocation';

/** What became of one object. */
export interface ObjectChange {
  readonly verb: 'created' | 'changed' | 'removed';
  readonly kind: ObjectKind;
  /**
   * Of apps, peers and organizations the name, of invites SERVER/NUMBER, of the site `site`;
   * numbers are decimal.
   */
  readonly id: string;
  /** What it is now; absent for what was removed, for invites and tokens, which nobody reads. */
  readonly record: FollowedRecord | Organization | Site | undefined;
}

/** What somebody has changed at once. */
export interface Account extends AuditNote {
  readonly objects: readonly ObjectChange[];
}

export interface RegistryChange {
  readonly revision: Revision;
  /** All that has changed; nothing where only what serves the registry itself has. */
  readonly objects: readonly ObjectChange[];
  /**
   * Who has changed which of them: several where changes came together, none where nobody has, as
   * when a lease has ended.
   */
  readonly accounts: readonly Account[];
}

/** A watch that ends sooner has met something that the store has forgotten. */
const WATCH_LASTS_MS = 60_000;
/** Where objects stand; all else serves the registry itself. */
const PLACES: readonly { readonly kind: ObjectKind; readonly pattern: RegExp }[] = [
  { kind: 'instance', pattern: /^records\/instances\/[0-9a-f]{8}\/[0-9a-f]{8}\/([^/]+)$/ },
  { kind: 'wireguard-peer', pattern: /^records\/wireguard-peers\/[0-9a-f]{8}\/([^/]+)$/ },
  { kind: 'app', pattern: /^records\/apps\/[0-9a-f]{8}\/([^/]+)$/ },
  { kind: 'network', pattern: /^records\/networks\/([0-9a-f]{8})$/ },
  { kind: 'host', pattern: /^records\/hosts\/([0-9a-f]{8})$/ },
  { kind: 'gateway', pattern: /^records\/gateways\/([0-9a-f]{8})$/ },
  { kind: 'site-key', pattern: /^records\/site-keys\/([0-9a-f]{8})$/ },
  { kind: 'token', pattern: /^private\/tokens\/([0-9a-f]{16})$/ },
  { kind: 'token-revocation', pattern: /^records\/revocations\/([0-9a-f]{16})$/ },
  { kind: 'site', pattern: /^site\/(site)$/ },
  { kind: 'organization', pattern: /^site\/organizations\/([^/]+)$/ },
  { kind: 'invite', pattern: /^private\/invites\/([0-9a-f]{8}\/[0-9a-f]+)$/ },
];
const KINDS_OF_NUMBERS: readonly ObjectKind[] = [
  ...(['network', 'host', 'gateway', 'site-key', 'invite'] as const),
];

/**
 * Every change after `after`, or from now on, until `signal` aborts. The first value tells where
 * it begins, and nothing else. Rejects with REVISION_FORGOTTEN when what followed `after` is not
 * known (any more), also in the middle, for a reader that is too slow.
 */
export async function* changesOf(
  store: Store,
  after: Revision | undefined,
  signal: AbortSignal,
): AsyncGenerator<RegistryChange, void, undefined> {
  const { revision: head } = await store.list([]);
  const { incarnation } = store;
  if (after !== undefined && (after.incarnation !== incarnation || after.number > head)) {
    throw forgotten('it is of another registry, or of before a restore');
  }
  const number = after?.number ?? head;
  yield { revision: { incarnation, number }, objects: [], accounts: [] };
  let position = number;
  while (!signal.aborted) {
    const startedMs = performance.now();
    try {
      for await (const revision of store.watch('', position, signal)) {
        yield changeOf(incarnation, revision);
        position = revision.revision;
      }
    } catch (error) {
      if (!(error instanceof CompactedError)) throw error;
      // A store may end a watch that has lasted long; what followed is still known then.
      if (performance.now() - startedMs > WATCH_LASTS_MS) continue;
      throw forgotten('the registry remembers the last changes only, and they are later');
    }
  }
}

function changeOf(incarnation: string, { revision, changes }: StoreRevision): RegistryChange {
  const accounts: Account[] = [];
  let objects: ObjectChange[] = [];
  for (const change of changes) {
    const note = noteOf(change);
    if (note === undefined) {
      objects.push(...objectOf(change));
    } else {
      // A note is the last of its change.
      accounts.push({ ...note, objects });
      objects = [];
    }
  }
  return {
    revision: { incarnation, number: revision },
    objects: [...accounts.flatMap((account) => account.objects), ...objects],
    accounts,
  };
}

function noteOf(change: StoreChange): AuditNote | undefined {
  const isNote = change.type === 'put' && change.entry.key.startsWith(AUDIT);
  return isNote ? decodeNote(change.entry.value) : undefined;
}

function objectOf(change: StoreChange): ObjectChange[] {
  const key = change.type === 'put' ? change.entry.key : change.key;
  const object = identify(key);
  if (object === undefined) return [];
  if (change.type === 'delete') return [{ ...object, verb: 'removed', record: undefined }];
  const { entry } = change;
  const verb = entry.createRevision === entry.modRevision ? 'created' : 'changed';
  return [{ ...object, verb, record: recordOf(object.kind, entry) }];
}

function recordOf(
  kind: ObjectKind,
  entry: { readonly key: string; readonly value: string },
): ObjectChange['record'] {
  if (kind === 'invite' || kind === 'token') return undefined;
  if (kind === 'site') return decodeSite(entry);
  return kind === 'organization' ? decodeOrganization(entry) : decodeFollowed(entry);
}

function identify(key: string): Pick<ObjectChange, 'kind' | 'id'> | undefined {
  for (const { kind, pattern } of PLACES) {
    const id = pattern.exec(key)?.[1];
    if (id === undefined) continue;
    if (!KINDS_OF_NUMBERS.includes(kind)) return { kind, id };
    const numbers = id.split('/').map((digits) => Number.parseInt(digits, 16));
    return { kind, id: numbers.join('/') };
  }
  return undefined;
}

function forgotten(facts: string): P6nError {
  return new P6nError('REVISION_FORGOTTEN', `Cannot tell what has changed since then: ${facts}`, {
    hint: 'List what there is, then follow from now on.',
  });
}
