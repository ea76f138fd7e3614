// Calls about tokens of the API, on a server.

import type { CreateToken, TokenCreated, TokenList } from '../contract/tokens.ts';
import { Calls } from './connection.ts';
import { path } from './paths.ts';

export class TokenCalls extends Calls {
  list(): Promise<TokenList> {
    return this.api.get('/v1/tokens');
  }

  create(body: CreateToken): Promise<TokenCreated> {
    return this.api.post('/v1/tokens', body);
  }

  revoke(id: string): Promise<void> {
    return this.api.delete(path('/v1/tokens', id));
  }
}
