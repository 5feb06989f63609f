// Owns which requests only look, so that asking twice is like asking once.

/** What a tool does twice is done twice, so `tools/call` is not among them, nor is anything unknown. */
export const READING_METHODS: ReadonlySet<string> = new Set([
  'ping',
  'server/discover',
  'tools/list',
  'prompts/list',
  'prompts/get',
  'resources/list',
  'resources/templates/list',
  'resources/read',
  'completion/complete',
  'tasks/get',
  'tasks/list',
])
