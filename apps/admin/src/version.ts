/** The version of this program, from package.json. */
export const VERSION = '0.1.0';
