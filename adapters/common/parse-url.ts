/**
 * An absolute address, or undefined for what is none. Not by `URL.canParse`: in Node 20, once it is compiled, it says yes to some texts
 * of strangers at which `new URL` then throws (found by a million mutated requests).
 */
export function parseUrl(text: string): URL | undefined {
  try {
    return new URL(text)
  } catch {
    return undefined
  }
}
