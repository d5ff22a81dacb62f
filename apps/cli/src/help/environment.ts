/** What the help of `culvert` itself says about its environment. The man page has the same. */

interface Rows {
  readonly heading: string;
  readonly rows: readonly { readonly term: string; readonly meaning: string }[];
}

const ENVIRONMENT = [
  ['CULVERT_URL', 'URL of Culvert'],
  ['CULVERT_API_KEY', 'an API key, instead of signing in (AMBASSADOR_CLOUD_APIKEY works too)'],
  ['CULVERT_WORKLOAD_IDENTITY', "id of a workload identity: a CI job signs in with its platform's token"],
  ['CULVERT_ID_TOKEN', 'that token, where the platform puts it into a variable (GitLab id_tokens)'],
  ['CULVERT_ID_TOKEN_FILE', 'file of that token, where the platform renews it'],
  ['CULVERT_WORKLOAD_AUDIENCE', 'audience to ask GitHub for; default: the URL of Culvert'],
  ['CULVERT_CA_FILE', 'file of PEM certificates to trust for Culvert, in addition to the usual ones'],
  ['CULVERT_CLUSTER_URL', "URL of a cluster's traffic manager"],
  ['CULVERT_CLUSTER_SECRET', 'secret for the traffic manager, instead of your sign-in'],
  ['CULVERT_CONFIG_DIR', 'folder of the stored sign-in, instead of the usual one'],
  ['CULVERT_NO_UPDATE_CHECK', 'set it to ask for no newer version of culvert'],
  ['NO_COLOR', 'print no colors'],
] as const;

const EXIT_CODES = [
  ['0', 'done'],
  ['1', 'failed'],
  ['2', 'wrong command line'],
  ['3', 'not signed in'],
  ['4', 'not allowed'],
  ['5', 'not found'],
  ['6', 'conflict or limit'],
  ['7', 'Culvert unreachable'],
  ['8', 'problem on this machine'],
  ['130', 'interrupted'],
] as const;

/** Sections below the commands and examples. */
export const HELP_AFTER: readonly Rows[] = [
  { heading: 'Environment', rows: ENVIRONMENT.map(([term, meaning]) => ({ term, meaning })) },
  { heading: 'Exit codes', rows: EXIT_CODES.map(([term, meaning]) => ({ term, meaning })) },
];
