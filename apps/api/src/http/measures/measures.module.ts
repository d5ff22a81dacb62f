import { Global, Module } from '@nestjs/common';
import { ApiMeasures } from './api-measures.js';

/** Lets every part of the API count what it does. */
@Global()
@Module({ providers: [ApiMeasures], exports: [ApiMeasures] })
export class MeasuresModule {}
