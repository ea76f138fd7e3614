// What has changed in the registry, for programs and people: the feed of events, and the audit,
// which says by whom.

import { Type } from 'typebox';
import { type Contract, contract, strictObject, TEXT_LENGTH_MAX } from './schema.ts';

/** Events are server-sent events (HTML standard, section 9.2). */
export const EVENT_STREAM_CONTENT_TYPE = 'text/event-stream';

export interface ChangedObject {
  readonly verb: 'created' | 'changed' | 'removed';
  /** Such as `host`, `network`, `app`, `instance`, `organization`, `invite`, `site`. */
  readonly kind: string;
  readonly id: string;
}

export interface EventObject extends ChangedObject {
  /** As the registry has it now; absent for what was removed, invites and tokens. */
  readonly record?: object;
}

/**
 * All that has changed with one revision of the registry: mostly one change, several where they
 * came together. The first event of a feed changes nothing.
 */
export interface EventView {
  /** `INCARNATION.NUMBER`: where to go on from after this one. */
  readonly revision: string;
  /** By the server's clock, milliseconds since 1970. */
  readonly at?: number;
  readonly objects: readonly EventObject[];
}

export interface EventQuery {
  /** The revision to go on from; from now on where absent. The header Last-Event-ID goes before. */
  readonly since?: string;
}

/** Who made a change; `server` is a server by itself. */
export interface ActorView {
  readonly kind: 'server' | 'operator' | 'host' | 'host-operator' | 'invite' | 'token';
  /** Of a host and its operator. */
  readonly host_id?: number;
  /** The number of an invite. */
  readonly invite?: number;
  /** The id of a token. */
  readonly token?: string;
}

export interface AuditEntry {
  readonly revision: string;
  /** By the server's clock, milliseconds since 1970. */
  readonly at: number;
  readonly by: ActorView;
  /** As in `create app "web"`. */
  readonly action: string;
  readonly objects: readonly ChangedObject[];
}

export interface AuditList {
  /** The newest last. */
  readonly entries: readonly AuditEntry[];
}

export interface AuditQuery {
  /** How many of the last entries, in decimal. */
  readonly last?: string;
}

const changed = {
  verb: Type.Union([Type.Literal('created'), Type.Literal('changed'), Type.Literal('removed')]),
  kind: Type.String(),
  id: Type.String(),
};

export const EVENT_VIEW: Contract<EventView> = contract<EventView>()(
  strictObject({
    revision: Type.String(),
    at: Type.Optional(Type.Number()),
    objects: Type.Array(strictObject({ ...changed, record: Type.Optional(Type.Object({})) })),
  }),
);

export const EVENT_QUERY: Contract<EventQuery> = contract<EventQuery>()(
  strictObject({ since: Type.Optional(Type.String({ maxLength: TEXT_LENGTH_MAX })) }),
);

export const AUDIT_LIST: Contract<AuditList> = contract<AuditList>()(
  strictObject({
    entries: Type.Array(
      strictObject({
        revision: Type.String(),
        at: Type.Number(),
        by: strictObject({
          kind: Type.Union([
            Type.Literal('server'),
            Type.Literal('operator'),
            Type.Literal('host'),
            Type.Literal('host-operator'),
            Type.Literal('invite'),
            Type.Literal('token'),
          ]),
          host_id: Type.Optional(Type.Integer()),
          invite: Type.Optional(Type.Integer()),
          token: Type.Optional(Type.String()),
        }),
        action: Type.String(),
        objects: Type.Array(strictObject(changed)),
      }),
    ),
  }),
);

export const AUDIT_QUERY: Contract<AuditQuery> = contract<AuditQuery>()(
  strictObject({ last: Type.Optional(Type.String({ pattern: '^[1-9][0-9]{0,3}$' })) }),
);
