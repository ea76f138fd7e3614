// Which packets a capture is of: those of one network, where names of networks can be alike.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NetworkId } from '../../src/addressing/ids.ts';
import { type CaptureDependencies, LocalCaptureService } from '../../src/daemon/capture-service.ts';

const OPERATOR = { kind: 'operator' } as const;

function serviceOf(networks: readonly (readonly [id: number, name: string])[]) {
  const list = () =>
    networks.map(([network, networkName]) => ({
      instance: { network: network as NetworkId },
      networkName,
    }));
  const dependencies = { instances: { list }, filter: () => ({ instances: [] }) };
  return new LocalCaptureService(dependencies as unknown as CaptureDependencies);
}

test('a capture asks which network is meant where two have a name', async () => {
  const service = serviceOf([
    [0x20000, 'blue'],
    [0x30000, 'Blue'],
    [0x20000, 'blue'],
  ]);
  await assert.rejects(service.capture(OPERATOR, { network: 'blue' }), {
    code: 'VALUE_INVALID',
    message: 'Cannot capture: networks 131072, 196608 are named "blue"',
  });
  await service.capture(OPERATOR, { network: '196608' });
});
