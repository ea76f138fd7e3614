// How an instance says that it is a member of a cluster: in metadata that p6n alone sets, so that
// they reach every host with the instance.

/** Which cluster of its app; ids of clusters made later are later in order. */
export const CLUSTER_KEY = 'p6n_cluster';
/** Counted from 0. */
export const CLUSTER_RANK_KEY = 'p6n_cluster_rank';
export const CLUSTER_SIZE_KEY = 'p6n_cluster_size';
/** Metadata that begin so are p6n's. */
export const OWN_METADATA_PREFIX = 'p6n_';
export const CLUSTER_SIZE_MAX = 256;

/** 16 hexadecimal digits: 12 of the time, 4 of chance. */
const ID_PATTERN = /^[0-9a-f]{16}$/;
const NUMBER_PATTERN = /^(?:0|[1-9][0-9]{0,2})$/;
const TIME_DIGITS = 12;
const CHANCE_DIGITS = 4;

export interface ClusterMember {
  readonly cluster: string;
  readonly rank: number;
  readonly size: number;
}

/** `chance` is from 0 to 0xffff. */
export function makeClusterId(wallMs: number, chance: number): string {
  const time = Math.floor(wallMs).toString(16).padStart(TIME_DIGITS, '0');
  return `${time}${chance.toString(16).padStart(CHANCE_DIGITS, '0')}`;
}

export function clusterMetadata(member: ClusterMember): Readonly<Record<string, string>> {
  return {
    [CLUSTER_KEY]: member.cluster,
    [CLUSTER_RANK_KEY]: String(member.rank),
    [CLUSTER_SIZE_KEY]: String(member.size),
  };
}

/** What metadata say of a cluster, or undefined where that is nothing or no sense. */
export function clusterMember(
  metadata: Readonly<Record<string, string>>,
): ClusterMember | undefined {
  const cluster = metadata[CLUSTER_KEY];
  const [rank, size] = [number(metadata[CLUSTER_RANK_KEY]), number(metadata[CLUSTER_SIZE_KEY])];
  if (cluster === undefined || !ID_PATTERN.test(cluster)) return undefined;
  if (rank === undefined || size === undefined) return undefined;
  return rank < size && size <= CLUSTER_SIZE_MAX ? { cluster, rank, size } : undefined;
}

function number(text: string | undefined): number | undefined {
  return text !== undefined && NUMBER_PATTERN.test(text) ? Number(text) : undefined;
}
