/** Culvert takes no uploaded files: nothing may ask for this. */
export function fileTypeFromBuffer() {
  throw new Error('file-type is not installed');
}
