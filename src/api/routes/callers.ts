// The sets of callers that routes are for.

import type { Principal } from '../../registry/authority.ts';

type Callers = readonly Principal['kind'][];

export const OPERATOR: Callers = ['operator'];
/** What programs elsewhere may do too, as far as their tokens go. */
export const OPERATOR_OR_TOKEN: Callers = ['operator', 'token'];
/** Who may make and remove networks and apps. */
export const WRITERS: Callers = ['operator', 'host-operator', 'token'];
/** Who may see the site. */
export const READERS: Callers = ['operator', 'host-operator', 'host', 'token'];
/** What a host does for itself. */
export const HOST: Callers = ['host'];
export const INVITE: Callers = ['invite'];
