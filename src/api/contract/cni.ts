// What p6nctl writes into the configurations of container engines and the CNI plugin reads there.

/** Of the specification, oldest first. */
export const CNI_VERSIONS = ['0.4.0', '1.0.0', '1.1.0'] as const;
/** Section "Network configuration format" of the specification. */
export const CNI_NETWORK_NAME_PATTERN: RegExp = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/;
