// An answer that goes on, as feeds do, ends with the token that opened it: whoever has shown one
// that is good is asked again as long as the answer lasts.

import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { TokenCheck } from './token-check.ts';

/** Between two looks at the tokens of answers that go on. */
export const TOKEN_WATCH_INTERVAL_MS = 1_000;

/** Comes after the hook that takes the tokens. */
export function endWithTokens(
  app: FastifyInstance,
  check: Pick<TokenCheck, 'require'>,
  intervalMs: number = TOKEN_WATCH_INTERVAL_MS,
): void {
  const open = new Set<FastifyRequest>();
  app.addHook('onRequest', (request, reply, done) => {
    if (request.grant !== undefined) {
      open.add(request);
      reply.raw.once('close', () => open.delete(request));
    }
    done();
  });
  const timer = setInterval(() => {
    for (const request of open) {
      if (!isGood(check, request)) request.raw.destroy();
    }
  }, intervalMs);
  timer.unref();
  app.addHook('onClose', (_app, done) => {
    clearInterval(timer);
    done();
  });
}

function isGood(check: Pick<TokenCheck, 'require'>, { headers }: FastifyRequest): boolean {
  try {
    check.require(headers);
    return true;
  } catch {
    return false;
  }
}
