import { afterAll } from 'vitest';
import { killPrograms } from './process.js';

// For every file of the system project.
afterAll(killPrograms);
