import { decodeJwt, errors, jwtVerify, type JWTPayload, type JWTVerifyGetKey } from 'jose';
import type { IssuerKeys } from './issuer-keys.js';
import { TokenProblem } from './token-problem.js';

/** Longest token in characters. Those of GitHub have about 2000; those of GitLab grow with a person's groups. */
export const MAX_TOKEN_LENGTH = 12_288;

/** Asymmetric signatures only: with `HS256` the public key would be the secret, and `none` does not sign. */
const ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
];
/** Difference between the clocks of the issuer and this machine that is accepted. */
const CLOCK_TOLERANCE_SECONDS = 30;
/** Longest lifetime of a platform's token: it can be presented again until it expires. */
const MAX_LIFETIME_SECONDS = 24 * 60 * 60;

export interface ExpectedToken {
  readonly issuer: string;
  readonly audience: string;
}

/** The claims of a token whose signature, issuer, audience and times are right. */
export type VerifiedToken = JWTPayload & { readonly sub: string; readonly exp: number; readonly iat: number };

/** Verifies OIDC tokens of platforms that run programs, such as GitHub Actions. */
export class TokenVerifier {
  constructor(
    private readonly keys: IssuerKeys,
    private readonly now: () => number = Date.now,
  ) {}

  /** @throws TokenProblem */
  async verify(token: string, expected: ExpectedToken): Promise<VerifiedToken> {
    this.checkForm(token, expected);
    const verify = (keys: JWTVerifyGetKey) =>
      jwtVerify(token, keys, {
        ...expected,
        algorithms: ALGORITHMS,
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
        requiredClaims: ['exp', 'iat', 'sub'],
        currentDate: new Date(this.now()),
      });
    const { payload } = await verify(await this.keys.find(expected.issuer))
      .catch(async (error: unknown) => {
        const newer =
          error instanceof errors.JWKSNoMatchingKey ? await this.keys.findNewer(expected.issuer) : undefined;
        if (newer === undefined) throw error;
        if (newer === null)
          throw new TokenProblem(
            'issuer',
            'no key of the issuer has the ID that the token names: try again in a minute',
            {
              cause: error,
            },
          );
        return verify(newer);
      })
      .catch((error: unknown) => {
        throw problemOf(error, expected);
      });
    return checkTimes(payload, this.now() / 1000);
  }

  /** Refuses tokens of another issuer before the issuer is asked for its keys. */
  private checkForm(token: string, { issuer }: ExpectedToken): void {
    if (token.length > MAX_TOKEN_LENGTH)
      throw new TokenProblem('token', `the token is longer than ${MAX_TOKEN_LENGTH} characters`);
    let claims: JWTPayload;
    try {
      claims = decodeJwt(token);
    } catch (error) {
      throw new TokenProblem('token', 'the token is not a JSON Web Token', { cause: error });
    }
    if (claims.iss !== issuer)
      throw new TokenProblem(
        'token',
        `the issuer of the token is ${show(claims.iss)}, and the workload identity expects another one`,
      );
  }
}

function checkTimes(payload: JWTPayload, now: number): VerifiedToken {
  const { sub, exp, iat } = payload;
  if (typeof sub !== 'string' || sub === '' || typeof exp !== 'number' || typeof iat !== 'number')
    throw new TokenProblem('token', 'the token has no subject, expiry or time of issue');
  if (iat > now + CLOCK_TOLERANCE_SECONDS) throw new TokenProblem('token', 'the token is from the future');
  if (exp - iat > MAX_LIFETIME_SECONDS)
    throw new TokenProblem('token', 'the token works for more than 24 hours: give it a shorter lifetime');
  return { ...payload, sub, exp, iat };
}

function problemOf(error: unknown, { audience }: ExpectedToken): unknown {
  if (error instanceof TokenProblem || !(error instanceof errors.JOSEError)) return error;
  const problem = (message: string) => new TokenProblem('token', message, { cause: error });
  if (error instanceof errors.JWTExpired) return problem('the token has expired');
  if (error instanceof errors.JWTClaimValidationFailed) {
    if (error.claim === 'aud')
      return problem(`the audience of the token is ${show(error.payload.aud)}, expected ${show(audience)}`);
    if (error.claim === 'nbf') return problem('the token is not valid yet');
    return problem(`the claim ${error.claim} of the token is missing or not valid`);
  }
  if (error instanceof errors.JOSEAlgNotAllowed)
    return problem(`the algorithm of the token is not one of ${ALGORITHMS.join(', ')}`);
  if (error instanceof errors.JWKSNoMatchingKey)
    return problem('the issuer has no key with the ID that the token names');
  if (error instanceof errors.JWKSMultipleMatchingKeys)
    return problem('the token does not say which key of the issuer signed it');
  if (error instanceof errors.JWSSignatureVerificationFailed)
    return problem('the signature of the token is not valid');
  return problem('the token cannot be verified');
}

/** Returns a claim for a message: short, and without characters that change a log. */
function show(value: unknown): string {
  return value === undefined ? 'missing' : JSON.stringify(value).slice(0, 200);
}
