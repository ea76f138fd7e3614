// What of a change of the data plane failed; the rest of it holds.

import { asP6nError, type P6nError } from '../../base/errors.ts';

/** One part of a change that failed; the others hold. */
export interface ChangeFailure {
  readonly part:
    | { readonly kind: 'tun'; readonly tun: number }
    | { readonly kind: 'peer'; readonly publicKey: string }
    | { readonly kind: 'gateway' | 'filter' };
  readonly error: P6nError;
}

/** Runs `action`; what it throws is one of the failures. */
export function attempt(
  failures: ChangeFailure[],
  part: ChangeFailure['part'],
  action: () => void,
): void {
  try {
    action();
  } catch (error) {
    failures.push({ part, error: asP6nError(error, 'Cannot change the data plane') });
  }
}
