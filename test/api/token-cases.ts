// What the contracts of tokens take and refuse.

import * as tokens from '../../src/api/contract/tokens.ts';
import { TOKEN } from '../fakes/api-services.ts';
import { type Case, row } from './contract-case.ts';

export const TOKEN_CASES: Readonly<Record<string, Case>> = {
  CREATE_TOKEN: row(
    tokens.CREATE_TOKEN,
    [{}, { label: 'ci', ttl_ms: 1_000, verbs: ['read'], organizations: ['acme'], apps: ['web'] }],
    [
      { verbs: ['own'] },
      { verbs: [] },
      { apps: ['web', 'web'] },
      { apps: ['*'] },
      { organizations: Array.from({ length: 33 }, (_one, index) => `a${index}`) },
      { ttl_ms: 999 },
      { ttl_ms: 1.5 },
      { id: TOKEN.id },
    ],
  ),
  TOKEN_VIEW: row(tokens.TOKEN_VIEW, [TOKEN, { ...TOKEN, revoked_at: 2 }], [{}, { id: 'x' }]),
  TOKEN_LIST: row(tokens.TOKEN_LIST, [{ tokens: [] }, { tokens: [TOKEN] }], [{}, []]),
  TOKEN_CREATED: row(
    tokens.TOKEN_CREATED,
    [{ details: TOKEN, token: 'p6nt_x' }],
    [{ details: TOKEN }, { token: 'p6nt_x' }],
  ),
};
