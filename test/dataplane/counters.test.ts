// The counters in shared memory: every part has its stretch, and every number a name.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  COUNTER_NAMES,
  counterMemory,
  PipelineCounter,
  readCounters,
  viewCounters,
} from '../../src/dataplane/counters.ts';
import { DeviceCounter } from '../../src/device/counters.ts';
import { DropReason } from '../../src/filter/drop-reason.ts';
import { PassRule } from '../../src/filter/verdict.ts';
import { UdpCounter } from '../../src/os/udp.ts';

test('counters have names of one form, each once', () => {
  for (const name of COUNTER_NAMES) assert.match(name, /^[a-z][a-z0-9]*(?:_[a-z0-9]+)*$/);
  assert.equal(new Set(COUNTER_NAMES).size, COUNTER_NAMES.length);
});

test('counters of the parts do not overlap, and are read by their names', () => {
  const memory = counterMemory();
  const { pipeline, udp, device, filterDrops, filterPasses } = viewCounters(memory);
  const cases: [Float64Array, number, string][] = [
    [pipeline, PipelineCounter.PacketsFromTuns, 'packets_from_tuns'],
    [pipeline, PipelineCounter.RejectionsToPeers, 'rejections_to_peers'],
    [udp, UdpCounter.Received, 'udp_received'],
    [udp, UdpCounter.SourceLost, 'udp_source_lost'],
    [device, DeviceCounter.ReceivedData, 'device_received_data'],
    [device, DeviceCounter.DropMac1, 'device_drop_mac1'],
    [device, DeviceCounter.EndpointsRoamed, 'device_endpoints_roamed'],
    [filterDrops, DropReason.Truncated, 'filter_drop_truncated'],
    [filterDrops, DropReason.OtherNetwork, 'filter_drop_other_network'],
    [filterPasses, PassRule.Instance, 'filter_pass_instance'],
    [filterPasses, PassRule.DoorRelatedError, 'filter_pass_door_related_error'],
  ];
  for (const [index, [part, counter]] of cases.entries()) part[counter] = index + 1;
  const counters = readCounters(memory);
  for (const [index, [, , name]] of cases.entries()) assert.equal(counters[name], index + 1, name);
  const others = Object.values(counters).filter((value) => value !== 0);
  assert.equal(others.length, cases.length);
});
