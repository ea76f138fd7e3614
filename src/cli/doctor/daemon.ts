// Checks of p6nd itself: that it runs, that it may, and that nothing takes its place.

import { createSocket } from 'node:dgram';
import { stat } from 'node:fs/promises';
import { formatDuration } from '../duration.ts';
import {
  type Advice,
  type Check,
  type CheckFinding,
  good,
  orGood,
  problem,
  warning,
} from './finding.ts';

const TUN_DEVICE = '/dev/net/tun';
/** Of /dev/net/tun on every Linux: major 10, minor 200. */
const TUN_DEVICE_NUMBER = 0x0a_c8;

export const DAEMON: Check = {
  name: 'p6nd',
  examine: ({ status, silence, now }) => {
    if (status !== undefined) {
      const age = formatDuration(now() - status.started_at);
      return [good(`p6nd ${status.version} runs for ${age}`)];
    }
    const found = silence?.message ?? 'p6nd does not answer';
    return [
      problem(found, {
        why: 'Without p6nd no packet passes and no name is answered on this host.',
        remedy: silence?.hint ?? 'Start p6nd, and look at its log.',
      }),
    ];
  },
};

export const CONFIGURATION: Check = {
  name: 'configuration',
  examine: ({ refusal }) => {
    if (refusal === undefined) return [];
    return [
      problem(refusal.message, {
        why: 'p6nd cannot start; what follows is told of its defaults.',
        remedy: 'Mend the configuration until `p6nd check-config` prints it.',
      }),
    ];
  },
};

export const UDP_PORTS: Check = {
  name: 'UDP port',
  examine: async ({ status, listenPort, gatewayPort }) => {
    const gateway = status?.host.gateway;
    if (gateway?.open === false) return [problem(...withoutGateway(gateway.port))];
    const ports = gatewayPort === undefined ? [listenPort] : [listenPort, gatewayPort];
    const words = ports.join(' and ');
    if (status !== undefined) return [good(`p6nd listens on UDP port ${words}`)];
    const findings: CheckFinding[] = [];
    if (!(await isFree(listenPort))) {
      findings.push(
        problem(taken(listenPort), {
          why: 'p6nd cannot start: WireGuard has no port to listen on.',
          remedy: 'See which it is with `ss -lupn`; stop it, or give p6nd another --listen-port.',
        }),
      );
    }
    if (gatewayPort !== undefined && !(await isFree(gatewayPort))) {
      findings.push(warning(...withoutGateway(gatewayPort)));
    }
    return orGood(findings, `UDP port ${words} is free`);
  },
};

function withoutGateway(port: number): [found: string, advice: Advice] {
  const advice = {
    why: 'WireGuard peers whose gateway this host is, laptops say, reach nothing.',
    remedy: 'See which it is with `ss -lupn`; stop it, or give p6nd another --gateway-port.',
  };
  return [taken(port), advice];
}

function taken(port: number): string {
  return `UDP port ${port} is taken by another program`;
}

export const TUN: Check = {
  name: 'TUN device',
  examine: async () => {
    const device = await stat(TUN_DEVICE).catch(() => undefined);
    if (device?.isCharacterDevice() === true && device.rdev === TUN_DEVICE_NUMBER) {
      return [good(`${TUN_DEVICE} is there`)];
    }
    return [
      problem(`There is no usable ${TUN_DEVICE}`, {
        why: 'The interfaces of instances are TUN devices: none can be made.',
        remedy: 'Load the module (modprobe tun), or give this container the device.',
      }),
    ];
  },
};

export const KERNEL_HELP: Check = {
  name: 'offloads and crypto',
  examine: async ({ client, status }) => {
    if (status === undefined) return [];
    const text = await client.host.metrics();
    const findings: CheckFinding[] = [];
    const off = [...text.matchAll(/^p6n_offload\{offload="([a-z-]+)"\} 0$/gm)].map(
      ([, name]) => name,
    );
    const refused = Number(/^p6n_offloads_refused_total (\d+)$/m.exec(text)?.[1] ?? 0);
    const slower = 'Packets pass one by one where they could pass in runs: at a part of the speed.';
    if (off.length > 0) {
      findings.push({
        ...{ level: 'warning', found: `Offloads are switched off: ${off.join(', ')}`, why: slower },
        remedy: 'Leave --offloads and P6N_OFFLOADS out, where nothing makes them necessary.',
      });
    }
    if (refused > 0) {
      findings.push({
        ...{ level: 'warning', found: `The kernel has refused ${refused} offloads`, why: slower },
        remedy: "p6nd's log says which, where and why; a newer kernel may have them.",
      });
    }
    if (/^p6n_info\{.*crypto="noble"/m.test(text)) {
      findings.push({
        ...{ level: 'warning', found: 'Packets are encrypted by JavaScript alone' },
        why: 'The OpenSSL of this Node.js cannot be used: packets cost far more processor time.',
        remedy:
          'Run p6nd with the Node.js of nodejs.org or of Debian, on a platform that p6n knows.',
      });
    }
    return findings.length > 0 ? findings : [good('All offloads and the fast crypto are in use')];
  },
};

async function isFree(port: number): Promise<boolean> {
  return (await canBind('udp4', port)) && (await canBind('udp6', port));
}

function canBind(type: 'udp4' | 'udp6', port: number): Promise<boolean> {
  const socket = createSocket({ type, ipv6Only: type === 'udp6' });
  return new Promise((resolve) => {
    socket.once('error', (error: NodeJS.ErrnoException) => {
      socket.close();
      resolve(error.code !== 'EADDRINUSE');
    });
    socket.bind(port, () => socket.close(() => resolve(true)));
  });
}
