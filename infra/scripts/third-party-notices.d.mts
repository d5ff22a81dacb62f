export declare function noticesOf(modules: readonly string[], name: string): string;
