// Checks of the instances of this host, from inside: that the name server answers them, and that
// they ask it.

import { isSiteAddress, NAMESERVER_ADDRESS } from '../../addressing/layout.ts';
import type { InstanceView } from '../../api/contract/instances.ts';
import { type Check, type CheckFinding, good, orGood, problem, warning } from './finding.ts';
import { outputOf } from './programs.ts';
import { readStart } from './read-start.ts';

/** Each costs a process for a moment. */
const ASKED_MAX = 8;
/** AAAA of `_apps.internal`, id 7: any answer is one. */
const QUESTION = '000701000001000000000000055f6170707308696e7465726e616c00001c0001';
/** Run by Node.js inside a network namespace: says `answered` where the name server answers. */
const SCRIPT = `
  const socket = require('node:dgram').createSocket('udp6');
  socket.on('error', () => process.exit(1));
  socket.on('message', () => { console.log('answered'); process.exit(0); });
  const ask = () => socket.send(Buffer.from('${QUESTION}', 'hex'), 53, '${NAMESERVER_ADDRESS}');
  ask();
  setInterval(ask, 400);
  setTimeout(() => process.exit(1), 1500);
`;

export const NAMES: Check = {
  name: 'names',
  examine: async ({ client, status }) => {
    if (status === undefined) return [];
    const instances = await running(client);
    const findings: CheckFinding[] = [];
    for (const { name, here } of instances) {
      const words = [`--net=${here?.namespace}`, '--', process.execPath, '-e', SCRIPT];
      if ((await outputOf('nsenter', ...words))?.includes('answered') === true) continue;
      findings.push(
        problem(`The name server does not answer instance ${name}`, {
          why: 'Its programs find nobody by name.',
          remedy:
            `See what drops the questions: p6nctl capture --instance ${name} -w FILE; look at ` +
            'routes, addresses and firewall inside its namespace.',
        }),
      );
    }
    if (instances.length === 0) return [good('No instance runs that could ask')];
    return orGood(findings, `${NAMESERVER_ADDRESS} answers the instances`);
  },
};

export const RESOLVERS: Check = {
  name: 'resolvers',
  examine: async ({ client, status }) => {
    if (status === undefined) return [];
    const findings: CheckFinding[] = [];
    for (const { name, here } of await running(client)) {
      if (here?.pid === undefined) continue;
      const path = `/proc/${here.pid}/root/etc/resolv.conf`;
      const text = await readStart(path).catch(() => '');
      const first = /^nameserver\s+(\S+)/m.exec(text)?.[1];
      if (first !== undefined && isSiteAddress(first)) continue;
      findings.push(
        warning(`Instance ${name} asks ${first ?? 'no name server'} first`, {
          why: 'Names under .internal are unknown there.',
          remedy: `Put \`nameserver ${NAMESERVER_ADDRESS}\` first in its /etc/resolv.conf.`,
        }),
      );
    }
    return orGood(findings, `Instances that p6nd runs ask ${NAMESERVER_ADDRESS}`);
  },
};

type Client = Parameters<Check['examine']>[0]['client'];

async function running(client: Client): Promise<readonly InstanceView[]> {
  const { instances } = await client.instances.list();
  return instances
    .filter(({ state, here }) => state === 'started' && here?.namespace !== undefined)
    .slice(0, ASKED_MAX);
}
