// Every route says what it does and to what, so that no token opens one by accident.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fastify, type RouteOptions } from 'fastify';
import { operatorRoutes } from '../../src/api/api.ts';
import { fakeServices } from '../fakes/api-services.ts';

/** By the method of HTTP: what a route may say that it does. POST does what it is told. */
const VERBS: Readonly<Record<string, readonly string[]>> = {
  GET: ['read'],
  POST: ['create', 'change', 'read'],
  PUT: ['create', 'change'],
  PATCH: ['change'],
  DELETE: ['remove', 'change'],
};

test('every route declares its callers, its verb and what it acts on', () => {
  const routes: RouteOptions[] = [];
  const app = fastify({ exposeHeadRoutes: false });
  app.addHook('onRoute', (route) => void routes.push(route));
  operatorRoutes(app, fakeServices());
  assert.ok(routes.length > 40);
  for (const { config, method, url } of routes) {
    const route = `${String(method)} ${url}`;
    const { access, allow = [] } = config ?? {};
    assert.ok(allow.includes('operator'), `${route} is for nobody`);
    assert.ok(access, `${route} does not declare its access`);
    const { target, verb } = access;
    assert.ok(VERBS[String(method)]?.includes(verb), `${route} does not ${verb}`);
    if (!allow.includes('token')) continue;
    // What is public gives nothing away that the documents do not.
    if (target.on === 'nothing') assert.equal(url, '/v1/openapi.json');
    if (target.on === 'each') assert.equal(method, 'GET');
  }
});
