// What is a probe or an answer to one, and what is neither.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  PROBE_ANSWER_BYTES,
  type ProbeContent,
  ProbeKind,
  readProbe,
  writeProbe,
} from '../../../src/device/path/path-probe.ts';

const OFFSET = 3;
const LENGTH = 1_300;
const PROBE: ProbeContent = { kind: ProbeKind.Probe, length: LENGTH, number: 0xfedc_ba98 };
const ARRIVED: ProbeContent = { ...PROBE, kind: ProbeKind.Arrived };

test('readProbe() gives back what writeProbe() wrote', () => {
  assert.deepEqual(readProbe(written(PROBE), OFFSET, LENGTH), PROBE);
  assert.deepEqual(readProbe(written(ARRIVED), OFFSET, PROBE_ANSWER_BYTES), ARRIVED);
});

test('readProbe() takes no probe that says another length than it has', () => {
  for (const length of [LENGTH - 1, LENGTH + 1, PROBE_ANSWER_BYTES]) {
    assert.equal(readProbe(written(PROBE), OFFSET, length), undefined);
  }
});

test('readProbe() takes no packet, nothing of another kind, and nothing that is cut short', () => {
  for (const version of [4, 6, 15]) {
    assert.equal(readProbe(withByte(0, version << 4), OFFSET, PROBE_ANSWER_BYTES), undefined);
  }
  for (const kind of [0, 3, 255]) {
    assert.equal(readProbe(withByte(1, kind), OFFSET, PROBE_ANSWER_BYTES), undefined);
  }
  assert.equal(readProbe(written(ARRIVED), OFFSET, PROBE_ANSWER_BYTES - 1), undefined);
  assert.equal(readProbe(written(ARRIVED), OFFSET, 0), undefined);
});

function written(content: ProbeContent): Uint8Array {
  const bytes = new Uint8Array(OFFSET + LENGTH + 1);
  writeProbe(bytes, OFFSET, content);
  return bytes;
}

function withByte(at: number, value: number): Uint8Array {
  const bytes = written(ARRIVED);
  bytes[OFFSET + at] = value;
  return bytes;
}
