// The one call of a machine that is no host yet.

import type { Enrolled, EnrolRequest } from './contract/enrolment.ts';
import { call } from './exchange.ts';

export interface EnrolmentTarget {
  /** IPv6 address of the server inside the mesh. */
  readonly address: string;
  readonly port: number;
  /** Longest wait for the answer, milliseconds. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

/** Posts a machine's enrolment from the address of its invite. */
export async function enrol(target: EnrolmentTarget, body: EnrolRequest): Promise<Enrolled> {
  const { address, port, timeoutMs, signal } = target;
  const enrolled = await call({
    target: { kind: 'tcp', host: address, port },
    method: 'POST',
    path: '/v1/enrol',
    headers: {},
    body,
    timeoutMs,
    signal,
  });
  return enrolled as Enrolled;
}
