import { SetMetadata } from '@nestjs/common';

/** Metadata key of `@Public()`, for guards. */
export const IS_PUBLIC = 'culvert:public';

/** Lets a controller or route answer without credentials. Guards deny everything else by default. */
export const Public = (): ClassDecorator & MethodDecorator => SetMetadata(IS_PUBLIC, true);
