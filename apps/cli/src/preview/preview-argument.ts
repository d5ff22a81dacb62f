import { Argument } from 'commander';
import { completed } from '../completion/completers.js';

/** The argument that names a preview, or several. */
export function previewArgument(name = '<preview>'): Argument {
  return completed(new Argument(name, 'URL, hostname, first part of the hostname, or id'), 'preview');
}
