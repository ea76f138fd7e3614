// Apps, in the shapes of the Machines API, so that programs made for it need no change: a create
// takes `app_name` or `name`, empty texts stand for the default, and a list counts itself.

import { Type } from 'typebox';
import { type Contract, contract, strictObject, TEXT_LENGTH_MAX } from './schema.ts';

/** Exactly one of `app_name` and `name` names the app; empty texts count as absent. */
export interface CreateApp {
  readonly app_name?: string;
  readonly name?: string;
  readonly org_slug?: string;
  /** The network's name in the organization; made when it does not exist. */
  readonly network?: string;
  readonly app_role_id?: string;
  readonly enable_subdomains?: boolean;
}

export interface AppCreated {
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly created_at: number;
}

export interface AppSummary {
  readonly id: string;
  readonly name: string;
  readonly machine_count: number;
  readonly volume_count: number;
  readonly network: string;
  readonly organization: { readonly name: string; readonly slug: string };
}

export interface AppList {
  readonly total_apps: number;
  readonly apps: readonly AppSummary[];
}

/** `deployed` once the app has an instance. */
export type AppStatus = 'pending' | 'deployed' | 'suspended';

export interface AppView extends AppSummary {
  readonly status: AppStatus;
  /** Milliseconds since 1970. */
  readonly created_at: number;
}

export interface AppFilter {
  readonly org_slug?: string;
  /** Taken because clients send it; apps have no roles. */
  readonly app_role?: string;
}

export interface RemoveApp {
  /** `true`, or `1` as elsewhere, to let the instances go along. */
  readonly force?: '1' | 'true' | 'false';
}

const summary = {
  id: Type.String(),
  name: Type.String(),
  machine_count: Type.Integer(),
  volume_count: Type.Integer(),
  network: Type.String(),
  organization: strictObject({ name: Type.String(), slug: Type.String() }),
};

const text = Type.String({ maxLength: TEXT_LENGTH_MAX });

export const CREATE_APP: Contract<CreateApp> = contract<CreateApp>()(
  strictObject({
    app_name: Type.Optional(text),
    name: Type.Optional(text),
    org_slug: Type.Optional(text),
    network: Type.Optional(text),
    app_role_id: Type.Optional(text),
    enable_subdomains: Type.Optional(Type.Boolean()),
  }),
);

export const APP_CREATED: Contract<AppCreated> = contract<AppCreated>()(
  strictObject({ id: Type.String(), created_at: Type.Number() }),
);

export const APP_LIST: Contract<AppList> = contract<AppList>()(
  strictObject({ total_apps: Type.Integer(), apps: Type.Array(strictObject(summary)) }),
);

export const APP_VIEW: Contract<AppView> = contract<AppView>()(
  strictObject({
    ...summary,
    status: Type.Union([
      Type.Literal('pending'),
      Type.Literal('deployed'),
      Type.Literal('suspended'),
    ]),
    created_at: Type.Number(),
  }),
);

export const APP_FILTER: Contract<AppFilter> = contract<AppFilter>()(
  strictObject({ org_slug: Type.Optional(text), app_role: Type.Optional(text) }),
);

export const REMOVE_APP: Contract<RemoveApp> = contract<RemoveApp>()(
  strictObject({
    force: Type.Optional(
      Type.Union([Type.Literal('1'), Type.Literal('true'), Type.Literal('false')]),
    ),
  }),
);
