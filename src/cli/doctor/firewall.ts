// Whether a firewall of this host keeps p6n's own packets from their way: what it drops for
// certain, by iptables or by nftables. What depends on addresses and the like is left out.

import { NAMESERVER_PORT, SERVER_PORT } from '../../addressing/ports.ts';
import { type Check, type CheckFinding, orGood, problem, warning } from './finding.ts';
import { iptablesTables } from './iptables-rules.ts';
import { nftTables } from './nft-rules.ts';
import { ipObjects, outputOf } from './programs.ts';
import { type Drop, dropOf, type Probe, type Table } from './ruleset.ts';

const HOST_DEVICE = 'p6n0';
const INWARDS = ['prerouting', 'input'];
const OUTWARDS = ['output', 'postrouting'];
/** What iptables-save says where it keeps its tables in nftables, and their names there. */
const IN_NFTABLES = '(nf_tables)';
const IPTABLES_TABLE_PATTERN = /^ip6? (?:filter|mangle|raw|security)$/;

type Family = 'ipv4' | 'ipv6';

/** A packet that must pass. */
interface Need {
  readonly what: string;
  readonly why: string;
  readonly isProblem: boolean;
  readonly families: readonly Family[];
  readonly hooks: readonly string[];
  readonly probe: Probe;
  /** The words that let it pass: of iptables before `-j ACCEPT`, of nft before `accept`. */
  readonly iptables: string;
  readonly nft: string;
}

/** What becomes of a port whose datagrams are dropped. */
interface Purpose {
  readonly arriving: Pick<Need, 'why' | 'isProblem'>;
  readonly leaving: Pick<Need, 'why' | 'isProblem'>;
}

const BETWEEN_HOSTS: Purpose = {
  arriving: {
    why: 'Other hosts may not reach this one; those that it calls still answer.',
    isProblem: false,
  },
  leaving: { why: 'This host reaches no other, and answers none.', isProblem: true },
};
/** They call, and this host never does. */
const WITH_PEERS: Purpose = {
  arriving: { why: 'WireGuard peers whose gateway this host is reach nothing.', isProblem: true },
  leaving: { why: 'WireGuard peers whose gateway this host is hear no answer.', isProblem: true },
};

/** One filter program with what it has in force for a family. */
interface Filter {
  readonly program: string;
  readonly tables: readonly Table[];
}

export const FIREWALL: Check = {
  name: 'firewall',
  examine: async ({ listenPort, status }) => {
    const device = await outerDevice();
    const gateway = status?.host.gateway;
    const needs = [
      ...datagrams(BETWEEN_HOSTS, listenPort, device),
      ...(gateway === undefined ? [] : datagrams(WITH_PEERS, gateway.port, device)),
      ...ofHostDevice(status?.host.role),
    ];
    const findings = new Map<string, CheckFinding>();
    for (const family of ['ipv4', 'ipv6'] as const) {
      for (const { program, tables } of await filtersOf(family)) {
        for (const need of needs) {
          if (!need.families.includes(family)) continue;
          const drop = dropOf(tables, need.hooks, { ...need.probe, family });
          if (drop === undefined) continue;
          const finding = findingOf(program, need, drop);
          findings.set(finding.found, finding);
        }
      }
    }
    return orGood([...findings.values()], `No firewall of this host drops what p6n needs`);
  },
};

function findingOf(program: string, need: Need, { table, chain, isPolicy }: Drop): CheckFinding {
  const by = isPolicy ? 'what no rule lets in' : 'it by a rule';
  const found = `${program} drops ${need.what} (chain ${chain} of table ${table} drops ${by})`;
  const words =
    program === 'nft'
      ? `nft insert rule ${table} ${chain} ${need.nft} accept`
      : `${program} -t ${table} -I ${chain} ${need.iptables} -j ACCEPT`;
  const advice = { why: need.why, remedy: `Let it pass: ${words}` };
  return need.isProblem ? problem(found, advice) : warning(found, advice);
}

