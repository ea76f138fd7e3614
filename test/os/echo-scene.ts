// Runs in a network namespace of its own (echo.test.ts makes it), with one thread in Node.js's
// pool: echoes over loopback to hosts that are there and to hosts that are not.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { stat } from 'node:fs/promises';
import type { Ipv6Address } from '../../src/ip/ipv6-address.ts';
import { LinuxEcho } from '../../src/os/linux/echo.ts';

const SOURCE = 'fdaa::1:0:0:0:1' as Ipv6Address;
const NEAR = ['fdaa::1:1:0:0:1', 'fdaa::1:2:0:0:1'] as Ipv6Address[];
const SILENT = ['fdaa::1:3:0:0:1', 'fdaa::1:4:0:0:1'] as Ipv6Address[];
/** No way leads there. */
const UNREACHABLE = 'fdab::1' as Ipv6Address;
/** On a busy machine the kernel may hand on a packet much later. */
const TIMEOUT_MS = 10_000;
const SILENCE_MS = 1500;

execFileSync('ip', ['link', 'set', 'lo', 'up']);
for (const address of [SOURCE, ...NEAR]) {
  execFileSync('ip', ['-6', 'address', 'add', `${address}/128`, 'dev', 'lo', 'nodad']);
}
execFileSync('ip', ['-6', 'route', 'add', 'fdaa::/16', 'dev', 'lo']);

const echo = new LinuxEcho('lo');
assert.deepEqual([...(await echo.measure(SOURCE, NEAR, TIMEOUT_MS)).keys()].sort(), NEAR);

// The one thread is free while silent hosts are waited for, and they keep no answer from counting.
let measured = false;
const targets = [SILENT[0]!, NEAR[0]!, UNREACHABLE, SILENT[1]!];
const measuring = echo.measure(SOURCE, targets, SILENCE_MS).then((found) => {
  measured = true;
  return found;
});
await stat('/');
assert.equal(measured, false);
const found = await measuring;
assert.deepEqual([...found.keys()], [NEAR[0]]);
assert.ok((found.get(NEAR[0]!) ?? 0) > 0);

// Rounds at the same time take their own answers alone.
const both = await Promise.all(NEAR.map((one) => echo.measure(SOURCE, [one], TIMEOUT_MS)));
assert.deepEqual(
  both.map((one) => [...one.keys()]),
  NEAR.map((one) => [one]),
);

assert.equal((await echo.measure(SOURCE, [], TIMEOUT_MS)).size, 0);
assert.equal((await new LinuxEcho('p6n-none').measure(SOURCE, NEAR, TIMEOUT_MS)).size, 0);
process.stdout.write('all is well\n');
