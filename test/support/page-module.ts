import { build } from 'esbuild'

/** A module of the dashboard that needs no browser, as the page runs it. */
export async function importPage<T>(path: string): Promise<T> {
  const { outputFiles } = await build({
    entryPoints: [`gateway/dashboard/${path}`],
    bundle: true,
    write: false,
    format: 'esm',
    target: 'es2022'
  })
  const code = Buffer.from(outputFiles[0]?.contents ?? []).toString('base64')
  return (await import(`data:text/javascript;base64,${code}`)) as T
}
