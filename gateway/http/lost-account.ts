/**
 * Whether an error that nobody caught is one that Node throws when its account of a single HTTP connection is wrong. What was sent over that
 * connection is lost; all else is as it was, and whoever brought it about must not end the process.
 */
export function isOfOneConnection(error: unknown): boolean {
  if (!(error instanceof Error) || (error as { code?: unknown }).code !== 'ERR_INTERNAL_ASSERTION') return false
  // Where it was thrown: assert itself, and who called it.
  const frames = error.stack?.match(/^ +at .*$/gm)?.slice(0, 4) ?? []
  return frames.some((frame) => frame.includes('node:_http_server'))
}
