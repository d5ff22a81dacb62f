import { Body, Controller, HttpCode, Post, Req, Res } from '@nestjs/common';
import { Public } from '@culvert/nest';
import type { Request, Response } from 'express';
import { IgnoresCookies } from '../../http/auth/require-scope.js';
import { clientAddress } from '../../http/client-address.js';
import { CountedByAddress } from '../../http/rate-limits/address-rate.guard.js';
import {
  DeviceAuthorizationService,
  type DeviceAuthorizationResponse,
} from './device-authorization.service.js';
import { formOf, sayErrors, type OAuthErrorBody } from './oauth-errors.js';
import { readDeviceAuthorizationRequest } from './token-request.js';

/** The device authorization endpoint of RFC 8628. */
@Public()
@IgnoresCookies(true)
@CountedByAddress('device-authorization')
@Controller()
export class DeviceAuthorizationController {
  constructor(private readonly devices: DeviceAuthorizationService) {}

  @Post('device_authorization')
  @HttpCode(200)
  async begin(
    @Req() request: Request,
    @Body() body: unknown,
    @Res({ passthrough: true }) response: Response,
  ): Promise<DeviceAuthorizationResponse | OAuthErrorBody> {
    response.setHeader('Pragma', 'no-cache');
    return sayErrors(response, async () =>
      this.devices.begin(
        readDeviceAuthorizationRequest(request.headers, formOf(body)),
        clientAddress(request),
      ),
    );
  }
}
