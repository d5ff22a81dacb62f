/** Culvert accepts no file uploads, so nothing must call this. */
// oxlint-disable-next-line import/no-default-export -- the only form in which @nestjs/platform-express imports it
export default function multer() {
  throw new Error('multer is not installed');
}