/** WireGuard's. Packets of instances go by way of p6nd, and meet no firewall of the host. */
function datagrams(
  { arriving, leaving }: Purpose,
  port: number,
  device: string | undefined,
): readonly Need[] {
  const udp = { protocol: 'udp', state: 'new' };
  const families = ['ipv4', 'ipv6'] as const;
  const outer = (subject: string) => (device === undefined ? {} : { [subject]: device });
  return [
    {
      what: `WireGuard's datagrams to UDP port ${port}`,
      ...{ ...arriving, families, hooks: INWARDS },
      probe: { ...udp, 'destination port': port, ...outer('input device') },
      ...{ iptables: `-p udp --dport ${port}`, nft: `udp dport ${port}` },
    },
    {
      what: `WireGuard's datagrams from UDP port ${port}`,
      ...{ ...leaving, families, hooks: OUTWARDS },
      probe: { ...udp, 'source port': port, ...outer('output device') },
      ...{ iptables: `-p udp --sport ${port}`, nft: `udp sport ${port}` },
    },
  ];
}

/** What the host itself takes and says on its own interface; p6nd lets nothing else through. */
function ofHostDevice(role: 'server' | 'agent' | undefined): readonly Need[] {
  const shared = { isProblem: true, families: ['ipv6'] as const };
  const input = {
    ...{ ...shared, hooks: INWARDS },
    ...{ iptables: `-i ${HOST_DEVICE}`, nft: `iifname ${HOST_DEVICE}` },
  };
  const arriving = { 'input device': HOST_DEVICE, state: 'new' };
  const names = {
    what: `questions for names on ${HOST_DEVICE}`,
    why: 'Instances find nobody by name.',
  };
  const needs: Need[] = [
    {
      ...{ ...names, ...input },
      probe: { ...arriving, protocol: 'udp', 'destination port': NAMESERVER_PORT },
    },
    {
      ...{ ...names, ...shared, hooks: OUTWARDS, what: `answers about names on ${HOST_DEVICE}` },
      probe: {
        ...{ 'output device': HOST_DEVICE, state: 'established' },
        ...{ protocol: 'udp', 'source port': NAMESERVER_PORT },
      },
      ...{ iptables: `-o ${HOST_DEVICE}`, nft: `oifname ${HOST_DEVICE}` },
    },
  ];
  if (role === 'server') {
    needs.push({
      what: `hosts that follow this server on ${HOST_DEVICE}`,
      why: 'Other hosts cannot follow the registry, nor change anything.',
      ...input,
      probe: { ...arriving, protocol: 'tcp', 'destination port': SERVER_PORT },
    });
  }
  return needs;
}

/** Programs that are not there have nothing in force. */
async function filtersOf(family: Family): Promise<readonly Filter[]> {
  const filters: Filter[] = [];
  const program = family === 'ipv4' ? 'iptables' : 'ip6tables';
  const saved = await outputOf(`${program}-save`);
  if (saved !== undefined) filters.push({ program, tables: iptablesTables(saved) });
  const listed = await outputOf('nft', '--json', 'list', 'ruleset');
  if (listed !== undefined) {
    const all = nftTables(listed, family);
    const isNew = (table: Table): boolean => !isOfIptables(table);
    const tables = saved?.includes(IN_NFTABLES) === true ? all.filter(isNew) : all;
    filters.push({ program: 'nft', tables });
  }
  return filters;
}

function isOfIptables({ name, chains }: Table): boolean {
  if (!IPTABLES_TABLE_PATTERN.test(name)) return false;
  return [...chains.values()].some((chain) => chain.name === chain.hook?.toUpperCase());
}

/** The interface that packets to others leave by; undefined where nothing says it. */
async function outerDevice(): Promise<string | undefined> {
  for (const family of ['-4', '-6']) {
    const routes = await ipObjects<{ dev?: string }>(family, 'route', 'show', 'default').catch(
      () => [],
    );
    if (routes[0]?.dev !== undefined) return routes[0].dev;
  }
  return undefined;
}
