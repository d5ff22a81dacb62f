export type Tool = 'helm' | 'etcd' | 'kubectl' | 'kube-apiserver';
export declare const TOOLS: readonly Tool[];
export declare function findGo(): string | null;
export declare function pathOfTool(tool: Tool): string;
export declare function findTool(tool: Tool): string | null;
export declare function ensureTool(tool: Tool, go: string): Promise<string>;
export declare function customResources(go: string): string[];
