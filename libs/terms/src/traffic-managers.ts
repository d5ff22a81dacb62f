/**
 * Prefix of the manager id of a workstation, on which `culvert expose` is the traffic manager of local services. Several
 * come and go in a team, so a request that names no traffic manager never defaults to one.
 */
export const WORKSTATION_PREFIX = 'workstation/';
