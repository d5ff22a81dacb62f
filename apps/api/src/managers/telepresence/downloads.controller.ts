import { join } from 'node:path';
import { Controller, Get, Inject, Param, Res } from '@nestjs/common';
import { ProblemError } from '@culvert/contract';
import { Public, SETTINGS } from '@culvert/nest';
import type { Settings } from '@culvert/runtime';
import type { Response } from 'express';
import { standInDaemon } from './stand-in-daemon.js';

const SYSTEMS = ['linux', 'darwin', 'windows'];
const ARCHITECTURE = /^[a-z0-9]{1,16}$/;
const VERSION = /^\d{1,4}\.\d{1,4}\.\d{1,4}(-[0-9A-Za-z.-]{1,32})?$/;

/** Files that Telepresence fetches from the cloud's host, without credentials. */
@Public()
@Controller('download')
export class DownloadsController {
  constructor(@Inject(SETTINGS) private readonly settings: Settings) {}

  @Get('tel2/:system/:architecture/stable.txt')
  stableVersion(@Res() response: Response): void {
    response.type('text/plain').send(this.settings.telepresence.stableVersion);
  }

  /** The enhanced user daemon: the operator's, or else a stand-in on systems where a script can be a program. */
  @Get('tel-pro/:system/:architecture/:version/latest/:file')
  enhancedDaemon(
    @Param('system') system: string,
    @Param('architecture') architecture: string,
    @Param('version') version: string,
    @Param('file') file: string,
    @Res() response: Response,
  ): Promise<void> {
    const name = system === 'windows' ? 'telepresence-pro.exe' : 'telepresence-pro';
    const isBuild = SYSTEMS.includes(system) && ARCHITECTURE.test(architecture) && VERSION.test(version);
    if (!isBuild || file !== name)
      throw new ProblemError('not_found', { detail: 'this program does not exist here' });
    const standIn = system === 'windows' ? null : standInDaemon(version);
    const directory = this.settings.telepresence.enhancedDaemonDir;
    if (directory === undefined) return sendStandIn(response, standIn);
    // Every part was matched against a pattern above, so the path stays within the directory.
    const path = join(system, architecture, version, name);
    return sendFile(response, path, directory).then((isSent) =>
      isSent ? undefined : sendStandIn(response, standIn),
    );
  }
}

async function sendStandIn(response: Response, standIn: string | null): Promise<void> {
  if (standIn === null) {
    const detail =
      'set daemons.userDaemonBinary in the config.yml of Telepresence, as docs/telepresence.md says';
    throw new ProblemError('not_found', { detail });
  }
  response.type('application/octet-stream').send(Buffer.from(standIn));
}

/** Sends a file. Returns false, with nothing sent, if it does not exist. */
function sendFile(response: Response, path: string, root: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const options = { root, cacheControl: false, acceptRanges: false, lastModified: false };
    response.type('application/octet-stream').sendFile(path, options, (error?: NodeJS.ErrnoException) => {
      if (error === undefined || error === null || response.headersSent) resolve(true);
      else if ('status' in error && error.status === 404) resolve(false);
      else reject(error);
    });
  });
}
