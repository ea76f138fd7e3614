// Networks: each has an id for ever, drawn at random and never given out again, and a name that is
// unique in its organization without regard to case.

/** A network by its name; the organization is `default` where none is named. */
export interface NetworkReference {
  readonly name: string;
  readonly organization?: string | undefined;
}

export interface NewNetwork extends NetworkReference {
  readonly regionScoped?: boolean | undefined;
}

export interface NetworkFilter {
  readonly organization?: string | undefined;
}
