// What an operator has of a host that runs: one site of one host for all of it.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { parseExposition } from '../fakes/prometheus.ts';
import { Site, type SiteHost, SKIP_REASON } from './site.ts';

const METRICS = '127.0.0.1:9176';

let site: Site;
let host: SiteHost;

before(async () => {
  if (SKIP_REASON !== false) return;
  site = await Site.create();
  host = await site.addHost('one');
  await host.start('--region', 'ams', '--metrics', METRICS);
});
after(() => site?.remove());

test('metrics are read on the socket and on the loopback port', { skip: SKIP_REASON }, async () => {
  const socket = ['curl', '-sf', '--unix-socket', host.socket, 'http://p6nd/metrics'];
  const port = ['curl', '-sf', `http://${METRICS}/metrics`];
  for (const words of [socket, port]) {
    const { code, stdout } = await host.exec(...words);
    assert.equal(code, 0, words.join(' '));
    const families = parseExposition(stdout);
    const value = (name: string): number => families.get(name)?.samples[0]?.value ?? -1;
    assert.equal(value('p6n_info'), 1);
    assert.equal(value('p6n_registry_up'), 1);
    assert.ok(value('p6n_registry_revision') >= 1);
    assert.ok(value('process_resident_memory_bytes') > 1e6);
  }
});

test('the loopback port serves metrics and nothing else', { skip: SKIP_REASON }, async () => {
  for (const path of ['/v1/status', '/v1/apps', '/v1/host/reset']) {
    const words = ['-s', '-o', '/dev/null', '-w', '%{http_code}', `http://${METRICS}${path}`];
    assert.equal((await host.exec('curl', ...words)).stdout, '404', path);
  }
});
