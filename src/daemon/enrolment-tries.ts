// How long, and how often, a machine that joins asks the server for its enrolment.

import { setTimeout as delay } from 'node:timers/promises';
import type { Enrolled } from '../api/contract/enrolment.ts';
import { Backoff } from '../base/backoff.ts';
import { after, type Clock, type Millis } from '../base/clock.ts';
import { P6nError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Random } from '../base/random.ts';
import type { EndpointAddress } from '../device/config.ts';
import type { InviteToken } from './invite-token.ts';

/** How long a machine tries before it says that the server is not to be reached. */
const JOIN_TIMEOUT_MS = 30_000;
const RETRY_MIN_MS = 200;
const RETRY_MAX_MS = 2_000;

export interface TriesDependencies {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Gives the joining up. */
  readonly signal: AbortSignal;
}

/**
 * Tries one endpoint after the other until an answer comes, the server refuses, or time is over.
 * Whether the invite still is good is for the server's clock: by this machine's it is only how long
 * a server that says nothing is asked, and what is said about it.
 */
export async function askEach(
  candidates: readonly EndpointAddress[],
  token: Pick<InviteToken, 'endpoints' | 'expiresAt'>,
  { clock, random, logger, signal }: TriesDependencies,
  ask: (endpoint: EndpointAddress) => Promise<Enrolled>,
): Promise<Enrolled> {
  const backoff = new Backoff(random, { minMs: RETRY_MIN_MS, maxMs: RETRY_MAX_MS });
  const deadline: Millis = after(clock.now(), JOIN_TIMEOUT_MS);
  for (let turn = 0; ; turn += 1) {
    if (turn > 0) await delay(backoff.next(), undefined, { signal });
    try {
      return await ask(candidates[turn % candidates.length] as EndpointAddress);
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof P6nError)) throw error;
      const hasAskedAll = turn + 1 >= candidates.length;
      const end = endOf(error, token, {
        isExpired: hasAskedAll && token.expiresAt <= clock.wallNow(),
        isOver: clock.now() >= deadline,
      });
      if (end !== undefined) throw end;
      logger.info('server does not enrol yet', { code: error.code, error: error.message });
    }
  }
}

/** What is said when there are no more tries; undefined while there are. */
function endOf(
  error: P6nError,
  token: Pick<InviteToken, 'endpoints'>,
  { isExpired, isOver }: { readonly isExpired: boolean; readonly isOver: boolean },
): P6nError | undefined {
  if (isBusy(error)) return isOver ? error : undefined;
  if (error.fault !== 'environment') return error;
  if (isExpired) return expired();
  return isOver ? unreachable(token, 'it does not answer') : undefined;
}

/** Whether the server has answered that others ask too much, or change the same, at the moment. */
function isBusy({ code }: P6nError): boolean {
  return code === 'LIMIT_REACHED' || code === 'CHANGED_MEANWHILE';
}

function expired(): P6nError {
  return new P6nError(
    'INVITE_EXPIRED',
    "Cannot join: the server does not answer, and by this machine's clock the invite is over",
    { hint: 'Make a new one with `p6nctl hosts invite` on a server, or set the clock right.' },
  );
}

export function unreachable(token: Pick<InviteToken, 'endpoints'>, why: string): P6nError {
  const where = token.endpoints.join(', ');
  return new P6nError('SERVER_UNREACHABLE', `Cannot join by the server at ${where}: ${why}`, {
    hint:
      'Check that its UDP port is open and that the invite was not used, revoked or expired; ' +
      'starting again with the same token goes on where this ended.',
  });
}
