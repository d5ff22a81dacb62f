import type { problemResource } from '@culvert/contract';
import type { z } from 'zod';
import type { Read } from './types.js';

/** An error of the API as its server reports it. The code of a newer server may be unknown here. */
export type Problem = Read<z.output<typeof problemResource>>;

/** Why a call failed. `call` is `METHOD /path`, without the query. */
export type ApiFailure =
  /** No response, or not all of it: the connection, the time limit or the size limit. `cause` says which. */
  | { readonly kind: 'no-response'; readonly call: string; readonly cause: unknown }
  /** Culvert refused the call. */
  | {
      readonly kind: 'problem';
      readonly call: string;
      readonly status: number;
      readonly problem: Problem;
      /** Seconds to wait, when the server sends them. */
      readonly retryAfterSeconds: number | null;
    }
  /** The response breaks the contract: another server answered, or a version of Culvert that is too new or too old. */
  | {
      readonly kind: 'not-culvert';
      readonly call: string;
      readonly status: number;
      /** Where a redirect leads. Redirects are never followed, because the request carries a credential. */
      readonly location: string | null;
      readonly cause: unknown;
    };
