// What the operator's API says of each of its routes besides the schemas that the routes check:
// one line a route, compared with the routes by test/api/openapi.test.ts.

import { type TSchema, Type } from 'typebox';
import { APP_CREATED, APP_LIST, APP_VIEW } from './apps.ts';
import { DEBUG_VIEW } from './debug.ts';
import { AUDIT_LIST, EVENT_STREAM_CONTENT_TYPE } from './events.ts';
import { EXPLANATION } from './explain.ts';
import { HOST_LIST, HOST_VIEW, REHOMING } from './hosts.ts';
import { INSTANCE_LIST, INSTANCE_SURROUNDINGS, INSTANCE_VIEW } from './instances.ts';
import { INVITE_CREATED, INVITE_LIST } from './invites.ts';
import { MACHINE_LIST, MACHINE_METADATA, MACHINE_VIEW, MACHINE_WAITED } from './machines.ts';
import { NAME_ANSWER } from './names.ts';
import { NETWORK_LIST, NETWORK_VIEW } from './networks.ts';
import { ORGANIZATION_LIST, ORGANIZATION_VIEW } from './organizations.ts';
import { OUTPUT_LINE } from './output.ts';
import { JSON_CONTENT_TYPE, NDJSON_CONTENT_TYPE, PCAPNG_CONTENT_TYPE } from './protocol.ts';
import { SITE_KEY_ROTATED, SITE_VIEW } from './site.ts';
import { STATUS_VIEW } from './status.ts';
import { TOKEN_CREATED, TOKEN_LIST } from './tokens.ts';
import { PING_REPLY } from './visits.ts';
import { WIREGUARD_PEER_LIST, WIREGUARD_PEER_VIEW } from './wireguard.ts';

export interface Operation {
  readonly summary: string;
  /** Of a success. */
  readonly status: number;
  /** Of a success: of the whole body, or of one line or event of a stream; undefined for none. */
  readonly answer: TSchema | undefined;
  readonly contentType: string;
}

/** Facts whose fields are no promise. */
const OBJECT: TSchema = Type.Object({});

