/** The content of `culvert.yaml`. The JSON Schema for editors is generated from it. */
import { checkPreviewName, ClientError, parseTarget } from '@culvert/client';
import { createPreviewRequest } from '@culvert/contract';
import { InvalidArgumentError } from 'commander';
import { z } from 'zod';
import { readExpiry } from '../../flags.js';

const MAX_ENDPOINTS = 50;
const MAX_PATHS = 50;
/** A preview is called by the names of its project and endpoint, with a hyphen between: at most 63 characters. */
export const MAX_NAME = 31;
const MAX_TEXT = 4096;
const PORT_RULE = 'must be a port from 1 to 65535';

/** Turns the refusal of a reader into an issue of the schema. */
function read<T>(reader: (text: string) => T) {
  return (value: string | number, context: z.RefinementCtx<string | number>): T => {
    try {
      return reader(String(value));
    } catch (error) {
      if (!(error instanceof ClientError) && !(error instanceof InvalidArgumentError)) throw error;
      const hint = error instanceof ClientError && error.hint !== undefined ? `. ${error.hint}` : '';
      context.addIssue({ code: 'custom', message: `${error.message.replace(/^value: /, '')}${hint}` });
      return z.NEVER;
    }
  };
}

const targetText = z.union([z.int().min(1, PORT_RULE).max(65_535, PORT_RULE), z.string().max(MAX_TEXT)], {
  error: `${PORT_RULE}, HOST:PORT or a URL`,
});

const target = targetText
  .transform(read((text) => parseTarget(text, 'value')))
  .describe('Where requests go: a port (3000), HOST:PORT, or a URL (https://localhost:5173).');

const command = z
  .union([z.string().min(1).max(MAX_TEXT), z.array(z.string().max(MAX_TEXT)).min(1).max(100)], {
    error: 'must be a command line, or a list of a program and its arguments',
  })
  .describe(
    'A command to start with it: a line for the shell, or a list of a program and its arguments. It ends with `up`.',
  );

const workingDirectory = z
  .string()
  .min(1)
  .max(MAX_TEXT)
  .describe('Folder in which the command runs, relative to the file.');

const env = z
  .record(
    z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'must be the name of a variable'),
    z
      .union([z.string().max(32_768), z.number(), z.boolean()], {
        error: 'must be text, a number, true or false',
      })
      .transform(String),
  )
  .describe('Variables for the command, in addition to those of the environment.');

const insecureTarget = z
  .boolean()
  .describe('Accepts the certificate of an https target even if it is not trusted.');

const onPath = z.strictObject({
  target,
  stripPrefix: z
    .boolean()
    .default(false)
    .describe('Whether the service gets the path without the prefix: /api/users as /users.'),
  insecureTarget: insecureTarget.default(false),
  command: command.optional(),
  workingDirectory: workingDirectory.optional(),
  env: env.optional(),
});

const path = z
  .string()
  .max(1024)
  .regex(
    /^\/(?:[\x21\x22\x24-\x2e\x30-\x3e\x40-\x7e]+(?:\/[\x21\x22\x24-\x2e\x30-\x3e\x40-\x7e]+)*)?$/,
    'must be a path such as /api: it begins with a slash, does not end with one, and has no query',
  );

const paths = z
  .record(
    path,
    z
      .union([targetText, onPath], { error: 'must be a target, or an object with a target' })
      .transform((given, context): z.output<typeof onPath> =>
        typeof given === 'object'
          ? given
          : {
              target: read((text) => parseTarget(text, 'value'))(
                given,
                context as z.RefinementCtx<string | number>,
              ),
              stripPrefix: false,
              insecureTarget: false,
            },
      ),
  )
  .refine((all) => Object.keys(all).length > 0, 'must have at least one path')
  .refine((all) => Object.keys(all).length <= MAX_PATHS, `must have at most ${MAX_PATHS} paths`)
  .describe('Several services behind one URL: the longest path that a request begins with wins.');

const { allowedEmails, allowedDomains, addRequestHeaders, pullRequestUrl } = createPreviewRequest.shape;

