import * as contract from '@culvert/contract';
import * as domain from '@culvert/domain';
import { describe, expect, it } from 'vitest';

// The contract imports no other lib, so it repeats these.
describe('the contract', () => {
  it('has the closed sets of the domain', () => {
    expect(contract.SCOPES).toEqual(domain.API_KEY_SCOPES);
    expect(contract.ROLES).toEqual(domain.ROLES);
    expect(contract.SESSION_STATES).toEqual(domain.SESSION_STATES);
    expect(contract.DISPOSITIONS).toEqual(domain.DISPOSITIONS);
    expect(contract.PREVIEW_ACCESS).toEqual(domain.PREVIEW_ACCESS);
    expect(contract.CHANGED_RESOURCES).toEqual(domain.CHANGED_RESOURCES);
    expect(contract.CHANGES).toEqual(domain.CHANGES);
    expect(contract.INGRESS_PROTOCOLS).toEqual(domain.INGRESS_PROTOCOLS);
  });
});
