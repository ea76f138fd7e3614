// Routes that tell what the name server would answer to an instance.

import type { FastifyInstance } from 'fastify';
import type { Principal } from '../../registry/authority.ts';
import { READ_SITE } from '../access/declared.ts';
import { NAME_QUESTION, type NameLine, type NameQuestion } from '../contract/names.ts';
import { sendLines } from '../line-reply.ts';
import type { NameService } from '../services.ts';
import { OPERATOR_OR_TOKEN } from './callers.ts';

export function nameRoutes(app: FastifyInstance, names: NameService): void {
  const options = {
    config: { allow: OPERATOR_OR_TOKEN, access: READ_SITE },
    schema: { querystring: NAME_QUESTION },
  };
  app.get<{ Querystring: NameQuestion }>('/v1/names/lookup', options, (request) =>
    names.lookup(request.principal, request.query),
  );

  app.get<{ Querystring: NameQuestion }>('/v1/names/watch', options, async (request, reply) => {
    const { principal, query } = request;
    // What is wrong with the question is an answer of its own, not a line of a stream.
    await names.lookup(principal, query);
    return sendLines(request, reply, (signal) => lines(names, principal, query, signal));
  });
}

async function* lines(
  names: NameService,
  principal: Principal,
  question: NameQuestion,
  signal: AbortSignal,
): AsyncGenerator<NameLine> {
  for await (const answer of names.watch(principal, question, signal)) {
    yield { type: 'answer', answer };
  }
}
