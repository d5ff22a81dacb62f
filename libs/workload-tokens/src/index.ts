export { IssuerKeys, type IssuerKeysOptions } from './issuer-keys.js';
export { TokenProblem } from './token-problem.js';
export { MAX_TOKEN_LENGTH, TokenVerifier, type ExpectedToken, type VerifiedToken } from './token-verifier.js';
