// Connections outlive p6nd: interfaces, addresses and instances stay when it is killed or ended,
// and the next one goes on with them at once.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { FLOWS, FLOWS_PROGRAM, type FlowReport } from './flows.ts';
import { Site, type SiteHost, SKIP_REASON, until } from './site.ts';

interface InstanceJson {
  readonly address: string;
  readonly here: { readonly pid: number };
}

describe('open connections', { skip: SKIP_REASON, timeout: 120_000 }, () => {
  test('live through kill -9 and SIGTERM of either p6nd', async (context) => {
    const site = await Site.running(2, context);
    const [one, two] = site.hosts as [SiteHost, SiteHost];
    await one.must('apps', 'create', 'web', '--network', 'blue');
    const node = process.execPath;
    const run = ['instances', 'run', '--app', 'web', '--detach', '--name'];
    await one.must(...run, 'server', '--', node, FLOWS_PROGRAM, 'serve');
    const { address } = await one.json<InstanceJson>('instances', 'show', 'server');
    const file = join(site.folder, 'flows.json');
    await two.must(...run, 'client', '--', node, FLOWS_PROGRAM, 'probe', address, file);
    const { pid } = (await two.json<InstanceJson>('instances', 'show', 'client')).here;
    const report = (): FlowReport => JSON.parse(readFileSync(file, 'utf8')) as FlowReport;
    const all = (holds: (echoes: number, flow: number) => boolean) => async () =>
      existsSync(file) && report().echoes.every(holds) && report().probes > 0;
    await until(
      'all connections',
      all((echoes) => echoes > 0),
    );
    for (const [signal, host] of [
      ['SIGKILL', one],
      ['SIGKILL', two],
      ['SIGTERM', one],
      ['SIGTERM', two],
    ] as const) {
      process.kill(pid, 'SIGUSR2');
      await host.kill(signal);
      const { echoes: before } = report();
      await host.start();
      await until(
        `connections after ${signal}`,
        all((echoes, n) => echoes > (before[n] ?? 0)),
      );
      const { broken, echoes, gapMs } = report();
      assert.equal(broken, 0);
      assert.equal(echoes.length, FLOWS);
      context.diagnostic(`${signal} of p6nd on ${host.name}: no probe answered for ${gapMs} ms`);
    }
  });
});
