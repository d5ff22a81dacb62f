/** Culvert accepts no file uploads, so nothing must call this. */
export function fileTypeFromBuffer() {
  throw new Error('file-type is not installed');
}
