/** A setting is missing or wrong. The message names the setting and says what it should be. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
}
