// Twenty open connections and a probe every 10 ms between instances of two hosts, through the end
// of either p6nd by either signal.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { FLOWS, FLOWS_PROGRAM, type FlowReport } from './flows.ts';
import { type SiteHost, until } from './site.ts';

interface InstanceJson {
  readonly address: string;
  readonly here: { readonly pid: number };
}

export interface RestartScene {
  /** A server, and a host that has joined it. */
  readonly hosts: readonly [SiteHost, SiteHost];
  readonly folder: string;
  /** What the server is started with. */
  readonly flags: readonly string[];
}

/** Asserts that no connection breaks, and says how long no probe was answered. */
export async function restartEither(
  { hosts: [one, two], folder, flags }: RestartScene,
  context: TestContext,
): Promise<void> {
  await one.must('apps', 'create', 'web', '--network', 'blue');
  const node = process.execPath;
  const run = ['instances', 'run', '--app', 'web', '--detach', '--name'];
  await one.must(...run, 'server', '--', node, FLOWS_PROGRAM, 'serve');
  const { address } = await one.json<InstanceJson>('instances', 'show', 'server');
  const file = join(folder, 'flows.json');
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
    await host.start(...(host === one ? flags : []));
    await until(
      `connections after ${signal}`,
      all((echoes, n) => echoes > (before[n] ?? 0)),
    );
    const { broken, echoes, gapMs } = report();
    assert.equal(broken, 0);
    assert.equal(echoes.length, FLOWS);
    context.diagnostic(`${signal} of p6nd on ${host.name}: no probe answered for ${gapMs} ms`);
  }
}
