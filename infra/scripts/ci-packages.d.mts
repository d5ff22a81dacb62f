export function makeGithubAction(folder: string): Promise<void>;
