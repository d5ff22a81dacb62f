import type { Definitions } from './definition.js';

const API = ['api'] as const;

/** Metrics of API processes. */
export const API_METRICS = {
  culvert_api_requests_total: {
    type: 'counter',
    help: 'Requests answered. `other`: pages, the OAuth server and unknown paths. `4xx` and `5xx`: statuses without a value of their own. `none`: the client left before an answer.',
    programs: API,
    labels: {
      operation: 'ids of operations in OpenAPI, and `other`',
      status: [
        '2xx',
        '3xx',
        '400',
        '401',
        '403',
        '404',
        '409',
        '422',
        '429',
        '4xx',
        '500',
        '503',
        '5xx',
        'none',
      ],
    },
  },
  culvert_api_request_duration_seconds: {
    type: 'histogram',
    help: 'Time from a request until its answer was sent. Event streams do not count.',
    programs: API,
    labels: { operation: 'ids of operations in OpenAPI, and `other`' },
  },
  culvert_api_event_streams: { type: 'gauge', help: 'Open streams of live events.', programs: API },
  culvert_sign_ins_total: {
    type: 'counter',
    help: 'Attempts of people to sign in.',
    programs: API,
    labels: { provider: ['password', 'oidc', 'github'], outcome: ['ok', 'refused', 'throttled', 'failed'] },
  },
  culvert_rate_limit_refusals_total: {
    type: 'counter',
    help: 'Requests to the API that a rate limit refused.',
    programs: API,
    labels: { limit: ['team', 'address'] },
  },
  culvert_sweep_duration_seconds: {
    type: 'histogram',
    help: 'Time of work that is repeated in the background.',
    programs: API,
    labels: {
      sweep: [
        'previews',
        'preview_traffic',
        'old_records',
        'user_sessions',
        'programs',
        'pull_request_comments',
      ],
      outcome: ['ok', 'failed'],
    },
  },
  culvert_pull_request_comments_total: {
    type: 'counter',
    help: 'Comments on pull requests that were written, or that a forge refused.',
    programs: API,
    labels: { forge: ['github', 'gitlab', 'bitbucket', 'gitea'], outcome: ['ok', 'refused', 'failed'] },
  },
  culvert_mails_total: {
    type: 'counter',
    help: 'Mails given to the mail server.',
    programs: API,
    labels: { outcome: ['ok', 'failed'] },
  },
} as const satisfies Definitions;
