import { pageQuery } from './page.js';
import {
  createWorkloadIdentityRequest,
  testWorkloadIdentityRequest,
  updateWorkloadIdentityRequest,
  workloadIdentityPage,
  workloadIdentityResource,
  workloadIdentityTestResource,
} from './workload-identities.js';

const TAG = 'Workload identities';

/** The operations for workload identities, as `OPERATIONS` lists them. */
export const WORKLOAD_IDENTITY_OPERATIONS = [
  {
    id: 'createWorkloadIdentity',
    tag: TAG,
    summary: 'Let programs of a platform sign in without a stored key',
    description:
      'A program exchanges the OIDC token of its platform for a short-lived token of Culvert at `/token` ' +
      '(RFC 8693), and names the workload identity in the parameter `workload_identity`.',
    access: 'team:write',
    body: {
      schema: createWorkloadIdentityRequest,
      example: {
        name: 'Previews of the shop',
        platform: 'github',
        conditions: [{ claim: 'repository', values: ['acme/shop'] }],
      },
    },
    status: 201,
    response: workloadIdentityResource,
    errors: ['team_limit_reached'],
  },
  {
    id: 'listWorkloadIdentities',
    tag: TAG,
    summary: 'List workload identities',
    access: 'team:read',
    query: pageQuery,
    status: 200,
    response: workloadIdentityPage,
  },
  {
    id: 'getWorkloadIdentity',
    tag: TAG,
    summary: 'Show a workload identity',
    access: 'team:read',
    status: 200,
    response: workloadIdentityResource,
  },
  {
    id: 'updateWorkloadIdentity',
    tag: TAG,
    summary: 'Change a workload identity',
    description: 'A change of anything but the name ends its tokens. Programs sign in again by themselves.',
    access: 'team:write',
    body: {
      schema: updateWorkloadIdentityRequest,
      example: { conditions: [{ claim: 'repository', values: ['acme/shop', 'acme/checkout'] }] },
    },
    status: 200,
    response: workloadIdentityResource,
  },
  {
    id: 'deleteWorkloadIdentity',
    tag: TAG,
    summary: 'Delete a workload identity',
    description: 'Ends its tokens at once; tunnels opened with them close. Previews stay.',
    access: 'team:write',
    status: 204,
  },
  {
    id: 'testWorkloadIdentity',
    tag: TAG,
    summary: 'Check whether a token of the platform is accepted',
    description: 'Issues no token, and records nothing.',
    access: 'team:write',
    body: {
      schema: testWorkloadIdentityRequest,
      example: { token: 'eyJhbGciOiJSUzI1NiIsImtpZCI6ImEifQ.e30.c2ln' },
    },
    status: 200,
    response: workloadIdentityTestResource,
  },
] as const;
