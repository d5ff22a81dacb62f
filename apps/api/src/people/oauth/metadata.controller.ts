import { Controller, Get, Inject } from '@nestjs/common';
import { Public, SETTINGS } from '@culvert/nest';
import { appUrl, type Settings } from '@culvert/runtime';
import { DEVICE_CODE_GRANT, TOKEN_EXCHANGE_GRANT } from './token-request.js';

/** Metadata of the OAuth server (RFC 8414), for programs that find its endpoints by it. */
@Controller()
export class MetadataController {
  private readonly metadata: Readonly<Record<string, string | readonly string[]>>;

  constructor(@Inject(SETTINGS) settings: Settings) {
    const issuer = appUrl(settings);
    this.metadata = {
      issuer,
      authorization_endpoint: `${issuer}/auth`,
      token_endpoint: `${issuer}/token`,
      revocation_endpoint: `${issuer}/revoke`,
      device_authorization_endpoint: `${issuer}/device_authorization`,
      response_types_supported: ['code'],
      grant_types_supported: ['authorization_code', 'refresh_token', DEVICE_CODE_GRANT, TOKEN_EXCHANGE_GRANT],
      code_challenge_methods_supported: ['S256'],
      token_endpoint_auth_methods_supported: ['none'],
      revocation_endpoint_auth_methods_supported: ['none'],
    };
  }

  @Get('.well-known/oauth-authorization-server')
  @Public()
  show(): Readonly<Record<string, string | readonly string[]>> {
    return this.metadata;
  }
}