const endpoint = z
  .strictObject({
    target: target.optional(),
    paths: paths.optional(),
    access: z
      .enum(['team', 'public'], { error: 'must be team or public' })
      .default('team')
      .describe('Who may open the URL: members of the team, or everyone who knows it.'),
    allowEmails: allowedEmails
      .unwrap()
      .default([])
      .describe('People who may open it without being members, after they sign in.'),
    allowDomains: allowedDomains
      .unwrap()
      .default([])
      .describe('Domains of mail addresses whose people may open it in the same way.'),
    addRequestHeaders: addRequestHeaders
      .unwrap()
      .default({})
      .describe('Headers that every request to the service gets.'),
    hostHeader: z
      .string()
      .max(253)
      .regex(/^[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?$/, 'must be a host name, or preview')
      .optional()
      .describe('Host header for the service: a name, or `preview` for host and port of the URL.'),
    rewriteOrigin: z
      .boolean()
      .optional()
      .describe('Whether requests look as if the URL were opened at the target. Default: on this machine.'),
    expires: z
      .string()
      .max(40)
      .transform((value, context) => {
        const checked = read(readExpiry)(value, context);
        return checked === z.NEVER ? z.NEVER : value;
      })
      .default('never')
      .describe('When the URL expires: 12h, 7d, a time such as 2030-01-31T12:00:00Z, or never.'),
    banner: z.boolean().default(true).describe('Whether pages show the banner.'),
    pullRequest: pullRequestUrl
      .unwrap()
      .default(null)
      .describe('Pull request on which the URL is posted as a comment.'),
    protocol: z
      .enum(['http1', 'h2c', 'h2'], { error: 'must be http1, h2c or h2' })
      .default('http1')
      .describe('Protocol of the service: HTTP/1.1, HTTP/2 without TLS, or HTTP/2 with TLS.'),
    allowUpgrades: z
      .boolean()
      .default(false)
      .describe('Whether requests may switch to protocols other than WebSocket.'),
    insecureTarget: insecureTarget.default(false),
    command: command.optional(),
    workingDirectory: workingDirectory.optional(),
    env: env.optional(),
  })
  .superRefine((given, context) => {
    const refuse = (message: string, ...at: string[]): void =>
      context.addIssue({ code: 'custom', message, path: at });
    if ((given.target === undefined) === (given.paths === undefined))
      refuse('must have either a target or paths');
    if (given.hostHeader === 'preview' && given.rewriteOrigin === true)
      refuse('contradicts hostHeader: preview', 'rewriteOrigin');
    if (given.paths !== undefined) {
      if (given.protocol !== 'http1') refuse('must be http1 with paths', 'protocol');
      if (given.insecureTarget) refuse('belongs to a path whose target is https', 'insecureTarget');
      for (const [prefix, service] of Object.entries(given.paths))
        if (service.insecureTarget && !service.target.isTls)
          refuse('needs an https target', 'paths', prefix, 'insecureTarget');
      return;
    }
    const isTls = given.target?.isTls === true;
    if (given.insecureTarget && !isTls) refuse('needs an https target', 'insecureTarget');
    if (given.protocol === 'h2' && !isTls)
      refuse('h2 needs an https target; without TLS it is h2c', 'protocol');
    if (given.protocol === 'h2c' && isTls)
      refuse('h2c needs a target without TLS; with TLS it is h2', 'protocol');
  });

const name = z
  .string()
  .max(MAX_NAME)
  .transform(read((text) => checkPreviewName(text, 'value')));

/** A whole file. */
export const upFile = z
  .strictObject({
    $schema: z.string().max(MAX_TEXT).optional().describe('Address of this schema, for editors.'),
    name: name.optional().describe('Name of the project in lists. Default: the name of the folder.'),
    url: z.string().max(2048).optional().describe('URL of Culvert. Default: where you are signed in.'),
    apiKey: z
      .string()
      .max(512)
      .optional()
      .describe('API key of Culvert, best as ${CULVERT_KEY}. Default: your sign-in.'),
    inspector: z
      .union([z.boolean(), z.int().min(1, PORT_RULE).max(65_535, PORT_RULE)], {
        error: 'must be true, false or a port',
      })
      .optional()
      .describe('Whether `up` serves a page with the requests, on this machine only; a number is its port.'),
    endpoints: z
      .record(z.string().max(MAX_NAME), endpoint)
      .refine((all) => Object.keys(all).length > 0, 'must have at least one endpoint')
      .refine(
        (all) => Object.keys(all).length <= MAX_ENDPOINTS,
        `must have at most ${MAX_ENDPOINTS} endpoints`,
      )
      .describe('Endpoints by name. Each has a URL of its own.'),
  })
  .superRefine(({ endpoints }, context) => {
    const users = new Map<string, string>();
    for (const [each, { target: own }] of Object.entries(endpoints)) {
      try {
        checkPreviewName(each);
      } catch (error) {
        context.addIssue({
          code: 'custom',
          message: `is not a valid name. ${(error as ClientError).hint}`,
          path: ['endpoints', each],
        });
      }
      if (own === undefined) continue;
      const key = JSON.stringify(own);
      const other = users.get(key);
      if (other !== undefined)
        context.addIssue({
          code: 'custom',
          message: `is the target of ${other} too: one target has one endpoint`,
          path: ['endpoints', each, 'target'],
        });
      users.set(key, each);
    }
  });

/** Names of the fields of a file, of an endpoint and of a path. */
export const FIELDS = {
  file: Object.keys(upFile.shape),
  endpoint: Object.keys(endpoint.shape),
  path: Object.keys(onPath.shape),
} as const;

export type FileContent = z.output<typeof upFile>;
export type EndpointContent = FileContent['endpoints'][string];
export type PathContent = z.output<typeof onPath>;

/** Returns the JSON Schema of a file. */
export function fileSchema(): object {
  return {
    ...z.toJSONSchema(upFile, { io: 'input' }),
    title: 'culvert.yaml',
    description: 'Endpoints that `culvert up` exposes through Culvert.',
  };
}
