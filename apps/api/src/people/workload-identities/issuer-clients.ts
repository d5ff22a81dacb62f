import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { PLATFORM_ISSUERS } from '@culvert/domain';
import { HttpClient } from '@culvert/outbound';
import { IssuerKeys, TokenVerifier } from '@culvert/workload-tokens';

/** Programs wait for their sign-in meanwhile. */
const LIMITS = { connectTimeoutMs: 5000, timeoutMs: 10_000, maxResponseBytes: 256 * 1024 };

/** The HTTP clients for issuers of workload identities: teams choose their URLs, so private addresses are refused. */
@Injectable()
export class IssuerClients implements OnApplicationShutdown {
  private readonly publicHttp = new HttpClient({ ...LIMITS, allowPrivateAddresses: false });
  private readonly internalHttp = new HttpClient({ ...LIMITS, allowPrivateAddresses: true });

  /** @param internalIssuers issuers that the operator allows to have private addresses */
  createVerifier(internalIssuers: readonly string[]): TokenVerifier {
    const { publicHttp, internalHttp } = this;
    const sharedIssuers = Object.values(PLATFORM_ISSUERS);
    return new TokenVerifier(new IssuerKeys({ publicHttp, internalHttp, internalIssuers, sharedIssuers }));
  }

  onApplicationShutdown(): void {
    this.publicHttp.close();
    this.internalHttp.close();
  }
}
