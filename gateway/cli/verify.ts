/** `labgate verify RUN`: is the folder of a run what it was when it was made? */
import { Unverifiable, verifyRun } from '../runs/manifest.js'

export interface Verdict {
  /** 0: it is; 1: it is not; 2: nobody can tell. */
  readonly code: 0 | 1 | 2
  readonly text: string
}

export async function verify(folder: string): Promise<Verdict> {
  try {
    const { ok, files, bytes, wrong } = await verifyRun(folder)
    if (ok) return { code: 0, text: `${folder} is as it was made: ${files} files, ${bytes} bytes` }
    return { code: 1, text: `${folder} has changed: ${wrong?.name}: ${wrong?.why}` }
  } catch (error) {
    const reason = error instanceof Unverifiable ? error.message : `${folder} cannot be read: ${(error as Error).message}`
    return { code: 2, text: `cannot verify: ${reason}` }
  }
}
