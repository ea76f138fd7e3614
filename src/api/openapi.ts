// The API as an OpenAPI 3.1 document, made of what the routes check (their schemas) and what
// they are said to answer (the table of operations), so that there is no second description.

import type { FastifyInstance } from 'fastify';
import { READ_PUBLIC } from './access/declared.ts';
import { ERROR_BODY } from './contract/error.ts';
import { OPERATIONS } from './contract/operations.ts';
import { JSON_CONTENT_TYPE } from './contract/protocol.ts';
import type { Contract } from './contract/schema.ts';

import { OPERATOR_OR_TOKEN } from './routes/callers.ts';

const OPENAPI_VERSION = '3.1.0';
/** Of the API: what stands in all its paths. */
const API_VERSION = '1';
const OPENAPI_PATH = '/v1/openapi.json';

const TOKEN_SCHEME: object = {
  type: 'http',
  scheme: 'bearer',
  description: 'A token of `p6nctl tokens create`; the unix socket wants none',
};

interface Route {
  readonly method: string;
  /** As fastify has it: `/v1/apps/:name`. */
  readonly path: string;
  /** Whether a token can open it, besides root on the unix socket. */
  readonly isForTokens: boolean;
  readonly query: Contract<unknown> | undefined;
  readonly body: Contract<unknown> | undefined;
}

export interface OpenApiDocument {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string };
  /** By path and, in lower case, method. */
  readonly paths: Readonly<Record<string, Readonly<Record<string, object>>>>;
  readonly components: object;
}

/** Serves the document of all routes that are added to `app` from now on. */
export function openApiRoute(app: FastifyInstance): void {
  const routes: Route[] = [];
  app.addHook('onRoute', ({ config, method, schema, url }) => {
    const query = schema?.querystring as Contract<unknown> | undefined;
    const body = schema?.body as Contract<unknown> | undefined;
    const isForTokens = config?.allow?.includes('token') === true;
    for (const one of [method].flat()) {
      routes.push({ method: one, path: url, isForTokens, query, body });
    }
  });
  app.get(OPENAPI_PATH, { config: { allow: OPERATOR_OR_TOKEN, access: READ_PUBLIC } }, () =>
    openApiDocument(routes),
  );
}

function openApiDocument(routes: readonly Route[]): OpenApiDocument {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) {
    const path = route.path.replace(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationObject(route) };
  }
  return {
    openapi: OPENAPI_VERSION,
    info: { title: 'p6n', version: API_VERSION },
    paths,
    components: {
      securitySchemes: { token: TOKEN_SCHEME },
      schemas: { Error: ERROR_BODY },
      responses: {
        Error: {
          description: 'What went wrong, and what the caller can do',
          content: { [JSON_CONTENT_TYPE]: { schema: { $ref: '#/components/schemas/Error' } } },
        },
      },
    },
  };
}

function operationObject(route: Route): object {
  const operation = OPERATIONS[`${route.method} ${route.path}`];
  const { answer, contentType, status = 200, summary = '' } = operation ?? {};
  const content =
    answer === undefined || contentType === undefined
      ? {}
      : { content: { [contentType]: { schema: answer } } };
  return {
    operationId: operationId(route),
    summary,
    // Without a scheme: for root on the unix socket, who needs none.
    security: route.isForTokens ? [{ token: [] }] : [],
    parameters: [...pathParameters(route.path), ...queryParameters(route.query)],
    ...(route.body === undefined
      ? {}
      : {
          requestBody: {
            required: true,
            content: { [JSON_CONTENT_TYPE]: { schema: route.body } },
          },
        }),
    responses: {
      [status]: { description: 'Done', ...content },
      default: { $ref: '#/components/responses/Error' },
    },
  };
}

/** `get_apps_name` of `GET /v1/apps/:name`. */
function operationId({ method, path }: Route): string {
  const words = path.split(/\W+/).filter((word) => word !== '' && word !== 'v1');
  return [method.toLowerCase(), ...words].join('_');
}

function pathParameters(path: string): readonly object[] {
  return [...path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));
}

function queryParameters(query: Contract<unknown> | undefined): readonly object[] {
  if (query === undefined) return [];
  const { properties, required = [] } = query as {
    readonly properties?: Readonly<Record<string, Contract<unknown>>>;
    readonly required?: readonly string[];
  };
  // Keys that are not known before are the pairs of one exploded parameter.
  if (properties === undefined) {
    return [{ name: 'filter', in: 'query', style: 'form', explode: true, schema: query }];
  }
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: 'query',
    required: required.includes(name),
    schema,
  }));
}
