// Calls of the CNI plugin on a p6nd in memory: what an engine's clean-up leaves when something
// fails.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { InstanceView } from '../../../src/api/contract/instances.ts';
import { type CniClient, type Outcome, runPlugin } from '../../../src/attach/cni/plugin.ts';
import { P6nError } from '../../../src/base/errors.ts';
import { INSTANCE } from '../../fakes/api-services.ts';

const CONFIGURATION = { cniVersion: '1.1.0', name: 'web', type: 'p6n-cni', app: 'web' };

class World {
  readonly removed: string[] = [];
  readonly #instances: readonly InstanceView[];
  readonly #broken: string;

  constructor(owners: readonly string[], broken: string) {
    this.#instances = owners.map((owner) => ({
      ...{ ...INSTANCE, id: owner },
      here: { ...INSTANCE.here!, owner },
    }));
    this.#broken = broken;
  }

  call(command: string, configuration: object, environment: object = {}): Promise<Outcome> {
    return runPlugin({
      environment: { CNI_COMMAND: command, ...environment },
      readInput: () => Promise.resolve(JSON.stringify(configuration)),
      connect: () => this.#client(),
    });
  }

  #client(): CniClient {
    const unused = (): Promise<never> => Promise.reject(new Error('nobody asks for it'));
    return {
      apps: { get: unused },
      host: { status: unused },
      instances: {
        attach: unused,
        list: () => Promise.resolve({ instances: this.#instances }),
        remove: (id) => {
          if (id === this.#broken) {
            return Promise.reject(new P6nError('STATE_UNWRITABLE', 'Cannot keep records'));
          }
          this.removed.push(id);
          return Promise.resolve();
        },
      },
    };
  }
}

test('GC removes all that it can, and then says what it could not', async () => {
  const owners = ['a', 'b', 'c'].map((id) => `cni/web/${id}/eth0`);
  const world = new World([...owners, 'cni/db/a/eth0', 'docker/a/b'], owners[0] as string);
  const { exitCode, output } = await world.call('GC', {
    ...{ ...CONFIGURATION, 'cni.dev/valid-attachments': [] },
  });
  assert.equal(exitCode, 1);
  assert.match(output, /Cannot keep records/);
  assert.deepEqual(world.removed, owners.slice(1));
});

test('DEL takes away a container of a network that no ADD would take', async () => {
  const owner = 'cni/web/a/eth0';
  const world = new World([owner], '');
  const configuration = { ...CONFIGURATION, ipam: { type: 'host-local' } };
  const container = { CNI_CONTAINERID: 'a', CNI_IFNAME: 'eth0', CNI_NETNS: '/run/netns/a' };
  const { exitCode, output } = await world.call('ADD', configuration, container);
  assert.deepEqual([exitCode, (JSON.parse(output) as { code: number }).code], [1, 2]);
  assert.deepEqual(await world.call('DEL', configuration, container), { exitCode: 0, output: '' });
  assert.deepEqual(world.removed, [owner]);
});