/** By method and path, as the routes have them. */
export const OPERATIONS: Readonly<Record<string, Operation>> = {
  'GET /v1/openapi.json': json('This document', 200, OBJECT),
  'GET /v1/organizations': json('List organizations', 200, ORGANIZATION_LIST),
  'POST /v1/organizations': json('Create an organization', 201, ORGANIZATION_VIEW),
  'GET /v1/networks': json('List networks', 200, NETWORK_LIST),
  'POST /v1/networks': json('Create a network', 201, NETWORK_VIEW),
  'GET /v1/networks/:name': json('Show a network', 200, NETWORK_VIEW),
  'DELETE /v1/networks/:name': json('Remove a network without apps', 204),
  'GET /v1/apps': json('List apps', 200, APP_LIST),
  'POST /v1/apps': json('Create an app, and its network if there is none', 201, APP_CREATED),
  'GET /v1/apps/:name': json('Show an app', 200, APP_VIEW),
  'DELETE /v1/apps/:name': json('Remove an app without instances', 202),
  'GET /v1/apps/:app/machines': json('List the machines of an app', 200, MACHINE_LIST),
  'GET /v1/apps/:app/machines/:id': json('Show a machine', 200, MACHINE_VIEW),
  'GET /v1/apps/:app/machines/:id/wait': json(
    'Wait until a machine is in a state; 408 when it does not get there in time',
    200,
    MACHINE_WAITED,
  ),
  'GET /v1/apps/:app/machines/:id/metadata': json(
    'Show the metadata of a machine',
    200,
    MACHINE_METADATA,
  ),
  'POST /v1/apps/:app/machines/:id/metadata/:key': json(
    'Set one key of the metadata of a machine of this host',
    204,
  ),
  'DELETE /v1/apps/:app/machines/:id/metadata/:key': json(
    'Remove one key of the metadata of a machine of this host',
    204,
  ),
  'GET /v1/hosts': json('List hosts', 200, HOST_LIST),
  'GET /v1/hosts/:name': json('Show a host', 200, HOST_VIEW),
  'DELETE /v1/hosts/:name': json('Remove a host from the site', 204),
  'POST /v1/hosts/:name/drain': json('Stop the instances of a host', 200, HOST_VIEW),
  'POST /v1/hosts/:name/rehome': json('Lead a host to servers that have moved', 200, REHOMING),
  'POST /v1/hosts/:name/undrain': json('Take a host back into use', 200, HOST_VIEW),
  'POST /v1/host/rotate-key': json('Change the WireGuard key of this host', 200, OBJECT),
  'POST /v1/host/reset': json('End p6nd and all that it has made on this host', 202),
  'GET /v1/site': json('Show the site', 200, SITE_VIEW),
  'PATCH /v1/site': json('Change the settings of the site', 200, SITE_VIEW),
  'POST /v1/site/rotate': json('Change the key of the site', 200, SITE_KEY_ROTATED),
  'GET /v1/wireguard': json('List WireGuard peers', 200, WIREGUARD_PEER_LIST),
  'POST /v1/wireguard': json('Let a WireGuard peer into a network', 201, WIREGUARD_PEER_VIEW),
  'GET /v1/wireguard/:name': json('Show a WireGuard peer', 200, WIREGUARD_PEER_VIEW),
  'DELETE /v1/wireguard/:name': json('Remove a WireGuard peer', 204),
  'GET /v1/invites': json('List invites', 200, INVITE_LIST),
  'POST /v1/invites': json('Make an invite', 201, INVITE_CREATED),
  'DELETE /v1/invites/:number': json('Revoke an invite', 204),
  'GET /v1/tokens': json('List tokens that have not expired', 200, TOKEN_LIST),
  'POST /v1/tokens': json('Make a token', 201, TOKEN_CREATED),
  'DELETE /v1/tokens/:id': json('Revoke a token, with all that was narrowed from it', 204),
  'GET /v1/registry': json('Show the registry', 200, OBJECT),
  'POST /v1/registry/export': json('Save the registry to a file', 200, OBJECT),
  'POST /v1/registry/import': json('Read the registry from a file', 200, OBJECT),
  'POST /v1/registry/accept': json('Take up a restored registry', 200, OBJECT),
  'GET /v1/instances': json('List instances', 200, INSTANCE_LIST),
  'GET /v1/instances/:reference': json('Show an instance', 200, INSTANCE_VIEW),
  'DELETE /v1/instances/:reference': json('Remove an instance of this host', 204),
  'POST /v1/instances/run': json('Run a command as an instance of this host', 201, INSTANCE_VIEW),
  'POST /v1/instances/run-cluster': json(
    'Run a command as instances of this host that start all or none',
    201,
    INSTANCE_LIST,
  ),
  'POST /v1/instances/attach': json('Attach a network namespace of this host', 201, INSTANCE_VIEW),
  'POST /v1/instances/:reference/start': json('Start an instance', 200, INSTANCE_VIEW),
  'POST /v1/instances/:reference/stop': json('Stop an instance', 200, INSTANCE_VIEW),
  'GET /v1/instances/:reference/surroundings': json(
    'Show what a process needs to be in an instance as its command is',
    200,
    INSTANCE_SURROUNDINGS,
  ),
  'GET /v1/instances/:reference/output': {
    ...json('Read what the command of an instance writes, a line a value', 200, OUTPUT_LINE),
    contentType: NDJSON_CONTENT_TYPE,
  },
  'GET /v1/events': {
    ...json('Follow the changes of the site, as server-sent events', 200, Type.String()),
    contentType: EVENT_STREAM_CONTENT_TYPE,
  },
  'GET /v1/audit': json('Show who has changed what', 200, AUDIT_LIST),
  'GET /metrics': { ...json('Read the metrics', 200, Type.String()), contentType: 'text/plain' },
  'GET /v1/capture': {
    ...json('Capture packets, with the verdicts of the filter', 200, Type.String()),
    contentType: PCAPNG_CONTENT_TYPE,
  },
  'GET /v1/debug': json('Show configuration and recent log of p6nd', 200, DEBUG_VIEW),
  'GET /v1/visits': {
    ...json('Be present in a network for as long as the answer is read', 200, OBJECT),
    contentType: NDJSON_CONTENT_TYPE,
  },
  'POST /v1/ping': json('Send one echo in a network that is visited', 200, PING_REPLY),
  'GET /v1/status': json('Show how this host is', 200, STATUS_VIEW),
  'POST /v1/explain': json('Say which rule a packet would meet', 200, EXPLANATION),
  'GET /v1/names/lookup': json('Answer as the name server would', 200, NAME_ANSWER),
  'GET /v1/names/watch': {
    ...json('Follow the answers for a name, a line a value', 200, OBJECT),
    contentType: NDJSON_CONTENT_TYPE,
  },
};

function json(summary: string, status: number, answer?: TSchema): Operation {
  return { summary, status, answer, contentType: JSON_CONTENT_TYPE };
}
