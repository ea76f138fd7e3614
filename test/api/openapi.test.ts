// The OpenAPI document says what the API does: every route and nothing else, with the statuses and
// bodies that the routes answer with.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Check } from 'typebox/schema';
import { operatorApi } from '../../src/api/api.ts';
import { OPERATIONS } from '../../src/api/contract/operations.ts';
import type { OpenApiDocument } from '../../src/api/openapi.ts';
import { SILENT_LOGGER } from '../../src/base/logger.ts';
import { fakeServices, HOST, INSTANCE } from '../fakes/api-services.ts';

interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly security: readonly object[];
  readonly parameters: readonly { readonly name: string; readonly in: string }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { schema: object }>> };
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { readonly schema: object }>> }>
  >;
}

const VALUES: Readonly<Record<string, string>> = {
  name: 'web',
  app: 'web',
  id: INSTANCE.id,
  key: 'tier',
  number: '7',
  reference: 'web-1',
};

/** Bodies of operations that take one. */
const BODIES: Readonly<Record<string, object>> = {
  'POST /v1/organizations': { name: 'acme' },
  'POST /v1/networks': { name: 'blue' },
  'POST /v1/apps': { app_name: 'web' },
  'POST /v1/apps/{app}/machines/{id}/metadata/{key}': { value: 'back' },
  'PATCH /v1/site': {},
  'POST /v1/wireguard': { name: 'anna', network: 'blue', public_key: HOST.public_key },
  'POST /v1/invites': {},
  'POST /v1/tokens': {},
  'POST /v1/registry/export': { path: '/x' },
  'POST /v1/registry/import': { path: '/x' },
  'POST /v1/registry/accept': {},
  'POST /v1/instances/run': { app: 'web', command: ['sleep'] },
  'POST /v1/instances/run-cluster': { app: 'web', command: ['sleep'], size: 2 },
  'POST /v1/instances/attach': { app: 'web', pid: 7 },
  'POST /v1/instances/{reference}/stop': {},
  'POST /v1/ping': { network_id: 7, address: 'fdaa::1' },
  'POST /v1/explain': { from: HOST.address, to: HOST.address },
};
const QUERIES: Readonly<Record<string, string>> = {
  'GET /v1/capture': '?network=blue',
  'GET /v1/names/lookup': '?name=web.internal',
  'GET /v1/visits': '?network=blue',
  'GET /v1/names/watch': '?name=web.internal',
};

const { app } = operatorApi(fakeServices(), SILENT_LOGGER);
const response = await app.inject({ url: '/v1/openapi.json' });
const text = response.body;
const document = response.json() as OpenApiDocument;
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({
    line: `${method.toUpperCase()} ${path}`,
    operation: operation as Operation,
  })),
);

test('GET /v1/openapi.json is a document of OpenAPI 3.1', () => {
  assert.equal(response.statusCode, 200);
  assert.match(document.openapi, /^3\.1\.\d+$/);
  assert.deepEqual(Object.keys(document.info), ['title', 'version']);
  assert.doesNotMatch(text, /"~/);
});

test('every route has an operation with a summary, and no operation is without a route', () => {
  const served = app.printRoutes({ commonPrefix: false }).match(/[A-Z]{3,}/g) ?? [];
  assert.equal(operations.length, served.length);
  const said = Object.keys(OPERATIONS).map((line) => line.replace(/:(\w+)/g, '{$1}'));
  assert.deepEqual(said.sort(), operations.map(({ line }) => line).sort());
  for (const { line, operation } of operations) assert.notEqual(operation.summary, '', line);
});

test('names of operations are unique, and references lead somewhere', () => {
  const ids = operations.map(({ operation }) => operation.operationId);
  assert.equal(new Set(ids).size, ids.length);
  for (const [, reference = ''] of text.matchAll(/"\$ref":"#\/([^"]+)"/g)) {
    let place: unknown = document;
    for (const word of reference.split('/')) place = (place as Record<string, unknown>)[word];
    assert.ok(place !== undefined, reference);
  }
});

test('operations say whether a token opens them', () => {
  const { components } = document as unknown as {
    readonly components: { readonly securitySchemes: { readonly token: { scheme: string } } };
  };
  assert.equal(components.securitySchemes.token.scheme, 'bearer');
  const secured = operations.filter(({ operation }) => operation.security.length > 0);
  const lines = secured.map(({ line }) => line);
  assert.ok(lines.includes('GET /v1/apps') && lines.includes('GET /v1/events'));
  for (const line of ['POST /v1/tokens', 'POST /v1/instances/run', 'POST /v1/host/reset']) {
    assert.ok(!lines.includes(line), line);
  }
});

test('every variable of a path is a parameter', () => {
  for (const { line, operation } of operations) {
    const variables = [...line.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    const declared = operation.parameters.filter((one) => one.in === 'path');
    assert.deepEqual(
      declared.map(({ name }) => name),
      variables,
      line,
    );
  }
});

for (const { line, operation } of operations) {
  test(`${line} answers as the document says`, async () => {
    const [method = '', path = ''] = line.split(' ');
    const payload = BODIES[line];
    assert.equal(operation.requestBody !== undefined, payload !== undefined);
    for (const { schema } of Object.values(operation.requestBody?.content ?? {})) {
      assert.ok(Check(schema, payload));
    }
    const url = path.replace(/\{(\w+)\}/g, (_all, name: string) => VALUES[name] ?? '');
    const answer = await operatorApi(fakeServices(), SILENT_LOGGER).app.inject({
      method: method as 'GET',
      url: `${url}${QUERIES[line] ?? ''}`,
      ...(payload === undefined ? {} : { payload }),
    });
    const [status] = Object.keys(operation.responses);
    assert.equal(String(answer.statusCode), status, answer.body);
    const [said] = Object.entries(operation.responses[status ?? '']?.content ?? {});
    if (said === undefined) {
      assert.equal(answer.body, '');
      return;
    }
    const [type, { schema }] = said;
    assert.equal(String(answer.headers['content-type']).split(';')[0], type);
    for (const value of valuesOf(type, answer.body)) {
      assert.ok(Check(schema, value), JSON.stringify(value));
    }
  });
}

/** The whole body, or each line of a stream. */
function valuesOf(type: string, body: string): readonly unknown[] {
  if (type === 'application/json') return [JSON.parse(body) as unknown];
  if (type !== 'application/x-ndjson') return [body];
  const lines = body.split('\n').filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line) as unknown);
}
