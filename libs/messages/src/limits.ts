/** Maximum number of bytes of one message that are shown. */
export const MAX_CONTENT_BYTES = 16_384;
/** Maximum number of compressed bytes of one message that are decompressed. */
export const MAX_COMPRESSED_BYTES = 262_144;
/** Maximum number of bytes that one compressed message may expand to. */
export const MAX_INFLATED_BYTES = 1_048_576;
/** Maximum number of messages of one exchange that are kept, the newest ones, and of characters of their JSON. */
export const MAX_KEPT_MESSAGES = 200;
export const MAX_KEPT_LENGTH = 131_072;
