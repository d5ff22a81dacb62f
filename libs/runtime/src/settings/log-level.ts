import { z } from 'zod';
import { LOG_LEVELS } from '../log/log.js';

/** LOG_LEVEL, which all programs read. */
export function logLevel() {
  return z.enum(LOG_LEVELS).describe(`one of ${LOG_LEVELS.join(', ')}`);
}
