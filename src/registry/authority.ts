// Who may do what, as one table: a host writes what is its own, the p6nctl of a host also networks,
// apps and WireGuard peers, and everything else is for the operators of a server.

import type { HostId } from '../addressing/ids.ts';
import { P6nError } from '../base/errors.ts';
import type { Site } from './model.ts';

/** Who asks, as the source of the request proves it. */
export type Principal =
  /** Root of the host that is asked, on its unix socket. */
  | { readonly kind: 'operator' }
  /** A host's p6nd: its address and its secret. */
  | { readonly kind: 'host'; readonly host: HostId }
  /** A host's p6nd on behalf of the p6nctl of that host. */
  | { readonly kind: 'host-operator'; readonly host: HostId }
  /** A machine that is joining; the number is of this server's invites. */
  | { readonly kind: 'invite'; readonly number: number }
  /** Whoever has a token; what it allows was asked before, by the door that took it. */
  | { readonly kind: 'token'; readonly id: string };

export type Action =
  | 'read'
  | 'follow'
  | 'event-read'
  | 'audit-read'
  | 'enrol'
  | 'host-update'
  | 'host-drain'
  | 'host-key-write'
  | 'instance-write'
  | 'network-write'
  | 'app-write'
  | 'peer-write'
  | 'organization-write'
  | 'invite-read'
  | 'invite-write'
  | 'server-invite-write'
  | 'host-remove'
  | 'site-write'
  | 'site-key-read'
  | 'site-key-write'
  | 'token-write'
  | 'registry-export'
  | 'registry-import';

/** What the site says of who may do what. */
export type AuthoritySettings = Pick<Site, 'hostOperatorsWrite'>;

/**
 * `yes`; `own` for the principal's own records alone; `setting` where the site says so; `no`.
 */
type Verdict = 'yes' | 'own' | 'setting' | 'no';
type Row = Readonly<Record<Principal['kind'], Verdict>>;

const TABLE: Readonly<Record<Action, Row>> = {
  read: row('yes', 'yes', 'yes', 'no', 'yes'),
  follow: row('yes', 'yes', 'no', 'no'),
  'event-read': row('yes', 'no', 'yes', 'no', 'yes'),
  'audit-read': row('yes', 'no', 'no', 'no', 'yes'),
  enrol: row('no', 'no', 'no', 'own'),
  'host-update': row('no', 'own', 'no', 'no'),
  'host-drain': row('yes', 'no', 'no', 'no', 'yes'),
  'host-key-write': row('yes', 'no', 'no', 'no'),
  'instance-write': row('no', 'own', 'no', 'no'),
  'network-write': row('yes', 'no', 'setting', 'no', 'yes'),
  'app-write': row('yes', 'no', 'setting', 'no', 'yes'),
  'peer-write': row('yes', 'no', 'setting', 'no', 'yes'),
  'organization-write': row('yes', 'no', 'no', 'no', 'yes'),
  'invite-read': row('yes', 'no', 'no', 'no', 'yes'),
  'invite-write': row('yes', 'no', 'no', 'no', 'yes'),
  // A server is handed the site's key, by which it can make every token.
  'server-invite-write': row('yes', 'no', 'no', 'no'),
  'host-remove': row('yes', 'no', 'no', 'no', 'yes'),
  'site-write': row('yes', 'no', 'no', 'no'),
  'site-key-read': row('no', 'own', 'no', 'no'),
  'site-key-write': row('yes', 'no', 'no', 'no'),
  'token-write': row('yes', 'no', 'no', 'no'),
  'registry-export': row('yes', 'no', 'no', 'no'),
  'registry-import': row('yes', 'no', 'no', 'no'),
};

/**
 * Throws NOT_PERMITTED, or NOT_A_SERVER for what p6nctl may do on a server, unless `principal` may
 * do `action`. `owner` is the host, or the number of the invite, whose own record the action
 * writes. What a site may keep from somebody is kept from him where `settings` are absent.
 */
export function authorize(
  principal: Principal,
  action: Action,
  owner?: number,
  settings?: AuthoritySettings,
): void {
  const verdict = TABLE[action][principal.kind];
  if (verdict === 'yes') return;
  if (verdict === 'own' && owner !== undefined && owner === idOf(principal)) return;
  if (verdict === 'setting' && settings?.hostOperatorsWrite === true) return;
  throw refusal(principal, action, verdict);
}

function refusal(principal: Principal, action: Action, verdict: Verdict): P6nError {
  const words = action.replaceAll('-', ' ');
  if (verdict === 'own') {
    return new P6nError(
      'NOT_PERMITTED',
      `Cannot permit "${words}": the record is of another host`,
      {
        hint: 'A host writes its own records alone.',
      },
    );
  }
  if (verdict === 'setting') {
    return new P6nError(
      'NOT_A_SERVER',
      `Cannot permit "${words}": the site leaves it to its servers, and this host is none`,
      {
        hint: 'Run the command on a server, or `p6nctl site set --host-operators-write on` there.',
      },
    );
  }
  if (principal.kind === 'host-operator' && TABLE[action].operator === 'yes') {
    return new P6nError('NOT_A_SERVER', `Cannot permit "${words}": this host is no server`, {
      hint: 'Run the command on a server.',
    });
  }
  return new P6nError(
    'NOT_PERMITTED',
    `Cannot permit "${words}": it is not for ${NOUN[principal.kind]}`,
    {
      hint: "Only a server's own p6nctl may do everything.",
    },
  );
}

const NOUN: Readonly<Record<Principal['kind'], string>> = {
  operator: "an operator: it is each host's own",
  host: 'a host',
  'host-operator': 'the operator of a host',
  invite: 'a machine that is joining',
  token: 'a token',
};

function idOf(principal: Principal): number | undefined {
  switch (principal.kind) {
    case 'operator':
    case 'token':
      return undefined;
    case 'host':
    case 'host-operator':
      return principal.host;
    case 'invite':
      return principal.number;
  }
}

function row(
  operator: Verdict,
  host: Verdict,
  hostOperator: Verdict,
  invite: Verdict,
  token: Verdict = 'no',
): Row {
  return { operator, host, 'host-operator': hostOperator, invite, token };
}
